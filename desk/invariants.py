"""What `manage.py verify` proves of the desk, a function a rule; each names the row that breaks it.

Each runs inside one bank's read-only snapshot. Orders are recomputed from fills, fills compared
with the books, the lots and the limits, whatever wrote them.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import tax.queries
from common import clock, ids, statements
from desk.models import Deposit, Fill, Order, Withdrawal
from kyc.models import Client
from tax import withholding
from tax.models import Withholding
from tax.withholding import YearSoFar

Violation = tuple[str, str]

# The entry's movements of a client's cash, summed for each row of a table; joined whole, not row by
# row, which takes as long as the table's rows times the accounts.
_MOVED = """
    SELECT t.id, sum(p.amount) FILTER (WHERE a.line = 'client_cash'
                                         AND a.owner = perimeter_id('cli', t.client_id)) AS cash,
           sum(p.amount) FILTER (WHERE a.line = 'tax_payable') AS tax,
           sum(p.amount) FILTER (WHERE a.line = 'payouts_in_flight') AS flight
      FROM {} t JOIN ledger_posting p ON p.entry_id = t.entry_id
      JOIN ledger_account a ON a.id = p.account_id
     GROUP BY t.id"""


def a_fill_has_its_entry() -> Iterator[Violation]:
    """Each fill has one entry of its own that moves what it says, and is reversed if it is bust."""
    for fill, wrong in statements.rows(
        """
        SELECT f.id, concat_ws(', ',
            CASE WHEN e.id IS NULL THEN 'has no entry' END,
            CASE WHEN e.kind <> 'trade' THEN 'its entry is a ' || e.kind END,
            CASE WHEN moved.coins IS DISTINCT FROM f.quantity THEN
                'its entry moves ' || coalesce(moved.coins::text, 'no') || ' coins' END,
            CASE WHEN coalesce(moved.roubles, 0) <>
                    f.notional_rub + CASE o.side WHEN 'BUY' THEN f.fee_rub ELSE -f.fee_rub END
                THEN 'its entry moves ' || coalesce(moved.roubles::text, 'no') || ' roubles' END,
            CASE WHEN (r.id IS NOT NULL) <> (f.busted_at IS NOT NULL) THEN
                'is bust without a reversal, or reversed without a bust' END)
          FROM desk_fill f JOIN desk_order o ON o.id = f.order_id
          LEFT JOIN ledger_entry e ON e.id = f.entry_id
          LEFT JOIN ledger_entry r ON r.reverses_id = f.entry_id
          LEFT JOIN (
              SELECT f.id, abs(sum(p.amount) FILTER (WHERE a.line = 'client_crypto')) AS coins,
                     abs(sum(p.amount) FILTER (WHERE a.line = 'client_cash')) AS roubles
                FROM desk_fill f JOIN desk_order o ON o.id = f.order_id
                JOIN ledger_posting p ON p.entry_id = f.entry_id
                JOIN ledger_account a ON a.id = p.account_id
               WHERE a.line IN ('client_cash', 'client_crypto')
                 AND a.owner = perimeter_id('cli', o.client_id)
               GROUP BY f.id) AS moved ON moved.id = f.id
        """
    ):
        if wrong:
            yield ids.show(Fill.id_prefix, fill), wrong


def a_trade_has_its_fill() -> Iterator[Violation]:
    """No entry says that it is a fill's which is not there."""
    for entry, ref in statements.rows(
        "SELECT e.id, e.ref FROM ledger_entry e LEFT JOIN desk_fill f ON f.entry_id = e.id"
        " WHERE e.kind = 'trade' AND e.ref LIKE 'fil\\_%%' AND f.id IS NULL"
    ):
        yield ids.show("ent", entry), f"names {ref}, which it is not the entry of"


def orders_are_filled_by_their_fills() -> Iterator[Violation]:
    """An order is filled as far as its fills say, and has the status that follows from it."""
    for order, status, filled, fills, ordered in statements.rows(
        """
        SELECT o.id, o.status, o.filled_quantity, coalesce(sum(f.quantity), 0), o.ordered_quantity
          FROM desk_order o LEFT JOIN desk_fill f ON f.order_id = o.id
         GROUP BY o.id
        HAVING o.filled_quantity <> coalesce(sum(f.quantity), 0)
            OR (o.status = 'FILLED') <> (o.filled_quantity = o.ordered_quantity
                AND o.status <> 'REJECTED' AND o.filled_quantity > 0)
            OR (o.status IN ('NEW', 'REJECTED') AND o.filled_quantity <> 0)
            OR (o.status = 'PARTIALLY_FILLED' AND o.filled_quantity = 0)
        """
    ):
        shown = ids.show(Order.id_prefix, order)
        yield shown, f"is {status}, filled {filled} of {ordered}; its fills say {fills}"


def a_resting_order_is_reserved() -> Iterator[Violation]:
    """What rests is held in the books to the last unit, and what is over holds nothing."""
    for order, status, hold, held, due in statements.rows(
        """
        SELECT o.id, o.status, o.hold_id, h.amount, due.amount
          FROM desk_order o
          LEFT JOIN ledger_hold h ON h.id = o.hold_id AND h.status = 'PENDING'
         CROSS JOIN LATERAL (
            SELECT CASE WHEN o.status NOT IN ('NEW', 'PARTIALLY_FILLED') THEN 0
                        WHEN o.side = 'BUY' THEN o.reserved_limit_rub
                        ELSE o.ordered_quantity - o.filled_quantity END AS amount) AS due
         WHERE coalesce(h.amount, 0) <> due.amount
            OR (o.hold_id IS NOT NULL AND o.status NOT IN ('NEW', 'PARTIALLY_FILLED'))
            OR (o.reserved_limit_rub <> 0 AND o.status NOT IN ('NEW', 'PARTIALLY_FILLED'))
        """
    ):
        shown = ids.show(Order.id_prefix, order)
        yield shown, f"is {status} and reserves {due}; its hold {hold} holds {held}"


def limits_count_what_was_bought() -> Iterator[Violation]:
    """A client's counter is what the year's purchases cost, and what resting ones reserve."""
    for client, year, used, due in statements.rows(
        """
        SELECT c.id, c.limit_year, c.limit_used_rub, coalesce(bought.cost, 0)
          FROM kyc_client c
          LEFT JOIN (
            SELECT o.client_id, o.limit_year,
                   sum(o.reserved_limit_rub + coalesce(f.cost, 0)) AS cost
              FROM desk_order o
              LEFT JOIN (SELECT order_id, sum(notional_rub + fee_rub) AS cost FROM desk_fill
                          WHERE busted_at IS NULL GROUP BY order_id) f ON f.order_id = o.id
             WHERE o.side = 'BUY' GROUP BY o.client_id, o.limit_year) bought
            ON bought.client_id = c.id AND bought.limit_year = c.limit_year
         WHERE c.limit_used_rub <> coalesce(bought.cost, 0)
        """
    ):
        shown = ids.show(Client.id_prefix, client)
        yield shown, f"has used {used} of the limit of {year}, bought was for {due}"


def lots_are_the_fills() -> Iterator[Violation]:
    """Each fill opened a lot at its cost or closed lots at its proceeds, and no lot has none."""
    for fill, side, quantity, roubles, lot_quantity, lot_roubles in statements.rows(
        """
        SELECT f.id, o.side, f.quantity, due.roubles, t.quantity, t.roubles
          FROM desk_fill f JOIN desk_order o ON o.id = f.order_id
          JOIN desk_instrument i ON i.id = o.instrument_id
         CROSS JOIN LATERAL (SELECT f.notional_rub + CASE o.side WHEN 'BUY' THEN f.fee_rub
                                    ELSE -f.fee_rub END AS roubles) AS due
          LEFT JOIN (
            SELECT fill_id, client_id, asset_id, quantity, cost_rub AS roubles, 'BUY' AS side,
                   undone_at FROM tax_lot
             UNION ALL
            SELECT fill_id, client_id, asset_id, quantity, proceeds_rub, 'SELL', undone_at
              FROM tax_disposal) AS t
            ON t.fill_id = f.id AND t.side = o.side AND t.client_id = o.client_id
           AND t.asset_id = i.asset_id
           AND (t.undone_at IS NOT NULL) = (f.busted_at IS NOT NULL)
         WHERE (t.quantity, t.roubles) IS DISTINCT FROM (f.quantity, due.roubles)
        """
    ):
        shown = ids.show(Fill.id_prefix, fill)
        said = "has no lot" if side == "BUY" else "has no disposal"
        told = f"its lots say {lot_quantity} at {lot_roubles}" if lot_quantity else said
        yield shown, f"is of {quantity} at {roubles}; {told}"
    for prefix, table in (("lot", "tax_lot"), ("dis", "tax_disposal")):
        for (row,) in statements.rows(
            f"SELECT t.id FROM {table} t LEFT JOIN desk_fill f ON f.id = t.fill_id"  # noqa: S608
            " WHERE f.id IS NULL"
        ):
            yield ids.show(prefix, row), "is of no fill"


def coins_are_the_lots() -> Iterator[Violation]:
    """What a client's lots hold is what the books owe the client in coins."""
    for owner, asset, owed, held in statements.rows(
        """
        SELECT coalesce(a.owner, l.owner), coalesce(a.asset_id, l.asset_id),
               coalesce(a.balance, 0), coalesce(l.quantity, 0)
          FROM (SELECT a.owner, a.asset_id, b.balance FROM ledger_account a
                  JOIN ledger_balance b ON b.account_id = a.id
                 WHERE a.line = 'client_crypto') a
          FULL JOIN (SELECT perimeter_id('cli', client_id) AS owner, asset_id,
                            sum(quantity_left) AS quantity
                       FROM tax_lot GROUP BY 1, 2) l
            ON l.owner = a.owner AND l.asset_id = a.asset_id
         WHERE coalesce(a.balance, 0) <> coalesce(l.quantity, 0)
        """
    ):
        yield f"{owner} {asset}", f"is owed {owed} by the books, the lots hold {held}"


def orders_were_permitted() -> Iterator[Violation]:
    """No order was accepted without a licence in force at that moment."""
    for order, at in statements.rows(
        """
        SELECT o.id, o.at FROM desk_order o
          LEFT JOIN licensing_licence l ON l.id = o.licence_id AND l.granted_at <= o.at
         WHERE o.status <> 'REJECTED' AND (l.id IS NULL OR o.licence_version < 1)
        """
    ):
        yield ids.show(Order.id_prefix, order), f"was accepted at {at} without a licence"


def quotes_were_kept_to() -> Iterator[Violation]:
    """An order at the market accepted at a quote is its client's, in time, alone, of no more.

    It is filled at the quote's price. Over REST a quote goes with no other kind of order.
    """
    for order, wrong in statements.rows(
        """
        SELECT o.id, concat_ws(', ',
            CASE WHEN q.id IS NULL THEN 'names no quote' END,
            CASE WHEN q.client_id <> o.client_id OR q.instrument_id <> o.instrument_id THEN
                'is at the quote of another client or instrument' END,
            CASE WHEN o.at >= q.expires_at THEN 'came when its quote had expired' END,
            CASE WHEN o.ordered_quantity > q.quantity THEN 'is of more than its quote' END,
            CASE WHEN count(*) OVER (PARTITION BY o.quote_id) > 1 THEN
                'shares its quote with another' END,
            CASE WHEN EXISTS (
                SELECT FROM desk_fill f WHERE f.order_id = o.id
                   AND f.price_rub <> CASE o.side WHEN 'BUY' THEN q.ask_rub ELSE q.bid_rub END)
                THEN 'is filled at another price than its quote''s' END)
          FROM desk_order o LEFT JOIN desk_quote q ON q.id = o.quote_id
         WHERE o.quote_id IS NOT NULL AND o.kind = 'MARKET' AND o.status <> 'REJECTED'
        """
    ):
        if wrong:
            yield ids.show(Order.id_prefix, order), wrong


def cash_moves_are_in_the_books() -> Iterator[Violation]:
    """Deposits and withdrawals have entries that move what they say, tax and net apart."""
    for prefix, row, wrong in statements.rows(
        f"""
        SELECT '{Deposit.id_prefix}', d.id, 'is of ' || d.amount_rub || ', its entry of '
               || coalesce(m.cash, 0)
          FROM desk_deposit d LEFT JOIN ({_MOVED.format("desk_deposit")}) m ON m.id = d.id
         WHERE m.cash IS DISTINCT FROM -d.amount_rub
         UNION ALL
        SELECT '{Withdrawal.id_prefix}', d.id, 'takes ' || d.gross_rub || ' with a tax of '
               || d.tax_rub || ', its entry ' || coalesce(m.cash, 0) || ' with '
               || coalesce(-m.tax, 0)
          FROM desk_withdrawal d LEFT JOIN ({_MOVED.format("desk_withdrawal")}) m ON m.id = d.id
         WHERE d.status IN ('PAID', 'SETTLED')
           AND (m.cash, coalesce(m.tax, 0), coalesce(m.flight, 0))
               IS DISTINCT FROM (d.gross_rub, -d.tax_rub, -d.net_rub)
        """  # noqa: S608 (constants)
    ):
        yield ids.show(prefix, row), wrong
    for row, status, held in statements.rows(
        "SELECT w.id, w.status, h.amount FROM desk_withdrawal w"
        "  LEFT JOIN ledger_hold h ON h.id = w.hold_id AND h.status = 'PENDING'"
        " WHERE CASE WHEN w.status = 'IN_REVIEW' THEN h.amount IS DISTINCT FROM w.gross_rub"
        "            ELSE w.hold_id IS NOT NULL END"
    ):
        yield ids.show(Withdrawal.id_prefix, row), f"is {status} and holds {held}"


def payouts_bear_their_tax() -> Iterator[Violation]:
    """Each payout had withheld of it what the rule says on the sales and the tax before it.

    Nothing that was written of the tax is believed: a client's sales, busts and withholdings are
    gone through in the order in which their entries were posted, under the client's lock.
    """
    rules = functools.cache(lambda on: tax.queries.rules_at(clock.midnight(on)))
    ended = functools.cache(tax.queries.rules_of_year)
    found: defaultdict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for ref, *withheld in Withholding.objects.exclude(payout_ref="").values_list(
        "payout_ref", "year", "base_rub", "withheld_before_rub", "payout_rub", "withheld_rub"
    ):
        found[ref].add(tuple(withheld))
    bases: defaultdict[tuple[UUID, int], Decimal] = defaultdict(Decimal)
    taxes: defaultdict[tuple[UUID, int], Decimal] = defaultdict(Decimal)
    for client, year, amount, kind, residency, payout, entry_id, at in statements.rows(_OF_TAX):
        if payout is None:
            (bases if entry_id is None else taxes)[client, year] += amount
            continue
        on = clock.business_date(at)
        running, looked_at = rules(on), [on.year]
        if on <= running.window_end(on.year - 1) and (client, on.year - 1) in bases:
            looked_at.append(on.year - 1)
        so_far = []
        for each in looked_at:
            applied = running if each == on.year else ended(each)
            scale = applied.scale(kind=kind, residency=residency)
            before = bases[client, each], taxes[client, each]
            so_far.append(YearSoFar(each, each < on.year, *before, scale, applied.book.regime))
        due = {
            (
                part.so_far.year,
                part.so_far.base_rub,
                part.so_far.withheld_rub,
                part.payout_rub,
                part.due.withheld_rub,
            )
            for part in withholding.of_payout(amount, so_far)
            if part.due.withheld_rub
        }
        shown = ids.show(Withdrawal.id_prefix, payout)
        if found[shown] != due:
            yield shown, f"{_told(found[shown])}, by the rule {_told(due)}"


def _told(found: Collection[tuple[Any, ...]]) -> str:
    said = [
        f"{tax} of {year} (realised {base:.2f}, {before:f} before)"
        for year, base, before, _, tax in sorted(found)
    ]
    return " and ".join(said) or "nothing"


# What a client's tax comes from, by client and in the order of posting: results of sales, taken
# back by busts; payouts; and what was withheld, after the payout that it was withheld from.
_OF_TAX = """
    SELECT e.client_id, e.year, e.amount, c.kind, c.residency, e.payout, e.entry_id, e.at
      FROM (
        SELECT d.client_id, d.year, d.result_rub AS amount, f.entry_id AS posted,
               NULL::uuid AS payout, NULL::uuid AS entry_id, NULL::timestamptz AS at
          FROM tax_disposal d JOIN desk_fill f ON f.id = d.fill_id
         UNION ALL
        SELECT d.client_id, d.year, -d.result_rub, r.id, NULL, NULL, NULL
          FROM tax_disposal d JOIN desk_fill f ON f.id = d.fill_id
          JOIN ledger_entry r ON r.reverses_id = f.entry_id
         UNION ALL
        SELECT client_id, year, withheld_rub, entry_id, NULL, entry_id, NULL FROM tax_withholding
         UNION ALL
        SELECT w.client_id, NULL, w.gross_rub, w.entry_id, w.id, w.entry_id, e.at
          FROM desk_withdrawal w JOIN ledger_entry e ON e.id = w.entry_id
         WHERE w.status IN ('PAID', 'SETTLED')
      ) e
      JOIN kyc_client c ON c.id = e.client_id
      CROSS JOIN LATERAL (SELECT max(id) AS place FROM ledger_posting
                           WHERE entry_id = e.posted) p
     ORDER BY e.client_id, p.place, e.payout IS NULL"""


INVARIANTS = (
    a_fill_has_its_entry,
    a_trade_has_its_fill,
    orders_are_filled_by_their_fills,
    a_resting_order_is_reserved,
    limits_count_what_was_bought,
    lots_are_the_fills,
    coins_are_the_lots,
    orders_were_permitted,
    quotes_were_kept_to,
    cash_moves_are_in_the_books,
    payouts_bear_their_tax,
)
