"""The roles and the database, on an embedded PostgreSQL and on the one named for tests."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from config import embedded, provision
from config.embedded import Home, postgres
from config.provision import APP, OWNER, SUPERVISOR

NAMED = os.environ.get("TEST_ADMIN_DATABASE_URL")


@pytest.fixture(scope="module")
def embedded_admin() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    server = postgres.Server(Home(folder))
    server.ensure()
    yield server.url("postgres", "postgres")
    embedded.clean(server.home)
    shutil.rmtree(folder)


@pytest.fixture(params=["embedded", "named"] if NAMED else ["embedded"])
def admin(request: pytest.FixtureRequest, embedded_admin: str) -> str:
    return NAMED if request.param == "named" and NAMED else embedded_admin


@pytest.fixture
def database(admin: str) -> Iterator[str]:
    name = f"provision_{secrets.token_hex(4)}"
    yield name
    run(admin, sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))


def run(dsn: str, *statements: sql.Composed | str, **connect: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with psycopg.connect(dsn, autocommit=True, **connect) as connection:  # type: ignore[arg-type]
        for statement in statements:
            query = statement.encode() if isinstance(statement, str) else statement
            cursor = connection.execute(query)
            rows = cursor.fetchall() if cursor.description else []
    return rows


def as_role(role: str, *statements: str) -> list[sql.Composed | str]:
    login = sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role))
    return [login, *statements]


def attributes(admin: str) -> list[tuple[object, ...]]:
    return run(
        admin,
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication, rolcanlogin,"
        " rolinherit FROM pg_roles WHERE rolname LIKE 'perimeter_%' ORDER BY rolname",
    )


EXPECTED = [
    (APP, False, False, False, False, True, False),
    (OWNER, False, False, False, False, True, True),
    (SUPERVISOR, False, False, False, False, False, False),
]


def test_it_makes_roles_without_privileges_and_may_be_repeated(admin: str, database: str) -> None:
    for _ in range(2):
        provision.provision(admin, database=database, createdb=True)
        assert attributes(admin) == EXPECTED


def test_four_at_once_make_one_database(admin: str, database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(provision.provision, admin, database=database, createdb=True)
            for _ in range(4)
        ]
        for job in jobs:
            job.result()
    assert run(admin, "SELECT 1", dbname=database) == [(1,)]


def test_application_becomes_supervisor_by_set_role_alone(admin: str, database: str) -> None:
    provision.provision(admin, database=database, createdb=True)
    as_owner = as_role(OWNER, "CREATE TABLE seen ()", f"GRANT SELECT ON seen TO {SUPERVISOR}")
    run(admin, *as_owner, dbname=database)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(admin, *as_role(APP, "SELECT FROM seen"), dbname=database)
    run(admin, *as_role(APP, f"SET ROLE {SUPERVISOR}", "SELECT FROM seen"), dbname=database)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(admin, *as_role(APP, f"SET ROLE {OWNER}"), dbname=database)


def test_application_makes_temporary_tables_and_no_others(admin: str, database: str) -> None:
    provision.provision(admin, database=database, createdb=True)
    run(admin, *as_role(APP, "CREATE TEMPORARY TABLE bulk ()"), dbname=database)
    for forbidden in ("CREATE TABLE mine ()", "CREATE SCHEMA mine"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(admin, *as_role(APP, forbidden), dbname=database)


def test_others_may_not_even_connect(admin: str, database: str) -> None:
    provision.provision(admin, database=database, createdb=True)
    query = "SELECT has_database_privilege(%s, %s, 'CONNECT')"
    with psycopg.connect(admin) as connection:
        assert connection.execute(query, ["pg_monitor", database]).fetchone() == (False,)
        assert connection.execute(query, [APP, database]).fetchone() == (True,)


def test_owner_makes_databases_only_where_tests_run(embedded_admin: str) -> None:
    query = f"SELECT rolcreatedb FROM pg_roles WHERE rolname = '{OWNER}'"
    provision.provision(embedded_admin, database="perimeter")
    assert run(embedded_admin, query) == [(False,)]
    provision.provision(embedded_admin, database="perimeter", createdb=True)
    assert run(embedded_admin, query) == [(True,)]


def test_a_role_that_has_drifted_is_put_right(embedded_admin: str) -> None:
    run(
        embedded_admin,
        f"ALTER ROLE {APP} SUPERUSER INHERIT",
        f"ALTER ROLE {OWNER} BYPASSRLS CREATEROLE",
        f"ALTER ROLE {SUPERVISOR} LOGIN BYPASSRLS",
        f"GRANT {SUPERVISOR} TO {APP} WITH INHERIT TRUE",
    )
    provision.provision(embedded_admin, database="perimeter", createdb=True)
    assert attributes(embedded_admin) == EXPECTED
    usage = f"SELECT pg_has_role('{APP}', '{SUPERVISOR}', 'USAGE')"
    assert run(embedded_admin, usage) == [(False,)]


def test_a_foreign_membership_is_refused_by_name(embedded_admin: str) -> None:
    run(embedded_admin, f"GRANT {OWNER} TO {APP}")
    try:
        with pytest.raises(provision.ProvisionError, match=f"{OWNER} to {APP}"):
            provision.provision(embedded_admin, database="perimeter", createdb=True)
    finally:
        run(embedded_admin, f"REVOKE {OWNER} FROM {APP}")


def test_an_administrator_need_not_be_superuser(embedded_admin: str) -> None:
    run(
        embedded_admin,
        "DROP DATABASE IF EXISTS perimeter (FORCE)",
        *(f"DROP ROLE IF EXISTS {role}" for role in (APP, OWNER, SUPERVISOR)),
        "CREATE ROLE keeper LOGIN CREATEROLE CREATEDB",
    )
    keeper = embedded_admin.replace("postgres@", "keeper@")
    for _ in range(2):
        provision.provision(keeper, database="perimeter", createdb=True)
    assert attributes(embedded_admin) == EXPECTED


def test_passwords_are_stored_hashed(embedded_admin: str) -> None:
    provision.provision(
        embedded_admin,
        database="perimeter",
        app_password="o'ne",
        owner_password="two",
        createdb=True,
    )
    stored = run(
        embedded_admin,
        f"SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname IN"
        f" ('{APP}', '{OWNER}')",
    )
    assert stored == [(True,), (True,)]


URLS = {
    "ADMIN_DATABASE_URL": "postgresql://postgres@nowhere.invalid/postgres",
    "DATABASE_URL": f"postgresql://{APP}:a@db/perimeter",
    "OWNER_DATABASE_URL": f"postgresql://{OWNER}:b@db/perimeter",
}


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("ADMIN_DATABASE_URL", None, "ADMIN_DATABASE_URL is not set"),
        ("OWNER_DATABASE_URL", None, "OWNER_DATABASE_URL is not set"),
        ("DATABASE_URL", "postgresql://root@db/perimeter", f"must name the user {APP}, not root"),
        ("OWNER_DATABASE_URL", f"postgresql://{OWNER}@db/other", "different databases"),
        ("DATABASE_URL", f"postgresql://{APP}@db", "DATABASE_URL must name a database"),
        ("ADMIN_DATABASE_URL", "postgresql://postgres@/postgres?host=/nowhere", "/nowhere"),
    ],
)
def test_the_command_line_says_what_is_missing(
    variable: str, value: str | None, complaint: str
) -> None:
    environ = URLS | ({variable: value} if value else {})
    if value is None:
        del environ[variable]
    assert complaint in (provision.main(environ) or "")


def test_the_command_line_takes_names_and_passwords_from_the_addresses(
    admin: str, database: str
) -> None:
    environ = {
        "ADMIN_DATABASE_URL": admin,
        "DATABASE_URL": f"postgresql://{APP}@db/{database}",
        "OWNER_DATABASE_URL": f"postgresql://{OWNER}@db/{database}",
    }
    assert provision.main(environ) is None
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert run(admin, query, dbname=database) == [(OWNER,)]
