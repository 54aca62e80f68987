"""The reports that the days of the job make due, made here and now rather than waited for."""

from __future__ import annotations

import dataclasses
import time
from datetime import date, timedelta

from django.utils import timezone

from common import clock, tenancy
from reporting import operations, queries, work
from reporting.catalogue import Period
from reporting.models import ReportFile, ReportRun
from reporting.states import RunStatus
from simulation.house import Bank

REGISTER, TAX = "daily-register", "tax-withheld"
_PAUSE_S = 0.2  # while a worker makes what is left


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """A file of a report: what it is called, how many rows and bytes, and their SHA-256."""

    bank: str
    name: str
    rows: int
    size: int
    sha256: str


def periods(first: date, last: date) -> list[tuple[str, Period]]:
    """Return what is reported of some days: a register of each, the tax withheld of all."""
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    return [(REGISTER, Period(day, day)) for day in days] + [(TAX, Period(first, last))]


def make(bank: Bank, report: str, period: Period) -> list[Made]:
    """Make a report of a bank's closed days, or find it made; return its files.

    Raises: PERIOD_NOT_CLOSED.
    """
    with tenancy.acting(bank.id, bank.office) as acting:
        assert acting.jurisdiction_id is not None
        at = clock.now(acting.jurisdiction_id, timezone.now())
        run = operations.request_run(report=report, period=period, at=at)
    while True:
        for _ in work.make_all(bank.id, run.pk, timezone.now):
            pass
        if _is_done(bank, run):
            break
        time.sleep(_PAUSE_S)  # a worker is at the rest
    with tenancy.acting(bank.id, bank.office):
        files = ReportFile.objects.filter(run=run).order_by("name")
        return [Made(bank.code, each.name, each.rows, each.size, each.sha256) for each in files]


def _is_done(bank: Bank, run: ReportRun) -> bool:
    with tenancy.acting(bank.id, bank.office):
        found: bool = queries.run_for(actor=bank.office, run_id=run.pk).status == RunStatus.DONE
        return found
