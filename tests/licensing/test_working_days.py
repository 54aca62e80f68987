"""The production calendar against another's."""

from datetime import date, timedelta

import holidays
import pytest

from common import errors
from licensing import working_days

# The President's non-working days of 2021, which are no holidays.
DECREED = {date(2021, 5, day) for day in (4, 5, 6, 7)} | {date(2021, 11, day) for day in (1, 2, 3)}


@pytest.mark.parametrize("year", range(2021, 2027))
def test_the_calendar_agrees_with_another(year: int) -> None:
    other = holidays.country_holidays("RU", years=year)
    day = date(year, 1, 1)
    while day.year == year:
        ours = working_days.is_working_day(day)
        assert ours == (other.is_working_day(day) and day not in DECREED), day
        day += timedelta(days=1)


def test_a_day_off_moves_to_the_next_worked() -> None:
    assert working_days.next_working_day(date(2022, 1, 1)) == date(2022, 1, 10)
    assert working_days.next_working_day(date(2022, 3, 5)) == date(2022, 3, 5)


@pytest.mark.parametrize("day", [date(2020, 12, 31), date(2027, 1, 1)])
def test_no_day_outside_the_calendar_is_guessed(day: date) -> None:
    with pytest.raises(errors.Refused, match="RULE_UNKNOWN"):
        working_days.is_working_day(day)
