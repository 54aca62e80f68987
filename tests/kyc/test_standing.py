"""What a client's standing refuses, in its order; and the limit by category, test and regime."""

import dataclasses
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from common import ids
from kyc import standing
from kyc.standing import Standing

DAY = date(2022, 2, 24)
ANNA = Standing(
    client_id=ids.new(),
    user_id=None,
    kind="PERSON",
    status="OPEN",
    category="NON_QUALIFIED",
    test_status="PASSED",
    residency="RESIDENT",
    risk="LOW",
    limit_year=2022,
    limit_used_rub=Decimal(0),
)
UNTESTED: Mapping[str, Any] = {"test_status": "NONE"}
QUALIFIED: Mapping[str, Any] = {"category": "QUALIFIED", "test_status": "NONE"}
ENTITY: Mapping[str, Any] = {"kind": "ENTITY", "category": "LEGAL_ENTITY", "test_status": "NONE"}


class Rules:
    def __init__(self, test_required: str = "above_untested_limit") -> None:
        self.values = {
            "limit_tested_rub": Decimal(600_000),
            "limit_untested_rub": Decimal(50_000),
            "qualified_unlimited": True,
            "test_required": test_required,
        }

    def value(self, code: str, on: date) -> Any:
        assert on == DAY
        return self.values[code]


@pytest.mark.parametrize(
    ("who", "required", "limit"),
    [
        ({}, "above_untested_limit", 600_000),
        (UNTESTED, "above_untested_limit", 50_000),
        ({"test_status": "FAILED"}, "above_untested_limit", 50_000),
        (UNTESTED, "always", 0),
        ({}, "always", 600_000),
        (UNTESTED, "never", 600_000),
        (QUALIFIED, "above_untested_limit", None),
        (QUALIFIED, "always", None),
        (ENTITY, "above_untested_limit", None),
        (ENTITY, "always", None),
    ],
)
def test_limit_follows_category_test_and_regime(
    who: dict[str, Any], required: str, limit: int | None
) -> None:
    client = dataclasses.replace(ANNA, **who)
    assert standing.limit_rub(client, Rules(required), DAY) == limit


@pytest.mark.parametrize(
    ("who", "required", "cost", "used", "codes"),
    [
        ({}, "above_untested_limit", "600000", "0", []),
        ({}, "above_untested_limit", "0.01", "600000", ["LIMIT_EXCEEDED"]),
        ({}, "above_untested_limit", "0", "600000", []),
        (UNTESTED, "above_untested_limit", "50000", "0", []),
        (UNTESTED, "above_untested_limit", "50000.01", "0", ["TEST_REQUIRED", "LIMIT_EXCEEDED"]),
        (UNTESTED, "always", "1", "0", ["TEST_REQUIRED", "LIMIT_EXCEEDED"]),
        (UNTESTED, "always", "0", "0", []),
        (QUALIFIED, "above_untested_limit", "9000000", "0", []),
        (QUALIFIED, "always", "1", "0", ["TEST_REQUIRED"]),
        (ENTITY, "always", "9000000", "0", []),
        ({"status": "FROZEN"}, "never", "0", "0", ["CLIENT_FROZEN"]),
        ({"status": "FROZEN"}, "never", "600001", "0", ["CLIENT_FROZEN", "LIMIT_EXCEEDED"]),
        *(
            ({"status": status}, "never", "1", "0", ["CLIENT_NOT_OPEN"])
            for status in ("APPLIED", "IDENTIFIED", "IN_REVIEW", "REFUSED", "CLOSED")
        ),
        (
            {"status": "APPLIED", **UNTESTED},
            "above_untested_limit",
            "50001",
            "0",
            ["CLIENT_NOT_OPEN", "TEST_REQUIRED", "LIMIT_EXCEEDED"],
        ),
    ],
)
def test_refusals_come_in_order(
    who: dict[str, Any], required: str, cost: str, used: str, codes: list[str]
) -> None:
    client = dataclasses.replace(ANNA, **who)
    found = standing.refusals(client, Rules(required), DAY, Decimal(cost), Decimal(used))
    assert found == codes


def test_what_is_used_counts_in_its_year_alone() -> None:
    client = dataclasses.replace(ANNA, limit_used_rub=Decimal(7))
    assert standing.used_rub(client, 2022) == 7
    assert standing.used_rub(client, 2023) == 0
