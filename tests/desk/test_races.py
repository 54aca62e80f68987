"""Orders that race, by real threads and real commits: whoever loses is told by a rule's code.

Night lets each race run for longer.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.utils import timezone

from common import errors, ids, models, tenancy, users
from common.errors import Refused
from config import run
from desk import operations
from desk.models import Fill, Order
from desk.operations import Placed
from kyc.models import Client
from tests.config.test_admin import add, session_of
from tests.desk import desks
from tests.desk.desks import Desk, ask, open_desk
from tests.desk.market import FALLEN_AT
from tests.desk.test_admin import url
from tests.desk.test_admin_entry import MARKET
from tests.faults.racing import Outcome, race
from tests.kyc.clients import AT
from tests.kyc.test_admin import submitted
from tests.ledger.reader import Reader
from tests.serving import environment, served

D = Decimal
EIGHT = 8
AT_MARKET = {"instrument": "BTC-RUB", "kind": "MARKET"}
_numbers = itertools.count(1)

rounds_of = pytest.mark.parametrize(
    "rounds", [5, pytest.param(300, marks=[pytest.mark.night, pytest.mark.timeout(3600)])]
)


def _told(placed: Placed) -> None:
    """Raise what refused an order, for a race to tell."""
    if placed.refusals:
        raise Refused(" ".join(desks.codes(placed)))


@rounds_of
def test_eight_buys_of_one_client_do_not_exceed_the_limit(desk: Desk, rounds: int) -> None:
    desk.stock(str(rounds * D("0.2")))  # what four of them come to, a round
    anna = [desk.client("5000000")]

    def attempt(number: int) -> None:
        _told(desk.buy(anna[0], amount_rub="149000"))

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["LIMIT_EXCEEDED"] * 4 + ["OK"] * 4
        assert D(595_000) < desk.used(anna[0]) <= 600_000
        anna[0] = desk.client("5000000")
        return False

    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


@rounds_of
def test_a_dialog_that_is_sent_eight_times_at_once_is_one_order(desk: Desk, rounds: int) -> None:
    anna = desk.client("5000000", category="QUALIFIED")
    dealer = add(desk.bank.code, users.Role.DEALER)
    browsers = [session_of(dealer) for _ in range(EIGHT)]
    order = MARKET | {"client_id": ids.show("cli", anna.pk), "quantity": "0.0001"}
    dialogs = [submitted(**order)]

    def attempt(number: int) -> None:
        answer = browsers[number].post(url(Order, "place_order"), dialogs[-1])
        if "HX-Redirect" not in answer:
            (told,) = answer.context["form"].non_field_errors()
            raise Refused(told)

    def judge(outcomes: list[Outcome]) -> bool:
        assert "OK" in outcomes
        assert set(outcomes) <= {"OK", "It is being done already."}
        with desk.acting():
            assert Order.objects.count() == len(dialogs)
        dialogs.append(submitted(**order))
        return False

    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


@rounds_of
def test_a_coin_is_sold_once(desk: Desk, rounds: int) -> None:
    firm = desk.client("50000000", kind="ENTITY")
    desk.buy(firm, quantity="1")

    def attempt(number: int) -> None:
        _told(desk.sell(firm, quantity="1"))

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["INSUFFICIENT_FUNDS"] * (EIGHT - 1) + ["OK"]
        assert desk.coins(firm) == {}
        _told(desk.buy(firm, quantity="1"))
        return False

    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


@rounds_of
def test_eight_clients_buy_the_last_coins(bank: models.Bank, rounds: int) -> None:
    desk = open_desk(bank, stock="3.5")
    firms = [desk.client("900000000", kind="ENTITY") for _ in range(EIGHT)]

    def attempt(number: int) -> None:
        _told(desk.buy(firms[number], quantity="1"))

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["INVENTORY_SHORT"] * 5 + ["OK"] * 3
        assert desk.account("position", "BTC") == D("0.5")
        for number, outcome in enumerate(outcomes):
            if outcome == "OK":
                _told(desk.sell(firms[number], quantity="1"))
        return False

    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


@rounds_of
def test_eight_clients_buy_the_last_coins_over_http(house: None, rounds: int) -> None:
    """Whom another overtook is decided once more by the view, in the house's own processes."""
    desk = open_desk(_bank(f"races{rounds}"), stock="3.5")
    keys = [_buyer(desk, f"buyer{number}") for number in range(EIGHT)]
    told: dict[str, tuple[str, str]] = {}  # the order and its status, by the client's own id

    def place(port: int, number: int, side: str) -> None:
        own = f"own-{next(_numbers)}"
        answer = requests.post(
            f"{run.address(port)}/v1/orders",
            json={"client_order_id": own, "quantity": "1", "side": side} | AT_MARKET,
            headers={"Authorization": f"Bearer {keys[number]}", "Idempotency-Key": own},
            timeout=30,
        )
        assert answer.status_code in (201, 422), answer.text
        said = answer.json()
        if answer.status_code == 422:
            told[own] = said["errors"][0]["facts"]["order"], "REJECTED"
            raise Refused(" ".join(each["code"] for each in said["errors"]))
        told[own] = said["id"], said["status"]

    with served(environ=environment()) as port:

        def judge(outcomes: list[Outcome]) -> bool:
            assert sorted(outcomes) == ["INVENTORY_SHORT"] * 5 + ["OK"] * 3
            assert desk.account("position", "BTC") == D("0.5")
            for number, outcome in enumerate(outcomes):
                if outcome == "OK":
                    place(port, number, "SELL")
            return False

        race(rounds, EIGHT, lambda number: place(port, number, "BUY"), judge)
    assert desk.broken() == []
    with desk.acting():
        kept = list(Order.objects.values_list("client_order_id", "pk", "status"))
    assert len(kept) == len(told) == rounds * (EIGHT + 3)
    assert {own: (ids.show("ord", key), status) for own, key, status in kept} == told
    assert Counter(status for _, status in told.values()) == {
        "FILLED": rounds * 6, "REJECTED": rounds * 5
    }  # fmt: skip


def _bank(code: str) -> models.Bank:
    """Open a bank in a state of its own, whose clock says AT."""
    state = users.register_jurisdiction(code=code, name=code, at=AT, wall_at=timezone.now())
    return users.register_bank(actor=users.supervisor_of(state.pk), code=f"{code}bank", name=code)


def _buyer(desk: Desk, name: str) -> str:
    """Return the key of a client with roubles enough."""
    office = users.job("tests", desk.bank.pk)
    with tenancy.acting(desk.bank.pk, office):
        user = users.create_user(
            username=name, name=name, role=users.Role.CLIENT, password="a long walk on the quay"
        )
    desk.client("900000000", kind="ENTITY", user=user)
    return Reader.of(user, office).key


@rounds_of
def test_a_cancel_against_a_fill(desk: Desk, rounds: int) -> None:
    """One of both ends the order; its roubles are spent or free, never both."""
    firm = desk.client("50000000", kind="ENTITY")
    resting: list[Order] = []

    def rest() -> None:
        placed = desk.buy(firm, quantity="0.01", limit_price_rub="2900000")
        resting[:] = [desk.order(placed)]

    rest()

    def attempt(number: int) -> None:
        if number % 2:
            with desk.acting():
                order = Order.objects.get(pk=resting[0].pk)
                operations.cancel_order(order=order, at=FALLEN_AT)
        else:
            with desk.acting():
                done = operations.work_order(order_id=resting[0].pk, at=FALLEN_AT)
            if done.status != "FILLED":
                raise errors.Refused(str(done.status))

    def judge(outcomes: list[Outcome]) -> bool:
        assert set(outcomes) <= {"OK", "STATUS_CONFLICT", "CANCELED"}
        with desk.acting():
            order = Order.objects.get(pk=resting[0].pk)
        if order.status == "CANCELED":
            assert outcomes[1::2].count("OK") == 1
            assert order.filled_quantity == 0
        else:
            assert (order.status, outcomes[1::2].count("OK")) == ("FILLED", 0)
        rest()
        return False

    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


@rounds_of
def test_cash_is_spent_or_paid_out(desk: Desk, rounds: int) -> None:
    """A purchase and withdrawals of the same roubles: one of them has the roubles."""
    desk.stock(str(rounds * D("0.1")))
    firm = desk.client("303007.50", kind="ENTITY")  # what a tenth of a coin costs

    def attempt(number: int) -> None:
        if number % 2:
            _told(desk.buy(firm, quantity="0.1"))
        else:
            row = desk.withdraw(firm, "303007.50")
            if row.codes:
                raise Refused(" ".join(row.codes))

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["INSUFFICIENT_FUNDS"] * (EIGHT - 1) + ["OK"]
        assert desk.cash(firm) == 0
        desk.deposit(firm, "303007.50")
        return False

    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


@rounds_of
def test_a_large_withdrawal_is_decided_once(desk: Desk, rounds: int) -> None:
    firm = desk.client("3000000", kind="ENTITY")
    waiting = [desk.withdraw(firm, "3000000")]

    def attempt(number: int) -> None:
        with desk.acting(f"checker{number}"):
            if number % 2:
                operations.approve_withdrawal(withdrawal=waiting[0], at=AT)
            else:
                operations.refuse_withdrawal(withdrawal=waiting[0], reason="no", at=AT)

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["OK"] + ["STATUS_CONFLICT"] * (EIGHT - 1)
        if outcomes.index("OK") % 2:
            desk.deposit(firm, "3000000")
        waiting[0] = desk.withdraw(firm, "3000000")
        return False

    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


@rounds_of
def test_a_coin_is_sold_or_its_purchase_taken_back(desk: Desk, rounds: int) -> None:
    firm = desk.client("50000000", kind="ENTITY")
    held: list[Fill] = []

    def buy() -> None:
        placed = desk.buy(firm, quantity="1")
        held[:] = [next(fill for fill in desk.fills() if fill.order_id == placed.order.pk)]

    def attempt(number: int) -> None:
        if number == 0:
            desk.bust(held[0])
        else:
            _told(desk.sell(firm, quantity="1"))

    def judge(outcomes: list[Outcome]) -> bool:
        assert outcomes.count("OK") == 1
        assert outcomes[0] in ("OK", "FILL_SPENT")
        assert set(outcomes[1:]) <= {"OK", "INSUFFICIENT_FUNDS"}
        assert desk.coins(firm) == {}
        buy()
        return False

    buy()
    race(rounds, EIGHT, attempt, judge)
    assert desk.broken() == []


def _lists(desk: Desk, firms: list[Client]) -> Callable[[int], Any]:
    def attempt(number: int) -> None:
        turned = firms if number % 2 else list(reversed(firms))
        desk.place(*(ask(firm, "BUY", quantity="0.001") for firm in turned))

    return attempt


@rounds_of
def test_lists_in_opposite_order_do_not_lock_each_other_out(desk: Desk, rounds: int) -> None:
    firms = [desk.client("900000000", kind="ENTITY") for _ in range(4)]

    def judge(outcomes: list[Outcome]) -> bool:
        assert outcomes == ["OK"] * EIGHT
        return False

    race(rounds, EIGHT, _lists(desk, firms), judge)
    assert desk.broken() == []
