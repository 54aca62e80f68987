"""A database of one's own to measure in, migrated, and removed afterwards; and pgbench to drive it.

Beside it a Redis that counts what each key asks, as it does where the house serves.

With DATABASE_URL (and OWNER_DATABASE_URL) it is made on that server by the owner, who must be
allowed to; else on a PostgreSQL started for the purpose, durable, with the settings of the embedded
start.
"""

import dataclasses
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.db import connections
from psycopg import sql

from config import embedded, provision
from config.embedded import postgres, redis

CLIENTS, THREADS = 8, 2
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class House:
    """The databases' addresses: the house's own by role, and one for pgbench's own tables."""

    app: str
    owner: str
    pgbench: str

    def measure(self, url: str, *options: str, seconds: int) -> float:
        """Return the transactions a second that 8 prepared clients reach.

        Raises: RuntimeError with pgbench's words if any transaction failed.
        """
        drive = ["--client", str(CLIENTS), "--jobs", str(THREADS), "--protocol", "prepared"]
        said = pgbench(*drive, "--time", str(seconds), *options, url)
        found = _TPS.search(said)
        if found is None or "number of failed transactions: 0 " not in said:
            raise RuntimeError(f"pgbench did not measure.\n{said}")
        return float(found[1])


def judged(of: str, ratio: float, limit: float) -> dict[str, Any]:
    """Return how a result compares with what it is measured `of`; rounded to be read alone."""
    return {"of": of, "ratio": round(ratio, 3), "limit": limit, "ok": ratio >= limit}


def pgbench(*arguments: str) -> str:
    """Run the wheel's pgbench and return what it says."""
    wheel = metadata.distribution(postgres.WHEEL)
    program = wheel.locate_file(f"{postgres.INSTALLED}/bin/pgbench")
    return _run(str(program), *arguments)


def manage(*arguments: str) -> str:
    """Run `manage.py` on the house's database and return what it says."""
    return _run(sys.executable, "manage.py", *arguments)


@contextmanager
def opened() -> Iterator[House]:
    """Make the databases, migrate, set Django up on them; remove them after."""
    with _servers() as (app, owner, broker):
        name = f"perimeter_bench_{os.getpid()}"
        names = [name, f"{name}_tpcb"]
        try:
            _statement(owner, "CREATE DATABASE {}", names)
            house = House(_in(app, name), _in(owner, name), _in(owner, names[1]))
            os.environ |= {
                "DATABASE_URL": house.app,
                "OWNER_DATABASE_URL": house.owner,
                "REDIS_URL": broker,
                "RATE_PER_KEY": "1000000",  # counted, never reached
                "DJANGO_SETTINGS_MODULE": "config.settings",
            }
            os.environ.setdefault("SECRET_KEY", "measured, not served")
            os.environ.setdefault("SEALING_KEYS", secrets.token_urlsafe(32))
            manage("migrate", "--verbosity", "0")
            django.setup()
            yield house
        finally:
            connections.close_all()
            _statement(owner, "DROP DATABASE IF EXISTS {}", names)


@contextmanager
def _servers() -> Iterator[tuple[str, str, str]]:
    """Yield the addresses of the application's role, the owner's, and the broker's."""
    with tempfile.TemporaryDirectory(prefix="perimeter-bench-") as folder:
        home = embedded.Home(Path(folder))
        server, broker = postgres.Server(home), redis.Server(home)
        try:
            broker.ensure()
            if "DATABASE_URL" in os.environ:
                app, owner = os.environ["DATABASE_URL"], os.environ["OWNER_DATABASE_URL"]
            else:
                server.ensure()
                app, owner = server.url(provision.APP), server.url(provision.OWNER)
            yield app, owner, broker.broker_url()
        finally:
            embedded.clean(home)


def _statement(url: str, statement: str, names: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _in(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _run(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)} failed.\n{ran.stdout}{ran.stderr}")
    return ran.stdout
