"""Runs, parts and files: made once, whoever makes them and however often."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import DatabaseError, connections

from common import errors, ids, models, tenancy
from reporting import catalogue, operations, queries, work
from reporting.models import FileChunk, ReportFile, ReportPart, ReportRun
from reporting.states import PartStatus
from tests.common.neighbours import as_app, as_owner, select
from tests.reporting.days import FIRST, SECOND, THIRD, WALL, Days
from tests.reporting.odd import TEXTS, OddTexts

SECOND_S = timedelta(seconds=1)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pytest.fixture
def closed(days: Days) -> Days:
    days.close(FIRST)
    return days


def statuses(days: Days, run: ReportRun) -> list[tuple[str, str]]:
    """A run's way, as its changes of status keep it."""
    with days.desk.acting():
        rows = models.StatusChange.objects.filter(subject_id=run.pk).order_by("id")
        return list(rows.values_list("status_from", "status_to"))


def count(days: Days, model: type[Any], **filters: Any) -> int:
    with days.desk.acting():
        found: int = model.objects.filter(**filters).count()
        return found


# --- What people wrote ---------------------------------------------------------------------------


def test_no_text_becomes_a_formula_or_a_second_line_in_csv(closed: Days) -> None:
    held = closed.bytes_of(closed.make("odd-texts", FIRST), "csv").decode()
    rows = list(csv.reader(io.StringIO(held, newline="")))
    assert rows[0] == ["number", "said", "nothing"]
    flat = [text.replace("\n", " ").replace("\r", " ") for text in TEXTS]
    guarded = [
        "'" + shown if text.startswith(FORMULA) else shown
        for text, shown in zip(TEXTS, flat, strict=True)
    ]
    assert [row[1] for row in rows[1:]] == guarded
    assert held.count("\n") == held.count("\r\n") == len(TEXTS) + 1
    assert not [row for row in rows[1:] if row[1].startswith(FORMULA)]


def test_every_text_comes_out_of_xml_as_it_went_in(closed: Days) -> None:
    held = closed.bytes_of(closed.make("odd-texts", FIRST), "xml")
    found = [each for each in ElementTree.fromstring(held).iter() if "said" in each.attrib]  # noqa: S314
    assert [each.attrib["said"] for each in found] == [t.replace("\x07", "\ufffd") for t in TEXTS]
    assert all("nothing" not in each.attrib for each in found)


# --- A run ---------------------------------------------------------------------------------------


def test_a_run_is_planned_made_and_done(closed: Days) -> None:
    run = closed.request("odd-texts", FIRST)
    with closed.desk.acting():
        before = queries.progress([run])[run.pk]
    assert (before.parts, before.parts_done, before.percent) == (22, 0, 0)
    closed.make("odd-texts", FIRST)
    with closed.desk.acting():
        after = queries.progress([run])[run.pk]
    assert (after.parts_done, after.rows, after.percent) == (22, len(TEXTS), 100)
    assert statuses(closed, run) == [("", "QUEUED"), ("QUEUED", "RUNNING"), ("RUNNING", "DONE")]
    assert len(closed.run(run.pk).closes[0]["head"]) == 64


def test_asked_for_again_a_run_is_the_one_there_is(closed: Days) -> None:
    first = closed.make("odd-texts", FIRST)
    again = closed.request("odd-texts", FIRST)
    assert first.pk == again.pk
    assert count(closed, ReportRun) == 1


def test_asked_for_at_once_by_many_there_is_one_run(closed: Days) -> None:
    found: list[Any] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        found.append(closed.request("daily-register", FIRST).pk)
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert count(closed, ReportFile) == 2


def test_made_by_many_at_once_each_part_is_made_once(closed: Days) -> None:
    run = closed.request("odd-texts", FIRST)
    trouble: list[BaseException] = []
    barrier = threading.Barrier(3)

    def make() -> None:
        barrier.wait()
        try:
            while closed.run(run.pk).status != "DONE":
                for _ in work.make_all(closed.bank_id, run.pk, lambda: WALL):
                    """Each step commits."""
        except BaseException as error:  # noqa: BLE001  (shown below)
            trouble.append(error)
        connections.close_all()

    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert trouble == []
    with closed.desk.acting():
        chunks = Counter(FileChunk.objects.values_list("file", "part"))
    assert set(chunks.values()) == {1}
    closed.bytes_of(run, "csv")
    assert statuses(closed, run) == [("", "QUEUED"), ("QUEUED", "RUNNING"), ("RUNNING", "DONE")]


def test_a_part_run_twice_is_made_once(closed: Days) -> None:
    run = closed.request("odd-texts", FIRST)
    part = next(each for each in work.left_of(closed.bank_id, run.pk))
    work.make(part, WALL)
    chunks = count(closed, FileChunk)
    work.make(part, WALL)
    assert count(closed, FileChunk) == chunks == 1


def test_a_day_without_entries_makes_a_report_without_rows(days: Days) -> None:
    for day in (FIRST, SECOND):
        days.close(day)
    run = days.make("daily-register", SECOND)
    assert run.status == "DONE"
    assert days.bytes_of(run, "csv").count(b"\r\n") == 1
    assert b'<totals rows="0">\n</totals>' in days.bytes_of(run, "xml")
    assert statuses(days, run) == [("", "QUEUED"), ("QUEUED", "DONE")]


def test_what_fails_says_why_and_is_made_when_it_can_be(
    closed: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = closed.request("odd-texts", FIRST)
    monkeypatch.setattr(OddTexts, "broken", "the day's rows are not there")
    with pytest.raises(RuntimeError):
        work.make(work.left_of(closed.bank_id, run.pk)[0], WALL)
    with closed.desk.acting():
        assert queries.troubles(run) == repr(RuntimeError("the day's rows are not there"))
    assert count(closed, FileChunk) == 0
    monkeypatch.setattr(OddTexts, "broken", "")
    assert closed.make("odd-texts", FIRST).status == "DONE"
    with closed.desk.acting():
        assert queries.troubles(run) == ""


# --- Due and absent ------------------------------------------------------------------------------


def test_the_scan_plans_every_day_that_was_closed_meanwhile_and_none_twice(days: Days) -> None:
    for day in (FIRST, SECOND, THIRD):
        days.close(day)
    assert work.request_due(days.bank_id, WALL) == 3
    assert work.request_due(days.bank_id, WALL) == 0
    with days.desk.acting():
        found = ReportRun.objects.order_by("first_date").values_list("report", "first_date")
        assert list(found) == [("daily-register", day) for day in (FIRST, SECOND, THIRD)]


def test_a_later_run_made_by_hand_hides_no_earlier_one_that_is_due(days: Days) -> None:
    for day in (FIRST, SECOND):
        days.close(day)
    days.request("daily-register", SECOND)
    assert work.request_due(days.bank_id, WALL) == 1
    assert count(days, ReportRun, first_date=FIRST) == 1


def test_a_new_version_does_not_report_the_past_anew(
    closed: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.request_due(closed.bank_id, WALL)
    register = catalogue.latest("daily-register")
    newer: Any = type("Newer", (type(register),), {"version": 2})()
    known = {**catalogue._reports, ("daily-register", 2): newer}
    monkeypatch.setattr(catalogue, "_reports", known)
    assert work.request_due(closed.bank_id, WALL) == 0
    assert closed.make("daily-register", FIRST).version == 2
    assert count(closed, ReportRun) == 2


def test_what_waits_is_queued_again_ever_less_often_and_not_while_it_is_made(closed: Days) -> None:
    run = closed.request("daily-register", FIRST)
    with closed.desk.acting():
        waiting = ReportFile.objects.filter(run=run, parts_left=0).count()
        waiting += ReportPart.objects.filter(status=PartStatus.WAITING).count()
    when = [
        second
        for second in range(0, 160, 5)
        if len(work.claim_waiting(closed.bank_id, WALL + second * SECOND_S)) == waiting
    ]
    assert when == [0, 10, 30, 70, 150]
    later = WALL + timedelta(hours=1)
    with tenancy.acting(closed.bank_id, closed.actor):
        list(ReportPart.objects.select_for_update())
        list(ReportFile.objects.select_for_update())
        claimed: list[int] = []

        def claim() -> None:
            claimed.append(len(work.claim_waiting(closed.bank_id, later)))
            connections.close_all()

        thread = threading.Thread(target=claim)
        thread.start()
        thread.join(20)
    assert claimed == [0]


# --- What stays ----------------------------------------------------------------------------------


@pytest.mark.parametrize("using", ["app", "owner"])
def test_what_was_written_is_not_changed(closed: Days, using: str) -> None:
    closed.make("odd-texts", FIRST)

    def write(sql: str) -> None:
        with as_owner(closed.bank_id) if using == "owner" else as_app(closed.bank_id) as alias:
            select(sql, using=alias)

    for sql in (
        "UPDATE reporting_filechunk SET content = ''",
        "DELETE FROM reporting_filechunk",
        "UPDATE reporting_reportfile SET sha256 = repeat('0', 64)",
    ):
        with pytest.raises(DatabaseError, match=r"permission denied|append-only|whole file"):
            write(sql)


def test_a_period_that_is_not_closed_leaves_nothing_behind(days: Days) -> None:
    with pytest.raises(errors.Refused, match="PERIOD_NOT_CLOSED"):
        days.request("daily-register", FIRST)
    assert (count(days, ReportRun), count(days, ReportPart)) == (0, 0)


@pytest.mark.parametrize("day", [FIRST, SECOND])  # on each a fill of the first day is busted
def test_parts_are_as_large_as_the_house_says(
    day: date, traded: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = traded.make("daily-register", day)
    with traded.desk.acting():
        cut = queries.cut_of(whole)
        slices = queries.report_of(whole).slices(cut, 2)
    assert len(slices) > 1
    monkeypatch.setattr(operations, "PART_ROWS", 2)
    register = catalogue.latest("daily-register")
    newer: Any = type("Newer", (type(register),), {"version": 2})()
    monkeypatch.setattr(catalogue, "_reports", {**catalogue._reports, ("daily-register", 2): newer})
    parted = traded.make("daily-register", day)
    with traded.desk.acting():
        assert set(ReportFile.objects.filter(run=parted).values_list("parts", flat=True)) == {
            len(slices)
        }
    held = traded.bytes_of(parted, "csv")
    assert held == traded.bytes_of(whole, "csv")
    own = traded.bytes_of(parted, "xml")
    for second, first in ((b'register:2"', b'register:1"'), (b'version="2"', b'version="1"')):
        assert own.count(second) == 1
        own = own.replace(second, first)
    assert own == traded.bytes_of(whole, "xml")

    def part(entry: str) -> int:  # 0 before the day
        return sum(low <= str(ids.parse("ent", entry)) for low, _ in slices)

    (bust,) = [row for row in csv.DictReader(io.StringIO(held.decode())) if row["kind"] == "BUST"]
    assert part(bust["entry_id"]) > part(bust["reverses_entry_id"]) >= (day == FIRST)
