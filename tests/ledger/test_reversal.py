"""Reversals: the opposite of an entry, once, in the open day and for the original's day."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from common import errors, ids, models, users
from ledger import operations, queries
from ledger.models import Entry
from ledger.operations import NewEntry
from tests.ledger.books import AT, DAY, Books, open_books, run_at_once

pytestmark = pytest.mark.usefixtures("proven")

CASH, BORIS, NOSTRO = "client_cash:cli_anna", "client_cash:cli_boris", "segregated_nostro"
NEXT_DAY = DAY + timedelta(days=1)
ROUNDS = 20


def reverse(books: Books, entry_id: UUID) -> NewEntry:
    with books.acting():
        return operations.reverse_entry(entry_id=entry_id, at=AT, reason="a mistake")


def entry_row(books: Books, entry_id: UUID) -> Entry:
    with books.acting():
        return queries.entry_by_id(entry_id)


def lines(entry: Entry) -> list[tuple[UUID, Decimal]]:
    return [
        (posting.account_id, posting.amount)
        for posting in sorted(entry.postings.all(), key=lambda posting: posting.line)
    ]


def test_a_reversal_mirrors_its_original(books: Books) -> None:
    books.deposit("cli_anna", "100.00")
    before = {name: books.balance(name) for name in books.accounts}
    original = dataclasses.replace(
        books.entry("gift", (CASH, "20"), (BORIS, "-20"), ("expense", "5"), ("fees", "-5")),
        ref="ord_1",
        value_date=DAY - timedelta(days=2),
    )
    with books.acting():
        operations.post_entry(book_id=books.book_id, entry=original)
    books.close()

    reversal = entry_row(books, reverse(books, original.id).id)

    assert lines(reversal) == [(account, -amount) for account, amount in original.lines]
    assert (reversal.business_date, reversal.value_date) == (NEXT_DAY, original.value_date)
    assert (reversal.kind, reversal.ref, reversal.reason) == ("reversal", "ord_1", "a mistake")
    assert reversal.reverses_id == original.id
    assert {name: books.balance(name) for name in books.accounts} == before


def test_a_reversal_may_have_a_value_date_of_its_own(books: Books) -> None:
    original = books.deposit("cli_anna", "100.00")
    books.close()

    with books.acting():
        reversal = operations.reverse_entry(
            entry_id=original.id, at=AT, reason="", value_date=NEXT_DAY
        )

    assert entry_row(books, reversal.id).value_date == NEXT_DAY


def test_an_entry_is_reversed_once(books: Books) -> None:
    original = books.deposit("cli_anna", "100.00")
    reverse(books, original.id)

    # Anna has nothing left to take back; still it is not for lack of funds that this is refused.
    refused = books.refusal(
        partial(operations.reverse_entry, entry_id=original.id, at=AT, reason="")
    )

    assert (refused.code, refused.facts) == (
        "ALREADY_REVERSED",
        {"entry": ids.show("ent", original.id)},
    )


def test_an_entry_is_reversed_once_however_many_try_at_once(books: Books) -> None:
    books.deposit("cli_anna", "1000.00")
    told: list[str] = []

    def try_it(entry_id: UUID) -> None:
        try:
            reverse(books, entry_id)
        except errors.Refused as refusal:
            told.append(refusal.code)

    for n in range(1, ROUNDS + 1):
        original = books.deposit("cli_anna", "1.00")
        run_at_once(*[partial(try_it, original.id)] * 4)
        assert told == ["ALREADY_REVERSED"] * 3 * n

    assert books.balance(CASH) == 1000


def test_a_reversal_is_not_reversed(books: Books) -> None:
    original = books.deposit("cli_anna", "100.00")
    reversal = reverse(books, original.id)

    refused = books.refusal(
        partial(operations.reverse_entry, entry_id=reversal.id, at=AT, reason="")
    )

    assert (refused.code, refused.facts) == (
        "REVERSAL_OF_REVERSAL",
        {"entry": ids.show("ent", reversal.id)},
    )


def test_what_is_spent_or_held_is_not_taken_back(books: Books) -> None:
    original = books.deposit("cli_anna", "100.00")
    books.post("payout", (CASH, "30.00"), (NOSTRO, "-30.00"))
    books.hold(CASH, "20.00")

    refused = books.refusal(
        partial(operations.reverse_entry, entry_id=original.id, at=AT, reason="")
    )

    assert refused.code == "INVENTORY_SHORT"  # the first line of the mirror: the nostro has 70
    books.deposit("cli_boris", "30.00")
    refused = books.refusal(
        partial(operations.reverse_entry, entry_id=original.id, at=AT, reason="")
    )
    assert refused.code == "INSUFFICIENT_FUNDS"
    assert Decimal(refused.facts["available"]) == 50


def test_an_entry_that_is_not_there_is_not_reversed(
    books: Books, make_bank: Callable[[], models.Bank]
) -> None:
    other = make_bank()
    theirs = open_books(other.id, users.job("tests", other.id)).deposit("cli_anna", "1.00")

    for entry_id in (uuid4(), theirs.id):
        refused = books.refusal(
            partial(operations.reverse_entry, entry_id=entry_id, at=AT, reason="")
        )
        assert (refused.code, refused.facts) == (
            "ENTRY_UNKNOWN",
            {"entry": ids.show("ent", entry_id)},
        )
