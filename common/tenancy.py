"""To whom each row belongs, and the one door through which a bank's rows are touched.

Here: the declarations of tenancy, the SQL derived from them (row-level security, grants, composite
foreign keys) and `acting`. Not here: who somebody is (`users`), what they may do (`users.ROLES`).
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Model
from psycopg.pq import TransactionStatus

from common import errors, statements

if TYPE_CHECKING:
    from common.users import Actor

OWNER = "perimeter_owner"
APP = "perimeter_app"
SUPERVISOR = "perimeter_supervisor"


class Kind(enum.Enum):
    """Whose a row is."""

    BANK = "bank"
    PRINCIPAL = "principal"
    MARKET = "market"
    PLATFORM = "platform"


@dataclasses.dataclass(frozen=True, slots=True)
class Tenancy:
    """A table's tenancy: `column` names the tenant, `grants` what the writing role may do.

    `guarded` names references that a trigger of the app's own holds to the same bank, because a
    key's check would lock a row that every writer refers to.
    """

    kind: Kind
    grants: str
    column: str
    guarded: frozenset[str] = frozenset()


def bank(
    grants: str = "SELECT, INSERT, UPDATE", column: str = "bank_id", guarded: Iterable[str] = ()
) -> Tenancy:
    """Declare rows of one bank each; its jurisdiction's supervisor may read them."""
    return Tenancy(Kind.BANK, grants, column, frozenset(guarded))


def principal(grants: str = "SELECT, INSERT, UPDATE") -> Tenancy:
    """Declare rows of one bank each, or of the state where `bank_id` is NULL."""
    return Tenancy(Kind.PRINCIPAL, grants, "bank_id")


def market(grants: str = "SELECT, INSERT, UPDATE", column: str = "jurisdiction_id") -> Tenancy:
    """Declare rows of one jurisdiction: its banks read them, its supervisor writes them."""
    return Tenancy(Kind.MARKET, grants, column)


def platform(grants: str = "SELECT") -> Tenancy:
    """Declare rows that are nobody's secret."""
    return Tenancy(Kind.PLATFORM, grants, "")


def declared(model: type[Model]) -> Tenancy | None:
    """Return the tenancy of a model: its own `tenancy`, or the one in `settings.TENANCY`."""
    own = model.__dict__.get("tenancy")
    owner = model._meta.auto_created
    if own is None and isinstance(owner, type):
        return declared(owner)  # a many-to-many table is its owner's
    return own or settings.TENANCY.get(model._meta.label)


def check_declared(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Refuse a model that does not say to whom its rows belong."""
    return [
        checks.Error(
            f"{model._meta.label} does not declare its tenancy.",
            hint="Set `tenancy = tenancy.bank()` (or principal, market, platform) on the model.",
            obj=model,
            id="perimeter.E001",
        )
        for model in _tables_of(apps.get_app_configs() if app_configs is None else app_configs)
        if declared(model) is None
    ]


def check_role(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Refuse an application's connection that row-level security or grants would not hold."""
    if "default" not in (databases or ()):
        return []
    role, escapes = _role_of(connection)
    if not escapes:
        return []
    return [
        checks.Error(
            f"The application connects as {role}, whom row-level security does not hold.",
            hint=f"Let DATABASE_URL name {APP}: neither superuser, nor BYPASSRLS, nor an owner.",
            id="perimeter.E002",
        )
    ]


def refuse_role(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Refuse to work, at each new connection, as one whom row-level security does not hold."""
    if connection.alias == "default":
        role, escapes = _role_of(connection)
        if escapes:
            raise ImproperlyConfigured(f"DATABASE_URL must name {APP}, not {role}.")


def _role_of(db: BaseDatabaseWrapper) -> tuple[str, bool]:
    with db.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace"
            " AND pg_has_role(current_user, relowner, 'MEMBER'))"
            " FROM pg_roles WHERE rolname = current_user"
        )
        role, escapes = cursor.fetchone()
    return role, escapes


# --- The door ------------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True, slots=True)
class Acting:
    """On whose behalf the running transaction works. `bank_id` is None for the state.

    `clock`: for a bank, its state's clock at the transaction's begin, as `clock.Anchor` has it.
    `claimed`: a command's key, and what came of claiming it. `last`: see `at_the_end`.
    """

    actor: Actor
    bank_id: UUID | None
    jurisdiction_id: UUID | None
    request_id: str
    clock: tuple[datetime, datetime, Decimal] | None = None
    claimed: tuple[Claim, Claimed] | None = None
    last: list[Callable[[], object]] = dataclasses.field(default_factory=list)


# A command's key as `idempotency` claims it: the user, the key, the number of its lock. And whether
# it is this transaction's, with the digest, the status and the body kept under it.
Claim = tuple[UUID, str, int]
Claimed = tuple[bool, str | None, Any, Any]

_current: ContextVar[Acting | None] = ContextVar("perimeter_acting", default=None)


def current() -> Acting:
    """Return who acts; a bug if nobody does."""
    acting_now = _current.get()
    assert acting_now is not None, "no bank's row is touched outside `tenancy.acting`"
    return acting_now


def acting_bank() -> UUID:
    """Return the bank that acts; a bug if it is the state."""
    bank_id = current().bank_id
    assert bank_id is not None, "this is a bank's work"
    return bank_id


@contextmanager
def acting(
    bank_id: UUID | None,
    actor: Actor,
    *,
    request_id: str = "",
    snapshot: bool = False,
    claim: Claim | None = None,
) -> Iterator[Acting]:
    """Open the transaction in which `actor` works for one bank, or for the state (None).

    A supervisor's transaction runs as the role that reads all banks of the jurisdiction and
    writes none. `snapshot`: one read-only view of the data from begin to end. `claim`: what a
    bank's command claims at once.

    Raises: BANK_UNKNOWN; NOT_YOUR_BANK if the actor belongs to another bank or to the state.
    """
    if actor.bank_id != bank_id:
        raise errors.Refused("NOT_YOUR_BANK", {"bank": str(bank_id)})
    with transaction.atomic(durable=True):
        if snapshot:
            statements.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        acting_now = _enter(bank_id, actor, request_id, claim)
        token = _current.set(acting_now)
        try:
            yield acting_now
            # PostgreSQL answers COMMIT after a failed statement with a silent ROLLBACK.
            assert connection.connection.info.transaction_status is not TransactionStatus.INERROR, (
                "a refusal was caught inside the transaction that it broke"
            )
            for work in acting_now.last:
                work()
        finally:
            _current.reset(token)


def at_the_end(work: Callable[[], object]) -> None:
    """Do this when all else of the running transaction is done: it takes what others wait for.

    It is the last, and may end the transaction (`statements.last`). What it raises undoes all.
    """
    last = current().last
    assert not last, "there is one last thing"
    last.append(work)


# A bank's jurisdiction never changes, so each process asks once.
_jurisdictions: dict[UUID, UUID] = {}


def _enter(bank_id: UUID | None, actor: Actor, request_id: str, claim: Claim | None) -> Acting:
    """Set for the transaction who acts; a bank's jurisdiction, clock and key are told in one."""
    if bank_id is None:
        state = str(actor.jurisdiction_id or "")
        statements.execute("SELECT set_config('perimeter.jurisdiction', %s, true)", [state])
        if actor.supervises:
            statements.execute(f"SET LOCAL ROLE {SUPERVISOR}")
        return Acting(actor, None, actor.jurisdiction_id, request_id)
    if bank_id not in _jurisdictions:
        ((found,),) = statements.rows("SELECT perimeter_act(%s)", [bank_id])
        if found is None:
            raise errors.Refused("BANK_UNKNOWN", {"bank": str(bank_id)})
        _jurisdictions[bank_id] = found
    known = _jurisdictions[bank_id]
    ((at, wall_at, rate, *came),) = statements.rows(
        "SELECT * FROM perimeter_enter(%s, %s, %s, %s, %s)",
        [str(bank_id), str(known), *(claim or (None, None, None))],
    )
    claimed = (claim, tuple(came)) if claim else None
    return Acting(actor, bank_id, known, request_id, (at, wall_at, rate), claimed)


def bank_ids() -> list[UUID]:
    """Return every bank's id, for jobs that go through the banks one by one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT perimeter_bank_ids()")
        return [row[0] for row in cursor.fetchall()]


# --- The SQL derived from the declarations -------------------------------------------------------
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
    return tuple(_tables_of(apps.get_app_configs()))


def _tables_of(configs: Iterable[AppConfig]) -> Iterator[type[Model]]:
    for config in configs:
        for model in config.get_models(include_auto_created=True):
            if model._meta.managed and not model._meta.proxy:
                yield model


def _of(model: type[Model]) -> Tenancy:
    tenancy = declared(model)
    assert tenancy is not None, model  # `check_declared` has refused it before
    return tenancy


def _is_bank_owned(model: type[Model]) -> bool:
    return _of(model).kind in (Kind.BANK, Kind.PRINCIPAL)


def _statements() -> list[str]:
    here = sorted((Path(__file__).parent / "sql").glob("*.sql"))
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
