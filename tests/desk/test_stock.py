"""The desk's own coins: bought and sold on the venue, as far as the licence lets the bank hold."""

from __future__ import annotations

from decimal import Decimal

import pytest

import licensing.operations
from common import errors, models, tenancy
from common.errors import Refused
from desk import operations
from desk.models import Instrument
from licensing.models import Licence
from tests.desk.desks import Desk, open_desk
from tests.faults.racing import Outcome, race
from tests.kyc.clients import AT
from tests.licensing import licences

D = Decimal


def _limit(bank: models.Bank, roubles: str) -> None:
    """Let the licence hold the bank to so much."""
    with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
        Licence.objects.filter(bank=bank).update(exposure_limit_rub=D(roubles))


def _trade(desk: Desk, quantity: str, asset: str = "BTC", *, sells: bool = False) -> None:
    with desk.acting():
        row = Instrument.objects.get(asset=asset)
        trade = operations.sell_stock if sells else operations.buy_stock
        trade(instrument_id=row.pk, quantity=D(quantity), at=AT)


def test_what_was_bought_is_sold_again_to_the_last_coin(bank: models.Bank) -> None:
    desk = open_desk(bank, stock="2")
    before = desk.account("own_nostro")
    _trade(desk, "1.5", sells=True)
    assert desk.account("position", "BTC") == desk.account("own_custody", "BTC") == D("0.5")
    assert desk.account("own_nostro") == before + 4_500_000
    with pytest.raises(Refused, match="INVENTORY_SHORT"):
        _trade(desk, "0.50000001", sells=True)
    assert desk.broken() == []


def test_the_desk_holds_no_more_than_its_licence_lets_it(bank: models.Bank) -> None:
    desk = open_desk(bank, stock="2")  # 6,000,000 roubles' worth
    desk.instrument("ETH")
    _limit(bank, "8100000")
    _trade(desk, "10", "ETH")  # 2,100,000
    for asset in ("BTC", "ETH"):
        with pytest.raises(errors.Refused, match="EXPOSURE_EXCEEDED") as refused:
            _trade(desk, "0.001", asset)
        assert refused.value.facts["limit_rub"] == 8_100_000
    _trade(desk, "0.1", sells=True)
    _trade(desk, "0.1")
    assert desk.broken() == []


def test_a_client_is_let_out_above_the_limit(bank: models.Bank) -> None:
    desk = open_desk(bank, stock="2")
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    _limit(bank, "1000")
    assert not desk.sell(anna, quantity="0.1").refusals


def test_a_bank_buys_nothing_without_a_licence_and_winds_down(bank: models.Bank) -> None:
    desk = open_desk(bank, stock="2")
    with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
        licence = Licence.objects.get(bank=bank)
        licensing.operations.revoke_licence(licence_id=licence.pk, reason="late", at=AT)
    with pytest.raises(Refused, match="LICENCE_REVOKED"):
        _trade(desk, "1")
    _trade(desk, "2", sells=True)
    assert desk.account("position", "BTC") == 0


@pytest.mark.parametrize("quantity", ["0", "0.000000001"])
def test_a_quantity_that_is_none_is_refused(bank: models.Bank, quantity: str) -> None:
    desk = open_desk(bank, stock="")
    with pytest.raises(Refused, match="AMOUNT_INVALID"):
        _trade(desk, quantity)


def test_eight_purchases_do_not_exceed_the_limit_together(bank: models.Bank) -> None:
    desk = open_desk(bank, stock="0.1")
    desk.instrument("ETH")
    _limit(bank, "7000000")

    def attempt(number: int) -> None:
        if number % 2:
            _trade(desk, "1")  # 3,000,000
        else:
            _trade(desk, "14", "ETH")  # 2,940,000

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["EXPOSURE_EXCEEDED"] * 6 + ["OK"] * 2
        for number, outcome in enumerate(outcomes):
            if outcome == "OK":
                coins, asset = ("1", "BTC") if number % 2 else ("14", "ETH")
                _trade(desk, coins, asset, sells=True)
        return False

    race(5, 8, attempt, judge)
    assert desk.broken() == []
