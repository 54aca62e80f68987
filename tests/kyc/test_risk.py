"""What makes a client risky, and how much."""

import dataclasses
from datetime import date
from typing import Any

import pytest

from kyc import risk
from kyc.risk import Factors, Party

DAY = date(2022, 2, 24)
RU = Party("RU")
PLAIN = Factors(client=RU, owners=(), is_entity=False, is_resident=True, resembled=False)


@pytest.mark.parametrize(
    ("changed", "rating", "reasons"),
    [
        ({}, "LOW", []),
        ({"is_resident": False}, "MEDIUM", ["NON_RESIDENT"]),
        ({"client": Party("KZ")}, "MEDIUM", ["FOREIGN"]),
        ({"resembled": True}, "MEDIUM", ["RESEMBLED_A_LISTED_PARTY"]),
        ({"is_entity": True, "owners": (Party("CY"),)}, "MEDIUM", ["FOREIGN_OWNER"]),
        ({"is_entity": True, "owners": (RU,) * 4}, "MEDIUM", ["MANY_OWNERS"]),
        (
            {"client": Party("KZ"), "is_resident": False, "resembled": True},
            "HIGH",
            ["NON_RESIDENT", "FOREIGN", "RESEMBLED_A_LISTED_PARTY"],
        ),
        ({"client": Party("RU", is_pep=True)}, "HIGH", ["POLITICALLY_EXPOSED"]),
        ({"owners": (Party("RU", is_pep=True),)}, "HIGH", ["POLITICALLY_EXPOSED"]),
        ({"client": Party("IR")}, "HIGH", ["COUNTRY_UNDER_CALL_FOR_ACTION", "FOREIGN"]),
        ({"owners": (Party("KP"),)}, "HIGH", ["COUNTRY_UNDER_CALL_FOR_ACTION", "FOREIGN_OWNER"]),
        ({"client": Party("MM")}, "MEDIUM", ["FOREIGN"]),  # called for in October 2022
        ({"is_listed": True}, "HIGH", ["LISTED"]),
    ],
)
def test_a_rating_has_its_reasons(changed: dict[str, Any], rating: str, reasons: list[str]) -> None:
    assert risk.rate(dataclasses.replace(PLAIN, **changed), DAY) == (rating, reasons)


def test_a_country_counts_from_its_day() -> None:
    factors = dataclasses.replace(PLAIN, client=Party("MM"))
    assert risk.rate(factors, date(2022, 10, 20))[0] == "MEDIUM"
    assert risk.rate(factors, date(2022, 10, 21))[0] == "HIGH"
