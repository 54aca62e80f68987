"""Every write of reports. All inside the caller's `tenancy.acting`.

Lock order: a part, its run, its file. What has to be made is rows; who makes them is `work`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from celery import current_app
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from common import changes, ids, models, outbox, statements, tenancy
from reporting import catalogue, formats, queries
from reporting.catalogue import Period
from reporting.models import ReportFile, ReportPart, ReportRun
from reporting.states import RUN_TRANSITIONS, Format, PartStatus, RunStatus

PART_ROWS = 100_000
# A part is a slice of large tables: found by their indexes, and sorted in memory. Other parts are
# made beside it, and the desk trades: it takes one process of the server's.
_AS_A_PART = """
    SELECT set_config('random_page_cost', '1.1', true), set_config('work_mem', '64MB', true),
           set_config('max_parallel_workers_per_gather', '0', true)"""
WAKE, WAKE_EXPIRES_S = "reporting.queue_waiting", 60  # the task's name


def request_run(*, report: str, period: Period, at: datetime) -> ReportRun:
    """Plan the run of a report's latest version for a period, or return the one that there is.

    Writes the run, its files and their parts; making them is queued on commit.

    Raises: REPORT_UNKNOWN; PERIOD_UNKNOWN if the report has no such period; PERIOD_NOT_CLOSED.
    """
    made_by = catalogue.latest(report)
    existing = ReportRun.objects.filter(
        report=made_by.code,
        version=made_by.version,
        first_date=period.first,
        last_date=period.last,
    )
    found = existing.first()
    if found is not None:
        return found
    cut = queries.cut_now(made_by, period)
    acting = tenancy.current()
    assert acting.bank_id is not None
    assert acting.jurisdiction_id is not None
    run = ReportRun(
        bank_id=acting.bank_id,
        bank_code=models.Bank.objects.get(pk=acting.bank_id).code,
        jurisdiction_id=acting.jurisdiction_id,
        report=made_by.code,
        version=made_by.version,
        recipient=made_by.recipient.value,
        first_date=period.first,
        last_date=period.last,
        closes=[
            {
                "close": close.reference,
                "number": close.number,
                "business_date": close.business_date.isoformat(),
                "head": close.head,
            }
            for close in cut.closes
        ],
        actor=acting.actor.label,
        request_id=acting.request_id,
        at=at,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        found = existing.first()  # somebody was first
        if found is None:
            raise
        return found
    _plan(run, made_by.slices(cut, PART_ROWS))
    changes.keep(run, before="", at=at)
    transaction.on_commit(
        functools.partial(
            current_app.send_task, WAKE, [str(acting.bank_id)], expires=WAKE_EXPIRES_S
        ),
        robust=True,  # the scan finds what nobody was woken for
    )
    return run


def _plan(run: ReportRun, slices: Sequence[catalogue.Bounds]) -> None:
    for each in Format:
        file = ReportFile.objects.create(
            bank_id=run.bank_id,
            run=run,
            format=each,
            name=_name(run, each),
            parts=len(slices),
            parts_left=len(slices),
        )
        ReportPart.objects.bulk_create(
            ReportPart(bank_id=run.bank_id, file=file, number=number, bounds=list(bounds))
            for number, bounds in enumerate(slices, 1)
        )


def _name(run: ReportRun, file_format: str) -> str:
    days = [run.first_date, run.last_date][: 1 if run.first_date == run.last_date else 2]
    return "-".join([run.report, run.bank_code, *map(str, days)]) + f".{file_format}"


def make_part(*, part_id: UUID, at: datetime) -> UUID | None:
    """Make a part that waits; return its file's id if it was the last of it.

    1. The part is locked; if somebody else has it, or it is made, there is nothing to do.
    2. Its chunks, its status and the count of those left commit together.
    """
    waiting = ReportPart.objects.select_for_update(of=("self",), skip_locked=True)
    rows = waiting.select_related("file__run").filter(pk=part_id, status=PartStatus.WAITING)
    part = rows.first()
    if part is None:
        return None
    file, run = part.file, part.file.run
    report, counted = queries.report_of(run), formats.Counted()
    statements.execute(_AS_A_PART)
    low, high = part.bounds
    made = formats.part(report, file.format, queries.cut_of(run), (low, high), counted)
    size = _write(file, part.number, list(made))
    part.status, part.rows, part.last_error = PartStatus.DONE, counted.rows, ""
    part.save(update_fields=["status", "rows", "last_error"])
    locked = ReportRun.objects.select_for_update().get(pk=run.pk)
    if locked.status == RunStatus.QUEUED:
        changes.move(locked, to=RunStatus.RUNNING, transitions=RUN_TRANSITIONS, at=at)
    ReportFile.objects.filter(pk=file.pk).update(
        parts_left=F("parts_left") - 1, rows=F("rows") + counted.rows, size=F("size") + size
    )
    if report.personal and counted.rows:
        told = {"run": ids.show(run.id_prefix, run.pk), "recipient": run.recipient}
        outbox.emit("reporting.personal_data_written", {**told, "rows": counted.rows}, at)
    return None if ReportFile.objects.get(pk=file.pk).parts_left else file.pk


def finish_file(*, file_id: UUID, at: datetime) -> None:
    """Give a file whose parts are all made its head, its tail and its digest; perhaps end the run.

    A file that somebody else is ending, or has ended, is left alone.
    """
    unfinished = ReportFile.objects.select_for_update(of=("self",), skip_locked=True)
    rows = unfinished.select_related("run").filter(pk=file_id, sha256="", parts_left=0)
    file = rows.first()
    if file is None:
        return
    report, cut = queries.report_of(file.run), queries.cut_of(file.run)
    _write(file, 0, [formats.head(report, file.format, cut, file.run.bank_code)])
    _write(file, file.parts + 1, [formats.tail(report, file.format, cut, file.rows)])
    digest, size = hashlib.sha256(), 0
    for chunk in queries.stored(file):
        digest.update(chunk)
        size += len(chunk)
    run = ReportRun.objects.select_for_update().get(pk=file.run_id)
    file.sha256, file.size, file.last_error = digest.hexdigest(), size, ""
    file.save(update_fields=["sha256", "size", "last_error"])
    if ReportFile.objects.filter(run=run, sha256="").exists():
        return
    changes.move(run, to=RunStatus.DONE, transitions=RUN_TRANSITIONS, at=at)
    told = {"run": ids.show(run.id_prefix, run.pk), "report": run.report}
    period = {"first": run.first_date.isoformat(), "last": run.last_date.isoformat()}
    outbox.emit("reporting.report_made", {**told, **period, "recipient": run.recipient}, at)


def _write(file: ReportFile, part: int, chunks: list[bytes]) -> int:
    """Keep chunks as a part of a file; return how many bytes they are."""
    rows = [(file.bank_id, file.pk, part, number, chunk) for number, chunk in enumerate(chunks)]
    with connection.cursor() as cursor:
        for row in rows:
            if row[-1]:
                cursor.execute(
                    "INSERT INTO reporting_filechunk (bank_id, file_id, part, number, content)"
                    " VALUES (%s, %s, %s, %s, %b)",
                    row,
                )
    return sum(len(chunk) for chunk in chunks)


def record_failure(*, row: ReportPart | ReportFile, error: BaseException) -> None:
    """Keep why a part or the end of a file could not be made, unless it has been meanwhile."""
    # One line and printable; the lines after it may hold a row's content.
    told = repr(error).partition("\\n")[0][:2000]
    if isinstance(row, ReportPart):
        parts = ReportPart.objects.filter(pk=row.pk, status=PartStatus.WAITING)
        parts.update(last_error=told)
    else:
        ReportFile.objects.filter(pk=row.pk, sha256="").update(last_error=told)
