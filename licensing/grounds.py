"""On what grounds an application is refused: the law's conditions, judged on its words. Pure."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

from licensing.rulebook import Rulebook


@dataclasses.dataclass(frozen=True, slots=True)
class Applicant:
    """What an application says, as far as it is judged. Funds in roubles."""

    kind: str
    banking_licence: str
    own_funds_rub: Decimal
    head_convicted: bool
    owner_offshore: bool
    activities: frozenset[str]
    categories: frozenset[str]


def against(applicant: Applicant, rulebook: Rulebook, on: date) -> list[str]:
    """Return the grounds against a licence, in order; empty: nothing stands against it.

    KIND_NOT_LICENSED, BANKING_LICENCE_REQUIRED, OWN_FUNDS_TOO_SMALL, HEAD_NOT_FIT, OWNER_OFFSHORE,
    ACTIVITY_NOT_LICENSED, CATEGORY_NOT_LICENSED.
    Source: RU22-LIC-01, RU22-LIC-05, RU22-LIC-08, RU-BNK-01.
    """
    if applicant.kind not in rulebook.value("participant_kinds", on):
        return ["KIND_NOT_LICENSED"]
    found = []
    if applicant.kind == "ORGANISER":
        if applicant.banking_licence != rulebook.value("organiser_licence", on):
            found.append("BANKING_LICENCE_REQUIRED")
        minimum: Decimal = rulebook.value("bank_minimum_capital_rub", on)
    else:
        minimum = rulebook.value("operator_minimum_funds_rub", on)[applicant.kind]
    if applicant.own_funds_rub < minimum:
        found.append("OWN_FUNDS_TOO_SMALL")
    if applicant.head_convicted:
        found.append("HEAD_NOT_FIT")
    if applicant.owner_offshore:
        found.append("OWNER_OFFSHORE")
    if not applicant.activities <= set(rulebook.value("activities", on)):
        found.append("ACTIVITY_NOT_LICENSED")
    if not applicant.categories <= set(rulebook.value("categories", on)):
        found.append("CATEGORY_NOT_LICENSED")
    return found
