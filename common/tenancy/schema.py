"""The SQL derived from the declarations: row-level security, grants, composite foreign keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Model

from common.tenancy.declarations import APP, OWNER, SUPERVISOR, Kind, Tenancy, declared, tables_of


def apply_schema(db: BaseDatabaseWrapper) -> bool:
    """Bring functions, triggers, policies, grants and composite keys up to date; say if it wrote.

    Runs as the owner after each migration. A digest of the statements is kept in the schema, so
    that an unchanged schema is not locked again.
    """
    digest = schema_digest()
    with transaction.atomic(using=db.alias), db.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('perimeter_schema_digest()') IS NOT NULL")
        if cursor.fetchone()[0]:
            cursor.execute("SELECT perimeter_schema_digest()")
            if cursor.fetchone()[0] == digest:
                return False
        for statement in _statements():
            cursor.execute(statement)
        cursor.execute(
            "CREATE OR REPLACE FUNCTION perimeter_schema_digest() RETURNS text"
            f" LANGUAGE sql IMMUTABLE AS $$ SELECT '{digest}' $$"
        )
    return True


@cache
def schema_digest() -> str:
    """Return the digest that this program's schema has; the database tells of its own."""
    return hashlib.sha256("\n".join(_statements()).encode()).hexdigest()


def bank_tables() -> list[type[Model]]:
    """Return the models whose rows a bank owns (the state's share of PRINCIPAL ones included)."""
    return [model for model in _tables() if _is_bank_owned(model)]


@cache
def _tables() -> tuple[type[Model], ...]:
    return tuple(tables_of(apps.get_app_configs()))


def _of(model: type[Model]) -> Tenancy:
    tenancy = declared(model)
    assert tenancy is not None, model  # `check_declared` has refused it before
    return tenancy


def _is_bank_owned(model: type[Model]) -> bool:
    return _of(model).kind in (Kind.BANK, Kind.PRINCIPAL)


def _statements() -> list[str]:
    here = sorted((Path(__file__).parents[1] / "sql").glob("*.sql"))
    rest = [
        path
        for config in apps.get_app_configs()
        if config.name != "common" and not config.name.startswith("django.")
        for path in sorted((Path(config.path) / "sql").glob("*.sql"))
    ]
    return [
        *(path.read_text() for path in here),
        *(sql for model in _tables() for sql in _table_statements(model)),
        *(sql for model in _tables() for sql in _composite_keys(model)),
        *(path.read_text() for path in rest),
        f"GRANT SELECT ON django_migrations TO {APP}",
        _DEFINERS,
    ]


# Only the application calls what runs with the owner's rights: not the supervisor, not the public.
_DEFINERS = f"""
DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT oid FROM pg_proc
              WHERE prosecdef AND pronamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {APP}', f);
    END LOOP;
END $$
"""


def _table_statements(model: type[Model]) -> Iterator[str]:
    table, tenancy = model._meta.db_table, _of(model)
    column = tenancy.column
    yield f"REVOKE ALL ON {table} FROM PUBLIC, {APP}, {SUPERVISOR}"
    if tenancy.kind is Kind.PLATFORM:
        yield f"GRANT {tenancy.grants} ON {table} TO {APP}"
        yield f"GRANT SELECT ON {table} TO {SUPERVISOR}"
        return
    if tenancy.kind is Kind.PRINCIPAL:
        yield (
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS bank_id uuid DEFAULT perimeter_bank()"
        )
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    own = {
        Kind.BANK: f"{column} = perimeter_bank()",
        Kind.PRINCIPAL: f"({column} = perimeter_bank()"
        f" OR ({column} IS NULL AND perimeter_bank() IS NULL AND {_of_the_state(model)}))",
        Kind.MARKET: f"{column} = perimeter_jurisdiction()",
    }[tenancy.kind]
    writer = SUPERVISOR if tenancy.kind is Kind.MARKET else APP
    kept = " AND ".join([own, *_states_references(model)])
    yield from _policy(
        table, "tenant", f"FOR ALL TO {writer}, {OWNER} USING ({own}) WITH CHECK ({kept})"
    )
    yield f"GRANT {tenancy.grants} ON {table} TO {writer}"
    if tenancy.kind is Kind.MARKET:
        yield from _policy(table, "reader", f"FOR SELECT TO {APP} USING ({own})")
        yield f"GRANT SELECT ON {table} TO {APP}"
    elif tenancy.kind is Kind.PRINCIPAL:
        rule = f"USING ({own}) WITH CHECK ({kept})"
        yield from _policy(table, "state", f"FOR ALL TO {SUPERVISOR} {rule}")
        yield f"GRANT {tenancy.grants} ON {table} TO {SUPERVISOR}"
    elif model._meta.label == "common.Bank":  # the supervisor keeps the register of banks
        seen = "jurisdiction_id = perimeter_jurisdiction()"
        yield from _policy(table, "supervisor", f"FOR ALL TO {SUPERVISOR} USING ({seen})")
        yield f"GRANT SELECT, INSERT, UPDATE ON {table} TO {SUPERVISOR}"
    else:
        seen = f"{column} IN (SELECT id FROM common_bank)"
        yield from _policy(table, "supervisor", f"FOR SELECT TO {SUPERVISOR} USING ({seen})")
        yield f"GRANT SELECT ON {table} TO {SUPERVISOR}"


def _of_the_state(model: type[Model]) -> str:
    """Say of a row without a bank that it is the acting state's own: there is more than one."""
    columns = {field.column for field in model._meta.local_fields}
    if "jurisdiction_id" in columns:
        return "jurisdiction_id = perimeter_jurisdiction()"
    return "user_id IN (SELECT id FROM common_user)"


def _policy(table: str, name: str, rule: str) -> Iterator[str]:
    yield f"DROP POLICY IF EXISTS {name} ON {table}"
    yield f"CREATE POLICY {name} ON {table} {rule}"


def _bank_owned_references(
    model: type[Model],
) -> Iterator[tuple[ForeignKey[Any, Any], type[Model]]]:
    for field in model._meta.local_fields:
        if isinstance(field, ForeignKey):
            target = field.related_model
            if target._meta.label != "common.Bank" and _is_bank_owned(target):
                yield field, target


def _states_references(model: type[Model]) -> Iterator[str]:
    """Say of a row of the state that it points at the state's own: no key checks a NULL bank."""
    if _of(model).kind is not Kind.PRINCIPAL:
        return
    for field, target in _bank_owned_references(model):
        table, referred = model._meta.db_table, target._meta.db_table
        yield (
            f"({table}.bank_id IS NOT NULL OR {table}.{field.column} IS NULL OR EXISTS (SELECT"
            f" FROM {referred} AS referred WHERE referred.{target._meta.pk.column} ="
            f" {table}.{field.column} AND referred.bank_id IS NULL))"
        )


def _composite_keys(model: type[Model]) -> Iterator[str]:
    """Tie each reference between tenants' tables to the same bank, below Django's own keys."""
    if model._meta.label == "common.Bank" or not _is_bank_owned(model):
        return
    for field, target in _bank_owned_references(model):
        if field.name in _of(model).guarded:
            continue
        table, referred = model._meta.db_table, target._meta.db_table
        pk = target._meta.pk.column
        yield from _constraint(referred, f"{referred}_tenant_key", f"UNIQUE (bank_id, {pk})")
        yield from _constraint(
            table,
            f"{table}_{field.column}_same_bank",
            f"FOREIGN KEY (bank_id, {field.column}) REFERENCES {referred} (bank_id, {pk})",
        )


def _constraint(table: str, name: str, definition: str) -> Iterator[str]:
    yield (
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint"
        f" WHERE conrelid = '{table}'::regclass AND conname = '{name}')"
        f" THEN ALTER TABLE {table} ADD CONSTRAINT {name} {definition}; END IF; END $$"
    )
