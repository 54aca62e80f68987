"""How risky a client is, and why. Pure.

Any reason of the first kind makes HIGH, and so do three of the second; one or two make MEDIUM.
The weighting is the bank's own (an assumption): the law asks for a rating, not for this one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date

# The financial action task force's call for action: since when (its public statements).
CALL_FOR_ACTION = {"IR": date(2009, 2, 25), "KP": date(2011, 2, 25), "MM": date(2022, 10, 21)}
MANY = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Party:
    """A person or entity whose origin counts: the client, or an owner of it."""

    country: str
    is_pep: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Factors:
    """What a rating is judged on. `resembled`: a hit was dismissed as another's."""

    client: Party
    owners: Sequence[Party]
    is_entity: bool
    is_resident: bool
    resembled: bool
    is_listed: bool = False


def rate(factors: Factors, on: date) -> tuple[str, list[str]]:
    """Return the rating on a day, LOW, MEDIUM or HIGH, and its reasons."""
    grave, light = list(_grave(factors, on)), list(_light(factors))
    if grave or len(light) >= MANY:
        return "HIGH", grave + light
    return ("MEDIUM" if light else "LOW"), light


def _grave(factors: Factors, on: date) -> Iterator[str]:
    if factors.is_listed:
        yield "LISTED"
    parties = (factors.client, *factors.owners)
    if any(party.is_pep for party in parties):
        yield "POLITICALLY_EXPOSED"
    if any(CALL_FOR_ACTION.get(party.country, date.max) <= on for party in parties):
        yield "COUNTRY_UNDER_CALL_FOR_ACTION"


def _light(factors: Factors) -> Iterator[str]:
    if not factors.is_resident:
        yield "NON_RESIDENT"
    if factors.client.country != "RU":
        yield "FOREIGN"
    if any(owner.country != "RU" for owner in factors.owners):
        yield "FOREIGN_OWNER"
    if factors.is_entity and len(factors.owners) > MANY:
        yield "MANY_OWNERS"
    if factors.resembled:
        yield "RESEMBLED_A_LISTED_PARTY"
