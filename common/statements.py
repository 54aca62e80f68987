"""Statements that are written by hand: what runs at every order, and sums over tables.

Each has a cursor of its own on each connection, kept: a new one takes as long as asking, and one
for all forgets, from statement to statement, how to read and write what each is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import AutoField, Model
from psycopg import Error
from psycopg.errors import PipelineAborted

Parameters = Sequence[Any] | Mapping[str, Any]
_KEPT = 100  # cursors on a connection
_FEW = 100  # rows that a cursor may keep

Change = tuple[str, Mapping[str, Any]]  # a statement that answers nothing, and its parameters


def rows(statement: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
    """Return the rows that a statement answers, all of them read. Raises: DatabaseError."""
    db = connections[DEFAULT_DB_ALIAS]
    with db.wrap_database_errors:
        found: list[tuple[Any, ...]] = _executed(db, statement, parameters).fetchall()
    if len(found) > _FEW:
        _cursors(db).pop(statement, None)  # a cursor keeps its last answer
    return found


def last(statement: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
    """As `rows`, and commit the transaction with the same message to the server.

    What the statement locks is then not held while we hear of it. For `tenancy.at_the_end` alone,
    and in no task that a signal may interrupt: the commit goes through, whatever is raised then.
    """
    db = connections[DEFAULT_DB_ALIAS]
    if len(db.atomic_blocks) > 1:  # not ours to commit
        return rows(statement, parameters)
    with db.wrap_database_errors:
        db.ensure_connection()
        refused: Error | None = None
        # Raised through the pipeline, an error would have the commit that it stopped logged too.
        with suppress(PipelineAborted), db.connection.pipeline():
            try:
                cursor = _executed(db, statement, parameters)
                db.connection.commit()
            except Error as error:
                refused = error
        if refused is not None:
            raise refused
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def execute(statement: str, parameters: Parameters | None = None) -> None:
    """Execute a statement that answers no rows. Raises: DatabaseError."""
    db = connections[DEFAULT_DB_ALIAS]
    with db.wrap_database_errors:
        _executed(db, statement, parameters)


def insert(*tables: Sequence[Model], also: Sequence[Change] = ()) -> None:
    """Insert new rows, each argument those of one table, by one prepared statement.

    For what runs at every order. What the database fills in (`db_default`) is not read back.
    `also`: changes of other rows, made by the same statement; no two parameters share a name.
    """
    filled = [rows for rows in tables if rows]
    kinds = tuple(type(rows[0]) for rows in filled)
    parameters: dict[str, Any] = {}
    for number, (kind, rows) in enumerate(zip(kinds, filled, strict=True)):
        told = [{column: getattr(row, name) for column, name in _fields(kind)} for row in rows]
        parameters[f"rows_{number}"] = msgspec.json.encode(told).decode()
    for _, named in also:
        parameters |= named
    if kinds or also:
        execute(_together(kinds, tuple(text for text, _ in also)), parameters)


def _executed(db: Any, statement: str, parameters: Parameters | None) -> Any:
    if db.queries_logged:
        cursor = db.cursor()  # Django's own, which logs
        cursor.execute(statement, parameters)
        return cursor
    cursors = _cursors(db)
    # The very string that the cursor had before: by that it knows the statement again.
    statement, cursor = cursors.get(statement) or (statement, db.create_cursor())
    cursor.execute(statement, parameters)
    if len(cursors) < _KEPT:
        cursors[statement] = statement, cursor
    return cursor


def _cursors(db: Any) -> dict[str, tuple[str, Any]]:
    """Return the cursors of this connection by their statements; a new connection has none."""
    of, cursors = getattr(db, "perimeter_cursors", (None, {}))
    if of is None or of is not db.connection:
        db.ensure_connection()
        cursors = {}
        db.perimeter_cursors = db.connection, cursors
    return cursors


@cache
def _fields(model: type[Model]) -> list[tuple[str, str]]:
    return [
        (str(field.column), field.attname)
        for field in model._meta.concrete_fields
        if not field.has_db_default() and not isinstance(field, AutoField)
    ]


@cache
def _together(kinds: tuple[type[Model], ...], changes: tuple[str, ...]) -> str:
    """Return a statement for all these tables; foreign keys are checked at its end."""
    inserts = (_into(model, f"rows_{number}") for number, model in enumerate(kinds))
    *first, last = (*changes, *inserts)
    named = ", ".join(f"part_{number} AS ({each})" for number, each in enumerate(first))
    return f"WITH {named} {last}" if named else last


def _into(model: type[Model], rows: str) -> str:
    table, columns = model._meta.db_table, ", ".join(column for column, _ in _fields(model))
    return (
        f"INSERT INTO {table} ({columns})"  # noqa: S608 (names of the model)
        f" SELECT {columns} FROM json_populate_recordset(NULL::{table}, %({rows})s::json)"
    )
