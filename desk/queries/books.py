"""The desk's book and the house accounts that its entries touch: ids that never change."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from uuid import UUID

from django.db import transaction

import ledger.queries
from common import tenancy
from kyc.models import Client
from ledger.models import Account, Book


@dataclasses.dataclass(frozen=True, slots=True)
class House:
    """The book, and its house accounts by (line, asset)."""

    book_id: UUID
    accounts: Mapping[tuple[str, str], UUID]


def book_of(client_id: UUID) -> UUID | None:
    """Return the main book of a client's bank, None before it has one; also to a supervisor."""
    whose = Client.objects.filter(pk=client_id).values("bank_id")
    books = Book.objects.filter(code=ledger.queries.MAIN, bank_id__in=whose)
    return books.values_list("id", flat=True).first()


_houses: dict[UUID, House] = {}


def house(assets: Collection[str] = ()) -> House:
    """Return the acting bank's book with its accounts of roubles and of these coins.

    Raises: DESK_NOT_OPEN if it has none.
    """
    bank_id = tenancy.current().bank_id
    assert bank_id is not None
    held = _houses.get(bank_id)
    if held is not None and all(("position", asset) in held.accounts for asset in assets):
        return held
    book_id = ledger.queries.main_book()
    rows = Account.objects.filter(book_id=book_id, owner="", shard=0)
    found = House(
        book_id,
        {(line, asset): pk for line, asset, pk in rows.values_list("line", "asset_id", "id")},
    )
    # Not before they are committed: others would post to accounts that never came to be.
    transaction.on_commit(lambda: _houses.update({bank_id: found}))
    return found
