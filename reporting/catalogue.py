"""What a report is to the machinery, and which there are.

A report's content stands in the `reports.py` of the app that knows it, found at start. Nothing is
known here of what it says: a report is columns written in SQL, cut at closed days.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from common import errors, ids, users


class Close(Protocol):
    """A closed business day, as the books have it; `head` is the digest of all it sealed."""

    id_prefix: str

    @property
    def pk(self) -> UUID: ...
    @property
    def number(self) -> int: ...
    @property
    def business_date(self) -> date: ...
    @property
    def head(self) -> bytes | memoryview: ...


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Period:
    """Business days from `first` to `last`, both in it."""

    first: date
    last: date


@dataclasses.dataclass(frozen=True, slots=True)
class CutAt:
    """A closed day of a run's lineage as it was then; `reference` is its opaque `kind:id`."""

    reference: str
    number: int
    business_date: date
    head: str


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """What a run is made from: the period, and the closed days in it."""

    period: Period
    closes: tuple[CutAt, ...]

    @property
    def close_ids(self) -> list[UUID]:
        """The closes' ids, as SQL wants them."""
        return [UUID(close.reference.partition(":")[2]) for close in self.closes]


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in both formats and its text in SQL; NULL is an empty cell.

    `free` says that people wrote the text: it is escaped, and kept from becoming a formula. What
    is not free is letters, digits and `+-.:_`, by its type.
    """

    name: str
    sql: str
    free: bool = False


Bounds = tuple[str, str]


class Report(Protocol):
    """A report of one version. A change of what it says is a new version beside the old one.

    `source` is the SQL from FROM to ORDER BY that all columns are written over; it orders by
    qualified names (a bare one may mean a column's text), and reads only what the closes have
    sealed, so that it gives the same rows ever after. `personal`: the files hold
    personal data, which nobody reads but the recipient and those who run reports.
    """

    code: ClassVar[str]
    version: ClassVar[int]
    title: ClassVar[str]
    recipient: ClassVar[users.Role]
    personal: ClassVar[bool]
    element: ClassVar[str]
    columns: ClassVar[Sequence[Column]]
    source: ClassVar[str]
    schema: ClassVar[Path]

    def closes(self, period: Period) -> Sequence[Close]:
        """Return the closed days of a period, inside the caller's transaction.

        Raises: PERIOD_UNKNOWN if the report has no such period; PERIOD_NOT_CLOSED.
        """

    def due(self) -> Iterable[Period]:
        """Return the periods that the calendar asks for and whose days are all closed."""

    def slices(self, cut: Cut, rows: int) -> Sequence[Bounds]:
        """Split a cut into parts of about so many rows, in order."""

    def params(self, cut: Cut, bounds: Bounds) -> Mapping[str, Any]:
        """Return the parameters of `source` for one part."""

    def totals(self, cut: Cut) -> Sequence[Mapping[str, str]]:
        """Return the control totals of the whole."""

    def records(self, cut: Cut, row: int) -> Sequence[str]:
        """Return the records, `kind:id`, that row number `row` (from 1) was written from."""


R = TypeVar("R", bound=type[Any])
Resolver = Callable[[UUID], Mapping[str, Any]]

_reports: dict[tuple[str, int], Report] = {}
_resolvers: dict[str, Resolver] = {}
_CODE, _NAME = re.compile(r"[a-z]+(-[a-z]+)*"), re.compile(r"[a-z]+(_[a-z]+)*")


def report(definition: R) -> R:
    """Register a class of some `reports.py` as a report."""
    made: Report = definition()
    assert (made.code, made.version) not in _reports, f"{made.code} is registered twice"
    assert _CODE.fullmatch(made.code), made.code
    assert all(_NAME.fullmatch(column.name) for column in made.columns), made.code
    _reports[made.code, made.version] = made
    return definition


def resolves(kind: str) -> Callable[[Resolver], Resolver]:
    """Register what shows a record of a kind, inside the caller's transaction.

    The function gets the record's id and raises NOT_FOUND where there is none.
    """

    def register(function: Resolver) -> Resolver:
        assert kind not in _resolvers, f"{kind} is registered twice"
        _resolvers[kind] = function
        return function

    return register


def current() -> list[Report]:
    """Return the latest version of each report, by code."""
    latest = {code: made for (code, _), made in sorted(_reports.items())}
    return list(latest.values())


def latest(code: str) -> Report:
    """Return the latest version of a report. Raises: REPORT_UNKNOWN."""
    for made in current():
        if made.code == code:
            return made
    raise errors.Refused("REPORT_UNKNOWN", {"report": code})


def of_version(code: str, version: int) -> Report:
    """Return the version that a run was made by; a bug if it was taken out of the house."""
    return _reports[code, version]


def shown(reference: str) -> str:
    """Return an opaque `kind:id` as people see it."""
    kind, _, key = reference.partition(":")
    return ids.show(kind, UUID(key))


def resolve(reference: str) -> Mapping[str, Any]:
    """Return what a record is, by its opaque `kind:id`. Raises: NOT_FOUND."""
    kind, _, key = reference.partition(":")
    return _resolvers[kind](UUID(key))
