"""A business day of the desk at a glance, against what was done on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext

import kyc.queries
import ledger.operations
import ledger.queries
import tax.queries
from common import models, tenancy, users
from desk import queries
from desk.queries import day
from ledger import chart
from tests.desk.desks import Desk, open_desk
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.kyc.clients import AT

D = Decimal
ON = date(2022, 2, 24)
EVENING = datetime(2022, 2, 24, 18, 20, tzinfo=UTC)  # 21:20 in Moscow
FEE = D("15075")  # of a bitcoin at 3,015,000


def trade(desk: Desk) -> None:
    """Sell a client a bitcoin, refuse two orders, bust a fill."""
    anna = desk.client("9000000", category="QUALIFIED")
    desk.buy(anna, quantity="1")
    desk.buy(anna, quantity="99")  # neither the money nor the inventory
    desk.buy(anna, quantity="5")  # not the money
    desk.buy(anna, quantity="0.5", at=AT + timedelta(hours=1))
    desk.bust(desk.fills()[-1], at=AT + timedelta(hours=2))


def test_the_day_s_trades_are_told_by_hour_and_side(desk: Desk) -> None:
    trade(desk)
    with desk.acting():
        found = day.turnover(ON)
        assert day.turnover(ON - timedelta(days=1)) == []
    assert found == [day.Turnover(desk.bank.pk, 12, "BUY", 1, D(3_015_000), FEE)]


def test_a_day_begins_and_ends_at_midnight_in_moscow(desk: Desk) -> None:
    anna = desk.client("9000000", category="QUALIFIED")
    for at in (datetime(2022, 2, 23, 21, tzinfo=UTC), datetime(2022, 2, 24, 21, tzinfo=UTC)):
        desk.buy(anna, quantity="0.1", at=at)
        desk.buy(anna, quantity="0.1", at=at - timedelta(seconds=1))
    with desk.acting():
        assert [(each.hour, each.fills) for each in day.turnover(ON)] == [(0, 1), (23, 1)]
        assert [each.orders for each in day.taken(ON)] == [2]


def test_refusals_count_under_each_code(desk: Desk) -> None:
    trade(desk)
    with desk.acting():
        assert day.taken(ON) == [day.Taken(desk.bank.pk, 4, 2)]
        assert day.refusals(ON) == {"INSUFFICIENT_FUNDS": 2, "INVENTORY_SHORT": 1}


def test_roubles_in_and_out_are_told_by_what_became_of_them(desk: Desk) -> None:
    anna = desk.client("9000000")
    desk.withdraw(anna, "400")
    desk.withdraw(anna, "3000000")
    desk.withdraw(anna, "99000000")
    with desk.acting():
        found = {each.kind: (each.count, each.gross_rub, each.net_rub) for each in day.flows(ON)}
    assert found == {
        "deposit": (1, D(9_000_000), D(9_000_000)),
        "PAID": (1, D(400), D(400)),
        "IN_REVIEW": (1, D(3_000_000), D(0)),
        "REFUSED": (1, D(99_000_000), D(0)),
    }


def test_the_result_follows_the_market_from_hour_to_hour(desk: Desk) -> None:
    trade(desk)
    with desk.acting():
        found = day.house_days(ON, EVENING)[desk.bank.pk]
    made = D(15_000) + FEE  # the spread's half on what was sold, and the fee
    with_the_bust = made * D("1.5")
    fallen = made - 9 * D(150_000)
    by_hour = (*[D(0)] * 12, made, with_the_bust, *[fallen] * 3, *[made] * 5)
    assert found.results_rub == by_hour
    assert FALLEN_AT.hour + 3 == 15  # so the hours that end at 15, 16 and 17 are worse
    assert RISEN_AT.hour + 3 == 18
    assert [(each.coin.code, each.quantity) for each in found.inventory] == [("BTC", D(9))]
    assert (found.exposure_rub, found.capital_rub) == (D(27_000_000), D(10**9))
    assert found.limit_rub == D(2 * 10**9)  # the own funds: the rulebook's share is the whole


def test_what_is_own_is_what_the_trial_balance_says(desk: Desk) -> None:
    trade(desk)
    boris = desk.client("9000000", category="QUALIFIED")
    for _ in range(3):  # before a close, after one, and after two: what came later is not in it
        desk.buy(boris, quantity="0.01")
        with desk.acting():
            book = ledger.queries.book_by_id(queries.house().book_id)
            for on in (ON, book.open_date):
                trial = {
                    (desk.bank.pk, line.line, line.asset): line.balance
                    for line in ledger.queries.trial_balance(book.pk, on)
                    if line.line in chart.OWN_LINES
                }
                own = ledger.queries.own_balances(on)
                assert {key: own[key] for key in trial} == trial
                assert trial
            ledger.operations.close_day(book_id=book.pk, business_date=book.open_date, at=EVENING)


def test_moves_and_the_day_before_make_the_day_s_balances(desk: Desk) -> None:
    trade(desk)
    with desk.acting():
        before = ledger.queries.own_balances(ON - timedelta(days=1))
        for move in ledger.queries.own_moves(ON):
            before[move.bank_id, move.line, move.asset] += move.amount
        assert before == ledger.queries.own_balances(ON)


def test_a_bank_sees_its_own_day_and_the_supervisor_all(
    desk: Desk, make_bank: Callable[[], models.Bank]
) -> None:
    trade(desk)
    other = open_desk(make_bank())
    trade(other)
    with other.acting():
        assert {each.bank_id for each in day.turnover(ON)} == {other.bank.pk}
        assert set(day.house_days(ON, EVENING)) == {other.bank.pk}
        assert {each.bank_id for each in kyc.queries.clients_by_status(ON)} == {other.bank.pk}
    with tenancy.acting(None, users.supervisor_of(desk.bank.jurisdiction_id)):
        banks = {desk.bank.pk, other.bank.pk}
        assert {each.bank_id for each in day.turnover(ON)} >= banks
        assert {each.bank_id for each in day.taken(ON)} >= banks
        assert set(day.house_days(ON, EVENING)) >= banks


def test_a_busier_day_takes_no_more_queries(desk: Desk) -> None:
    counts = []
    for _ in range(2):
        trade(desk)
        with desk.acting(), CaptureQueriesContext(connection) as captured:
            day.turnover(ON)
            day.taken(ON)
            day.refusals(ON)
            day.flows(ON)
            day.house_days(ON, EVENING)
        counts.append(len(captured))
    assert counts == [8, 8]


def test_clients_are_counted_by_status_with_those_of_the_day(desk: Desk) -> None:
    desk.client()
    with desk.acting():
        found = kyc.queries.clients_by_status(ON)
        assert found == [kyc.queries.Standings(desk.bank.pk, "OPEN", 1, 1, 1)]
        [later] = kyc.queries.clients_by_status(ON + timedelta(days=1))
    assert (later.clients, later.applied, later.opened) == (1, 0, 0)


def test_tax_is_told_by_the_day_that_it_was_withheld_on(desk: Desk) -> None:
    anna = desk.client("9000000", category="QUALIFIED")
    desk.buy(anna, quantity="1", at=FALLEN_AT)
    desk.sell(anna, quantity="1", at=RISEN_AT)
    paid = desk.withdraw(anna, "100000", at=RISEN_AT)
    assert paid.tax_rub > 0
    with desk.acting():
        found = tax.queries.withheld_by_day(ON - timedelta(days=1), ON)
        assert found == {(desk.bank.pk, ON): paid.tax_rub}
        assert tax.queries.withheld_by_day(ON - timedelta(days=9), ON - timedelta(days=1)) == {}
        assert tax.queries.to_remit() == (paid.tax_rub, date(2022, 3, 24))
