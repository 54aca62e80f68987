"""A client of a bank with books, who buys, sells and withdraws: tax without a desk above it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import kyc.queries
from common import ids, models, tenancy, users
from ledger import operations as ledger
from tax import invariants, operations, queries
from tax.models import TaxYear
from tax.operations import Acquired, Disposed, Withheld
from tests.kyc.clients import AT
from tests.ledger.books import Books

DECEMBER = datetime(2022, 12, 20, 9, 0, tzinfo=UTC)
JANUARY = datetime(2023, 1, 20, 9, 0, tzinfo=UTC)
FEBRUARY = datetime(2023, 2, 1, 9, 0, tzinfo=UTC)


@dataclasses.dataclass
class Trader:
    """A client of a licensed bank, who buys, sells and withdraws."""

    books: Books
    bank: models.Bank
    client_id: UUID

    @contextmanager
    def acting(self) -> Iterator[None]:
        with tenancy.acting(self.bank.pk, users.job("tests", self.bank.pk)):
            yield

    def buy(self, quantity: str, cost: str, at: datetime = AT) -> UUID:
        fill = ids.new()
        bought = Acquired(self.client_id, "BTC", fill, at, Decimal(quantity), Decimal(cost))
        with self.acting():
            operations.record_fills(fills=[bought])
        return fill

    def sell(self, quantity: str, proceeds: str, at: datetime = AT) -> UUID:
        fill = ids.new()
        sold = Disposed(self.client_id, "BTC", fill, at, Decimal(quantity), Decimal(proceeds))
        with self.acting():
            operations.record_fills(fills=[sold])
        return fill

    def account(self, line: str, owner: str = "") -> UUID:
        wanted = ledger.Wanted(line, "RUB", owner)
        return ledger.open_accounts(book_id=self.books.book_id, accounts=[wanted], at=AT)[0]

    @property
    def cash(self) -> UUID:
        return self.account("client_cash", ids.show("cli", self.client_id))

    def deposit(self, amount: str) -> None:
        with self.acting():
            lines = [
                (self.account("segregated_nostro"), Decimal(amount)),
                (self.cash, -Decimal(amount)),
            ]
            self.post(ledger.NewEntry("deposit", AT, lines))

    def post(self, entry: ledger.NewEntry) -> None:
        ledger.post_entry(book_id=self.books.book_id, entry=entry)

    def withdraw(self, amount: str, at: datetime = AT) -> Withheld:
        with self.acting():
            entry_id, gross = ids.new(), Decimal(amount)
            found = operations.withhold_at_payout(
                standing=kyc.queries.lock_clients([self.client_id])[self.client_id],
                payout_rub=gross,
                at=at,
                payout_ref="",
                entry_id=entry_id,
            )
            lines = [
                (self.cash, gross),
                (self.account("tax_payable"), -found.withheld_rub),
                (self.account("payouts_in_flight"), -found.net_rub),
            ]
            lines = [line for line in lines if line[1]]
            self.post(ledger.NewEntry("withdrawal", at, lines, id=entry_id))
            return found

    def year(self, year: int = 2022) -> TaxYear:
        with self.acting():
            found = queries.tax_year(self.client_id, year)
        assert found is not None
        return found

    def broken(self) -> list[tuple[str, str]]:
        with self.acting():
            return [found for rule in invariants.INVARIANTS for found in rule()]

    def end_year(self, year: int = 2022, at: datetime = JANUARY) -> list[TaxYear]:
        with self.acting():
            return operations.withhold_year_end(book_id=self.books.book_id, year=year, at=at)

    def undo(self, fill: UUID, at: datetime = AT) -> None:
        with self.acting():
            operations.undo_fill(fill_id=fill, at=at)
