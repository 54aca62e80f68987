"""By when withheld tax goes to the budget, day by day against the calendar."""

from datetime import date

import pytest

from licensing import rulebooks, working_days
from tax import withholding

BOOK = rulebooks.load("minfin-2022")

DAYS = [
    ("2022-02-24", "2022-03-24", "a month after, before 2023"),
    ("2022-01-31", "2022-02-28", "February has no 31st"),
    ("2022-02-05", "2022-03-05", "a Saturday that was worked"),
    ("2022-02-06", "2022-03-09", "the 6th was a Sunday, and the holidays went to the 8th"),
    ("2023-02-22", "2023-02-28", "to the 22nd: by the 28th"),
    ("2023-02-23", "2023-03-28", "from the 23rd: the next month's"),
    ("2023-12-25", "2023-12-29", "the year's last working day"),
    ("2024-02-22", "2024-02-28", "to the 22nd: by the 28th"),
    ("2024-02-23", "2024-03-05", "from the 23rd: by the 5th"),
    ("2024-12-22", "2024-12-28", "a Saturday that was worked"),
    ("2024-12-23", "2024-12-28", "30 and 31 December were off"),
    ("2025-06-22", "2025-06-30", "the 28th was a Saturday"),
]


@pytest.mark.parametrize(("withheld", "remitted", "why"), DAYS)
def test_tax_is_remitted_by(withheld: str, remitted: str, why: str) -> None:
    on = date.fromisoformat(withheld)
    rule = BOOK.value("ndfl_remittance_rule", on)
    found = withholding.remittance_date(on, rule, working_days.next_working_day)
    assert found == date.fromisoformat(remitted), why
