"""A day of orders by seed: enough of them, in order, the same each time, none by strangers."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, time, timedelta
from decimal import Decimal

import pytest

from common import clock
from simulation import plan, population
from simulation.plan import Act, Deposit, Halt, License, Order, Revoke, Step, Suspend
from simulation.population import VOLGA, Applicant

DAY = date(2022, 2, 24)
PEOPLE = population.applicants(1, 200, date(2022, 2, 22))


def the_day(seed: int = 1, people: list[Applicant] = PEOPLE) -> list[Step]:
    return plan.steps(seed, people, DAY, 0, 1)


def two_days(seed: int = 1) -> list[list[Step]]:
    return [plan.steps(seed, PEOPLE, DAY + timedelta(place), place, 2) for place in range(2)]


def story(steps: list[Step]) -> Counter[tuple[time, str, Act]]:
    """What the banks and those who have a part do, each at its time of the day."""
    parts = {person.number: person.part for person in PEOPLE if person.part} | {0: "the bank"}
    return Counter(
        (step.at.astimezone(plan.MOSCOW).time(), parts[step.client], step.act)
        for step in steps
        if step.client in parts
    )


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
    volga = [step for step in the_day() if step.bank == VOLGA and step.client]
    early = [step for step in volga if step.at < licensed]
    assert {PEOPLE[step.client - 1].part for step in early} == {"early"}


# --- Two days ------------------------------------------------------------------------------------


def test_two_days_begin_the_story_once_and_end_it_once() -> None:
    first, last = (story(day) for day in two_days())
    assert first | last == story(the_day())
    begun, daily, ended = first - last, first & last, last - first
    assert {part for _, part, _ in daily} == {"the bank", "anna"}
    assert {act for _, part, act in daily if part == "the bank"} == {
        Halt(plan.ETH, stops=True), Halt(plan.ETH, stops=False)
    }  # fmt: skip
    assert [act for _, part, act in begun if part == "the bank"] == [
        License(), Revoke(), License(anew=True)
    ]  # fmt: skip
    assert [act for _, part, act in ended if part == "the bank"] == [Suspend()]
    assert {part for _, part, _ in ended} == {"the bank", "late"}


def test_on_each_of_two_days_everybody_trades_who_just_trades() -> None:
    trade = {person.number for person in PEOPLE if person.comes_in and not person.part}
    for place, steps in enumerate(two_days()):
        assert trade <= {step.client for step in steps if isinstance(step.act, Order)}
        assert {clock.business_date(step.at) for step in steps} == {DAY + timedelta(place)}


def test_roubles_are_brought_on_the_first_of_two_days() -> None:
    first, last = two_days()
    brought = {step.client for step in first if isinstance(step.act, Deposit) and step.act.is_own}
    assert {person.number for person in PEOPLE if person.comes_in} <= brought
    assert not [step for step in last if isinstance(step.act, Deposit)]


def test_the_same_seed_gives_the_same_two_days_and_another_others() -> None:
    assert two_days() == two_days()
    for one, other in zip(two_days(), two_days(2), strict=True):
        assert one != other
