"""Every write of the books. The database's functions do the work; here is their door.

Lock order, in all of them: the book's day, clients' balances by id, house balances by id.
All run inside the caller's `tenancy.acting` transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction

from common import errors, ids, outbox, statements, tenancy
from ledger import chart, queries, states
from ledger.models import Account, Book, Cut, DayClose, Entry, Hold


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """An account to be there: a line of the chart, an asset, an owner on clients' lines."""

    line: str
    asset: str
    owner: str = ""
    shard: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be posted. `lines`: account id and signed amount, debit positive."""

    kind: str
    at: datetime
    lines: Sequence[tuple[UUID, Decimal]]
    reason: str = ""
    ref: str = ""
    value_date: date | None = None
    reverses: UUID | None = None
    id: UUID = dataclasses.field(default_factory=ids.new)


def open_book(*, code: str, open_date: date, at: datetime) -> UUID:
    """Open a book whose first business day is `open_date`; return its id.

    Raises: BOOK_EXISTS.
    """
    book_id = ids.new()
    _call("SELECT ledger_open_book(%s, %s, %s, %s)", [book_id, code, open_date, at])
    return book_id


def open_accounts(*, book_id: UUID, accounts: Sequence[Wanted], at: datetime) -> list[UUID]:
    """Return the accounts' ids in the order asked for, opening those that are not there yet.

    Raises: LINE_UNKNOWN; ASSET_UNKNOWN; LINE_NOT_FOR_ASSET; OWNER_REQUIRED; OWNER_NOT_ALLOWED;
    BOOK_UNKNOWN.
    """
    for wanted in accounts:
        _check_wanted(wanted)
    lines = [chart.LINES[wanted.line] for wanted in accounts]
    rows = _call(
        "SELECT ledger_open_accounts(%s, %s, %s, %s, %s, %s, %s::smallint[], %s, %s::smallint[])",
        [
            book_id,
            at,
            [ids.new() for _ in accounts],
            [wanted.line for wanted in accounts],
            [wanted.asset for wanted in accounts],
            [wanted.owner for wanted in accounts],
            [wanted.shard for wanted in accounts],
            [line.control.value for line in lines],
            [int(line.side) for line in lines],
        ],
    )
    return [row[0] for row in rows]


def post_entry(
    *, book_id: UUID, entry: NewEntry, holds: Sequence[UUID] = (), ends: bool = False
) -> date:
    """Post one entry inside the caller's transaction, spending `holds`; return its business day.

    `ends`: and commit, as the last thing that the transaction does (`tenancy.at_the_end`).

    Raises: as `post_entries`.
    """
    acting = tenancy.current()
    rows = _call(
        "SELECT ledger_post_entry(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::uuid[])",
        [
            book_id,
            acting.actor.label,
            acting.request_id,
            entry.id,
            entry.kind,
            entry.at,
            entry.value_date,
            entry.reason,
            entry.ref,
            entry.reverses,
            [account_id for account_id, _ in entry.lines],
            [amount for _, amount in entry.lines],
            list(holds),
        ],
        statements.last if ends else statements.rows,
    )
    booked: date = rows[0][0]
    return booked


def post_entries(
    *,
    book_id: UUID,
    entries: Sequence[NewEntry],
    holds: Sequence[UUID] = (),
    ends: bool = False,
) -> date:
    """Post entries, all or none, inside the caller's transaction; return their business day.

    Each line is judged on the balance that the lines before it leave. `holds` are spent first: all
    that they reserve is free for the lines, and what the lines leave of it stays free. `ends`: as
    `post_entry`.

    Raises: BOOK_UNKNOWN; ENTRY_EMPTY; HOLD_NOT_PENDING; HOLD_EXPIRED; then for the first line that
    breaks a rule ACCOUNT_TWICE (in one entry), ACCOUNT_UNKNOWN, AMOUNT_INVALID (zero, more decimals
    than the asset has, or 10^20 and more), INSUFFICIENT_FUNDS (a client's account) or
    INVENTORY_SHORT (a house account); then ALREADY_REVERSED; ENTRY_UNBALANCED; REVERSAL_NOT_MIRROR.
    """
    acting = tenancy.current()
    places = [place for place, entry in enumerate(entries, 1) for _ in entry.lines]
    lines = [line for entry in entries for line in entry.lines]
    rows = _call(
        "SELECT ledger_post_entries(%s, %s, %s, %s, %s, %s::timestamptz[], %s::date[], %s, %s,"
        " %s::uuid[], %s::integer[], %s, %s, %s::uuid[])",
        [
            book_id,
            acting.actor.label,
            acting.request_id,
            [entry.id for entry in entries],
            [entry.kind for entry in entries],
            [entry.at for entry in entries],
            [entry.value_date for entry in entries],
            [entry.reason for entry in entries],
            [entry.ref for entry in entries],
            [entry.reverses for entry in entries],
            places,
            [account_id for account_id, _ in lines],
            [amount for _, amount in lines],
            list(holds),
        ],
        statements.last if ends else statements.rows,
    )
    booked: date = rows[0][0]
    return booked


def lock_balances(*, book_id: UUID, accounts: Collection[UUID]) -> None:
    """Lock balances that the caller will post to: what is read of them from now on stays true.

    For who lost a race; others read, post, and are judged at the posting.

    Raises: BOOK_UNKNOWN; ACCOUNT_UNKNOWN if one is not there, or is kept without a balance.
    """
    _call("SELECT ledger_lock_balances(%s, %s)", [book_id, list(accounts)])


def reverse_entry(
    *, entry_id: UUID, at: datetime, reason: str, value_date: date | None = None
) -> NewEntry:
    """Post the opposite of an entry into the open day, valued at the original's day.

    Raises: ENTRY_UNKNOWN; REVERSAL_OF_REVERSAL; ALREADY_REVERSED; as `post_entries`.
    """
    original = queries.entry_by_id(entry_id)
    if original.reverses_id is not None:
        raise errors.Refused("REVERSAL_OF_REVERSAL", {"entry": ids.show(Entry.id_prefix, entry_id)})
    # Told here before funds are asked for; the unique index stops those who race.
    if Entry.objects.filter(reverses=original).exists():
        raise errors.Refused("ALREADY_REVERSED", {"entry": ids.show(Entry.id_prefix, entry_id)})
    postings = sorted(original.postings.all(), key=lambda posting: posting.line)
    mirror = NewEntry(
        kind="reversal",
        at=at,
        lines=[(posting.account_id, -posting.amount) for posting in postings],
        reason=reason,
        ref=original.ref,
        value_date=value_date or original.value_date,
        reverses=original.id,
    )
    post_entry(book_id=original.book_id, entry=mirror)
    return mirror


def place_hold(
    *,
    account_id: UUID,
    amount: Decimal,
    at: datetime,
    expires_at: datetime | None = None,
    ref: str = "",
    hold_id: UUID | None = None,
) -> UUID:
    """Reserve a part of an account's free balance; return the hold's id, which may be given.

    Raises: ACCOUNT_UNKNOWN (or OPEN); HOLD_EXPIRED; AMOUNT_INVALID; INSUFFICIENT_FUNDS;
    INVENTORY_SHORT.
    """
    hold_id = hold_id or ids.new()
    _call(
        "SELECT ledger_place_hold(%s, %s, %s, %s, %s, %s, %s)",
        [hold_id, account_id, amount, ref, tenancy.current().actor.label, at, expires_at],
    )
    return hold_id


def void_holds(*, holds: Sequence[UUID], at: datetime) -> int:
    """Let pending holds go, all or none; return how many.

    Raises: HOLD_NOT_PENDING.
    """
    return _end_holds(holds, states.HoldStatus.VOIDED, at)


def expire_holds(*, at: datetime, limit: int = 1000) -> int:
    """Expire the pending holds that have run out by `at`; return how many, at most `limit`.

    A hold that somebody else is ending at this moment is left to them.
    """
    due = Hold.objects.filter(status=states.HoldStatus.PENDING, expires_at__lte=at)
    rows = due.order_by("expires_at").values_list("account__balance__house", "account_id", "id")
    expired = 0
    for _, _, hold_id in sorted(rows[:limit]):  # in the order of locks
        try:
            with transaction.atomic():
                expired += _end_holds([hold_id], states.HoldStatus.EXPIRED, at)
        except errors.Refused as refusal:
            if refusal.code != "HOLD_NOT_PENDING":
                raise
    return expired


def close_day(
    *, book_id: UUID, business_date: date, at: datetime, next_date: date | None = None
) -> DayClose:
    """Sweep what is due, seal the open business day and open the next one.

    Locks: the book against all writers first, then house balances by id. The sweep books to the
    day that closes. `next_date` is the following calendar day unless given.

    Raises: BOOK_UNKNOWN; DAY_NOT_OPEN; INVENTORY_SHORT if own funds cannot cover what is due.
    """
    rows = _call("SELECT ledger_stop_writers(%s)", [book_id])
    if rows[0][0] is None:
        raise errors.Refused("BOOK_UNKNOWN", {"book": ids.show(Book.id_prefix, book_id)})
    if rows[0][0] != business_date:
        raise errors.Refused(
            "DAY_NOT_OPEN", {"date": str(business_date), "open_date": str(rows[0][0])}
        )
    sweep_due(book_id=book_id, at=at)
    close_id = ids.new()
    _call(
        "SELECT ledger_seal_day(%s, %s, %s, %s, %s, %s)",
        [
            book_id,
            close_id,
            business_date,
            next_date or business_date + timedelta(days=1),
            tenancy.current().actor.label,
            at,
        ],
    )
    close = DayClose.objects.get(id=close_id)
    outbox.emit(
        "ledger.day_closed",
        {
            "close": str(close.id),
            "book": str(book_id),
            "business_date": business_date.isoformat(),
            "number": close.number,
            "entries": close.last_number - close.first_number + 1,
            "head": bytes(close.head).hex(),
        },
        at=at,
    )
    return close


def sweep_due(*, book_id: UUID, at: datetime) -> list[NewEntry]:
    """Move what is due between own and segregated accounts, asset by asset; due is zero after.

    Keeps writers out of the book to the end of the transaction, as a close does.

    Raises: INVENTORY_SHORT if own funds cannot cover what is due.
    """
    _call("SELECT ledger_stop_writers(%s)", [book_id])
    sweeps = []
    for asset, due in queries.due(book_id).items():
        if due == 0:
            continue
        segregated, own = chart.SWEEP_LINES[queries.is_currency(asset)]
        accounts = open_accounts(
            book_id=book_id, accounts=[Wanted(segregated, asset), Wanted(own, asset)], at=at
        )
        sweeps.append(
            NewEntry(
                kind="sweep",
                at=at,
                lines=[(accounts[0], due), (accounts[1], -due)],
                reason="net sweep of what is due to clients and the state",
            )
        )
    if sweeps:
        post_entries(book_id=book_id, entries=sweeps)
    return sweeps


def take_cut(*, book_id: UUID, at: datetime) -> Cut:
    """Cut the stream of entries: all since the last cut that nothing in flight can add to.

    Raises: BOOK_UNKNOWN.
    """
    cut_id = ids.new()
    _call("SELECT FROM ledger_take_cut(%s, %s, %s)", [cut_id, book_id, at])
    return Cut.objects.get(id=cut_id)


def _end_holds(holds: Sequence[UUID], status: states.HoldStatus, at: datetime) -> int:
    rows = _call(
        "SELECT ledger_end_holds(%s::uuid[], %s, %s, %s)",
        [list(holds), status.value, tenancy.current().actor.label, at],
    )
    ended: int = rows[0][0]
    return ended


def _check_wanted(wanted: Wanted) -> None:
    line = chart.LINES.get(wanted.line)
    if line is None:
        raise errors.Refused("LINE_UNKNOWN", {"line": wanted.line})
    if line.currency not in (None, queries.is_currency(wanted.asset)):
        raise errors.Refused("LINE_NOT_FOR_ASSET", dataclasses.asdict(wanted))
    if (line.control is chart.Control.CLIENT) != bool(wanted.owner):
        code = "OWNER_NOT_ALLOWED" if wanted.owner else "OWNER_REQUIRED"
        raise errors.Refused(code, dataclasses.asdict(wanted))


_CONSTRAINTS = {
    "book_code_unique_in_bank": "BOOK_EXISTS",
    "entry_reversed_once": "ALREADY_REVERSED",
    "posting_account_once_an_entry": "ACCOUNT_TWICE",
    "ledger_balance_not_overdrawn": "INSUFFICIENT_FUNDS",
}

# The facts of a refusal that are ids, and how they are shown.
_SHOWN = {
    "account": Account.id_prefix,
    "book": Book.id_prefix,
    "entry": Entry.id_prefix,
    "hold": Hold.id_prefix,
}


def _call(
    sql: str, params: Sequence[Any], ask: Callable[..., list[tuple[Any, ...]]] = statements.rows
) -> list[tuple[Any, ...]]:
    """Call a function of the books in the acting transaction; its refusal becomes ours."""
    tenancy.current()
    try:
        return ask(sql, params)
    except DatabaseError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        code = _CONSTRAINTS.get(getattr(diagnosis, "constraint_name", None) or "")
        refusal = errors.Refused(code) if code else errors.refusal_of(error)
        if refusal is None:
            raise
        for name, prefix in _SHOWN.items():
            if name in refusal.facts:
                refusal.facts[name] = ids.show(prefix, UUID(refusal.facts[name]))
        raise refusal from error
