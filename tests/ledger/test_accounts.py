"""Books and accounts: opened once, on lines and assets that fit, by whoever asks first."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models import Count

from common import ids, models, users
from ledger import chart, operations
from ledger.models import Account, Balance
from ledger.operations import Wanted
from tests.ledger.books import AT, DAY, Books, open_books, run_at_once

pytestmark = pytest.mark.usefixtures("proven")

# The rules in their order: a row breaks the one that it names, and all that its row can after it.
REFUSED: list[tuple[Wanted, str, dict[str, Any]]] = [
    (Wanted("slush_fund", "DOGE"), "LINE_UNKNOWN", {"line": "slush_fund"}),
    (Wanted("client_cash", "DOGE"), "ASSET_UNKNOWN", {"asset": "DOGE"}),
    (Wanted("client_cash", "BTC"), "LINE_NOT_FOR_ASSET", {"line": "client_cash", "asset": "BTC"}),
    (Wanted("client_crypto", "RUB"), "LINE_NOT_FOR_ASSET", {"asset": "RUB"}),
    (Wanted("client_cash", "RUB"), "OWNER_REQUIRED", {"line": "client_cash", "owner": ""}),
    (Wanted("fees", "RUB", "cli_anna"), "OWNER_NOT_ALLOWED", {"owner": "cli_anna"}),
]


@pytest.mark.parametrize(("wanted", "code", "facts"), REFUSED)
def test_an_account_that_does_not_fit_is_refused(
    books: Books, wanted: Wanted, code: str, facts: dict[str, Any]
) -> None:
    fine = Wanted("client_cash", "RUB", "cli_vera")

    refused = books.refusal(
        # The book is unknown too, but that is the last thing asked.
        lambda: operations.open_accounts(book_id=uuid4(), accounts=[fine, wanted], at=AT)
    )

    assert refused.code == code
    assert facts.items() <= refused.facts.items()


def test_an_account_in_a_book_of_another_bank_is_refused(
    books: Books, make_bank: Callable[[], models.Bank]
) -> None:
    other = make_bank()
    theirs = open_books(other.id, users.job("tests", other.id)).book_id
    wanted = [Wanted("client_cash", "RUB", "cli_vera")]

    for book_id in (theirs, uuid4()):
        open_one = partial(operations.open_accounts, book_id=book_id, accounts=wanted, at=AT)
        refused = books.refusal(open_one)
        assert (refused.code, refused.facts) == ("BOOK_UNKNOWN", {"book": ids.show("bok", book_id)})


def test_a_bank_has_a_book_of_a_code_once_and_another_bank_has_its_own(
    books: Books, make_bank: Callable[[], models.Bank]
) -> None:
    refused = books.refusal(lambda: operations.open_book(code="main", open_date=DAY, at=AT))
    assert refused.code == "BOOK_EXISTS"

    other = make_bank()
    assert open_books(other.id, users.job("tests", other.id)).book_id != books.book_id


def test_an_account_is_opened_once_and_answered_in_the_order_asked_for(books: Books) -> None:
    old = Wanted("client_cash", "RUB", "cli_anna")
    new, shard = Wanted("client_cash", "RUB", "cli_vera"), Wanted("own_nostro", "RUB", shard=1)

    with books.acting():
        opened = operations.open_accounts(
            book_id=books.book_id, accounts=[new, old, shard, new], at=AT
        )
        again = operations.open_accounts(
            book_id=books.book_id, accounts=[new, old, shard, new], at=AT
        )

    assert opened == again
    assert opened[1] == books.accounts["client_cash:cli_anna"]
    assert opened[2] != books.accounts["own_nostro"]
    assert opened[0] == opened[3] not in books.accounts.values()


def test_an_account_is_kept_as_its_line_says(books: Books) -> None:
    """Checked accounts have a balance of zero from the start, open ones have none."""
    with books.acting():
        accounts = list(Account.objects.filter(book_id=books.book_id))
        balances = {each.account_id: each for each in Balance.objects.all()}

    assert {account.line for account in accounts} == set(chart.LINES)
    for account in accounts:
        line = chart.LINES[account.line]
        assert (account.control, account.normal) == (line.control, line.side)
        assert account.scale == (2 if account.asset_id == "RUB" else 8)
        if line.control is chart.Control.OPEN:
            assert account.id not in balances
        else:
            balance = balances[account.id]
            assert balance.balance == balance.held == 0
            assert balance.normal == line.side
            assert balance.house == (line.control is chart.Control.HOUSE)


def test_those_who_open_the_same_accounts_at_once_get_the_same(books: Books) -> None:
    wanted = [Wanted("client_cash", "RUB", f"cli_{n}") for n in range(20)]
    answers: list[list[UUID]] = []

    def open_them(accounts: list[Wanted]) -> None:
        with books.acting():
            ids = operations.open_accounts(book_id=books.book_id, accounts=accounts, at=AT)
        answers.append(ids if accounts == wanted else ids[::-1])

    run_at_once(*[lambda n=n: open_them(wanted[:: (-1) ** n]) for n in range(8)])

    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
    with books.acting():
        owners = Account.objects.filter(owner__in=[each.owner for each in wanted])
        assert owners.aggregate(n=Count("id"))["n"] == len(wanted)
