"""What lines come to: trial balances, own positions, what is due."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from uuid import UUID

from common import clock, statements
from ledger import chart
from ledger.models import DayClose
from ledger.queries.books import MAIN


@dataclasses.dataclass(frozen=True, slots=True)
class TrialLine:
    """A line of the trial balance: the day's turnovers, the balance on the line's normal side."""

    line: str
    asset: str
    debit: Decimal
    credit: Decimal
    balance: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class OwnMove:
    """What an hour of a business day (0 to 23) brought an own line, on its normal side."""

    bank_id: UUID
    line: str
    asset: str
    hour: int
    amount: Decimal


def trial_balance(book_id: UUID, on: date) -> list[TrialLine]:
    """Return the trial balance of a business day: the lines and assets posted to by then."""
    rows = statements.rows(
        "SELECT line, asset_id, debit, credit, balance FROM ledger_trial_balance(%s, %s)"
        " ORDER BY line, asset_id",
        [book_id, on],
    )
    return [TrialLine(*row) for row in rows]


def own_balances(on: date) -> dict[tuple[UUID, str, str], Decimal]:
    """Return by (bank, line, asset) what is own in the main books at the end of a business day.

    One statement for all the banks that the acting one sees.
    """
    rows = statements.rows(
        """
        SELECT account.bank_id, account.line, account.asset_id,
               sum(coalesce(snapped.balance, 0) + coalesce(since.amount, 0) * account.normal)
          FROM ledger_book book JOIN ledger_account account ON account.book_id = book.id
          LEFT JOIN LATERAL (
              SELECT balance, business_date FROM ledger_snapshot
               WHERE account_id = account.id AND business_date <= %(on)s
               ORDER BY business_date DESC LIMIT 1) AS snapped ON true
          LEFT JOIN LATERAL (
              SELECT sum(amount) AS amount FROM ledger_posting
               WHERE bank_id = account.bank_id AND account_id = account.id
                 AND business_date > coalesce(snapped.business_date, '-infinity')
                 AND business_date <= %(on)s) AS since ON true
         WHERE book.code = %(main)s AND account.line = ANY (%(lines)s)
         GROUP BY account.bank_id, account.line, account.asset_id
        """,
        {"on": on, "main": MAIN, "lines": list(chart.OWN_LINES)},
    )
    return {(bank, line, asset): amount for bank, line, asset, amount in rows}


def own_moves(on: date) -> list[OwnMove]:
    """Return what a business day's entries moved on the main books' own lines, hour by hour.

    One statement for all the banks that the acting one sees. An entry that the day took over from
    another one counts in the hour nearest to it.
    """
    rows = statements.rows(
        """
        SELECT account.bank_id, account.line, account.asset_id,
               least(greatest(floor(extract(epoch FROM entry.at - %(begin)s) / 3600), 0), 23)::int
                   AS hour,
               sum(posting.amount * account.normal)
          FROM ledger_book book JOIN ledger_account account ON account.book_id = book.id
          JOIN ledger_posting posting ON posting.bank_id = account.bank_id
               AND posting.account_id = account.id AND posting.business_date = %(on)s
          JOIN ledger_entry entry ON entry.id = posting.entry_id
         WHERE book.code = %(main)s AND account.line = ANY (%(lines)s)
         GROUP BY account.bank_id, account.line, account.asset_id, hour ORDER BY hour
        """,
        {"on": on, "begin": clock.midnight(on), "main": MAIN, "lines": list(chart.OWN_LINES)},
    )
    return [OwnMove(*row) for row in rows]


def due(book_id: UUID) -> dict[str, Decimal]:
    """Return what own accounts owe segregated ones, asset by asset; negative: the other way.

    Due = owed to clients + tax withheld and not remitted + payouts in flight - segregated assets.
    """
    rows = statements.rows(
        "SELECT a.asset_id, sum(b.balance * CASE WHEN a.line = ANY(%s) THEN -1 ELSE 1 END)"
        " FROM ledger_account a JOIN ledger_balance b ON b.account_id = a.id"
        " WHERE a.book_id = %s AND a.line = ANY(%s) GROUP BY a.asset_id ORDER BY a.asset_id",
        [
            list(chart.SEGREGATED_LINES),
            book_id,
            list(chart.SEGREGATED_LINES + chart.OWED_LINES),
        ],
    )
    return dict(rows)


def sealed(close: DayClose) -> list[TrialLine]:
    """Return the trial balance that a close sealed."""
    return [
        TrialLine(
            row["line"],
            row["asset"],
            *(Decimal(row[column]) for column in ("debit", "credit", "balance")),
        )
        for row in close.trial_balance
    ]
