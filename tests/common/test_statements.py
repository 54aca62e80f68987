"""Statements written by hand: what a connection keeps of them, and rows written together."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from common import ids, models, statements, tenancy, users
from tests.common.caller import Caller

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
                id=event_id, bank_id=bank.id, topic="note", payload={}, at="2022-02-24T09:00:00Z"
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
        assert models.OutboxEvent.objects.filter(topic="note").count() == 1
        assert models.User.objects.get().name == "xxxxx"


def test_nothing_is_asked_where_nothing_is_to_be_written(bank: models.Bank) -> None:
    statements.insert([], [])  # outside of `acting`: any row would be refused
