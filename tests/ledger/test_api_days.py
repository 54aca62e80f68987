"""The books over REST, day by day: statements, trial balances and closes."""

import itertools
import json
from typing import Any

import pytest
from django.utils import timezone

from common import ids, users
from ledger import queries
from ledger.models import DayClose
from tests.common.caller import problem
from tests.ledger.books import AT, Books, open_books
from tests.ledger.reader import Reader, account_id, book_id, pages, trade_a_little

_numbers = itertools.count(1)


@pytest.fixture
def clerk(books: Books) -> Reader:
    return Reader(users.Role.OPERATIONS, users.job("office", books.bank_id))


@pytest.fixture
def trade(books: Books) -> Books:
    trade_a_little(books)
    return books


# --- Statements -----------------------------------------------------------------------------------


def test_a_statement_runs_from_opening_to_closing(trade: Books, clerk: Reader) -> None:
    clerk.close(trade, "2022-02-24")
    trade.post("deposit", ("segregated_nostro", "50"), ("client_cash:cli_anna", "-50"))
    path = f"accounts/{account_id(trade, 'client_cash:cli_anna')}/statement"
    shown = clerk.get(f"{path}?from=2022-02-24&to=2022-02-25")
    assert (shown["opening"], shown["closing"]) == ("0.00", "69900.00")
    assert [(each["kind"], each["amount"], each["balance"]) for each in shown["data"]] == [
        ("deposit", "-100000.00", "100000.00"),
        ("trade", "30150.00", "69850.00"),
        ("deposit", "-50.00", "69900.00"),
    ]
    shown = clerk.get(f"{path}?from=2022-02-25&to=2022-02-25")
    assert (shown["opening"], len(shown["data"])) == ("69850.00", 1)
    shown = clerk.get(f"{path}?from=2021-01-01&to=2022-02-23")
    assert (shown["opening"], shown["closing"], shown["data"]) == ("0.00", "0.00", [])


@pytest.mark.parametrize("name", ["client_cash:cli_anna", "fees"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_statement_is_the_same_page_by_page(
    trade: Books, clerk: Reader, name: str, limit: int
) -> None:
    for amount in ("1", "2"):
        trade.post("fee", ("client_cash:cli_anna", amount), ("fees", f"-{amount}"))
    clerk.close(trade, "2022-02-24")
    for amount in ("3", "4"):
        trade.post("fee", ("client_cash:cli_anna", amount), ("fees", f"-{amount}"))
    path = f"accounts/{account_id(trade, name)}/statement?from=2022-02-24&to=2022-02-25"
    whole = clerk.get(path)
    assert not whole["has_more"]
    assert list(pages(clerk, f"{path}&limit={limit}")) == whole["data"]
    first = clerk.get(f"{path}&limit={limit}")
    assert (first["opening"], first["closing"]) == (whole["opening"], whole["closing"])
    assert whole["closing"] == whole["data"][-1]["balance"]


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("from=2022-02-24", "PARAMETER_REQUIRED", "to"),
        ("from=2022-02-25&to=2022-02-24", "PARAMETER_INVALID", "from"),
        ("from=2022-2-24&to=2022-02-24", "PARAMETER_INVALID", "from"),
        ("from=2022-02-30&to=2022-03-01", "PARAMETER_INVALID", "from"),
        ("from=20220224&to=2022-02-24", "PARAMETER_INVALID", "from"),
        ("from=2022-02-24&to=2022-02-24&limit=201", "PARAMETER_INVALID", "limit"),
        ("from=2022-02-24&to=2022-02-24&cursor=7", "PARAMETER_INVALID", "cursor"),
    ],
)
def test_a_span_that_cannot_be_is_refused(
    trade: Books, clerk: Reader, query: str, code: str, parameter: str
) -> None:
    told = clerk.get(f"accounts/{account_id(trade, 'fees')}/statement?{query}", 400)
    assert (told["code"], told["errors"][0]["parameter"]) == (code, parameter)


def test_another_statements_cursor_is_refused(trade: Books, clerk: Reader) -> None:
    entry = trade.post("fee", ("client_cash:cli_anna", "1"), ("fees", "-1"))
    cursor = ids.show("cur", entry.id)
    path = f"accounts/{account_id(trade, 'client_cash:cli_boris')}/statement"
    told = clerk.get(f"{path}?from=2022-02-24&to=2022-02-24&cursor={cursor}", 400)
    assert told["errors"][0]["parameter"] == "cursor"
    path = f"accounts/{account_id(trade, 'fees')}/statement"
    told = clerk.get(f"{path}?from=2022-02-25&to=2022-02-26&cursor={cursor}", 400)
    assert told["errors"][0]["parameter"] == "cursor"


# --- Trial balance and closes ---------------------------------------------------------------------


def test_a_trial_balance_is_of_the_open_day_or_of_one_before(trade: Books, clerk: Reader) -> None:
    path = f"books/{book_id(trade)}/trial-balance"
    today = clerk.get(path)
    assert (today["date"], today["closed"]) == ("2022-02-24", False)
    [fees] = [line for line in today["lines"] if line["line"] == "fees"]
    assert fees == {
        "line": "fees",
        "title": "Fee income",
        "section": "own",
        "asset": "RUB",
        "debit": "0.00",
        "credit": "150.00",
        "balance": "150.00",
    }
    clerk.close(trade, "2022-02-24")
    trade.post("fee", ("client_cash:cli_anna", "1"), ("fees", "-1"))
    then = clerk.get(f"{path}?date=2022-02-24")
    assert then["closed"]
    assert fees in then["lines"]
    assert clerk.get(f"{path}?date=2022-02-26", 400)["errors"][0]["parameter"] == "date"


def test_a_close_answers_with_the_sealed_day_at_the_jurisdictions_time(house: None) -> None:
    code = f"days{next(_numbers)}"
    state = users.register_jurisdiction(code=code, name=code, at=AT, wall_at=timezone.now())
    bank = users.register_bank(actor=users.supervisor_of(state.id), code=code, name=code)
    books = open_books(bank.id, users.job("tests", bank.id))
    clerk = Reader(users.Role.OPERATIONS, users.job("office", bank.id))
    response = clerk.close(books, "2022-02-24")
    shown = json.loads(response.content)
    assert response.status_code == 201
    assert shown["at"].startswith("2022-02-24T09:0")
    assert (shown["number"], shown["first_number"], shown["last_number"]) == (1, 1, 0)
    assert shown["actor"] == clerk.label
    with books.acting():
        close = queries.last_close(books.book_id)
        assert close is not None
        assert shown["head"] == bytes(close.head).hex()
    assert clerk.get(f"books/{book_id(books)}/closes")["data"] == [shown]
    assert clerk.get(f"books/{book_id(books)}")["open_date"] == "2022-02-25"


def test_a_day_that_is_not_open_is_refused_and_the_refusal_kept(
    trade: Books, clerk: Reader
) -> None:
    first = clerk.close(trade, "2022-02-25", key="a")
    told = problem(first)
    assert (told["status"], told["code"]) == (422, "DAY_NOT_OPEN")
    assert clerk.close(trade, "2022-02-24", key="b").status_code == 201
    again = clerk.close(trade, "2022-02-25", key="a")
    assert (again.status_code, again.content) == (422, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert clerk.close(trade, "2022-02-25", key="c").status_code == 201


def test_a_repeated_close_closes_once(trade: Books, clerk: Reader) -> None:
    answers = {clerk.close(trade, "2022-02-24", key="a").content for _ in range(3)}
    assert len(answers) == 1
    with trade.acting():
        assert DayClose.objects.count() == 1


def test_a_close_that_own_funds_cannot_cover_leaves_the_day_open(
    books: Books, clerk: Reader
) -> None:
    books.post("trade", ("currency_position", "5"), ("client_cash:cli_anna", "-5"))
    assert problem(clerk.close(books, "2022-02-24"))["code"] == "INVENTORY_SHORT"
    assert clerk.get(f"books/{book_id(books)}")["open_date"] == "2022-02-24"


@pytest.mark.parametrize(
    "body", [{}, {"business_date": 20220224}, {"business_date": "2022-W08-4"}, {"day": "x"}]
)
def test_a_malformed_close_leaves_the_key_free(trade: Books, clerk: Reader, body: Any) -> None:
    path = f"books/{book_id(trade)}/closes"
    assert problem(clerk.send("POST", path, body, Idempotency_Key="a"))["status"] == 400
    assert clerk.close(trade, "2022-02-24", key="a").status_code == 201


def test_a_close_without_a_key_is_refused(trade: Books, clerk: Reader) -> None:
    path = f"books/{book_id(trade)}/closes"
    told = problem(clerk.send("POST", path, {"business_date": "2022-02-24"}))
    assert told["code"] == "IDEMPOTENCY_KEY_REQUIRED"
