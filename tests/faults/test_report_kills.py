"""Reports outlive a worker killed in the middle, an emptied broker and a beat that was down.

Real workers, a real beat and a Redis of the test's own, on the test database.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest
import redis as client
from django.conf import settings

from config.embedded import redis
from reporting import operations, queries, tasks, work
from reporting.models import FileChunk, ReportFile, ReportPart, ReportRun
from reporting.states import PartStatus, RunStatus
from tests.config import test_celery
from tests.config.test_celery import Start, beat, kill, until
from tests.faults import slow_report
from tests.reporting.conftest import days, traded  # noqa: F401  (fixtures)
from tests.reporting.days import FIRST, SECOND, THIRD, Days

# Long enough for a beat to start, scan, and scan again for what the first scan has asked for.
PATIENCE_S = 120.0

broker, start = test_celery.broker, test_celery.start


@pytest.fixture(autouse=True)
def mark(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    traded: Days,  # noqa: F811
) -> Path:
    """Tell the processes to come what they need to know; return where the slow part leaves it."""
    monkeypatch.setenv("SEALING_KEYS", ",".join(settings.SEALING_KEYS))
    monkeypatch.setenv(slow_report.BANK, str(traded.bank_id))
    monkeypatch.setenv(slow_report.MARK, str(tmp_path / "begun"))
    return tmp_path / "begun"


def worker(start: Start) -> subprocess.Popen[str]:
    """A worker with one child, which knows the slow report too."""
    include = ("-I", slow_report.__name__)
    options = ("--concurrency", "1", "--loglevel", "INFO")
    return start("-m", "celery", "-A", "config", "worker", *include, *options)


def runs(of: Days) -> list[ReportRun]:
    with of.desk.acting():
        return list(ReportRun.objects.order_by("first_date", "report"))


def proved(of: Days, run: ReportRun) -> None:
    """Hold that a run has one file a format, each chunk once, and the bytes it has made anew."""
    with of.desk.acting():
        files = list(ReportFile.objects.select_related("run").filter(run=run))
        assert sorted(file.format for file in files) == ["csv", "xml"]
        chunks = Counter(FileChunk.objects.filter(file__in=files).values_list("file", "part"))
        assert set(chunks.values()) == {1}
        assert [file.sha256 for file in files] == [queries.recomputed(file) for file in files]
    for file in files:
        of.bytes_of(run, file.format)


def test_a_worker_killed_in_the_middle_leaves_one_run_one_file_and_the_same_bytes(
    traded: Days,  # noqa: F811
    start: Start,
    mark: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "PART_ROWS", 2)
    mark.touch()  # this process is not slow
    run = traded.request("slow-register", FIRST)
    mark.unlink()
    tasks.queue_waiting.delay(str(traded.bank_id))
    killed = worker(start)
    beat(start)  # a wish that Redis loses is wished again
    until(mark.exists, PATIENCE_S)
    kill(killed)
    with traded.desk.acting():
        waiting = ReportPart.objects.filter(file__run=run, status=PartStatus.WAITING).count()
        assert waiting == ReportPart.objects.filter(file__run=run).count() > 2
    worker(start)
    until(lambda: traded.run(run.pk).status == RunStatus.DONE, PATIENCE_S)
    assert [each.pk for each in runs(traded) if each.report == "slow-register"] == [run.pk]
    proved(traded, run)
    register = traded.make("daily-register", FIRST)
    assert traded.bytes_of(run, "csv") == traded.bytes_of(register, "csv")


def test_an_emptied_broker_and_a_beat_that_was_down_for_days_lose_nothing(
    traded: Days,  # noqa: F811
    broker: redis.Server,
    start: Start,
) -> None:
    asked = traded.request("tax-withheld", FIRST, THIRD)
    tasks.queue_waiting.delay(str(traded.bank_id))
    client.Redis.from_url(broker.url()).flushall()
    # Three days were closed, and no beat has run since.
    assert [run.pk for run in runs(traded)] == [asked.pk]
    worker(start)
    beat(start)

    def all_done() -> bool:
        found = runs(traded)
        return len(found) == 4 and {run.status for run in found} == {RunStatus.DONE.value}

    until(all_done, PATIENCE_S)
    found = runs(traded)
    days_told = [run.first_date for run in found if run.report == "daily-register"]
    assert days_told == [FIRST, SECOND, THIRD]
    for run in found:
        proved(traded, run)
    assert work.left_of(traded.bank_id, asked.pk) == []
