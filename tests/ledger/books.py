"""A bank's books as tests use them: accounts by name, entries in one line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from common import tenancy, users
from ledger import operations, queries
from ledger.operations import NewEntry, Wanted

DAY = date(2022, 2, 24)
AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)

HOUSE = [
    Wanted("segregated_nostro", "RUB"),
    Wanted("own_nostro", "RUB"),
    Wanted("segregated_custody", "BTC"),
    Wanted("own_custody", "BTC"),
    Wanted("tax_payable", "RUB"),
    Wanted("payouts_in_flight", "RUB"),
    Wanted("capital", "RUB"),
    Wanted("position", "BTC"),
    Wanted("currency_position", "RUB"),
    Wanted("fees", "RUB"),
    Wanted("other_income", "RUB"),
    Wanted("expense", "RUB"),
]
CLIENTS = [
    Wanted(line, asset, owner)
    for owner in ("cli_anna", "cli_boris")
    for line, asset in (("client_cash", "RUB"), ("client_crypto", "BTC"))
]


@dataclasses.dataclass(frozen=True, slots=True)
class Books:
    """`accounts` by `line` or `line:owner`. Amounts are written as text; debit positive."""

    bank_id: UUID
    actor: users.Actor
    book_id: UUID
    accounts: dict[str, UUID]

    @contextmanager
    def acting(self) -> Iterator[None]:
        with tenancy.acting(self.bank_id, self.actor):
            yield

    def entry(self, kind: str, *lines: tuple[str, str], at: datetime = AT) -> NewEntry:
        return NewEntry(kind, at, [(self.accounts[name], Decimal(text)) for name, text in lines])

    def post(self, kind: str, *lines: tuple[str, str], holds: Sequence[UUID] = ()) -> NewEntry:
        """Post one entry in a transaction of its own."""
        entry = self.entry(kind, *lines)
        with self.acting():
            operations.post_entry(book_id=self.book_id, entry=entry, holds=holds)
        return entry

    def balance(self, name: str) -> Decimal:
        """The balance now, on the account's normal side."""
        with self.acting():
            return queries.balance(queries.account_by_id(self.accounts[name]))

    def due(self) -> dict[str, Decimal]:
        with self.acting():
            return queries.due(self.book_id)


def open_books(bank_id: UUID, actor: users.Actor) -> Books:
    wanted = HOUSE + CLIENTS
    with tenancy.acting(bank_id, actor):
        book_id = operations.open_book(code="main", open_date=DAY, at=AT)
        opened = operations.open_accounts(book_id=book_id, accounts=wanted, at=AT)
    names = [":".join(filter(None, (each.line, each.owner))) for each in wanted]
    return Books(bank_id, actor, book_id, dict(zip(names, opened, strict=True)))
