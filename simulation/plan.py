"""What clients, staff and the state do on a day, by seed: steps in their order. Pure.

Nobody in it knows a price: limits are said as a distance from the desk's price, which is asked
when the step is done. `TICK` is the day's grain: all steps are at its multiples.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from simulation.population import NORTH, VOLGA, Applicant, Habit

MOSCOW = ZoneInfo("Europe/Moscow")
TICK = timedelta(minutes=5)
BTC, ETH, TON, LTC = "BTC-RUB", "ETH-RUB", "TON-RUB", "LTC-RUB"

# What of the year's limit people spend in all the days: less than 600,000 and 50,000.
_TESTED_RUB, _UNTESTED_RUB = Decimal(560_000), Decimal(46_000)
_LEAST_RUB = Decimal(500)  # that somebody trades for


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """An order; with `away_bps` a limit so far from the desk's price, to the client's favour.

    `quote`: of the client's, asked for under that name before.
    """

    instrument: str
    side: str
    amount_rub: Decimal | None = None
    quantity: Decimal | None = None
    away_bps: int | None = None
    time_in_force: str = "FOK"
    quote: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Quote:
    """Two prices asked for, to be named later."""

    name: str
    instrument: str


@dataclasses.dataclass(frozen=True, slots=True)
class Cancel:
    """The end of the client's latest resting order, if one rests."""


@dataclasses.dataclass(frozen=True, slots=True)
class Deposit:
    """Roubles from an account: the client's own, or one that is another's."""

    amount_rub: Decimal
    is_own: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Withdraw:
    """Roubles to the client's own account."""

    amount_rub: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class Decide:
    """A second person's decision on the client's payout that waits."""

    approves: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Freeze:
    """The client, frozen by compliance."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bust:
    """The client's latest fill, taken back by two people."""


@dataclasses.dataclass(frozen=True, slots=True)
class Halt:
    """Trading in an instrument, stopped or opened again by the head of the desk."""

    instrument: str
    stops: bool


@dataclasses.dataclass(frozen=True, slots=True)
class License:
    """The bank's licence, granted by two officers; `anew`: applied for once more, for more."""

    anew: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Revoke:
    """The bank's licence, ended by the supervisor."""


@dataclasses.dataclass(frozen=True, slots=True)
class Suspend:
    """The bank's licence, suspended by the supervisor."""


Act = (
    Order
    | Quote
    | Cancel
    | Deposit
    | Withdraw
    | Decide
    | Freeze
    | Bust
    | Halt
    | License
    | Revoke
    | Suspend
)


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What is done at a moment in a bank; `client` is the applicant's number, 0 the bank's own."""

    at: datetime
    bank: str
    client: int
    act: Act


def moment(day: date, text: str) -> datetime:
    """Return a time of a Moscow day, written `09:05`."""
    return datetime.combine(day, time.fromisoformat(text), MOSCOW).astimezone(UTC)


def steps(seed: int, people: Sequence[Applicant], day: date, place: int, days: int) -> list[Step]:
    """Return the steps of a day, the `place`-th (from 0) of so many; the earliest first.

    Of steps at one moment those of a bank keep the order in which they stand here.
    """
    found: list[Step] = []
    for person in people:
        chance = random.Random(f"day/{seed}/{place}/{person.number}")  # noqa: S311
        found += _persons(chance, person, day, place, days)
    found += _story(people, day, is_first=place == 0, is_last=place == days - 1)
    return sorted(found, key=lambda step: step.at)


# --- Who just trades -----------------------------------------------------------------------------


def _persons(
    chance: random.Random, person: Applicant, day: date, place: int, days: int
) -> Iterator[Step]:
    opens = "10:05" if person.bank == VOLGA else "06:30"
    if place == 0 and person.comes_in:
        yield Step(moment(day, opens), person.bank, person.number, Deposit(person.roubles))
    if not person.comes_in or person.part:
        return
    number = {
        Habit.SAVER: chance.randrange(2, 6),
        Habit.TRADER: chance.randrange(15, 27),
        Habit.PATIENT: chance.randrange(7, 14),
        Habit.FIRM: chance.randrange(5, 12),
    }[person.habit]
    acts = _orders(chance, person, number, _budget(person) / days)
    ticks = _ticks(chance, moment(day, opens) + 3 * TICK, moment(day, "23:20"), number)
    for at, each in zip(ticks, acts, strict=True):
        yield from (Step(at, person.bank, person.number, act) for act in each)
    if person.habit is Habit.PATIENT and chance.random() < 0.6:
        yield Step(moment(day, "22:00"), person.bank, person.number, Cancel())
    if person.habit is not Habit.SAVER and chance.random() < 0.35:
        at = moment(day, "21:00") + chance.randrange(30) * TICK
        wanted = _round(person.roubles * Decimal(chance.choice(("0.1", "0.2", "0.3"))))
        yield Step(at, person.bank, person.number, Withdraw(min(wanted, Decimal(2_000_000))))


def _budget(person: Applicant) -> Decimal:
    """Return for how much somebody buys in all: what is sold in between pays for a part."""
    if person.is_firm or person.shown_rub is not None:
        return person.roubles * Decimal("1.2")
    most = _TESTED_RUB if person.passes_test else _UNTESTED_RUB
    return min(person.roubles * Decimal("1.2"), most)


def _orders(
    chance: random.Random, person: Applicant, number: int, budget: Decimal
) -> list[tuple[Act, ...]]:
    """Return what is done at each of so many moments; whoever sells has bought before."""
    each = _round(budget / max(number // 2 + 1, 2))
    held: dict[str, Decimal] = {BTC: Decimal(0), ETH: Decimal(0)}
    found: list[tuple[Act, ...]] = []
    for place in range(number):
        instrument = chance.choices((BTC, ETH), weights=(7, 3))[0]
        may_sell = person.habit is not Habit.SAVER and held[instrument] >= 2 * _LEAST_RUB
        sells = may_sell and chance.random() < 0.5
        waits = person.habit is Habit.PATIENT and (place > 1 or sells)
        amount = _round((held[instrument] if sells else each) * chance.randrange(45, 86) / 100)
        if chance.random() < 0.03:  # more than there is
            amount = _round(person.roubles * 3 + 50_000)
        elif sells:
            held[instrument] -= amount
        elif not waits:  # who names a price may never get it
            held[instrument] += amount
        order = Order(instrument, "SELL" if sells else "BUY", amount)
        found.append(_asked(chance, order, f"q{place}", waits=waits))
    return found


def _asked(chance: random.Random, order: Order, name: str, *, waits: bool) -> tuple[Act, ...]:
    """Return how it is asked for: at a price, at a quote, or mostly at the market."""
    if waits:
        away = chance.choice((15, 30, 60, 100, 160, 240))
        return (dataclasses.replace(order, away_bps=away, time_in_force="DAY"),)
    drawn = chance.random()
    if drawn < 0.06:
        return Quote(name, order.instrument), dataclasses.replace(order, quote=name)
    if drawn < 0.12:
        return (dataclasses.replace(order, away_bps=chance.choice((-40, 5)), time_in_force="IOC"),)
    return (order,)


def _ticks(chance: random.Random, first: datetime, last: datetime, number: int) -> list[datetime]:
    there = (last - first) // TICK
    return sorted(first + chance.randrange(there) * TICK for _ in range(number))


def _round(amount: Decimal) -> Decimal:
    """Return whole hundreds of roubles."""
    return max((amount / 100).quantize(Decimal(1)) * 100, _LEAST_RUB)


# --- The story -----------------------------------------------------------------------------------


def _story(
    people: Iterable[Applicant], day: date, *, is_first: bool, is_last: bool
) -> Iterator[Step]:
    cast = {person.part: person for person in people if person.part}

    def step(clock: str, part: str, act: Act) -> Step:
        return Step(moment(day, clock), cast[part].bank, cast[part].number, act)

    def of_bank(clock: str, bank: str, act: Act) -> Step:
        return Step(moment(day, clock), bank, 0, act)

    if is_first:
        for clock, part, act in _FIRST_DAY:
            yield step(clock, part, act)
        yield of_bank("07:00", VOLGA, License())
        yield of_bank("08:30", VOLGA, Revoke())
        yield of_bank("10:00", VOLGA, License(anew=True))
    yield of_bank("13:00", NORTH, Halt(ETH, stops=True))
    yield of_bank("13:30", NORTH, Halt(ETH, stops=False))
    for clock, part, act in _EVERY_DAY:
        yield step(clock, part, act)
    if is_last:
        yield of_bank("23:30", VOLGA, Suspend())
        for clock, part, act in _LAST_DAY:
            yield step(clock, part, act)


def _roubles(amount: int) -> Decimal:
    return Decimal(amount)


def _buy(instrument: str, amount: int) -> Order:
    return Order(instrument, "BUY", _roubles(amount))


def _sell(instrument: str, amount: int) -> Order:
    return Order(instrument, "SELL", _roubles(amount))


_FIRST_DAY: tuple[tuple[str, str, Act], ...] = (
    ("06:30", "early", _buy(BTC, 10_000)),  # LICENCE_MISSING
    ("06:35", "early", Deposit(Decimal(300_000))),  # the same
    ("07:00", "abroad", _buy(BTC, 150_000)),
    ("07:05", "anna", _buy(BTC, 200_000)),
    ("07:05", "early", Deposit(Decimal(120_000))),
    ("07:10", "early", _buy(BTC, 10_000)),  # ACTIVITY_NOT_PERMITTED
    *((f"08:{5 * n:02}", "limit", _buy(BTC, 95_000)) for n in range(6)),
    ("09:00", "early", _buy(BTC, 10_000)),  # LICENCE_REVOKED
    ("09:05", "early", Withdraw(Decimal(100_000))),  # and yet out
    ("09:10", "untested", Deposit(Decimal(50_000), is_own=False)),  # ACCOUNT_NOT_OWN
    ("09:30", "untested", _buy(BTC, 60_000)),  # TEST_REQUIRED, LIMIT_EXCEEDED
    ("09:35", "untested", _buy(BTC, 40_000)),
    ("09:40", "failed", _buy(BTC, 55_000)),  # the same
    ("10:00", "waiting", _buy(BTC, 10_000)),  # CLIENT_NOT_OPEN
    ("10:10", "late", _buy(BTC, 150_000)),
    ("10:15", "late", Quote("once", BTC)),
    ("10:15", "late", Order(BTC, "BUY", Decimal(10_000), quote="once")),
    ("10:15", "late", Order(BTC, "BUY", Decimal(5_000), quote="once")),  # QUOTE_USED
    ("10:20", "rich", _buy(BTC, 3_000_000)),
    ("10:25", "exposed", _buy(ETH, 100_000)),
    ("10:30", "firm", _buy(BTC, 1_000_000)),  # CATEGORY_NOT_PERMITTED
    ("10:30", "busted", _buy(BTC, 100_000)),
    ("10:40", "frozen", _buy(BTC, 120_000)),
    ("11:00", "busted", Bust()),
    ("11:00", "limit", _buy(BTC, 60_000)),  # LIMIT_EXCEEDED
    ("11:30", "greedy", Order(ETH, "BUY", quantity=Decimal(150))),  # INVENTORY_SHORT
    ("11:35", "greedy", _buy(BTC, 20_000_000)),
    ("12:00", "frozen", Freeze()),
    ("12:05", "frozen", _sell(BTC, 20_000)),  # CLIENT_FROZEN
    ("12:05", "frozen", Withdraw(Decimal(50_000))),  # the same
    ("18:00", "pays_out", Withdraw(Decimal(3_500_000))),
    ("18:30", "pays_out", Decide(approves=False)),
    ("19:00", "rich", _sell(BTC, 2_500_000)),
    ("19:05", "rich", Withdraw(Decimal(4_000_000))),
    ("19:30", "rich", Decide(approves=True)),
    ("22:50", "anna", _sell(BTC, 190_000)),
    ("22:50", "abroad", _sell(BTC, 145_000)),
    ("23:00", "anna", Withdraw(Decimal(150_000))),
    ("23:00", "abroad", Withdraw(Decimal(100_000))),
)
_EVERY_DAY: tuple[tuple[str, str, Act], ...] = (
    ("13:05", "anna", _buy(ETH, 5_000)),  # INSTRUMENT_HALTED
    ("14:00", "anna", _buy(TON, 5_000)),  # PRICE_UNAVAILABLE
    ("14:05", "anna", _buy(LTC, 5_000)),  # ASSET_NOT_ADMITTED
    ("14:10", "anna", Order(BTC, "BUY", quantity=Decimal("0.00001"))),  # QUANTITY_OUT_OF_BOUNDS
    ("14:20", "anna", Quote("slow", BTC)),
    ("14:25", "anna", Order(BTC, "BUY", Decimal(5_000), quote="slow")),  # QUOTE_EXPIRED
    ("14:30", "anna", Order(BTC, "BUY", Decimal(5_000), None, 300, "IOC")),  # PRICE_NOT_REACHED
    ("14:35", "anna", Order(ETH, "SELL", quantity=Decimal(5))),  # INSUFFICIENT_FUNDS
)
_LAST_DAY: tuple[tuple[str, str, Act], ...] = (
    ("23:35", "late", _buy(BTC, 5_000)),  # LICENCE_SUSPENDED
    ("23:40", "late", Withdraw(Decimal(100_000))),  # and yet out
)
