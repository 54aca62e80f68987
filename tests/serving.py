"""The house as `make run` serves it: granian on a port of its own, until the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from common import tenancy
from config import embedded, run


@contextmanager
def served(
    application: str = "config.wsgi:application", environ: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Serve a WSGI application and yield its port."""
    with socket.socket() as probe:
        probe.bind((run.HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, *run.web(port, application)]
    with subprocess.Popen(command, env={**os.environ, **(environ or {})}) as server:
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()


def environment() -> dict[str, str]:
    """Return the variables by which a server works on the database of the tests."""
    return {
        "DATABASE_URL": _url("DATABASE_URL", tenancy.APP),
        "OWNER_DATABASE_URL": _url("OWNER_DATABASE_URL", tenancy.OWNER),
        "SECRET_KEY": settings.SECRET_KEY,
        "SEALING_KEYS": ",".join(settings.SEALING_KEYS),
        "HTTPS": "0",
        "LOG_LEVEL": "ERROR",  # a refusal is no news here
    }


def _url(variable: str, role: str) -> str:
    """Return the address of the tests' database for a role."""
    server = urlsplit(os.environ.get(variable) or embedded.database_url(role))
    return urlunsplit(server._replace(path=f"/{connection.settings_dict['NAME']}"))


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            with socket.create_connection((run.HOST, port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The server does not answer.")
