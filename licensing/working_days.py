"""Working days in Russia, 2021 to 2026: the weekdays, but for holidays and transfers. Pure.

Source: the government's decrees on the transfer of days off and, in 2021, the President's on
non-working days; checked by a test against the `holidays` package.
"""

from __future__ import annotations

from datetime import date, timedelta

from common import errors

FIRST, LAST = date(2021, 1, 1), date(2026, 12, 31)

# Weekdays off, "month-day", a span with its end.
_OFF = {
    2021: "1-1 1-4:8 2-22:23 3-8 5-3:7 5-10 6-14 11-1:5 12-31",
    2022: "1-3:7 2-23 3-7:8 5-2:3 5-9:10 6-13 11-4",
    2023: "1-2:6 2-23:24 3-8 5-1 5-8:9 6-12 11-6",
    2024: "1-1:5 1-8 2-23 3-8 4-29:30 5-1 5-9:10 6-12 11-4 12-30:31",
    2025: "1-1:3 1-6:8 5-1:2 5-8:9 6-12:13 11-3:4 12-31",
    2026: "1-1:2 1-5:9 2-23 3-9 5-1 5-11 6-12 11-4 12-31",
}
# Saturdays that are worked.
_WORKED = {
    date(2021, 2, 20),
    date(2022, 3, 5),
    date(2024, 4, 27),
    date(2024, 11, 2),
    date(2024, 12, 28),
    date(2025, 11, 1),
}


def _days_off() -> frozenset[date]:
    days = set()
    for year, spans in _OFF.items():
        for span in spans.split():
            month, _, named = span.partition("-")
            first, _, last = named.partition(":")
            for day in range(int(first), int(last or first) + 1):
                days.add(date(year, int(month), day))
    return frozenset(days)


_DAYS_OFF = _days_off()


def is_working_day(day: date) -> bool:
    """Say whether a day is worked. Raises: RULE_UNKNOWN outside 2021 to 2026."""
    if not FIRST <= day <= LAST:
        raise errors.Refused("RULE_UNKNOWN", {"parameter": "working_days", "on": day.isoformat()})
    return day in _WORKED or (day.weekday() < 5 and day not in _DAYS_OFF)


def next_working_day(day: date) -> date:
    """Return the day itself if it is worked, else the next that is. Raises: RULE_UNKNOWN."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day
