"""What clients have used of their yearly limits. The hot path of every order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from common import statements


def use_limit(*, uses: Mapping[UUID, Decimal], year: int) -> None:
    """Add to what locked clients have used of a year's limit; a negative amount releases.

    A new year starts at zero. What belongs to a year that is past changes nothing.
    """
    statements.execute(*using_limit(uses=uses, year=year))


def using_limit(*, uses: Mapping[UUID, Decimal], year: int) -> statements.Change:
    """Return what `use_limit` executes, for the statement that writes the orders."""
    return _USE, {"year": year, "clients": list(uses), "amounts": list(uses.values())}


_USE = (
    "UPDATE kyc_client AS c SET limit_year = %(year)s, limit_used_rub = u.amount"
    "  + CASE WHEN c.limit_year = %(year)s THEN c.limit_used_rub ELSE 0 END"
    "  FROM unnest(%(clients)s::uuid[], %(amounts)s::numeric[]) AS u (id, amount)"
    # By the index, and planned once: a plan cannot know how long a subselect's list is.
    " WHERE c.id = ANY ((SELECT %(clients)s)::uuid[]) AND c.id = u.id"
    " AND c.limit_year <= %(year)s"
)
