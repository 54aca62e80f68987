"""The books over REST: what is shown, and to whom."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator

from common import errors, ids, models, users
from ledger import operations, queries
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


# --- Reading --------------------------------------------------------------------------------------


def test_a_book_is_shown_as_it_stands(trade: Books, clerk: Reader) -> None:
    [book] = clerk.get("books")["data"]
    assert book == clerk.get(f"books/{book_id(trade)}")
    assert book == {
        "id": book_id(trade),
        "bank_id": ids.show("bnk", trade.bank_id),
        "code": "main",
        "open_date": "2022-02-24",
        "opened_at": "2022-02-24T09:00:00Z",
    }


def test_an_account_tells_balance_held_and_available_at_its_scale(
    trade: Books, clerk: Reader
) -> None:
    with trade.acting():
        operations.place_hold(
            account_id=trade.accounts["client_crypto:cli_anna"],
            amount=queries.balance(queries.account_by_id(trade.accounts["client_crypto:cli_anna"])),
            at=AT,
        )
    shown = clerk.get(f"accounts/{account_id(trade, 'client_crypto:cli_anna')}")
    assert (shown["balance"], shown["held"], shown["available"], shown["asset"]) == (
        "0.01000000",
        "0.01000000",
        "0.00000000",
        "BTC",
    )
    assert (shown["line"], shown["owner"], shown["side"]) == ("client_crypto", "cli_anna", "credit")


def test_an_account_without_a_running_balance_reserves_nothing(trade: Books, clerk: Reader) -> None:
    shown = clerk.get(f"accounts/{account_id(trade, 'currency_position')}")
    assert (shown["balance"], shown["held"], shown["available"]) == ("-2870000.00", None, None)


def test_an_open_accounts_balance_goes_on_from_the_last_close(trade: Books, clerk: Reader) -> None:
    assert clerk.close(trade, "2022-02-24").status_code == 201
    trade.post("fee", ("client_cash:cli_anna", "7"), ("fees", "-7"))
    listed = {each["line"]: each for each in clerk.get("accounts?limit=200")["data"]}
    assert listed["fees"]["balance"] == "157.00"
    assert listed["other_income"]["balance"] == "0.00"


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("line=client_cash", ["client_cash", "client_cash"]),
        ("owner=cli_anna", ["client_cash", "client_crypto"]),
        ("owner=cli_anna&asset=BTC", ["client_crypto"]),
        ("asset=ETH", []),
    ],
)
def test_accounts_are_filtered(trade: Books, clerk: Reader, query: str, lines: list[str]) -> None:
    found = clerk.get(f"accounts?{query}&book={book_id(trade)}")["data"]
    assert sorted(each["line"] for each in found) == lines


@pytest.mark.parametrize("query", ["line=cash", "book=acc_1", "asset=" + "A" * 13, "shard=0"])
def test_a_filter_that_cannot_be_is_refused(clerk: Reader, query: str) -> None:
    told = clerk.get(f"accounts?{query}", 400)
    assert told["code"] in {"PARAMETER_INVALID", "PARAMETER_UNKNOWN"}
    assert told["errors"][0]["parameter"] == query.partition("=")[0]


def test_pages_of_accounts_hold_each_account_once(trade: Books, clerk: Reader) -> None:
    listed = list(pages(clerk, "accounts?limit=5"))
    assert sorted(each["id"] for each in listed) == sorted(
        account_id(trade, name) for name in trade.accounts
    )


def test_an_entry_says_who_when_why_and_its_postings(trade: Books, clerk: Reader) -> None:
    entry = trade.post("fee", ("client_cash:cli_anna", "0.5"), ("fees", "-0.5"))
    shown = clerk.get(f"entries/{ids.show('ent', entry.id)}")
    assert (shown["kind"], shown["actor"], shown["at"]) == (
        "fee",
        "job:tests",
        "2022-02-24T09:00:00Z",
    )
    assert (shown["reverses_id"], shown["reversed_by_id"]) == (None, None)
    assert [
        (each["number"], each["line"], each["amount"], each["balance_after"])
        for each in shown["postings"]
    ] == [(1, "client_cash", "0.50", "69849.50"), (2, "fees", "-0.50", None)]


def test_a_reversal_and_its_original_name_each_other(trade: Books, clerk: Reader) -> None:
    entry = trade.post("fee", ("client_cash:cli_anna", "1"), ("fees", "-1"))
    with trade.acting():
        mirror = operations.reverse_entry(entry_id=entry.id, at=AT, reason="charged twice")
    original, reversal = ids.show("ent", entry.id), ids.show("ent", mirror.id)
    assert clerk.get(f"entries/{original}")["reversed_by_id"] == reversal
    assert clerk.get(f"entries/{reversal}")["reverses_id"] == original
    assert clerk.get(f"entries/{reversal}")["reason"] == "charged twice"


def test_entries_are_filtered_by_day_kind_ref_and_account(trade: Books, clerk: Reader) -> None:
    lines = (("client_cash:cli_anna", "10"), ("payouts_in_flight", "-10"))
    payout = dataclasses.replace(trade.entry("payout", *lines), ref="pay_7")
    with trade.acting():
        operations.post_entry(book_id=trade.book_id, entry=payout)
    assert _kinds(clerk, "ref=pay_7") == ["payout"]
    assert _kinds(clerk, "kind=deposit") == ["deposit", "deposit"]
    assert _kinds(clerk, f"account={account_id(trade, 'client_cash:cli_anna')}") == [
        "payout",
        "trade",
        "deposit",
    ]
    clerk.close(trade, "2022-02-24")
    assert _kinds(clerk, "business_date=2022-02-25") == []
    assert _kinds(clerk, "business_date=2022-02-24&kind=sweep") == ["sweep", "sweep"]
    assert _kinds(clerk, "kind=deposit&business_date=2022-02-24&ref=pay_7") == []


def _kinds(reader: Reader, query: str) -> list[str]:
    return [each["kind"] for each in reader.get(f"entries?{query}")["data"]]


# --- Who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(set(users.Role) - users.STATE - {users.Role.JOB}))
def test_what_a_role_of_the_bank_may_do(trade: Books, role: users.Role) -> None:
    reader = Reader(role, users.job("office", trade.bank_id))
    reads = role is not users.Role.CLIENT
    closes = role is users.Role.OPERATIONS
    for path in _paths(trade):
        assert reader.send("GET", path).status_code == (200 if reads else 403), path
    assert reader.close(trade, "2022-02-24").status_code == (201 if closes else 403)


def test_another_banks_rows_are_not_there(
    trade: Books, make_bank: Callable[[], models.Bank]
) -> None:
    other = make_bank()
    stranger = Reader(users.Role.OPERATIONS, users.job("office", other.id))
    for path in _paths(trade):
        if "/" in path:
            told = problem(stranger.send("GET", path))
            assert (told["status"], told["code"]) == (404, "NOT_FOUND"), path
        else:
            assert stranger.get(path)["data"] == []
    assert stranger.get(f"entries?account={account_id(trade, 'fees')}")["data"] == []
    assert stranger.get(f"accounts?book={book_id(trade)}")["data"] == []
    assert problem(stranger.close(trade, "2022-02-24"))["status"] == 404


def test_a_supervisor_reads_every_bank_of_the_jurisdiction_and_closes_none(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state, abroad = make_state(), make_state()
    own = [_bank(state), _bank(state)]
    foreign = _bank(abroad)
    officer = Reader(users.Role.SUPERVISOR, users.supervisor_of(state.id))
    assert {book["bank_id"] for book in officer.get("books")["data"]} == {
        ids.show("bnk", books.bank_id) for books in own
    }
    for path in _paths(own[1]):
        assert officer.send("GET", path).status_code == 200, path
    for path in _paths(foreign):
        assert officer.send("GET", path).status_code == (404 if "/" in path else 200), path
    assert problem(officer.close(own[0], "2022-02-24"))["code"] == "SCOPE_MISSING"


def _bank(state: models.Jurisdiction) -> Books:
    code = f"ledger{next(_numbers)}"
    bank = users.register_bank(actor=users.supervisor_of(state.id), code=code, name=code)
    books = open_books(bank.id, users.job("tests", bank.id))
    books.post("deposit", ("segregated_nostro", "5"), ("client_cash:cli_anna", "-5"))
    return books


def _paths(books: Books) -> list[str]:
    with books.acting():
        entry = queries.entries(kind="deposit").first()
    assert entry is not None
    book, account = f"books/{book_id(books)}", f"accounts/{account_id(books, 'fees')}"
    return [
        "books",
        book,
        f"{book}/trial-balance",
        f"{book}/closes",
        "accounts",
        account,
        f"{account}/statement?from=2022-02-24&to=2022-02-24",
        "entries",
        f"entries/{ids.show('ent', entry.id)}",
    ]


@pytest.mark.parametrize(
    "path", ["books/bok_1", "accounts/x", "entries/" + ids.show("acc", UUID(int=1))]
)
def test_what_is_no_id_is_not_found(clerk: Reader, path: str) -> None:
    assert clerk.get(path, 404)["code"] == "NOT_FOUND"


# --- The document ---------------------------------------------------------------------------------


def test_every_example_in_the_document_fits_its_schema() -> None:
    generator: Any = SchemaGenerator
    document = generator().get_schema(request=None, public=True)
    checked = 0
    for path, status, kind, content in _contents(document):
        assert (kind == errors.CONTENT_TYPE) == (int(status) >= 400), (path, status)
        shown = [each["value"] for each in content.get("examples", {}).values()]
        shown += [content["example"]] if "example" in content else []
        ours = path.split("/")[2] in {"books", "accounts", "entries"}
        assert shown or not ours, f"{path} {status} has no example"
        for example in shown:
            schema = {**content["schema"], "components": document["components"]}
            jsonschema.validate(example, schema)
            checked += 1
    assert checked > 50


def _contents(document: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    yield path, status, kind, content
