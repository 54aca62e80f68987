"""A house of one's own for tests that run it whole: its servers, its processes, the main job.

Apart from the test database and from the checkout's own servers, and removed when the test ends.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from config import embedded, provision, run
from config.embedded import Home, postgres, redis

CHECKOUT = Path(__file__).parents[1]
PATIENCE_S = 600.0  # for the main job, on a busy machine
FEW = "45"  # applicants: all who have a part
SERVES = "go on. Ctrl-C ends them."

Process = subprocess.Popen[bytes]


@dataclasses.dataclass
class House:
    """The servers, the port, and what was started on them; `printed` by the processes."""

    database: postgres.Server
    broker: redis.Server
    folder: Path
    port: int
    started: list[Process] = dataclasses.field(default_factory=list)
    sealing_key: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def address(self) -> str:
        return run.address(self.port)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.database.url(),
            "OWNER_DATABASE_URL": self.database.url(provision.OWNER),
            "REDIS_URL": self.broker.broker_url(),
            "SECRET_KEY": "tests",
            "SEALING_KEYS": self.sealing_key,
            "HTTPS": "0",
            "DJANGO_SETTINGS_MODULE": "tests.house_settings",
            "PORT": str(self.port),
            "COLUMNS": "200",
            "CLIENTS": FEW,
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *arguments: str, **environment: str) -> Process:
        """Start a Python process of the house in a group of its own."""
        with (self.folder / "printed").open("ab") as printed:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=CHECKOUT,
                env=self.environment | environment,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **environment: str) -> None:
        """Run a Python process of the house to its good end."""
        process = self.start(*arguments, **environment)
        assert process.wait(PATIENCE_S) == 0, self.printed[-3000:]

    @property
    def printed(self) -> str:
        return (self.folder / "printed").read_text()

    def prints(self, text: str, process: Process) -> None:
        """Wait until something is printed while a process lives."""
        until(lambda: text in self.printed or process.poll() is not None)
        assert text in self.printed, self.printed[-3000:]

    def select(self, bank: str, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Read a bank's rows past the project's own code."""
        with psycopg.connect(self.database.url()) as connection:
            (house,) = connection.execute("SELECT * FROM perimeter_house(%s)", [bank]).fetchall()
            connection.execute("SELECT set_config('perimeter.bank', %s, true)", [str(house[0])])
            return connection.execute(sql.encode(), params).fetchall()


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    """Start a house's servers, migrate, and take all away again."""
    folder.mkdir(exist_ok=True)
    home = Home(folder)
    with socket.socket() as probe:
        probe.bind((run.HOST, 0))
        port = probe.getsockname()[1]
    house = House(postgres.Server(home), redis.Server(home), folder, port)
    house.database.ensure()
    house.broker.ensure()
    try:
        house.run("manage.py", "migrate", "--verbosity", "0")
        yield house
    finally:
        kill([process for process in house.started if process.poll() is None])
        embedded.clean(home)


def table(printed: str) -> str:
    """Return the table of what happened, as the job printed it last."""
    tables: list[str] = re.findall(r"What happened.*?└[^\n]*", printed, re.DOTALL)
    return tables[-1]


def until(done: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def kill(processes: list[Process]) -> None:
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
    for process in processes:
        process.wait()
