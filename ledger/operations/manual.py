"""Manual entries: written down by one person, posted when another approves.

They move the house's own accounts; what is a client's moves by the operations that are made for it.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import changes, errors, ids, models, money
from ledger import chart, queries
from ledger.models import Book, Entry
from ledger.operations import books
from ledger.operations.books import NewEntry, Wanted

KIND = "ledger.manual_entry"


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of a manual entry: a house account by its place in the chart, debit positive."""

    line: str
    asset: str
    amount: Decimal


def propose_entry(
    *, book_id: UUID, lines: Sequence[Line], reason: str, at: datetime
) -> models.Proposal:
    """Ask a second person to post an entry.

    Raises: BOOK_UNKNOWN; ENTRY_EMPTY; LINE_UNKNOWN; CLIENTS_LINE; ASSET_UNKNOWN;
    LINE_NOT_FOR_ASSET; ACCOUNT_TWICE; AMOUNT_INVALID; ENTRY_UNBALANCED; ALREADY_PROPOSED.
    """
    book = queries.book_by_id(book_id)
    _check(lines)
    return changes.propose(
        kind=KIND,
        # One of a book waits at a time: whoever approves sees all that it will change.
        subject=changes.subject_of(book),
        payload={"lines": [[each.line, each.asset, f"{each.amount:f}"] for each in lines]},
        reason=reason,
        at=at,
    )


@changes.decides(KIND, scope="ledger:write")
def post_proposed(proposal: models.Proposal, at: datetime) -> dict[str, Any]:
    """Post a manual entry that was approved. Raises: as `post_entries`."""
    book_id = UUID(proposal.subject.partition(":")[2])
    lines = [Line(line, asset, Decimal(text)) for line, asset, text in proposal.payload["lines"]]
    accounts = books.open_accounts(
        book_id=book_id, accounts=[Wanted(each.line, each.asset) for each in lines], at=at
    )
    entry = NewEntry(
        "manual",
        at,
        [(account, each.amount) for account, each in zip(accounts, lines, strict=True)],
        reason=proposal.reason,
        ref=ids.show(models.Proposal.id_prefix, proposal.pk),
    )
    books.post_entry(book_id=book_id, entry=entry)
    shown = {"book": ids.show(Book.id_prefix, book_id)}
    return {**shown, "entry": ids.show(Entry.id_prefix, entry.id)}


def _check(lines: Sequence[Line]) -> None:
    if not lines:
        raise errors.Refused("ENTRY_EMPTY")
    seen = set()
    sums: dict[str, Decimal] = defaultdict(Decimal)
    assets = queries.assets()
    for each in lines:
        named = chart.LINES.get(each.line)
        if named is None:
            raise errors.Refused("LINE_UNKNOWN", {"line": each.line})
        if named.control is chart.Control.CLIENT:
            raise errors.Refused("CLIENTS_LINE", {"line": each.line})
        if named.currency not in (None, queries.is_currency(each.asset)):
            facts = {"line": each.line, "asset": each.asset}
            raise errors.Refused("LINE_NOT_FOR_ASSET", facts)
        if (each.line, each.asset) in seen:
            raise errors.Refused("ACCOUNT_TWICE", {"line": each.line, "asset": each.asset})
        seen.add((each.line, each.asset))
        if not each.amount or not money.fits(each.amount, assets[each.asset].scale):
            raise errors.Refused("AMOUNT_INVALID", {"line": each.line, "amount": each.amount})
        sums[each.asset] += each.amount
    for asset, left in sums.items():
        if left:
            raise errors.Refused("ENTRY_UNBALANCED", {"asset": asset, "difference": left})
