"""The roles and the database, made by one who may: `python -m config.provision`.

`perimeter_owner` migrates and owns every table, `perimeter_app` serves and owns nothing,
`perimeter_supervisor` is entered from the application by SET ROLE and never inherited. None of them
escapes row-level security. Tables, grants on them and policies are the migrations' work.
"""

import os
import sys
from collections.abc import Mapping

import psycopg
from psycopg import conninfo, sql

APP = "perimeter_app"
OWNER = "perimeter_owner"
SUPERVISOR = "perimeter_supervisor"

# pg_roles' column, and the keyword that turns it on; NO before it turns it off.
ATTRIBUTES = {
    "rolsuper": "SUPERUSER",
    "rolbypassrls": "BYPASSRLS",
    "rolcreaterole": "CREATEROLE",
    "rolreplication": "REPLICATION",
    "rolcreatedb": "CREATEDB",
    "rolinherit": "INHERIT",
    "rolcanlogin": "LOGIN",
}

Connection = psycopg.Connection[tuple[object, ...]]


class ProvisionError(RuntimeError):
    """Say what about the server or the environment has to be put right by hand."""


def provision(
    admin_dsn: str,
    *,
    database: str,
    app_password: str | None = None,
    owner_password: str | None = None,
    createdb: bool = False,
) -> None:
    """Make the three roles and the database, or put right what has drifted; PostgreSQL 15 to 18.

    The administrator may create roles and databases and need not be a superuser, except to take
    SUPERUSER or BYPASSRLS away. `createdb` lets the owner make databases, as tests do. A password
    left out stays as it is.

    Raises: ProvisionError, if a role of ours is a member of something else.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        # By session, for CREATE DATABASE runs in no transaction; this connection ends below.
        admin.execute("SELECT pg_advisory_lock(hashtext('perimeter'), hashtext('provision'))")
        _role(admin, OWNER, {"LOGIN", "INHERIT"} | ({"CREATEDB"} if createdb else set()))
        _role(admin, APP, {"LOGIN"})
        _role(admin, SUPERVISOR, set())
        _password(admin, OWNER, owner_password)
        _password(admin, APP, app_password)
        _membership(admin)
        _database(admin, database)
        with psycopg.connect(admin_dsn, dbname=database, autocommit=True) as inside:
            _run(inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
            _run(inside, "GRANT USAGE ON SCHEMA public TO {}, {}", APP, SUPERVISOR)


def _role(admin: Connection, name: str, attributes: set[str]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, ATTRIBUTES))
    query = sql.SQL("SELECT {} FROM pg_roles WHERE rolname = %s").format(columns)
    if not (found := admin.execute(query, [name]).fetchall()):
        _run(admin, "CREATE ROLE {}", name)
        found = admin.execute(query, [name]).fetchall()
    # Only what differs: one who is no superuser may not even say NOSUPERUSER.
    drift = [
        keyword if keyword in attributes else f"NO{keyword}"
        for keyword, has in zip(ATTRIBUTES.values(), found[0], strict=True)
        if has != (keyword in attributes)
    ]
    if drift:
        _run(admin, f"ALTER ROLE {{}} {' '.join(drift)}", name)


def _password(admin: Connection, name: str, password: str | None) -> None:
    if password is not None:
        # Hashed here, so that the server's log never holds it.
        secret = admin.pgconn.encrypt_password(password.encode(), name.encode()).decode()
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        admin.execute(statement.format(sql.Identifier(name), sql.Literal(secret)))


def _membership(admin: Connection) -> None:
    """Let the application become the supervisor by SET ROLE, and nobody otherwise."""
    options = " WITH INHERIT FALSE, SET TRUE" if admin.info.server_version >= 160_000 else ""
    _run(admin, f"GRANT {{}} TO {{}}{options}", SUPERVISOR, APP)
    others = admin.execute(
        """
        SELECT member.rolname, granted.rolname
        FROM pg_auth_members
        JOIN pg_roles member ON member.oid = pg_auth_members.member
        JOIN pg_roles granted ON granted.oid = pg_auth_members.roleid
        WHERE member.rolname = ANY(%s) AND (member.rolname, granted.rolname) <> (%s, %s)
           OR member.rolname = %s AND pg_has_role(member.oid, granted.oid, 'USAGE')
        """,
        [[APP, OWNER, SUPERVISOR], APP, SUPERVISOR, APP],
    ).fetchall()
    if others:
        grants = ", ".join(f"{granted} to {member}" for member, granted in others)
        raise ProvisionError(f"revoke what was granted beside the design, then try again: {grants}")


def _database(admin: Connection, database: str) -> None:
    superuser = admin.execute("SHOW is_superuser").fetchone() == ("on",)
    if not superuser:  # else one may not give anything to the owner, nor act for it
        _run(admin, "GRANT {} TO CURRENT_USER", OWNER)
    owner = admin.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    if owner is None:
        _run(
            admin,
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'",
            *(database, OWNER),
        )
    elif owner != (OWNER,):
        _run(admin, "ALTER DATABASE {} OWNER TO {}", database, OWNER)
    _run(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    # Bulk writes go through temporary tables.
    _run(admin, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", database, APP)


def _run(connection: Connection, statement: str, *names: str) -> None:
    composed = sql.SQL(statement).format(*map(sql.Identifier, names))
    connection.execute(composed)


def main(environ: Mapping[str, str] = os.environ) -> str | None:
    """Provision the server that the environment names; return what is wrong, if anything."""
    try:
        admin_dsn = environ["ADMIN_DATABASE_URL"]
        app = _parts(environ, "DATABASE_URL", APP)
        owner = _parts(environ, "OWNER_DATABASE_URL", OWNER)
        if app["dbname"] != owner["dbname"]:
            return "DATABASE_URL and OWNER_DATABASE_URL name different databases"
        provision(
            admin_dsn,
            database=app["dbname"],
            app_password=app.get("password"),
            owner_password=owner.get("password"),
        )
    except KeyError as missing:
        return f"{missing.args[0]} is not set"
    except (ProvisionError, psycopg.Error) as error:
        return str(error)
    return None


def _parts(environ: Mapping[str, str], variable: str, role: str) -> dict[str, str]:
    parsed = conninfo.conninfo_to_dict(environ[variable])
    parts = {name: str(value) for name, value in parsed.items()}
    if parts.get("user") != role:
        raise ProvisionError(f"{variable} must name the user {role}, not {parts.get('user')}")
    if not parts.get("dbname"):
        raise ProvisionError(f"{variable} must name a database")
    return parts


if __name__ == "__main__":
    sys.exit(main())
