"""Tax withheld, computed by hand: roubles in, roubles out, as an accountant would check them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from licensing import rulebooks
from tax import withholding

BOOK = rulebooks.load("minfin-2022")
DAYS = {"2020": "2020-06-01", "2022": "2022-06-01", "2024": "2024-12-31", "2025": "2025-01-01"}


def scale(year: str, residency: str = "RESIDENT") -> withholding.Scale:
    on = date.fromisoformat(DAYS[year])
    bands = BOOK.value("ndfl_resident_scale", on)
    if residency == "NON_RESIDENT":
        bands = ((None, BOOK.value("ndfl_nonresident_rate", on)),)
    return withholding.Scale(bands, BOOK.value("ndfl_rounding", on))


TAX = """
    year |         base |      tax | by hand
    2020 |      6000000 |   780000 | 13 % of all, before 2021
    2022 |       100000 |    13000 | 13 %
    2022 |      5000000 |   650000 | 13 % to the step
    2022 |      5000010 |   650002 | and 15 % of 10 = 1.50, half up
    2022 |      6000000 |   800000 | 650,000 + 150,000
    2024 |      3000000 |   390000 | below the step of 5 m
    2025 |      2400000 |   312000 | 13 % to the new step
    2025 |      3000000 |   402000 | 312,000 + 15 % of 600,000
    2022 |      -100.50 |        0 | a loss bears no tax
    2022 |            0 |        0 | nothing bears none
    2022 |         3.84 |        0 | 0.4992: dropped
    2022 |         3.85 |        1 | 0.5005: up
"""


def table(text: str) -> list[list[str]]:
    rows = [line.split("|") for line in text.strip().splitlines()[1:]]
    return [[cell.strip() for cell in row] for row in rows]


@pytest.mark.parametrize(("year", "base", "tax", "by_hand"), table(TAX))
def test_the_tax_on_a_years_result(year: str, base: str, tax: str, by_hand: str) -> None:
    assert withholding.tax_on(Decimal(base), scale(year)) == Decimal(tax), by_hand


PAYOUTS = """
    story                           | year | residency    |    base | payouts and what is withheld of each
    the law's example               | 2022 | RESIDENT     |  100000 | 10000: 1300, 50000: 11700, 5000: 0
    the tax is exactly the payout   | 2022 | RESIDENT     |  100000 | 13000: 13000
    a kopeck less than the tax      | 2022 | RESIDENT     |  100000 | 12999.99: 1690
    in small parts                  | 2022 | RESIDENT     |  100000 | 5000: 650, 5000: 650, 90000: 11700
    nothing earned                  | 2022 | RESIDENT     |       0 | 10000: 0
    a loss                          | 2022 | RESIDENT     |   -5000 | 10000: 0
    a non-resident                  | 2022 | NON_RESIDENT |  100000 | 10000: 3000, 50000: 27000
    above the step: marginal band   | 2022 | RESIDENT     | 6000000 | 100000: 15000, 900000: 785000
    from 2025 the step is lower     | 2025 | RESIDENT     | 3000000 | 100000: 15000, 500000: 387000
    the payout is less than a rouble| 2022 | RESIDENT     |  100000 | 0.90: 0
"""  # noqa: E501


@pytest.mark.parametrize(("story", "year", "residency", "base", "payouts"), table(PAYOUTS))
def test_what_payouts_leave_to_the_tax_service(
    story: str, year: str, residency: str, base: str, payouts: str
) -> None:
    before = Decimal(0)
    for step in payouts.split(", "):
        payout, _, expected = step.partition(": ")
        due = withholding.at_payout(
            base_rub=Decimal(base),
            withheld_before_rub=before,
            payout_rub=Decimal(payout),
            scale=scale(year, residency),
        )
        assert due.withheld_rub == Decimal(expected), (story, payout)
        assert due.over_rub == 0
        before += due.withheld_rub


def test_a_later_loss_leaves_the_client_owed() -> None:
    due = withholding.at_payout(
        base_rub=Decimal(40_000),
        withheld_before_rub=Decimal(13_000),
        payout_rub=Decimal(10_000),
        scale=scale("2022"),
    )
    assert due == withholding.Due(Decimal(5_200), Decimal(0), Decimal(7_800))


def test_the_years_end_takes_what_there_is() -> None:
    for free, expected in (("20000", 11_700), ("5000.75", 5_000), ("0", 0)):
        due = withholding.at_year_end(
            base_rub=Decimal(100_000),
            withheld_before_rub=Decimal(1_300),
            available_rub=Decimal(free),
            scale=scale("2022"),
        )
        assert due.withheld_rub == expected
