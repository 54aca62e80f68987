"""Markets that nobody trades on: a fixed price, a seeded walk, and candles of the past replayed.

Each gives the middle of the market in roubles as a pure function of (source, asset, at), from what
was known before `at`. `settings.MARKET_BACKEND` names one.
"""

from __future__ import annotations

import bisect
import csv
import gzip
import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import IO

from django.conf import settings

from common import errors
from desk.market import Price

KOPECK = Decimal("0.01")

# Where the walk wanders about, in roubles; of the order of February 2022. Assumptions.
ANCHORS = {"BTC": 3_000_000, "ETH": 210_000, "USDT": 77}
# The walk's waves: how long one lasts in minutes, and how far it bends the logarithm of the price.
_WAVES = ((525_600, 0.3), (43_200, 0.1), (1_440, 0.05), (360, 0.025), (60, 0.006), (1, 0.0008))
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Fixed:
    """Every asset at its anchor, always."""

    def price(self, asset: str, at: datetime) -> Price:
        """Return the anchor. Raises: PRICE_UNAVAILABLE."""
        return Price(Decimal(_anchor(asset, at)), at, "fixed")


class Generated:
    """A walk about the anchors, the same for the same seed: value noise in waves, minute by minute.

    Any moment is computed by itself, so every process agrees and no state is kept.
    """

    def __init__(self, seed: str = "") -> None:
        self.seed = seed or settings.MARKET_SEED

    def price(self, asset: str, at: datetime) -> Price:
        """Return the price of the last full minute. Raises: PRICE_UNAVAILABLE."""
        minute = (at - _EPOCH) // timedelta(minutes=1)
        mid = _walk(self.seed, asset, minute, _anchor(asset, at))
        return Price(mid, _EPOCH + timedelta(minutes=minute), f"generated:{self.seed}")


class Replay:
    """Candles against the dollar out of `folder`, and the rouble's rate at the day's opening.

    A candle is known from its end on; the opening rate, from the UTC day's begin on. What is older
    than `STALE` is no price. Of several files of an asset the finest candle that is not stale
    counts.
    """

    STALE = timedelta(hours=30)
    STALE_RATE = timedelta(days=15)  # over the New Year nobody fixes a rate

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(settings.DATA_DIR) / "market"

    def price(self, asset: str, at: datetime) -> Price:
        """Return the last closed candle's end at the last known rate. Raises: PRICE_UNAVAILABLE."""
        closed = [
            (found[0], -length, found[1])  # of those that end together, the finest
            for path, length in _candle_files(self.folder, asset)
            if (found := _last(_candles(path, length), at, self.STALE)) is not None
        ]
        rates = self.folder / "USDRUB_daily_yahoo_2013_2024-07.csv"
        rate = _last(_rates(rates), at, self.STALE_RATE) if rates.exists() else None
        if not closed or rate is None:
            raise _unavailable(asset, at)
        as_of, _, dollars = max(closed)
        return Price((dollars * rate[1]).quantize(KOPECK), as_of, f"replay:{asset}USDT x USDRUB")


def _anchor(asset: str, at: datetime) -> int:
    if asset not in ANCHORS:
        raise _unavailable(asset, at)
    return ANCHORS[asset]


def _unavailable(asset: str, at: datetime) -> errors.Refused:
    return errors.Refused("PRICE_UNAVAILABLE", {"asset": asset, "at": at})


# --- The walk ------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _walk(seed: str, asset: str, minute: int, anchor: int) -> Decimal:
    bend = 0.0
    for period, height in _WAVES:
        step, within = divmod(minute, period)
        before = _noise(seed, asset, period, step)
        after = _noise(seed, asset, period, step + 1)
        part = within / period
        part = part * part * (3 - 2 * part)
        bend += height * (before + (after - before) * part)
    return Decimal(anchor * math.exp(bend)).quantize(KOPECK)


def _noise(seed: str, asset: str, period: int, step: int) -> float:
    """Return a number from -1 to 1 that the lattice point alone decides."""
    hashed = hashlib.blake2b(f"{seed}/{asset}/{period}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(hashed) / 2**63 - 1


# --- The files -----------------------------------------------------------------------------------

_Series = tuple[list[datetime], list[Decimal]]


def _last(series: _Series, at: datetime, stale: timedelta) -> tuple[datetime, Decimal] | None:
    known_at, values = series
    place = bisect.bisect_right(known_at, at) - 1
    if place < 0 or at - known_at[place] > stale:
        return None
    return known_at[place], values[place]


@cache
def _candle_files(folder: Path, asset: str) -> tuple[tuple[Path, timedelta], ...]:
    lengths = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
    return tuple(
        (path, length)
        for path in sorted(folder.glob(f"{asset}USDT_*.csv*"))
        for name, length in lengths.items()
        if f"_{name}_" in path.name
    )


@cache
def _candles(path: Path, length: timedelta) -> _Series:
    """Return when each candle was closed, and at what: `ts_utc` or `open_time_ms` is its begin."""
    rows = sorted((_begin(row) + length, Decimal(row["close"])) for row in _rows(path))
    return [at for at, _ in rows], [close for _, close in rows]


@cache
def _rates(path: Path) -> _Series:
    """Return from when on each day's opening rate was known, and the rate."""
    rows = [(row["Date"], row["Open"]) for row in _rows(path) if row["Open"]]
    known = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day, _ in rows]
    return known, [Decimal(rate) for _, rate in rows]


def _begin(row: dict[str, str]) -> datetime:
    if "open_time_ms" in row:
        return datetime.fromtimestamp(int(row["open_time_ms"]) / 1000, UTC)
    return datetime.fromisoformat(row["ts_utc"]).replace(tzinfo=UTC)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with _text(path) as text:
        yield from csv.DictReader(text)


def _text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")
