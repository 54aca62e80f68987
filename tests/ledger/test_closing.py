"""The close of a day: swept, sealed, and never written to again."""

import hashlib
import json
import threading
import time
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from django.db import connection

from common import ids, models, tenancy
from ledger import chart, operations, queries
from ledger.models import ChainLink, DayClose, Entry, Snapshot
from ledger.operations import Wanted
from tests.ledger.books import AT, DAY, Books, run_at_once

pytestmark = pytest.mark.usefixtures("proven")

CASH, NOSTRO = "client_cash:cli_anna", "segregated_nostro"
WRITERS, CLOSES = 8, 10


def day(number: int) -> date:
    """The book's first day is number 0."""
    return DAY + timedelta(days=number)


def open_date(books: Books) -> date:
    with books.acting():
        return queries.book_by_id(books.book_id).open_date


def snapshots(books: Books, on: date) -> dict[str, tuple[object, ...]]:
    names = {account: name for name, account in books.accounts.items()}
    with books.acting():
        return {
            names[row.account_id]: (row.debit, row.credit, row.balance)
            for row in Snapshot.objects.filter(business_date=on)
        }


def close_of(books: Books, on: date) -> "partial[DayClose]":
    return partial(operations.close_day, book_id=books.book_id, business_date=on, at=AT)


def test_only_the_open_day_closes(books: Books) -> None:
    books.close(day(0))

    for other in (day(-1), day(0), day(2)):
        refused = books.refusal(close_of(books, other))
        assert refused.code == "DAY_NOT_OPEN"
        assert refused.facts == {"date": str(other), "open_date": str(day(1))}


def test_a_book_that_is_not_there_does_not_close(books: Books) -> None:
    book_id = uuid4()
    refused = books.refusal(
        partial(operations.close_day, book_id=book_id, business_date=DAY, at=AT)
    )
    assert (refused.code, refused.facts) == ("BOOK_UNKNOWN", {"book": ids.show("bok", book_id)})


def test_an_empty_day_closes(books: Books) -> None:
    close = books.close()

    assert (close.number, close.first_number, close.last_number) == (1, 1, 0)
    assert close.trial_balance == []
    assert open_date(books) == day(1)


def test_the_day_after_the_close_may_be_any_later_one(books: Books) -> None:
    books.close(day(0), next_date=day(4))
    assert books.close(day(4)).number == 2

    assert books.refusal(partial(close_of(books, day(5)), next_date=day(5))).code == "DAY_NOT_OPEN"


def test_a_close_sweeps_each_asset_its_own_way(books: Books) -> None:
    """Roubles are due to the bank, bitcoin to the clients; of ether nothing is due."""
    books.open(
        Wanted("segregated_custody", "ETH"),
        Wanted("client_crypto", "ETH", "cli_anna"),
        Wanted("client_cash", "RUB", "cli_vera"),
    )
    books.deposit("cli_anna", "100.00")
    books.post("coins", ("own_custody", "1"), ("position", "-1"))
    books.post(
        "purchase",
        (CASH, "30"), ("currency_position", "-30"),
        ("position", "0.25"), ("client_crypto:cli_anna", "-0.25"),
    )  # fmt: skip
    ether = ("segregated_custody@ETH", "2"), ("client_crypto:cli_anna@ETH", "-2")
    books.post("ether", *ether)
    assert books.due() == {"BTC": Decimal("0.25"), "ETH": 0, "RUB": -30}

    books.close()

    assert books.due() == {"BTC": 0, "ETH": 0, "RUB": 0}
    balances = [books.balance(name) for name in ("segregated_nostro", "own_nostro")]
    assert balances == [70, 30]
    coins = [books.balance(name) for name in ("segregated_custody", "own_custody")]
    assert coins == [Decimal("0.25"), Decimal("0.75")]
    with books.acting():
        sweeps = Entry.objects.filter(kind="sweep")
        assert [sweep.business_date for sweep in sweeps] == [day(0)] * 2


def test_a_day_whose_due_own_funds_do_not_cover_stays_open(books: Books) -> None:
    """Roubles could be swept, coins not: nothing of the close is written, the day goes on."""
    books.deposit("cli_anna", "100.00")
    books.post("fee", (CASH, "30"), ("fees", "-30"))
    books.post("coins", ("own_custody", "1"), ("position", "-1"))
    books.post("purchase", ("position", "0.5"), ("client_crypto:cli_anna", "-0.5"))
    books.post("shipped", ("position", "0.5"), ("own_custody", "-0.5"))
    books.hold("own_custody", "0.3")

    refused = books.refusal(close_of(books, DAY))

    assert refused.code == "INVENTORY_SHORT"
    assert refused.facts["asset"] == "BTC"
    assert Decimal(refused.facts["available"]) == Decimal("0.2")
    assert open_date(books) == DAY
    books.deposit("cli_anna", "1.00")


def test_a_sealed_trial_balance_is_whole_and_stays(books: Books) -> None:
    """Whatever is posted later, and whatever accounts are opened on lines that were not in use."""
    books.deposit("cli_anna", "100.00")
    books.post("fee", (CASH, "30"), ("fees", "-29.5"), ("other_income", "-0.5"))
    close = books.close()
    books.open(Wanted("client_cash", "RUB", "cli_vera"), Wanted("payouts_in_flight", "BTC"))
    books.deposit("cli_vera", "7.00")

    with books.acting():
        trial = queries.trial_balance(books.book_id, DAY)
        sealed = DayClose.objects.get(id=close.id).trial_balance
    assert sealed == [
        {
            "line": row.line,
            "asset": row.asset,
            **{
                column: f"{getattr(row, column).normalize():f}"
                for column in ("debit", "credit", "balance")
            },
        }
        for row in trial
    ]
    assert [row.line for row in trial] == [
        "client_cash", "fees", "other_income", "own_nostro", "segregated_nostro"
    ]  # fmt: skip
    assert sum(row.debit for row in trial) == sum(row.credit for row in trial) == 160
    assert sum(row.balance * chart.LINES[row.line].side for row in trial) == 0


def test_a_snapshot_is_taken_of_what_moved_alone(books: Books) -> None:
    books.deposit("cli_anna", "100.00")
    books.close(day(0))
    books.post("fee", (CASH, "30"), ("fees", "-30"))
    books.post("refund", ("fees", "10"), (CASH, "-10"))
    books.close(day(1))
    books.close(day(2))

    assert snapshots(books, day(0)) == {NOSTRO: (100, 0, 100), CASH: (0, 100, 100)}
    assert snapshots(books, day(1)) == {
        CASH: (30, 10, 80),
        "fees": (10, 30, 20),
        NOSTRO: (0, 20, 80),
        "own_nostro": (20, 0, 20),
    }
    assert snapshots(books, day(2)) == {}


def test_the_chain_goes_from_entry_to_entry_and_from_day_to_day(books: Books) -> None:
    """Computed here from the entries' digests alone, as anybody could to check the books."""
    for number in range(4):
        if number != 2:  # a day without entries in between
            books.deposit("cli_anna", "1.00")
            books.deposit("cli_boris", "2.00")
        books.close(day(number))

    with books.acting():
        closes = list(DayClose.objects.order_by("number"))
        days = [
            list(Entry.objects.filter(business_date=close.business_date).order_by("id"))
            for close in closes
        ]
        links = list(ChainLink.objects.order_by("number"))
    head = sha256(str(books.book_id).encode())
    chained: list[tuple[object, ...]] = []
    for close, entries in zip(closes, days, strict=True):
        if entries:
            head = sha256(head)
        for entry in entries:
            head = sha256(head + bytes(entry.digest))
            chained.append((len(chained) + 1, close.id, entry.id, entry.digest, head))
        columns = ("line", "asset", "debit", "credit", "balance")  # as jsonb orders them
        rows = [{column: row[column] for column in columns} for row in close.trial_balance]
        days_2000 = (close.business_date - date(2000, 1, 1)).days
        moments = "|".join(f"{moment.timestamp():.6f}" for moment in (close.at, close.recorded_at))
        said = f"{close.number}|{days_2000}|{moments}|'{close.actor}'|{json.dumps(rows)}"
        head = sha256(head + said.encode())
        assert bytes(close.head) == head
    assert chained == [
        (link.number, link.close_id, link.entry_id, link.digest, link.link) for link in links
    ]
    assert all(later.first_number == earlier.last_number + 1 for earlier, later in pairwise(closes))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_a_close_is_told_by_an_event(books: Books) -> None:
    books.deposit("cli_anna", "100.00")
    with tenancy.acting(books.bank_id, books.actor, request_id="req_9"):
        close = operations.close_day(book_id=books.book_id, business_date=DAY, at=AT)

    with books.acting():
        event = models.OutboxEvent.objects.get(topic="ledger.day_closed")
    assert (event.at, event.request_id) == (AT, "req_9")
    assert event.payload == {
        "close": str(close.id),
        "book": str(books.book_id),
        "business_date": "2022-02-24",
        "number": 1,
        "entries": 1,
        "head": bytes(close.head).hex(),
    }


def test_a_close_waits_for_the_writer_in_flight_and_later_ones_wait_for_it(books: Books) -> None:
    """A writer is under way when the close comes; another one comes while the close waits."""
    posted, go_on = threading.Event(), threading.Event()
    booked: dict[str, date] = {}
    done: list[str] = []

    def write(name: str) -> None:
        entry = books.entry(name, ("expense", "1"), ("fees", "-1"))
        with books.acting():
            booked[name] = operations.post_entry(book_id=books.book_id, entry=entry)
            posted.set()
            assert go_on.wait(10)
        done.append(name)

    def close() -> None:
        assert posted.wait(10)
        books.close()
        done.append("close")

    def write_later() -> None:
        wait_until_blocked(1)
        write("later")

    def release() -> None:
        wait_until_blocked(2)
        go_on.set()

    run_at_once(partial(write, "under way"), close, write_later, release)

    assert booked == {"under way": day(0), "later": day(1)}
    assert done == ["under way", "close", "later"]
    with books.acting():
        (sealed,) = ChainLink.objects.all()
        assert Entry.objects.get(id=sealed.entry_id).kind == "under way"


def wait_until_blocked(count: int) -> None:
    """Wait until so many of this database's sessions wait for an advisory lock."""
    for _ in range(1000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7001"
                " AND NOT granted AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            if cursor.fetchone()[0] == count:
                return
        time.sleep(0.01)
    raise AssertionError(f"no {count} sessions wait")


def test_nothing_lands_in_a_closed_day(books: Books) -> None:
    """Eight writers and a closer. Each entry is in the day that its writer was told, sealed."""
    over = threading.Event()
    told: dict[UUID, date] = {}

    def write(number: int) -> None:
        while not over.is_set():
            entries = [
                books.entry("test", ("expense", "1"), ("fees", "-1")) for _ in range(1 + number % 3)
            ]
            with books.acting():
                booked = operations.post_entries(book_id=books.book_id, entries=entries)
                time.sleep(0.001 * number)
            told.update((entry.id, booked) for entry in entries)

    def close() -> None:
        try:
            for number in range(CLOSES):
                time.sleep(0.05)
                books.close(day(number))
        finally:
            over.set()

    run_at_once(close, *[partial(write, number) for number in range(WRITERS)])
    books.close(day(CLOSES))

    with books.acting():
        found = dict(Entry.objects.values_list("id", "business_date"))
        sealed = ChainLink.objects.count()
    assert found == told
    assert sealed == len(told)
    assert len(set(told.values())) > CLOSES / 2
