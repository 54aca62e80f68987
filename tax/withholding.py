"""How much tax is withheld: the scale, the partial-payout rule, when it is remitted. Pure.

Money in roubles; tax in the scale's whole ones, half up. Source: NDFL-RATE, NDFL-WH, NDFL-RND-01.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """Rates by band, (up to roubles, rate), the last without end; tax is in steps of roubles."""

    bands: Sequence[tuple[Decimal | None, Decimal]]
    rounding_rub: Decimal

    def rounded(self, amount: Decimal) -> Decimal:
        """Return whole steps, half up: below 50 kopecks dropped where the step is a rouble."""
        steps = (amount / self.rounding_rub).quantize(_ONE, ROUND_HALF_UP)
        return steps * self.rounding_rub

    def whole(self, amount: Decimal) -> Decimal:
        """Return the whole steps that an amount covers."""
        return max(amount // self.rounding_rub * self.rounding_rub, _ZERO)


def tax_on(base_rub: Decimal, scale: Scale) -> Decimal:
    """Return the cumulative tax on a year's result; a loss bears none."""
    tax, floor = _ZERO, _ZERO
    for up_to, rate in scale.bands:
        top = base_rub if up_to is None else min(base_rub, up_to)
        if top > floor:
            tax += (top - floor) * rate
            floor = top
    return scale.rounded(tax)


def marginal_rate(base_rub: Decimal, scale: Scale) -> Decimal:
    """Return the rate of the band in which the last rouble of the base lies."""
    for up_to, rate in scale.bands:
        if up_to is None or base_rub <= up_to:
            return rate
    raise AssertionError("a scale's last band has no end")


@dataclasses.dataclass(frozen=True, slots=True)
class Due:
    """What is withheld now. `cumulative_rub`: the tax on the whole year's result so far.

    `over_rub`: what was withheld before beyond that, owed to the client.
    """

    cumulative_rub: Decimal
    withheld_rub: Decimal
    over_rub: Decimal


def at_payout(
    *, base_rub: Decimal, withheld_before_rub: Decimal, payout_rub: Decimal, scale: Scale
) -> Due:
    """Return what is withheld from a payout by the partial-payout rule.

    The cumulative tax greater than the payout: rate x payout, at the marginal rate of the base (an
    assumption where the base straddles a step), and never more than is still due. Else all that is
    due: the cumulative tax less what was withheld before.
    """
    cumulative, still_due, over = _reckoned(base_rub, withheld_before_rub, scale)
    if cumulative > payout_rub:
        part = scale.rounded(payout_rub * marginal_rate(base_rub, scale))
        return Due(cumulative, min(part, still_due, scale.whole(payout_rub)), over)
    return Due(cumulative, min(still_due, scale.whole(payout_rub)), over)


def at_year_end(
    *, base_rub: Decimal, withheld_before_rub: Decimal, available_rub: Decimal, scale: Scale
) -> Due:
    """Return what is withheld after the year's end from the roubles that there are."""
    cumulative, still_due, over = _reckoned(base_rub, withheld_before_rub, scale)
    return Due(cumulative, min(still_due, scale.whole(available_rub)), over)


def _reckoned(
    base_rub: Decimal, withheld_rub: Decimal, scale: Scale
) -> tuple[Decimal, Decimal, Decimal]:
    """Return the cumulative tax, what of it is still due, and what was withheld beyond it."""
    cumulative = tax_on(base_rub, scale)
    still_due = cumulative - withheld_rub
    return cumulative, max(still_due, _ZERO), max(-still_due, _ZERO)


# --- A payout over the New Year ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class YearSoFar:
    """A client's year before a payout; `ended`: the payout falls in the month after it.

    `scale` None: the bank withholds nothing of it under `regime`.
    """

    year: int
    ended: bool
    base_rub: Decimal
    withheld_rub: Decimal
    scale: Scale | None
    regime: str

    def due(self, payout_rub: Decimal) -> Due:
        """Return what is withheld of the year from so many roubles."""
        if self.scale is None:
            return Due(_ZERO, _ZERO, _ZERO)
        so_far = {"base_rub": self.base_rub, "withheld_before_rub": self.withheld_rub}
        if self.ended:
            return at_year_end(**so_far, available_rub=payout_rub, scale=self.scale)
        return at_payout(**so_far, payout_rub=payout_rub, scale=self.scale)


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """What a payout bears of one year; `payout_rub` is what the year before it leaves."""

    so_far: YearSoFar
    payout_rub: Decimal
    due: Due


def of_payout(payout_rub: Decimal, years: Iterable[YearSoFar]) -> list[Part]:
    """Return what a payout bears, year by year.

    The year that has ended comes first and takes all that it still owes; the running one is
    withheld by the partial-payout rule from what that leaves (an assumption).
    """
    parts, left = [], payout_rub
    for each in sorted(years, key=lambda each: each.year):
        due = each.due(left)
        if due.withheld_rub or not each.ended:
            parts.append(Part(each, left, due))
            left -= due.withheld_rub
    return parts


# --- When it is remitted -------------------------------------------------------------------------


def remittance_date(withheld_on: date, rule: str, next_working_day: Callable[[date], date]) -> date:
    """Return by when tax withheld on a day goes to the budget.

    `rule` is the rulebook's `ndfl_remittance_rule`; `next_working_day(d)` is d itself on one.
    Source: NDFL-WH-06 (twice_a_month); the two older rules are unverified.
    """
    if rule == "month_after_withholding":
        return next_working_day(_plus_month(withheld_on))
    if withheld_on.month == 12 and withheld_on.day >= 23:
        return _last_working_day(withheld_on.year, next_working_day)
    if rule == "twice_a_month":
        if withheld_on.day <= 22:
            return next_working_day(withheld_on.replace(day=28))
        return next_working_day(_plus_month(withheld_on.replace(day=5)))
    assert rule == "28th_after_23rd_to_22nd", rule
    if withheld_on.month == 1 and withheld_on.day <= 22:
        return next_working_day(date(withheld_on.year, 1, 28))
    month = withheld_on.replace(day=28)
    return next_working_day(month if withheld_on.day <= 22 else _plus_month(month))


def _plus_month(day: date) -> date:
    first = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _last_working_day(year: int, next_working_day: Callable[[date], date]) -> date:
    day = date(year, 12, 31)
    while next_working_day(day) != day:
        day -= timedelta(days=1)
    return day
