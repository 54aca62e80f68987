"""Tenancy by raw SQL, on every tenant's table: nobody sees, changes or points at another's rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connections, transaction
from django.db.models import ForeignKey, Model

from common import errors, ids, models, tenancy, users
from ledger import models as ledger
from tests.common import neighbours
from tests.common.neighbours import Street, as_app, as_owner, column, kind, select, tenants_in

TABLES = tenancy.bank_tables()
# The supervisor keeps the register of banks; all else of a bank is the bank's.
BANKS_OWN = [m for m in TABLES if m is not models.Bank]
STATES_TOO = [m for m in TABLES if kind(m) is tenancy.Kind.PRINCIPAL]

every_table = pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.label)
every_own_table = pytest.mark.parametrize("model", BANKS_OWN, ids=lambda model: model._meta.label)


@pytest.fixture(scope="module")
def street(
    make_bank: Callable[[], models.Bank], make_state: Callable[[], models.Jurisdiction]
) -> Street:
    state = make_state()
    abroad = users.register_bank(
        actor=users.supervisor_of(state.id), code=f"abroad-{state.code}", name="Abroad"
    )
    there = Street(make_bank(), make_bank(), abroad)
    for bank in there.banks:
        neighbours.move_in(bank)
    return there


def refusal(sql: str, *params: Any, using: str = "default") -> str:
    """Run a statement in a savepoint and return the SQLSTATE that refuses it.

    Empty if it was not refused, but found no row to change; it's a failure if it changed one.
    """
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(sql, params)
            assert cursor.rowcount == 0, f"{cursor.rowcount} rows changed by {sql}"
    except DatabaseError as error:
        return str(getattr(error.__cause__, "sqlstate", ""))
    return ""


def insert_copy(model: type[Model], bank: models.Bank, **changed: object) -> tuple[str, str]:
    """The INSERT of a copy of one of the bank's rows, changed, under an id of its own."""
    pk, table = model._meta.pk, model._meta.db_table
    with as_app(bank.id):
        row = json.loads(select(f"SELECT to_jsonb(t)::text FROM {table} t")[0])
    row[pk.column] = str(ids.new()) if isinstance(row[pk.column], str) else -1
    sql = f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb)"
    return sql, json.dumps(row | changed, default=str)


# --- Whose rows are seen -------------------------------------------------------------------------


@every_table
def test_every_table_has_rows_of_all_neighbours(model: type[Model], street: Street) -> None:
    for bank in street.banks:
        with as_owner(bank.id) as using:
            assert tenants_in(model, using) == {bank.id}, "let `move_in` write a row of it"


@every_table
@pytest.mark.parametrize("using", ["default", "owner"])
def test_no_banks_row_is_seen_where_no_bank_is_set(
    model: type[Model], using: str, street: Street
) -> None:
    assert tenants_in(model, using) <= {None}  # what is the state's own


@every_table
def test_the_owners_way_to_look_up_is_closed_to_the_application(
    model: type[Model], street: Street
) -> None:
    with transaction.atomic():
        select("SELECT set_config('perimeter.lookup', 'on', true)")
        assert tenants_in(model) <= {None}


@every_table
def test_a_bank_sees_its_own_rows_alone(model: type[Model], street: Street) -> None:
    for bank in street.banks:
        with as_app(bank.id):
            assert tenants_in(model) == {bank.id}


@every_table
def test_row_security_is_not_switched_off(model: type[Model], street: Street) -> None:
    with as_app(street.a.id):
        select("SELECT set_config('row_security', 'off', true)")
        assert refusal(f"SELECT 1 FROM {model._meta.db_table}") == "42501"


# --- Whose rows are changed ----------------------------------------------------------------------


@every_table
@pytest.mark.parametrize("role", [as_app, as_owner])
def test_no_statement_changes_or_plants_a_neighbours_row(
    model: type[Model], role: Callable[..., Any], street: Street
) -> None:
    before = {bank: neighbours.fingerprint(model, bank.id) for bank in street.banks}
    table, bank_id = model._meta.db_table, column(model)
    insert, values = insert_copy(model, street.a, **{bank_id: street.b.id})
    with role(street.a.id) as using:
        for sql, params in (
            (f"UPDATE {table} SET {bank_id} = %s WHERE {bank_id} = %s", [street.b.id] * 2),
            (f"UPDATE {table} SET {bank_id} = %s", [street.b.id]),
            (f"UPDATE {table} SET {bank_id} = %s WHERE {bank_id} <> %s", [street.a.id] * 2),
            (f"DELETE FROM {table} WHERE {bank_id} = %s", [street.b.id]),
        ):
            refusal(sql, *params, using=using)
        assert refusal(insert, values, using=using) == "42501"
    assert {b: neighbours.fingerprint(model, b.id) for b in street.banks} == before


REFERENCES = [
    (model, field)
    for model in BANKS_OWN
    for field in model._meta.local_fields
    if isinstance(field, ForeignKey) and field.related_model in BANKS_OWN
]


def guarded(model: type[Model]) -> frozenset[str]:
    declared = tenancy.declared(model)
    assert declared is not None
    return declared.guarded


GUARDED = [(m, f) for m, f in REFERENCES if f.name in guarded(m)]
KEYED = [each for each in REFERENCES if each not in GUARDED]


def names(references: list[tuple[type[Model], ForeignKey[Any, Any]]]) -> list[str]:
    return [f"{model._meta.label}.{field.name}" for model, field in references]


POINTING = [model for model in STATES_TOO if model in dict(REFERENCES)]


def spare(model: type[Model], field: ForeignKey[Any, Any], bank: models.Bank) -> Any:
    """The id of a row of the bank; one that nothing points at yet, lest uniqueness refuse first."""
    target, used = field.related_model._meta, f"SELECT {field.column} FROM {model._meta.db_table}"
    order = f"{target.pk.column} IN ({used} WHERE {field.column} IS NOT NULL)"
    with as_owner(bank.id) as using:
        sql = f"SELECT {target.pk.column} FROM {target.db_table} ORDER BY {order} LIMIT 1"
        return select(sql, using=using)[0]


@pytest.mark.parametrize(("model", "field"), GUARDED, ids=names(GUARDED))
def test_a_guarded_reference_is_not_the_applications_to_write(
    model: type[Model], field: ForeignKey[Any, Any], street: Street
) -> None:
    """Only definer functions write it, which look the row up; `verify` finds what others wrote."""
    table = model._meta.db_table
    for statement in (
        f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
        f"UPDATE {table} SET {field.column} = {field.column}",
    ):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            as_app(street.a.id) as using,
            connections[using].cursor() as cursor,
        ):
            cursor.execute(statement)


@pytest.mark.parametrize(("model", "field"), KEYED, ids=names(KEYED))
def test_no_reference_to_a_neighbours_row_is_accepted(
    model: type[Model], field: ForeignKey[Any, Any], street: Street
) -> None:
    table, foreign = model._meta.db_table, spare(model, field, street.b)
    row = f"ctid = (SELECT ctid FROM {table} LIMIT 1)"
    with as_owner(street.a.id) as using, connections[using].cursor() as cursor:
        # Even from the owner, with what holds the books' tables switched off.
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        with pytest.raises(DatabaseError) as refused, transaction.atomic(using=using):
            cursor.execute(f"UPDATE {table} SET {field.column} = %s WHERE {row}", [foreign])
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.errors.ForeignKeyViolation)
    assert cause.diag.constraint_name == f"{table}_{field.column}_same_bank"


@pytest.mark.parametrize("model", POINTING, ids=lambda model: model._meta.label)
@pytest.mark.parametrize("office", [users.Role.SUPERVISOR, users.Role.JOB])
def test_no_row_of_the_state_points_at_a_banks(
    model: type[Model], office: users.Role, street: Street
) -> None:
    actor = users.supervisor_of(street.a.jurisdiction_id)
    if office is users.Role.JOB:
        actor = users.job("tests")
    insert, values = insert_copy(model, street.a, bank_id=None)
    assert any(m is model and json.loads(values)[f.column] for m, f in REFERENCES), "it points"
    with tenancy.acting(None, actor):
        assert refusal(insert, values) == "42501"


# --- What uniqueness tells -----------------------------------------------------------------------

SAME_NAMES = {
    models.User: "username",
    models.ApiKey: "name",
    models.IdempotencyKey: "key",
    models.OutboxEvent: "number",
    models.OutboxStream: "handler",
    models.Reaction: "number",
    ledger.Book: "code",
    # A client's own id is random; the rest of the name is everybody's.
    ledger.Account: "concat(line, asset_id, regexp_replace(owner, '_[0-9a-z]{26}$', ''), shard)",
    ledger.DayClose: "number",
    ledger.Cut: "number",
    ledger.Snapshot: "business_date",
}


@pytest.mark.parametrize("model", SAME_NAMES, ids=lambda model: model._meta.label)
def test_a_name_that_one_bank_uses_is_free_in_every_other(
    model: type[Model], street: Street
) -> None:
    used = []
    for bank in street.banks:
        with as_app(bank.id):
            used.append(set(select(f"SELECT {SAME_NAMES[model]} FROM {model._meta.db_table}")))
    assert used[0] == used[1] == used[2] != set()


# --- What a connection remembers -----------------------------------------------------------------


def remembered() -> tuple[str, str, set[Any]]:
    """The connection's bank and jurisdiction, its role, and the banks that it sees."""
    of = [
        select("SELECT coalesce(current_setting(%s, true), '')", f"perimeter.{name}")[0]
        for name in ("bank", "jurisdiction", "lookup")
    ]
    return "".join(of), select("SELECT current_user::text")[0], tenants_in(models.Bank)


NOTHING = ("", tenancy.APP, set[Any]())


@pytest.fixture
def backend(house: None) -> Iterator[int]:
    """The server's process behind this thread's connection, the same all the time."""
    pid = select("SELECT pg_backend_pid()")[0]
    yield pid
    assert select("SELECT pg_backend_pid()") == [pid]


def test_a_reused_connection_carries_nothing_over(backend: int, street: Street) -> None:
    for bank in street.banks:
        with as_app(bank.id):
            assert tenants_in(models.Bank) == {bank.id}
        assert remembered() == NOTHING


def test_a_supervisors_role_ends_with_the_transaction(backend: int, street: Street) -> None:
    with tenancy.acting(None, users.supervisor_of(street.a.jurisdiction_id)):
        assert select("SELECT current_user::text") == [tenancy.SUPERVISOR]
    assert remembered() == NOTHING


@pytest.mark.parametrize("sql", ["SELECT 1 / 0", "SELECT ledger_refuse('NO', '{}')"])
def test_nothing_is_carried_over_after_a_failure(backend: int, street: Street, sql: str) -> None:
    with pytest.raises(DatabaseError), as_app(street.a.id):
        select(sql)
    assert remembered() == NOTHING
    supervisor = users.supervisor_of(street.a.jurisdiction_id)
    with pytest.raises(DatabaseError), tenancy.acting(None, supervisor):
        select(sql)
    assert remembered() == NOTHING


def test_nothing_is_carried_over_after_an_exception_of_ours(backend: int, street: Street) -> None:
    with pytest.raises(ZeroDivisionError), as_app(street.a.id):
        _ = 1 / 0
    assert remembered() == NOTHING


def test_a_savepoint_rolled_back_leaves_the_bank_as_it_was(backend: int, street: Street) -> None:
    with as_app(street.a.id):
        savepoint = transaction.savepoint()
        select("SELECT set_config('perimeter.bank', %s, true)", str(street.b.id))
        assert tenants_in(models.Bank) == {street.b.id}
        transaction.savepoint_rollback(savepoint)
        assert tenants_in(models.Bank) == {street.a.id}
    assert remembered() == NOTHING


def test_a_failure_swallowed_inside_the_transaction_is_found_out(street: Street) -> None:
    with (
        pytest.raises(AssertionError, match="caught inside"),
        as_app(street.a.id),
        suppress(DatabaseError),
    ):
        select("SELECT 1 / 0")
    assert remembered() == NOTHING


# --- The door ------------------------------------------------------------------------------------


def test_acting_is_not_nested(street: Street) -> None:
    with as_app(street.a.id), pytest.raises(RuntimeError, match="durable"), as_app(street.b.id):
        pass
    assert remembered() == NOTHING


def test_an_unknown_bank_is_refused(house: None) -> None:
    with pytest.raises(errors.Refused, match="BANK_UNKNOWN"), as_app(ids.new()):
        pass
    assert remembered() == NOTHING


def test_nobody_acts_for_another_house(street: Street) -> None:
    supervisor = users.supervisor_of(street.a.jurisdiction_id)
    for actor, bank_id in (
        (users.job("tests", street.a.id), street.b.id),
        (users.job("tests", street.a.id), None),
        (supervisor, street.a.id),
    ):
        with pytest.raises(errors.Refused, match="NOT_YOUR_BANK"), tenancy.acting(bank_id, actor):
            pass


def test_outside_acting_nobody_acts(house: None) -> None:
    with pytest.raises(AssertionError):
        tenancy.current()


# --- The supervisor ------------------------------------------------------------------------------


@every_own_table
def test_the_supervisor_reads_the_jurisdictions_banks_alone(
    model: type[Model], street: Street
) -> None:
    with tenancy.acting(None, users.supervisor_of(street.a.jurisdiction_id)):
        at_home = tenants_in(model)
    with tenancy.acting(None, users.supervisor_of(street.abroad.jurisdiction_id)):
        there = tenants_in(model)
    if model in STATES_TOO:  # staff and their keys are not books: each house has its own
        assert at_home <= {None}
        assert there <= {None}
    else:
        assert {street.a.id, street.b.id} <= at_home
        assert there == {street.abroad.id}


@every_own_table
def test_the_supervisor_writes_no_banks_row(model: type[Model], street: Street) -> None:
    before = neighbours.fingerprint(model, street.a.id)
    table = model._meta.db_table
    insert, values = insert_copy(model, street.a)
    with tenancy.acting(None, users.supervisor_of(street.a.jurisdiction_id)):
        refusal(f"UPDATE {table} SET bank_id = bank_id WHERE bank_id IS NOT NULL")
        refusal(f"DELETE FROM {table} WHERE bank_id IS NOT NULL")
        assert refusal(insert, values) == "42501"
        assert refusal(f"TRUNCATE {table} CASCADE") == "42501"
    assert neighbours.fingerprint(model, street.a.id) == before


def test_the_supervisor_keeps_the_register_of_the_own_jurisdiction(street: Street) -> None:
    with tenancy.acting(None, users.supervisor_of(street.abroad.jurisdiction_id)):
        assert tenants_in(models.Bank) == {street.abroad.id}
        assert refusal("UPDATE common_bank SET name = 'x' WHERE id = %s", street.a.id) == ""
        moved = "UPDATE common_bank SET jurisdiction_id = %s"
        assert refusal(moved, street.a.jurisdiction_id) == "42501"


def test_a_jurisdiction_is_read_by_its_banks_and_written_by_its_supervisor(street: Street) -> None:
    home, there = street.a.jurisdiction_id, street.abroad.jurisdiction_id
    rename = "UPDATE common_jurisdiction SET name = name WHERE id = %s"
    with as_app(street.a.id):
        assert select("SELECT id FROM common_jurisdiction") == [home]
        assert refusal(rename, home) == "42501"
    with tenancy.acting(None, users.supervisor_of(there)):
        assert select("SELECT id FROM common_jurisdiction") == [there]
        assert refusal(rename, home) == ""
    assert select("SELECT id FROM common_jurisdiction") == []
