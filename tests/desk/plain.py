"""Clients, orders and lots in plain integers, and the rules of each: what `model` is made of.

Roubles are counted in kopecks, coins in units of 10^-8. Written from the rules, with nothing of the
desk's or of tax's own code.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

from licensing.working_days import next_working_day

COIN, ROUBLE = 10**8, 100
MIN, MAX = COIN // 10_000, 8 * COIN
LARGE = 3_000_000 * ROUBLE
MOSCOW = timedelta(hours=3)
LIMITS = {"tested": 600_000 * ROUBLE, "untested": 50_000 * ROUBLE, "abroad": 600_000 * ROUBLE}
STEP = 5_000_000 * ROUBLE


@dataclasses.dataclass(eq=False)
class Quote:
    """Two prices, good for one order of so much at most, until they expire."""

    prices: tuple[int, int]
    expires_at: datetime
    most: int
    used: bool = False


def quotient(numerator: int, denominator: int) -> int:
    """Return the nearest whole number, half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def cost(quantity: int, price: int) -> tuple[int, int]:
    """Return the notional and the fee of half a per cent, each to the kopeck, half up."""
    notional = quotient(quantity * price, COIN)
    return notional, quotient(notional * 50, 10_000)


def amount(asset: str, units: int) -> Decimal:
    """Return what so many kopecks, or units of a coin, are in the asset."""
    return Decimal(units).scaleb(-2 if asset == "RUB" else -8)


def remit_by(day: date) -> date:
    """Return by when tax withheld on a day is remitted.

    In 2022 within a month; in 2023 what was withheld from the 23rd to the 22nd, by the 28th; since
    2024 twice a month; what is withheld from 23 December on, since 2023, on the last working day.
    """
    next_month = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    if day.year < 2023:
        after = date(next_month.year + next_month.month // 12, next_month.month % 12 + 1, 1)
        last = (after - timedelta(days=1)).day
        return next_working_day(next_month.replace(day=min(day.day, last)))
    if (day.month, day.day) >= (12, 23):
        last_day = date(day.year, 12, 31)
        while next_working_day(last_day) != last_day:
            last_day -= timedelta(days=1)
        return last_day
    if day.day <= 22:
        return next_working_day(day.replace(day=28))
    return next_working_day(next_month.replace(day=28 if day.year < 2024 else 5))


@dataclasses.dataclass(eq=False)
class Lot:
    fill: Fill
    quantity: int
    left: int
    cost_left: int


@dataclasses.dataclass(eq=False)
class Year:
    """A client's tax year: `over` was withheld too much, `short` is missing of it once it ended."""

    realised: int = 0
    withheld: int = 0
    over: int = 0
    short: int = 0
    closed: bool = False


@dataclasses.dataclass(eq=False)
class Client:
    """`name` says the category: tested, untested, abroad (no resident), qualified, firm."""

    name: str
    status: str = "OPEN"
    cash: int = 0
    held_cash: int = 0
    coins: int = 0
    held_coins: int = 0
    used: dict[int, int] = dataclasses.field(default_factory=lambda: defaultdict(int))
    years: dict[int, Year] = dataclasses.field(default_factory=dict)
    lots: list[Lot] = dataclasses.field(default_factory=list)

    @property
    def free_cash(self) -> int:
        return self.cash - self.held_cash

    @property
    def free_coins(self) -> int:
        return self.coins - self.held_coins

    def limit_left(self, year: int) -> int:
        return LIMITS.get(self.name, 10**15) - self.used[year]

    def tax_on(self, base: int) -> int:
        """Residents 13 %, above five millions 15 %; others 30 %; in whole roubles, half up."""
        if self.name == "firm" or base <= 0:
            return 0
        if self.name == "abroad":
            return quotient(base * 30, 100 * ROUBLE) * ROUBLE
        hundredths = min(base, STEP) * 13 + max(base - STEP, 0) * 15
        return quotient(hundredths, 100 * ROUBLE) * ROUBLE

    def missing(self, year: Year) -> int:
        """Return what a year still owes."""
        return max(self.tax_on(year.realised) - year.withheld, 0)

    def realise(self, number: int, result: int) -> None:
        """Add to a year's result; what is withheld too much, or of an ended year missing, follows.

        An ended year that owes again is open again.
        """
        year = self.years.setdefault(number, Year())
        year.realised += result
        year.over = max(year.withheld - self.tax_on(year.realised), 0)
        if year.closed or year.short:
            year.short = self.missing(year)
            year.closed = year.closed and not year.short

    def rate(self, base: int) -> int:
        """Return the percentage that the last rouble of the base bears."""
        if self.name == "abroad":
            return 30
        return 13 if base <= STEP else 15


@dataclasses.dataclass(eq=False)
class Ask:
    """An order as sent, by quantity or by amount; perhaps at a quote."""

    number: int
    client: str
    buys: bool
    force: str
    quantity: int | None = None
    amount: int | None = None
    limit: int | None = None
    quote: Quote | None = None

    @property
    def rests(self) -> bool:
        return self.force in ("GTC", "DAY")


@dataclasses.dataclass(eq=False)
class Order:
    ask: Ask
    year: int
    status: str
    codes: list[str]
    ordered: int
    filled: int = 0
    reserved: int = 0
    expires_at: datetime | None = None

    @property
    def is_resting(self) -> bool:
        return self.status in ("NEW", "PARTIALLY_FILLED")

    @property
    def left(self) -> int:
        return self.ordered - self.filled


@dataclasses.dataclass(eq=False)
class Fill:
    order: Order
    quantity: int
    price: int
    notional: int
    fee: int
    year: int
    slices: list[tuple[Lot, int, int]] = dataclasses.field(default_factory=list)
    result: int = 0
    busted: bool = False

    @property
    def brought(self) -> int:
        """What a sale brought."""
        return self.notional - self.fee


@dataclasses.dataclass(eq=False)
class Withdrawal:
    client: str
    status: str
    codes: list[str]
    gross: int
    tax: int = 0
    net: int = 0
