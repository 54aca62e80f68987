"""`manage.py demo`: two banks, one Moscow day in their books, closed and proved.

A second run finds what the first one made, says so and goes on.
"""

import secrets
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from common import errors, models, tenancy, users
from ledger import operations, queries
from ledger.chart import LINES
from ledger.operations import NewEntry, Wanted

DAY = date(2022, 2, 24)
MORNING = datetime(2022, 2, 24, 6, 0, tzinfo=UTC)  # 09:00 in Moscow
EVENING = datetime(2022, 2, 24, 18, 0, tzinfo=UTC)
STATE = "ru-2022"
BANKS = (("north", "Northern Bank"), ("volga", "Volga Bank"))
STAFF = (users.Role.OPERATIONS, users.Role.DEALER, users.Role.AUDITOR)

# A day as an accountant would write it: what happened, and the signed lines, debit positive.
JOURNAL = (
    ("capital", "capital paid in", {"own_nostro": "1000000000", "capital": "-1000000000"}),
    ("venue_trade", "1 BTC bought on the venue at 2,900,000",
     {"own_custody": "1", "position": "-1", "currency_position": "2900000",
      "own_nostro": "-2900000"}),
    ("deposit", "Anna pays in", {"segregated_nostro": "400000", "client_cash:cli_anna": "-400000"}),
    ("trade", "Anna buys 0.1 BTC at 3,000,000, fee 1,500",
     {"client_cash:cli_anna": "301500", "currency_position": "-300000", "fees": "-1500",
      "position": "0.1", "client_crypto:cli_anna": "-0.1"}),
    ("trade", "Anna sells 0.04 BTC at 3,100,000, fee 620",
     {"client_crypto:cli_anna": "0.04", "position": "-0.04", "currency_position": "124000",
      "client_cash:cli_anna": "-123380", "fees": "-620"}),
    ("withdrawal", "Anna withdraws 50,000: 361 withheld as tax",
     {"client_cash:cli_anna": "50000", "tax_payable": "-361", "payouts_in_flight": "-49639"}),
    ("payout", "the payout leaves", {"payouts_in_flight": "49639", "segregated_nostro": "-49639"}),
)  # fmt: skip


class Command(BaseCommand):
    help = "Opens a jurisdiction and two banks, books a day, closes it and proves the books."

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console()
        state_id = _the_state(console)
        for code, name in BANKS:
            _the_bank(console, state_id, code, name)
        call_command("verify")


def _the_state(console: Console) -> UUID:
    """Return the demo's jurisdiction, opened in the morning of the day if it is not there."""
    with suppress(errors.Refused):
        return users.house_of(f"gov.{STATE}").jurisdiction_id
    state = users.register_jurisdiction(
        code=STATE, name="Russia under the 2022 bill", at=MORNING, wall_at=timezone.now()
    )
    logins = _logins("The supervisor")
    with tenancy.acting(None, users.supervisor_of(state.id)):
        _add_user(logins, users.Role.SUPERVISOR, f"gov.{STATE}")
    console.print(logins)
    return state.id


def _the_bank(console: Console, state_id: UUID, code: str, name: str) -> None:
    """Open a bank if it is not there; book and close its day, and add its staff, all or nothing."""
    supervisor = users.supervisor_of(state_id)
    with suppress(errors.Refused):
        users.register_bank(actor=supervisor, code=code, name=name)
    bank_id = users.house_of(code).bank_id
    with tenancy.acting(bank_id, users.job("demo", bank_id)):
        if queries.books().exists():
            console.print(f"{name} is there already, with its books.")
            return
        logins = _logins(name)
        for role in STAFF:
            _add_user(logins, role, code)
        book_id = _book_the_day()
        close = operations.close_day(book_id=book_id, business_date=DAY, at=EVENING)
        console.print(_trial_balance(name, book_id))
        console.print(f"Chain head of the day: {bytes(close.head).hex()}\n")
        console.print(logins)


def _logins(house: str) -> Table:
    table = Table(title=f"{house}: log-ins, shown once")
    for column in ("log-in", "password", "role"):
        table.add_column(column)
    return table


def _add_user(logins: Table, role: users.Role, house: str) -> models.User:
    password = secrets.token_urlsafe(12)
    user = users.create_user(
        username=role.value, name=role.value.replace("_", " "), role=role, password=password
    )
    logins.add_row(f"{role.value}@{house}", password, role.value)
    return user


def _book_the_day() -> UUID:
    book_id = operations.open_book(code="main", open_date=DAY, at=MORNING)
    names = sorted({name for _, _, lines in JOURNAL for name in lines})
    opened = operations.open_accounts(
        book_id=book_id, accounts=[_wanted(name) for name in names], at=MORNING
    )
    account = dict(zip(names, opened, strict=True))
    for kind, reason, lines in JOURNAL:
        signed = [(account[name], Decimal(text)) for name, text in lines.items()]
        operations.post_entry(book_id=book_id, entry=NewEntry(kind, MORNING, signed, reason=reason))
    return book_id


def _wanted(name: str) -> Wanted:
    line, _, owner = name.partition(":")
    asset = "BTC" if LINES[line].currency is False else "RUB"
    return Wanted(line, asset, owner)


def _trial_balance(bank: str, book_id: UUID) -> Table:
    table = Table(title=f"{bank}: trial balance of {DAY}")
    table.add_column("line")
    table.add_column("asset")
    for column in ("debit", "credit", "balance"):
        table.add_column(column, justify="right")
    for row in queries.trial_balance(book_id, DAY):
        figures = (f"{figure.normalize():,f}" for figure in (row.debit, row.credit, row.balance))
        table.add_row(LINES[row.line].title, row.asset, *figures)
    return table
