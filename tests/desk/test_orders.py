"""Orders as the database keeps them: taken, refused, executed, resting, cancelled, expired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import licensing.operations
from common import errors, models, tenancy, users
from desk import operations, pricing
from desk.models import Instrument
from kyc.models import Client
from ledger.models import Entry, Hold
from licensing.models import Licence
from tests.desk import desks
from tests.desk.desks import Desk, ask, codes, open_desk
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.kyc.clients import AT
from tests.licensing import licences

D = Decimal


def test_a_market_order_to_buy_is_filled_settled_and_counted(desk: Desk) -> None:
    anna = desk.client("400000")
    placed = desk.buy(anna, quantity="0.1")
    order = desk.order(placed)
    assert (order.status, order.filled_quantity) == ("FILLED", D("0.1"))
    (fill,) = desk.fills()
    assert (fill.price_rub, fill.notional_rub, fill.fee_rub) == (3_015_000, 301_500, D("1507.50"))
    assert desk.cash(anna) == D("96992.50")  # 400,000 - 301,500 - 1,507.50
    assert desk.coins(anna) == {"BTC": D("0.1")}
    assert desk.used(anna) == D("303007.50")
    assert desk.account("position", "BTC") == D("9.9")
    assert desk.broken() == []


def test_a_market_order_to_sell_closes_lots_and_brings_roubles(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    placed = desk.sell(anna, quantity="0.04")
    assert desk.order(placed).status == "FILLED"
    assert desk.cash(anna) == D("96992.50") + D("119400") - D("597")  # 0.04 x 2,985,000, 0.5 %
    assert desk.coins(anna) == {"BTC": D("0.06")}
    assert desk.account("position", "BTC") == D("9.94")
    assert desk.used(anna) == D("303007.50")
    assert desk.broken() == []


def test_an_order_by_amount_spends_no_more_than_the_amount(desk: Desk) -> None:
    anna = desk.client("100000")
    placed = desk.buy(anna, amount_rub="100000")
    order = desk.order(placed)
    assert order.status == "FILLED"
    assert D(0) <= desk.cash(anna) < D("0.05")
    (fill,) = desk.fills()
    assert fill.notional_rub + fill.fee_rub + desk.cash(anna) == 100_000


def test_an_order_that_breaks_many_rules_names_them_in_their_order(desk: Desk) -> None:
    anna = desk.client(tested=False)
    with desk.acting():
        row = Instrument.objects.get(code="BTC-RUB")
        operations.halt_instrument(instrument_id=row.pk, reason="a shock", at=AT)
    placed = desk.buy(anna, quantity="50")
    assert codes(placed) == [
        "TEST_REQUIRED",
        "LIMIT_EXCEEDED",
        "INSTRUMENT_HALTED",
        "INSUFFICIENT_FUNDS",
        "INVENTORY_SHORT",
    ]
    order = desk.order(placed)
    assert (order.status, order.codes) == ("REJECTED", codes(placed))
    assert desk.fills() == []
    assert desk.broken() == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"quantity": "0.00001"}, "QUANTITY_OUT_OF_BOUNDS"),
        ({"quantity": "101"}, "QUANTITY_OUT_OF_BOUNDS INSUFFICIENT_FUNDS"),
        ({"quantity": "0"}, "QUANTITY_OUT_OF_BOUNDS"),
        ({"quantity": "0.2"}, "INSUFFICIENT_FUNDS"),
        ({"quantity": "0.1", "limit_price_rub": "3000000", "time_in_force": "IOC"},
         "PRICE_NOT_REACHED"),
        ({"quantity": "0.1", "limit_price_rub": "3000000", "time_in_force": "FOK"},
         "PRICE_NOT_REACHED"),
    ],
)  # fmt: skip
def test_a_rule_refuses_by_its_code(desk: Desk, said: Any, code: str) -> None:
    anna = desk.client("400000", kind="ENTITY", category="LEGAL_ENTITY")
    assert codes(desk.buy(anna, **said)) == code.split()


def test_a_licence_suspended_is_the_first_of_the_reasons(desk: Desk) -> None:
    anna = desk.client("100")
    _suspend(desk.bank)
    placed = desk.buy(anna, quantity="0.1")
    assert codes(placed) == ["LICENCE_SUSPENDED", "INSUFFICIENT_FUNDS"]
    assert desk.broken() == []


def test_without_custody_nothing_is_bought(bank: models.Bank) -> None:
    desk = open_desk(bank, activities=("cash", "exchange"))
    anna = desk.client("400000")
    assert codes(desk.buy(anna, quantity="0.1")) == ["ACTIVITY_NOT_PERMITTED"]
    assert codes(desk.sell(anna, quantity="0.1")) == ["INSUFFICIENT_FUNDS"]
    assert desk.account("position", "BTC") == 10  # the desk's own it may have
    assert desk.broken() == []


def test_a_bank_whose_licence_is_revoked_lets_its_clients_out(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    _end_licence(desk.bank)
    assert codes(desk.buy(anna, quantity="0.01")) == ["LICENCE_REVOKED"]
    assert not desk.sell(anna, quantity="0.1").refusals
    assert desk.coins(anna) == {}


def test_a_sale_that_rests_is_executed_under_a_revoked_licence_too(desk: Desk) -> None:
    anna = desk.client("800000")
    desk.buy(anna, quantity="0.1")
    purchase = desk.buy(anna, quantity="0.1", limit_price_rub="2900000")
    sale = desk.sell(anna, at=FALLEN_AT, quantity="0.1", limit_price_rub="2900000")
    _end_licence(desk.bank)
    desk.work(FALLEN_AT)
    desk.work(RISEN_AT)
    assert desk.order(sale).status == "FILLED"
    assert desk.order(purchase).status == "NEW"
    assert desk.broken() == []


def test_what_is_held_is_sold_when_it_can_be_bought_no_more(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    supervisor = users.supervisor_of(state.pk)
    bank = users.register_bank(actor=supervisor, code=f"{state.code}bank", name="North Bank")
    desk = open_desk(bank, categories=("LEGAL_ENTITY", "QUALIFIED"))
    anna = desk.client("400000", category="QUALIFIED")
    desk.buy(anna, quantity="0.1")
    resting = desk.sell(anna, at=FALLEN_AT, quantity="0.04", limit_price_rub="2900000")
    with tenancy.acting(None, supervisor):
        licensing.operations.withdraw_asset(asset="BTC", reason="illiquid", at=AT)
    with desk.acting():
        Client.objects.filter(pk=anna.pk).update(category="NON_QUALIFIED")
    bought = desk.buy(anna, at=FALLEN_AT, quantity="0.01")
    assert codes(bought) == ["ASSET_NOT_ADMITTED", "CATEGORY_NOT_PERMITTED"]
    assert not desk.sell(anna, at=FALLEN_AT, quantity="0.06").refusals
    desk.work(RISEN_AT)
    assert desk.order(resting).status == "FILLED"
    assert desk.coins(anna) == {}
    assert desk.broken() == []


@pytest.mark.parametrize(
    ("quantity", "time_in_force", "last"),
    [
        ("0.1", "FOK", ["INVENTORY_SHORT"]),
        ("0.1", "IOC", ["INVENTORY_SHORT"]),
        ("101", "FOK", ["QUANTITY_OUT_OF_BOUNDS", "INSUFFICIENT_FUNDS"]),
    ],
)
def test_an_order_that_takes_nothing_is_judged_on_the_whole(
    bank: models.Bank, quantity: str, time_in_force: str, last: list[str]
) -> None:
    desk = desks.open_desk(bank, stock="")
    anna = desk.client(tested=False)
    placed = desk.buy(anna, quantity=quantity, time_in_force=time_in_force)
    first = ["TEST_REQUIRED", "LIMIT_EXCEEDED"]
    if last == ["INVENTORY_SHORT"]:
        first.append("INSUFFICIENT_FUNDS")
    assert codes(placed) == first + last


def test_an_order_that_waited_over_the_new_year_counts_in_the_new_one(desk: Desk) -> None:
    """Its time was read before the lock: the old year's counter is gone by then."""
    anna = desk.client("2000000")
    new_year = datetime(2022, 12, 31, 21, 0, tzinfo=UTC)
    desk.buy(anna, amount_rub="590000", at=new_year + timedelta(seconds=1))
    late = desk.buy(anna, amount_rub="590000", at=new_year - timedelta(seconds=1))
    assert codes(late) == ["LIMIT_EXCEEDED"]
    assert desk.order(late).at == new_year


def test_the_annual_limit_is_reached_to_the_kopeck_and_not_beyond(desk: Desk) -> None:
    anna = desk.client("700000")
    for _ in range(5):
        assert not desk.buy(anna, amount_rub="100000").refusals
    left = D(600_000) - desk.used(anna)
    assert codes(desk.buy(anna, amount_rub=str(left + 400))) == ["LIMIT_EXCEEDED"]
    one, other = _exactly(left)
    assert not desk.buy(anna, quantity=one).refusals
    assert codes(desk.buy(anna, quantity=str(other + D("0.00000001")))) == ["LIMIT_EXCEEDED"]
    assert not desk.buy(anna, quantity=other).refusals
    assert desk.used(anna) == 600_000
    assert codes(desk.buy(anna, quantity="0.0001")) == ["LIMIT_EXCEEDED"]
    assert desk.broken() == []


def test_a_sale_frees_nothing_of_the_limit(desk: Desk) -> None:
    anna = desk.client("700000")
    desk.buy(anna, amount_rub="590000")
    used = desk.used(anna)
    desk.sell(anna, quantity="0.1")
    assert desk.used(anna) == used
    assert codes(desk.buy(anna, quantity="0.01")) == ["LIMIT_EXCEEDED"]


def test_what_was_not_there_to_sell_is_refused(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    assert codes(desk.sell(anna, quantity="0.10000001")) == ["INSUFFICIENT_FUNDS"]


def test_an_inventory_too_small_refuses_all_or_none_and_fills_in_part_otherwise(
    bank: models.Bank,
) -> None:
    desk = desks.open_desk(bank, stock="0.05")
    anna = desk.client("500000")
    assert codes(desk.buy(anna, quantity="0.1")) == ["INVENTORY_SHORT"]
    placed = desk.buy(anna, quantity="0.1", time_in_force="IOC")
    order = desk.order(placed)
    assert (order.status, order.filled_quantity) == ("CANCELED", D("0.05"))
    assert codes(desk.buy(anna, quantity="0.1", time_in_force="IOC")) == ["INVENTORY_SHORT"]
    assert desk.broken() == []


# --- Resting -------------------------------------------------------------------------------------


def test_a_limit_order_rests_reserves_and_lets_go_when_cancelled(desk: Desk) -> None:
    anna = desk.client("400000")
    placed = desk.buy(anna, quantity="0.1", limit_price_rub="2900000")
    order = desk.order(placed)
    reserved = D("291450")  # 290,000 and 0.5 %
    assert (order.status, order.reserved_limit_rub) == ("NEW", reserved)
    assert desk.cash(anna) == 400_000 - reserved
    assert desk.used(anna) == reserved
    assert order.expires_at == datetime(2022, 12, 31, 21, 0, tzinfo=UTC)  # Moscow's New Year
    assert desk.broken() == []
    assert desk.cancel(order).status == "CANCELED"
    assert (desk.cash(anna), desk.used(anna)) == (D(400_000), D(0))
    with pytest.raises(errors.Refused, match="STATUS_CONFLICT"):
        desk.cancel(order)
    assert desk.broken() == []


def test_a_resting_order_is_filled_when_the_price_comes(desk: Desk) -> None:
    anna = desk.client("400000")
    placed = desk.buy(anna, quantity="0.1", limit_price_rub="2900000")
    desk.work()
    assert desk.order(placed).status == "NEW"
    desk.work(FALLEN_AT)
    order = desk.order(placed)
    assert (order.status, order.hold_id, order.reserved_limit_rub) == ("FILLED", None, 0)
    assert desk.fills()[-1].price_rub == 2_864_250
    with desk.acting():
        assert not Hold.objects.filter(status="PENDING").exists()
    assert desk.broken() == []


def test_a_resting_order_is_filled_in_parts_as_inventory_comes(bank: models.Bank) -> None:
    desk = desks.open_desk(bank, stock="0.03")
    anna = desk.client("400000")
    placed = desk.buy(anna, quantity="0.1", limit_price_rub="3015000")
    order = desk.order(placed)
    assert (order.status, order.filled_quantity) == ("PARTIALLY_FILLED", D("0.03"))
    assert desk.broken() == []
    desk.stock("0.0333")
    desk.work()
    assert desk.order(placed).filled_quantity == D("0.0633")
    assert desk.broken() == []
    desk.stock("1")
    desk.work()
    assert desk.order(placed).status == "FILLED"
    assert desk.used(anna) == sum(fill.notional_rub + fill.fee_rub for fill in desk.fills())
    assert desk.broken() == []


def test_a_resting_sale_holds_the_coins(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    placed = desk.sell(anna, quantity="0.08", limit_price_rub="3500000")
    assert desk.order(placed).status == "NEW"
    assert codes(desk.sell(anna, quantity="0.03")) == ["INSUFFICIENT_FUNDS"]
    assert desk.broken() == []
    desk.cancel(desk.order(placed))
    assert not desk.sell(anna, quantity="0.1").refusals
    assert desk.broken() == []


def test_an_order_of_the_day_expires_at_midnight_in_moscow(desk: Desk) -> None:
    anna = desk.client("400000")
    placed = desk.buy(anna, quantity="0.1", limit_price_rub="2900000", time_in_force="DAY")
    midnight = datetime(2022, 2, 24, 21, 0, tzinfo=UTC)
    desk.work(midnight - timedelta(seconds=1))
    assert desk.order(placed).status == "NEW"
    desk.work(midnight)
    assert desk.order(placed).status == "EXPIRED"
    assert (desk.cash(anna), desk.used(anna)) == (D(400_000), D(0))
    assert desk.broken() == []


def test_nothing_is_executed_while_the_licence_is_suspended(desk: Desk) -> None:
    anna = desk.client("400000")
    placed = desk.buy(anna, quantity="0.1", limit_price_rub="2900000")
    _suspend(desk.bank)
    desk.work(FALLEN_AT)
    assert desk.order(placed).status == "NEW"
    desk.cancel(desk.order(placed))  # but clients get out
    assert desk.broken() == []


# --- Lists ---------------------------------------------------------------------------------------


def test_a_list_is_decided_in_its_order_each_line_on_what_the_former_left(desk: Desk) -> None:
    anna, boris = desk.client("310000"), desk.client("310000")
    placed = desk.place(
        ask(anna, "BUY", quantity="0.1"),
        ask(anna, "BUY", quantity="0.1"),
        ask(anna, "SELL", quantity="0.1"),
        ask(anna, "BUY", quantity="0.09"),
        ask(boris, "BUY", quantity="0.1"),
    )
    assert [(each.order.status, codes(each)) for each in placed] == [
        ("FILLED", []),
        ("REJECTED", ["LIMIT_EXCEEDED", "INSUFFICIENT_FUNDS"]),
        ("FILLED", []),
        ("FILLED", []),
        ("FILLED", []),
    ]
    assert desk.coins(anna) == {"BTC": D("0.09")}
    assert desk.broken() == []


def test_an_own_id_is_used_once(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.01", client_order_id="mine")
    for asks in (
        [ask(anna, "BUY", quantity="0.01", client_order_id="mine")],
        [ask(anna, "BUY", quantity="0.01", client_order_id="x")] * 2,
    ):
        with pytest.raises(errors.Refused, match="CLIENT_ORDER_ID_TAKEN"):
            desk.place(*asks)
    assert len(desk.fills()) == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"quantity": "0.000000001"}, "quantity"),
        ({"amount_rub": "100.001"}, "amount_rub"),
        ({"quantity": "1", "limit_price_rub": "1.001"}, "limit_price_rub"),
    ],
)
def test_too_many_decimals_are_refused_whole(desk: Desk, said: Any, field: str) -> None:
    anna = desk.client()
    with pytest.raises(errors.Refused) as told:
        desk.buy(anna, **said)
    assert (told.value.code, told.value.facts["field"]) == ("AMOUNT_TOO_FINE", field)


# --- Busts ---------------------------------------------------------------------------------------


def test_a_bust_takes_entry_lots_and_limit_back(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    (fill,) = desk.fills()
    desk.bust(fill)
    assert (desk.cash(anna), desk.used(anna), desk.coins(anna)) == (D(400_000), D(0), {})
    assert desk.account("position", "BTC") == 10
    with desk.acting():
        assert Entry.objects.filter(reverses_id=fill.entry_id).count() == 1
    assert desk.broken() == []
    with pytest.raises(errors.Refused, match="FILL_BUSTED"):
        desk.bust(desk.fills()[0])


def test_a_sale_is_bust_and_its_lots_are_whole_again(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    desk.sell(anna, quantity="0.05")
    desk.bust(desk.fills()[1])
    assert desk.coins(anna) == {"BTC": D("0.1")}
    assert desk.broken() == []


def test_what_was_sold_since_cannot_be_bust(desk: Desk) -> None:
    anna = desk.client("400000")
    desk.buy(anna, quantity="0.1")
    desk.sell(anna, quantity="0.05")
    with pytest.raises(errors.Refused, match="FILL_SPENT"):
        desk.bust(desk.fills()[0])
    assert desk.broken() == []


def _end_licence(bank: models.Bank) -> None:
    with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
        licence = Licence.objects.get(bank=bank)
        licensing.operations.revoke_licence(licence_id=licence.pk, reason="late", at=AT)


def _suspend(bank: models.Bank) -> None:
    with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
        licence = Licence.objects.get(bank=bank)
        licensing.operations.suspend_licence(licence_id=licence.pk, reason="late", at=AT)


def _exactly(roubles: Decimal) -> tuple[Decimal, Decimal]:
    """Return two quantities that together cost exactly so much, fees included."""

    def cost(quantity: Decimal) -> Decimal:
        return pricing.cost(quantity, D(3_015_000), 50).to_pay_rub

    for step in range(100):  # a unit costs three kopecks: one in three sums is met
        one = D("0.01") + step * D("0.00000001")
        left = roubles - cost(one)
        other = pricing.quantity_for(left, D(3_015_000), 50, 8, buys=True)
        if cost(other) == left:
            return one, other
    raise AssertionError(roubles)
