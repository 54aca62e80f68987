"""The books in plain words: what `test_state_machine` holds the real ones against."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from ledger import chart, queries
from ledger.operations import Wanted
from tests.ledger.books import AT, DAY

SCALES = {"RUB": 2, "BTC": 8}
LIMIT = Decimal(10) ** 20

Lines = Sequence[tuple[str, Decimal]]


@dataclasses.dataclass
class PlainAccount:
    wanted: Wanted
    balance: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    debit: Decimal = Decimal(0)  # of the open day, as is `credit`
    credit: Decimal = Decimal(0)
    has_moved: bool = False

    @property
    def line(self) -> chart.Line:
        return chart.LINES[self.wanted.line]


@dataclasses.dataclass
class PlainHold:
    id: UUID
    account: str
    amount: Decimal
    expires_at: datetime | None
    status: str = "PENDING"


@dataclasses.dataclass
class PlainEntry:
    id: UUID
    lines: Lines
    is_reversal: bool = False
    is_reversed: bool = False
    is_cut: bool = False


class Model:
    """Accounts by name, entries and holds in the order of their birth."""

    def __init__(self) -> None:
        self.accounts: dict[str, PlainAccount] = {}
        self.entries: list[PlainEntry] = []
        self.holds: list[PlainHold] = []
        self.open_date = DAY
        self.is_busy = True  # one empty day follows a busy one, lest they be all that is tried
        self.history: dict[date, dict[str, Decimal]] = {}  # balances at the end of each closed day

    def judge(
        self, entries: Sequence[Lines], holds: Sequence[PlainHold] = (), at: datetime = AT
    ) -> str | None:
        """Return by which rule the entries are refused, if by any."""
        if not entries or not all(entries):
            return "ENTRY_EMPTY"
        if any(hold.status != "PENDING" for hold in holds):
            return "HOLD_NOT_PENDING"
        if any(hold.expires_at and hold.expires_at <= at for hold in holds):
            return "HOLD_EXPIRED"
        free = {name: each.balance - each.held for name, each in self.accounts.items()}
        for hold in holds:
            free[hold.account] += hold.amount
        for lines in entries:
            for place, (name, amount) in enumerate(lines):
                if name in [named for named, _ in lines[:place]]:
                    return "ACCOUNT_TWICE"
                if name not in self.accounts:
                    return "ACCOUNT_UNKNOWN"
                account = self.accounts[name]
                if not is_amount(amount, account.wanted.asset):
                    return "AMOUNT_INVALID"
                change = amount * account.line.side
                free[name] += change
                if change < 0 and free[name] < 0 and account.line.control is not chart.Control.OPEN:
                    is_client = account.line.control is chart.Control.CLIENT
                    return "INSUFFICIENT_FUNDS" if is_client else "INVENTORY_SHORT"
        for lines in entries:
            off: dict[str, Decimal] = defaultdict(Decimal)
            for name, amount in lines:
                off[self.accounts[name].wanted.asset] += amount
            if any(off.values()):
                return "ENTRY_UNBALANCED"
        return None

    def post(self, entry: PlainEntry) -> None:
        self.entries.append(entry)
        self.is_busy = True
        for name, amount in entry.lines:
            account = self.accounts[name]
            account.balance += amount * account.line.side
            account.debit += max(amount, Decimal(0))
            account.credit += max(-amount, Decimal(0))
            account.has_moved = True

    def end(self, holds: Sequence[PlainHold], status: str) -> None:
        for hold in holds:
            hold.status = status
            self.accounts[hold.account].held -= hold.amount

    def due(self) -> dict[str, Decimal]:
        due: dict[str, Decimal] = defaultdict(Decimal)
        for account in self.accounts.values():
            if account.line.section is chart.Section.OWED:
                due[account.wanted.asset] += account.balance
            elif account.line.segregated:
                due[account.wanted.asset] -= account.balance
        return dict(due)

    def sweeps(self) -> list[Lines]:
        own = {"RUB": ("segregated_nostro", "own_nostro"),
               "BTC": ("segregated_custody", "own_custody")}  # fmt: skip
        return [
            [(own[asset][0], due), (own[asset][1], -due)]
            for asset, due in sorted(self.due().items())
            if due
        ]

    def trial_balance(self) -> set[queries.TrialLine]:
        sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
        for each in filter(lambda account: account.has_moved, self.accounts.values()):
            key = each.wanted.line, each.wanted.asset
            numbers = zip(sums[key], (each.debit, each.credit, each.balance), strict=True)
            sums[key] = [one + other for one, other in numbers]
        return {queries.TrialLine(*key, *numbers) for key, numbers in sums.items()}

    def close(self) -> None:
        self.history[self.open_date] = {n: each.balance for n, each in self.accounts.items()}
        self.open_date += timedelta(days=1)
        self.is_busy = any(each.debit or each.credit for each in self.accounts.values())
        for account in self.accounts.values():
            account.debit = account.credit = Decimal(0)


def is_amount(amount: Decimal, asset: str) -> bool:
    if not amount.is_finite() or amount == 0 or abs(amount) >= LIMIT:
        return False
    return amount == round(amount, SCALES[asset])
