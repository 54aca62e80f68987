"""Lots, tax years, withholding and remittance as the database keeps them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

import kyc.queries
from common import errors, ids, models, tenancy, users
from ledger import operations as ledger
from tax import invariants, operations, queries
from tax.models import Lot, TaxYear
from tax.operations import Acquired, Disposed, Withheld
from tests.common.neighbours import as_owner
from tests.kyc.clients import AT, open_client
from tests.ledger.books import Books

JANUARY = datetime(2023, 1, 20, 9, 0, tzinfo=UTC)


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


@pytest.fixture
def trader(bank: models.Bank, books: Books) -> Trader:
    return Trader(books, bank, open_client(bank).pk)


def test_a_sale_closes_the_oldest_lots_and_the_year_counts_it(trader: Trader) -> None:
    trader.buy("1", "100")
    trader.buy("1", "300")
    trader.sell("1.5", "600")
    with trader.acting():
        left = list(Lot.objects.order_by("id").values_list("quantity_left", "cost_left_rub"))
        assert queries.position_cost(trader.client_id) == {"BTC": (Decimal("0.5"), Decimal(150))}
    assert left == [(Decimal(0), Decimal(0)), (Decimal("0.5"), Decimal(150))]
    assert trader.year().realised_rub == 350  # 600 - 100 - 150
    assert trader.broken() == []


def test_a_list_may_sell_what_it_bought(trader: Trader) -> None:
    one = Decimal(1)
    with trader.acting():
        operations.record_fills(
            fills=[
                Acquired(trader.client_id, "BTC", ids.new(), AT, one, Decimal(10)),
                Disposed(trader.client_id, "BTC", ids.new(), AT, one, Decimal(12)),
                Acquired(trader.client_id, "BTC", ids.new(), AT, one, Decimal(11)),
            ]
        )
    assert trader.year().realised_rub == 2
    assert trader.broken() == []


def test_nobody_sells_more_than_the_lots_hold(trader: Trader) -> None:
    trader.buy("1", "100")
    with pytest.raises(errors.Refused, match="LOTS_SHORT") as told:
        trader.sell("1.00000001", "200")
    assert told.value.facts["missing"] == "0.00000001"
    assert trader.broken() == []


def test_a_year_turns_at_midnight_in_moscow(trader: Trader) -> None:
    trader.buy("2", "200")
    trader.sell("1", "150", datetime(2022, 12, 31, 20, 59, 59, tzinfo=UTC))
    trader.sell("1", "170", datetime(2022, 12, 31, 21, 0, tzinfo=UTC))
    assert trader.year(2022).realised_rub == 50
    assert trader.year(2023).realised_rub == 70


def test_the_laws_example_in_the_books(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("1", "100000")
    trader.sell("1", "200000")
    assert trader.withdraw("10000").withheld_rub == 1_300
    second = trader.withdraw("50000")
    assert (second.withheld_rub, second.net_rub) == (Decimal(11_700), Decimal(38_300))
    assert trader.year().withheld_rub == 13_000
    assert trader.broken() == []


def test_what_a_later_loss_makes_too_much_is_owed(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("2", "200000")
    trader.sell("1", "200000")
    trader.withdraw("50000")
    trader.sell("1", "40000")
    assert trader.withdraw("10000").withheld_rub == 0
    assert trader.year().over_withheld_rub == 7_800  # 13,000 - 13 % of 40,000
    assert trader.broken() == []


def test_the_years_end_takes_what_there_is_and_records_the_rest(trader: Trader) -> None:
    trader.deposit("5000.75")
    trader.buy("1", "100000")
    trader.sell("1", "200000")
    with trader.acting():
        book_id = trader.books.book_id
        operations.withhold_year_end(book_id=book_id, year=2022, at=JANUARY)
        assert operations.withhold_year_end(book_id=book_id, year=2022, at=JANUARY) == []
    year = trader.year()
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(5_000), Decimal(8_000))
    assert year.notice_date == date(2023, 2, 27)  # the 25th was a Saturday
    assert trader.broken() == []


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (datetime(2022, 12, 31, 20, 59, tzinfo=UTC), "YEAR_NOT_OVER"),
        (datetime(2023, 1, 31, 21, 0, tzinfo=UTC), "WINDOW_CLOSED"),
    ],
)
def test_a_year_is_closed_in_its_window(trader: Trader, at: datetime, code: str) -> None:
    with pytest.raises(errors.Refused, match=code), trader.acting():
        operations.withhold_year_end(book_id=trader.books.book_id, year=2022, at=at)


def test_what_was_withheld_is_remitted_once_when_due(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("1", "100000")
    trader.sell("1", "200000")
    trader.withdraw("50000")

    def remit(until: date) -> Any:
        with trader.acting():
            return operations.remit_tax(book_id=trader.books.book_id, until=until, at=AT)

    assert remit(date(2022, 3, 23)) is None  # withheld on 24 February: due by 24 March
    assert remit(date(2022, 3, 24)).amount_rub == 13_000
    assert remit(date(2022, 3, 24)) is None
    assert trader.broken() == []


def test_an_entity_pays_its_own_tax(bank: models.Bank, books: Books) -> None:
    firm = Trader(books, bank, open_client(bank, kind="ENTITY").pk)
    firm.deposit("60000")
    firm.buy("1", "100000")
    firm.sell("1", "200000")
    assert firm.withdraw("50000").withheld_rub == 0
    assert firm.broken() == []


def test_a_bust_purchase_is_as_if_it_never_was(trader: Trader) -> None:
    fill = trader.buy("1", "100")
    with trader.acting():
        operations.undo_fill(fill_id=fill, at=AT)
        assert queries.position_cost(trader.client_id) == {}
    with pytest.raises(errors.Refused, match="NOT_FOUND"), trader.acting():
        operations.undo_fill(fill_id=fill, at=AT)
    assert trader.broken() == []


def test_a_bust_sale_gives_its_lots_back(trader: Trader) -> None:
    trader.buy("1", "100")
    trader.buy("1", "300")
    fill = trader.sell("1.5", "600")
    with trader.acting():
        operations.undo_fill(fill_id=fill, at=AT)
        assert queries.position_cost(trader.client_id) == {"BTC": (Decimal(2), Decimal(400))}
    assert trader.year().realised_rub == 0
    assert trader.broken() == []


def test_what_was_built_upon_is_not_bust(trader: Trader) -> None:
    bought = trader.buy("2", "100")
    first = trader.sell("1", "60")
    trader.sell("1", "60")
    for fill in (bought, first):
        with pytest.raises(errors.Refused, match="FILL_SPENT"), trader.acting():
            operations.undo_fill(fill_id=fill, at=AT)


PLANTS = {
    "a lot": (
        "UPDATE tax_lot SET cost_left_rub = cost_left_rub - 1 WHERE cost_left_rub > 0",
        "lot",
    ),
    "a disposal": (
        "UPDATE tax_disposal SET cost_rub = cost_rub + 1, result_rub = result_rub - 1",
        "dis",
    ),
    "a year": ("UPDATE tax_taxyear SET realised_rub = realised_rub + 1", "TaxYear 2022 of cli"),
    "a withholding": ("UPDATE tax_withholding SET withheld_rub = withheld_rub - 1", "whd"),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_verify_names_what_was_forged(trader: Trader, plant: str) -> None:
    trader.deposit("60000")
    trader.buy("2", "200000")
    trader.sell("1", "200000")
    trader.withdraw("50000")
    assert trader.broken() == []
    forgery, named = PLANTS[plant]
    with as_owner(trader.bank.pk) as using, connections[using].cursor() as cursor:
        cursor.execute(forgery)
    found = trader.broken()
    assert any(row.startswith(f"{named}_") for row, _ in found)
