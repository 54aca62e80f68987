"""What a trade costs: two-way prices, notionals and fees. Pure; money in roubles.

Rounding favours the bank in the price (away from the middle, by the tick) and nobody in the
notional and the fee (kopecks, half up).
"""

from __future__ import annotations

import dataclasses
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal

KOPECK = Decimal("0.01")
_BPS = Decimal(10_000)


@dataclasses.dataclass(frozen=True, slots=True)
class TwoWay:
    """The desk buys at `bid_rub` and sells at `ask_rub`."""

    bid_rub: Decimal
    ask_rub: Decimal


def two_way(mid_rub: Decimal, spread_bps: int, tick_rub: Decimal) -> TwoWay:
    """Return the desk's prices around the middle: half of the spread to each side."""
    half = mid_rub * spread_bps / _BPS / 2
    return TwoWay(
        bid_rub=_to_tick(mid_rub - half, tick_rub, ROUND_FLOOR),
        ask_rub=_to_tick(mid_rub + half, tick_rub, ROUND_CEILING),
    )


def notional(quantity: Decimal, price_rub: Decimal) -> Decimal:
    """Return what a quantity comes to at a price."""
    return (quantity * price_rub).quantize(KOPECK, ROUND_HALF_UP)


def fee(notional_rub: Decimal, fee_bps: int) -> Decimal:
    """Return the bank's fee on a notional."""
    return (notional_rub * fee_bps / _BPS).quantize(KOPECK, ROUND_HALF_UP)


def quantity_for(
    amount_rub: Decimal, price_rub: Decimal, fee_bps: int, scale: int, *, buys: bool
) -> Decimal:
    """Return the most that an amount buys with the fee in it, or the least whose sale brings it.

    In the asset's decimals, rounded down: a purchase never costs more than the amount, a sale's
    gross proceeds never exceed it.
    """
    unit = Decimal(1).scaleb(-scale)
    gross = amount_rub / (1 + fee_bps / _BPS) if buys else amount_rub
    quantity = (gross / price_rub).quantize(unit, ROUND_DOWN)
    while quantity > 0 and _takes(quantity, price_rub, fee_bps, buys=buys) > amount_rub:
        quantity -= unit
    return max(quantity, Decimal(0))


def _takes(quantity: Decimal, price_rub: Decimal, fee_bps: int, *, buys: bool) -> Decimal:
    value = notional(quantity, price_rub)
    return value + fee(value, fee_bps) if buys else value


def _to_tick(price_rub: Decimal, tick_rub: Decimal, rounding: str) -> Decimal:
    return (price_rub / tick_rub).to_integral_value(rounding) * tick_rub
