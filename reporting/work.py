"""Making what waits: each step in a transaction of its own, safe to run twice and at once.

The rows say what is to be made; Redis carries only the wish to make it. What was queued and still
waits is queued again, ever less often. Used by the tasks and by `manage.py report run`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from common import clock, tenancy, users
from reporting import catalogue, operations, queries
from reporting.catalogue import Period
from reporting.models import ReportFile, ReportPart
from reporting.states import PartStatus

logger = logging.getLogger(__name__)

ASK_AGAIN_S, LONGEST_ASK_AGAIN_S = 10, 600
AT_ONCE = 200  # rows that one scan of a bank queues

_JOB = "report"


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """A part to make, or a file to end."""

    bank_id: UUID
    kind: type[ReportPart | ReportFile]
    id: UUID


def request_due(bank_id: UUID, wall_at: datetime) -> int:
    """Plan the runs of a bank that are due and absent, however long ago; return how many."""
    planned = 0
    for report in catalogue.current():
        for period in _absent(bank_id, report):
            try:
                with tenancy.acting(bank_id, users.job(_JOB, bank_id)):
                    operations.request_run(report=report.code, period=period, at=_now(wall_at))
                planned += 1
            except Exception:
                logger.exception("%s of bank %s for %s waits", report.code, bank_id, period)
    return planned


def _absent(bank_id: UUID, report: catalogue.Report) -> list[Period]:
    with tenancy.acting(bank_id, users.job(_JOB, bank_id), snapshot=True):
        return queries.absent(report)


def claim_waiting(bank_id: UUID, wall_at: datetime) -> list[Waiting]:
    """Return what of a bank's is to be queued now, and keep that it was.

    What somebody is at holds its row's lock and is passed over.
    """
    parts = ReportPart.objects.filter(status=PartStatus.WAITING)
    files = ReportFile.objects.filter(sha256="", parts_left=0)
    due = Q(queue_at__isnull=True) | Q(queue_at__lte=wall_at)
    claimed = []
    with tenancy.acting(bank_id, users.job(_JOB, bank_id)):
        for kind, rows in ((ReportFile, files), (ReportPart, parts)):
            locked = rows.filter(due).select_for_update(skip_locked=True).order_by("id")
            for row in locked[:AT_ONCE]:
                wait_s = min(ASK_AGAIN_S * 2 ** min(row.tries, 16), LONGEST_ASK_AGAIN_S)
                row.queue_at, row.tries = wall_at + timedelta(seconds=wait_s), row.tries + 1
                row.save(update_fields=["queue_at", "tries"])
                claimed.append(Waiting(bank_id, kind, row.pk))
    return claimed


def make(waiting: Waiting, wall_at: datetime) -> Waiting | None:
    """Do one step; return the next one that it has made possible.

    What fails is kept on its row, and raised.
    """
    try:
        with tenancy.acting(waiting.bank_id, users.job(_JOB, waiting.bank_id)):
            at = _now(wall_at)
            if waiting.kind is ReportFile:
                operations.finish_file(file_id=waiting.id, at=at)
                return None
            file_id = operations.make_part(part_id=waiting.id, at=at)
    except Exception as error:
        with tenancy.acting(waiting.bank_id, users.job(_JOB, waiting.bank_id)):
            row = waiting.kind._default_manager.get(pk=waiting.id)
            operations.record_failure(row=row, error=error)
        raise
    return None if file_id is None else Waiting(waiting.bank_id, ReportFile, file_id)


def left_of(bank_id: UUID, run_id: UUID) -> list[Waiting]:
    """Return what is left to make of a run: its parts, and the ends of files without any."""
    with tenancy.acting(bank_id, users.job(_JOB, bank_id), snapshot=True):
        parts = ReportPart.objects.filter(file__run=run_id, status=PartStatus.WAITING)
        files = ReportFile.objects.filter(run=run_id, sha256="", parts_left=0)
        return [
            Waiting(bank_id, kind, key)
            for kind, rows in ((ReportPart, parts), (ReportFile, files))
            for key in rows.order_by("id").values_list("id", flat=True)
        ]


def make_all(bank_id: UUID, run_id: UUID, wall: Callable[[], datetime]) -> Iterator[None]:
    """Make what is left of a run in this process, a step at each turn.

    What a worker has under its lock is left to it: this ends, and the caller looks again.
    """
    for waiting in left_of(bank_id, run_id):
        step: Waiting | None = waiting
        while step is not None:
            step = make(step, wall())
        yield


def _now(wall_at: datetime) -> datetime:
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    return clock.now(jurisdiction_id, wall_at)
