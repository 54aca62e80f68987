"""The rulebook as tax reads it: what is unknown is refused, what is said is followed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from common import errors, models, tenancy, users
from licensing import rulebooks
from licensing.rulebook import Rulebook, read
from tax import operations, queries, withholding
from tests.kyc.clients import open_client
from tests.ledger.books import Books

ON = dt.date(2022, 6, 1)


def rules(**said: Any) -> queries.Rules:
    """Return the rules of the 2022 bill with other values."""
    book = rulebooks.load("minfin-2022")
    line = {"from": dt.date(2022, 1, 1), "status": "assumption", "source": "a test"}
    overlay = read(
        {code: {"unit": "", "values": [line | {"value": value}]} for code, value in said.items()}
    )
    return queries.Rules(Rulebook("other", {**book.overlay, **overlay}, book.general), ON)


def test_lots_close_first_in_first_out_by_the_rulebook() -> None:
    assert rules().lot_method() == "fifo"


def test_a_lot_method_that_is_not_written_is_refused() -> None:
    with pytest.raises(errors.Refused, match="RULE_UNKNOWN") as told:
        rules(tax_lot_method="average").lot_method()
    assert told.value.facts == {
        "parameter": "tax_lot_method",
        "value": "average",
        "on": "2022-06-01",
    }


def test_a_sale_asks_for_the_lot_method(bank: models.Bank, books: Books) -> None:
    """On a day for which no rulebook says it, nothing is sold."""
    before = dt.datetime(2021, 6, 1, 9, 0, tzinfo=dt.UTC)
    client = open_client(bank)
    whose = client.pk, "BTC", client.pk, before, Decimal(1), Decimal(1)
    with (
        pytest.raises(errors.Refused, match="RULE_UNKNOWN"),
        tenancy.acting(bank.pk, users.job("tests", bank.pk)),
    ):
        operations.record_fills(fills=[operations.Acquired(*whose), operations.Disposed(*whose)])


def test_tax_is_rounded_as_the_rulebook_says() -> None:
    scale = rules(ndfl_rounding="0.01").scale(kind="PERSON", residency="RESIDENT")
    assert scale is not None
    assert withholding.tax_on(Decimal("3.88"), scale) == Decimal("0.50")  # 0.5044
    due = withholding.at_year_end(
        base_rub=Decimal(100),
        withheld_before_rub=Decimal(0),
        available_rub=Decimal("0.999"),
        scale=scale,
    )
    assert due.withheld_rub == Decimal("0.99")


def test_a_non_resident_has_a_scale_and_an_entity_none() -> None:
    abroad = rules().scale(kind="PERSON", residency="NON_RESIDENT")
    assert abroad is not None
    assert withholding.tax_on(Decimal(100_000), abroad) == 30_000
    assert rules().scale(kind="ENTITY", residency="RESIDENT") is None


def test_a_year_is_taxed_until_the_last_of_january() -> None:
    assert rules().window_end(2022) == dt.date(2023, 1, 31)


def test_the_regime_that_a_year_ended_under_taxes_it(bank: models.Bank) -> None:
    open_client(bank)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        assert queries.rules_of_year(2022).on == dt.date(2022, 12, 31)
        with pytest.raises(errors.Refused, match="RULE_UNKNOWN"):
            queries.rules_of_year(2020)
