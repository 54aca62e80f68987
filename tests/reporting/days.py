"""A bank's days with trade, closed; and runs of reports made by hand, as a worker makes them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

import ledger.operations
import ledger.queries
from common import tenancy, users
from common.tenancy import acting
from reporting import operations, queries, work
from reporting.catalogue import Period
from reporting.models import ReportFile, ReportRun
from tests.desk.desks import Desk
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.kyc.clients import AT

FIRST, SECOND, THIRD = date(2022, 2, 24), date(2022, 2, 25), date(2022, 2, 26)
WALL = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclasses.dataclass
class Days:
    """A desk whose days are closed and reported."""

    desk: Desk

    @property
    def bank_id(self) -> UUID:
        return self.desk.bank.pk

    def close(self, day: date, at: datetime | None = None) -> None:
        with self.desk.acting():
            ledger.operations.close_day(
                book_id=ledger.queries.main_book(),
                business_date=day,
                at=at or AT + (day - FIRST) + timedelta(hours=9),
            )

    def trade_three_days(self) -> None:
        """Buy, sell with gains, withhold, bust at once and later; a fill of the evening's clock."""
        desk = self.desk
        anna, boris = desk.client("9000000"), desk.client("500000", kind="ENTITY")
        desk.buy(anna, at=FALLEN_AT, quantity="0.15")
        bought = desk.buy(boris, quantity="0.05")
        desk.sell(anna, at=RISEN_AT, quantity="0.1")
        desk.withdraw(anna, "30000", at=RISEN_AT)
        wrong = desk.buy(boris, at=RISEN_AT, quantity="0.02")
        desk.buy(boris, at=RISEN_AT, quantity="0.03")
        fills = {fill.order_id: fill for fill in desk.fills()}
        desk.bust(fills[wrong.order.pk], at=RISEN_AT)
        self.close(FIRST)
        # Executed by the clock of the first day, booked when that was closed: of the second.
        desk.buy(anna, at=RISEN_AT, quantity="0.01")
        desk.bust(fills[bought.order.pk], at=AT + DAY)
        self.close(SECOND)
        desk.sell(anna, at=AT + 2 * DAY, quantity="0.05")
        desk.withdraw(anna, "20000", at=AT + 2 * DAY)
        self.close(THIRD)

    # --- Reports ---------------------------------------------------------------------------------

    def request(self, report: str, first: date, last: date | None = None) -> ReportRun:
        with self.desk.acting():
            return operations.request_run(
                report=report, period=Period(first, last or first), at=AT + 3 * DAY
            )

    def make(self, report: str, first: date, last: date | None = None) -> ReportRun:
        """Request a run and make all of it."""
        run = self.request(report, first, last)
        for _ in work.make_all(self.bank_id, run.pk, lambda: WALL):
            pass
        return self.run(run.pk)

    def run(self, run_id: UUID) -> ReportRun:
        with self.desk.acting():
            return queries.runs_for(self.actor).get(pk=run_id)

    @property
    def actor(self) -> users.Actor:
        return users.job("tests", self.bank_id)

    def bytes_of(self, run: ReportRun, file_format: str) -> bytes:
        """What a file holds, which its digest says too."""
        with acting(self.bank_id, self.actor):
            file = ReportFile.objects.get(run=run, format=file_format)
            held = b"".join(queries.stored(file))
        assert (hashlib.sha256(held).hexdigest(), len(held)) == (file.sha256, file.size)
        return held

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """What a statement of the application's gives."""
        with tenancy.acting(self.bank_id, self.actor), connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())
