"""To whom the rows of each table belong, and as whom the application may connect."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

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
        for model in tables_of(apps.get_app_configs() if app_configs is None else app_configs)
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


def tables_of(configs: Iterable[AppConfig]) -> Iterator[type[Model]]:
    for config in configs:
        for model in config.get_models(include_auto_created=True):
            if model._meta.managed and not model._meta.proxy:
                yield model
