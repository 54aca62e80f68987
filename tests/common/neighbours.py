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

import kyc.queries as kyc_queries
import licensing.operations
import tax.operations as tax_operations
from common import idempotency, ids, models, outbox, tenancy, users
from desk import models as desk
from kyc.models import Client
from ledger import operations
from tax.operations import Acquired, Disposed
from tests.kyc import clients
from tests.ledger.books import AT, DAY, open_books
from tests.licensing import licences

WALL = datetime(2026, 1, 1, tzinfo=UTC)
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
        idempotency.run(key="1", user_id=ann.pk, request_sha256="", effect=lambda: answer)
        outbox.emit("test.moved_in", {}, AT)
        operations.open_book(code="spare", open_date=DAY, at=AT)
        operations.close_day(book_id=books.book_id, business_date=date(2022, 2, 25), at=AT)
    books.post("deposit", ("segregated_nostro", "1"), ("client_cash:cli_anna", "-1"))
    with books.acting():
        client = users.create_user(
            username="cleo", name="cleo", role=users.Role.CLIENT, password="a long walk home"
        )
    clients.move_in(bank, client)
    _be_licensed(bank)
    _trade(bank, books.book_id)
    outbox.number_events(bank.id)
    assert outbox.deliver_next(bank.id, f"{__name__}.greet", WALL)


def _be_licensed(bank: models.Bank) -> None:
    """Apply for a licence, be asked and answer."""
    licences.under(bank.jurisdiction_id, assets=licences.ASSETS)
    sent = licences.applied(bank)
    with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
        licence = licensing.operations.acknowledge(application_id=sent.pk, at=AT)
        question = licensing.operations.ask_question(licence_id=licence.pk, text="Who?", at=AT)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        licensing.operations.answer_question(question_id=question.pk, text="We.", at=AT)


def _trade(bank: models.Bank, book_id: UUID) -> None:
    """Buy and sell for a client, withdraw with tax withheld, and remit it."""
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        client = Client.objects.order_by("id")[0]
        owner = ids.show(Client.id_prefix, client.pk)
        nostro, cash, payable, in_flight = operations.open_accounts(
            book_id=book_id,
            accounts=[
                operations.Wanted("segregated_nostro", "RUB"),
                operations.Wanted("client_cash", "RUB", owner),
                operations.Wanted("tax_payable", "RUB"),
                operations.Wanted("payouts_in_flight", "RUB"),
            ],
            at=AT,
        )
        gross = Decimal(10_000)
        deposit = operations.NewEntry("deposit", AT, [(nostro, gross), (cash, -gross)])
        operations.post_entry(book_id=book_id, entry=deposit)
        bought = [ids.new(), ids.new()]
        one, cost = Decimal(1), Decimal(1_000)
        tax_operations.record_fills(
            fills=[
                *(Acquired(client.pk, "BTC", fill, AT, one, cost) for fill in bought),
                Disposed(client.pk, "BTC", ids.new(), AT, one, Decimal(101_000)),
            ]
        )
        entry_id = ids.new()
        found = tax_operations.withhold_at_payout(
            standing=kyc_queries.lock_clients([client.pk])[client.pk],
            payout_rub=gross,
            at=AT,
            payout_ref="",
            entry_id=entry_id,
        )
        lines = [(cash, gross), (payable, -found.withheld_rub), (in_flight, -found.net_rub)]
        operations.post_entry(
            book_id=book_id, entry=operations.NewEntry("withdrawal", AT, lines, id=entry_id)
        )
        tax_operations.remit_tax(book_id=book_id, until=date(2022, 12, 31), at=AT)
        _order(bank.pk, client, entry_id)


def _order(bank_id: UUID, client: Client, entry_id: UUID) -> None:
    """Write a row of each of the desk's tables, and of those that others point at one to spare."""
    account = kyc_queries.bank_accounts(client)[0]
    whose: dict[str, Any] = {"bank_id": bank_id, "client": client, "at": AT}
    by: dict[str, Any] = {"actor": "usr_1"}
    one = Decimal(1)
    for code in ("BTC-RUB", "ETH-RUB"):
        instrument = desk.Instrument.objects.create(
            bank_id=bank_id, code=code, asset_id=code[:3], spread_bps=50, fee_bps=50,
            min_quantity=one, max_quantity=one, tick_rub=one,
        )  # fmt: skip
    desk.Quote.objects.create(
        **whose,
        instrument=instrument,
        bid_rub=one,
        ask_rub=one,
        mid_rub=one,
        source="",
        expires_at=AT,
    )
    for status, codes in (("FILLED", []), ("REJECTED", ["LICENCE_MISSING"])):
        order = desk.Order.objects.create(
            **whose, **by, instrument=instrument, client_order_id=status, side="BUY",
            kind="MARKET", time_in_force="FOK", status=status, codes=codes, ordered_quantity=one,
            limit_year=2022, licence_version=0,
        )  # fmt: skip
        if status == "FILLED":
            desk.Fill.objects.create(
                bank_id=bank_id, order=order, quantity=one, price_rub=one, notional_rub=one,
                fee_rub=one, entry_id=entry_id, at=AT,
            )  # fmt: skip
    desk.Deposit.objects.create(
        **whose, **by, bank_account=account, amount_rub=one, entry_id=entry_id
    )
    desk.Withdrawal.objects.create(
        **whose, **by, bank_account=account, status="IN_REVIEW", gross_rub=one
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
