"""The end of a tax year: withheld from what there is, in its window, by hand and by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from common import clock, errors, users
from ledger import operations as ledger
from tax import operations, tasks
from tax.models import Remittance, Withholding
from tests.kyc.clients import AT, open_client
from tests.tax.traders import DECEMBER, FEBRUARY, JANUARY, Trader

LAST_OF_JANUARY = datetime(2023, 1, 31, 20, 59, tzinfo=UTC)
NOTICE = date(2023, 2, 27)  # the 25th was a Saturday


def owing(trader: Trader, cash: str) -> Trader:
    """Have a client owe 13,000 of 2022, and hold so many roubles."""
    trader.deposit(cash)
    trader.buy("1", "100000", DECEMBER)
    trader.sell("1", "200000", DECEMBER)
    return trader


def test_the_years_end_takes_what_there_is_and_says_what_is_missing(trader: Trader) -> None:
    owing(trader, "5000.75")
    (year,) = trader.end_year()
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(5_000), Decimal(8_000))
    assert (year.notice_date, year.closed_at) == (NOTICE, None)
    assert trader.end_year() == []
    assert trader.broken() == []


def test_what_comes_in_january_is_taken_until_the_year_is_paid(trader: Trader) -> None:
    owing(trader, "5000")
    trader.end_year()
    trader.deposit("7999")
    (year,) = trader.end_year()
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(12_999), Decimal(1))
    trader.deposit("10")
    (year,) = trader.end_year(at=LAST_OF_JANUARY)
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(13_000), Decimal(0))
    assert (year.notice_date, year.closed_at) == (None, LAST_OF_JANUARY)
    assert trader.broken() == []


def test_after_january_a_year_is_closed_with_what_is_missing(trader: Trader) -> None:
    owing(trader, "60000")
    (year,) = trader.end_year(at=FEBRUARY)
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(0), Decimal(13_000))
    assert (year.notice_date, year.closed_at) == (NOTICE, FEBRUARY)
    assert trader.end_year(at=FEBRUARY) == []
    assert trader.broken() == []


def test_a_year_that_is_not_over_is_not_ended(trader: Trader) -> None:
    with pytest.raises(errors.Refused, match="YEAR_NOT_OVER"):
        trader.end_year(at=datetime(2022, 12, 31, 20, 59, tzinfo=UTC))


def test_a_sale_bust_after_the_years_end_is_owed(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("1", "100000", DECEMBER)
    fill = trader.sell("1", "200000", DECEMBER)
    trader.end_year()
    assert trader.year().over_withheld_rub == 0
    trader.undo(fill, FEBRUARY)
    year = trader.year()
    assert (year.over_withheld_rub, year.not_withheld_rub) == (Decimal(13_000), Decimal(0))
    assert year.closed_at == JANUARY
    assert trader.broken() == []


def test_a_sale_bust_after_the_years_end_shortens_what_is_missing(trader: Trader) -> None:
    trader.buy("2", "200000", DECEMBER)
    trader.sell("1", "200000", DECEMBER)
    fill = trader.sell("1", "200000", DECEMBER)
    trader.end_year(at=FEBRUARY)
    assert trader.year().not_withheld_rub == 26_000
    trader.undo(fill, FEBRUARY)
    assert trader.year().not_withheld_rub == 13_000
    assert trader.broken() == []


def test_a_loss_bust_after_the_years_end_opens_the_year_again(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("2", "200000", DECEMBER)
    trader.sell("1", "200000", DECEMBER)
    fill = trader.sell("1", "40000", DECEMBER)
    trader.end_year()
    assert trader.year().withheld_rub == 5_200
    trader.undo(fill, JANUARY)
    year = trader.year()
    assert (year.not_withheld_rub, year.closed_at) == (Decimal(7_800), None)
    assert trader.broken() == []
    (year,) = trader.end_year()
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(13_000), Decimal(0))
    assert trader.broken() == []


# --- By itself -----------------------------------------------------------------------------------


def set_clock(trader: Trader, at: datetime) -> None:
    office = users.supervisor_of(trader.bank.jurisdiction_id)
    clock.set_clock(actor=office, at=at, wall_at=timezone.now())


def remittances(trader: Trader) -> list[Decimal]:
    with trader.acting():
        return list(Remittance.objects.order_by("id").values_list("amount_rub", flat=True))


def test_the_year_ends_by_itself_on_the_jurisdictions_new_years_day(alone: Trader) -> None:
    owing(alone, "5000")
    set_clock(alone, datetime(2022, 12, 31, 20, 0, tzinfo=UTC))
    tasks.work_due()
    assert alone.year().withheld_rub == 0
    set_clock(alone, datetime(2022, 12, 31, 21, 0, tzinfo=UTC))
    tasks.work_due()
    tasks.work_due()
    assert (alone.year().withheld_rub, alone.year().closed_at) == (Decimal(5_000), None)
    alone.deposit("1000")
    tasks.work_due()
    assert alone.year().withheld_rub == 6_000
    set_clock(alone, FEBRUARY)
    tasks.work_due()
    year = alone.year()
    assert year.closed_at is not None
    assert (year.not_withheld_rub, year.notice_date) == (Decimal(7_000), NOTICE)
    assert alone.broken() == []


def test_tax_is_remitted_by_itself_on_its_day_and_once(alone: Trader) -> None:
    owing(alone, "60000")
    alone.withdraw("50000", DECEMBER)  # by the rule of 2022, due a month later
    with alone.acting():
        assert Withholding.objects.get().remit_by == date(2023, 1, 20)
    set_clock(alone, JANUARY - timedelta(days=1))
    tasks.work_due()
    assert remittances(alone) == []
    set_clock(alone, JANUARY)
    tasks.work_due()
    tasks.work_due()
    assert remittances(alone) == [Decimal(13_000)]
    assert alone.broken() == []


def test_a_remittance_that_the_nostro_lacks_waits_for_the_sweep(alone: Trader) -> None:
    owing(alone, "13000")
    alone.end_year()
    with alone.acting():  # as a purchase does until the sweep: the bank's money, not segregated yet
        lines = [
            (alone.account("own_nostro"), Decimal(5_000)),
            (alone.account("segregated_nostro"), Decimal(-5_000)),
        ]
        alone.post(ledger.NewEntry("sweep", AT, lines))
    set_clock(alone, datetime(2023, 3, 1, 9, 0, tzinfo=UTC))
    tasks.work_due()
    assert remittances(alone) == []
    with alone.acting():
        ledger.sweep_due(book_id=alone.books.book_id, at=AT)
    tasks.work_due()
    assert remittances(alone) == [Decimal(13_000)]
    assert alone.broken() == []


def test_many_clients_years_end_some_at_a_time(
    alone: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations.daily, "CLIENTS_AT_ONCE", 1)
    others = [Trader(alone.books, alone.bank, open_client(alone.bank).pk) for _ in "ab"]
    for each in (alone, *others):
        owing(each, "20000")
    set_clock(alone, JANUARY)
    tasks.work_due()
    assert [each.year().withheld_rub for each in (alone, *others)] == [13_000] * 3
    assert alone.broken() == []
