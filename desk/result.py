"""What the desk has made: its position revalued, its fees, its expenses. Pure.

Source: the books' rule that the desk's profit and loss is its position accounts revalued, plus
fees, less expenses. Balances are on their lines' normal sides; of roubles, what was spent on coins
is a negative position.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

RUB = "RUB"
POSITION = "position"
Balances = Mapping[tuple[str, str], Decimal]  # by (line, asset)
Prices = Mapping[str, Decimal | None]  # roubles for a coin, None where the market has none

_ZERO = Decimal(0)


def exposure_rub(own: Balances, prices: Prices) -> Decimal | None:
    """Return what the desk's own coins are worth; None if one of them has no price."""
    total = _ZERO
    for (line, asset), quantity in own.items():
        if line != POSITION or not quantity:
            continue
        price = prices.get(asset)
        if price is None:
            return None
        total += quantity * price
    return total


def result_rub(own: Balances, prices: Prices) -> Decimal | None:
    """Return the desk's profit or loss since its first day; None if a coin has no price."""
    worth = exposure_rub(own, prices)
    if worth is None:
        return None
    income = sum(
        (own.get((line, RUB), _ZERO) for line in ("currency_position", "fees", "other_income")),
        worth,
    )
    return income - own.get(("expense", RUB), _ZERO)
