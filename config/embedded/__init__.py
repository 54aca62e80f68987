"""The embedded start: PostgreSQL and Redis of one's own, if the environment names none.

DATABASE_URL unset: a PostgreSQL; REDIS_URL unset: a Redis. Both come as wheels, listen on sockets
in a private folder and on no port, and outlive the process that started them. A server named in
the environment is never touched from here. `python -m config.embedded` is the same by hand.

Addresses are computed, not asked for: importing the settings starts nothing. `backend` starts the
servers when the first connection finds none.
"""

import os
import secrets

from config import provision
from config.embedded import daemon, postgres, redis
from config.embedded.home import EmbeddedError, Home

__all__ = [
    "EmbeddedError",
    "Home",
    "broker_url",
    "clean",
    "database_url",
    "ensure",
    "sealing_key",
    "secret_key",
    "servers",
    "stop",
]


def database_url(role: str = provision.APP) -> str:
    """Return the embedded PostgreSQL's address for a role."""
    return postgres.Server(Home.of_checkout()).url(role)


def broker_url() -> str:
    """Return the embedded Redis's address for Celery."""
    return redis.Server(Home.of_checkout()).broker_url()


def servers(home: Home | None = None) -> tuple[daemon.Server, ...]:
    """Return the servers that the environment leaves to us: both, one or none."""
    home = home or Home.of_checkout()
    ours = {"DATABASE_URL": postgres.Server(home), "REDIS_URL": redis.Server(home)}
    return tuple(server for variable, server in ours.items() if variable not in os.environ)


def ensure() -> None:
    """Start what the environment leaves to us and does not run yet."""
    for server in servers():
        server.ensure()


def stop() -> None:
    """Stop both servers; the data stay."""
    home = Home.of_checkout()
    redis.Server(home).stop()
    postgres.Server(home).stop()


def clean(home: Home | None = None) -> None:
    """Stop both servers and remove them with all their data, sockets and copied programs."""
    home = home or Home.of_checkout()
    with home.locked():
        redis.Server(home).end()
        postgres.Server(home).end()
        home.remove()


def secret_key(*, required: bool) -> str:
    """Return this checkout's own SECRET_KEY, made at the first call; empty if not required.

    An empty one makes Django refuse to run, as it should where the environment forgot it.
    """
    return _kept("secret_key", secrets.token_urlsafe(50)) if required else ""


def sealing_key(*, required: bool) -> list[str]:
    """Return the key that seals this checkout's personal data, made at the first call; or none.

    It is lost with `clean`, as the data are.
    """
    return [_kept("sealing_key", secrets.token_urlsafe(32))] if required else []


def _kept(name: str, fresh: str) -> str:
    """Return what is kept under this name beside the servers, which is `fresh` the first time."""
    home = Home.of_checkout()
    key = home.marker / name
    with home.locked():
        home.own(home.marker)
        if not key.exists():
            partial = key.with_suffix(".partial")
            partial.touch(mode=0o600)
            partial.write_text(fresh)
            partial.rename(key)
    return key.read_text()
