"""What `manage.py verify` proves of the books, one function a rule.

Each runs inside one bank's read-only snapshot and yields (row, what is wrong); none: it holds.
All is recomputed from entries and postings; a stored figure is only ever compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from common import ids, statements
from ledger import chart, queries
from ledger.models import Account, Book, DayClose, Entry, Hold

Violation = tuple[str, str]


def every_entry_balances_in_every_asset() -> Iterator[Violation]:
    for entry, asset, off in statements.rows(
        "SELECT entry_id, asset_id, sum(amount) FROM ledger_posting"
        " GROUP BY entry_id, asset_id HAVING sum(amount) <> 0"
    ):
        yield ids.show(Entry.id_prefix, entry), f"{asset} is off by {off}"
    for (entry,) in statements.rows(
        "SELECT id FROM ledger_entry EXCEPT SELECT entry_id FROM ledger_posting"
    ):  # EXCEPT, not NOT EXISTS: it stays fast on tables that were never analysed
        yield ids.show(Entry.id_prefix, entry), "has no postings"
    for posting, entry in statements.rows(
        "WITH gone AS MATERIALIZED ("  # once, whatever the plan thinks of the tables' sizes
        "   SELECT entry_id FROM ledger_posting EXCEPT SELECT id FROM ledger_entry)"
        " SELECT p.id, p.entry_id FROM gone JOIN ledger_posting p USING (entry_id)"
    ):
        yield f"posting {posting}", f"its entry {ids.show(Entry.id_prefix, entry)} is gone"


def every_entry_says_what_it_said() -> Iterator[Violation]:
    """The digest taken when the entry was written fits what it says now."""
    for (entry,) in statements.rows(
        "SELECT e.id FROM ledger_entry e JOIN ("
        "   SELECT entry_id, string_agg(concat(account_id, ':', amount, ':', balance_after), ','"
        "          ORDER BY line) AS lines FROM ledger_posting GROUP BY entry_id"
        " ) p ON p.entry_id = e.id"
        " WHERE e.digest <> ledger_digest(e.id, e.bank_id, e.book_id, e.kind, e.business_date,"
        "   e.value_date, e.at, e.recorded_at, e.actor, e.reason, e.request_id, e.ref,"
        "   e.reverses_id, e.txid, p.lines)"
    ):
        yield ids.show(Entry.id_prefix, entry), "differs from the digest taken when it was posted"


def postings_agree_with_their_account_and_entry() -> Iterator[Violation]:
    for posting, entry in statements.rows(
        "SELECT p.id, p.entry_id FROM ledger_posting p"
        " LEFT JOIN ledger_account a ON a.id = p.account_id"
        " JOIN ledger_entry e ON e.id = p.entry_id"
        " WHERE a.id IS NULL OR p.asset_id <> a.asset_id OR p.business_date <> e.business_date"
        "    OR a.book_id <> e.book_id OR p.amount <> round(p.amount, a.scale)"
        "    OR (p.balance_after IS NULL) <> (a.control = 'open')"
    ):
        yield f"posting {posting}", f"does not fit its account or {ids.show('ent', entry)}"


def accounts_are_kept_as_the_chart_says() -> Iterator[Violation]:
    lines = chart.LINES.values()
    for (account,) in statements.rows(
        "SELECT a.id FROM ledger_account a JOIN common_asset s ON s.code = a.asset_id"
        "  LEFT JOIN unnest(%s::text[], %s::text[], %s::smallint[]) AS c (line, control, normal)"
        "    ON c.line = a.line AND c.control = a.control AND c.normal = a.normal"
        " WHERE c.line IS NULL OR (a.owner <> '') <> (a.control = 'client') OR a.scale <> s.scale",
        [
            [line.code for line in lines],
            [line.control.value for line in lines],
            [int(line.side) for line in lines],
        ],
    ):
        yield ids.show(Account.id_prefix, account), "is not kept as its line of the chart says"


def balances_are_the_sum_of_their_postings() -> Iterator[Violation]:
    for account, stored, summed in statements.rows(
        "SELECT b.account_id, b.balance, coalesce(p.total, 0) * b.normal FROM ledger_balance b"
        " LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_posting"
        "            GROUP BY account_id) p USING (account_id)"
        " WHERE b.balance <> coalesce(p.total, 0) * b.normal"
    ):
        yield (
            ids.show(Account.id_prefix, account),
            f"balance {stored}, its postings {summed}",
        )
    for (account,) in statements.rows(
        "SELECT a.id FROM ledger_account a LEFT JOIN ledger_balance b ON b.account_id = a.id"
        " WHERE (b.account_id IS NULL) <> (a.control = 'open')"
        "    OR b.normal <> a.normal OR b.house <> (a.control = 'house')"
    ):
        yield ids.show(Account.id_prefix, account), "its balance row does not fit its kind"


def running_balances_follow_their_postings() -> Iterator[Violation]:
    """Posting by posting, in the order in which the account was locked."""
    for posting, account, after, expected in statements.rows(
        "SELECT id, account_id, balance_after, expected FROM ("
        "   SELECT p.id, p.account_id, p.balance_after,"
        "          sum(p.amount) OVER (PARTITION BY p.account_id ORDER BY p.id) * a.normal"
        "              AS expected"
        "     FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
        "    WHERE a.control <> 'open') AS followed"
        " WHERE balance_after <> expected"
    ):
        where = ids.show(Account.id_prefix, account)
        yield f"posting {posting}", f"on {where} leaves {after}, the postings so far {expected}"


def no_balance_is_overdrawn() -> Iterator[Violation]:
    for account, balance, held in statements.rows(
        "SELECT account_id, balance, held FROM ledger_balance"
        " WHERE balance < held OR held < 0 OR balance = 'NaN' OR held = 'NaN'"
    ):
        yield ids.show(Account.id_prefix, account), f"balance {balance}, of it held {held}"


def holds_are_what_is_held() -> Iterator[Violation]:
    for account, held, summed in statements.rows(
        "SELECT b.account_id, b.held, coalesce(h.total, 0) FROM ledger_balance b"
        " LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_hold"
        "            WHERE status = 'PENDING' GROUP BY account_id) h USING (account_id)"
        " WHERE b.held <> coalesce(h.total, 0)"
    ):
        yield ids.show(Account.id_prefix, account), f"held {held}, pending holds sum to {summed}"
    for (hold,) in statements.rows(
        "SELECT id FROM ledger_hold WHERE (status = 'PENDING') <> (ended_at IS NULL)"
        " OR (entry_id IS NOT NULL) <> (status = 'POSTED')"
    ):
        yield ids.show(Hold.id_prefix, hold), "its status does not fit its end"


def reversals_mirror_their_originals() -> Iterator[Violation]:
    for (entry,) in statements.rows(
        "SELECT r.id FROM ledger_entry r WHERE r.reverses_id IS NOT NULL AND ("
        "   SELECT count(*) FILTER (WHERE total <> 0 OR lines <> 2) FROM ("
        "       SELECT sum(amount) AS total, count(*) AS lines FROM ledger_posting"
        "        WHERE entry_id IN (r.id, r.reverses_id) GROUP BY account_id) AS pairs) > 0"
    ):
        yield ids.show(Entry.id_prefix, entry), "is not the opposite of what it reverses"


def debit_equals_credit_in_each_asset() -> Iterator[Violation]:
    for book, asset, debit, credit in statements.rows(
        "SELECT a.book_id, a.asset_id, coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0),"
        "       coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0)"
        "  FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
        " GROUP BY a.book_id, a.asset_id HAVING sum(p.amount) <> 0"
    ):
        yield ids.show(Book.id_prefix, book), f"{asset}: debit {debit}, credit {credit}"


def due_is_zero_at_each_close() -> Iterator[Violation]:
    lines = list(chart.OWED_LINES + chart.SEGREGATED_LINES)
    for close, asset, due in statements.rows(
        "SELECT c.id, asset_id, due FROM ("
        "   SELECT a.book_id, a.asset_id, p.business_date, sum(sum(-p.amount)) OVER"
        "              (PARTITION BY a.book_id, a.asset_id ORDER BY p.business_date) AS due"
        "     FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
        "    WHERE a.line = ANY(%s) GROUP BY a.book_id, a.asset_id, p.business_date) AS moved"
        "  JOIN ledger_dayclose c USING (book_id, business_date) WHERE due <> 0",
        [lines],
    ):
        yield ids.show(DayClose.id_prefix, close), f"{asset}: {due} due between own and segregated"


def closed_days_are_whole() -> Iterator[Violation]:
    """No entry of a closed day has come, gone or moved since it was sealed."""
    for number, entry, close in statements.rows(
        "SELECT l.number, l.entry_id, l.close_id FROM ledger_chainlink l"
        " LEFT JOIN ledger_entry e ON e.id = l.entry_id WHERE e.id IS NULL"
    ):
        where = ids.show(DayClose.id_prefix, close)
        yield ids.show(Entry.id_prefix, entry), f"number {number} of closed day {where} is gone"
    for entry, day in statements.rows(
        "SELECT e.id, e.business_date FROM ledger_entry e JOIN ledger_dayclose c"
        "    ON c.book_id = e.book_id AND c.business_date = e.business_date"
        "  LEFT JOIN ledger_chainlink l ON l.entry_id = e.id AND l.close_id = c.id"
        " WHERE l.id IS NULL"
    ):
        yield ids.show(Entry.id_prefix, entry), f"came into the closed day {day} after its seal"
    for close, first, last, links in statements.rows(
        "SELECT c.id, c.first_number, c.last_number, count(l.id) FROM ledger_dayclose c"
        "  LEFT JOIN ledger_chainlink l ON l.close_id = c.id"
        "       AND l.number BETWEEN c.first_number AND c.last_number"
        " GROUP BY c.id HAVING count(l.id) <> c.last_number - c.first_number + 1"
    ):
        held = last - first + 1
        yield ids.show(DayClose.id_prefix, close), f"sealed {held} entries, {links} are left"


# Each closed day with what its chain starts from and what the day before it ended with.
_DAYS = (
    "WITH day AS ("
    "   SELECT c.*, coalesce(lag(c.head) OVER book,"
    "                        sha256(convert_to(c.book_id::text, 'UTF8'))) AS start,"
    "          coalesce(lag(c.number) OVER book, 0) AS number_before,"
    "          coalesce(lag(c.last_number) OVER book, 0) AS last_before"
    "     FROM ledger_dayclose c WINDOW book AS (PARTITION BY c.book_id ORDER BY c.number))"
)


def links_seal_their_entries() -> Iterator[Violation]:
    for entry, close in statements.rows(
        "SELECT l.entry_id, l.close_id FROM ledger_chainlink l JOIN ledger_entry e"
        "    ON e.id = l.entry_id WHERE e.digest <> l.digest"
    ):
        where = ids.show(DayClose.id_prefix, close)
        yield ids.show(Entry.id_prefix, entry), f"differs from what {where} sealed"
    for entry, close in statements.rows(
        f"{_DAYS} SELECT entry_id, close_id FROM ("  # noqa: S608 (a constant)
        "   SELECT close_id, entry_id, link,"
        "          ledger_chain(digest) OVER (PARTITION BY close_id ORDER BY number) AS expected"
        "     FROM (SELECT close_id, number, entry_id, digest, link FROM ledger_chainlink"
        "            UNION ALL SELECT id, 0, NULL, start, NULL FROM day) AS item) AS chained"
        " WHERE link <> expected"
    ):
        where = ids.show(DayClose.id_prefix, close)
        yield ids.show(Entry.id_prefix, entry), f"its link in the chain of {where} does not follow"


def the_chain_of_closes_verifies() -> Iterator[Violation]:
    for close, why in statements.rows(
        f"{_DAYS}, chained AS ("  # noqa: S608 (a constant)
        "   SELECT d.id, d.number, d.business_date, d.at, d.recorded_at, d.actor, d.trial_balance,"
        "          d.head,"
        "          d.number <> d.number_before + 1 OR d.first_number <> d.last_before + 1 AS gap,"
        "          ledger_seal(d.start, (SELECT array_agg(l.digest ORDER BY l.number)"
        "                                 FROM ledger_chainlink l WHERE l.close_id = d.id)) AS link"
        "     FROM day d)"
        " SELECT id, CASE WHEN gap THEN 'the day before it is gone'"
        "                 ELSE 'its head does not follow from its entries' END"
        "   FROM chained WHERE gap OR head <> ledger_head("
        "   link, number, business_date, at, recorded_at, actor, trial_balance)"
    ):
        yield ids.show(DayClose.id_prefix, close), why
    for book, open_date, last in statements.rows(
        "SELECT b.id, b.open_date, max(c.business_date) FROM ledger_book b"
        "  JOIN ledger_dayclose c ON c.book_id = b.id GROUP BY b.id"
        " HAVING b.open_date <= max(c.business_date)"
    ):
        yield ids.show(Book.id_prefix, book), f"is open at {open_date}, closed up to {last}"
    for (book,) in statements.rows(
        "SELECT b.id FROM ledger_book b WHERE EXISTS (SELECT FROM ledger_entry e"
        "   WHERE e.book_id = b.id AND e.business_date <> b.open_date AND NOT EXISTS ("
        "       SELECT FROM ledger_dayclose c WHERE c.book_id = e.book_id"
        "          AND c.business_date = e.business_date))"
    ):
        yield ids.show(Book.id_prefix, book), "has entries on a day that is neither open nor closed"


def closes_are_what_was_announced() -> Iterator[Violation]:
    """The outbox has told of each close and its head: so the last one does not go unseen."""
    for close, why in statements.rows(
        "SELECT coalesce(c.id, told.id), CASE WHEN c.id IS NULL THEN 'was announced and is gone'"
        "            WHEN told.id IS NULL THEN 'was never announced'"
        "            ELSE 'differs from what was announced' END"
        "  FROM ledger_dayclose c FULL JOIN ("
        "       SELECT (payload ->> 'close')::uuid AS id, payload ->> 'head' AS head"
        "         FROM common_outboxevent WHERE topic = 'ledger.day_closed') AS told USING (id)"
        " WHERE told.head IS DISTINCT FROM encode(c.head, 'hex')"
    ):
        yield ids.show(DayClose.id_prefix, close), why


def snapshots_and_trial_balances_recompute() -> Iterator[Violation]:
    for snapshot, account, day in statements.rows(
        "SELECT s.id, account_id, business_date FROM ledger_snapshot s FULL JOIN ("
        "   SELECT c.id AS close_id, m.account_id, m.business_date, m.debit, m.credit,"
        "          a.normal * sum(m.debit - m.credit) OVER"
        "              (PARTITION BY m.account_id ORDER BY m.business_date) AS balance"
        "     FROM (SELECT account_id, business_date,"
        "                  coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,"
        "                  coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit"
        "             FROM ledger_posting GROUP BY account_id, business_date) AS m"
        "     JOIN ledger_account a ON a.id = m.account_id"
        "     JOIN ledger_dayclose c USING (book_id, business_date)) AS moved"
        "  USING (account_id, business_date)"
        " WHERE (s.close_id, s.debit, s.credit, s.balance)"
        "       IS DISTINCT FROM (moved.close_id, moved.debit, moved.credit, moved.balance)"
    ):
        where = ids.show(Account.id_prefix, account)
        if snapshot is None:
            yield where, f"has no snapshot of {day}, when it moved"
        else:
            yield f"snapshot {snapshot}", f"of {where} at {day} is not what the postings say"
    for close in DayClose.objects.all():
        sealed = {
            queries.TrialLine(
                row["line"],
                row["asset"],
                *(Decimal(row[column]) for column in ("debit", "credit", "balance")),
            )
            for row in close.trial_balance
        }
        recomputed = set(queries.trial_balance(close.book_id, close.business_date))
        for line in sealed ^ recomputed:
            where = ids.show(DayClose.id_prefix, close.id)
            yield where, f"trial balance of {line.line} {line.asset} differs"


def cuts_follow_each_other() -> Iterator[Violation]:
    for (cut,) in statements.rows(
        "SELECT id FROM (SELECT id, low_txid, high_txid, number,"
        "   coalesce(lag(high_txid) OVER book, 0) AS before,"
        "   coalesce(lag(number) OVER book, 0) AS number_before"
        "   FROM ledger_cut WINDOW book AS (PARTITION BY book_id ORDER BY number)) AS c"
        " WHERE low_txid <> before OR high_txid < low_txid OR number <> number_before + 1"
    ):
        yield ids.show("cut", cut), "does not begin where the cut before it ended"


INVARIANTS = (
    every_entry_balances_in_every_asset,
    every_entry_says_what_it_said,
    postings_agree_with_their_account_and_entry,
    accounts_are_kept_as_the_chart_says,
    balances_are_the_sum_of_their_postings,
    running_balances_follow_their_postings,
    no_balance_is_overdrawn,
    holds_are_what_is_held,
    reversals_mirror_their_originals,
    debit_equals_credit_in_each_asset,
    due_is_zero_at_each_close,
    closed_days_are_whole,
    links_seal_their_entries,
    the_chain_of_closes_verifies,
    closes_are_what_was_announced,
    snapshots_and_trial_balances_recompute,
    cuts_follow_each_other,
)
