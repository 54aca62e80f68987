"""The pictures of the home page, as Chart.js draws them out of the page itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from desk.queries.day import Turnover
from kyc.states import ClientStatus

_GREY, _BUY, _SELL = "#9ca3af", "#2563eb", "#f59e0b"
_GOOD, _BAD, _TAX = "#16a34a", "#dc2626", "#7c3aed"
_STATUS = {
    ClientStatus.OPEN: _GOOD,
    ClientStatus.APPLIED: "#93c5fd",
    ClientStatus.IDENTIFIED: "#3b82f6",
    ClientStatus.IN_REVIEW: _SELL,
    ClientStatus.FROZEN: "#0e7490",
    ClientStatus.REFUSED: _BAD,
    ClientStatus.CLOSED: _GREY,
}
_HOURS = [f"{hour:02}" for hour in range(24)]
_UNITS = ((Decimal(10**9), "billion roubles"), (Decimal(10**6), "million roubles"))
_THOUSAND = (Decimal(10**3), "thousand roubles")


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """A chart: `data` and `options` are Chart.js's, as JSON. `nothing` stands where it is empty."""

    title: str
    kind: str
    data: str
    options: str
    note: str = ""
    nothing: str = ""
    wide: bool = False


def volumes(turnover: Sequence[Turnover]) -> Picture:
    """Draw what was bought and sold, by the hour."""
    by_side = {"BUY": [Decimal(0)] * 24, "SELL": [Decimal(0)] * 24}
    for each in turnover:
        by_side[each.side][each.hour] += each.notional_rub
    unit, name = _unit([amount for side in by_side.values() for amount in side])
    bars = [
        _bars("Clients bought", by_side["BUY"], unit, _BUY),
        _bars("Clients sold", by_side["SELL"], unit, _SELL),
    ]
    return Picture(
        "Volume by the hour",
        "bar",
        _data(_HOURS, bars),
        _options(legend=True),
        f"{name}, hours of Moscow",
        "" if turnover else "Nothing was traded.",
        wide=True,
    )


def results(by_hour: Sequence[Decimal | None]) -> Picture:
    """Draw the desk's profit or loss since midnight, at the end of each hour."""
    known = [amount for amount in by_hour if amount is not None]
    unit, name = _unit(known)
    last = known[-1] if known else Decimal(0)
    line = {
        "label": "Profit or loss since midnight",
        "data": [None if amount is None else _scaled(amount, unit) for amount in by_hour],
        "borderColor": _GOOD if last >= 0 else _BAD,
        "backgroundColor": "#16a34a22" if last >= 0 else "#dc262622",
        "borderWidth": 2,
        "fill": "origin",
        "pointRadius": 0,
        "pointHitRadius": 12,
        "cubicInterpolationMode": "monotone",
    }
    return Picture(
        "Result of the desk",
        "line",
        _data(_HOURS, [line]),
        _options(),
        f"{name}, since midnight: position revalued + fees − expenses",
        "" if known else "The market had no price.",
    )


def clients(by_status: Mapping[str, int]) -> Picture:
    """Draw how many clients are in which state."""
    there = [status for status in _STATUS if by_status.get(status)]
    rings = {
        "data": [by_status[status] for status in there],
        "backgroundColor": [_STATUS[status] for status in there],
        "borderWidth": 0,
    }
    legend = {"display": True, "position": "right", "labels": _LABELS | {"font": {"size": 12}}}
    return Picture(
        "Clients by state",
        "doughnut",
        _data([f"{status.label} ({by_status[status]:,})" for status in there], [rings]),
        json.dumps(_BASE | {"cutout": "62%", "scales": {}, "plugins": {"legend": legend}}),
        f"{sum(by_status.values()):,} in all, now",
        "" if there else "Nobody has applied.",
    )


def refusals(by_code: Mapping[str, int]) -> Picture:
    """Draw how often each rule refused an order."""
    bar = {
        "label": "Orders",
        "data": list(by_code.values()),
        "backgroundColor": _BAD,
        "borderRadius": 4,
        "maxBarThickness": 18,
    }
    return Picture(
        "Refusals by code",
        "bar",
        _data([code.replace("_", " ").capitalize() for code in by_code], [bar]),
        _options(lying=True),
        "orders; one that broke several rules counts under each",
        "" if by_code else "No order was refused.",
    )


def withheld(by_day: Mapping[date, Decimal], until: date, days: int) -> Picture:
    """Draw the tax withheld, by the day of the month that ends."""
    span = [until - timedelta(days=back) for back in range(days - 1, -1, -1)]
    amounts = [by_day.get(on, Decimal(0)) for on in span]
    unit, name = _unit(amounts)
    return Picture(
        "Tax withheld by the day",
        "bar",
        _data([f"{on.day} {on:%b}" for on in span], [_bars("Withheld", amounts, unit, _TAX)]),
        _options(),
        f"{name}, the last {days} days",
        "" if any(amounts) else "No tax was withheld.",
    )


# --- As Chart.js takes it ------------------------------------------------------------------------

_LABELS = {"color": _GREY, "usePointStyle": True, "pointStyle": "circle", "boxHeight": 6}
_BASE: dict[str, Any] = {
    "animation": False,
    "responsive": True,
    "maintainAspectRatio": False,
    "locale": "en-GB",
}


def _options(*, legend: bool = False, lying: bool = False) -> str:
    ticks = {"color": _GREY, "autoSkip": not lying, "maxRotation": 0}
    named = {"ticks": ticks, "grid": {"display": False}}
    counted = {
        "ticks": {"color": _GREY, "maxTicksLimit": 6} | ({"precision": 0} if lying else {}),
        "grid": {"display": True},
        "border": {"display": False},
        "beginAtZero": True,
    }
    shown = {"display": legend, "align": "end", "position": "top", "labels": _LABELS}
    return json.dumps(
        _BASE
        | {
            "indexAxis": "y" if lying else "x",
            "interaction": {"mode": "index", "intersect": False, "axis": "y" if lying else "x"},
            "plugins": {"legend": shown},
            "scales": {"x": counted, "y": named} if lying else {"x": named, "y": counted},
        }
    )


def _bars(label: str, amounts: Sequence[Decimal], unit: Decimal, colour: str) -> dict[str, Any]:
    return {
        "label": label,
        "data": [_scaled(amount, unit) for amount in amounts],
        "backgroundColor": colour,
        "borderRadius": 3,
        "maxBarThickness": 18,
    }


def _data(labels: Sequence[str], datasets: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"labels": labels, "datasets": datasets})


def _unit(amounts: Sequence[Decimal]) -> tuple[Decimal, str]:
    """Return in what a picture of these roubles is best drawn."""
    most = max((abs(amount) for amount in amounts), default=Decimal(0))
    return next((each for each in _UNITS if most >= each[0]), _THOUSAND)


def _scaled(amount: Decimal, unit: Decimal) -> float:
    return float(round(amount / unit, 3))  # a picture, not money: nothing is reckoned with it
