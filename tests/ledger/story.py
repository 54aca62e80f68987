"""Stories of the books: journals, balances and trial balances written as an accountant does.

    Dr  Segregated nostro          100,000.00 RUB        `Dr` or `Cr`, the chart's line
        Cr  Client cash, Anna      100,000.00 RUB        and whose it is, the amount, its asset

After each posting debit equals credit in every asset, in the entry and in the books.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal

from ledger import chart, operations, queries
from ledger.operations import NewEntry
from tests.ledger.books import AT, Books

POSTING = re.compile(r"(Dr|Cr)  (.+?)  +([\d,.]+) ([A-Z]+)")
BALANCE = re.compile(r"(.+?)  +(-?[\d,.]+) ([A-Z]+)")
TRIAL_LINE = re.compile(r"(.+?)  +([A-Z]+)  +([\d,.]+)  +([\d,.]+)  +(-?[\d,.]+)")

LINES = {line.title: line for line in chart.LINES.values()}

Line = tuple[str, str, Decimal]  # account, asset, amount: debit positive


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """What happens to the books, told in texts."""

    books: Books

    def post(self, text: str, value_date: date | None = None) -> NewEntry:
        """Post an entry: its kind, then its journal."""
        kind, _, journal = text.strip().partition("\n")
        lines = [(self.books.accounts[name], amount) for name, _, amount in _journal(journal)]
        entry = NewEntry(kind.replace(" ", "_"), AT, lines, value_date=value_date)
        with self.books.acting():
            day = operations.post_entry(book_id=self.books.book_id, entry=entry)
        self._balances_on(day)
        return entry

    def sweep(self, journal: str) -> None:
        """Sweep what is due, by just these lines."""
        with self.books.acting():
            swept = operations.sweep_due(book_id=self.books.book_id, at=AT)
        self._is_posted(swept, journal)

    def reverse(self, entry: NewEntry, journal: str) -> NewEntry:
        """Reverse an entry, by just these lines."""
        with self.books.acting():
            reversal = operations.reverse_entry(entry_id=entry.id, at=AT, reason="a mistake")
        self._is_posted([reversal], journal)
        return reversal

    def stands(self, table: str) -> None:
        """See that these are the balances, each on its normal side, and all others are zero."""
        expected = {_account(title): _number(amount) for title, amount, _ in _rows(BALANCE, table)}
        balances = {name: self.books.balance(name) for name in self.books.accounts}
        assert {name: balance for name, balance in balances.items() if balance} == expected

    def due(self, *amounts: str) -> None:
        """See that own accounts owe segregated ones just this."""
        expected = {asset: _number(number) for number, asset in map(str.split, amounts)}
        assert {asset: due for asset, due in self.books.due().items() if due} == expected

    def nothing_is_due(self) -> None:
        assert set(self.books.due().values()) == {0}

    def trial_balance(self, table: str) -> None:
        """See that a day's turnovers and balances are these, all other lines' zero."""
        header, _, rows = table.strip().partition("\n")
        day = date.fromisoformat(header.split()[0])
        expected = {
            (LINES[title].code, asset): tuple(map(_number, numbers))
            for title, asset, *numbers in _rows(TRIAL_LINE, rows)
        }
        with self.books.acting():
            lines = queries.trial_balance(self.books.book_id, day)
        found = {(each.line, each.asset): (each.debit, each.credit, each.balance) for each in lines}
        assert {key: numbers for key, numbers in found.items() if any(numbers)} == expected
        self._balances_on(day)

    def days(self, entry: NewEntry) -> tuple[date, date]:
        """The day to which the entry is booked, and the day for which it counts."""
        with self.books.acting():
            found = queries.entry_by_id(entry.id)
        return found.business_date, found.value_date

    def _is_posted(self, entries: list[NewEntry], journal: str) -> None:
        names = {account: name for name, account in self.books.accounts.items()}
        with self.books.acting():
            found = [queries.entry_by_id(entry.id) for entry in entries]
            lines = [
                (names[posting.account_id], posting.asset_id, posting.amount)
                for entry in found
                for posting in entry.postings.all()
            ]
        assert sorted(lines) == sorted(_journal(journal))
        self._balances_on(found[0].business_date)

    def _balances_on(self, day: date) -> None:
        turnovers: dict[str, Decimal] = defaultdict(Decimal)  # debit less credit, by asset
        balances: dict[str, Decimal] = defaultdict(Decimal)
        with self.books.acting():
            for line in queries.trial_balance(self.books.book_id, day):
                turnovers[line.asset] += line.debit - line.credit
                balances[line.asset] += line.balance * chart.LINES[line.line].side
        assert set(turnovers.values()) == set(balances.values()) == {0}


def _journal(text: str) -> list[Line]:
    """The journal's lines, which are zero in every asset."""
    lines = [
        (_account(title), asset, _number(amount) * (1 if side == "Dr" else -1))
        for side, title, amount, asset in _rows(POSTING, text)
    ]
    for asset in {asset for _, asset, _ in lines}:
        assert sum(amount for _, named, amount in lines if named == asset) == 0, asset
    return lines


def _account(title: str) -> str:
    """`Client cash, Anna` is `client_cash:cli_anna`."""
    if title in LINES:
        return LINES[title].code
    line, _, owner = title.rpartition(", ")
    return f"{LINES[line].code}:cli_{owner.lower()}"


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _rows(pattern: re.Pattern[str], table: str) -> list[tuple[str, ...]]:
    """The table's rows: each of its lines must be one."""
    rows = []
    for line in table.strip().splitlines():
        match = pattern.fullmatch(line.strip())
        assert match, line
        rows.append(match.groups())
    return rows
