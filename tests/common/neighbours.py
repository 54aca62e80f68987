"""Banks that look alike: each with a row in every tenant's table, under the same names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.db.models import Model

import licensing.operations
import reporting.operations
import tax.operations
from common import idempotency, models, outbox, tenancy, users
from desk import operations as trading
from desk import queries
from kyc.models import Client
from ledger import operations
from reporting import work
from reporting.catalogue import Period
from reporting.models import ReportRun
from tests.desk import desks
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.kyc import clients
from tests.ledger.books import AT, DAY, Books, open_books
from tests.licensing import licences

WALL = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = date(2022, 2, 25)
LATER = datetime(2030, 1, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class Street:
    """`a` and `b` belong to one state, `abroad` to another."""

    a: models.Bank
    b: models.Bank
    abroad: models.Bank

    @property
    def banks(self) -> tuple[models.Bank, ...]:
        return self.a, self.b, self.abroad


@outbox.reacts_to("test.moved_in")
def greet(event: outbox.Event) -> None:
    """Leave nothing but the `Reaction`."""


def move_in(bank: models.Bank) -> None:
    """Write the bank's rows by the operations that write them in earnest.

    Each table that others point at has a row to spare, which none of them points at yet.
    """
    actor = users.job("tests", bank.id)
    books = open_books(bank.id, actor)
    books.post("deposit", ("segregated_nostro", "100"), ("client_cash:cli_anna", "-100"))
    with books.acting():
        operations.place_hold(
            account_id=books.accounts["client_cash:cli_anna"], amount=Decimal(1), at=AT
        )
        operations.take_cut(book_id=books.book_id, at=AT)
        operations.close_day(book_id=books.book_id, business_date=DAY, at=AT)
        for name in ("ann", "bob"):
            users.create_user(
                username=name, name=name, role=users.Role.OPERATIONS, password="a long walk home"
            )
        ann = models.User.objects.get(username="ann")
        users.issue_key(user_id=ann.pk, name="robot", scopes=(), expires_at=LATER, at=AT)
        LogEntry.objects.create(
            user_id=ann.pk,
            content_type=ContentType.objects.get_for_model(models.User),
            object_id=str(ann.pk),
            action_flag=CHANGE,
        )
        answer = idempotency.Answer(201, "{}")
        idempotency.run(key="1", user_id=ann.pk, request_sha256="", effect=lambda _: answer)
        outbox.emit("test.moved_in", {}, AT)
        operations.open_book(code="spare", open_date=DAY, at=AT)
        operations.close_day(book_id=books.book_id, business_date=SECOND, at=AT)
    books.post("deposit", ("segregated_nostro", "1"), ("client_cash:cli_anna", "-1"))
    with books.acting():
        client = users.create_user(
            username="cleo", name="cleo", role=users.Role.CLIENT, password="a long walk home"
        )
    clients.move_in(bank, client)
    _be_licensed(bank)
    _trade(bank)
    _report(books)
    outbox.number_events(bank.id)
    assert outbox.deliver_next(bank.id, f"{__name__}.greet", WALL)


def _be_licensed(bank: models.Bank) -> None:
    """Apply for a licence, be asked, answer, and be granted it."""
    licences.under(bank.jurisdiction_id, assets=licences.ASSETS)
    sent = licences.applied(bank)
    with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
        licence = licensing.operations.acknowledge(application_id=sent.pk, at=AT)
        question = licensing.operations.ask_question(licence_id=licence.pk, text="Who?", at=AT)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        licensing.operations.answer_question(question_id=question.pk, text="We.", at=AT)
    licences.grant(licence)


def _trade(bank: models.Bank) -> None:
    """Deposit, buy and sell, be refused, withdraw with tax withheld and remit it."""
    desk = desks.Desk(bank)
    desk.instrument()
    desk.instrument("ETH")
    desk.stock("10")
    with desk.acting():
        client = Client.objects.filter(status="OPEN").order_by("id")[0]
    desk.deposit(client, "10000000")
    desk.buy(client, at=FALLEN_AT, quantity="1")
    desk.buy(client, quantity="0.0001")
    desk.sell(client, at=RISEN_AT, quantity="1")
    desk.buy(client, quantity="99", client_order_id="refused")
    desk.buy(client, quantity="0.1", limit_price_rub="1000000")
    desk.withdraw(client, "100000", at=RISEN_AT)
    desk.withdraw(client, "3000000", at=RISEN_AT)
    with desk.acting():
        trading.give_quote(client_id=client.pk, instrument="BTC-RUB", at=AT)
        book_id = queries.house().book_id
        tax.operations.remit_tax(book_id=book_id, until=date(2022, 12, 31), at=RISEN_AT)


def _report(books: Books) -> None:
    """Make a report of the second day, which is closed, and leave one of the first to be made."""
    with books.acting():
        runs = [
            reporting.operations.request_run(
                report="daily-register", period=Period(day, day), at=RISEN_AT
            )
            for day in (DAY, SECOND)
        ]
    for _ in work.make_all(books.bank_id, runs[1].pk, lambda: WALL):
        """Each step commits."""
    with books.acting():  # a run to spare, without files
        register = runs[0]
        ReportRun.objects.create(
            bank_id=books.bank_id,
            bank_code=register.bank_code,
            jurisdiction_id=register.jurisdiction_id,
            report="tax-withheld",
            version=1,
            recipient="tax_authority",
            first_date=DAY,
            last_date=DAY,
            closes=register.closes,
            status="DONE",
            actor="job:tests",
            at=RISEN_AT,
        )


# --- Raw SQL -------------------------------------------------------------------------------------


def kind(model: type[Model]) -> tenancy.Kind:
    """Whose the table's rows are."""
    declared = tenancy.declared(model)
    assert declared is not None
    return declared.kind


def column(model: type[Model]) -> str:
    """The column that names the tenant."""
    declared = tenancy.declared(model)
    assert declared is not None
    return declared.column


@contextmanager
def as_app(bank_id: UUID) -> Iterator[str]:
    """A transaction of the application's role for a bank; yields the connection's alias."""
    with tenancy.acting(bank_id, users.job("tests", bank_id)):
        yield "default"


@contextmanager
def as_owner(bank_id: UUID | None) -> Iterator[str]:
    """A transaction of the owner's role for a bank; yields the connection's alias."""
    with transaction.atomic(using="owner"):
        select("SELECT set_config('perimeter.bank', %s, true)", str(bank_id or ""), using="owner")
        yield "owner"


def select(sql: str, *params: Any, using: str = "default") -> list[Any]:
    """The first column of the rows."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        return [row[0] for row in cursor.fetchall()]


def tenants_in(model: type[Model], using: str = "default") -> set[UUID | None]:
    """Whose rows the connection sees in the table."""
    return set(select(f"SELECT DISTINCT {column(model)} FROM {model._meta.db_table}", using=using))


def fingerprint(model: type[Model], bank_id: UUID) -> str:
    """All that the bank has in the table."""
    all_rows = f"SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM {model._meta.db_table} t"
    with as_owner(bank_id) as using:
        return str(select(all_rows, using=using))
