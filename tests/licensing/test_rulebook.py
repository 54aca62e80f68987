"""The rulebooks: how layers and dates are read, and that what they say is used as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from common import errors
from licensing import rulebook, rulebooks, states
from licensing.rulebook import Parameter, Rulebook

ROOT = Path(settings.BASE_DIR)
FLOORS = ("common", "ledger", "licensing", "kyc", "tax", "desk", "supervision", "simulation")
BOOKS = [rulebooks.load(overlay) for overlay in rulebooks.OVERLAYS]

every_book = pytest.mark.parametrize("book", BOOKS, ids=rulebooks.OVERLAYS)

# What no code asks for yet: shown by the API with its source, to whom compares rules.
SHOWN_ONLY = {
    "aml_mandatory_control_rub": "operations are not monitored yet",
    "aml_report_working_days": "nothing is reported to the intelligence unit yet",
    "illegal_circulation_fine_company_rub": "fines are for courts, not for a bank's books",
    "illegal_circulation_fine_person_rub": "fines are for courts, not for a bank's books",
    "qualified_combined_income_rub": "no client is asked for knowledge in place of wealth",
    "qualified_combined_property_rub": "no client is asked for knowledge in place of wealth",
    "record_keeping_years": "nothing is ever deleted",
}
# Where the code knows these ways only: a rulebook that names another would not be obeyed.
WAYS: dict[str, set[Any]] = {
    "limit_counts": {"cost_with_fee"},
    "limit_scope": {"bank"},
    "ndfl_rounding": {Decimal(1)},
    "tax_lot_method": {"fifo"},
    "test_required": {"never", "above_untested_limit", "always"},
}


def written(book: Rulebook) -> Iterator[Parameter]:
    """Every line of both layers."""
    for layer in (book.overlay, book.general):
        for lines in layer.values():
            yield from lines


def codes() -> set[str]:
    return {line.code for book in BOOKS for line in written(book)}


def begins(book: Rulebook) -> date:
    """The day from which an overlay speaks."""
    return book.overlay["regime_title"][0].valid_from


# --- How it is read ------------------------------------------------------------------------------


@pytest.fixture
def book() -> Rulebook:
    def lines(*values: tuple[date, Any]) -> dict[str, Any]:
        told = [
            {"from": day, "value": value, "status": "enacted", "source": ""}
            for day, value in values
        ]
        return {"fee": {"unit": "RUB", "values": told}}

    return Rulebook(
        "tried",
        rulebook.read(lines((date(2022, 3, 1), "3"))),
        rulebook.read(lines((date(2022, 1, 1), "1"), (date(2022, 2, 1), "2"))),
    )


@pytest.mark.parametrize(
    ("on", "value"),
    [
        (date(2022, 1, 1), Decimal(1)),
        (date(2022, 1, 31), Decimal(1)),
        (date(2022, 2, 1), Decimal(2)),
        (date(2022, 2, 28), Decimal(2)),
        (date(2022, 3, 1), Decimal(3)),
    ],
)
def test_a_value_ends_where_its_next_or_the_overlay_s_begins(
    book: Rulebook, on: date, value: Decimal
) -> None:
    assert book.value("fee", on) == value
    assert [each.value for each in book.parameters(on)] == [value]


@pytest.mark.parametrize(("code", "on"), [("fee", date(2021, 12, 31)), ("fine", date(2022, 1, 1))])
def test_what_neither_layer_says_is_refused_and_never_guessed(
    book: Rulebook, code: str, on: date
) -> None:
    with pytest.raises(errors.Refused, match="RULE_UNKNOWN") as told:
        book.value(code, on)
    assert told.value.facts == {"parameter": code, "regime": "tried", "on": on.isoformat()}


def test_lines_out_of_the_order_of_their_dates_are_not_read() -> None:
    line = {"value": 1, "status": "enacted", "source": ""}
    values = [{"from": date(2022, 1, day), **line} for day in (2, 1)]
    with pytest.raises(AssertionError, match="fee is not in the order of its dates"):
        rulebook.read({"fee": {"unit": "RUB", "values": values}})


def test_a_status_that_is_none_is_not_read() -> None:
    values = [{"from": date(2022, 1, 1), "value": 1, "status": "rumoured", "source": ""}]
    with pytest.raises(AssertionError, match="fee has the status rumoured"):
        rulebook.read({"fee": {"unit": "RUB", "values": values}})


# --- What they say -------------------------------------------------------------------------------


@every_book
def test_every_line_has_a_unit_and_a_source(book: Rulebook) -> None:
    assert [line.code for line in written(book) if not (line.unit and line.source)] == []


@every_book
def test_what_is_by_analogy_or_assumed_is_not_called_law(book: Rulebook) -> None:
    guessed = re.compile(r"analogy|assum|not said|nothing was found|no (text|list|figure)")
    wrong = [
        line.code
        for line in written(book)
        if guessed.search(line.source) and line.status != "assumption"
    ]
    assert wrong == []


@pytest.mark.parametrize("code", ["limit_scope", "limit_counts", "assets_for_non_qualified"])
@every_book
def test_every_regime_says_whose_purchases_count_and_of_what(book: Rulebook, code: str) -> None:
    assert code in book.overlay


@every_book
def test_a_regime_says_all_that_a_perimeter_asks_for_from_its_first_day(book: Rulebook) -> None:
    asked = ("activities_by_kind", "categories", "assets_barred", "exposure_limit_share")
    for code in (*asked, "assets_for_non_qualified", "exposure_base"):
        book.value(code, begins(book))


@every_book
def test_every_kind_that_is_licensed_has_its_activities_and_no_other_has(book: Rulebook) -> None:
    for line in book.overlay["activities_by_kind"]:
        kinds = book.value("participant_kinds", line.valid_from)
        assert set(line.value) == set(kinds) <= set(states.ParticipantKind.values)


@every_book
def test_roubles_come_and_go_through_a_bank_alone(book: Rulebook) -> None:
    for line in book.overlay["activities_by_kind"]:
        assert {kind for kind, may in line.value.items() if "cash" in may} <= {"ORGANISER"}


def test_the_law_of_2025_lets_nobody_in_before_it_was_proposed() -> None:
    book = rulebooks.load("law-2025")
    proposed = date(2025, 3, 12)
    eve = proposed - timedelta(days=1)
    assert book.value("categories", eve) == ()
    assert book.value("activities_by_kind", eve)["ORGANISER"] == ()
    assert book.value("qualified_property_rub", eve) == Decimal("12000000")
    assert book.value("categories", proposed) == ("QUALIFIED", "LEGAL_ENTITY")
    assert book.value("qualified_property_rub", proposed) == Decimal("100000000")
    assert book.parameter("categories", proposed).status == "proposed"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("test_pass_mark", "assumption"),
        ("payout_large_rub", "assumption"),
        ("bank_minimum_capital_rub", "enacted"),
        ("ndfl_resident_scale", "enacted"),
    ],
)
def test_the_general_law_says_what_is_law_and_what_is_not(code: str, status: str) -> None:
    assert rulebooks.load(rulebooks.DEFAULT).parameter(code, date(2022, 2, 24)).status == status


# --- What is done with it ------------------------------------------------------------------------


def source() -> str:
    """All code but the rulebooks', tests' and migrations'."""
    files = (path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
    return "\n".join(path.read_text() for path in files if path.parent.name != "migrations")


def test_every_parameter_is_read_by_code_or_shown_for_a_reason() -> None:
    code = source()
    read = {name for name in codes() if f'"{name}"' in code}
    assert codes() - read - set(WAYS) == set(SHOWN_ONLY)
    assert read & set(SHOWN_ONLY) == set()


@pytest.mark.parametrize("code", sorted(WAYS))
def test_no_rulebook_names_a_way_that_the_code_does_not_know(code: str) -> None:
    values = {line.value for book in BOOKS for line in written(book) if line.code == code}
    assert values <= WAYS[code]
    assert values
