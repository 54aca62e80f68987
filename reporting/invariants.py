"""What `manage.py verify` proves of reports, a function a rule; each names the row that breaks it.

Each runs inside one bank's read-only snapshot. Every file is hashed again; the latest ones are made
again from their lineage, as many as `RECOMPUTED_ROWS` lets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from django.db.models import Count, Q

from common import errors, ids
from reporting import queries
from reporting.models import ReportFile, ReportPart, ReportRun
from reporting.states import PartStatus, RunStatus

RECOMPUTED_ROWS = 200_000

Violation = tuple[str, str]


def files_are_what_their_digests_say() -> Iterator[Violation]:
    for file in ReportFile.objects.exclude(sha256="").order_by("id"):
        digest, size = hashlib.sha256(), 0
        for chunk in queries.stored(file):
            digest.update(chunk)
            size += len(chunk)
        if (digest.hexdigest(), size) != (file.sha256, file.size):
            yield _shown(file), f"hashes to {digest.hexdigest()} over {size} bytes"


def latest_reports_are_the_same_when_made_again() -> Iterator[Violation]:
    left = RECOMPUTED_ROWS
    files = ReportFile.objects.select_related("run").exclude(sha256="").order_by("-id")
    for file in files:
        left -= file.rows
        if left < 0:
            return
        found = queries.recomputed(file)
        if found != file.sha256:
            yield _shown(file), f"has SHA-256 {file.sha256}, made again {found}"


def runs_are_cut_at_closes_that_stand() -> Iterator[Violation]:
    for run in ReportRun.objects.order_by("id"):
        cut = queries.cut_of(run)
        try:
            now = queries.cut_now(queries.report_of(run), cut.period)
        except errors.Refused as refusal:
            yield ids.show(run.id_prefix, run.pk), f"is of no closed period: {refusal.detail}"
            continue
        if now != cut:
            yield ids.show(run.id_prefix, run.pk), "is cut at other closes than the books have"


def what_is_made_is_counted() -> Iterator[Violation]:
    waiting = Count("pk", filter=Q(status=PartStatus.WAITING))
    counted = {
        row["file_id"]: (row["left"], row["all"])
        for row in ReportPart.objects.values("file_id").annotate(left=waiting, all=Count("pk"))
    }
    for file in ReportFile.objects.order_by("id"):
        left, parts = counted.get(file.pk, (0, 0))
        if (file.parts_left, file.parts) != (left, parts):
            yield _shown(file), f"has {file.parts_left} parts left, {left} of {parts} wait"
    unfinished = ReportFile.objects.filter(sha256="").values("run")
    wrong = ReportRun.objects.filter(
        Q(status=RunStatus.DONE, pk__in=unfinished)
        | (~Q(status=RunStatus.DONE) & ~Q(pk__in=unfinished))
    )
    for run in wrong:
        yield ids.show(run.id_prefix, run.pk), f"is {run.status}, which its files are not"


def _shown(file: ReportFile) -> str:
    return ids.show(file.id_prefix, file.pk)


INVARIANTS = (
    files_are_what_their_digests_say,
    latest_reports_are_the_same_when_made_again,
    runs_are_cut_at_closes_that_stand,
    what_is_made_is_counted,
)
