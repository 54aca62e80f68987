"""The chart of accounts is the design's, and such that what is due can be derived from it."""

import pytest

from ledger import chart
from ledger.chart import Control, Section, Side

CHART = """
    segregated_nostro    assets   debit    house    money   segregated
    own_nostro           assets   debit    house    money
    segregated_custody   assets   debit    house    coins   segregated
    own_custody          assets   debit    house    coins
    client_cash          owed     credit   client   money
    client_crypto        owed     credit   client   coins
    tax_payable          owed     credit   house    money
    payouts_in_flight    owed     credit   house    both
    capital              own      credit   open     money
    position             own      credit   house    coins
    currency_position    own      credit   open     money
    fees                 own      credit   open     money
    other_income         own      credit   open     money
    expense              own      debit    open     money
"""
KEPT_IN = {True: "money", False: "coins", None: "both"}


def test_the_chart_has_these_lines() -> None:
    lines = [
        [line.code, line.section, line.side.name.lower(), line.control, KEPT_IN[line.currency]]
        + ["segregated"] * line.segregated
        for line in chart.LINES.values()
    ]
    assert lines == [row.split() for row in CHART.strip().splitlines()]


def test_what_is_held_stands_on_the_debit_side_and_what_is_owed_on_the_credit_side() -> None:
    sides = {line.section: line.side for line in chart.LINES.values() if line.section != "own"}
    assert sides == {Section.ASSETS: Side.DEBIT, Section.OWED: Side.CREDIT}


@pytest.mark.parametrize("code", [*chart.OWED_LINES, *chart.SEGREGATED_LINES])
def test_what_due_is_derived_from_has_a_running_balance(code: str) -> None:
    assert chart.LINES[code].control is not Control.OPEN


@pytest.mark.parametrize("is_currency", [True, False])
def test_a_sweep_goes_between_a_segregated_line_and_an_own_one(is_currency: bool) -> None:
    segregated, own = (chart.LINES[code] for code in chart.SWEEP_LINES[is_currency])
    assert (segregated.segregated, own.segregated) == (True, False)
    assert segregated.section is own.section is Section.ASSETS
    assert segregated.currency is own.currency is is_currency
