"""Posting against TPC-B, the same client driving both: three interleaved rounds, medians.

- `tpcb`: pgbench's own transaction at scale 50 (five statements, four row writes), as the owner.
- `ledger_post`: one client pays another and two fees: an entry of 4 postings on 2 locked balances,
  in a transaction as the application makes it (BEGIN, whose it is, the entry, COMMIT), as
  `perimeter_app`, row-level security and triggers on. At least 0.5 of `tpcb`.
- `ledger_post_batch`: the same by 100 entries a call; entries a second, at least 2.0 of `tpcb`.

What was posted must pass `manage.py verify`.
"""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from common import tenancy, users
from ledger import operations, queries
from ledger.operations import NewEntry, Wanted
from tests.bench.house import House, judged, manage, pgbench

ROUNDS = 3
BATCH = 100
PAYERS = 10_000
LIMITS = {"ledger_post": 0.5, "ledger_post_batch": 2.0}
AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)

# The application makes its ids itself, UUIDv7; PostgreSQL can from 18 on.
_UUID7 = """
CREATE FUNCTION bench_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
            || right(replace(gen_random_uuid()::text, '-', ''), 19))::uuid $$
"""

_SINGLE = """
\\set n random(1, {pairs})
BEGIN;
SELECT set_config('perimeter.bank', '{bank}', true),
    set_config('perimeter.jurisdiction', '{jurisdiction}', true);
SELECT ledger_post_entry('{book}', 'usr_bench', 'req_bench', {uuid7}(), 'trade',
    '2022-02-24 09:00Z', NULL, 'bench', 'ord_' || {uuid7}(), NULL,
    ARRAY[payer, payee, '{fees}', '{income}'],
    ARRAY[30.15, -30.00, -0.10, -0.05], ARRAY[]::uuid[])
  FROM bench_pair WHERE n = :n;
COMMIT;
"""

_BATCH = """
\\set first random(1, {pairs} - {batch} + 1)
BEGIN;
SELECT set_config('perimeter.bank', '{bank}', true),
    set_config('perimeter.jurisdiction', '{jurisdiction}', true);
WITH line AS (
    SELECT n - :first + 1 AS k, l.*
      FROM bench_pair
     CROSS JOIN unnest(ARRAY[payer, payee, '{fees}', '{income}'],
                       ARRAY[30.15, -30.00, -0.10, -0.05])
           WITH ORDINALITY AS l (account, amount, i)
     WHERE n BETWEEN :first AND :first + {batch} - 1
), entry AS (
    SELECT {uuid7}() AS id FROM generate_series(1, {batch})
)
SELECT ledger_post_entries('{book}', 'usr_bench', 'req_bench', array_agg(id),
    array_agg('trade'::text), array_agg('2022-02-24 09:00Z'::timestamptz), array_agg(NULL::date),
    array_agg('bench'::text), array_agg('ord_' || id), array_agg(NULL::uuid),
    (SELECT array_agg(k ORDER BY k, i) FROM line),
    (SELECT array_agg(account ORDER BY k, i) FROM line),
    (SELECT array_agg(amount ORDER BY k, i) FROM line), ARRAY[]::uuid[])
  FROM entry;
COMMIT;
"""


def measure(house: House, seconds: int) -> Iterator[dict[str, Any]]:
    """Yield what was measured, a line each."""
    pgbench("--initialize", "--quiet", "--scale", "50", house.pgbench)
    with tempfile.TemporaryDirectory(prefix="perimeter-bench-") as folder:
        named = _seed(house)
        scripts = _scripts(named, Path(folder))
        rounds: dict[str, list[float]] = {"tpcb": [], "ledger_post": [], "ledger_post_batch": []}
        for _ in range(ROUNDS):
            rounds["tpcb"].append(house.measure(house.pgbench, seconds=seconds))
            for name, script in scripts.items():
                options = ("--no-vacuum", "--file", str(script))
                per_second = house.measure(house.app, *options, seconds=seconds)
                rounds[name].append(per_second * (BATCH if name == "ledger_post_batch" else 1))
    limit_of = statistics.median(rounds["tpcb"])
    for name, values in rounds.items():
        value = statistics.median(values)
        result: dict[str, Any] = {
            "name": name,
            "value": round(value),
            "unit": "transactions/s" if name == "tpcb" else "entries/s",
            "rounds": [round(each) for each in values],
        }
        if name in LIMITS:
            result |= judged("tpcb", value / limit_of, LIMITS[name])
        yield result
    bank_id = named["bank"]
    with tenancy.acting(bank_id, users.job("bench", bank_id)):
        entries = queries.entries().count()
    manage("verify")
    yield {"name": "ledger_verify", "value": entries, "unit": "entries", "ok": True}


def _seed(house: House) -> dict[str, Any]:
    """Open a book whose payers have a million each; return what the scripts name."""
    state = users.register_jurisdiction(code="bench", name="Bench", at=AT, wall_at=AT)
    bank = users.register_bank(actor=users.supervisor_of(state.id), code="bench", name="Bench")
    payers = [Wanted("client_cash", "RUB", f"cli_{n}") for n in range(1, PAYERS + 1)]
    lines = [Wanted(line, "RUB") for line in ("segregated_nostro", "fees", "other_income")]
    with tenancy.acting(bank.id, users.job("bench", bank.id)):
        book = operations.open_book(code="main", open_date=date(2022, 2, 24), at=AT)
        nostro, fees, income, *accounts = operations.open_accounts(
            book_id=book, accounts=lines + payers, at=AT
        )
        million = Decimal(1_000_000)
        for start in range(0, PAYERS, 500):
            deposits = [
                NewEntry("deposit", AT, [(nostro, million), (account, -million)])
                for account in accounts[start : start + 500]
            ]
            operations.post_entries(book_id=book, entries=deposits)
    with psycopg.connect(house.owner, autocommit=True) as owner:
        builtin = owner.info.server_version >= 180_000
        if not builtin:
            owner.execute(_UUID7)
        owner.execute(
            "CREATE TABLE bench_pair (n integer PRIMARY KEY, payer uuid NOT NULL, payee uuid)"
        )
        owner.execute("GRANT SELECT ON bench_pair TO perimeter_app")
        owner.execute(
            "INSERT INTO bench_pair SELECT n, payer, payee"
            " FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS pair (payer, payee, n)",
            _pairs(accounts),
        )
        owner.execute("VACUUM ANALYZE")
    return {
        "bank": bank.id,
        "jurisdiction": state.id,
        "book": book,
        "fees": fees,
        "income": income,
        "pairs": PAYERS,
        "batch": BATCH,
        "uuid7": "uuidv7" if builtin else "bench_uuid7",
    }


def _pairs(accounts: list[UUID]) -> list[list[UUID]]:
    """Return every account once as payer and once as payee, in an order of chance."""
    ring = random.Random(2022).sample(accounts, len(accounts))
    return [ring, ring[1:] + ring[:1]]


def _scripts(named: dict[str, Any], folder: Path) -> dict[str, Path]:
    scripts = {"ledger_post": _SINGLE, "ledger_post_batch": _BATCH}
    paths = {name: folder / f"{name}.sql" for name in scripts}
    for name, path in paths.items():
        path.write_text(scripts[name].format(**named))
    return paths
