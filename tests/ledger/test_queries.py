"""What the books tell: balances of any day, statements and trial balances, across closed days."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from uuid import uuid4

import pytest

from common import models, users
from ledger import queries
from tests.ledger.books import AT, DAY, Books, open_books

pytestmark = pytest.mark.usefixtures("proven")

CASH, NOSTRO = "client_cash:cli_anna", "segregated_nostro"


def day(number: int) -> date:
    return DAY + timedelta(days=number)


@pytest.fixture
def history(books: Books) -> Books:
    """Three closed days, the second one empty, and an open one with two entries.

                   client cash   segregated nostro   own nostro   fees
    day 0               100             100
    day 2                80              80              20        20      swept at the close
    day 3 (open)         75              80              20        25
    """
    books.deposit("cli_anna", "100.00")
    books.close(day(0))
    books.close(day(1))
    books.post("fee", (CASH, "30"), ("fees", "-30"))
    books.post("refund", ("fees", "10"), (CASH, "-10"))
    books.close(day(2))
    books.post("fee", (CASH, "8"), ("fees", "-8"))
    books.post("refund", ("fees", "3"), (CASH, "-3"))
    return books


BALANCES = """
    client_cash:cli_anna     0   100   100    80    75    75
    segregated_nostro        0   100   100    80    80    80
    own_nostro               0     0     0    20    20    20
    fees                     0     0     0    20    25    25
    capital                  0     0     0     0     0     0
"""


@pytest.mark.parametrize("row", BALANCES.strip().splitlines())
def test_a_balance_is_told_at_the_end_of_any_day(history: Books, row: str) -> None:
    """Of the day before the first, of each day, of the day after the open one; and now."""
    name, *balances = row.split()

    assert [history.balance(name, day(n)) for n in range(-1, 5)] == [int(each) for each in balances]
    assert history.balance(name) == int(balances[-1])


STATEMENTS = """
    client_cash:cli_anna   0 3     0   100 70 80 72 75    75
    client_cash:cli_anna   0 0     0   100                100
    client_cash:cli_anna   1 1   100                      100
    client_cash:cli_anna   1 2   100   70 80              80
    client_cash:cli_anna   3 9    80   72 75              75
    client_cash:cli_anna  -9 -1    0                      0
    fees                   2 2     0   30 20              20
    fees                   3 3    20   28 25              25
    segregated_nostro      1 3   100   80                 80
"""


@pytest.mark.parametrize("row", STATEMENTS.strip().splitlines())
def test_a_statement_goes_from_its_opening_to_its_closing_balance(history: Books, row: str) -> None:
    """A row: the account, the days, the opening balance, the one after each line, the closing."""
    name, *numbers = row.split()
    start, end, opening, *after, closing = map(int, numbers)

    with history.acting():
        account = queries.account_by_id(history.accounts[name])
        statement = queries.statement(account, day(start), day(end))

    assert (statement.start, statement.end) == (day(start), day(end))
    assert statement.opening == opening
    assert [line.balance for line in statement.lines] == after
    assert statement.closing == closing


def test_a_trial_balance_is_told_of_any_day(history: Books) -> None:
    """Its turnovers are the day's; of the open day it tells what is booked so far."""

    def cash(on: date) -> list[tuple[object, ...]]:
        with history.acting():
            rows = queries.trial_balance(history.book_id, on)
        return [(row.debit, row.credit, row.balance) for row in rows if row.line == "client_cash"]

    assert cash(day(-1)) == []
    assert cash(day(0)) == [(0, 100, 100)]
    assert cash(day(1)) == [(0, 0, 100)]
    assert cash(day(2)) == [(30, 10, 80)]
    assert cash(day(3)) == [(8, 3, 75)]


def test_what_is_not_the_banks_is_not_there(
    books: Books, make_bank: Callable[[], models.Bank]
) -> None:
    other = make_bank()
    theirs = open_books(other.id, users.job("tests", other.id))
    entry = theirs.deposit("cli_anna", "1.00")

    for attempt, code in (
        (partial(queries.book_by_id, theirs.book_id), "BOOK_UNKNOWN"),
        (partial(queries.book_by_id, uuid4()), "BOOK_UNKNOWN"),
        (partial(queries.account_by_id, theirs.accounts[CASH]), "ACCOUNT_UNKNOWN"),
        (partial(queries.account_by_id, uuid4()), "ACCOUNT_UNKNOWN"),
        (partial(queries.entry_by_id, entry.id), "ENTRY_UNKNOWN"),
        (partial(queries.entry_by_id, uuid4()), "ENTRY_UNKNOWN"),
        (partial(queries.is_currency, "DOGE"), "ASSET_UNKNOWN"),
    ):
        assert books.refusal(attempt).code == code


def test_the_last_close_is_the_latest(history: Books) -> None:
    with history.acting():
        last = queries.last_close(history.book_id)
    assert last is not None
    assert (last.number, last.business_date, last.at) == (3, day(2), AT)
