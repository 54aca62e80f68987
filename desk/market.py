"""What the desk asks of a market: the price of an asset at a moment. Pure.

A price is a function of (source, at): it uses only what was known before `at`. The simulated
markets stand in `simulation/markets.py`; `settings.MARKET_BACKEND` names the one in use.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from decimal import Decimal
from typing import Protocol


@dataclasses.dataclass(frozen=True, slots=True)
class Price:
    """The middle of the market in roubles for one coin, known since `as_of`."""

    mid_rub: Decimal
    as_of: datetime
    source: str


class Market(Protocol):
    """Where prices come from."""

    def price(self, asset: str, at: datetime) -> Price:
        """Return the price known at a moment. Raises: PRICE_UNAVAILABLE."""
        ...
