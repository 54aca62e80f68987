"""Entries: every rule by which one is refused, and that the two forms of posting are one."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from common import ids, models, tenancy, users
from ledger import operations, queries
from ledger.models import Entry, Posting
from ledger.operations import NewEntry, Wanted
from tests.ledger.books import AT, DAY, Books, open_books

pytestmark = pytest.mark.usefixtures("proven")

Post = Callable[..., object]

CASH, COINS, NOSTRO = "client_cash:cli_anna", "client_crypto:cli_anna", "segregated_nostro"
ETHER, ETHER_CUSTODY = "client_crypto:cli_anna@ETH", "segregated_custody@ETH"
SHORT = {
    "cash": CASH,
    "coins": COINS,
    "nostro": NOSTRO,
    "ether": ETHER,
    "ether_custody": ETHER_CUSTODY,
}


def post_one_by_one(
    *, book_id: UUID, entries: Sequence[NewEntry], holds: Sequence[UUID] = ()
) -> None:
    for entry in entries:
        operations.post_entry(book_id=book_id, entry=entry, holds=holds)


FORMS = [
    pytest.param(post_one_by_one, id="post_entry"),
    pytest.param(operations.post_entries, id="post_entries"),
]


@pytest.fixture
def funded(books: Books, make_bank: Callable[[], models.Bank]) -> Books:
    """Anna has 100 roubles, 40 of them held; more accounts are at hand, not all of them ours."""
    books.deposit("cli_anna", "100.00")
    books.hold(CASH, "40.00")
    other = make_bank()
    theirs = open_books(other.id, users.job("tests", other.id), [Wanted("capital", "RUB")])
    with books.acting():
        second = operations.open_book(code="second", open_date=DAY, at=AT)
        elsewhere = operations.open_accounts(
            book_id=second, accounts=[Wanted("capital", "RUB")], at=AT
        )
    books.open(Wanted("client_crypto", "ETH", "cli_anna"), Wanted("segregated_custody", "ETH"))
    books.accounts["nobodys"] = uuid4()
    books.accounts["other_books"] = elsewhere[0]
    books.accounts["other_banks"] = theirs.accounts["capital"]
    return books


# What is wrong, the entry's lines, the refusal and its facts.
REFUSED = """
    it says nothing     |                            | ENTRY_EMPTY        |
    one side only       | nostro 10                  | ENTRY_UNBALANCED   | asset RUB, off 10
    off by a kopeck     | nostro 10, cash -9.99      | ENTRY_UNBALANCED   | asset RUB, off 0.01
    roubles for coins   | cash 10, coins -10         | ENTRY_UNBALANCED   |
    off in one asset    | nostro 9, cash -9, coins -1 | ENTRY_UNBALANCED  | asset BTC, off -1
    account twice       | nostro 9, cash -4, cash -5 | ACCOUNT_TWICE      | line 3, asset RUB
    nobody's account    | nostro 10, nobodys -10     | ACCOUNT_UNKNOWN    | line 2, amount -10
    another book's      | nostro 10, other_books -10 | ACCOUNT_UNKNOWN    | line 2
    another bank's      | nostro 10, other_banks -10 | ACCOUNT_UNKNOWN    | line 2
    zero                | nostro 0, cash 0           | AMOUNT_INVALID     | line 1, amount 0
    negative zero       | nostro -0, cash 0          | AMOUNT_INVALID     | line 1
    no number           | nostro NaN, cash NaN       | AMOUNT_INVALID     | line 1, amount NaN
    without end         | nostro Infinity, cash -1   | AMOUNT_INVALID     | line 1
    without beginning   | nostro -Infinity, cash 1   | AMOUNT_INVALID     | line 1
    finer than a kopeck | nostro 0.001, cash -0.001  | AMOUNT_INVALID     | line 1, amount 0.001
    19 decimals         | ether 0.0000000000000000001 | AMOUNT_INVALID    | line 1, asset ETH
    21 digits           | expense 100000000000000000000 | AMOUNT_INVALID  | line 1, asset RUB
    38 digits           | expense -99999999999999999999999999999999999999 | AMOUNT_INVALID | line 1
    more than fits      | cash -99999999999999999999 | AMOUNT_INVALID     | line 1
    more than is free   | cash 60.01, nostro -60.01  | INSUFFICIENT_FUNDS | line 1, available 60
    no coins            | position -1, coins 1       | INSUFFICIENT_FUNDS | line 2, available 0
    no inventory        | coins -1, position 1       | INVENTORY_SHORT    | line 2, available 0
    own funds short     | expense 1, own_nostro -1   | INVENTORY_SHORT    | line 2, amount -1
"""


def table(text: str) -> list[Any]:
    rows = [[cell.strip() for cell in row.split("|")] for row in text.strip().splitlines()]
    return [pytest.param(*cells, id=name) for name, *cells in rows]


def entry_of(books: Books, lines: str) -> NewEntry:
    named = [line.split() for line in lines.split(",") if line]
    return books.entry("test", *[(SHORT.get(name, name), amount) for name, amount in named])


@pytest.mark.parametrize("post", FORMS)
@pytest.mark.parametrize(("lines", "code", "facts"), table(REFUSED))
def test_an_entry_that_breaks_a_rule_is_refused(
    funded: Books, post: Post, lines: str, code: str, facts: str
) -> None:
    entry = entry_of(funded, lines)

    refused = funded.refusal(partial(post, book_id=funded.book_id, entries=[entry]))

    assert refused.code == code
    assert refused.facts["entry"] == ids.show("ent", entry.id)
    for name, told in [fact.split() for fact in facts.split(",") if fact]:
        if name in ("off", "available"):
            assert Decimal(refused.facts[name]) == Decimal(told)
        else:
            assert str(refused.facts[name]) == told
    if "line" in refused.facts:
        account, _ = entry.lines[refused.facts["line"] - 1]
        assert refused.facts["account"] == ids.show("acc", account)


# The rules in their order. A row breaks its own and all that it can of those below.
PRECEDENCE = """
    book               |                               | BOOK_UNKNOWN
    lines              |                               | ENTRY_EMPTY
    holds              | cash 0.001, cash 0, nobodys 0 | HOLD_NOT_PENDING
    an account twice   | cash 1, cash NaN, nobodys 0   | ACCOUNT_TWICE
    an account unknown | nobodys NaN, cash NaN, cash 0 | ACCOUNT_UNKNOWN
    amount             | cash 200.001, own_nostro -1   | AMOUNT_INVALID
    client's funds     | cash 200, own_nostro -1       | INSUFFICIENT_FUNDS
    own funds          | own_nostro -1, cash 200       | INVENTORY_SHORT
    reversed           | expense 1                     | ALREADY_REVERSED
    balance            | expense 1                     | ENTRY_UNBALANCED
"""
CODES = [row.split()[-1] for row in PRECEDENCE.strip().splitlines()]


@pytest.mark.parametrize("post", FORMS)
@pytest.mark.parametrize(("lines", "code"), table(PRECEDENCE))
def test_the_first_rule_in_order_is_told(funded: Books, post: Post, lines: str, code: str) -> None:
    spent = funded.hold(CASH, "1.00")
    original = funded.post("test", (CASH, "1"), (NOSTRO, "-1"), holds=[spent])
    with funded.acting():
        operations.reverse_entry(entry_id=original.id, at=AT, reason="test")
    broken = CODES[CODES.index(code) :]
    entry = entry_of(funded, lines)
    if "ALREADY_REVERSED" in broken:
        entry = dataclasses.replace(entry, reverses=original.id)

    refused = funded.refusal(
        partial(
            post,
            book_id=uuid4() if "BOOK_UNKNOWN" in broken else funded.book_id,
            entries=[entry],
            holds=[spent] if "HOLD_NOT_PENDING" in broken else [],
        )
    )

    assert refused.code == code


def test_nothing_to_post_is_refused(books: Books) -> None:
    refused = books.refusal(partial(operations.post_entries, book_id=books.book_id, entries=[]))
    assert (refused.code, refused.facts) == ("ENTRY_EMPTY", {})


def test_both_forms_write_the_same_rows(make_bank: Callable[[], models.Bank]) -> None:
    """The same day's entries in two banks: one by one, and in one array."""
    told = []
    for post in (post_one_by_one, operations.post_entries):
        bank = make_bank()
        books = open_books(bank.id, users.job("tests", bank.id))
        books.deposit("cli_anna", "500.00")
        hold = books.hold(CASH, "100.00")
        entries = [
            books.entry("capital", ("capital", "-10"), ("own_nostro", "10")),
            books.entry("spent", (CASH, "450"), ("fees", "-0.01"), (NOSTRO, "-449.99")),
            books.entry("coin", ("segregated_custody", "0.00000001"), (COINS, "-0.00000001")),
            books.entry("refund", (NOSTRO, "9"), (CASH, "-9")),
        ]
        entries[1] = dataclasses.replace(
            entries[1],
            reason="rent; 'quoted', \\ and Ж",
            ref="ord_1",
            value_date=DAY - timedelta(days=3),
        )
        entries[3] = dataclasses.replace(entries[3], at=AT + timedelta(microseconds=1))
        with tenancy.acting(bank.id, books.actor, request_id="req_1"):
            # The hold goes with the first entry, so it comes alone.
            post(book_id=books.book_id, entries=entries[1:2], holds=[hold])
            post(book_id=books.book_id, entries=[entries[0], *entries[2:]])
        assert books.violations() == []  # each digest fits its entry
        told.append(rows(books, [entries[1], entries[0], *entries[2:]]))

    assert told[0] == told[1]
    assert len(told[0]) == 9


def rows(books: Books, entries: Sequence[NewEntry]) -> list[tuple[Any, ...]]:
    """What the books have of these entries, but for ids, digests and the wall's time."""
    names = {account: name for name, account in books.accounts.items()}
    with books.acting(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_position(%s, e.id), e.kind, e.business_date, e.value_date, e.at, e.actor,"
            " e.reason, e.request_id, e.ref, e.reverses_id, p.line, p.asset_id, p.amount,"
            " p.balance_after, p.business_date, h.status, h.amount, h.ended_at, h.ended_by,"
            " p.account_id FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id"
            " LEFT JOIN ledger_hold h ON h.entry_id = e.id WHERE e.id = ANY (%s) ORDER BY p.id",
            [[entry.id for entry in entries]] * 2,
        )
        return [(*told, names[account]) for *told, account in cursor.fetchall()]


def test_an_array_is_judged_line_by_line_on_the_balance_so_far(books: Books) -> None:
    in_, out = [
        books.entry("in", (NOSTRO, "100"), (CASH, "-100")),
        books.entry("out", (CASH, "100"), (NOSTRO, "-100")),
    ]

    with books.acting():
        operations.post_entries(book_id=books.book_id, entries=[in_, out])
        after = Posting.objects.filter(entry__in=[in_.id, out.id]).order_by("id")
        assert [posting.balance_after for posting in after] == [100, 100, 0, 0]

    again = [dataclasses.replace(out, id=uuid4()), dataclasses.replace(in_, id=uuid4())]
    refused = books.refusal(partial(operations.post_entries, book_id=books.book_id, entries=again))
    assert refused.code == "INSUFFICIENT_FUNDS"
    assert refused.facts["entry"] == ids.show("ent", again[0].id)
    assert Decimal(refused.facts["available"]) == 0


def test_an_array_is_posted_whole_or_not_at_all(books: Books) -> None:
    fine = books.entry("in", (NOSTRO, "100"), (CASH, "-100"))
    short = books.entry("out", ("expense", "1"), (CASH, "100.01"), (NOSTRO, "-101.01"))

    refused = books.refusal(
        partial(operations.post_entries, book_id=books.book_id, entries=[fine, short, fine])
    )

    assert refused.code == "INSUFFICIENT_FUNDS"
    assert (refused.facts["entry"], refused.facts["line"]) == (ids.show("ent", short.id), 2)
    assert Decimal(refused.facts["available"]) == 100


def test_an_array_refuses_the_entry_that_is_empty(books: Books) -> None:
    fine = books.entry("in", (NOSTRO, "100"), (CASH, "-100"))
    empty = books.entry("empty")

    for entries in ([fine, empty], [empty, fine], [fine, empty, fine]):
        refused = books.refusal(
            partial(operations.post_entries, book_id=books.book_id, entries=entries)
        )
        assert (refused.code, refused.facts) == (
            "ENTRY_EMPTY",
            {"entry": ids.show("ent", empty.id)},
        )


@pytest.mark.parametrize("post", FORMS)
def test_an_amount_is_kept_to_its_last_digit(funded: Books, post: Post) -> None:
    """20 digits before the point and 18 behind it: all that the column holds."""
    largest = "9" * 20 + "." + "9" * 18
    entry = funded.entry("test", (ETHER_CUSTODY, largest), (ETHER, f"-{largest}"))

    with funded.acting():
        post(book_id=funded.book_id, entries=[entry])

    assert funded.balance(ETHER) == Decimal(largest)
    assert funded.balance(ETHER_CUSTODY) == Decimal(largest)


def test_an_entry_says_who_posted_it_when_and_why(books: Books) -> None:
    entry = dataclasses.replace(
        books.entry("test", ("expense", "1"), ("capital", "-1")), reason="a test", ref="tst_1"
    )

    with tenancy.acting(books.bank_id, books.actor, request_id="req_7"):
        booked = operations.post_entry(book_id=books.book_id, entry=entry)

    with books.acting():
        found = queries.entry_by_id(entry.id)
    assert booked == found.business_date == found.value_date == DAY
    assert (found.kind, found.at, found.reason, found.ref) == ("test", AT, "a test", "tst_1")
    assert (found.actor, found.request_id) == ("job:tests", "req_7")


def test_an_open_account_may_stand_on_either_side(books: Books) -> None:
    books.post("test", ("capital", "5"), ("expense", "-5"))

    assert books.balance("capital") == books.balance("expense") == -5
    with books.acting():
        postings = Posting.objects.filter(entry__in=Entry.objects.all())
        assert {posting.balance_after for posting in postings} == {None}
