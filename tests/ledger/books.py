"""A bank's books as tests use them: accounts by name, entries in one line."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection, transaction

from common import errors, models, tenancy, users
from ledger import invariants, operations, queries
from ledger.models import Balance, DayClose, Hold
from ledger.operations import NewEntry, Wanted

DAY = date(2022, 2, 24)
AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)

HOUSE = [
    Wanted("segregated_nostro", "RUB"),
    Wanted("own_nostro", "RUB"),
    Wanted("segregated_custody", "BTC"),
    Wanted("own_custody", "BTC"),
    Wanted("tax_payable", "RUB"),
    Wanted("payouts_in_flight", "RUB"),
    Wanted("capital", "RUB"),
    Wanted("position", "BTC"),
    Wanted("currency_position", "RUB"),
    Wanted("fees", "RUB"),
    Wanted("other_income", "RUB"),
    Wanted("expense", "RUB"),
]
CLIENTS = [
    Wanted(line, asset, owner)
    for owner in ("cli_anna", "cli_boris")
    for line, asset in (("client_cash", "RUB"), ("client_crypto", "BTC"))
]


@dataclasses.dataclass(frozen=True, slots=True)
class Books:
    """`accounts` by `line` or `line:owner`, with `@ETH` where the asset is neither RUB nor BTC.

    Amounts are written as text; debit positive.
    """

    bank_id: UUID
    actor: users.Actor
    book_id: UUID
    accounts: dict[str, UUID]

    @contextmanager
    def acting(self) -> Iterator[None]:
        with tenancy.acting(self.bank_id, self.actor):
            yield

    def open(self, *wanted: Wanted) -> None:
        """Open more accounts."""
        with self.acting():
            opened = operations.open_accounts(book_id=self.book_id, accounts=wanted, at=AT)
        self.accounts.update(zip(map(_name, wanted), opened, strict=True))

    def entry(self, kind: str, *lines: tuple[str, str], at: datetime = AT) -> NewEntry:
        return NewEntry(kind, at, [(self.accounts[name], Decimal(text)) for name, text in lines])

    def post(self, kind: str, *lines: tuple[str, str], holds: Sequence[UUID] = ()) -> NewEntry:
        """Post one entry in a transaction of its own."""
        entry = self.entry(kind, *lines)
        with self.acting():
            operations.post_entry(book_id=self.book_id, entry=entry, holds=holds)
        return entry

    def deposit(self, owner: str, amount: str) -> NewEntry:
        """Let a client's roubles come in."""
        client = f"client_cash:{owner}"
        return self.post("deposit", ("segregated_nostro", amount), (client, f"-{amount}"))

    def hold(self, name: str, amount: str, expires_at: datetime | None = None) -> UUID:
        """Reserve a part of an account's balance, in a transaction of its own."""
        with self.acting():
            return operations.place_hold(
                account_id=self.accounts[name],
                amount=Decimal(amount),
                at=AT,
                expires_at=expires_at,
            )

    def close(self, day: date = DAY, next_date: date | None = None) -> DayClose:
        with self.acting():
            return operations.close_day(
                book_id=self.book_id, business_date=day, at=AT, next_date=next_date
            )

    def balance(self, name: str, on: date | None = None) -> Decimal:
        """The balance now, or at the end of a day, on the account's normal side."""
        with self.acting():
            return queries.balance(queries.account_by_id(self.accounts[name]), on)

    def held(self, name: str) -> Decimal:
        with self.acting():
            return Balance.objects.get(account_id=self.accounts[name]).held

    def hold_row(self, hold: UUID) -> Hold:
        """The hold as it is kept."""
        with self.acting():
            return Hold.objects.get(id=hold)

    def due(self) -> dict[str, Decimal]:
        with self.acting():
            return queries.due(self.book_id)

    def refusal(self, attempt: Callable[[], object]) -> errors.Refused:
        """Return how the attempt is refused, having seen that it wrote nothing."""
        before = self.written()
        with self.acting(), pytest.raises(errors.Refused) as told, transaction.atomic():
            attempt()
        assert self.written() == before
        return told.value

    def written(self) -> list[tuple[str, int, str]]:
        """Every table of the books and of events: its rows' count and their digest."""
        tables = [each._meta.db_table for each in apps.get_app_config("ledger").get_models()]
        with self.acting(), connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(
                    f"SELECT '{table}', count(*), md5(string_agg(t::text, ',' ORDER BY t::text))"
                    f" FROM {table} t"
                    for table in [*tables, models.OutboxEvent._meta.db_table]
                )
            )
            return list(cursor.fetchall())

    def violations(self) -> list[tuple[str, str, str]]:
        """What is wrong with the books: the rule, the row, the wrong."""
        with self.acting():
            return [(rule.__name__, *each) for rule in invariants.INVARIANTS for each in rule()]


def open_books(bank_id: UUID, actor: users.Actor, wanted: Sequence[Wanted] = ()) -> Books:
    """Open a bank's book with the accounts wanted, or else with all that a test may ask for."""
    with tenancy.acting(bank_id, actor):
        book_id = operations.open_book(code="main", open_date=DAY, at=AT)
    books = Books(bank_id, actor, book_id, {})
    books.open(*(wanted or HOUSE + CLIENTS))
    return books


def run_at_once(*works: Callable[[], object]) -> None:
    """Run each in a thread with a connection of its own; the first failure is ours."""
    failures: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 (handed on below)
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _name(wanted: Wanted) -> str:
    name = ":".join(filter(None, (wanted.line, wanted.owner)))
    return name if wanted.asset in ("RUB", "BTC") else f"{name}@{wanted.asset}"
