"""Every read of reports that another file uses. All inside `tenancy.acting`, but for `content`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Prefetch, Q, QuerySet, Sum

from common import errors, ids, tenancy, users
from reporting import catalogue, formats
from reporting.catalogue import Cut, CutAt, Period, Report
from reporting.models import FileChunk, ReportFile, ReportPart, ReportRun
from reporting.states import PartStatus, RunStatus


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How much of a run is made: parts of all its files, and rows of one."""

    parts: int
    parts_done: int
    rows: int

    @property
    def percent(self) -> int:
        """Of the parts, rounded down."""
        return 100 * self.parts_done // self.parts if self.parts else 100


def runs_for(actor: users.Actor) -> QuerySet[ReportRun]:
    """Return the runs that somebody may see: a bank its own, an officer those for the office."""
    rows = ReportRun.objects.prefetch_related(
        Prefetch("files", ReportFile.objects.order_by("format"))
    )
    if actor.bank_id is not None:
        return rows
    with connection.cursor() as cursor:  # what the tables' policies ask
        cursor.execute("SELECT set_config('perimeter.recipient', %s, true)", [actor.role.value])
    return rows.filter(recipient=actor.role.value)


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How a report stands: its runs that are done and being made, and the periods without one."""

    report: Report
    done: int
    making: int
    due: int


def standings(actor: users.Actor) -> list[Standing]:
    """Return how each report stands that somebody may see; a bank sees too what of its is due."""
    rows = runs_for(actor).prefetch_related(None).order_by()
    runs: dict[tuple[str, bool], int] = {}
    for code, status, count in rows.values_list("report", "status").annotate(count=Count("pk")):
        key = code, status == RunStatus.DONE
        runs[key] = runs.get(key, 0) + count
    return [
        Standing(
            each,
            runs.get((each.code, True), 0),
            runs.get((each.code, False), 0),
            len(absent(each)) if actor.bank_id is not None else 0,
        )
        for each in catalogue.current()
        if actor.bank_id is not None or each.recipient.value == actor.role.value
    ]


def run_for(*, actor: users.Actor, run_id: UUID) -> ReportRun:
    """Return a run that the actor may see. Raises: NOT_FOUND."""
    row = runs_for(actor).filter(pk=run_id).first()
    if row is None:
        raise errors.Refused("NOT_FOUND", {"run": ids.show(ReportRun.id_prefix, run_id)})
    return row


def file_for(*, actor: users.Actor, file_id: UUID) -> ReportFile:
    """Return a whole file that the actor may read.

    Raises: NOT_FOUND, also while it is being made; SCOPE_MISSING for one with personal data.
    """
    files = ReportFile.objects.select_related("run").exclude(sha256="")
    row = files.filter(pk=file_id, run__in=runs_for(actor)).first()
    if row is None:
        raise errors.Refused("NOT_FOUND", {"file": ids.show(ReportFile.id_prefix, file_id)})
    if not reads(actor, row.run):
        raise errors.Refused("SCOPE_MISSING", {"scope": "reports:run"})
    return row


def reads(actor: users.Actor, run: ReportRun) -> bool:
    """Say whether somebody reads what a run's files say: personal data not everybody."""
    told = actor.role.value == run.recipient or "reports:run" in actor.scopes
    return told or not report_of(run).personal


def content(*, actor: users.Actor, file_id: UUID) -> Iterator[bytes]:
    """Yield a file's bytes, chunk by chunk, each in a transaction of its own.

    For `file_for` has said that the actor may, and a whole file does not change.
    """
    place = (-1, -1)
    while True:
        with tenancy.acting(actor.bank_id, actor, snapshot=True):
            row = _chunks(actor, file_id).filter(_after(place)).first()
        if row is None:
            return
        place = (row.part, row.number)
        yield bytes(row.content)


def _chunks(actor: users.Actor, file_id: UUID) -> QuerySet[FileChunk]:
    runs = runs_for(actor)
    rows = FileChunk.objects.filter(file_id=file_id, file__run__in=runs)
    return rows.order_by("part", "number")


def _after(place: tuple[int, int]) -> Q:
    part, number = place
    return Q(part__gt=part) | Q(part=part, number__gt=number)


def stored(file: ReportFile) -> Iterator[bytes]:
    """Yield a file's chunks, inside the caller's transaction."""
    rows = FileChunk.objects.filter(file=file).order_by("part", "number")
    for held in rows.values_list("content", flat=True).iterator(chunk_size=1):
        yield bytes(held)


def progress(runs: Iterable[ReportRun]) -> dict[UUID, Progress]:
    """Return how far each run is."""
    asked = list(runs)
    told = ReportFile.objects.filter(run__in=asked).values("run_id")
    made = ReportPart.objects.filter(file__run__in=asked, status=PartStatus.DONE).values(
        "file__run_id", "file_id"
    )
    rows: dict[UUID, int] = {}
    for each in made.annotate(summed=Sum("rows")):
        run_id = each["file__run_id"]
        rows[run_id] = max(rows.get(run_id, 0), each["summed"])
    return {run.pk: Progress(0, 0, 0) for run in asked} | {
        # The end of a file, which hashes it, is a step of its own.
        each["run_id"]: Progress(
            each["parts"] + each["files"],
            each["parts"] - each["left"] + each["whole"],
            rows.get(each["run_id"], 0),
        )
        for each in told.annotate(
            parts=Sum("parts"),
            left=Sum("parts_left"),
            files=Count("pk"),
            whole=Count("pk", filter=~Q(sha256="")),
        )
    }


def troubles(run: ReportRun) -> str:
    """Return what went wrong last in making a run that is not done; empty if nothing did."""
    parts = ReportPart.objects.filter(file__run=run, status=PartStatus.WAITING)
    files = ReportFile.objects.filter(run=run, sha256="")
    found = [
        rows.exclude(last_error="").aggregate(error=Max("last_error"))["error"]
        for rows in (parts, files)
    ]
    return next(filter(None, found), "")


# --- What a run was made from --------------------------------------------------------------------


def report_of(run: ReportRun) -> Report:
    """Return the definition that a run was made by."""
    return catalogue.of_version(run.report, run.version)


def cut_of(run: ReportRun) -> Cut:
    """Return what a run is made from, as it was recorded."""
    return Cut(
        Period(run.first_date, run.last_date),
        tuple(
            CutAt(
                close["close"],
                close["number"],
                date.fromisoformat(close["business_date"]),
                close["head"],
            )
            for close in run.closes
        ),
    )


def cut_now(report: Report, period: Period) -> Cut:
    """Return what a report of a period would be made from now.

    Raises: PERIOD_UNKNOWN; PERIOD_NOT_CLOSED.
    """
    return Cut(
        period,
        tuple(
            CutAt(
                f"{close.id_prefix}:{close.pk}",
                close.number,
                close.business_date,
                bytes(close.head).hex(),
            )
            for close in report.closes(period)
        ),
    )


def recomputed(file: ReportFile) -> str:
    """Return the SHA-256 (hex) that a file has if it is made anew from its run's lineage."""
    run = file.run
    report, cut = report_of(run), cut_of(run)
    digest, counted = hashlib.sha256(), formats.Counted()
    digest.update(formats.head(report, file.format, cut, run.bank_code))
    for part in ReportPart.objects.filter(file=file).order_by("number"):
        low, high = part.bounds
        for chunk in formats.part(report, file.format, cut, (low, high), counted):
            digest.update(chunk)
    digest.update(formats.tail(report, file.format, cut, counted.rows))
    return digest.hexdigest()


def records(run: ReportRun, row: int) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what a row (from 1) of a run's files was written from: each `kind:id`, and the record.

    Raises: NOT_FOUND if there is no such row.
    """
    found = report_of(run).records(cut_of(run), row)
    if not found:
        raise errors.Refused("NOT_FOUND", {"row": row})
    return [(reference, catalogue.resolve(reference)) for reference in found]


def absent(report: Report) -> list[Period]:
    """Return the periods of a report that are due and have no run of any version, in order."""
    due = sorted(set(report.due()))
    if not due:
        return []
    runs = ReportRun.objects.filter(report=report.code, last_date__gte=due[0].first)
    there = {Period(*dates) for dates in runs.values_list("first_date", "last_date")}
    return [period for period in due if period not in there]
