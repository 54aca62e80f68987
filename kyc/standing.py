"""How a client stands at the moment of an order: the locked row as a value, and what it refuses.

Pure: no Django, no clock, no I/O. Refusals come in their order of precedence.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID


class Rules(Protocol):
    """The rulebook as far as a client's limit needs it."""

    def value(self, code: str, on: date) -> Any:
        """Return the parameter in force on a day. Raises: RULE_UNKNOWN."""


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """A client as the locked row says. `limit_used_rub` counts in the Moscow year `limit_year`."""

    client_id: UUID
    user_id: UUID | None
    kind: str
    status: str
    category: str
    test_status: str
    residency: str
    risk: str
    limit_year: int
    limit_used_rub: Decimal


def used_rub(standing: Standing, year: int) -> Decimal:
    """Return what of the limit is used in a year; a new year starts at zero."""
    return standing.limit_used_rub if standing.limit_year == year else Decimal(0)


def limit_rub(standing: Standing, rulebook: Rules, on: date) -> Decimal | None:
    """Return how much the client may buy for in a calendar year; None is without limit.

    Source: RU22-INV-01, RU22-INV-02, RU22-INV-03. Where the test always comes first, nothing may
    be bought before it (CBR25-CON-01).
    """
    if standing.category == "LEGAL_ENTITY":
        return None
    if standing.category == "QUALIFIED" and rulebook.value("qualified_unlimited", on):
        return None
    required = rulebook.value("test_required", on)
    if standing.test_status == "PASSED" or required == "never":
        limit: Decimal = rulebook.value("limit_tested_rub", on)
        return limit
    if required == "always":
        return Decimal(0)
    untested: Decimal = rulebook.value("limit_untested_rub", on)
    return untested


def refusals(
    standing: Standing, rulebook: Rules, on: date, cost_rub: Decimal, used_rub: Decimal
) -> list[str]:
    """Return why the client may not buy for `cost_rub`, `used_rub` being used this year already.

    In order: CLIENT_NOT_OPEN or CLIENT_FROZEN; TEST_REQUIRED; LIMIT_EXCEEDED. A sale costs 0 and is
    held by the status alone.
    """
    found = []
    if standing.status == "FROZEN":
        found.append("CLIENT_FROZEN")
    elif standing.status != "OPEN":
        found.append("CLIENT_NOT_OPEN")
    if cost_rub <= 0:
        return found
    limit = limit_rub(standing, rulebook, on)
    exceeded = limit is not None and used_rub + cost_rub > limit
    if test_missing(standing, rulebook, on) and (exceeded or limit is None):
        found.append("TEST_REQUIRED")
    if exceeded:
        found.append("LIMIT_EXCEEDED")
    return found


def test_missing(standing: Standing, rulebook: Rules, on: date) -> bool:
    """Say whether the test stands between the client and more: a person's, not passed yet.

    Under "above_untested_limit" the unlimited need none.
    """
    if standing.kind == "ENTITY" or standing.test_status == "PASSED":
        return False
    required = rulebook.value("test_required", on)
    if required == "above_untested_limit":
        return limit_rub(standing, rulebook, on) is not None
    return bool(required == "always")
