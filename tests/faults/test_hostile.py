"""All that somebody could try who has the application's login and nothing else: none of it works.

What is left to them is what the application does: to post balanced entries that overdraw nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from common import ids, models, tenancy, users
from ledger import operations
from tests.common.neighbours import fingerprint, select
from tests.faults.forgery import TABLES, verify
from tests.ledger.books import AT, DAY, Books, open_books

# Not a refusal but a mistake of the test: no such column, table or function, or bad syntax.
MISTAKES = {"42703", "42P01", "42883", "42601", "42725"}

Names = dict[str, Any]


def refused(sql: str, names: Names) -> bool:
    """Say whether a statement of the application's is refused; it stays if it is not.

    ASSERT is no defence: anybody may switch it off.
    """
    state = None
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('plpgsql.check_asserts', 'off', true)")
            cursor.execute(sql, names)
    except DatabaseError as error:
        state = getattr(error.__cause__, "sqlstate", "")
    assert state not in MISTAKES, sql
    return state is not None


@pytest.fixture(scope="module")
def bank(make_bank: Callable[[], models.Bank]) -> models.Bank:
    """One bank for all that is refused."""
    return make_bank()


@pytest.fixture(scope="module")
def books(bank: models.Bank) -> Books:
    return open_books(bank.id, users.job("tests", bank.id))


@pytest.fixture(scope="module")
def names(books: Books, make_bank: Callable[[], models.Bank]) -> Names:
    """Books with a closed day and an open one, and what stands in another bank's."""
    victim = make_bank()
    foreign = open_books(victim.id, users.job("tests", victim.id))
    known: Names = {"foreign_bank": victim.id}
    for prefix, each in (("", books), ("foreign_", foreign)):
        anna = each.accounts["client_cash:cli_anna"]
        each.post("deposit", ("segregated_nostro", "100"), ("client_cash:cli_anna", "-100"))
        with each.acting():
            operations.close_day(book_id=each.book_id, business_date=DAY, at=AT)
            hold = operations.place_hold(account_id=anna, amount=Decimal(90), at=AT)
        entry = each.post("deposit", ("segregated_nostro", "1"), ("client_cash:cli_anna", "-1"))
        known |= {
            f"{prefix}book": each.book_id,
            f"{prefix}anna": anna,
            f"{prefix}nostro": each.accounts["segregated_nostro"],
            f"{prefix}capital": each.accounts["capital"],
            f"{prefix}expense": each.accounts["expense"],
            f"{prefix}hold": hold,
            f"{prefix}entry": entry.id,
        }
    return known | {"day": DAY, "today": DAY + timedelta(1), "fresh": ids.new()}


# --- Statements ----------------------------------------------------------------------------------

ON_A_TABLE = (
    "UPDATE {t} SET bank_id = bank_id",
    "DELETE FROM {t}",
    "TRUNCATE {t} CASCADE",
    "INSERT INTO {t} SELECT * FROM {t}",
    "INSERT INTO {t} SELECT * FROM {t} ON CONFLICT DO NOTHING",
    "MERGE INTO {t} USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE",
    "SELECT * FROM {t} FOR UPDATE",
    "LOCK TABLE {t} IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE {t} DISABLE TRIGGER ALL",
    "ALTER TABLE {t} DISABLE TRIGGER append_only",
    "ALTER TABLE {t} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {t} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {t} OWNER TO perimeter_app",
    "ALTER TABLE {t} ADD COLUMN mine text",
    "ALTER TABLE {t} RENAME TO mine",
    "DROP TABLE {t} CASCADE",
    "DROP TRIGGER append_only ON {t}",
    "CREATE TRIGGER mine BEFORE INSERT ON {t} EXECUTE FUNCTION perimeter_append_only()",
    "CREATE POLICY mine ON {t} USING (true)",
    "CREATE RULE mine AS ON INSERT TO {t} DO INSTEAD NOTHING",
    "CREATE INDEX ON {t} (bank_id)",
)
ELSEWHERE = (
    "SET ROLE perimeter_owner",
    "SET SESSION AUTHORIZATION perimeter_owner",
    "SET LOCAL session_replication_role = replica",
    "ALTER ROLE perimeter_app SUPERUSER",
    "ALTER ROLE perimeter_app BYPASSRLS",
    "CREATE ROLE mine",
    "GRANT perimeter_owner TO perimeter_app",
    "CREATE SCHEMA mine",
    "CREATE TABLE public.mine ()",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE EXTENSION plperl",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION perimeter_append_only()",
    "ALTER TABLE ledger_balance DROP CONSTRAINT ledger_balance_not_overdrawn",
    "ALTER TABLE ledger_posting DISABLE TRIGGER entries_balance",
    "SELECT setval('ledger_posting_id_seq', 1)",
    "SELECT lo_import('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
    "UPDATE pg_class SET relrowsecurity = false",
    "UPDATE pg_proc SET prosecdef = false",
    "DROP FUNCTION perimeter_bank() CASCADE",
    "DROP SCHEMA public CASCADE",
    "DROP OWNED BY perimeter_owner",
)


@pytest.mark.parametrize("role", [tenancy.APP, tenancy.SUPERVISOR])
@pytest.mark.parametrize("sql", ON_A_TABLE)
def test_no_statement_on_a_table_of_the_books_is_accepted(
    bank: models.Bank, books: Books, sql: str, role: str
) -> None:
    for table in TABLES:
        with books.acting():
            select("SELECT set_config('role', %s, true)", role)
            assert refused(sql.format(t=table), {}), table
    assert verify(bank.code) == ""


@pytest.mark.parametrize("role", [tenancy.APP, tenancy.SUPERVISOR])
@pytest.mark.parametrize("sql", ELSEWHERE)
def test_no_way_around_the_tables_is_open(books: Books, sql: str, role: str) -> None:
    with books.acting():
        select("SELECT set_config('role', %s, true)", role)
        assert refused(sql, {})


def test_what_one_may_not_do_one_may_not_allow_oneself(books: Books) -> None:
    granted = (
        "SELECT coalesce(string_agg(relacl::text, ' '), '') FROM pg_class WHERE relname = ANY(%s)"
    )
    before = select(granted, TABLES)
    with books.acting():
        for table in TABLES:
            refused(f"GRANT ALL ON {table} TO perimeter_app", {})
    assert select(granted, TABLES) == before


def test_no_function_or_trigger_function_can_be_replaced(books: Books) -> None:
    functions = select(
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE prokind = 'f'"
        " AND pronamespace = 'public'::regnamespace"
    )
    assert len(functions) > 20
    for definition in functions:
        with books.acting():
            assert refused(definition.replace("%", "%%"), {}), definition[:80]


# --- The definer functions -----------------------------------------------------------------------

# What each line changes about a deposit that would be accepted: Anna brings 5 roubles.
DEPOSIT = {
    "book": "%(book)s",
    "entry": "gen_random_uuid()",
    "kind": "'deposit'",
    "at": "now()",
    "value_date": "NULL",
    "reason": "''",
    "reverses": "NULL",
    "accounts": "ARRAY[%(nostro)s, %(anna)s]::uuid[]",
    "amounts": "'{5,-5}'",
    "holds": "'{}'::uuid[]",
}
HOSTILE_ENTRIES: dict[str, dict[str, str]] = {
    "unbalanced": {"amounts": "'{5,-4}'"},
    "one-sided": {"accounts": "ARRAY[%(nostro)s]::uuid[]", "amounts": "'{5}'"},
    "empty": {"accounts": "'{}'::uuid[]", "amounts": "'{}'"},
    "overdrawing": {"amounts": "'{-1000,1000}'"},
    "overdrawing what is held": {"amounts": "'{-50,50}'"},
    "NaN": {"amounts": "'{NaN,NaN}'"},
    "infinite": {"amounts": "'{Infinity,-Infinity}'"},
    "too large": {"amounts": "'{1e30,-1e30}'"},
    "half a kopeck": {"amounts": "'{0.005,-0.005}'"},
    "zero": {"amounts": "'{0,0}'"},
    "no amount": {"amounts": "'{5,NULL}'"},
    "an amount missing": {"amounts": "'{5}'"},
    "an amount too many": {"amounts": "'{5,-5,5}'"},
    "an account twice": {"accounts": "ARRAY[%(anna)s, %(anna)s]::uuid[]"},
    "no account": {"accounts": "ARRAY[%(nostro)s, NULL]::uuid[]"},
    "another bank's account": {"accounts": "ARRAY[%(nostro)s, %(foreign_anna)s]::uuid[]"},
    "another bank's accounts": {"accounts": "ARRAY[%(foreign_nostro)s, %(foreign_anna)s]::uuid[]"},
    "another bank's book": {
        "book": "%(foreign_book)s",
        "accounts": "ARRAY[%(foreign_nostro)s, %(foreign_anna)s]::uuid[]",
    },
    "another bank's entry's id": {"entry": "%(foreign_entry)s::uuid"},
    "an entry over another": {"entry": "%(entry)s::uuid"},
    "without an id": {"entry": "NULL::uuid"},
    "at no time": {"at": "NULL::timestamptz"},
    "of no kind": {"kind": "NULL::text"},
    "a long kind": {"kind": "repeat('x', 33)"},
    "a reversal of another bank's": {"reverses": "%(foreign_entry)s::uuid"},
    "a reversal of nothing": {"reverses": "gen_random_uuid()"},
    "a reversal that repeats": {"reverses": "%(entry)s::uuid", "amounts": "'{1,-1}'"},
    "a reversal of more": {"reverses": "%(entry)s::uuid", "amounts": "'{-2,2}'"},
    "a hold of another bank's": {"holds": "ARRAY[%(foreign_hold)s]::uuid[]"},
    "a hold of nobody's": {"holds": "ARRAY[gen_random_uuid()]"},
    "a hold that is null": {"holds": "ARRAY[NULL]::uuid[]"},
}
# Where the one-entry function looks by place, another place than PostgreSQL's `unnest` sees.
SHIFTED = {
    "amounts shifted": {"amounts": "'[0:1]={5,-5}'"},
    "amounts shifted on open accounts": {
        "accounts": "ARRAY[%(expense)s, %(capital)s]::uuid[]",
        "amounts": "'[2:3]={5,-5}'",
    },
    "accounts shifted": {"accounts": "('[0:1]={' || %(nostro)s || ',' || %(anna)s || '}')::uuid[]"},
    "amounts in a column": {"amounts": "'{{5},{-5}}'"},
    "accounts in a column": {"accounts": "ARRAY[ARRAY[%(nostro)s], ARRAY[%(anna)s]]::uuid[]"},
    "both in a column": {
        "accounts": "ARRAY[ARRAY[%(nostro)s], ARRAY[%(anna)s]]::uuid[]",
        "amounts": "'{{5},{-5}}'",
    },
}

ONE = (
    "SELECT ledger_post_entry({book}, 'mallory', '', {entry}, {kind}, {at}, {value_date}::date,"
    " {reason}, '', {reverses}::uuid, {accounts}, {amounts}::numeric[], {holds})"
)
MANY = (
    "SELECT ledger_post_entries({book}, 'mallory', '', ARRAY[{entry}], ARRAY[{kind}], ARRAY[{at}],"
    " ARRAY[{value_date}]::date[], ARRAY[{reason}], ARRAY['']::text[], ARRAY[{reverses}]::uuid[],"
    " array_fill(1, ARRAY[cardinality({accounts})]), {accounts}, {amounts}::numeric[], {holds})"
)


@pytest.mark.parametrize("function", [ONE, MANY], ids=["one", "many"])
def test_the_deposit_itself_is_accepted(
    bank: models.Bank, books: Books, names: Names, function: str
) -> None:
    before = books.balance("client_cash:cli_anna")
    with books.acting():
        assert not refused(function.format(**DEPOSIT), names)
    assert books.balance("client_cash:cli_anna") == before + 5
    assert verify(bank.code) == ""


@pytest.mark.parametrize("function", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("changed", HOSTILE_ENTRIES)
def test_a_hostile_entry_is_refused(
    bank: models.Bank, books: Books, names: Names, function: str, changed: str
) -> None:
    before = books.balance("client_cash:cli_anna")
    with books.acting():
        assert refused(function.format(**DEPOSIT | HOSTILE_ENTRIES[changed]), names)
    assert books.balance("client_cash:cli_anna") == before
    assert verify(bank.code) == ""


@pytest.mark.parametrize("changed", SHIFTED)
def test_arrays_of_another_shape_are_refused(
    bank: models.Bank, books: Books, names: Names, changed: str
) -> None:
    with books.acting():
        assert refused(ONE.format(**DEPOSIT | SHIFTED[changed]), names)
    assert verify(bank.code) == ""


@pytest.mark.parametrize("function", [ONE, MANY], ids=["one", "many"])
def test_a_text_that_its_column_cuts_off_is_signed_as_it_is_kept(
    bank: models.Bank, books: Books, names: Names, function: str
) -> None:
    spaces = {"kind": "'deposit' || repeat(' ', 100)", "reason": "'r' || repeat(' ', 600)"}
    with books.acting():
        assert not refused(function.format(**DEPOSIT | spaces), names)
    assert verify(bank.code) == ""


OPEN = (
    "ledger_open_accounts(%({book})s, now(), ARRAY[gen_random_uuid()], '{{client_cash}}',"
    " '{{RUB}}', ARRAY['{owner}'], '{{0}}'::smallint[], '{{{control}}}',"
    " '{{{normal}}}'::smallint[])"
)
HOSTILE_CALLS = (
    "ledger_open_book(gen_random_uuid(), 'main', %(day)s, now())",
    "ledger_open_book(%(foreign_book)s, 'new', %(day)s, now())",
    "ledger_open_book(gen_random_uuid(), NULL, %(day)s, now())",
    OPEN.format(book="foreign_book", owner="", control="open", normal=-1),
    OPEN.format(book="book", owner="x", control="open", normal=-1),
    OPEN.format(book="book", owner="", control="client", normal=-1),
    OPEN.format(book="book", owner="x", control="client", normal=-5),
    OPEN.format(book="book", owner="x", control="mine", normal=-1),
    "ledger_place_hold(gen_random_uuid(), %(anna)s, 1000, '', '', now(), NULL)",
    "ledger_place_hold(gen_random_uuid(), %(anna)s, -1, '', '', now(), NULL)",
    "ledger_place_hold(gen_random_uuid(), %(anna)s, 'NaN', '', '', now(), NULL)",
    "ledger_place_hold(gen_random_uuid(), %(anna)s, '-Infinity', '', '', now(), NULL)",
    "ledger_place_hold(gen_random_uuid(), %(anna)s, NULL, '', '', now(), NULL)",
    "ledger_place_hold(gen_random_uuid(), %(foreign_anna)s, 1, '', '', now(), NULL)",
    "ledger_place_hold(%(hold)s, %(anna)s, 1, '', '', now(), NULL)",
    "ledger_end_holds(ARRAY[%(foreign_hold)s]::uuid[], 'VOIDED', '', now())",
    "ledger_end_holds(ARRAY[%(hold)s]::uuid[], 'VOIDED', '', NULL)",
    "ledger_end_holds(ARRAY[%(hold)s]::uuid[], 'VOIDED', NULL, now())",
    "ledger_end_holds(ARRAY[%(hold)s]::uuid[], 'PENDING', '', now())",
    "ledger_end_holds(ARRAY[%(hold)s]::uuid[], NULL, '', now())",
    "ledger_lock_balances(%(book)s, ARRAY[%(foreign_anna)s]::uuid[])",
    "ledger_lock_balances(%(foreign_book)s, ARRAY[%(anna)s]::uuid[])",
    "ledger_lock_balances(%(book)s, NULL)",
    "ledger_seal_day(%(foreign_book)s, %(fresh)s, %(today)s, %(today)s + 1, '', now())",
    "ledger_seal_day(%(book)s, %(fresh)s, %(day)s, %(today)s, '', now())",
    "ledger_seal_day(%(book)s, %(fresh)s, %(today)s, %(today)s, '', now())",
    "ledger_seal_day(%(book)s, %(fresh)s, %(today)s, %(day)s, '', now())",
    "ledger_seal_day(%(book)s, %(fresh)s, %(today)s, NULL, '', now())",
    "ledger_seal_day(%(book)s, NULL, %(today)s, %(today)s + 1, '', now())",
    "ledger_take_cut(gen_random_uuid(), %(foreign_book)s, now())",
    "ledger_take_cut(NULL, %(book)s, now())",
)


@pytest.mark.parametrize("call", HOSTILE_CALLS)
def test_a_hostile_call_is_refused(
    bank: models.Bank, books: Books, names: Names, call: str
) -> None:
    with books.acting():
        assert refused(f"SELECT {call}", names)
    assert verify(bank.code) == ""


def test_every_definer_function_of_the_books_is_tried(house: None) -> None:
    definers = select("SELECT proname FROM pg_proc WHERE prosecdef AND proname LIKE 'ledger%%'")
    tried = {call.partition("(")[0] for call in HOSTILE_CALLS}
    lookups = {"ledger_next_expiries"}  # no arguments, and nothing but ids and a time
    assert set(definers) == tried | lookups | {"ledger_post_entry", "ledger_post_entries"}


def test_the_owners_way_to_look_up_lets_nobody_write(
    bank: models.Bank, books: Books, names: Names
) -> None:
    victim, tables = names["foreign_bank"], tenancy.bank_tables()
    before = [fingerprint(model, victim) for model in tables]
    entries = [
        f"{function.format(**DEPOSIT | changed)} -- {title}"
        for title, changed in HOSTILE_ENTRIES.items()
        for function in (ONE, MANY)
    ]
    for sql in [*(f"SELECT {call}" for call in HOSTILE_CALLS), *entries]:
        if "foreign" in sql:
            with books.acting():
                select("SELECT set_config('perimeter.lookup', 'on', true)")
                refused(sql, names)
    assert [fingerprint(model, victim) for model in tables] == before
    assert verify(bank.code) == ""


@pytest.mark.parametrize("call", HOSTILE_CALLS)
def test_a_call_without_a_bank_changes_nothing(names: Names, call: str) -> None:
    assert refused(f"SELECT {call}", names)


def test_a_temporary_table_does_not_stand_in_for_the_books(
    bank: models.Bank, books: Books, names: Names
) -> None:
    before = books.balance("client_cash:cli_anna")
    with books.acting():
        for table in TABLES:
            assert not refused(
                f"CREATE TEMP TABLE {table} (LIKE public.{table}) ON COMMIT DROP", {}
            )
        overdraw = DEPOSIT | {"amounts": "'{-1000,1000}'"}
        assert refused(ONE.format(**overdraw), names)
        assert not refused(ONE.format(**DEPOSIT), names)
    assert books.balance("client_cash:cli_anna") == before + 5
    assert verify(bank.code) == ""
