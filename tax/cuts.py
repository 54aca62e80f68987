"""Reports cut at the books' closed days: their parts, their totals, the records behind a row.

What the reports of tax and of the desk share. Rows are ordered by their entries' ids, as the closes
number them. All inside `tenancy.acting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import errors, ids, statements
from ledger.models import DayClose, Entry
from reporting import catalogue
from reporting.catalogue import Bounds, Cut

_FIRST, _LAST = str(UUID(int=0)), str(UUID(int=2**128 - 1))


def slices(cut: Cut, rows: int) -> list[Bounds]:
    """Return the bounds of parts of so many entries: from the one id to below the other."""
    found = statements.rows(
        "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM ledger_entry"
        " WHERE book_id = %(book)s AND business_date = ANY (%(days)s)) AS numbered"
        " WHERE n %% %(rows)s = 1 ORDER BY id",
        {**_sealed(cut), "rows": rows},
    )
    starts = [str(start) for (start,) in found]
    ends = [*starts[1:], _LAST] if starts else []
    return list(zip(starts, ends, strict=True))


def params(cut: Cut, bounds: Bounds) -> dict[str, Any]:
    """Return what the source of a report cut at closes is asked with."""
    low, high = bounds
    return {**_sealed(cut), "low": UUID(low), "high": UUID(high)}


def totals(cut: Cut, sql: str, names: Sequence[str]) -> list[Mapping[str, str]]:
    """Return a cut's totals, each under its name."""
    found = statements.rows(sql, params(cut, (_FIRST, _LAST)))
    return [dict(zip(names, row, strict=True)) for row in found]


def row(cut: Cut, sql: str, number: int) -> tuple[UUID, ...]:
    """Return the ids behind a row, counted from 1; empty where there is no such row."""
    asked = params(cut, (_FIRST, _LAST)) | {"skip": number - 1}
    found = statements.rows(f"{sql} OFFSET %(skip)s LIMIT 1", asked)
    return found[0] if found else ()


def keys(sql: str, asked: Mapping[str, Any]) -> list[UUID]:
    """Return the ids of a statement's first column."""
    return [key for (key, *_) in statements.rows(sql, asked)]


def shown(found: Mapping[str, Any] | None, **prefixes: str) -> dict[str, Any]:
    """Return a record as plain values, its ids as people see them. Raises: NOT_FOUND."""
    if found is None:
        raise errors.Refused("NOT_FOUND")
    return {name: _shown(value, prefixes.get(name, "")) for name, value in found.items()}


@catalogue.resolves(Entry.id_prefix)
def _entry(key: UUID) -> Mapping[str, Any]:
    """Return a journal entry."""
    named = ("kind", "business_date", "at", "reason", "ref", "reverses_id", "actor")
    return shown(Entry.objects.filter(pk=key).values(*named).first(), reverses_id="ent")


def _sealed(cut: Cut) -> dict[str, Any]:
    """Return the book and the days that the cut's closes sealed, as SQL asks for them."""
    days = [close.business_date for close in cut.closes]
    return {"book": DayClose.objects.get(pk=cut.close_ids[0]).book_id, "days": days}


def _shown(value: Any, prefix: str) -> Any:
    if isinstance(value, UUID):
        return ids.show(prefix, value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if value is None else str(value)
