"""Statements that are written by hand: what runs at every order, and sums over tables.

All of a connection go through one cursor: making a new one for each takes as long as asking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import AutoField, Model

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


def insert(*tables: Sequence[Model]) -> None:
    """Insert new rows, each argument those of one table, by one prepared statement.

    For what runs at every order. What the database fills in (`db_default`) is not read back.
    """
    filled = [rows for rows in tables if rows]
    if not filled:
        return
    kinds = tuple(type(rows[0]) for rows in filled)
    told = [
        [{column: getattr(row, name) for column, name in _fields(kind)} for row in rows]
        for kind, rows in zip(kinds, filled, strict=True)
    ]
    execute(_insertion(kinds), [msgspec.json.encode(each).decode() for each in told])


def _cursor() -> Any:
    db: Any = connections[DEFAULT_DB_ALIAS]
    if db.queries_logged:
        return db.cursor()  # Django's own, which logs
    kept = getattr(db, "perimeter_cursor", None)
    if kept is None or kept.connection is not db.connection:
        db.ensure_connection()
        db.perimeter_cursor = kept = db.create_cursor()
    return kept


@cache
def _fields(model: type[Model]) -> list[tuple[str, str]]:
    return [
        (str(field.column), field.attname)
        for field in model._meta.concrete_fields
        if not field.has_db_default() and not isinstance(field, AutoField)
    ]


@cache
def _insertion(kinds: tuple[type[Model], ...]) -> str:
    """Return a statement for all these tables; foreign keys are checked at its end."""
    *first, last = (_into(model) for model in kinds)
    named = ", ".join(f"of_{number} AS ({each})" for number, each in enumerate(first))
    return f"WITH {named} {last}" if named else last


def _into(model: type[Model]) -> str:
    table, columns = model._meta.db_table, ", ".join(column for column, _ in _fields(model))
    return (
        f"INSERT INTO {table} ({columns})"  # noqa: S608 (names of the model)
        f" SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json)"
    )
