"""The desk's book: opened with its first instrument or deposit, and kept as the chart says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import ledger.operations
import ledger.queries
from common import clock, errors, ids
from desk import queries
from desk.queries.books import House
from kyc.models import Client
from ledger.operations import Wanted

RUB = "RUB"
_ROUBLES = (
    "segregated_nostro",
    "own_nostro",
    "tax_payable",
    "payouts_in_flight",
    "capital",
    "currency_position",
    "fees",
    "expense",
)
_COINS = ("segregated_custody", "own_custody", "position")


def opened(at: datetime, assets: Collection[str] = ()) -> House:
    """Return the acting bank's house, with accounts of these coins, opening what is not there."""
    try:
        found = queries.house(assets)
        if all(("position", asset) in found.accounts for asset in assets):
            return found
        book_id = found.book_id
    except errors.Refused:
        book_id = ledger.operations.open_book(
            code=ledger.queries.MAIN, open_date=clock.business_date(at), at=at
        )
    wanted = [Wanted(line, RUB) for line in _ROUBLES]
    wanted += [Wanted(line, asset) for asset in assets for line in _COINS]
    ledger.operations.open_accounts(book_id=book_id, accounts=wanted, at=at)
    return queries.house(assets)


def owner(client_id: UUID) -> str:
    """Return how a client's accounts in the books are named."""
    return ids.show(Client.id_prefix, client_id)
