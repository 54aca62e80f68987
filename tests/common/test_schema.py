"""What the catalogue says of every table, function, role and reference, those to come included."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.apps.registry import Apps
from django.core import checks
from django.db import connection, models
from django.db.models import ForeignKey, Model
from django.test.utils import isolate_apps

from common import tenancy
from tests.common.neighbours import kind, select

pytestmark = pytest.mark.usefixtures("house")

CHECKOUT = Path(__file__).parents[2]
OURS = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed]
TENANTS = tenancy.bank_tables()
REFERENCES = [
    (model, field)
    for model in OURS
    for field in model._meta.local_fields
    if isinstance(field, ForeignKey)
]
FIXED_PATH = "search_path=pg_catalog, public, pg_temp"

every_table = pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)


def name(case: type[Model] | ForeignKey[Any, Any]) -> str:
    return case.name if isinstance(case, ForeignKey) else case._meta.label


# --- Declarations --------------------------------------------------------------------------------


def test_every_model_declares_its_tenancy() -> None:
    assert tenancy.check_declared(None) == []


@pytest.fixture
def registry() -> Iterator[Apps]:
    """Where the models that a test makes are known, and nowhere else."""
    with isolate_apps("common") as isolated:
        assert isolated is not None
        yield isolated


def test_a_new_model_without_a_declaration_is_refused_by_name(registry: Apps) -> None:
    class Secret(Model):
        class Meta:
            app_label = "common"

    found = tenancy.check_declared(list(registry.get_app_configs()))
    assert [(error.id, error.obj) for error in found] == [("perimeter.E001", Secret)]


def test_a_parents_declaration_is_not_inherited(registry: Apps) -> None:
    class Parent(Model):
        tenancy = tenancy.bank()

        class Meta:
            app_label = "common"

    class Child(Parent):
        class Meta:
            app_label = "common"

    found = tenancy.check_declared(list(registry.get_app_configs()))
    assert [error.obj for error in found] == [Child]


def test_a_table_that_joins_two_has_its_owners_declaration(registry: Apps) -> None:
    class Secret(Model):
        tenancy = tenancy.bank()
        friends = models.ManyToManyField("self")

        class Meta:
            app_label = "common"

    assert tenancy.check_declared(list(registry.get_app_configs())) == []
    assert tenancy.declared(Secret.friends.through) is Secret.tenancy


def test_the_checks_are_among_those_of_manage_py() -> None:
    known = {getattr(check, "__name__", "") for check in checks.registry.registry.get_checks()}
    assert {"check_declared", "check_role"} <= known


# --- Tables --------------------------------------------------------------------------------------


def test_every_table_of_the_schema_belongs_to_a_declared_model() -> None:
    tables = select(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND relnamespace = 'public'::regnamespace"
    )
    assert set(tables) - {model._meta.db_table for model in OURS} == {"django_migrations"}
    writes = "SELECT has_table_privilege('django_migrations', 'INSERT, UPDATE, DELETE, TRUNCATE')"
    assert select(writes) == [False]


@every_table
def test_row_level_security_is_forced_wherever_a_tenant_is_declared(model: type[Model]) -> None:
    forced = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass"
    expected = kind(model) is not tenancy.Kind.PLATFORM
    assert select(forced, model._meta.db_table) == [expected]


@every_table
def test_no_platform_table_has_a_tenants_column(model: type[Model]) -> None:
    columns = select(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
        model._meta.db_table,
    )
    of_a_tenant = {"bank_id", "jurisdiction_id"} & set(columns)
    assert (kind(model) is not tenancy.Kind.PLATFORM) or not of_a_tenant


@every_table
def test_nobody_but_the_two_roles_may_do_anything_to_a_table(model: type[Model]) -> None:
    grantees = select(
        "SELECT DISTINCT grantee::regrole::text FROM pg_class,"
        " aclexplode(coalesce(relacl, acldefault('r', relowner))) WHERE oid = %s::regclass",
        model._meta.db_table,
    )
    assert set(grantees) <= {tenancy.OWNER, tenancy.APP, tenancy.SUPERVISOR}


@every_table
@pytest.mark.parametrize("role", [tenancy.APP, tenancy.SUPERVISOR])
def test_no_role_truncates_references_or_puts_triggers(model: type[Model], role: str) -> None:
    may = "SELECT has_table_privilege(%s, %s, 'TRUNCATE, REFERENCES, TRIGGER')"
    assert select(may, role, model._meta.db_table) == [False]


# What is unique across banks: public knowledge, or random and never chosen by anybody.
UNIQUE_EVERYWHERE = {
    ("common_bank", "code"),  # one logs in with it
    ("common_apikey", "prefix"),
}


@pytest.mark.parametrize("model", TENANTS, ids=name)
def test_uniqueness_tells_nothing_of_another_bank(model: type[Model]) -> None:
    table = model._meta.db_table
    keys = select(
        "SELECT array_agg(attname::text) FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
        " AND attnum = ANY (indkey) WHERE indrelid = %s::regclass AND indisunique"
        " GROUP BY indexrelid",
        table,
    )
    # An id is random and of one bank, so what contains one is unique within the bank at most.
    bound = {model._meta.pk.column, "bank_id"} | {
        field.column for owner, field in REFERENCES if owner is model and name_of_id(field)
    }
    loose = [key for key in keys if not bound & set(key)]
    assert {(table, *key) for key in loose} <= UNIQUE_EVERYWHERE


def name_of_id(field: ForeignKey[Any, Any]) -> bool:
    return field.related_model in TENANTS


# --- References ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "field"), REFERENCES, ids=name)
def test_a_reference_between_tenants_is_bound_to_the_same_bank(
    model: type[Model], field: ForeignKey[Any, Any]
) -> None:
    target = field.related_model
    if target not in TENANTS or target._meta.label == "common.Bank":
        return  # a platform's or a market's row, or the bank itself
    assert model in TENANTS, "what is nobody's secret points at no tenant's row"
    if field.name in getattr(tenancy.declared(model), "guarded", ()):
        return  # a trigger's to hold: test_tenancy writes a stranger's id there
    keys = select(
        "SELECT array_agg(attname::text ORDER BY attname::text) FROM pg_constraint"
        " JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)"
        " WHERE contype = 'f' AND conrelid = %s::regclass AND confrelid = %s::regclass"
        " GROUP BY pg_constraint.oid",
        model._meta.db_table,
        target._meta.db_table,
    )
    assert sorted(["bank_id", field.column]) in keys


def floors() -> dict[str, int]:
    """How high each app stands, from the import contract."""
    contract = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each for each in contract["contracts"] if each["type"] == "layers")["layers"]
    return {app.strip(): -depth for depth, layer in enumerate(layers) for app in layer.split("|")}


OWN_REFERENCES = [(m, f) for m, f in REFERENCES if m._meta.app_label in floors()]


@pytest.mark.parametrize(("model", "field"), OWN_REFERENCES, ids=name)
def test_a_foreign_key_points_down_and_protects(
    model: type[Model], field: ForeignKey[Any, Any]
) -> None:
    here, there = model._meta.app_label, field.related_model._meta.app_label
    assert field.remote_field.on_delete is models.PROTECT
    if here != there:
        assert field.remote_field.related_name == "+"
        if there in floors():
            assert floors()[there] < floors()[here]


# --- Functions -----------------------------------------------------------------------------------


def definers() -> list[str]:
    """The functions that run with their owner's rights, wherever they are."""
    return select(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef"
        " AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    )


def test_a_definer_function_has_a_fixed_search_path_and_one_caller() -> None:
    assert len(definers()) > 10
    for function in definers():
        path, owner, grantees = of_function(function)
        assert path == FIXED_PATH, function
        assert owner == tenancy.OWNER, function
        assert grantees == {tenancy.OWNER, tenancy.APP}, function


def of_function(function: str) -> tuple[str, str, set[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT c FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%%'),"
            " proowner::regrole::text,"
            " (SELECT array_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC'"
            "                            ELSE grantee::regrole::text END)"
            "    FROM aclexplode(coalesce(proacl, acldefault('f', proowner))))"
            " FROM pg_proc WHERE oid = %s::regprocedure",
            [function],
        )
        path, owner, grantees = cursor.fetchone()
    return path, owner, set(grantees)


# --- Roles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [tenancy.APP, tenancy.OWNER, tenancy.SUPERVISOR])
def test_no_role_of_ours_escapes_row_level_security(role: str) -> None:
    escapes = (
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication"
        " FROM pg_roles WHERE rolname = %s"
    )
    assert select(escapes, role) == [False]


@pytest.mark.parametrize("role", [tenancy.APP, tenancy.SUPERVISOR])
def test_the_applications_roles_own_nothing(role: str) -> None:
    owned = (
        "SELECT classid::regclass::text || ' ' || objid FROM pg_shdepend"
        " WHERE refobjid = %s::regrole AND deptype = 'o'"
    )
    assert select(owned, role) == []


def test_the_application_is_member_of_the_supervisor_alone() -> None:
    assert select("SELECT current_user::text") == [tenancy.APP]
    groups = "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole"
    assert select(groups, tenancy.APP) == [tenancy.SUPERVISOR]
    assert select(groups, tenancy.SUPERVISOR) == []
