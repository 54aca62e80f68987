"""How often a key may ask, counted for all processes; and what is when Redis does not answer."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from common import models, users
from common.api import rates
from config import embedded, run
from config.embedded import Home, redis
from simulation.caller import Caller as Outsider
from tests.common.caller import Caller, problem
from tests.serving import environment, served

pytestmark = pytest.mark.urls("tests.common.edge_urls")
RATE = 1  # a second


@pytest.fixture
def broker(tmp_path: Path, settings: Any, house: None) -> Iterator[redis.Server]:
    """A Redis that only this test uses, and that counts."""
    server = redis.Server(Home(tmp_path))
    server.ensure()
    settings.CELERY_BROKER_URL, settings.RATE_PER_KEY = server.broker_url(), RATE
    yield server
    embedded.clean(server.home)


def hurry(caller: Caller) -> list[int]:
    """Send more than two windows take, and return the statuses until the first refusal."""
    statuses = []
    for _ in range(2 * RATE * rates.WINDOW_S + 1):
        statuses.append(caller.post({"name": "a note"}).status_code)
        if statuses[-1] == 429:
            break
    return statuses


@pytest.mark.usefixtures("broker")
def test_a_key_that_asks_too_often_is_told_when_to_come_back(bank: models.Bank) -> None:
    clerk = Caller(bank)
    *let_through, last = hurry(clerk)
    assert (set(let_through), last) == ({201}, 429)
    assert len(let_through) >= RATE * rates.WINDOW_S
    refused = clerk.post({"name": "a note"})
    assert problem(refused)["code"] == "RATE_EXCEEDED"
    assert clerk.written() == len(let_through)
    assert clerk.send("GET", "/v1/notes").status_code == 429

    wait_s = int(refused.headers["Retry-After"])
    assert 1 <= wait_s <= rates.WINDOW_S
    time.sleep(wait_s)
    assert clerk.post({"name": "a note"}).status_code == 201


@pytest.mark.usefixtures("broker")
def test_a_key_is_not_hindered_by_another_of_its_house(bank: models.Bank) -> None:
    hasty, calm = Caller(bank), Caller(bank)
    assert hurry(hasty)[-1] == 429
    assert calm.post({"name": "a note"}).status_code == 201


@pytest.mark.usefixtures("broker")
def test_a_rate_of_none_lets_all_through(bank: models.Bank, settings: Any) -> None:
    settings.RATE_PER_KEY = 0
    assert set(hurry(Caller(bank))) == {201}


def test_without_redis_requests_pass(bank: models.Bank, broker: redis.Server) -> None:
    broker.stop()
    assert set(hurry(Caller(bank))) == {201}


def test_no_request_waits_for_a_redis_that_hangs(bank: models.Bank, broker: redis.Server) -> None:
    clerk = Caller(bank)
    clerk.post({"name": "a note"})
    process = int((broker.data / broker.pid_file).read_text())
    os.kill(process, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert clerk.post({"name": "a note"}).status_code == 201
        assert time.monotonic() - begun < 1
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_count_is_forgotten_with_its_window(bank: models.Bank, broker: redis.Server) -> None:
    counter = rates._Counter(broker.broker_url())
    assert [counter.count("x", 1, bundle=1) for _ in "abc"] == [1, 2, 3]
    assert 0 < counter._redis.ttl("rate:x:1") <= 2 * rates.WINDOW_S
    assert counter.count("x", 2, bundle=1) == 1


@pytest.mark.parametrize("bundle", [0, 1, 4, 10, 1000])
def test_processes_tell_by_the_bundle(broker: redis.Server, bundle: int) -> None:
    one, other = (rates._Counter(broker.broker_url()) for _ in "ab")
    for counter in (one, other) * 500:
        counter.count("x", 1, bundle=bundle)
    calls = one._redis.info("commandstats")["cmdstat_incrby"]["calls"]
    told = int(one._redis.incrby("rate:x:1", 0))
    most = min(max(bundle, 1), 10)
    assert 1000 - 2 * (most - 1) <= told <= 1000
    assert calls <= 2 + 998 / most
    assert one.count("x", 1, bundle=bundle) >= 1001 - 2 * most


def test_a_redis_that_answers_again_counts_again(broker: redis.Server) -> None:
    counter = rates._Counter(broker.broker_url())
    counter.count("x", 1, bundle=5)
    broker.stop()
    assert min(counter.count("x", 1, bundle=5) for _ in range(5)) == 0
    broker.ensure()
    time.sleep(rates._REST_S)
    assert counter.count("x", 1, bundle=5) >= 1


def test_all_processes_count_together(bank: models.Bank, broker: redis.Server) -> None:
    environ = environment() | {"REDIS_URL": broker.broker_url(), "RATE_PER_KEY": str(RATE)}
    key = Caller(bank).key
    with served(environ=environ) as one, served(environ=environ) as other:
        time.sleep(rates.WINDOW_S - time.time() % rates.WINDOW_S)  # a whole window is left
        told = {
            port: Counter(_asked(port, key) for _ in range(RATE * rates.WINDOW_S))
            for port in (one, other)
        }
        waits = Outsider(run.address(other), key).get("me")  # until the next window
    assert waits["role"] == users.Role.OPERATIONS
    assert told == {one: {200: RATE * rates.WINDOW_S}, other: {429: RATE * rates.WINDOW_S}}


def _asked(port: int, key: str) -> int:
    bearer = {"Authorization": f"Bearer {key}"}
    where = f"http://{run.HOST}:{port}/v1/me"
    return requests.get(where, headers=bearer, timeout=30).status_code
