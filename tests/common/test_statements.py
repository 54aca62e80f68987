"""Statements written by hand: what a connection keeps of them, and rows written together."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from psycopg.pq import TransactionStatus

from common import ids, models, outbox, statements, tenancy, users
from tests.common.caller import Caller

AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
MANY = "SELECT generate_series(1, 1000)"
ONE = "SELECT %s::numeric"


def kept() -> set[str]:
    return set(statements._cursors(connection))


@pytest.mark.usefixtures("bank")
def test_a_connection_keeps_a_cursor_but_no_long_answer() -> None:
    for _ in "twice":
        assert len(statements.rows(MANY)) == 1000
        assert statements.rows(ONE, [Decimal("1.5")]) == [(Decimal("1.5"),)]
    assert ONE in kept()
    assert MANY not in kept()


@pytest.mark.usefixtures("bank")
def test_a_new_connection_begins_without_cursors() -> None:
    statements.rows(ONE, [1])
    connection.close()
    assert statements.rows(ONE, [2]) == [(2,)]
    assert kept() == {ONE}


@pytest.mark.usefixtures("bank")
def test_after_a_failure_the_statement_is_asked_as_before() -> None:
    for _ in range(8):  # prepared on the way
        assert statements.rows("SELECT 1 / %s::integer", [1]) == [(1,)]
        with pytest.raises(DatabaseError, match="division by zero"), transaction.atomic():
            statements.rows("SELECT 1 / %s::integer", [0])


@pytest.fixture
def write(bank: models.Bank) -> Callable[[UUID, int], None]:
    """Write an event and, by the same statement, users' names; a name must not be too long."""
    Caller(bank)
    change = "UPDATE common_user SET name = repeat('x', %(length)s) WHERE bank_id = %(bank)s"

    def written(event_id: UUID, length: int) -> None:
        with tenancy.acting(bank.id, users.job("tests", bank.id)):
            event = models.OutboxEvent(
                id=event_id, bank_id=bank.id, topic="tests.note", payload={}, at=AT
            )
            statements.insert([event], [], also=[(change, {"length": length, "bank": bank.id})])

    return written


def test_rows_and_changes_are_written_together_or_not_at_all(
    bank: models.Bank, write: Callable[[UUID, int], None]
) -> None:
    write(ids.new(), 5)
    with pytest.raises(DatabaseError, match="too long"):
        write(ids.new(), 10_000)
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        assert models.OutboxEvent.objects.filter(topic="tests.note").count() == 1
        assert models.User.objects.get().name == "xxxxx"


def test_a_change_that_needs_no_parameters_is_made_too(bank: models.Bank) -> None:
    Caller(bank)
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        statements.insert([], also=[("UPDATE common_user SET name = 'Anna'", {})])
        assert models.User.objects.get().name == "Anna"


def test_nothing_is_asked_where_nothing_is_to_be_written(bank: models.Bank) -> None:
    statements.insert([], [])  # outside of `acting`: any row would be refused


# --- The last statement, which commits -----------------------------------------------------------


def noted(bank: models.Bank, last: str, *names: Any) -> list[tuple[Any, ...]]:
    """Write an event and end with a statement; return what it answered."""
    answers = []

    def end() -> None:
        answers.extend(statements.last(last, names))
        assert connection.connection.info.transaction_status is TransactionStatus.IDLE

    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        tenancy.at_the_end(end)
        outbox.emit("tests.note", {}, AT)
        assert not answers
    return answers


def notes(bank: models.Bank) -> int:
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        return models.OutboxEvent.objects.filter(topic="tests.note").count()


def test_the_last_statement_commits(bank: models.Bank) -> None:
    for number in range(8):  # prepared on the way
        answer = noted(bank, "SELECT count(*), %s::integer FROM common_outboxevent", number)
        assert answer == [(number + 1, number)]
    assert notes(bank) == 8


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("SELECT 1 / 0", "division by zero"),
        (
            "INSERT INTO mother_of (child) VALUES (1) RETURNING child",
            "foreign key",
        ),  # at the commit
    ],
)
@pytest.mark.parametrize("pause", [0.0, 0.01])  # in it comes the answer, before the commit goes
def test_what_the_last_statement_raises_undoes_all(
    bank: models.Bank,
    statement: str,
    wrong: str,
    pause: float,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE child (id integer PRIMARY KEY)")
        cursor.execute(
            "CREATE TEMPORARY TABLE mother_of"
            " (child integer REFERENCES child DEFERRABLE INITIALLY DEFERRED)"
        )
    commit = connection.connection.commit

    def paused() -> None:
        time.sleep(pause)
        commit()

    monkeypatch.setattr(connection.connection, "commit", paused)
    try:
        for _ in range(8):
            with pytest.raises(DatabaseError, match=wrong):
                noted(bank, statement)
        assert notes(bank) == 0
        assert noted(bank, "SELECT 1") == [(1,)]
        assert notes(bank) == 1
        assert not caplog.records
    finally:
        connection.close()


def test_nothing_comes_last_in_a_transaction_that_fails(bank: models.Bank) -> None:
    done: list[int] = []

    def fail() -> None:
        with tenancy.acting(bank.id, users.job("tests", bank.id)):
            tenancy.at_the_end(lambda: done.append(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not done


def test_what_is_to_be_rolled_back_is_not_committed(bank: models.Bank) -> None:
    def roll_back() -> None:
        with tenancy.acting(bank.id, users.job("tests", bank.id)):
            outbox.emit("tests.note", {}, AT)
            tenancy.at_the_end(lambda: statements.last("SELECT 1"))
            transaction.set_rollback(True)

    with pytest.raises(AssertionError, match="the transaction that it broke"):
        roll_back()
    assert notes(bank) == 0


def test_inside_of_another_transaction_nothing_is_committed(bank: models.Bank) -> None:
    with transaction.atomic():
        with transaction.atomic():
            assert statements.last("SELECT 1") == [(1,)]
        assert connection.connection.info.transaction_status is TransactionStatus.INTRANS
