"""How much tax is withheld: the scale, the partial-payout rule, when it is remitted. Pure.

Money in roubles; tax in whole ones, half up. Source: NDFL-RATE, NDFL-WH, NDFL-RND-01.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

Scale = Sequence[tuple[Decimal | None, Decimal]]

_ROUBLE = Decimal(1)


def rounded(amount: Decimal) -> Decimal:
    """Return whole roubles: below 50 kopecks dropped, from 50 on up."""
    return amount.quantize(_ROUBLE, ROUND_HALF_UP)


def tax_on(base_rub: Decimal, scale: Scale) -> Decimal:
    """Return the cumulative tax on a year's result, in whole roubles; a loss bears none."""
    tax, floor = Decimal(0), Decimal(0)
    for up_to, rate in scale:
        top = base_rub if up_to is None else min(base_rub, up_to)
        if top > floor:
            tax += (top - floor) * rate
            floor = top
    return rounded(tax)


def marginal_rate(base_rub: Decimal, scale: Scale) -> Decimal:
    """Return the rate of the band in which the last rouble of the base lies."""
    for up_to, rate in scale:
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
    cumulative = tax_on(base_rub, scale)
    still_due = max(cumulative - withheld_before_rub, Decimal(0))
    over = max(withheld_before_rub - cumulative, Decimal(0))
    if cumulative > payout_rub:
        part = rounded(payout_rub * marginal_rate(base_rub, scale))
        return Due(cumulative, min(part, still_due, _whole(payout_rub)), over)
    return Due(cumulative, min(still_due, _whole(payout_rub)), over)


def at_year_end(
    *, base_rub: Decimal, withheld_before_rub: Decimal, available_rub: Decimal, scale: Scale
) -> Due:
    """Return what is withheld after the year's end from the roubles that there are."""
    cumulative = tax_on(base_rub, scale)
    still_due = max(cumulative - withheld_before_rub, Decimal(0))
    over = max(withheld_before_rub - cumulative, Decimal(0))
    return Due(cumulative, min(still_due, _whole(available_rub)), over)


def _whole(amount: Decimal) -> Decimal:
    return max(amount // 1, Decimal(0))


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
