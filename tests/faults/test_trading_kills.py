"""SIGKILL in the middle of the main job's trading: nothing told is lost, nothing is done twice.

Web, worker and PostgreSQL are killed and started again while the clients trade. They keep a journal
of what they sent and were told, and send again under the same key what nobody answered. So the day
ends as the undisturbed one did, to the last kopeck.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from config import run
from tests import houses
from tests.houses import House, Process, until

_TRADES = ("orders", "deposits", "withdrawals", "quotes")
ANSWERS_BETWEEN_KILLS = 12


class Trading:
    """The main job under way, its journal, and the processes that are killed."""

    def __init__(self, house: House) -> None:
        self.house, self.journal = house, house.folder / "journal"
        self.journal.touch()
        self.processes = {name: self.started(name) for name in ("web", "worker")}
        options = ("--address", house.address, "--clients", houses.FEW)
        self.job = house.start("manage.py", "demo", *options, "--journal", str(self.journal))

    def started(self, name: str) -> Process:
        return self.house.start(*run.commands(self.house.port)[name])

    def kill(self, name: str) -> None:
        """End a process, or the database, with SIGKILL, and start it again."""
        if name == "postgres":
            self.house.database.kill()
            self.house.database.ensure()
            return
        houses.kill([self.processes[name]])
        self.processes[name] = self.started(name)

    def lines(self) -> list[tuple[str, str, str, int]]:
        """The journal: word, path, idempotency key, status."""
        whole = self.journal.read_text().rpartition("\n")[0]
        cut = (line.split("\t") for line in whole.splitlines())
        return [(word, path, key, int(status)) for word, path, key, status in cut]

    def let_it_trade(self, rng: random.Random) -> None:
        """Wait for some answers to orders more, then for no round number of milliseconds."""

        def told() -> int:
            return sum(word == "ack" and path == "orders" for word, path, _, _ in self.lines())

        enough = told() + ANSWERS_BETWEEN_KILLS
        until(lambda: told() >= enough or self.job.poll() is not None)
        assert self.job.poll() is None, self.house.printed[-3000:]
        time.sleep(rng.uniform(0, 0.1))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.night)])
def test_a_day_with_kills_ends_as_the_day_without(demo: House, tmp_path: Path, rounds: int) -> None:
    rng = random.Random(rounds)
    with houses.opened(tmp_path / "house") as house:
        trading = Trading(house)
        for _ in range(rounds):
            for name in ("web", "worker", "postgres"):
                trading.let_it_trade(rng)
                trading.kill(name)
        assert trading.job.wait(houses.PATIENCE_S) == 0, house.printed[-3000:]

        assert "invariants hold in 2 banks." in house.printed  # the job proves its banks itself
        assert houses.table(house.printed) == houses.table(demo.printed)
        _prove_journal(house, trading)
    print(f"{3 * rounds} kills, {_said(trading)}")  # noqa: T201 (measured)


@pytest.mark.night
@pytest.mark.timeout(3600)
def test_a_job_that_is_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    with houses.opened(tmp_path / "house") as house:
        trading = Trading(house)
        trading.let_it_trade(random.Random(0))
        houses.kill([trading.job])
        before = {key for word, path, key, _ in trading.lines() if path == "orders"}
        house.run("manage.py", "demo", "--address", house.address, "--clients", houses.FEW)
        assert "There already, but not to the end" in house.printed
        assert "invariants hold in 2 banks." in house.printed
        kept = Counter(
            key
            for bank in ("north", "volga")
            for (key,) in house.select(bank, "SELECT client_order_id FROM desk_order")
        )
    assert before <= set(kept)
    assert set(kept.values()) == {1}
    assert len(kept) > 2 * len(before)


def _prove_journal(house: House, trading: Trading) -> None:
    """Compare what clients were told of their orders with the rows, past the project's code."""
    lines = trading.lines()
    sent = {key for word, path, key, _ in lines if path == "orders" and word == "sent"}
    told = {
        key for word, path, key, status in lines
        if path == "orders" and word == "ack" and status in (201, 422)
    }  # fmt: skip
    unknown = {key for word, _, key, _ in lines if word == "unknown"}
    assert unknown, "no kill hit a command"
    kept = Counter(
        key
        for bank in ("north", "volga")
        for (key,) in house.select(bank, "SELECT client_order_id FROM desk_order")
    )
    assert told - set(kept) == set(), "lost"
    assert set(kept) - sent == set(), "ghosts"
    assert set(kept.values()) == {1}, "duplicates"
    assert sent == told, "every command was told in the end"


def _said(trading: Trading) -> str:
    counted = Counter(word for word, path, _, _ in trading.lines() if path in _TRADES)
    return re.sub(r"[{}']|Counter\(|\)", "", str(counted))
