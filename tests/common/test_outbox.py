"""Events: with their effect or not at all, numbered without a gap, handled once and in order."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from common import models, outbox, tenancy, users
from tests.common import questions
from tests.ledger import books

AT, WALL = questions.AT, questions.WALL
SECOND = timedelta(seconds=1)

EMITTERS, TRANSACTIONS = 8, 60


@pytest.fixture(autouse=True)
def trouble(monkeypatch: pytest.MonkeyPatch) -> questions.Trouble:
    """What goes wrong in this test: nothing, unless it says so."""
    mine = questions.Trouble()
    monkeypatch.setattr(questions, "trouble", mine)
    return mine


# --- Emitting ------------------------------------------------------------------------------------


def test_event_is_written_in_a_transaction_only(bank: models.Bank) -> None:
    with pytest.raises(AssertionError):
        outbox.emit("test.asked", {}, AT)


def test_event_is_a_banks(jurisdiction: models.Jurisdiction) -> None:
    with (
        pytest.raises(AssertionError),
        tenancy.acting(None, users.supervisor_of(jurisdiction.id)),
    ):
        outbox.emit("test.asked", {}, AT)


@pytest.mark.parametrize("topic", ["asked", "Test.Asked", "test.asked.twice", "test.", ""])
def test_topic_names_an_app_and_what_happened(bank: models.Bank, topic: str) -> None:
    with pytest.raises(AssertionError):
        questions.ask(bank, topic)


@pytest.mark.parametrize("value", [1.5, AT, b"x", {1: "x"}, ("x",), ["x", {"y": 0.1}]])
def test_payload_holds_plain_values_only(bank: models.Bank, staff: users.Actor, value: Any) -> None:
    with pytest.raises(AssertionError), tenancy.acting(bank.id, staff):
        outbox.emit("test.asked", {"value": value}, AT)


def test_event_says_all_it_was_told(bank: models.Bank, staff: users.Actor) -> None:
    payload = {"amount": "1.50", "count": 2**60, "done": True, "of": None, "lines": [{"a": "b"}]}
    with tenancy.acting(bank.id, staff, request_id="req-1"):
        outbox.emit("test.asked", payload, AT)
    outbox.number_events(bank.id)
    [event] = questions.events(bank)
    assert (event.topic, event.payload, event.at) == ("test.asked", payload, AT)
    assert (event.bank_id, event.number, event.request_id) == (bank.id, 1, "req-1")


def test_undone_effect_leaves_no_event(bank: models.Bank, staff: users.Actor) -> None:
    def fail() -> None:
        with tenancy.acting(bank.id, staff):
            outbox.emit("test.asked", {}, AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert outbox.number_events(bank.id) == 0


# --- Numbering -----------------------------------------------------------------------------------


def test_events_of_a_transaction_are_numbered_as_they_happened(bank: models.Bank) -> None:
    questions.ask(bank, count=50)
    outbox.number_events(bank.id)
    assert [e.payload["number"] for e in questions.events(bank)] == list(range(50))
    assert [e.number for e in questions.events(bank)] == list(range(1, 51))


def test_each_bank_counts_from_one(bank: models.Bank, make_bank: Callable[[], Any]) -> None:
    other = make_bank()
    questions.ask(bank, count=3)
    questions.ask(other, count=2)
    assert (outbox.number_events(bank.id), outbox.number_events(other.id)) == (3, 2)
    assert [e.number for e in questions.events(other)] == [1, 2]


def test_numbering_a_long_queue_takes_turns(
    bank: models.Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "NUMBERED_AT_ONCE", 3)
    questions.ask(bank, count=7)
    assert [outbox.number_events(bank.id) for _ in range(4)] == [3, 3, 1, 0]
    assert [e.payload["number"] for e in questions.events(bank)] == list(range(7))


def test_reader_of_numbers_misses_nothing_while_many_write_and_commit_late(
    bank: models.Bank,
) -> None:
    """Eight emitters, two relays, and a reader who always asks for what follows the last seen."""
    seen: list[outbox.Event] = []
    writing = threading.Event()
    writing.set()

    def write(emitter: int) -> None:
        for turn in range(TRANSACTIONS):
            with tenancy.acting(bank.id, users.job("tests", bank.id)):
                outbox.emit("test.written", {"by": emitter, "turn": turn}, AT)
                if turn % 5 == emitter % 5:
                    time.sleep(0.03)  # others who began later commit first

    def write_all() -> None:
        try:
            books.run_at_once(*[lambda n=n: write(n) for n in range(EMITTERS)])
        finally:
            writing.clear()

    def number() -> None:
        while writing.is_set():
            outbox.number_events(bank.id)

    def read() -> None:
        while writing.is_set():
            seen.extend(questions.events(bank, after=seen[-1].number if seen else 0))

    books.run_at_once(write_all, number, number, read)
    outbox.number_events(bank.id)
    seen.extend(questions.events(bank, after=seen[-1].number))

    assert [e.number for e in seen] == list(range(1, EMITTERS * TRANSACTIONS + 1))
    for emitter in range(EMITTERS):
        turns = [e.payload["turn"] for e in seen if e.payload["by"] == emitter]
        assert turns == list(range(TRANSACTIONS))
    by_id = sorted(seen, key=lambda e: e.id)
    assert by_id != seen, "no event came late: this test has shown nothing"


# --- Handling ------------------------------------------------------------------------------------


def test_handler_hears_each_event_once_in_order(bank: models.Bank) -> None:
    questions.ask(bank, count=5)
    questions.ask(bank, "test.overheard")
    questions.ask(bank, count=5)
    questions.deliver_all(bank, questions.ANSWER)
    questions.deliver_all(bank, questions.ANSWER)
    assert questions.answers(bank) == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]


def test_new_handler_hears_what_happened_before_it(
    bank: models.Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    questions.ask(bank, count=3)
    questions.deliver_all(bank, questions.ANSWER)
    monkeypatch.setattr(outbox, "_handlers", dict(outbox._handlers))
    outbox.reacts_to("test.asked")(lambda event: heard.append(event.number))
    questions.deliver_all(bank, f"{__name__}.<lambda>")
    assert heard == [1, 2, 3]


def test_handler_acts_as_the_job_of_its_name(
    bank: models.Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting = []
    monkeypatch.setattr(outbox, "_handlers", dict(outbox._handlers))
    outbox.reacts_to("test.asked")(lambda event: acting.append(tenancy.current()))
    questions.ask(bank)
    questions.deliver_all(bank, f"{__name__}.<lambda>")
    [found] = acting
    assert (found.bank_id, found.actor.label) == (bank.id, f"job:{__name__}.<lambda>")


def test_two_handlers_of_one_name_are_a_bug() -> None:
    with pytest.raises(AssertionError, match="twice"):
        outbox.reacts_to("test.asked")(questions.answer)


def test_what_a_failing_handler_did_is_undone(bank: models.Bank) -> None:
    questions.trouble.numbers = {2}
    questions.ask(bank, count=3)
    questions.deliver_all(bank, questions.ANSWER)
    assert questions.answers(bank) == [1]


def test_failing_handler_says_why_on_its_stream(bank: models.Bank) -> None:
    questions.trouble.numbers = {2}
    questions.ask(bank, count=3)
    questions.deliver_all(bank, questions.ANSWER)
    found = questions.stream(bank, questions.ANSWER)
    assert (found.last_number, found.failures, found.retry_at) == (1, 1, WALL + SECOND)
    assert found.last_error == r"RuntimeError('no more after 2\x00')"


def test_later_events_wait_for_a_failed_one(bank: models.Bank) -> None:
    questions.trouble.numbers = {2}
    questions.ask(bank, count=3)
    questions.deliver_all(bank, questions.ANSWER)
    questions.trouble.numbers = set()
    questions.deliver_all(bank, questions.ANSWER, WALL + SECOND / 2)
    assert questions.answers(bank) == [1]
    questions.deliver_all(bank, questions.ANSWER, WALL + SECOND)
    assert questions.answers(bank) == [1, 2, 3]


def test_success_forgets_the_failures(bank: models.Bank) -> None:
    questions.trouble.numbers = {1}
    questions.ask(bank)
    questions.deliver_all(bank, questions.ANSWER)
    questions.trouble.numbers = set()
    questions.deliver_all(bank, questions.ANSWER, WALL + SECOND)
    found = questions.stream(bank, questions.ANSWER)
    assert (found.failures, found.retry_at, found.last_error) == (0, None, "")


def test_failing_handler_waits_twice_as_long_each_time_up_to_five_minutes(
    bank: models.Bank,
) -> None:
    questions.trouble.numbers = {1}
    questions.ask(bank)
    now, waits = WALL, []
    for _ in range(11):
        questions.deliver_all(bank, questions.ANSWER, now)
        retry_at = questions.stream(bank, questions.ANSWER).retry_at
        assert retry_at is not None
        waits.append((retry_at - now).total_seconds())
        now = retry_at
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_handlers_do_not_wait_for_each_other(bank: models.Bank) -> None:
    questions.trouble.numbers = {1}
    questions.ask(bank, count=3)
    questions.deliver_all(bank, questions.ANSWER)
    questions.deliver_all(bank, questions.LISTEN)
    assert questions.stream(bank, questions.LISTEN).last_number == 3


def test_delivery_by_many_workers_at_once_takes_effect_once(bank: models.Bank) -> None:
    questions.trouble.pause_s = 0.01
    questions.ask(bank, count=20)
    outbox.number_events(bank.id)

    def work() -> None:
        while len(answered) < 20:
            if outbox.deliver_next(bank.id, questions.ANSWER, WALL):
                answered.append(1)

    answered: list[int] = []
    books.run_at_once(*[work] * 4)
    assert questions.answers(bank) == list(range(1, 21))


def test_worker_does_not_wait_for_another_one_at_the_same_stream(bank: models.Bank) -> None:
    questions.trouble.pause_s = 1.0
    questions.ask(bank)
    outbox.number_events(bank.id)
    results: dict[str, bool] = {}

    def late() -> None:
        assert questions.trouble.begun.wait(10)
        results["late"] = outbox.deliver_next(bank.id, questions.ANSWER, WALL)
        results["late came back first"] = "early" not in results

    def early() -> None:
        results["early"] = outbox.deliver_next(bank.id, questions.ANSWER, WALL)

    books.run_at_once(early, late)
    assert results == {"late": False, "late came back first": True, "early": True}


def test_numbering_does_not_wait_for_a_handler_at_work(bank: models.Bank) -> None:
    questions.ask(bank, "test.asked")
    outbox.number_events(bank.id)
    questions.trouble.pause_s = 1.0
    done = []

    def number() -> None:
        assert questions.trouble.begun.wait(10)
        questions.ask(bank, "test.overheard")
        outbox.number_events(bank.id)
        done.append("numbered")

    def handle() -> None:
        outbox.deliver_next(bank.id, questions.ANSWER, WALL)
        done.append("handled")

    books.run_at_once(handle, number)
    assert done == ["numbered", "handled"]


def test_handled_event_stays_handled_when_its_stream_is_set_back(
    bank: models.Bank, staff: users.Actor
) -> None:
    questions.ask(bank)
    questions.deliver_all(bank, questions.ANSWER)
    with tenancy.acting(bank.id, staff):
        models.OutboxStream.objects.filter(handler=questions.ANSWER).update(last_number=0)
    questions.deliver_all(bank, questions.ANSWER)
    assert questions.answers(bank) == [1]
    assert "reaction_once" in questions.stream(bank, questions.ANSWER).last_error


# --- Where there is work -------------------------------------------------------------------------


def waits(bank: models.Bank, wall_at: datetime = WALL) -> bool:
    """Whether the relay would look after the bank."""
    return bank.id in outbox._waiting_bank_ids(wall_at)


def test_relay_sees_a_bank_with_unnumbered_events(bank: models.Bank) -> None:
    assert not waits(bank)
    questions.ask(bank, "test.overheard")
    assert waits(bank)


def test_relay_sees_a_bank_until_its_handlers_are_done(bank: models.Bank) -> None:
    questions.ask(bank)
    for handler in (questions.ANSWER, questions.LISTEN):
        assert waits(bank)
        questions.deliver_all(bank, handler)
    questions.deliver_all(bank, questions.LISTEN)
    assert not waits(bank)


def test_relay_passes_over_a_failed_stream_until_its_next_try(bank: models.Bank) -> None:
    questions.trouble.numbers = {1}
    questions.ask(bank)
    questions.deliver_all(bank, questions.LISTEN)
    questions.deliver_all(bank, questions.ANSWER)
    assert not waits(bank)
    assert waits(bank, WALL + SECOND)


def test_stream_follows_past_events_that_its_handler_does_not_hear(bank: models.Bank) -> None:
    questions.ask(bank, "test.overheard", count=3)
    outbox.number_events(bank.id)
    assert questions.stream(bank, questions.ANSWER).last_number == 3
    assert not waits(bank)


def test_stream_that_is_behind_is_not_carried_past_what_it_has_to_hear(bank: models.Bank) -> None:
    questions.ask(bank, "test.asked")
    outbox.number_events(bank.id)
    questions.ask(bank, "test.overheard")
    outbox.number_events(bank.id)
    assert questions.stream(bank, questions.ANSWER).last_number == 0


def test_application_learns_of_other_banks_no_more_than_their_ids(bank: models.Bank) -> None:
    questions.ask(bank)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM perimeter_outbox_bank_ids('{}', now())")
        assert [column.name for column in cursor.description] == ["perimeter_outbox_bank_ids"]
        for table in ("common_outboxevent", "common_outboxstream"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,)
