"""A day of orders by seed: enough of them, in order, the same each time, none by strangers."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from simulation import plan, population
from simulation.plan import Order, Step
from simulation.population import VOLGA, Applicant

DAY = date(2022, 2, 24)
PEOPLE = population.applicants(1, 200, date(2022, 2, 22))


def the_day(seed: int = 1, people: list[Applicant] = PEOPLE) -> list[Step]:
    return plan.steps(seed, people, DAY, 0, 1)


@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_clients_send_two_thousand_orders_and_more(seed: int) -> None:
    people = population.applicants(seed, 200, date(2022, 2, 22))
    assert sum(isinstance(step.act, Order) for step in the_day(seed, people)) >= 2_000


def test_the_same_seed_gives_the_same_day_and_another_another() -> None:
    assert the_day() == the_day()
    assert the_day() != the_day(2)


def test_steps_stand_in_order_at_the_days_ticks() -> None:
    steps = the_day()
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    begin, end = plan.moment(DAY, "00:00"), plan.moment(DAY + timedelta(1), "00:00")
    for step in steps:
        assert begin <= step.at < end
        assert (step.at - begin) % plan.TICK == timedelta(0)


def test_nobody_trades_who_is_not_let_in_but_for_the_one_who_tries() -> None:
    in_ = {person.number for person in PEOPLE if person.comes_in}
    tries = {person.number for person in PEOPLE if person.part == "waiting"}
    assert {step.client for step in the_day() if step.client} - in_ == tries


def test_whoever_just_trades_sells_no_more_than_was_bought_at_the_market() -> None:
    story = {person.number for person in PEOPLE if person.part}
    too_much = 50_000
    held: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for step in the_day():
        order = step.act
        if isinstance(order, Order) and step.client not in story:
            assert order.amount_rub is not None
            whole = PEOPLE[step.client - 1].roubles * 3 + too_much
            if order.amount_rub >= whole - 100:  # who asks for more than there is
                continue
            if order.side == "SELL":
                held[step.client, order.instrument] -= order.amount_rub
                assert held[step.client, order.instrument] >= 0
            elif order.time_in_force != "DAY":
                held[step.client, order.instrument] += order.amount_rub


def test_the_second_banks_clients_wait_for_its_licence() -> None:
    licensed = plan.moment(DAY, "10:00")
    early = [step for step in the_day() if step.bank == VOLGA and step.at < licensed]
    assert {PEOPLE[step.client - 1].part for step in early} == {"early"}
