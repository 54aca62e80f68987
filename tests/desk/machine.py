"""Does at the desk of a bank what is drawn, and does the same to the plain model of it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import kyc.operations
import kyc.queries
import ledger.operations
import ledger.queries
import licensing.operations
import tax.operations
from common import changes, errors, models, tenancy
from desk import operations, queries
from desk.models import Fill, Order, Withdrawal
from desk.pretrade import Ask
from kyc.models import BankAccount, Client
from tests.desk import plain
from tests.desk.desks import Desk
from tests.desk.drawn import HOUR, Line, steps
from tests.desk.model import Model
from tests.desk.plain import COIN, MAX, ROUBLE, amount
from tests.kyc import clients
from tests.kyc.clients import AT
from tests.kyc.copies import Copies
from tests.licensing import licences

LOTS_OF = 10_000_000 * ROUBLE
CASTS = [
    ("tested", "untested", "firm"),
    ("tested", "qualified"),
    ("abroad", "firm"),
    ("untested", "qualified"),
    ("tested", "abroad"),
    ("tested",),
]
WHO: dict[str, dict[str, Any]] = {
    "tested": {},
    "untested": {"tested": False},
    "abroad": {"residency": "NON_RESIDENT"},
    "qualified": {"category": "QUALIFIED", "tested": False},
    "firm": {"kind": "ENTITY", "category": "LEGAL_ENTITY"},
}
CAPITAL, STOCK = Decimal(3_000_000), "1"  # little, lest nothing is ever short


class Stage:
    """Makes banks for the machine; every category's client is opened once, and copied into them."""

    def __init__(self, make_bank: Callable[[], models.Bank]) -> None:
        self.make_bank = make_bank
        first = make_bank()
        self.players = {name: clients.open_client(first, **WHO[name]).pk for name in WHO}
        self.copies = Copies(first)

    def enter(self, bank: models.Bank, cast: Sequence[str]) -> list[tuple[str, Client]]:
        copied = self.copies.into(bank, [self.players[name] for name in cast])
        return list(zip(cast, copied, strict=True))


class Hands(RuleBasedStateMachine):
    """Does the same at the desk of a fresh bank and to the model."""

    def __init__(self, stage: Stage, told: Counter[str]) -> None:
        super().__init__()
        self.stage, self.told = stage, told
        self.clients: dict[str, Client] = {}
        self.accounts: dict[str, BankAccount] = {}
        self.quotes: dict[str, UUID] = {}  # the last of each client
        self.quoted: dict[UUID, plain.Quote] = {}
        self.proposals: dict[plain.Fill, UUID] = {}
        self.hindered: list[tuple[str, int]] = []  # the last first to be lifted
        self.sent = 0

    @initialize(cast=st.sampled_from(CASTS))
    def open(self, cast: Sequence[str]) -> None:
        self.bank = self.stage.make_bank()
        self.licence_id = licences.licensed(self.bank).pk
        self.desk, self.model = Desk(self.bank), Model(cast)
        instrument = self.desk.instrument(max_quantity=Decimal(8))
        self.instrument_id, self.open_date = instrument.pk, self.model.today
        with self.desk.acting():
            self.book_id = queries.house().book_id
            operations.pay_in_capital(amount_rub=CAPITAL, at=AT)
        self.model.house["own_nostro", "RUB"] = int(CAPITAL) * ROUBLE
        self.model.house["capital", "RUB"] = int(CAPITAL) * ROUBLE
        self.restock(STOCK)
        for pick, (name, client) in enumerate(self.stage.enter(self.bank, cast)):
            self.clients[name] = client
            with self.desk.acting():
                self.accounts[name] = kyc.queries.bank_accounts(client)[0]
            self.deposit(pick, "9000000" if name in ("firm", "qualified") else "650000", own=True)
        first = ("0.01 BTC" if name == "untested" else "0.1 BTC" for name in cast)
        self.place([Line(n, True, size, ("FOK", ""), "") for n, size in enumerate(first)])

    @rule(step=steps)
    def do(self, step: tuple[Any, ...]) -> None:
        getattr(self, step[0])(*step[1:])

    # --- Time ---

    def wait(self, wait: timedelta | str, work: bool) -> None:
        """Let time go by; at midnight the day is closed, at New Year as late as an hour after."""
        now, today = self.model.now, self.model.today
        if wait == "midnight":
            self.close_the_day()
        elif wait == "new year" and today.year < 2024:
            self.see_the_new_year_in()
        else:
            self.model.now = now + (wait if isinstance(wait, timedelta) else HOUR)
        if work:
            self.work()

    def see_the_new_year_in(self) -> None:
        self.model.now = self.model.midnight(date(self.model.today.year + 1, 1, 1)) + HOUR

    def work(self) -> None:
        at = self.model.now
        due = self.model.work()
        with self.desk.acting():
            found = operations.due_orders(at)
            rows = Order.objects.in_bulk(found)
        assert [rows[each].client_order_id for each in found] == [
            str(order.ask.number) for order in due
        ]
        for order_id, order in zip(found, due, strict=True):
            with self.desk.acting():
                operations.work_order(order_id=order_id, at=at)
            self.told[f"worked {order.status}"] += 1

    def close_the_day(self) -> None:
        self.model.now = self.model.midnight(self.model.today + timedelta(days=1))
        gap = min(max((self.model.today - self.open_date).days, 1), 31)  # no book leaves out more
        following = self.open_date + timedelta(days=gap)
        with self.refused_as("close", self.model.close()), self.desk.acting():
            ledger.operations.close_day(
                book_id=self.book_id,
                business_date=self.open_date,
                at=self.model.now,
                next_date=following,
            )
            assert not any(ledger.queries.due(self.book_id).values())
            self.open_date = following

    # --- Roubles in and out ---

    def deposit(self, pick: int, amount: str, own: bool) -> None:
        name, own = self.name(pick), own or len(self.clients) == 1
        account = self.accounts[name if own else self.name(pick + 1)]
        code = self.model.deposit(name, kopecks(amount), own=own)
        with self.refused_as("deposit", code), self.desk.acting():
            operations.record_deposit(
                client_id=self.clients[name].pk,
                bic=account.bic,
                number=account.number,
                amount_rub=Decimal(amount),
                at=self.model.now,
            )

    def withdraw(self, pick: int, amount: str, own: bool) -> None:
        name, own = self.name(pick), own or len(self.clients) == 1
        if amount.startswith("all"):
            free = self.model.clients[name].free_cash + amount.count("+")
            amount = str(Decimal(free).scaleb(-2))
        code = self.model.withdraw(name, kopecks(amount), own=own)
        with self.refused_as("withdrawal", code), self.desk.acting():
            row = operations.request_withdrawal(
                client_id=self.clients[name].pk,
                bank_account_id=self.accounts[name if own else self.name(pick + 1)].pk,
                amount_rub=Decimal(amount),
                at=self.model.now,
            )
            self.tell("withdrawal", row.status, row.codes)
            self.tell("withdrawal", "taxed" if row.tax_rub else "untaxed")

    def go_on(self, back: int, how: str, other: bool) -> None:
        """Decide on a payout, or send it."""
        if not self.model.withdrawals:
            return
        statuses = [each.status for each in self.model.withdrawals]
        if "IN_REVIEW" not in statuses and other:
            how = "settle"
        fit = "PAID" if how == "settle" else "IN_REVIEW"
        place = self.picked(back, [status == fit for status in statuses])
        expected, at = self.model.withdrawals[place], self.model.now
        if how == "settle":
            code = self.model.settle(expected)
        else:
            code = self.model.decide(expected, approve=how == "approve", same=not other)
        with self.refused_as(how, code), self.desk.acting("checker" if other else "tests"):
            row = Withdrawal.objects.order_by("id")[place]
            if how == "approve":
                operations.approve_withdrawal(withdrawal=row, at=at)
            elif how == "refuse":
                operations.refuse_withdrawal(withdrawal=row, reason="no papers", at=at)
            else:
                operations.settle_payout(withdrawal_id=row.pk, at=at)

    def see_to_taxes(self, how: str) -> None:
        """Remit; or end a year, in January, later, or before it is over."""
        year = self.model.today.year
        if how.startswith("remit") and self.model.withheld:
            self.remit(date(2030, 1, 1) if how == "remit all" else self.model.today)
            return
        if how != "end too early":
            waiting = [each for each in self.model.years_to_end() if each < year]
            if not waiting and year < 2024:
                self.see_the_new_year_in()
            year = waiting[0] if waiting else self.model.today.year - 1
        if how == "end late":
            self.model.now += timedelta(days=31)
        with self.refused_as("year end", self.model.year_end(year)), self.desk.acting():
            rows = tax.operations.withhold_year_end(
                book_id=self.book_id, year=year, at=self.model.now
            )
            for row in rows:
                self.tell("year end", "short" if row.not_withheld_rub else "not short")
                self.tell("year end", "over" if row.over_withheld_rub else "not over")
                self.tell("year end", "withheld" if row.withheld_rub else "not withheld")

    def remit(self, until: date) -> None:
        code, sum_ = self.model.remit(until)
        with self.refused_as("remittance", code), self.desk.acting():
            row = tax.operations.remit_tax(book_id=self.book_id, until=until, at=self.model.now)
            assert (row.amount_rub if row else 0) == amount("RUB", sum_)
            self.tell("remittance", "of something" if row else "of nothing")

    # --- Orders ---

    def trade(self, line: Line) -> None:
        self.place([line])

    def place(self, lines: list[Line], fresh: bool = True) -> None:
        asks = [self.ask(line) for line in lines]
        if not fresh:
            asks[-1] = dataclasses.replace(asks[-1], client_order_id=str(self.sent // 2))
        known = {(order.ask.client, str(order.ask.number)) for order in self.model.orders}
        owners = {client.pk: name for name, client in self.clients.items()}
        new = {(owners[ask.client_id], ask.client_order_id) for ask in asks}
        code = "CLIENT_ORDER_ID_TAKEN" if new & known else None
        if any(is_too_fine(ask) for ask in asks):
            code = "AMOUNT_TOO_FINE"
        if len(new) < len(asks):  # that the list itself repeats one is seen first
            code = "CLIENT_ORDER_ID_TAKEN"
        with self.refused_as("list", code):
            placed = self.desk.place(*asks, at=self.model.now)
            for ask, each in zip(asks, placed, strict=True):
                name = owners[ask.client_id]
                quote = self.quoted[ask.quote_id] if ask.quote_id else None
                self.model.place(plainly(ask, name, quote))
                found = [told.code for told in each.refusals]
                self.tell("order", each.order.status, found)
                if quote and quote.most < each.order.ordered_quantity * COIN < MAX:
                    self.tell("above its quote", each.order.status, found)

    def quote(self, name: str, most: str) -> None:
        prices = self.model.quote(int(Decimal(most) * COIN) if most else MAX)
        code = prices if isinstance(prices, str) else None
        with self.refused_as("quote", code), self.desk.acting():
            row = operations.give_quote(
                client_id=self.clients[name].pk,
                instrument="BTC-RUB",
                quantity=Decimal(most) if most else None,
                at=self.model.now,
            )
            assert isinstance(prices, plain.Quote)
            self.quotes[name] = row.pk
            self.quoted[row.pk] = prices

    def cancel(self, back: int) -> None:
        if back < 4 and not any(order.is_resting for order in self.model.orders):
            return
        place = self.picked(back, [each.is_resting for each in self.model.orders])
        code = self.model.end(self.model.orders[place], "CANCELED")
        with self.refused_as("cancel", code), self.desk.acting():
            row = Order.objects.order_by("id")[place]
            operations.cancel_order(order=row, at=self.model.now)

    def bust(self, back: int) -> None:
        if not self.model.fills:
            return
        place = self.picked(back, [not each.busted for each in self.model.fills])
        expected, at = self.model.fills[place], self.model.now
        with self.desk.acting("maker"):
            fill = Fill.objects.order_by("id")[place]
        if expected not in self.proposals:
            code = "FILL_BUSTED" if expected.busted else None
            with self.refused_as("bust proposed", code), self.desk.acting("maker"):
                found = operations.propose_bust(fill=fill, reason="a wrong price", at=at)
                self.proposals[expected] = found.pk
        if expected in self.proposals:
            code = self.model.bust(expected)
            with self.refused_as("bust", code), self.desk.acting("checker"):
                changes.approve(
                    actor=tenancy.current().actor,
                    proposal_id=self.proposals[expected],
                    reason="seen",
                    at=at,
                )
                del self.proposals[expected]

    # --- What stands in the way, and the inventory ---

    def restock(self, quantity: str) -> None:
        code = self.model.restock(int(Decimal(quantity) * COIN))
        with self.refused_as("restock", code), self.desk.acting():
            operations.buy_stock(
                instrument_id=self.instrument_id, quantity=Decimal(quantity), at=self.model.now
            )

    def hinder(self, what: str, pick: int, lift: bool) -> None:
        """Freeze a client, suspend the licence or halt the instrument; or mostly lift the last."""
        if lift and self.hindered:
            what, pick = self.hindered.pop()
            self.change(what, pick, lift=True)
        elif self.change(what, pick, lift=False):
            self.hindered.append((what, pick))

    def change(self, what: str, pick: int, *, lift: bool) -> bool:
        """Put a hindrance in the way, or lift it; say whether it was not there, or was."""
        client = self.model.clients[self.name(pick)]
        stands = {
            "freeze": client.status == "FROZEN",
            "suspend": not self.model.licensed,
            "halt": not self.model.open,
        }[what]
        code = None if stands == lift else "STATUS_CONFLICT"
        said: dict[str, Any] = {"reason": "told to", "at": self.model.now}
        officer = licences.officer(self.bank.jurisdiction_id, "maker")
        with self.refused_as(f"lift {what}" if lift else what, code):
            if what == "suspend":
                move = licensing.operations.suspend_licence
                move = licensing.operations.reinstate_licence if lift else move
                with tenancy.acting(None, officer):
                    move(licence_id=self.licence_id, **said)
            elif what == "halt":
                halt = operations.reopen_instrument if lift else operations.halt_instrument
                with self.desk.acting():
                    halt(instrument_id=self.instrument_id, **said)
            else:
                said["client_id"] = self.clients[client.name].pk
                with self.desk.acting():
                    if lift:
                        kyc.operations.unfreeze_client(**said)
                    else:
                        kyc.operations.freeze_client(code="SUSPICION", **said)
        client.status = ("OPEN" if lift else "FROZEN") if what == "freeze" else client.status
        self.model.licensed = lift if what == "suspend" else self.model.licensed
        self.model.open = lift if what == "halt" else self.model.open
        return code is None

    # --- What the rules share ---

    @contextmanager
    def refused_as(self, what: str, code: str | None = None) -> Iterator[None]:
        """See that what follows is refused by that rule, or done."""
        told = "DONE"
        try:
            yield
        except errors.Refused as refusal:
            told = refusal.code
        assert told == (code or "DONE"), what
        self.told[f"{what} {told}"] += 1

    def tell(self, what: str, status: str, codes: Sequence[str] = ()) -> None:
        """Count an outcome that is kept: by its codes where it was refused, by its status else."""
        self.told.update(f"{what} {told}" for told in codes or [status])

    def name(self, pick: int) -> str:
        return list(self.clients)[pick % len(self.clients)]

    def picked(self, back: int, fit: Sequence[bool]) -> int:
        """Return the place of a row, counted from the last: of those that fit, or now and then."""
        places = [place for place, fits in enumerate(fit) if fits or back > 4]
        places = places or list(range(len(fit)))
        return places[-min(back, len(places))]

    def ask(self, line: Line) -> Ask:
        name = self.name(line.pick)
        client, (size, unit) = self.model.clients[name], line.size.split()
        there = self.model.house["position", "BTC"] if line.buys else client.free_coins
        known = {
            "all BTC": there,
            "all+ BTC": there + 1,
            "half BTC": client.free_coins // 2,
            "third BTC": client.free_coins // 3,
            "half RUB": client.free_cash // 2,
            "third RUB": client.free_cash // 3,
            "all RUB": client.free_cash,
            "all+ RUB": client.free_cash + ROUBLE,
            "limit RUB": min(client.limit_left(self.model.today.year), LOTS_OF),
            "limit+ RUB": min(client.limit_left(self.model.today.year) + ROUBLE, LOTS_OF),
        }
        found = known.get(line.size)
        value = Decimal(size) if found is None else amount(unit, found)
        force, limit = line.terms
        if line.quoted.startswith("now"):
            self.quote(name, line.quoted.removeprefix("now").strip())
        self.sent += 1
        return Ask(
            client_id=self.clients[name].pk,
            client_order_id=str(self.sent),
            instrument="BTC-RUB",
            side="BUY" if line.buys else "SELL",
            kind="LIMIT" if limit else "MARKET",
            time_in_force=force,
            quantity=value if unit == "BTC" else None,
            amount_rub=value if unit == "RUB" else None,
            limit_price_rub=Decimal(limit) if limit else None,
            quote_id=self.quotes.get(name) if line.quoted else None,
        )


def kopecks(text: str) -> int:
    """Return whole kopecks; nothing of what is finer."""
    return int(Decimal(text) * ROUBLE)


def is_too_fine(ask: Ask) -> bool:
    whole = (ask.quantity or 0) * COIN, (ask.amount_rub or 0) * ROUBLE
    return any(each % 1 for each in whole)


def plainly(ask: Ask, name: str, quote: plain.Quote | None) -> plain.Ask:
    return plain.Ask(
        number=int(ask.client_order_id),
        client=name,
        buys=ask.side == "BUY",
        force=ask.time_in_force,
        quantity=None if ask.quantity is None else int(ask.quantity * COIN),
        amount=None if ask.amount_rub is None else int(ask.amount_rub * ROUBLE),
        limit=None if ask.limit_price_rub is None else int(ask.limit_price_rub * ROUBLE),
        quote=quote,
    )
