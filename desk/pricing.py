"""What a trade costs: two-way prices, notionals and fees. Pure; money in roubles.

Rounding favours the bank in the price (away from the middle, by the tick) and nobody in the
notional and the fee (kopecks, half up).
"""

from __future__ import annotations

import dataclasses
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal

from common import money

KOPECK, KOPECKS = Decimal("0.01"), 2
_BPS = Decimal(10_000)
_WIDE = Context(prec=78)


@dataclasses.dataclass(frozen=True, slots=True)
class TwoWay:
    """The desk buys at `bid_rub` and sells at `ask_rub`."""

    bid_rub: Decimal
    ask_rub: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """What a quantity comes to at a price, and the bank's fee on it."""

    notional_rub: Decimal
    fee_rub: Decimal

    @property
    def to_pay_rub(self) -> Decimal:
        """What a purchase takes."""
        return self.notional_rub + self.fee_rub

    @property
    def proceeds_rub(self) -> Decimal:
        """What a sale brings."""
        return self.notional_rub - self.fee_rub

    def within(self, reserved_rub: Decimal) -> Cost:
        """Return the same, but of no more than what was reserved for it.

        Parts of an order are rounded one by one; the kopeck too much is the bank's.
        """
        notional = min(self.notional_rub, reserved_rub)
        return Cost(notional, min(self.fee_rub, reserved_rub - notional))


NOTHING = Cost(Decimal(0), Decimal(0))


def two_way(mid_rub: Decimal, spread_bps: int, tick_rub: Decimal) -> TwoWay:
    """Return the desk's prices around the middle: half of the spread to each side."""
    half = mid_rub * spread_bps / _BPS / 2
    return TwoWay(
        bid_rub=_to_tick(mid_rub - half, tick_rub, ROUND_FLOOR),
        ask_rub=_to_tick(mid_rub + half, tick_rub, ROUND_CEILING),
    )


def cost(quantity: Decimal, price_rub: Decimal, fee_bps: int) -> Cost:
    """Return what a quantity costs at a price."""
    notional = money.round_half_up(_WIDE.multiply(quantity, price_rub), KOPECKS)
    return Cost(notional, money.round_half_up(_WIDE.multiply(notional, fee_bps / _BPS), KOPECKS))


def quantity_for(
    amount_rub: Decimal, price_rub: Decimal, fee_bps: int, scale: int, *, buys: bool
) -> Decimal:
    """Return the most that an amount buys, fee included, or the most sold for it; to the kopeck.

    In the asset's decimals, rounded down: a purchase never costs more than the amount, a sale's
    gross proceeds never exceed it.
    """
    unit = Decimal(1).scaleb(-scale)
    gross = _WIDE.divide(amount_rub, 1 + fee_bps / _BPS) if buys else amount_rub
    quantity = _WIDE.divide(gross, price_rub).quantize(unit, ROUND_DOWN, _WIDE)
    while quantity > 0 and _takes(quantity, price_rub, fee_bps, buys=buys) > amount_rub:
        quantity -= max(unit, _WIDE.divide(KOPECK, price_rub).quantize(unit, ROUND_CEILING, _WIDE))
    return max(quantity, Decimal(0))


def _takes(quantity: Decimal, price_rub: Decimal, fee_bps: int, *, buys: bool) -> Decimal:
    found = cost(quantity, price_rub, fee_bps)
    return found.to_pay_rub if buys else found.notional_rub


def _to_tick(price_rub: Decimal, tick_rub: Decimal, rounding: str) -> Decimal:
    return (price_rub / tick_rub).to_integral_value(rounding) * tick_rub
