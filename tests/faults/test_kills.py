"""SIGKILL in the middle of posting: nothing acknowledged is lost, nothing is done twice.

A PostgreSQL and a Redis of this module's own, a real worker and desk, and clients that keep their
own journals. What is lost is what a journal says was acknowledged and the database does not have.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config import embedded, provision
from config.embedded import Home, postgres, redis
from tests.faults import hearing, load

CHECKOUT = Path(__file__).parents[2]
CLIENTS = 4
ACKS_BETWEEN_KILLS = 150
PATIENCE_S = 120.0

Process = subprocess.Popen[bytes]
DESK = f"""
import django
django.setup()
import {hearing.__name__}
django.core.management.call_command("desk")
"""
CLIENT = """
import django
django.setup()
from tests.faults import load
load.main()
"""


@dataclasses.dataclass
class House:
    """The servers, and the processes that are started on them."""

    database: postgres.Server
    broker: redis.Server
    folder: Path
    started: list[Process] = dataclasses.field(default_factory=list)

    def start(self, *arguments: str) -> Process:
        """Start a Python process of the house in a group of its own."""
        environment = os.environ | {
            "DATABASE_URL": self.database.url(),
            "OWNER_DATABASE_URL": self.database.url(provision.OWNER),
            "REDIS_URL": self.broker.broker_url(),
            "SECRET_KEY": "tests",
            "SEALING_KEYS": secrets.token_urlsafe(32),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=CHECKOUT,
                env=environment,
                stdout=subprocess.PIPE if "prepare" in arguments else log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> str:
        """Run a Python process of the house to its good end; return what it says."""
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, self.log[-2000:]
        return (out or b"").decode()

    def workers(self) -> list[Process]:
        """Start a worker with two children, and the desk."""
        options = ("--concurrency", "2", "--loglevel", "WARNING", "-I", hearing.__name__)
        worker = self.start("-m", "celery", "-A", "config", "worker", *options)
        return [worker, self.start("-c", DESK)]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    home = Home(folder)
    house = House(postgres.Server(home), redis.Server(home), folder)
    house.database.ensure()
    house.broker.ensure()
    house.run("manage.py", "migrate", "--verbosity", "0")
    yield house
    kill([process for process in house.started if process.poll() is None])
    embedded.clean(home)


class Load:
    """A fresh bank under load: its clients, their journals, and what the database has."""

    def __init__(self, house: House) -> None:
        self.house = house
        known = json.loads(house.run("-c", CLIENT, "prepare"))
        self.bank, self.arguments = known["code"], known["arguments"]
        self.journals = [house.folder / f"{self.bank}-{n}" for n in range(CLIENTS)]
        self.clients: list[Process] = []

    def begin(self) -> None:
        for journal in self.journals:
            journal.touch()
            command = ("-c", CLIENT, "send", str(journal), *self.arguments)
            self.clients.append(self.house.start(*command))

    def end(self) -> None:
        """Let the clients finish what they are at."""
        for client in self.clients:
            client.terminate()
        assert [client.wait(30) for client in self.clients] == [0] * CLIENTS, self.house.log[-2000:]

    def repeat_unknown(self) -> None:
        for journal in self.journals:
            self.house.run("-c", CLIENT, "send_again", str(journal), *self.arguments)

    def told(self, word: str) -> set[str]:
        """The operations of which the journals say this."""
        texts = [journal.read_text().rpartition("\n")[0] for journal in self.journals]
        lines = (line.split() for text in texts for line in text.splitlines())
        return {op for first, op in lines if first == word}

    def select(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.house.database.url()) as connection:
            connection.execute("SELECT set_config('perimeter.bank', %s, true)", self.arguments[:1])
            return connection.execute(sql.encode(), params).fetchall()

    def effects(self) -> Counter[str]:
        """How often each operation took effect, counted by its entries and by its events."""
        found = self.select(
            "SELECT 'entry', id::text FROM ledger_entry WHERE kind = 'deposit' UNION ALL"
            " SELECT 'event', payload ->> 'op' FROM common_outboxevent WHERE topic = %s",
            load.DEPOSITED,
        )
        entries, events = (
            Counter(op for kind, op in found if kind == wanted) for wanted in ("entry", "event")
        )
        assert entries == events, "an entry and its event commit together"
        return entries

    def lost(self) -> set[str]:
        return self.told("ack") - set(self.effects())


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


def let_them_work(under_load: Load, rng: random.Random) -> None:
    """Wait for some acknowledged operations more, and then for no round number of milliseconds."""
    enough = len(under_load.told("ack")) + ACKS_BETWEEN_KILLS
    until(lambda: len(under_load.told("ack")) >= enough)
    time.sleep(rng.uniform(0, 0.2))
    assert all(client.poll() is None for client in under_load.clients), under_load.house.log[-2000:]


@pytest.mark.parametrize(
    "kills", [5, pytest.param(30, marks=[pytest.mark.night, pytest.mark.timeout(3600)])]
)
def test_what_was_acknowledged_outlives_sigkill_and_nothing_is_done_twice(
    house: House, kills: int
) -> None:
    rng = random.Random(kills)
    under_load = Load(house)
    under_load.begin()
    workers = house.workers()
    for _ in range(kills):
        let_them_work(under_load, rng)
        kill(workers)
        house.database.kill()
        house.database.ensure()
        workers = house.workers()
    let_them_work(under_load, rng)
    under_load.end()

    effects, sent = under_load.effects(), under_load.told("sent")
    assert under_load.lost() == set()
    assert set(effects) - sent == set(), "ghosts"
    assert set(effects.values()) == {1}, "duplicates"
    unknown = under_load.told("unknown")
    assert unknown, "no kill hit an operation"
    under_load.repeat_unknown()
    assert under_load.effects() == Counter(under_load.told("ack") | unknown)

    # Every event is heard: once, and each after the one before it.
    deposits = len(under_load.effects())
    count = "SELECT count(*), count(number), max(number) FROM common_outboxevent"
    until(lambda: under_load.select(count) == [(2 * deposits,) * 3], PATIENCE_S + 10 * kills)
    kill(workers)
    events = under_load.select(
        "SELECT number FROM common_outboxevent WHERE topic = %s ORDER BY number", load.DEPOSITED
    )
    heard = under_load.select(
        "SELECT (payload ->> 'after')::bigint, (payload ->> 'number')::bigint"
        " FROM common_outboxevent WHERE topic = %s ORDER BY 2", hearing.HEARD
    )  # fmt: skip
    numbers = [number for (number,) in events]
    assert heard == list(zip([0, *numbers], numbers, strict=False))
    house.run("manage.py", "verify", "--bank", under_load.bank)
    print(f"{kills} kills, {deposits} deposits, {len(unknown)} unknown")  # noqa: T201 (measured)


def test_the_meter_shows_what_is_lost_where_commits_do_not_wait_for_the_disk(house: House) -> None:
    """The positive control: the same count, with durability switched off."""
    durable = house.database
    off = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    careless = dataclasses.replace(durable, settings=off)
    rng = random.Random(0)
    under_load = Load(house)
    durable.stop()
    careless.ensure()
    under_load.begin()
    for _ in range(20):
        let_them_work(under_load, rng)
        careless.kill()
        careless.ensure()
        if under_load.lost():
            break
    under_load.end()
    lost = under_load.lost()
    careless.stop()
    durable.ensure()
    assert lost, "a meter that shows no loss here measures nothing"
    print(f"{len(lost)} lost of {len(under_load.told('ack'))}")  # noqa: T201 (measured)
