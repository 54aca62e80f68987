"""Threads that start together, and a schema in which the guards can be taken away."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, connections, transaction

from common import errors, tenancy

LEDGER_SQL = Path(settings.BASE_DIR) / "ledger" / "sql"
LOCK = re.compile(r"\s+FOR UPDATE(;?)  -- the lock")
CHECK = "ledger_balance_not_overdrawn"

# What a racer did: 'OK', a refusal's code, or the exception that nobody should see.
Outcome = str
Attempt = Callable[[int], None]


def race(rounds: int, racers: int, attempt: Attempt, judge: Callable[[list[Outcome]], bool]) -> int:
    """Let `racers` threads attempt at once, round after round, until `judge` says stop.

    Each has a connection of its own and commits. `attempt` gets the racer's number; `judge` sees
    the round's outcomes while all wait. Return the number of rounds.
    """
    outcomes: list[Outcome] = [""] * racers
    done = ran = 0
    failure: list[BaseException] = []

    def decide() -> None:
        nonlocal done, ran
        if not any(outcomes):  # before the first round
            return
        ran += 1
        try:
            done = judge(list(outcomes)) or ran == rounds
        except BaseException as error:  # noqa: BLE001  told by the test's own thread
            failure.append(error)
            done = True

    gate = threading.Barrier(racers, action=decide, timeout=60)

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            while True:
                gate.wait()
                if done:
                    return
                outcomes[number] = _outcome(attempt, number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failure:
        raise failure[0]
    return ran


def _outcome(attempt: Attempt, number: int) -> Outcome:
    try:
        attempt(number)
    except errors.Refused as refusal:
        return refusal.code
    except Exception as error:  # noqa: BLE001  the outcome that nobody should see
        return repr(error)
    return "OK"


@contextmanager
def scratch(tables: Sequence[str], bank_id: UUID, *, lock: bool, check: bool) -> Iterator[str]:
    """A schema with the books' functions and copies of their tables, with or without the guards.

    The bank's books, accounts and balances come along; triggers, policies and foreign keys do not.
    """
    schema = f"scratch_{'' if lock else 'un'}locked_{'' if check else 'un'}checked"
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('perimeter.bank', %s, true)", [str(bank_id)])
        cursor.execute(f"CREATE SCHEMA {schema}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {tenancy.APP}")
        for table in tables:
            cursor.execute(f"CREATE TABLE {schema}.{table} (LIKE public.{table} INCLUDING ALL)")
            cursor.execute(f"GRANT SELECT ON {schema}.{table} TO {tenancy.APP}")
        for table in ("ledger_book", "ledger_account", "ledger_balance"):
            cursor.execute(f"INSERT INTO {schema}.{table} SELECT * FROM public.{table}")
        if not check:
            cursor.execute(f"ALTER TABLE {schema}.ledger_balance DROP CONSTRAINT {CHECK}")
        cursor.execute(f"SET LOCAL search_path = {schema}, public")
        for name in ("posting", "accounts"):
            cursor.execute(_functions(name, schema, lock=lock))
    try:
        yield schema
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {schema} CASCADE")


def _functions(name: str, schema: str, *, lock: bool) -> str:
    text = (LEDGER_SQL / f"{name}.sql").read_text()
    path = "SET search_path = pg_catalog, public, pg_temp"
    assert path in text
    text = text.replace(path, f"SET search_path = pg_catalog, {schema}, public, pg_temp")
    if not lock:
        text, locks = LOCK.subn(r"\1", text)
        assert locks == {"posting": 2, "accounts": 1}[name], "the marks of the locks are gone"
    return text
