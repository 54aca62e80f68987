"""A forger with the schema owner's rights: past row-level security, triggers, checks and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from uuid import UUID

from django.core.management import CommandError, call_command
from django.db import connections, transaction

from common import tenancy
from ledger import models

# Run a statement; return its rows.
Run = Callable[..., list[tuple[Any, ...]]]

TABLES = [m._meta.db_table for m in tenancy.bank_tables() if m.__module__ == models.__name__]


def verify(bank_code: str) -> str:
    """Run `manage.py verify` for a bank; return what it complains of, empty if all holds."""
    out, complaints = StringIO(), StringIO()
    try:
        call_command("verify", "--bank", bank_code, stdout=out, stderr=complaints)
    except CommandError:
        return complaints.getvalue()
    assert complaints.getvalue() == ""
    assert "hold in 1 banks" in out.getvalue()
    return ""


@contextmanager
def forging(bank_id: UUID) -> Iterator[Run]:
    """A committed transaction in which nothing holds the bank's books."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:

        def run(sql: str, *params: Any) -> list[tuple[Any, ...]]:
            cursor.execute(sql, params)
            return list(cursor.fetchall()) if cursor.description else []

        run("SELECT set_config('perimeter.bank', %s, true)", str(bank_id))
        held = run(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
            "  FROM pg_constraint WHERE contype IN ('c', 'f') AND conrelid = ANY (%s::regclass[])",
            TABLES,
        )
        for table in TABLES:
            run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table, name, _ in held:
            run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield run
        for table, name, rule in held:
            valid = "" if rule.endswith("NOT VALID") else " NOT VALID"
            run(f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule}{valid}")
        for table in TABLES:
            run(f"ALTER TABLE {table} ENABLE TRIGGER USER")


# What an entry's digest is made of; the forger knows it as well as everybody.
SAID = """
    ledger_digest(e.id, e.bank_id, e.book_id, e.kind, e.business_date, e.value_date, e.at,
                  e.recorded_at, e.actor, e.reason, e.request_id, e.ref, e.reverses_id, e.txid,
                  (SELECT string_agg(concat(account_id, ':', amount, ':', balance_after), ','
                          ORDER BY line) FROM ledger_posting WHERE entry_id = e.id))
"""


def sign(run: Run, entry: UUID) -> None:
    """Give an entry the digest of what it says now."""
    run(f"UPDATE ledger_entry e SET digest = {SAID} WHERE id = %s", entry)


def move(run: Run, account: UUID, by: str, since: int) -> None:
    """Change an account's balance, and the running ones on its postings from `since` on."""
    by = f"{by}::numeric * (SELECT normal FROM ledger_account WHERE id = account_id)"
    run(f"UPDATE ledger_balance SET balance = balance + {by} WHERE account_id = %s", account)
    later = "account_id = %s AND id >= %s"
    run(f"UPDATE ledger_posting SET balance_after = balance_after + {by} WHERE {later}",
        account, since)  # fmt: skip


def change(run: Run, entry: UUID, by: str) -> None:
    """Change an entry of two lines, and both accounts' balances with it."""
    lines = run("SELECT id, account_id, amount FROM ledger_posting WHERE entry_id = %s", entry)
    for posting, account, amount in lines:
        more = by if amount > 0 else f"-{by}"
        run("UPDATE ledger_posting SET amount = amount + %s::numeric WHERE id = %s", more, posting)
        move(run, account, more, posting)


def delete(run: Run, entry: UUID) -> None:
    """Delete an entry with its postings as if it had never been."""
    lines = run("SELECT id, account_id, -amount FROM ledger_posting WHERE entry_id = %s", entry)
    for posting, account, amount in lines:
        move(run, account, str(amount), posting)
    run("DELETE FROM ledger_posting WHERE entry_id = %s", entry)
    run("DELETE FROM ledger_entry WHERE id = %s", entry)


def seal_again(run: Run, close: UUID) -> None:
    """Make the last close's links, numbers and head follow from the entries that are there now."""
    run("DELETE FROM ledger_chainlink WHERE close_id = %s", close)
    run(
        """
        WITH day AS (
            SELECT c.*, coalesce((SELECT head FROM ledger_dayclose b WHERE b.book_id = c.book_id
                                  AND b.number = c.number - 1),
                                 sha256(convert_to(c.book_id::text, 'UTF8'))) AS start
              FROM ledger_dayclose c WHERE c.id = %s
        ), item AS (
            SELECT 0 AS n, NULL::uuid AS id, start AS digest FROM day
            UNION ALL
            SELECT row_number() OVER (ORDER BY e.id), e.id, e.digest FROM ledger_entry e
              JOIN day ON day.book_id = e.book_id AND day.business_date = e.business_date
        )
        INSERT INTO ledger_chainlink (bank_id, close_id, number, entry_id, digest, link)
        SELECT bank_id, day.id, first_number + n - 1, chained.id, digest, link
          FROM day, (SELECT *, ledger_chain(digest) OVER (ORDER BY n) AS link FROM item) AS chained
         WHERE n > 0
        """,
        close,
    )
    run(
        """
        UPDATE ledger_dayclose c
           SET last_number = first_number - 1
                   + (SELECT count(*) FROM ledger_chainlink WHERE close_id = c.id),
               head = ledger_head(coalesce(
                   (SELECT link FROM ledger_chainlink WHERE close_id = c.id
                     ORDER BY number DESC LIMIT 1),
                   (SELECT head FROM ledger_dayclose b WHERE b.book_id = c.book_id
                     AND b.number = c.number - 1)), number, business_date, at, recorded_at, actor,
               trial_balance)
         WHERE id = %s
        """,
        close,
    )
