"""From a report's columns to bytes: rows are written by PostgreSQL, heads and tails here.

CSV as RFC 4180: UTF-8, CRLF, a line of names first. XML: one element a row, a cell an attribute,
an empty cell none. Both hold the same rows in the same order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax import saxutils

import psycopg
from django.db import connection

from reporting import catalogue
from reporting.catalogue import Bounds, Column, Cut, Report
from reporting.states import Format

CHUNK_BYTES = 1 << 20
CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.XML: "application/xml",
}


@dataclasses.dataclass(slots=True)
class Counted:
    """How many rows were written."""

    rows: int = 0


def part(
    report: Report, file_format: str, cut: Cut, bounds: Bounds, counted: Counted
) -> Iterator[bytes]:
    """Yield a part's rows in chunks, and count them; inside the caller's transaction."""
    if file_format == Format.CSV:
        sql, options = _csv_select(report), "FORMAT csv"
    else:
        sql, options = _xml_select(report), "FORMAT text"
    held = bytearray()
    for row in _copied(f"COPY ({sql}) TO STDOUT ({options})", report.params(cut, bounds)):
        counted.rows += 1
        held += row
        if len(held) >= CHUNK_BYTES:
            yield _lines(held, file_format)
            held.clear()
    if held:
        yield _lines(held, file_format)


def head(report: Report, file_format: str, cut: Cut, bank_code: str) -> bytes:
    """Return what stands before the rows; it says what the rows were cut at and not when."""
    if file_format == Format.CSV:
        return ",".join(column.name for column in report.columns).encode() + b"\r\n"
    about = {
        "xmlns": namespace(report),
        "report": report.code,
        "version": str(report.version),
        "bank": bank_code,
        "first": cut.period.first.isoformat(),
        "last": cut.period.last.isoformat(),
    }
    closes = "".join(
        _element("close", {"id": catalogue.shown(close.reference), "number": str(close.number),
                           "date": close.business_date.isoformat(), "head": close.head})
        for close in cut.closes
    )  # fmt: skip
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<report{_attributes(about)}>\n<closes>\n{closes}'
        "</closes>\n<rows>\n"
    ).encode()


def tail(report: Report, file_format: str, cut: Cut, rows: int) -> bytes:
    """Return what stands after the rows: in XML their number and the control totals."""
    if file_format == Format.CSV:
        return b""
    totals = "".join(_element("total", total) for total in report.totals(cut))
    return f'</rows>\n<totals rows="{rows}">\n{totals}</totals>\n</report>\n'.encode()


def namespace(report: Report) -> str:
    """Return the XML namespace of a report's version."""
    return f"urn:perimeter:report:{report.code}:{report.version}"


def _csv_select(report: Report) -> str:
    cells = ", ".join(
        f"reporting_cell({column.sql})" if column.free else column.sql for column in report.columns
    )
    return f"SELECT {cells} {report.source}"


def _xml_select(report: Report) -> str:
    # `concat` leaves out what is NULL: an attribute whose cell is empty.
    attributes = ", ".join(map(_attribute_sql, report.columns))
    return f"SELECT concat('<{report.element}', {attributes}, '/>') {report.source}"


def _attribute_sql(column: Column) -> str:
    cell = f"reporting_attribute({column.sql})" if column.free else f"({column.sql})"
    return f"' {column.name}=\"' || {cell} || '\"'"


def _copied(sql: str, params: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield what COPY gives, a row each, on the connection of the running transaction."""
    connection.ensure_connection()
    # COPY takes no parameters of the server's; this cursor writes them into the statement.
    with psycopg.ClientCursor(connection.connection) as cursor, cursor.copy(sql, params) as copy:
        for row in copy:
            yield bytes(row)


def _lines(held: bytearray, file_format: str) -> bytes:
    """Return the rows as the format ends them; inside a cell there is no line break."""
    return bytes(held.replace(b"\n", b"\r\n") if file_format == Format.CSV else held)


def _element(name: str, attributes: Mapping[str, str]) -> str:
    return f"<{name}{_attributes(attributes)}/>\n"


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(
        f' {name}="{saxutils.escape(value, {chr(34): "&quot;"})}"' for name, value in values.items()
    )
