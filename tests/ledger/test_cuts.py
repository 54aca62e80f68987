"""Cuts: successive ones hold each committed entry exactly once, whatever is in flight meanwhile."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import Max

from common import ids
from ledger import operations, queries
from ledger.models import Cut, Entry
from ledger.operations import Wanted
from tests.ledger.books import AT, DAY, Books, run_at_once

pytestmark = pytest.mark.usefixtures("proven")

WRITERS, ENTRIES = 8, 10_000
MOST = 40  # entries in one transaction

Cutter = Callable[[Books], list[UUID]]


class ChangedMyMind(Exception):
    """A writer takes back what it has posted."""


def cut_safely(books: Books) -> list[UUID]:
    """Take the next cut and return its entries."""
    with books.acting():
        cut = operations.take_cut(book_id=books.book_id, at=AT)
    with books.acting():
        return [entry.id for entry in queries.entries_of(cut)]


def cut_until_now(books: Books) -> list[UUID]:
    """Take cuts until they hold all that is committed by now; others' transactions may delay it."""
    with books.acting(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        now = cursor.fetchone()[0]
    found = []
    while True:
        found += cut_safely(books)
        with books.acting():
            if Cut.objects.filter(book_id=books.book_id, high_txid__gt=now).exists():
                return found


def make_naive_cutter() -> Cutter:
    """Return a cutter with the fault planted: it goes up to the newest entry that it sees."""
    low = 0

    def cut(books: Books) -> list[UUID]:
        nonlocal low
        with books.acting():
            entries = Entry.objects.filter(book_id=books.book_id, txid__gte=low)
            newest = entries.aggregate(txid=Max("txid"))["txid"]
            if newest is None:
                return []
            found = list(entries.filter(txid__lte=newest).values_list("id", flat=True))
        low = newest + 1
        return found

    return cut


def cut_under_fire(books: Books, cut: Cutter, entries: int) -> tuple[set[UUID], Counter[UUID]]:
    """Let writers post so many entries while cuts are taken: what was committed, what was cut.

    Some transactions linger before they commit, so that later ones overtake them; some roll back.
    """
    committed: set[UUID] = set()
    over = threading.Event()
    seen: Counter[UUID] = Counter()

    def write(number: int) -> None:
        chance, left = random.Random(number), entries // WRITERS
        lines = (f"client_cash:cli_{number}", "-0.01"), ("expense", "0.01")
        while left:
            batch = [books.entry("test", *lines) for _ in range(min(left, chance.randint(1, MOST)))]
            try:
                with books.acting():
                    if len(batch) == 1:
                        operations.post_entry(book_id=books.book_id, entry=batch[0])
                    else:
                        operations.post_entries(book_id=books.book_id, entries=batch)
                    fate = chance.random()
                    if fate < 0.3:
                        time.sleep(chance.uniform(0, 0.05))
                    if fate < 0.1:
                        raise ChangedMyMind
            except ChangedMyMind:
                continue
            committed.update(entry.id for entry in batch)
            left -= len(batch)

    def cut_on() -> None:
        while not over.is_set():
            seen.update(cut(books))

    def write_all() -> None:
        try:
            run_at_once(*[partial(write, number) for number in range(WRITERS)])
        finally:
            over.set()

    books.open(*[Wanted("client_cash", "RUB", f"cli_{number}") for number in range(WRITERS)])
    run_at_once(cut_on, write_all)
    seen.update(cut(books))
    return committed, seen


def test_successive_cuts_hold_each_entry_exactly_once(books: Books) -> None:
    committed, seen = cut_under_fire(books, cut_safely, ENTRIES)
    seen.update(cut_until_now(books))

    assert len(committed) == ENTRIES
    assert seen.keys() == committed
    assert set(seen.values()) == {1}
    with books.acting():
        cuts = list(Cut.objects.order_by("number"))
        filled = sum(queries.entries_of(cut).exists() for cut in cuts)
    assert filled > 10  # the writers were indeed cut in upon


def test_cuts_up_to_the_newest_entry_would_lose_some(books: Books) -> None:
    """The same with the fault planted, to see that the test above can fail."""
    committed, seen = cut_under_fire(books, make_naive_cutter(), ENTRIES // 5)

    assert committed - seen.keys()


def test_a_cut_leaves_what_is_in_flight_to_the_next(books: Books) -> None:
    """The older entry commits last. A cut before that holds neither it nor what came after it."""
    old, young = [books.entry(name, ("expense", "1"), ("fees", "-1")) for name in ("old", "young")]
    posted, go_on = threading.Event(), threading.Event()

    def post_slowly() -> None:
        with books.acting():
            operations.post_entry(book_id=books.book_id, entry=old)
            posted.set()
            assert go_on.wait(10)

    def post_and_cut() -> None:
        assert posted.wait(10)
        with books.acting():
            operations.post_entry(book_id=books.book_id, entry=young)
        assert cut_safely(books) == []
        go_on.set()

    run_at_once(post_slowly, post_and_cut)

    assert cut_until_now(books) == [old.id, young.id]
    assert cut_until_now(books) == []


def test_a_cut_holds_the_entries_of_its_own_book(books: Books) -> None:
    entry = books.post("test", ("expense", "1"), ("fees", "-1"))
    with books.acting():
        second = operations.open_book(code="second", open_date=DAY, at=AT)
    with books.acting():
        cut = operations.take_cut(book_id=second, at=AT)
        assert cut.number == 1
        assert list(queries.entries_of(cut)) == []

    assert cut_until_now(books) == [entry.id]


def test_a_book_that_is_not_there_is_not_cut(books: Books) -> None:
    book_id = uuid4()
    refused = books.refusal(partial(operations.take_cut, book_id=book_id, at=AT))
    assert (refused.code, refused.facts) == ("BOOK_UNKNOWN", {"book": ids.show("bok", book_id)})
