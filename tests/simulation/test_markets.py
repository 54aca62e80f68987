"""Prices as pure functions of source and moment, from what was known before."""

from __future__ import annotations

import gzip
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from common import errors
from simulation.markets import Generated, Replay

AT = datetime(2022, 2, 24, 9, 30, tzinfo=UTC)
RATES = "USDRUB_daily_yahoo_2013_2024-07.csv"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rates = "Date,Open,High,Low,Close\n2022-02-23,78,79,77,78.5\n2022-02-24,80,90,79,81\n"
    (tmp_path / RATES).write_text(rates)
    hours = "ts_utc,open,high,low,close,volume\n"
    hours += "2022-02-24 08:00:00,9,9,9,36000,1\n2022-02-24 09:00:00,9,9,9,37000,1\n"
    with gzip.open(tmp_path / "BTCUSDT_spot_1h_2022.csv.gz", "wt") as file:
        file.write(hours)
    minute = datetime(2022, 2, 24, 9, 28, tzinfo=UTC).timestamp() * 1000
    rows = f"open_time_ms,open,high,low,close\n{minute:.0f},9,9,9,36500\n"
    rows += f"{minute + 120_000:.0f},9,9,9,99999\n"
    rows += f"{minute + 31 * 60_000:.0f},9,9,9,36900\n"
    (tmp_path / "BTCUSDT_1m_2022.csv").write_text(rows)
    return tmp_path


def test_replay_takes_the_last_candle_closed_and_the_rate_of_the_days_opening(folder: Path) -> None:
    price = Replay(folder).price("BTC", AT)
    assert price.mid_rub == Decimal("2920000.00")  # 36,500 at 80: the minute that closed at 09:29
    assert price.as_of == AT - MINUTE


def test_replay_sees_nothing_of_a_candle_before_it_is_closed(folder: Path) -> None:
    market = Replay(folder)
    opening = datetime(2022, 2, 24, 9, 28, tzinfo=UTC)
    assert market.price("BTC", opening + MINUTE / 2).mid_rub == 36_000 * 80  # of the hour before
    assert market.price("BTC", opening + MINUTE).mid_rub == 36_500 * 80
    assert market.price("BTC", AT + MINUTE - MINUTE / 60).mid_rub == 36_500 * 80
    assert market.price("BTC", AT + MINUTE).mid_rub == 99_999 * 80


def test_of_candles_that_close_together_replay_takes_the_finest(folder: Path) -> None:
    hour = datetime(2022, 2, 24, 10, tzinfo=UTC)
    assert Replay(folder).price("BTC", hour).mid_rub == 36_900 * 80  # and not the hour's 37,000


def test_replay_has_no_price_of_what_is_stale_or_unknown(folder: Path) -> None:
    market = Replay(folder)
    for asset, at in (
        ("BTC", AT - timedelta(days=1)),
        ("BTC", AT + timedelta(days=2)),
        ("TON", AT),
    ):
        with pytest.raises(errors.Refused, match="PRICE_UNAVAILABLE"):
            market.price(asset, at)


def test_generated_prices_are_the_same_for_a_seed_and_move() -> None:
    prices = [Generated("a").price("BTC", AT + n * MINUTE).mid_rub for n in range(600)]
    assert prices == [Generated("a").price("BTC", AT + n * MINUTE).mid_rub for n in range(600)]
    assert len(set(prices)) > 300
    steps = [abs(b - a) / a for a, b in itertools.pairwise(prices)]
    assert max(steps) < Decimal("0.01")
    assert prices != [Generated("b").price("BTC", AT + n * MINUTE).mid_rub for n in range(600)]


def test_the_day_of_the_main_job_is_in_the_real_candles() -> None:
    if not settings.DATA_DIR:
        pytest.skip("DATA_DIR names no candles")
    market = Replay()
    fallen = market.price("BTC", datetime(2022, 2, 24, 5, 0, tzinfo=UTC)).mid_rub
    risen = market.price("BTC", datetime(2022, 2, 24, 20, 59, tzinfo=UTC)).mid_rub
    assert Decimal(2_700_000) < fallen < Decimal(2_950_000) < risen < Decimal(3_300_000)
