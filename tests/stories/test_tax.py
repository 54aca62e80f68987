"""From a gain to the budget, over HTTP: what is withheld of payouts and at the year's end.

The desk's tick is 25,000 roubles and it takes no fee: in the fall a bitcoin costs 2,875,000, before
and after it 3,025,000, and is bought back at 2,975,000. Who buys in the fall gains 100,000 a coin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from common import ids
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.licensing import licences
from tests.stories import test_trading
from tests.stories.test_onboarding import Person
from tests.stories.test_trading import House, order

make_house = test_trading.make_house

NEW_YEAR = datetime(2022, 12, 31, 21, 30, tzinfo=UTC)  # half an hour into it, in Moscow
JANUARY, FEBRUARY = (datetime(2023, month, 20, 9, 0, tzinfo=UTC) for month in (1, 2))


@pytest.fixture
def bank(make_house: Callable[[], House]) -> Iterator[House]:
    made = make_house()
    licences.licensed(made.bank)
    made.trade(stock="32", tick_rub="25000.00", fee_bps=0)
    yield made
    assert made.broken() == []


class Investor:
    """A client who bought coins in the fall."""

    def __init__(self, bank: House, roubles: str, coins: str = "1", **named: Any) -> None:
        self.bank = bank
        named = {"category": "QUALIFIED"} | named
        self.person, self.whose = bank.client(roubles, **named)
        bank.at(FALLEN_AT)
        self.trade("BUY", coins)

    def trade(self, side: str, coins: str) -> None:
        done = self.person.post("orders", order(side, quantity=coins), status=201)
        assert done["status"] == "FILLED"

    def withdraw(self, roubles: str) -> tuple[str, str]:
        """Withdraw as the preview said; return the tax and the net."""
        said = self.person.get(f"withdrawals/preview?amount_rub={roubles}")
        asked = {"bank_account_id": self.whose["account"], "amount_rub": roubles}
        paid = self.person.post("withdrawals", asked, status=201)
        assert (paid["tax_rub"], paid["net_rub"]) == (said["tax_rub"], said["net_rub"])
        return paid["tax_rub"], paid["net_rub"]

    def year(self, year: int = 2022) -> dict[str, Any]:
        (found,) = self.person.get(f"tax/years?year={year}")["data"]
        assert isinstance(found, dict)
        return found

    def withheld(self) -> list[tuple[int, str, str]]:
        """What was withheld, the first first: of which year, at what, how much."""
        rows = self.person.get("tax/withholdings")["data"]
        return [(row["year"], row["kind"], row["withheld_rub"]) for row in reversed(rows)]


def end_year(clerk: Person, year: int = 2022) -> list[dict[str, Any]]:
    ended: list[dict[str, Any]] = clerk.post("tax/year-ends", {"year": year}, status=201)["years"]
    return ended


def test_the_laws_example(bank: House) -> None:
    anna = Investor(bank, "2875000")
    bank.at(RISEN_AT)
    anna.trade("SELL", "1")
    assert anna.year()["realised_rub"] == "100000.00"
    assert anna.withdraw("10000.00") == ("1300.00", "8700.00")
    assert anna.withdraw("50000.00") == ("11700.00", "38300.00")
    too_early = bank.clerk.post("tax/year-ends", {"year": 2022}, status=422)
    assert too_early["code"] == "YEAR_NOT_OVER"
    bank.at(JANUARY)
    (ended,) = end_year(bank.clerk)
    assert (ended["withheld_rub"], ended["not_withheld_rub"]) == ("13000.00", "0.00")
    assert ended["closed_at"] is not None
    assert anna.withheld() == [(2022, "PAYOUT", "1300.00"), (2022, "PAYOUT", "11700.00")]
    assert end_year(bank.clerk) == []


@pytest.mark.parametrize(("year", "tax"), [(2023, "390000.00"), (2025, "402000.00")])
def test_the_band_is_that_of_the_year(bank: House, year: int, tax: str) -> None:
    anna = Investor(bank, "86250000", coins="30")
    bank.at(datetime(year, 6, 1, 9, 0, tzinfo=UTC))
    anna.trade("SELL", "30")
    assert anna.year(year)["realised_rub"] == "3000000.00"
    assert anna.withdraw("500000.00")[0] == tax
    assert anna.withheld() == [(year, "PAYOUT", tax)]


def test_a_non_resident_pays_thirty_per_cent(bank: House) -> None:
    john = Investor(bank, "2875000", residency="NON_RESIDENT")
    bank.at(RISEN_AT)
    john.trade("SELL", "1")
    assert john.withdraw("10000.00") == ("3000.00", "7000.00")
    assert john.withdraw("50000.00") == ("27000.00", "23000.00")


def test_of_an_entity_nothing_is_withheld(bank: House) -> None:
    firm = Investor(bank, "2875000", kind="ENTITY", category="LEGAL_ENTITY", tested=False)
    bank.at(RISEN_AT)
    firm.trade("SELL", "1")
    assert firm.withdraw("50000.00") == ("0.00", "50000.00")
    bank.at(JANUARY)
    (ended,) = end_year(bank.clerk)
    assert (ended["realised_rub"], ended["withheld_rub"]) == ("100000.00", "0.00")
    assert (ended["not_withheld_rub"], ended["notice_date"]) == ("0.00", None)
    assert firm.withheld() == []


def test_who_takes_all_out_on_new_years_day_leaves_decembers_tax(bank: House) -> None:
    anna = Investor(bank, "2875000")
    bank.at(datetime(2022, 12, 31, 20, 30, tzinfo=UTC))
    anna.trade("SELL", "1")
    bank.at(NEW_YEAR)
    assert anna.withdraw("2975000.00") == ("13000.00", "2962000.00")
    assert anna.withheld() == [(2022, "YEAR_END", "13000.00")]
    (ended,) = end_year(bank.clerk)
    assert (ended["withheld_rub"], ended["not_withheld_rub"]) == ("13000.00", "0.00")


def test_what_cannot_be_withheld_in_january_is_told_to_the_tax_service(bank: House) -> None:
    anna = Investor(bank, "2875000")
    bank.at(RISEN_AT)
    anna.trade("SELL", "1")
    anna.trade("BUY", "0.98")  # 10,500 roubles are left
    bank.at(JANUARY)
    (ended,) = end_year(bank.clerk)
    assert (ended["withheld_rub"], ended["not_withheld_rub"]) == ("10500.00", "2500.00")
    assert (ended["notice_date"], ended["closed_at"]) == ("2023-02-27", None)
    assert end_year(bank.clerk) == []
    bank.at(FEBRUARY)
    (ended,) = end_year(bank.clerk)
    assert (ended["withheld_rub"], ended["not_withheld_rub"]) == ("10500.00", "2500.00")
    assert ended["closed_at"] is not None
    assert anna.year() == ended


def test_a_loss_after_the_withholding_is_owed_to_the_client(bank: House) -> None:
    anna = Investor(bank, "3200000")
    bank.at(RISEN_AT)
    anna.trade("SELL", "1")
    assert anna.withdraw("50000.00")[0] == "13000.00"
    assert anna.year()["over_withheld_rub"] == "0.00"
    anna.trade("BUY", "1")
    anna.trade("SELL", "1")  # 50,000 lost
    assert anna.year()["over_withheld_rub"] == "6500.00"
    assert anna.withdraw("50000.00")[0] == "0.00"
    assert anna.year()["over_withheld_rub"] == "6500.00"


def test_tax_goes_to_the_budget_when_it_is_due(bank: House) -> None:
    anna = Investor(bank, "2875000")
    bank.at(RISEN_AT)
    anna.trade("SELL", "1")
    anna.withdraw("50000.00")
    early = bank.clerk.post("tax/remittances", {"until": "2022-03-23"}, status=422)
    assert early["code"] == "NOTHING_DUE"
    sent = bank.clerk.post("tax/remittances", {"until": "2022-03-24"}, status=201)
    assert sent["amount_rub"] == "13000.00"
    assert bank.clerk.get(f"tax/remittances/{sent['id']}") == sent
    assert bank.clerk.get("tax/remittances")["data"] == [sent]
    other = ids.show("rem", ids.new())
    assert bank.clerk.get(f"tax/remittances/{other}", status=404)["code"] == "NOT_FOUND"
    assert anna.person.get(f"tax/remittances/{sent['id']}", status=403)["code"] == "SCOPE_MISSING"
    again = bank.clerk.post("tax/remittances", {"until": "2022-03-24"}, status=422)
    assert again["code"] == "NOTHING_DUE"
