"""Money races by real threads and real commits, and the proof that they would show an overspend."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from common import models
from ledger import operations
from ledger.models import Balance, Hold
from tests.common.neighbours import select
from tests.faults.forgery import TABLES, verify
from tests.faults.racing import Outcome, race, scratch
from tests.ledger.books import AT, Books

ANNA, BORIS = "client_cash:cli_anna", "client_cash:cli_boris"
SPENDERS = 8
LOSERS = SPENDERS - 1

rounds_of = pytest.mark.parametrize(
    "rounds",
    [100, pytest.param(10_000, marks=[pytest.mark.night, pytest.mark.timeout(7200)])],
)


def bring(books: Books, number: int = 0) -> None:
    """Anna brings her last rouble."""
    entry = books.entry("deposit", ("segregated_nostro", "1"), (ANNA, "-1"))
    operations.post_entry(book_id=books.book_id, entry=entry)


def spend(books: Books, number: int) -> None:
    """Spend it; every other spender by the array form."""
    entry = books.entry("withdrawal", (ANNA, "1"), ("payouts_in_flight", "-1"))
    if number % 2:
        operations.post_entry(book_id=books.book_id, entry=entry)
    else:
        operations.post_entries(book_id=books.book_id, entries=[entry])


def hold(books: Books, number: int) -> None:
    """Reserve it."""
    operations.place_hold(account_id=books.accounts[ANNA], amount=Decimal(1), at=AT)


# --- The real books ------------------------------------------------------------------------------


@rounds_of
def test_the_last_rouble_is_spent_once(bank: models.Bank, books: Books, rounds: int) -> None:
    def attempt(number: int) -> None:
        with books.acting():
            spend(books, number)

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["INSUFFICIENT_FUNDS"] * LOSERS + ["OK"]
        assert books.balance(ANNA) == 0
        with books.acting():
            bring(books)
        return False

    with books.acting():
        bring(books)
    assert race(rounds, SPENDERS, attempt, judge) == rounds
    assert books.balance("payouts_in_flight") == rounds
    assert verify(bank.code) == ""


@rounds_of
def test_the_last_rouble_is_reserved_or_spent_once(
    bank: models.Bank, books: Books, rounds: int
) -> None:
    def attempt(number: int) -> None:
        with books.acting():
            (hold if number % 2 else spend)(books, number)

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["INSUFFICIENT_FUNDS"] * LOSERS + ["OK"]
        with books.acting():
            row = Balance.objects.get(account_id=books.accounts[ANNA])
            assert row.balance == row.held == (1 if outcomes.index("OK") % 2 else 0)
            held = Hold.objects.filter(status="PENDING").values_list("id", flat=True)
            operations.void_holds(holds=list(held), at=AT)
            if not row.balance:
                bring(books)
        return False

    with books.acting():
        bring(books)
    assert race(rounds, SPENDERS, attempt, judge) == rounds
    assert verify(bank.code) == ""


@rounds_of
def test_the_last_coin_of_the_house_is_sold_once(
    bank: models.Bank, books: Books, rounds: int
) -> None:
    def attempt(number: int) -> None:
        books.post("venue_sale", ("position", "1"), ("own_custody", "-1"))

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["INVENTORY_SHORT"] * LOSERS + ["OK"]
        assert books.balance("position") == 0
        books.post("purchase", ("own_custody", "1"), ("position", "-1"))
        return False

    books.post("purchase", ("own_custody", "1"), ("position", "-1"))
    assert race(rounds, SPENDERS, attempt, judge) == rounds
    assert verify(bank.code) == ""


@rounds_of
def test_transfers_in_opposite_order_do_not_deadlock(
    bank: models.Bank, books: Books, rounds: int
) -> None:
    def attempt(number: int) -> None:
        payer, payee = (ANNA, BORIS) if number % 2 else (BORIS, ANNA)
        books.post("transfer", (payer, "1"), (payee, "-1"))

    def judge(outcomes: list[Outcome]) -> bool:
        assert outcomes == ["OK"] * SPENDERS
        assert books.balance(ANNA) == books.balance(BORIS) == SPENDERS
        return False

    for client in (ANNA, BORIS):
        books.post("deposit", ("segregated_nostro", str(SPENDERS)), (client, f"-{SPENDERS}"))
    assert race(rounds, SPENDERS, attempt, judge) == rounds
    assert verify(bank.code) == ""


# --- The meter: copies of the books without the lock, without the check, without both ------------


@pytest.mark.parametrize("attempt", [spend, hold])
@pytest.mark.parametrize(("lock", "check"), [(False, False), (False, True), (True, False)])
def test_money_holds_by_the_lock_or_the_check_alone_and_not_without_both(
    bank: models.Bank,
    books: Books,
    attempt: Callable[[Books, int], None],
    lock: bool,
    check: bool,
) -> None:
    with scratch(TABLES, bank.id, lock=lock, check=check) as schema:

        def in_scratch(act: Callable[[Books, int], None], number: int = 0) -> None:
            with books.acting():
                select("SELECT set_config('search_path', %s, true)", f"{schema}, public")
                act(books, number)

        def judge(outcomes: list[Outcome]) -> bool:
            # The lock is also what orders the writers: without it PostgreSQL may end one of them.
            ended = {text for text in outcomes if not lock and "deadlock detected" in text}
            assert set(outcomes) - ended <= {"OK", "INSUFFICIENT_FUNDS"}
            if outcomes.count("OK") == 1:
                in_scratch(bring)
            return outcomes.count("OK") > 1

        in_scratch(bring)
        rounds = race(100, SPENDERS, partial(in_scratch, attempt), judge)
    overspent = rounds < 100
    assert overspent == (not lock and not check)
