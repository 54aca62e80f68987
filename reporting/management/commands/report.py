"""`manage.py report list | run | show`: reports from a terminal, with a progress bar."""

from __future__ import annotations

import time
from datetime import date
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from common import clock, errors, ids, tenancy, users
from reporting import catalogue, operations, queries, work
from reporting.catalogue import Period
from reporting.models import ReportRun
from reporting.states import RunStatus

PAUSE_S = 0.5  # while a worker makes what is left


class Command(BaseCommand):
    help = "Lists reports and runs, makes a report of closed days, shows a run and its files."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listed = verbs.add_parser("list", help="the reports, and a bank's latest runs")
        listed.add_argument("--bank", help="a bank's code")
        run = verbs.add_parser("run", help="make a report of closed days, here and now")
        run.add_argument("report", help="a report's code, as listed")
        run.add_argument("--bank", required=True, help="the bank's code")
        run.add_argument("--first", required=True, type=date.fromisoformat)
        run.add_argument("--last", type=date.fromisoformat, help="--first if not given")
        show = verbs.add_parser("show", help="a run: how far it is, its lineage and files")
        show.add_argument("run", help="the run's id (rep_…)")
        show.add_argument("--bank", required=True, help="the bank's code")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        console = Console(file=self.stdout)  # type: ignore[arg-type]  # writes as a file does
        try:
            if verb == "list":
                _list(console, options["bank"])
                return
            bank_id = _bank(options["bank"])
            if verb == "run":
                first = options["first"]
                period = Period(first, options["last"] or first)
                run_id = _run(console, bank_id, options["report"], period)
            else:
                run_id = ids.parse(ReportRun.id_prefix, options["run"])
            _show(console, bank_id, run_id)
        except errors.Refused as refusal:
            raise CommandError(refusal.detail) from refusal
        except ids.BadId as bad:
            raise CommandError(str(bad)) from bad


def _bank(code: str) -> UUID:
    bank_id = users.house_of(code).bank_id
    if bank_id is None:
        raise CommandError(f"{code} is no bank.")
    return bank_id


def _list(console: Console, bank: str | None) -> None:
    table = Table("Report", "Version", "Title", "Recipient")
    for each in catalogue.current():
        table.add_row(each.code, str(each.version), each.title, each.recipient.value)
    console.print(table)
    if bank is None:
        return
    bank_id = _bank(bank)
    runs = Table("Run", "Report", "First", "Last", "Status", "Made")
    actor = users.job("report", bank_id)
    with tenancy.acting(bank_id, actor, snapshot=True):
        rows = list(queries.runs_for(actor).order_by("-id")[:20])
        progress = queries.progress(rows)
        for run in rows:
            runs.add_row(
                ids.show(run.id_prefix, run.pk),
                run.report,
                str(run.first_date),
                str(run.last_date),
                run.status,
                f"{progress[run.pk].percent} %",
            )
    console.print(runs)


def _run(console: Console, bank_id: UUID, report: str, period: Period) -> UUID:
    """Make a run to its end; what a worker is at is left to it and waited for."""
    actor = users.job("report", bank_id)
    with tenancy.acting(bank_id, actor) as acting:
        assert acting.jurisdiction_id is not None
        at = clock.now(acting.jurisdiction_id, timezone.now())
        run = operations.request_run(report=report, period=period, at=at)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(f"{report} {period.first}")
        while True:
            for _ in work.make_all(bank_id, run.pk, timezone.now):
                _advance(bar, task, bank_id, actor, run)
            if _advance(bar, task, bank_id, actor, run):
                return run.pk
            time.sleep(PAUSE_S)


def _advance(bar: Progress, task: Any, bank_id: UUID, actor: users.Actor, run: ReportRun) -> bool:
    """Show how far the run is; say if it is done."""
    with tenancy.acting(bank_id, actor, snapshot=True):
        done = queries.progress([run])[run.pk]
        status = queries.run_for(actor=actor, run_id=run.pk).status
    bar.update(task, total=done.parts, completed=done.parts_done)
    return status == RunStatus.DONE


def _show(console: Console, bank_id: UUID, run_id: UUID) -> None:
    actor = users.job("report", bank_id)
    with tenancy.acting(bank_id, actor, snapshot=True):
        run = queries.run_for(actor=actor, run_id=run_id)
        done = queries.progress([run])[run.pk]
        trouble = queries.troubles(run)
        files = list(run.files.all())
    console.print(
        f"{ids.show(run.id_prefix, run.pk)}: {run.report} version {run.version},"
        f" {run.first_date} to {run.last_date}, for {run.recipient}: {run.status},"
        f" {done.percent} %, {done.rows} rows"
    )
    if trouble:
        console.print(f"Trouble: {trouble}")
    for close in queries.cut_of(run).closes:
        console.print(
            f"Cut at close {close.number} of {close.business_date}, head {close.head}",
            soft_wrap=True,
        )
    for file in files:
        told = f"{file.size} bytes, SHA-256 {file.sha256}" if file.sha256 else "being made"
        console.print(f"{file.name}: {file.rows} rows, {told}", soft_wrap=True)
