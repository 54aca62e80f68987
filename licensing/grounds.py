"""On what grounds an application is refused: the law's conditions, judged on its words. Pure."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

from common import errors
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

    KIND_NOT_LICENSED alone; BANKING_LICENCE_REQUIRED, OWN_FUNDS_TOO_SMALL, HEAD_NOT_FIT,
    OWNER_OFFSHORE, ACTIVITY_NOT_LICENSED, CATEGORY_NOT_LICENSED.

    Raises: RULE_UNKNOWN where no figure of the kind's funds is known.
    Source: RU22-LIC-01, RU22-LIC-05, RU22-LIC-08, RU-BNK-01.
    """
    unknown = out_of_law(applicant, rulebook, on)
    if "KIND_NOT_LICENSED" in unknown:
        return unknown
    found = []
    if applicant.kind == "ORGANISER":
        if applicant.banking_licence != rulebook.value("organiser_licence", on):
            found.append("BANKING_LICENCE_REQUIRED")
        minimum: Decimal = rulebook.value("bank_minimum_capital_rub", on)
    else:
        minimum = _operator_minimum(applicant.kind, rulebook, on)
    if applicant.own_funds_rub < minimum:
        found.append("OWN_FUNDS_TOO_SMALL")
    if applicant.head_convicted:
        found.append("HEAD_NOT_FIT")
    if applicant.owner_offshore:
        found.append("OWNER_OFFSHORE")
    return found + unknown


def out_of_law(applicant: Applicant, rulebook: Rulebook, on: date) -> list[str]:
    """Return why the law has no such licence, whoever asks for it; empty: it has.

    KIND_NOT_LICENSED alone; ACTIVITY_NOT_LICENSED (not to this kind), CATEGORY_NOT_LICENSED.
    """
    if applicant.kind not in rulebook.value("participant_kinds", on):
        return ["KIND_NOT_LICENSED"]
    found = []
    if not applicant.activities <= activities_of(applicant.kind, rulebook, on):
        found.append("ACTIVITY_NOT_LICENSED")
    if not applicant.categories <= set(rulebook.value("categories", on)):
        found.append("CATEGORY_NOT_LICENSED")
    return found


def activities_of(kind: str | None, rulebook: Rulebook, on: date) -> frozenset[str]:
    """Return what a licence of this kind may permit; nothing where the law does not name it."""
    return frozenset(rulebook.value("activities_by_kind", on).get(kind, ()))


def _operator_minimum(kind: str, rulebook: Rulebook, on: date) -> Decimal:
    minimum: Decimal | None = rulebook.value("operator_minimum_funds_rub", on).get(kind)
    if minimum is None:
        facts = {"parameter": "operator_minimum_funds_rub", "kind": kind, "on": on.isoformat()}
        raise errors.Refused("RULE_UNKNOWN", {**facts, "regime": rulebook.regime})
    return minimum
