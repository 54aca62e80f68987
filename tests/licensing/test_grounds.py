"""On what grounds each regime refuses each kind of applicant."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from common import errors
from licensing import grounds, rulebooks, states
from licensing.grounds import Applicant

MARCH, MAY, IN_2026 = date(2022, 3, 1), date(2022, 5, 1), date(2026, 3, 1)
BANK = Applicant(
    kind="ORGANISER",
    banking_licence="UNIVERSAL",
    own_funds_rub=Decimal(1_000_000_000),
    head_convicted=False,
    owner_offshore=False,
    activities=frozenset({"cash", "custody", "exchange"}),
    categories=frozenset({"LEGAL_ENTITY", "QUALIFIED"}),
)
OPERATOR = dataclasses.replace(
    BANK,
    kind="EXCHANGE_OPERATOR",
    banking_licence="NONE",
    own_funds_rub=Decimal(100_000_000),
    activities=frozenset({"exchange"}),
)
# The least funds by kind, regime and day.
LEAST = [
    ("ORGANISER", "minfin-2022", MARCH, 1_000_000_000),
    ("EXCHANGE_OPERATOR", "minfin-2022", MARCH, 100_000_000),
    ("P2P_OPERATOR", "minfin-2022", MARCH, 50_000_000),
    ("EXCHANGE_OPERATOR", "minfin-2022", MAY, 30_000_000),
    ("P2P_OPERATOR", "minfin-2022", MAY, 100_000_000),
    ("ORGANISER", "law-2025", IN_2026, 1_000_000_000),
    ("EXCHANGE_OPERATOR", "law-2025", IN_2026, 30_000_000),
    ("ORGANISER", "concept-2025", IN_2026, 1_000_000_000),
    ("EXCHANGE_OPERATOR", "concept-2025", IN_2026, 30_000_000),
    ("EXCHANGER", "concept-2025", IN_2026, 50_000_000),
]


def against(applicant: Applicant, regime: str, on: date) -> list[str]:
    return grounds.against(applicant, rulebooks.load(regime), on)


@pytest.mark.parametrize(("kind", "regime", "on", "least"), LEAST)
def test_own_funds_are_enough_from_the_law_s_figure_on(
    kind: str, regime: str, on: date, least: int
) -> None:
    asked = dataclasses.replace(
        BANK if kind == "ORGANISER" else OPERATOR, kind=kind, own_funds_rub=Decimal(least)
    )
    assert against(asked, regime, on) == []
    less = dataclasses.replace(asked, own_funds_rub=Decimal(least) - Decimal("0.01"))
    assert against(less, regime, on) == ["OWN_FUNDS_TOO_SMALL"]


@pytest.mark.parametrize("kind", ["DEPOSITORY", "BROKER", "TRUST_MANAGER"])
def test_where_no_figure_of_funds_is_known_nobody_is_judged_by_a_guess(kind: str) -> None:
    asked = dataclasses.replace(OPERATOR, kind=kind, activities=frozenset())
    with pytest.raises(errors.Refused, match="RULE_UNKNOWN") as told:
        against(asked, "concept-2025", IN_2026)
    assert told.value.facts["parameter"] == "operator_minimum_funds_rub"
    assert told.value.facts["kind"] == kind


@pytest.mark.parametrize(
    ("regime", "on"), [("minfin-2022", MAY), ("law-2025", IN_2026), ("concept-2025", IN_2026)]
)
def test_an_operator_does_not_get_a_bank_s_licence_for_an_operator_s_funds(
    regime: str, on: date
) -> None:
    asked = dataclasses.replace(OPERATOR, activities=BANK.activities)
    assert against(asked, regime, on) == ["ACTIVITY_NOT_LICENSED"]


@pytest.mark.parametrize("regime", rulebooks.OVERLAYS)
@pytest.mark.parametrize("kind", states.ParticipantKind.values)
def test_a_kind_that_the_law_does_not_name_may_do_nothing(kind: str, regime: str) -> None:
    book = rulebooks.load(regime)
    named = kind in book.value("participant_kinds", IN_2026)
    asked = dataclasses.replace(BANK, kind=kind, activities=frozenset({"exchange"}))
    assert (grounds.out_of_law(asked, book, IN_2026) == ["KIND_NOT_LICENSED"]) is not named
    assert bool(grounds.activities_of(kind, book, IN_2026)) is named


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"banking_licence": "BASIC"}, ["BANKING_LICENCE_REQUIRED"]),
        ({"head_convicted": True}, ["HEAD_NOT_FIT"]),
        ({"owner_offshore": True}, ["OWNER_OFFSHORE"]),
        ({"activities": frozenset({"mining"})}, ["ACTIVITY_NOT_LICENSED"]),
        ({"categories": frozenset({"ANYBODY"})}, ["CATEGORY_NOT_LICENSED"]),
        ({"kind": "BROKER", "head_convicted": True}, ["KIND_NOT_LICENSED"]),
        (
            {
                "banking_licence": "NONE",
                "own_funds_rub": Decimal(1),
                "head_convicted": True,
                "owner_offshore": True,
                "activities": frozenset({"mining"}),
                "categories": frozenset({"ANYBODY"}),
            },
            [
                "BANKING_LICENCE_REQUIRED",
                "OWN_FUNDS_TOO_SMALL",
                "HEAD_NOT_FIT",
                "OWNER_OFFSHORE",
                "ACTIVITY_NOT_LICENSED",
                "CATEGORY_NOT_LICENSED",
            ],
        ),
    ],
)
def test_all_grounds_are_told_in_their_order(changed: dict[str, Any], found: list[str]) -> None:
    assert against(dataclasses.replace(BANK, **changed), "minfin-2022", MARCH) == found
