"""The tasks that make reports. Each may be lost or run twice: the rows say what is to be done."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from common import tenancy
from reporting import operations, work
from reporting.models import ReportFile, ReportPart
from reporting.work import Waiting

logger = logging.getLogger(__name__)

_KINDS: dict[str, type[ReportPart | ReportFile]] = {"part": ReportPart, "file": ReportFile}


@shared_task(name="reporting.scan")
def scan() -> None:
    """Plan what is due and absent in every bank, and queue what waits."""
    for bank_id in tenancy.bank_ids():
        try:
            work.request_due(bank_id, timezone.now())
            _queue(work.claim_waiting(bank_id, timezone.now()))
        except OperationalError as error:
            logger.warning("The broker is down, reports wait: %s", error)
            return
        except Exception:
            logger.exception("Reports of bank %s wait for the next scan", bank_id)


@shared_task(name=operations.WAKE)
def queue_waiting(bank_id: str) -> None:
    """Queue what waits in a bank."""
    _queue(work.claim_waiting(UUID(bank_id), timezone.now()))


@shared_task(name="reporting.make")
def make(bank_id: str, kind: str, row_id: str) -> None:
    """Make a part, or end a file; queue the end of a file whose last part this was."""
    waiting = Waiting(UUID(bank_id), _KINDS[kind], UUID(row_id))
    following = work.make(waiting, timezone.now())
    if following is not None:
        _queue([following])


def _queue(claimed: Iterable[Waiting]) -> None:
    names = {kind: name for name, kind in _KINDS.items()}
    for each in claimed:
        make.delay(str(each.bank_id), names[each.kind], str(each.id))
