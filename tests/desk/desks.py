"""A bank that trades, as tests want one: licensed, funded, with coins and clients.

The market stands still: 3,000,000 for a bitcoin; with a spread of 100 basis points the desk sells
at 3,015,000 and buys at 2,985,000; its fee is 50 basis points.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import desk.invariants
import kyc.queries
import ledger.invariants
import ledger.queries
import tax.invariants
import tax.queries
from common import changes, errors, models, tenancy, users
from desk import operations, queries
from desk.models import Fill, Instrument, Order, Withdrawal
from desk.operations import Placed
from desk.pretrade import Ask
from kyc.models import Client
from kyc.standing import used_rub
from tests.kyc import clients
from tests.kyc.clients import AT
from tests.licensing import licences

_numbers = itertools.count(1)
_DECIMALS = ("quantity", "amount_rub", "limit_price_rub")


@dataclasses.dataclass
class Desk:
    """A bank's desk; amounts are written as text."""

    bank: models.Bank

    @contextmanager
    def acting(self, name: str = "tests") -> Iterator[None]:
        office = users.job(name, self.bank.pk)
        may = dataclasses.replace(office, scopes=users.ROLES[users.Role.HEAD_OF_DESK])
        with tenancy.acting(self.bank.pk, may):
            yield

    def instrument(self, asset: str = "BTC", **changed: Any) -> Instrument:
        bounds: dict[str, Any] = {
            "spread_bps": 100,
            "fee_bps": 50,
            "min_quantity": Decimal("0.0001"),
            "max_quantity": Decimal(100),
            "tick_rub": Decimal(1),
        }
        with self.acting():
            return operations.create_instrument(asset=asset, at=AT, **(bounds | changed))

    def stock(self, quantity: str, asset: str = "BTC") -> None:
        """Buy coins on the venue from fresh capital."""
        with self.acting():
            row = Instrument.objects.get(asset=asset)
            operations.pay_in_capital(amount_rub=Decimal(1_000_000_000), at=AT)
            operations.buy_stock(instrument_id=row.pk, quantity=Decimal(quantity), at=AT)

    def client(self, roubles: str = "", **named: Any) -> Client:
        """Return an open client, with so many roubles paid in."""
        client = clients.open_client(self.bank, **named)
        if roubles:
            self.deposit(client, roubles)
        return client

    def deposit(self, client: Client, roubles: str, at: datetime = AT) -> None:
        with self.acting():
            account = kyc.queries.bank_accounts(client)[0]
            operations.record_deposit(
                client_id=client.pk,
                bic=account.bic,
                number=account.number,
                amount_rub=Decimal(roubles),
                at=at,
            )

    def place(self, *asks: Ask, at: datetime = AT) -> list[Placed]:
        for overtaken in (False, True):
            try:
                with self.acting():
                    return operations.place_orders(asks=asks, at=at, overtaken=overtaken)
            except errors.Overtaken:
                assert not overtaken
        raise AssertionError

    def buy(self, client: Client, at: datetime = AT, **said: Any) -> Placed:
        return self.place(ask(client, "BUY", **said), at=at)[0]

    def sell(self, client: Client, at: datetime = AT, **said: Any) -> Placed:
        return self.place(ask(client, "SELL", **said), at=at)[0]

    def withdraw(self, client: Client, roubles: str, at: datetime = AT) -> Withdrawal:
        with self.acting():
            return operations.request_withdrawal(
                client_id=client.pk,
                bank_account_id=kyc.queries.bank_accounts(client)[0].pk,
                amount_rub=Decimal(roubles),
                at=at,
            )

    def work(self, at: datetime = AT) -> None:
        """Execute and expire what is due of the orders that rest."""
        with self.acting():
            due = operations.due_orders(at)
        for order_id in due:
            with self.acting():
                operations.work_order(order_id=order_id, at=at)

    def cancel(self, order: Order, at: datetime = AT) -> Order:
        with self.acting():
            return operations.cancel_order(order=Order.objects.get(pk=order.pk), at=at)

    def bust(self, fill: Fill, at: datetime = AT) -> None:
        with self.acting("maker"):
            proposed = operations.propose_bust(fill=fill, reason="a wrong price", at=at)
        checker = dataclasses.replace(
            users.job("checker", self.bank.pk), scopes=users.ROLES[users.Role.HEAD_OF_DESK]
        )
        with tenancy.acting(self.bank.pk, checker):
            changes.approve(actor=checker, proposal_id=proposed.pk, reason="seen", at=at)

    # --- What there is ---------------------------------------------------------------------------

    def order(self, placed: Placed) -> Order:
        with self.acting():
            return Order.objects.get(pk=placed.order.pk)

    def fills(self) -> list[Fill]:
        with self.acting():
            return list(Fill.objects.order_by("id"))

    def cash(self, client: Client) -> Decimal:
        """The client's free roubles."""
        with self.acting():
            book_id = queries.house().book_id
            return tax.queries.free_cash(book_id, [client.pk])[client.pk][1]

    def used(self, client: Client, year: int = 2022) -> Decimal:
        """What the client has used of the year's limit."""
        with self.acting():
            return used_rub(kyc.queries.standing(client.pk), year)

    def coins(self, client: Client) -> dict[str, Decimal]:
        with self.acting():
            return {each.asset: each.quantity for each in queries.positions(client.pk, AT)}

    def account(self, line: str, asset: str = "RUB") -> Decimal:
        """The balance of a house account that is kept with one."""
        with self.acting():
            free = ledger.queries.free(book_id=queries.house().book_id, lines=[line])
            return free[line, asset, ""][1]

    def broken(self) -> list[tuple[str, str, str]]:
        """What is wrong in the bank's books, tax and desk: the rule, the row, the wrong."""
        with self.acting():
            return [
                (rule.__name__, *found)
                for floor in (ledger.invariants, tax.invariants, desk.invariants)
                for rule in floor.INVARIANTS
                for found in rule()
            ]


def ask(client: Client | UUID, side: str, **said: Any) -> Ask:
    """Return an order: at the market and all or none unless it says otherwise."""
    client_id = client if isinstance(client, UUID) else client.pk
    limit = said.get("limit_price_rub") is not None
    whole: dict[str, Any] = {
        "client_order_id": f"own-{next(_numbers)}",
        "instrument": "BTC-RUB",
        "kind": "LIMIT" if limit else "MARKET",
        "time_in_force": "GTC" if limit else "FOK",
    } | said
    for name in _DECIMALS:
        if isinstance(whole.get(name), str):
            whole[name] = Decimal(whole[name])
    return Ask(client_id=client_id, side=side, **whole)


def open_desk(bank: models.Bank, stock: str = "10", **granted: Any) -> Desk:
    """License a bank, open BTC-RUB and lay in coins."""
    licences.licensed(bank, **granted)
    opened = Desk(bank)
    opened.instrument()
    if stock:
        opened.stock(stock)
    return opened


def codes(placed: Placed) -> list[str]:
    """Return what refused an order."""
    return [refusal.code for refusal in placed.refusals]
