"""The books against a plain model of them: whatever is done in whatever order, both agree."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid5

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common import errors, models, users
from ledger import chart, operations, queries
from ledger.models import Entry
from ledger.operations import NewEntry, Wanted
from tests.ledger.books import AT, DAY, Books, open_books
from tests.ledger.model import Lines, Model, PlainAccount, PlainEntry, PlainHold, is_amount

RUNS, STEPS = 300, 30

# What changes with each step, in one statement, for it is asked for after each.
KEPT = """
SELECT json_build_array(
    (SELECT json_agg(json_build_array(account_id, balance, held)) FROM ledger_balance),
    (SELECT json_agg(json_build_array(id, status)) FROM ledger_hold))::text
"""

MONEY = ["segregated_nostro", "own_nostro", "client_cash:anna", "client_cash:boris", "capital"]
COINS = ["segregated_custody", "own_custody", "client_crypto:anna", "position"]
OPENED_LATER = ["client_cash:boris", "client_crypto:anna"]
FIRST = [  # the bank opens with some capital, some coins and one client's deposit
    [("own_nostro", Decimal(500)), ("capital", Decimal(-500))],
    [("own_custody", Decimal(20)), ("position", Decimal(-20))],
    [("segregated_nostro", Decimal(200)), ("client_cash:anna", Decimal(-200))],
]


def wanted_of(name: str) -> Wanted:
    line, _, owner = name.partition(":")
    return Wanted(line, "BTC" if name in COINS else "RUB", owner)


# --- What is tried -------------------------------------------------------------------------------

USUAL = ["1", "2.5", "7", "10", "100", "0.01"]
ODD = ["0", "-0", "0.001", "0.000000001", "NaN", "Infinity", "-Infinity", "1e20"]
amounts = st.sampled_from(USUAL * 20 + ODD).map(Decimal)


def transfers(debits: Sequence[str], credits_: Sequence[str]) -> st.SearchStrategy[Lines]:
    return st.builds(
        lambda debit, credit, amount: [(debit, amount), (credit, -amount)],
        st.sampled_from(debits),
        st.sampled_from(credits_),
        amounts,
    )


deposits = transfers(["segregated_nostro"], MONEY[2:4])
signed = st.builds(lambda amount, negate: -amount if negate else amount, amounts, st.booleans())
anything = st.lists(st.tuples(st.sampled_from(MONEY + COINS), signed), max_size=3)
entries = st.one_of(
    deposits,
    transfers(["own_nostro", "segregated_nostro"], ["capital"]),
    transfers(["own_custody"], ["position"]),
    transfers(["position"], ["client_crypto:anna"]),
    transfers(MONEY, MONEY),
    transfers(COINS, COINS),
    st.builds(
        lambda money, coins: [*money, *coins], transfers(MONEY, MONEY), transfers(COINS, COINS)
    ),
    st.builds(lambda lines: lines[:1], deposits),
    anything,
)
holders = st.sampled_from(["client_cash:anna"] * 6 + MONEY + COINS)  # mostly one, to have several
picks = st.lists(st.integers(0, 5), max_size=3)  # of holds, often of one that has ended
minutes = st.integers(0, 3)


class BooksMachine(RuleBasedStateMachine):
    """Does the same to the books of a fresh bank and to the model."""

    def __init__(self, bank: models.Bank, told: Counter[str]) -> None:
        super().__init__()
        self.told = told
        self.model = Model()
        accounts = {n: PlainAccount(wanted_of(n)) for n in MONEY + COINS if n not in OPENED_LATER}
        self.model.accounts.update(accounts)
        wanted = [account.wanted for account in accounts.values()]
        self.books: Books = open_books(bank.id, users.job("tests", bank.id), wanted)
        self.post_entries(FIRST, [])

    @rule(name=st.sampled_from(MONEY + COINS))
    def open_account(self, name: str) -> None:
        self.books.open(wanted_of(name))
        self.model.accounts.setdefault(name, PlainAccount(wanted_of(name)))

    @rule(lines=deposits)
    def deposit(self, lines: Lines) -> None:
        self.post_entry(lines, [])

    @rule(lines=entries, picks=picks, minutes=minutes)
    def post_entry(self, lines: Lines, picks: list[int], minutes: int = 0) -> None:
        holds = self.picked(picks)
        entry = self.new_entry(lines, minutes)
        with self.refused_as(self.model.judge([lines], holds, entry.at)), self.books.acting():
            operations.post_entry(
                book_id=self.books.book_id, entry=entry, holds=[hold.id for hold in holds]
            )
            self.model.end(holds, "POSTED")
            self.model.post(PlainEntry(entry.id, lines))

    @rule(many=st.lists(entries, max_size=3), picks=picks)
    def post_entries(self, many: list[Lines], picks: list[int]) -> None:
        holds = self.picked(picks)
        new = [self.new_entry(lines) for lines in many]
        with self.refused_as(self.model.judge(many, holds)), self.books.acting():
            operations.post_entries(
                book_id=self.books.book_id, entries=new, holds=[hold.id for hold in holds]
            )
            self.model.end(holds, "POSTED")
            for entry, lines in zip(new, many, strict=True):
                self.model.post(PlainEntry(entry.id, lines))

    @rule(name=holders, amount=amounts, minutes=minutes | st.none())
    def place_hold(self, name: str, amount: Decimal, minutes: int | None) -> None:
        expires_at = None if minutes is None else AT + timedelta(minutes=minutes)
        code = self.judge_hold(name, amount)
        if minutes == 0 and code != "ACCOUNT_UNKNOWN":
            code = "HOLD_EXPIRED"
        with self.refused_as(code), self.books.acting():
            hold_id = operations.place_hold(
                account_id=self.account_id(name), amount=amount, at=AT, expires_at=expires_at
            )
            self.model.holds.append(PlainHold(hold_id, name, amount, expires_at))
            self.model.accounts[name].held += amount

    @precondition(lambda self: self.model.holds)
    @rule(picks=picks)
    def release(self, picks: list[int]) -> None:
        holds = self.picked(picks)
        pending = all(hold.status == "PENDING" for hold in holds)
        with self.refused_as(None if pending else "HOLD_NOT_PENDING"), self.books.acting():
            ids = [hold.id for hold in holds]
            assert operations.void_holds(holds=ids, at=AT) == len(holds)
            self.model.end(holds, "VOIDED")

    @precondition(lambda self: self.model.holds)
    @rule(minutes=minutes)
    def expire(self, minutes: int) -> None:
        at = AT + timedelta(minutes=minutes)
        due = [
            hold
            for hold in self.model.holds
            if hold.status == "PENDING" and hold.expires_at and hold.expires_at <= at
        ]
        with self.books.acting():
            assert operations.expire_holds(at=at) == len(due)
        self.model.end(due, "EXPIRED")

    @precondition(lambda self: self.model.entries)
    @rule(pick=st.integers(0, 50))
    def reverse(self, pick: int) -> None:
        original = self.model.entries[pick % len(self.model.entries)]
        mirror = [(name, -amount) for name, amount in original.lines]
        code = self.model.judge([mirror])
        if original.is_reversal:
            code = "REVERSAL_OF_REVERSAL"
        elif original.is_reversed:
            code = "ALREADY_REVERSED"
        with self.refused_as(code), self.books.acting():
            entry = operations.reverse_entry(entry_id=original.id, at=AT, reason="")
            self.model.post(PlainEntry(entry.id, mirror, is_reversal=True))
            original.is_reversed = True

    @precondition(lambda self: self.model.is_busy)
    @rule()
    def close(self) -> None:
        model, day, sweeps = self.model, self.model.open_date, self.model.sweeps()
        with self.refused_as(model.judge(sweeps) if sweeps else None):
            sealed = self.books.close(day).trial_balance
            with self.books.acting():
                swept = Entry.objects.filter(kind="sweep", business_date=day).order_by("id")
                for entry, lines in zip(swept, sweeps, strict=True):
                    model.post(PlainEntry(entry.id, lines))
            numbers = ("debit", "credit", "balance")
            assert model.trial_balance() == {
                queries.TrialLine(row["line"], row["asset"], *(Decimal(row[n]) for n in numbers))
                for row in sealed
            }
            model.close()

    @rule()
    def cut(self) -> None:
        with self.books.acting():
            cut = operations.take_cut(book_id=self.books.book_id, at=AT)
        with self.books.acting():
            found = [entry.id for entry in queries.entries_of(cut)]
        uncut = {entry.id: entry for entry in self.model.entries if not entry.is_cut}
        assert uncut.keys() >= set(found)
        for entry_id in found:
            uncut[entry_id].is_cut = True

    @invariant()
    def agree(self) -> None:
        """Balances, what is held, holds, due and the trial balance are the model's."""
        with self.books.acting(), connection.cursor() as cursor:
            cursor.execute(KEPT)
            balances, holds = json.loads(cursor.fetchone()[0], parse_float=Decimal)
            trial = queries.trial_balance(self.books.book_id, self.model.open_date)
            due = queries.due(self.books.book_id)
        names = {str(account): name for name, account in self.books.accounts.items()}
        assert {names[account]: (balance, held) for account, balance, held in balances or ()} == {
            name: (each.balance, each.held)
            for name, each in self.model.accounts.items()
            if each.line.control is not chart.Control.OPEN
        }
        assert dict(holds or ()) == {str(hold.id): hold.status for hold in self.model.holds}
        assert set(trial) == self.model.trial_balance()
        assert due == self.model.due()

    def teardown(self) -> None:
        """In the end journal and statements are the model's as well, and all is proven."""
        model, names = self.model, {id_: name for name, id_ in self.books.accounts.items()}
        with self.books.acting():
            journal = {
                entry.id: [(names[p.account_id], p.amount) for p in entry.postings.all()]
                for entry in queries.entries_with_postings()
            }
            assert journal == {entry.id: list(entry.lines) for entry in model.entries}
            for name, _ in model.entries[-1].lines:
                account = queries.account_by_id(self.books.accounts[name])
                statement = queries.statement(account, DAY, model.open_date)
                assert statement.closing == model.accounts[name].balance
                assert queries.balance(account) == model.accounts[name].balance
                for day, balances in list(model.history.items())[-2:-1]:  # closed, not the last
                    assert queries.balance(account, day) == balances.get(name, 0)
        assert self.books.violations() == []

    # --- What the rules share ---

    @contextmanager
    def refused_as(self, code: str | None) -> Iterator[None]:
        """See that what follows is refused by that rule, or done."""
        told = "DONE"
        try:
            yield
        except errors.Refused as refusal:
            told = refusal.code
        assert told == (code or "DONE")
        self.told[told] += 1

    def judge_hold(self, name: str, amount: Decimal) -> str | None:
        account = self.model.accounts.get(name)
        if account is None or account.line.control is chart.Control.OPEN:
            return "ACCOUNT_UNKNOWN"
        if not is_amount(amount, account.wanted.asset):
            return "AMOUNT_INVALID"
        if account.balance - account.held < amount:
            is_client = account.line.control is chart.Control.CLIENT
            return "INSUFFICIENT_FUNDS" if is_client else "INVENTORY_SHORT"
        return None

    def picked(self, picks: list[int]) -> list[PlainHold]:
        holds = self.model.holds
        return [holds[pick] for pick in {pick % len(holds) for pick in picks}] if holds else []

    def account_id(self, name: str) -> UUID:
        return self.books.accounts.get(name) or uuid5(self.books.book_id, name)

    def new_entry(self, lines: Lines, minutes: int = 0) -> NewEntry:
        at = AT + timedelta(minutes=minutes)
        return NewEntry("test", at, [(self.account_id(name), amount) for name, amount in lines])


CODES = {
    "DONE", "ENTRY_EMPTY", "ENTRY_UNBALANCED", "HOLD_NOT_PENDING", "HOLD_EXPIRED", "ACCOUNT_TWICE",
    "ACCOUNT_UNKNOWN", "AMOUNT_INVALID", "INSUFFICIENT_FUNDS", "INVENTORY_SHORT",
    "ALREADY_REVERSED", "REVERSAL_OF_REVERSAL",
}  # fmt: skip


@pytest.mark.timeout(900)  # a failure is shrunk before it is told
def test_the_books_agree_with_a_plain_model(make_bank: Callable[[], models.Bank]) -> None:
    told: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: BooksMachine(make_bank(), told),  # type: ignore[arg-type]
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            phases=[Phase.generate, Phase.shrink],  # what else there is traces every line
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert told.keys() == CODES  # every rule has been put to the test
