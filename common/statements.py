"""Statements that are written by hand: what runs at every order, and what `verify` asks.

All of a connection go through one cursor: making a new one for each takes as long as asking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

Parameters = Sequence[Any] | Mapping[str, Any]


def rows(statement: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
    """Return the rows that a statement answers, all of them read. Raises: DatabaseError."""
    db = connections[DEFAULT_DB_ALIAS]
    with db.wrap_database_errors:
        found: list[tuple[Any, ...]] = _cursor().execute(statement, parameters).fetchall()
    return found


def execute(statement: str, parameters: Parameters | None = None) -> None:
    """Execute a statement that answers no rows. Raises: DatabaseError."""
    db = connections[DEFAULT_DB_ALIAS]
    with db.wrap_database_errors:
        _cursor().execute(statement, parameters)


def _cursor() -> Any:
    db: Any = connections[DEFAULT_DB_ALIAS]
    if db.queries_logged:
        return db.cursor()  # Django's own, which logs
    kept = getattr(db, "perimeter_cursor", None)
    if kept is None or kept.connection is not db.connection:
        db.ensure_connection()
        db.perimeter_cursor = kept = db.create_cursor()
    return kept
