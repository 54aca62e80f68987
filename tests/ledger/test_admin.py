"""The books in the admin: what an officer sees, closes and proposes."""

import ast
import inspect
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common import ids, models, tenancy, users
from ledger import operations, queries
from ledger.models import Account, Book, Cut, DayClose, Entry, Hold
from ledger.operations import manual
from ledger.refusals import WORDS
from tests.ledger.books import AT, DAY, Books
from tests.ledger.reader import trade_a_little

PAGES: list[Any] = [Book, Account, Entry, Hold, DayClose, Cut]
Login = Callable[..., Client]


@pytest.fixture
def login(bank: models.Bank) -> Login:
    """Log somebody of that role in: of the bank, unless the state is named."""

    def logged_in(role: users.Role = users.Role.OPERATIONS, state: object = None) -> Client:
        office = users.job("office", bank.id)
        if isinstance(state, models.Jurisdiction):
            office = users.supervisor_of(state.id)
        with tenancy.acting(office.bank_id, office):
            user = users.create_user(
                username=f"officer-{ids.new()}",
                name="Olga",
                role=role,
                password="a long walk on the quay",
            )
        client = Client()
        client.force_login(user)
        return client

    return logged_in


@pytest.fixture
def full(books: Books) -> Books:
    """Books with a row on every page: the first day closed, a hold and a cut on the second."""
    trade_a_little(books)
    with books.acting():
        operations.close_day(book_id=books.book_id, business_date=DAY, at=AT)
    with books.acting():
        operations.place_hold(
            account_id=books.accounts["client_cash:cli_anna"],
            amount=Decimal(1000),
            at=AT,
            ref="ord_1",
        )
        operations.take_cut(book_id=books.book_id, at=AT)
    return books


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:ledger_{model.__name__.lower()}_{page}", args=args)


def listed(client: Client, model: Any, query: str = "") -> str:
    answer = client.get(url(model, "changelist") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def opened(client: Client, model: Any, row_id: object) -> str:
    answer = client.get(url(model, "change", row_id))
    assert answer.status_code == 200
    return answer.content.decode()


def rows(page: str) -> int:
    return len(re.findall(r'<tr class="data-row', page))


def rows_of(books: Books, model: Any) -> list[UUID]:
    with books.acting():
        return [row.pk for row in model.objects.order_by("pk")]


# --- What is shown --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", PAGES)
def test_each_page_lists_and_opens_every_row(full: Books, login: Login, model: Any) -> None:
    client, found = login(), rows_of(full, model)
    assert found
    assert rows(listed(client, model)) == len(found)
    assert f"{model.id_prefix}_" in opened(client, model, found[-1])


@pytest.mark.parametrize("model", PAGES)
def test_a_longer_list_takes_no_more_queries(full: Books, login: Login, model: Any) -> None:
    client = login()
    listed(client, model)
    with CaptureQueriesContext(
        connection,
    ) as before:
        fewer = rows(listed(client, model))
    _add(full)
    with CaptureQueriesContext(connection) as after:
        more = rows(listed(client, model))
    assert more > fewer or model is Book
    assert len(after) == len(before), "\n".join(query["sql"] for query in after.captured_queries)


def _add(books: Books) -> None:
    """Add a row or two to every page but that of books."""
    with books.acting():
        wanted = [operations.Wanted("client_cash", "RUB", f"cli_{n}") for n in range(3)]
        operations.open_accounts(book_id=books.book_id, accounts=wanted, at=AT)
        account = books.accounts["client_crypto:cli_anna"]
        for _ in range(3):
            operations.place_hold(account_id=account, amount=Decimal("0.001"), at=AT)
        operations.take_cut(book_id=books.book_id, at=AT)
    trade_a_little(books)
    with books.acting():
        book = queries.book_by_id(books.book_id)
        operations.close_day(book_id=book.id, business_date=book.open_date, at=AT)


def test_an_account_shows_its_balance_at_its_scale(full: Books, login: Login) -> None:
    client = login()
    page = listed(client, Account, "?q=cli_anna")
    assert rows(page) == 2
    for figure in ("69,850.00", "1,000.00", "68,850.00", "0.01000000"):
        assert f'">{figure}</span>' in page
    page = opened(client, Account, full.accounts["client_cash:cli_anna"])
    assert "69,850.00" in page
    assert "ord_1" in page


def test_an_entry_shows_its_postings_on_their_sides(full: Books, login: Login) -> None:
    with full.acting():
        entry = queries.entries(kind="trade").get()
    page = opened(login(), Entry, entry.pk)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    texts = [re.sub("<[^>]+>", "", cell) for cell in cells]
    client_cash = texts.index("Client cash")
    assert texts[client_cash + 1 : client_cash + 6] == [
        "cli_anna",
        "RUB",
        "30,150.00",
        "",
        "69,850.00",
    ]
    fees = texts.index("Fee income")
    assert texts[fees + 3 : fees + 5] == ["", "150.00"]


def test_a_reversal_and_its_original_link_to_each_other(full: Books, login: Login) -> None:
    entry = full.post("fee", ("client_cash:cli_anna", "1"), ("fees", "-1"))
    with full.acting():
        mirror = operations.reverse_entry(entry_id=entry.id, at=AT, reason="charged twice")
    client = login()
    assert url(Entry, "change", mirror.id) in opened(client, Entry, entry.id)
    page = opened(client, Entry, mirror.id)
    assert url(Entry, "change", entry.id) in page
    assert "charged twice" in page


def test_a_closed_day_shows_its_head_and_its_trial_balance(full: Books, login: Login) -> None:
    with full.acting():
        close = queries.last_close(full.book_id)
    assert close is not None
    page = opened(login(), DayClose, close.pk)
    assert bytes(close.head).hex() in page
    assert "Trial balance of 24 February 2022" in page
    assert "Position in coins (inventory)" in page
    assert "0.99000000" in page


@pytest.mark.parametrize(
    ("model", "term", "count"),
    [
        (Entry, "trade", 1),
        (Entry, "nothing", 0),
        (Entry, "ent_nothing", 0),
        (Account, "cli_boris", 2),
        (Hold, "ord_1", 1),
        (Hold, "cli_anna", 1),
        (DayClose, "2022-02-24", 1),
        (DayClose, "yesterday", 0),
    ],
)
def test_the_search_finds_whole_values(
    full: Books, login: Login, model: Any, term: str, count: int
) -> None:
    assert rows(listed(login(), model, f"?q={term}")) == count


@pytest.mark.parametrize("model", PAGES)
def test_the_search_finds_the_shown_id(full: Books, login: Login, model: Any) -> None:
    shown = ids.show(model.id_prefix, rows_of(full, model)[0])
    page = listed(login(), model, f"?q={shown}")
    assert rows(page) == 1
    assert shown in page


def test_entries_are_filtered_by_business_day(full: Books, login: Login) -> None:
    full.post("fee", ("client_cash:cli_anna", "1"), ("fees", "-1"))
    client = login()
    page = listed(client, Entry, "?business_date=2022-02-25")
    assert rows(page) == 1
    assert "24 February 2022" in page
    assert rows(listed(client, Entry, "?business_date=2022-02-24")) == 7
    assert rows(listed(client, Entry, "?business_date=never")) == 8


def test_a_supervisor_sees_every_bank_by_name(
    full: Books, login: Login, bank: models.Bank, jurisdiction: models.Jurisdiction
) -> None:
    client = login(users.Role.SUPERVISOR, jurisdiction)
    assert bank.name in listed(client, Book)
    assert "Close the open day" not in opened(client, Book, full.book_id)


def test_another_banks_row_is_not_there(
    full: Books, login: Login, make_bank: Callable[[], models.Bank]
) -> None:
    other = make_bank()
    with tenancy.acting(other.id, users.job("office", other.id)):
        book_id = operations.open_book(code="main", open_date=DAY, at=AT)
    client = login()
    assert client.get(url(Book, "change", book_id)).status_code == 302
    assert client.get(url(Book, "close_open_day", book_id)).status_code == 403
    assert rows(listed(client, Book)) == 1


# --- Closing a day --------------------------------------------------------------------------------


def test_the_open_day_is_closed_after_it_is_confirmed(full: Books, login: Login) -> None:
    client, path = login(), url(Book, "close_open_day", full.book_id)
    asked = client.get(path).content.decode()
    assert 'value="2022-02-25"' in asked
    assert "cannot be opened again" in asked
    assert _open_day(full) == "2022-02-25"
    answer = client.post(path, {"business_date": "2022-02-25", "_form_submitted": "True"})
    assert answer["HX-Redirect"] == url(Book, "change", full.book_id)
    page = opened(client, Book, full.book_id)
    assert "25 February 2022 is closed." in page
    assert "Trial balance of 26 February 2022, the open day" in page
    assert _open_day(full) == "2022-02-26"


def test_a_day_that_is_no_longer_open_is_refused_in_words(full: Books, login: Login) -> None:
    client, path = login(), url(Book, "close_open_day", full.book_id)
    client.post(path, {"business_date": "2022-02-24", "_form_submitted": "True"})
    assert "Not closed. Day not open" in opened(client, Book, full.book_id)
    assert _open_day(full) == "2022-02-25"


def test_a_day_whose_sweep_is_not_covered_stays_open(full: Books, login: Login) -> None:
    full.post("trade", ("currency_position", "9000000"), ("client_cash:cli_anna", "-9000000"))
    client, path = login(), url(Book, "close_open_day", full.book_id)
    client.post(path, {"business_date": "2022-02-25", "_form_submitted": "True"})
    assert "Not closed. Inventory short" in opened(client, Book, full.book_id)
    assert _open_day(full) == "2022-02-25"


@pytest.mark.parametrize("role", [users.Role.AUDITOR, users.Role.DEALER, users.Role.HEAD_OF_DESK])
def test_who_may_not_close_is_not_offered_it(full: Books, login: Login, role: users.Role) -> None:
    client, path = login(role), url(Book, "close_open_day", full.book_id)
    assert "Close the open day" not in opened(client, Book, full.book_id)
    answer = client.post(path, {"business_date": "2022-02-25", "_form_submitted": "True"})
    assert answer.status_code == 403
    assert _open_day(full) == "2022-02-25"


# --- Proposing an entry ---------------------------------------------------------------------------

CAPITAL = {
    "reason": "Capital paid in.",
    "lines_0_line": "own_nostro",
    "lines_0_asset": "RUB",
    "lines_0_amount": "1000.00",
    "lines_1_line": "capital",
    "lines_1_asset": "RUB",
    "lines_1_amount": "-1000.00",
}


def propose(client: Client, books: Books, **said: str) -> Any:
    once = {"_form_submitted": "True", "_once": ids.show("dlg", ids.new())}
    return client.post(url(Book, "propose_entry", books.book_id), once | CAPITAL | said)


def test_an_entry_is_proposed_and_posted_by_a_second_person(full: Books, login: Login) -> None:
    client = login()
    assert url(Book, "propose_entry", full.book_id) in opened(client, Book, full.book_id)
    once = ids.show("dlg", ids.new())
    first, second = (propose(client, full, _once=once) for _ in range(2))
    with full.acting():
        proposal, before = models.Proposal.objects.get(), Entry.objects.count()
    assert first["HX-Redirect"] == second["HX-Redirect"] == _of(proposal, "change")
    other = propose(client, full)
    assert other.context["form"].non_field_errors() == [WORDS["ALREADY_PROPOSED"]]
    said = {"_form_submitted": "True", "reason": "seen"}
    assert client.post(_of(proposal, "approve"), said).status_code == 403
    login(users.Role.HEAD_OF_DESK).post(_of(proposal, "approve"), said)
    with full.acting():
        assert Entry.objects.count() == before + 1
        entry = Entry.objects.latest("id")
        amounts = [each.amount for each in queries.postings(entry)]
    assert (entry.kind, entry.reason) == ("manual", "Capital paid in.")
    assert amounts == [Decimal(1000), Decimal(-1000)]


@pytest.mark.parametrize(
    ("field", "typed", "place", "told"),
    [
        ("reason", "", "reason", "This field is required."),
        ("lines_1_line", "", "lines_1_line", "This field is required."),
        ("lines_0_amount", "1e3", "lines_0_amount", "1 to 20 digits"),
        ("lines_0_amount", "١٠٠٠", "lines_0_amount", "1 to 20 digits"),
        ("lines_3_amount", "5", "lines_2_line", "This field is required."),
        ("lines_0_line", "client_cash", "__all__", WORDS["CLIENTS_LINE"]),
        ("lines_0_line", "own_custody", "__all__", WORDS["LINE_NOT_FOR_ASSET"]),
        ("lines_0_line", "capital", "__all__", WORDS["ACCOUNT_TWICE"]),
        ("lines_0_amount", "999.00", "__all__", WORDS["ENTRY_UNBALANCED"]),
        ("lines_0_amount", "1000.001", "__all__", WORDS["AMOUNT_INVALID"]),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_and_nothing_is_proposed(
    full: Books, login: Login, field: str, typed: str, place: str, told: str
) -> None:
    form = propose(login(), full, **{field: typed}).context["form"]
    assert told in form.errors[place][0]
    assert form["reason"].value() == ("" if field == "reason" else CAPITAL["reason"])
    with full.acting():
        assert not models.Proposal.objects.exists()


@pytest.mark.parametrize("role", [users.Role.AUDITOR, users.Role.DEALER, users.Role.COMPLIANCE])
def test_who_may_not_propose_is_not_offered_it(full: Books, login: Login, role: users.Role) -> None:
    client = login(role)
    assert "Propose an entry" not in opened(client, Book, full.book_id)
    assert propose(client, full).status_code == 403


def test_every_refusal_of_an_entry_is_told_in_words() -> None:
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(manual))))
    found = {
        node.args[0].value
        for node in calls
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "errors.Refused"
        if isinstance(node.args[0], ast.Constant)
    }
    assert found - {"ENTRY_EMPTY"} <= WORDS.keys()  # two lines are asked at the least


def _of(row: models.Proposal, page: str) -> str:
    return reverse(f"admin:common_proposal_{page}", args=[row.pk])


def _open_day(books: Books) -> str:
    with books.acting():
        return str(queries.book_by_id(books.book_id).open_date)
