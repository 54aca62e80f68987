"""A day's register of a million fills against COPY out of the same rows, and the memory it takes.

- `copy_out`: PostgreSQL's own COPY of the joined rows that the register is written from, in its
  order, columns as they are kept, read and dropped; three times, the median.
- `register_csv`, `register_xml`: each made as the house's worker makes it, by two processes that
  take a part after the other, as the application's role with row-level security on, written to the
  database in chunks, then hashed. Rows a second, at least 0.4 and 0.08 of `copy_out`.
- `peak_memory_mb`: of the larger of the two processes, at most 300.

The fills, their orders and entries are laid down in bulk by the owner, and the day closed.
REPORT_ROWS sets another number of rows.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.utils import timezone

import ledger.operations
from common import models, tenancy, users
from desk.reports import DailyRegister
from reporting import operations, queries, work
from reporting.catalogue import Period
from reporting.models import ReportFile, ReportPart
from reporting.states import Format, PartStatus
from reporting.work import Waiting
from tests.bench.house import House, judged

ROWS = int(os.environ.get("REPORT_ROWS", "1000000"))
CLIENTS, WORKERS = 1000, 2
LIMITS = {Format.CSV: 0.4, Format.XML: 0.08}
MEMORY_MB = 300
AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
DAY = date(2022, 2, 24)

# It says that it is ready, and begins when it is told to.
_WORKER = """
import django, sys, uuid
django.setup()
from tests.bench import reports
reports.make_waiting(uuid.UUID(sys.argv[1]), uuid.UUID(sys.argv[2]), sys.argv[3])
"""

# Ids of one millisecond, in order, so that the rows lie as a day's trade lays them.
_ID = "(lpad(to_hex(1645693200000 + n), 12, '0') || '7' || lpad(to_hex({kind}), 3, '0') || '8' ||"
_ID += " substr(md5({kind} || ':' || n), 1, 15))::uuid"
_BULK = (
    """INSERT INTO kyc_client (id, bank_id, kind, status, category, test_status, residency, risk,
           status_reason, limit_year, limit_used_rub, applied_at, opened_at, review_date)
       SELECT {client}, %(bank)s, 'PERSON', 'OPEN', 'NON_QUALIFIED', 'PASSED', 'RESIDENT', 'LOW',
           '', 2022, 0, %(at)s, %(at)s, %(day)s FROM generate_series(1, %(clients)s) AS n""",
    """INSERT INTO desk_order (id, bank_id, client_id, instrument_id, client_order_id, side, kind,
           time_in_force, quantity, status, codes, ordered_quantity, filled_quantity,
           reserved_limit_rub, limit_year, licence_id, licence_version, actor, request_id, at)
       SELECT {order}, %(bank)s, c.id, %(instrument)s, 'own-' || n, 'BUY', 'MARKET', 'FOK', 0.001,
           'FILLED', ARRAY[]::text[], 0.001, 0.001, 0, 2022, %(licence)s, 1, 'usr_bench', '',
           %(at)s::timestamptz + n * interval '10 ms'
         FROM generate_series(1, %(rows)s) AS n
         JOIN (SELECT id, row_number() OVER () AS k FROM kyc_client) AS c
           ON c.k = n %% %(clients)s + 1""",
    """INSERT INTO desk_fill (id, bank_id, order_id, quantity, price_rub, notional_rub, fee_rub,
           entry_id, at)
       SELECT {fill}, %(bank)s, {order}, 0.001, 3015000, 3015, 15.08, {entry},
           %(at)s::timestamptz + n * interval '10 ms' FROM generate_series(1, %(rows)s) AS n""",
    """INSERT INTO ledger_entry (id, bank_id, book_id, kind, business_date, value_date, at, actor,
           reason, request_id, ref, txid, digest)
       SELECT {entry}, %(bank)s, %(book)s, 'trade', %(day)s, %(day)s,
           %(at)s::timestamptz + n * interval '10 ms', 'usr_bench', '', '',
           perimeter_id('fil', {fill}), pg_current_xact_id()::text::bigint,
           sha256(('entry ' || n)::bytea)
         FROM generate_series(1, %(rows)s) AS n""",
)


def measure(house: House, seconds: int) -> Iterator[dict[str, Any]]:
    """Yield what was measured, a line each; how long it takes is the rows' affair."""
    bank_id = _seed(house)
    actor = users.job("bench", bank_id)
    with tenancy.acting(bank_id, actor):
        run = operations.request_run(report="daily-register", period=Period(DAY, DAY), at=AT)
    took = [_copy_out(bank_id, run.pk)]
    speeds, peaks = {}, []
    for file_format in LIMITS:
        seconds_taken, peak_mb = _make(bank_id, run.pk, file_format)
        speeds[file_format] = ROWS / seconds_taken
        peaks.append(peak_mb)
        took.append(_copy_out(bank_id, run.pk))
    copy_out = ROWS / statistics.median(took)
    rounds = [round(ROWS / each) for each in took]
    yield {"name": "copy_out", "value": round(copy_out), "unit": "rows/s", "rounds": rounds}
    with tenancy.acting(bank_id, actor):
        made = {file.format: file for file in ReportFile.objects.filter(run=run)}
    for file_format, limit in LIMITS.items():
        file = made[file_format]
        assert (file.rows, len(file.sha256)) == (ROWS, 64)
        yield {
            "name": f"register_{file_format.value}",
            "value": round(speeds[file_format]),
            "unit": "rows/s",
            "size_mb": round(file.size / 1e6),
        } | judged("copy_out", speeds[file_format] / copy_out, limit)
    yield {
        "name": "peak_memory_mb",
        "value": max(peaks),
        "unit": "MB",
        "limit": MEMORY_MB,
        "ok": max(peaks) <= MEMORY_MB,
    }


def _copy_out(bank_id: UUID, run_id: UUID) -> float:
    """Return the seconds that COPY of the rows takes."""
    actor = users.job("bench", bank_id)
    begun = time.perf_counter()
    with tenancy.acting(bank_id, actor, snapshot=True):
        run = queries.run_for(actor=actor, run_id=run_id)
        params = DailyRegister().params(
            queries.cut_of(run), (str(UUID(int=0)), str(UUID(int=2**128 - 1)))
        )
        copied = 0
        with (
            psycopg.ClientCursor(connection.connection) as cursor,
            cursor.copy(f"COPY (SELECT * {DailyRegister.source}) TO STDOUT", params) as copy,
        ):
            for _ in copy:
                copied += 1
    assert copied == ROWS
    return time.perf_counter() - begun


def _make(bank_id: UUID, run_id: UUID, file_format: Format) -> tuple[float, int]:
    """Make one format of the run; return the seconds to the digest, and the peak memory in MB."""
    command = [sys.executable, "-c", _WORKER, str(bank_id), str(run_id), file_format.value]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(WORKERS)
    ]
    pipes = [(worker.stdin, worker.stdout) for worker in workers]
    for _, told in pipes:
        assert told is not None
        told.readline()  # it is ready
    begun = time.perf_counter()
    for begin, _ in pipes:
        assert begin is not None
        begin.close()
    peaks = [json.loads(told.read()) for _, told in pipes if told is not None]
    assert [worker.wait() for worker in workers] == [0] * WORKERS
    took = time.perf_counter() - begun
    return took, max(peaks)


def make_waiting(bank_id: UUID, run_id: UUID, file_format: str) -> None:
    """Make what waits of one format, as a worker's child does; say how much memory that took."""
    waiting = ReportPart.objects.filter(
        file__run=run_id, file__format=file_format, status=PartStatus.WAITING
    ).order_by("number")
    with tenancy.acting(bank_id, users.job("bench", bank_id)):
        keys = list(waiting.values_list("id", flat=True))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    for key in keys:
        step: Waiting | None = Waiting(bank_id, ReportPart, key)
        while step is not None:
            step = work.make(step, timezone.now())
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    sys.stdout.write(json.dumps(peak_mb))


def _seed(house: House) -> UUID:
    """License a bank, give it a day of fills, and close the day; return its id."""
    from tests.desk.desks import open_desk  # noqa: PLC0415  Django is set up by now

    state = users.register_jurisdiction(code="told", name="Told", at=AT, wall_at=timezone.now())
    bank = users.register_bank(actor=users.supervisor_of(state.pk), code="told", name="Told")
    desk = open_desk(bank, stock="1")
    with desk.acting():
        named = _named(bank)
    kinds = {"client": 1, "order": 2, "fill": 3, "entry": 4}
    shown = {name: _ID.format(kind=number) for name, number in kinds.items()}
    with closing(psycopg.connect(house.owner)) as owner:
        owner.execute("SELECT set_config('perimeter.bank', %s, false)", [str(bank.pk)])
        for statement in _BULK:
            owner.execute(statement.format(**shown), named)
        owner.commit()
        owner.autocommit = True
        owner.execute("VACUUM ANALYZE")
    with desk.acting():
        ledger.operations.close_day(book_id=named["book"], business_date=DAY, at=AT)
    return bank.pk


def _named(bank: models.Bank) -> dict[str, Any]:
    from desk.models import Instrument  # noqa: PLC0415
    from ledger.queries import main_book  # noqa: PLC0415
    from licensing.models import Licence  # noqa: PLC0415

    return {
        "bank": bank.pk,
        "book": main_book(),
        "instrument": Instrument.objects.get().pk,
        "licence": Licence.objects.get().pk,
        "at": AT,
        "day": DAY,
        "rows": ROWS,
        "clients": CLIENTS,
    }
