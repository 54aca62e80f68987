"""The house's processes for real: desk, worker, beat, and a Redis that fails them.

Each test has a Redis of its own; the database is the test database.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis as client
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django_celery_beat.models import PeriodicTask

from common import models, outbox, tenancy, users
from config import celery_app, embedded
from config.embedded import Home, redis
from tests.common import neighbours
from tests.config import echoes

CHECKOUT = Path(__file__).parents[2]
AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
WALL = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PATIENCE_S = 30.0
ANSWER = f"{echoes.__name__}.answer"


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, house: None) -> Iterator[redis.Server]:
    """A Redis that only this test uses; this process publishes to it, too."""
    home = Home(tmp_path)
    server = redis.Server(home)
    server.ensure()
    monkeypatch.setenv("CELERY_BROKER_URL", server.broker_url())
    monkeypatch.setattr(outbox, "_handlers", {ANSWER: outbox._handlers[ANSWER]})
    monkeypatch.setattr(outbox, "_asked", {})
    monkeypatch.setattr(outbox, "_broker_rests_until", WALL)
    monkeypatch.setattr(celery_app.amqp, "_producer_pool", None)
    yield server
    embedded.clean(home)


def queued(broker: redis.Server, about: object) -> int:
    """How many tasks wait that mention the bank's id or the task's name."""
    messages = client.Redis.from_url(broker.url()).lrange("celery", 0, -1)
    return sum(str(about).encode() in message for message in messages)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(broker: redis.Server, tmp_path: Path) -> Iterator[Start]:
    """Start a process of the house on the test database; it ends with the test."""
    url = urlsplit(os.environ.get("DATABASE_URL") or embedded.database_url())
    environment = {
        **os.environ,
        "DATABASE_URL": url._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "REDIS_URL": broker.broker_url(),
        "SECRET_KEY": "tests",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "HEARTBEAT_FILE": str(tmp_path / "alive"),
        "PYTHONUNBUFFERED": "1",
    }
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        log = (tmp_path / f"{len(started)}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=CHECKOUT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        kill(process)
    for log in sorted(tmp_path.glob("*.log")):
        print(f"--- {log.name}\n{log.read_text()}")  # noqa: T201 (shown if the test fails)


def desk(start: Start) -> subprocess.Popen[str]:
    """The desk, which also knows the handlers that only tests have."""
    program = f"""
import django
django.setup()
import {echoes.__name__}
django.core.management.call_command("desk")
"""
    return start("-c", program)


def worker(start: Start) -> subprocess.Popen[str]:
    """A worker with one child."""
    include = ("-I", echoes.__name__)
    options = ("--concurrency", "1", "--loglevel", "INFO")
    return start("-m", "celery", "-A", "config", "worker", *include, *options)


def beat(start: Start) -> subprocess.Popen[str]:
    """What queues the scheduled tasks."""
    return start("-m", "celery", "-A", "config", "beat", "--loglevel", "INFO")


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process with its children at once, as a power cut would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(done: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    """Wait until it is done and return the seconds that took; it's a failure if it isn't."""
    begin = time.monotonic()
    while not done():
        assert time.monotonic() < begin + within_s, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - begin


def call(bank: models.Bank, seconds: float = 0, mark: str = os.devnull) -> None:
    """Let something happen whose handler takes so long, and touches the mark when it has begun."""
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        outbox.emit("echo.called", {"seconds": seconds, "mark": mark}, AT)


def answers(bank: models.Bank) -> list[int]:
    """The numbers of the calls that were answered, in the order of the answers."""
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        rows = models.OutboxEvent.objects.filter(topic="echo.answered").order_by("id")
        return [row.payload["to"] for row in rows]


def head(bank: models.Bank) -> int:
    """How many of the bank's events have a number."""
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        return len(outbox.events_after(bank_id=bank.id, number=0, limit=1000))


def log_of(tmp_path: Path, number: int) -> str:
    """What the `number`th process that the test has started said so far."""
    return (tmp_path / f"{number}.log").read_text()


# --- All well ------------------------------------------------------------------------------------


def test_shared_tasks_belong_to_the_app_that_is_loaded_with_django() -> None:
    assert outbox.deliver.app is celery_app
    assert outbox.deliver.app.conf.broker_url == settings.CELERY_BROKER_URL


def test_lost_task_is_given_out_again_only_after_the_longest_task_has_ended() -> None:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert (
        outbox.TURN_S
        < settings.CELERY_TASK_SOFT_TIME_LIMIT
        < settings.CELERY_TASK_TIME_LIMIT
        < options["visibility_timeout"]
    )


def test_reaction_runs_soon_after_its_event(
    bank: models.Bank, start: Start, tmp_path: Path
) -> None:
    worker(start)
    desk(start)
    call(bank)
    until(lambda: answers(bank) == [1])  # both are up
    call(bank)
    took_s = until(lambda: answers(bank) == [1, 3], within_s=5)
    print(f"a reaction took {took_s:.2f} s")  # noqa: T201 (a measurement)


def test_worker_does_the_relays_work_where_there_is_no_desk(
    bank: models.Bank, start: Start
) -> None:
    call(bank)
    outbox.deliver_pending.delay()
    worker(start)
    until(lambda: answers(bank) == [1])


def test_beat_queues_the_scan_every_ten_seconds(
    broker: redis.Server, start: Start, tmp_path: Path
) -> None:
    beat(start)
    until(lambda: queued(broker, "common.deliver_pending") == 1)
    assert (tmp_path / "alive").exists()
    entry = PeriodicTask.objects.get(name="common.deliver_pending")
    assert (entry.task, str(entry.schedule.run_every)) == ("common.deliver_pending", "0:00:10")


@pytest.mark.parametrize("process", [desk, worker])
def test_process_shows_that_it_lives(
    process: Callable[[Start], subprocess.Popen[str]], start: Start, tmp_path: Path
) -> None:
    process(start)
    until((tmp_path / "alive").exists)


@pytest.fixture
def two_banks(make_bank: Callable[[], models.Bank]) -> list[models.Bank]:
    """Each with a row in every tenant's table."""
    banks = [make_bank(), make_bank()]
    for bank in banks:
        neighbours.move_in(bank)
    return banks


def test_task_sees_the_rows_of_the_bank_it_acts_for_alone(
    two_banks: list[models.Bank], start: Start, tmp_path: Path
) -> None:
    tables = [model._meta.db_table for model in tenancy.bank_tables()]
    worker(start)  # one child, one connection: each task finds what the one before it left
    for turn, bank in enumerate(two_banks * 2):
        seen = tmp_path / f"{turn}.json"
        echoes.look.delay(str(bank.id), str(seen))
        until(seen.exists)
        nothing = {table: list[str]() for table in tables}
        own = {table: [str(bank.id)] for table in tables}
        assert json.loads(seen.read_text()) == [nothing, own, nothing]


# --- The desk ------------------------------------------------------------------------------------


def test_desk_runs_once_by_hand(bank: models.Bank, broker: redis.Server) -> None:
    call(bank)
    call_command("desk", "--once")
    assert head(bank) == 1
    assert queued(broker, bank.id) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_desk_ends_when_asked_to(bank: models.Bank, start: Start, number: signal.Signals) -> None:
    process = desk(start)
    call(bank)
    until(lambda: head(bank) == 1)
    process.send_signal(number)
    assert process.wait(5) == 0


def test_desk_goes_on_after_the_database_has_dropped_it(
    bank: models.Bank, start: Start, tmp_path: Path
) -> None:
    process = desk(start)
    call(bank)
    until(lambda: head(bank) == 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user"
            " AND pid <> pg_backend_pid()"
        )
        assert cursor.rowcount >= 1
    call(bank)
    until(lambda: head(bank) == 2)
    assert process.poll() is None


# --- A worker killed, a broker emptied or down ---------------------------------------------------


def test_event_whose_worker_is_killed_in_the_middle_is_handled_once(
    bank: models.Bank, broker: redis.Server, start: Start, tmp_path: Path
) -> None:
    answered = tmp_path / "answered"
    call(bank, seconds=2, mark=str(answered))
    outbox.relay(WALL)
    killed = worker(start)
    until(answered.exists)
    kill(killed)  # before it has committed
    assert answers(bank) == []
    worker(start)
    outbox.relay(WALL + 9 * SECOND)
    assert queued(broker, bank.id) == 0, "it may still be at work"
    outbox.relay(WALL + 10 * SECOND)
    until(lambda: answers(bank) == [1])
    until(lambda: "succeeded" in log_of(tmp_path, 1))
    outbox.deliver.delay(str(bank.id), ANSWER)
    until(lambda: log_of(tmp_path, 1).count("succeeded") == 2)
    assert answers(bank) == [1]


def test_stream_is_queued_once_while_it_waits_for_a_worker(
    bank: models.Bank, broker: redis.Server
) -> None:
    for turn in range(1, 4):
        call(bank)
        outbox.relay(WALL + turn * SECOND)
    assert queued(broker, bank.id) == 1


def test_what_may_be_lost_is_queued_again_ever_less_often(
    bank: models.Bank, broker: redis.Server
) -> None:
    call(bank)
    due = [0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430]
    when: list[int] = []
    for second in sorted({*due, *(second - 1 for second in due[1:])}):
        outbox.relay(WALL + second * SECOND)
        if queued(broker, bank.id) > len(when):
            when.append(second)
    assert when == due


def test_emptied_broker_loses_nothing(
    bank: models.Bank, broker: redis.Server, start: Start, tmp_path: Path
) -> None:
    worker(start)
    until(lambda: "ready" in log_of(tmp_path, 0))
    client.Redis.from_url(broker.url()).flushall()
    call(bank)
    outbox.relay(WALL)
    until(lambda: answers(bank) == [1])


def test_delivery_that_an_emptied_broker_lost_is_queued_again(
    bank: models.Bank, broker: redis.Server
) -> None:
    call(bank)
    outbox.relay(WALL)
    client.Redis.from_url(broker.url()).flushall()
    outbox.relay(WALL + 10 * SECOND)
    assert queued(broker, bank.id) == 1


def test_numbering_goes_on_while_the_broker_is_down(
    bank: models.Bank, broker: redis.Server, caplog: pytest.LogCaptureFixture
) -> None:
    broker.kill()
    for turn in range(3):
        call(bank)
        outbox.relay(WALL + turn * SECOND)
    assert head(bank) == 3
    assert caplog.text.count("The broker is down") == 2, "it is asked every two seconds only"


def test_delivery_resumes_when_the_broker_is_back(
    bank: models.Bank, broker: redis.Server, start: Start, tmp_path: Path
) -> None:
    worker(start)
    until(lambda: "ready" in log_of(tmp_path, 0))
    call(bank)
    broker.kill()
    outbox.relay(WALL)
    broker.ensure()
    outbox.relay(WALL + 2 * SECOND)
    until(lambda: answers(bank) == [1])
