"""Lots, tax years, withholding at payouts and remittance as the database keeps them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

import kyc.queries
import licensing.operations
from common import errors, ids, models, tenancy, users
from tax import operations, queries
from tax.models import Lot, Withholding
from tax.operations import Acquired, Disposed
from tests.kyc.clients import AT, open_client
from tests.ledger.books import Books, open_books
from tests.licensing import licences
from tests.tax.traders import DECEMBER, FEBRUARY, JANUARY, Trader

NEW_YEAR = datetime(2022, 12, 31, 21, 0, 1, tzinfo=UTC)  # a second into it, in Moscow


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
    (year,) = trader.end_year()
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(13_000), Decimal(0))
    assert year.closed_at == JANUARY
    with trader.acting():
        withheld = Withholding.objects.order_by("id").values_list("kind", "withheld_rub")
        assert list(withheld) == [("PAYOUT", Decimal(1_300)), ("PAYOUT", Decimal(11_700))]
    assert trader.broken() == []


# --- Too much ------------------------------------------------------------------------------------


def taxed(trader: Trader) -> None:
    """Have 13,000 withheld of a result of 100,000, and a coin left that cost 100,000."""
    trader.deposit("60000")
    trader.buy("2", "200000")
    trader.sell("1", "200000")
    assert trader.withdraw("50000").withheld_rub == 13_000


def test_what_a_later_loss_makes_too_much_is_owed_at_once(trader: Trader) -> None:
    taxed(trader)
    trader.sell("1", "40000")
    assert trader.year().over_withheld_rub == 7_800  # 13,000 - 13 % of 40,000
    assert trader.broken() == []
    assert trader.withdraw("10000").withheld_rub == 0
    assert trader.year().over_withheld_rub == 7_800
    assert trader.broken() == []


def test_a_later_gain_uses_up_what_was_withheld_too_much(trader: Trader) -> None:
    taxed(trader)
    trader.sell("1", "40000")
    trader.buy("1", "100000")
    trader.sell("1", "130000")
    assert trader.year().over_withheld_rub == 3_900  # 13,000 - 13 % of 70,000
    assert trader.broken() == []


def test_a_bust_sale_makes_what_was_withheld_of_it_owed(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("1", "100000")
    fill = trader.sell("1", "200000")
    trader.withdraw("50000")
    trader.undo(fill)
    year = trader.year()
    assert (year.realised_rub, year.over_withheld_rub) == (Decimal(0), Decimal(13_000))
    assert trader.broken() == []


def test_a_bank_that_is_no_agent_any_more_still_owes_it(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    """Under the law of 2025 clients declare themselves: nothing is withheld, nothing forgotten."""
    state = make_state()
    office = users.supervisor_of(state.pk)
    bank = users.register_bank(actor=office, code=f"{state.code}bank", name="North")
    actor = users.job("tests", bank.pk)
    trader = Trader(open_books(bank.pk, actor), bank, open_client(bank).pk)
    taxed(trader)
    with tenancy.acting(None, licences.officer(state.pk, "maker")):
        licensing.operations.set_regime(
            overlay="law-2025", valid_from=date(2025, 1, 1), at=licences.BEFORE
        )
    later = datetime(2025, 2, 3, 9, 0, tzinfo=UTC)
    trader.sell("1", "40000")
    trader.buy("1", "100", later)
    trader.sell("1", "5000", later)
    assert trader.withdraw("1000", later).withheld_rub == 0
    assert trader.year().over_withheld_rub == 7_800
    assert trader.broken() == []


# --- Over the New Year ---------------------------------------------------------------------------


def test_a_payout_on_new_years_day_bears_what_december_owes(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("1", "100000", DECEMBER)
    trader.sell("1", "200000", DECEMBER)
    with trader.acting():
        standing = kyc.queries.standing(trader.client_id)
        told = operations.preview(standing=standing, payout_rub=Decimal(60_000), at=NEW_YEAR)
    paid = trader.withdraw("60000", NEW_YEAR)
    assert (paid.withheld_rub, paid.net_rub) == (Decimal(13_000), Decimal(47_000))
    assert (told.withheld_rub, told.base_rub) == (paid.withheld_rub, Decimal(100_000))
    with trader.acting():
        row = Withholding.objects.get()
    assert (row.year, row.kind, row.payout_rub) == (2022, "YEAR_END", Decimal(60_000))
    (year,) = trader.end_year()
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(13_000), Decimal(0))
    assert trader.broken() == []


def test_a_payout_in_january_bears_two_years_the_former_one_first(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("2", "200000", DECEMBER)
    trader.sell("1", "200000", DECEMBER)
    trader.sell("1", "150000", NEW_YEAR)
    paid = trader.withdraw("20000", NEW_YEAR)
    # 13,000 of 2022; of the 7,000 that this leaves, 6,500 are due of 2023 and fit.
    assert [(part.so_far.year, part.due.withheld_rub) for part in paid.parts] == [
        (2022, Decimal(13_000)),
        (2023, Decimal(6_500)),
    ]
    assert (paid.withheld_rub, paid.net_rub) == (Decimal(19_500), Decimal(500))
    assert [trader.year(year).withheld_rub for year in (2022, 2023)] == [13_000, 6_500]
    assert trader.broken() == []


def test_a_payout_that_the_former_years_tax_eats_up_leaves_nothing(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("1", "100000", DECEMBER)
    trader.sell("1", "200000", DECEMBER)
    paid = trader.withdraw("9000", NEW_YEAR)
    assert (paid.withheld_rub, paid.net_rub) == (Decimal(9_000), Decimal(0))
    year = trader.year()
    assert (year.not_withheld_rub, year.notice_date) == (Decimal(4_000), date(2023, 2, 27))
    assert year.closed_at is None
    assert trader.broken() == []


def test_after_january_a_payout_looks_at_its_own_year_only(trader: Trader) -> None:
    trader.deposit("60000")
    trader.buy("1", "100000", DECEMBER)
    trader.sell("1", "200000", DECEMBER)
    assert trader.withdraw("60000", FEBRUARY).withheld_rub == 0
    assert trader.broken() == []


# --- To the budget -------------------------------------------------------------------------------


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
