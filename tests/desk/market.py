"""Markets of tests: one that stands still but for an afternoon on which a bitcoin falls by five per
cent, and one that never does."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from common import errors
from desk.market import Price
from simulation.markets import Fixed

FALLEN_AT = datetime(2022, 2, 24, 12, 0, tzinfo=UTC)
RISEN_AT = datetime(2022, 2, 24, 15, 0, tzinfo=UTC)


class OneFall(Fixed):
    """The anchors, and 2,850,000 for a bitcoin from `FALLEN_AT` to `RISEN_AT`."""

    def price(self, asset: str, at: datetime) -> Price:
        """Return the price. Raises: PRICE_UNAVAILABLE."""
        if asset == "BTC" and FALLEN_AT <= at < RISEN_AT:
            return Price(Decimal(2_850_000), at, "fallen")
        return super().price(asset, at)


class Swings(Fixed):
    """Another price every hour and in some hours none: dear and cheap, even and odd."""

    MIDS = (
        "3000000", "2850000", "3141592.65", "", "2400000.01", "2850000", "3000000.37", "3600000",
    )  # fmt: skip

    @classmethod
    def mid(cls, at: datetime) -> Decimal | None:
        """Return the middle of the hour, None where there is none."""
        text = cls.MIDS[(at - FALLEN_AT) // timedelta(hours=1) % len(cls.MIDS)]
        return Decimal(text) if text else None

    def price(self, asset: str, at: datetime) -> Price:
        """Return the price. Raises: PRICE_UNAVAILABLE."""
        mid = self.mid(at)
        if mid is None:
            raise errors.Refused("PRICE_UNAVAILABLE", {"asset": asset, "at": at})
        return Price(mid, at, "swings")
