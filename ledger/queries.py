"""Every read of the books that another file uses. All inside `tenancy.acting`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    DecimalField,
    F,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from common import clock, errors, ids, models, money, statements
from ledger import chart, states
from ledger.models import Account, Balance, Book, Cut, DayClose, Entry, Hold, Posting, Snapshot

MAIN = "main"  # the code of the book in which a bank's desk trades


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


@dataclasses.dataclass(frozen=True, slots=True)
class StatementLine:
    """A posting on a statement; `balance` is the account's own, on its normal side, after it."""

    posting: Posting
    balance: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """An account from the begin of `start` to the end of `end`, business days inclusive.

    `more`: the span has lines beyond these.
    """

    account: Account
    start: date
    end: date
    opening: Decimal
    lines: tuple[StatementLine, ...]
    closing: Decimal
    more: bool = False


def is_currency(asset: str) -> bool:
    """Say whether an asset is money.

    Raises: ASSET_UNKNOWN.
    """
    row = models.Asset.objects.filter(code=asset).first()
    if row is None:
        raise errors.Refused("ASSET_UNKNOWN", {"asset": asset})
    return row.is_currency


def assets() -> dict[str, money.Asset]:
    """Return every asset by its code."""
    return {asset.code: asset.value for asset in models.Asset.objects.all()}


def books() -> QuerySet[Book]:
    """Return the books that the acting one may see."""
    return Book.objects.select_related("bank")


def book_by_id(book_id: UUID) -> Book:
    """Return a book of the acting bank.

    Raises: BOOK_UNKNOWN.
    """
    book = Book.objects.filter(id=book_id).first()
    if book is None:
        raise errors.Refused("BOOK_UNKNOWN", {"book": ids.show(Book.id_prefix, book_id)})
    return book


def main_book() -> UUID:
    """Return the acting bank's book in which its desk trades.

    Raises: DESK_NOT_OPEN before there is one.
    """
    found = Book.objects.filter(code=MAIN).values_list("id", flat=True).first()
    if found is None:
        raise errors.Refused("DESK_NOT_OPEN")
    return found


def accounts(**filters: Any) -> QuerySet[Account]:
    """Return accounts, each with its balance now: `balance_now`, `held_now`, `available_now`.

    `filters`: `book_id`, `line`, `asset_id`, `owner`. An account without a running balance has
    nothing held or available (None); its balance is the last snapshot plus what came after.
    """
    amount: DecimalField[Any, Any] = DecimalField(max_digits=38, decimal_places=18)
    nothing = Value(Decimal(0), amount)
    last = Snapshot.objects.filter(account=OuterRef("pk")).order_by("-business_date")
    since = Posting.objects.filter(
        account=OuterRef("pk"), business_date__gt=Coalesce(OuterRef("snapped_on"), date.min)
    ).values("account")
    summed = Coalesce(Subquery(since.values(total=Sum("amount"))), nothing) * F("normal")
    found = Account.objects.select_related("asset").filter(**filters)
    return found.annotate(
        snapped_on=Subquery(last.values("business_date")[:1]),
        balance_now=Case(
            When(
                control=chart.Control.OPEN,
                then=Coalesce(Subquery(last.values("balance")[:1]), nothing) + summed,
            ),
            default=F("balance__balance"),
            output_field=amount,
        ),
        held_now=F("balance__held"),
        available_now=F("balance__balance") - F("balance__held"),
    )


def free(
    *, book_id: UUID, lines: Sequence[str], owners: Sequence[str] = ("",)
) -> dict[tuple[str, str, str], tuple[UUID, Decimal]]:
    """Return by (line, asset, owner) each account kept with a balance, and what on it is not held.

    One statement: it runs at every order.
    """
    found = statements.rows(
        # LIMIT 1: planned once, for a few owners or for hundreds, it goes by the index.
        "SELECT a.line, a.asset_id, a.owner, a.id, b.free FROM ledger_account a"
        " CROSS JOIN LATERAL (SELECT balance - held AS free FROM ledger_balance"
        " WHERE account_id = a.id LIMIT 1) b"
        " WHERE a.book_id = %s AND a.line = ANY (%s) AND a.owner = ANY (%s) AND a.shard = 0",
        [book_id, list(lines), list(owners)],
    )
    return {
        (line, asset, owner): (account_id, amount)
        for line, asset, owner, account_id, amount in found
    }


def account_by_id(account_id: UUID) -> Account:
    """Return an account of the acting bank, its running balance with it.

    Raises: ACCOUNT_UNKNOWN.
    """
    account = Account.objects.select_related("balance").filter(id=account_id).first()
    if account is None:
        raise errors.Refused(
            "ACCOUNT_UNKNOWN", {"account": ids.show(Account.id_prefix, account_id)}
        )
    return account


def entries(
    *, account_id: UUID | None = None, business_date: date | None = None, **filters: Any
) -> QuerySet[Entry]:
    """Return entries: those that post to an account, of a business day, and by other `filters`.

    `filters`: `book_id`, `kind`, `ref`.
    """
    found = Entry.objects.filter(**filters)
    if business_date is not None:  # the index leads with the book
        found = found.filter(book__in=Book.objects.all(), business_date=business_date)
    if account_id is not None:
        found = found.filter(postings__account=account_id)
    return found


def entries_with_postings() -> QuerySet[Entry]:
    """Return entries with their postings by line, and the id of what reverses each."""
    lines = Posting.objects.select_related("account", "asset").order_by("line")
    reversal = Entry.objects.filter(reverses=OuterRef("pk")).values("id")[:1]
    return Entry.objects.prefetch_related(Prefetch("postings", lines)).annotate(
        reversed_by_id=Subquery(reversal)
    )


def postings(entry: Entry) -> QuerySet[Posting]:
    """Return an entry's postings by line, each with its account and asset."""
    return Posting.objects.filter(entry=entry).select_related("account", "asset").order_by("line")


def latest_postings(account: Account, limit: int) -> QuerySet[Posting]:
    """Return the account's last postings, the latest first, each with its entry."""
    found = Posting.objects.filter(account=account).select_related("entry")
    return found.order_by("-business_date", "-id")[:limit]


def reversal_of(entry: Entry) -> Entry | None:
    """Return the entry that reverses this one, if there is one."""
    return Entry.objects.filter(reverses=entry).first()


def pending_holds(account: Account) -> QuerySet[Hold]:
    """Return what is reserved on the account now, the latest first."""
    pending = Hold.objects.filter(account=account, status=states.HoldStatus.PENDING)
    return pending.order_by("-id")


def entry_by_id(entry_id: UUID) -> Entry:
    """Return an entry of the acting bank with its postings.

    Raises: ENTRY_UNKNOWN.
    """
    entry = Entry.objects.prefetch_related("postings").filter(id=entry_id).first()
    if entry is None:
        raise errors.Refused("ENTRY_UNKNOWN", {"entry": ids.show(Entry.id_prefix, entry_id)})
    return entry


def balance(account: Account, on: date | None = None) -> Decimal:
    """Return an account's balance on its normal side: now, or at the end of a business day.

    From the last snapshot plus what came after; the running balance, where there is one, is the
    same and is read instead.
    """
    if on is None and account.control != chart.Control.OPEN:
        return Balance.objects.get(account=account).balance
    snapshots = Snapshot.objects.filter(account=account)
    postings = Posting.objects.filter(account=account)
    if on is not None:
        snapshots = snapshots.filter(business_date__lte=on)
        postings = postings.filter(business_date__lte=on)
    last = snapshots.order_by("-business_date").first()
    if last is not None:
        postings = postings.filter(business_date__gt=last.business_date)
    since: Decimal = postings.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    return (last.balance if last else Decimal(0)) + since * account.normal


def statement(
    account: Account,
    start: date,
    end: date,
    *,
    after: UUID | None = None,
    limit: int | None = None,
) -> Statement:
    """Return an account's postings of a span of business days, with the balance after each.

    `after` leaves out the lines up to that entry's; `limit` is how many lines follow at most.

    Raises: ENTRY_UNKNOWN if `after` has no line here.
    """
    opening = running = balance(account, _day_before(start))
    postings = Posting.objects.filter(account=account, business_date__range=(start, end))
    if after is not None:
        last = postings.filter(entry=after).first()
        if last is None:
            raise errors.Refused("ENTRY_UNKNOWN", {"entry": ids.show(Entry.id_prefix, after)})
        running = _balance_after(account, last)
        postings = postings.filter(business_date__gte=last.business_date, id__gt=last.id)
    ordered = postings.select_related("entry").order_by("business_date", "id")
    found = list(ordered if limit is None else ordered[: limit + 1])
    lines = []
    for posting in found[:limit]:
        running += posting.amount * account.normal
        lines.append(StatementLine(posting, running))
    more = len(found) > len(lines)
    closing = balance(account, end) if more else running
    return Statement(account, start, end, opening, tuple(lines), closing, more)


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


def entries_of(cut: Cut) -> QuerySet[Entry]:
    """Return the entries of a cut, in the order of their transactions."""
    return Entry.objects.filter(
        book_id=cut.book_id, txid__gte=cut.low_txid, txid__lt=cut.high_txid
    ).order_by("txid", "id")


def closes(book_id: UUID) -> QuerySet[DayClose]:
    """Return the book's closed days."""
    return DayClose.objects.filter(book_id=book_id)


def closed_days() -> list[date]:
    """Return the days that are closed in the bank's main book; none before there is one."""
    days = DayClose.objects.filter(book__code=MAIN).order_by("business_date")
    return list(days.values_list("business_date", flat=True))


def open_day() -> date | None:
    """Return the one day that the bank's main book is open on; None before there is one."""
    return Book.objects.filter(code=MAIN).values_list("open_date", flat=True).first()


def closes_between(first: date, last: date) -> list[DayClose]:
    """Return the closed days of the bank's main book from `first` to `last`, in order.

    Raises: DESK_NOT_OPEN; PERIOD_NOT_CLOSED unless every business day of it is closed, and there
    was one.
    """
    book = Book.objects.get(pk=main_book())
    found = list(closes(book.pk).filter(business_date__range=(first, last)).order_by("number"))
    if last >= book.open_date or not found:
        raise errors.Refused(
            "PERIOD_NOT_CLOSED", {"first": first, "last": last, "open_date": book.open_date}
        )
    return found


def next_expiries() -> list[tuple[UUID, datetime]]:
    """Return each bank that has holds with an end, and the earliest end; outside `acting`."""
    return list(statements.rows("SELECT bank_id, expires_at FROM ledger_next_expiries()", []))


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


def latest_days(limit: int) -> list[date]:
    """Return the open business days and the last closed ones, the latest first."""
    opened = Book.objects.values_list("open_date", flat=True)
    closed = DayClose.objects.order_by("-business_date").values_list("business_date", flat=True)
    return sorted({*opened, *closed[:limit]}, reverse=True)[:limit]


def last_close(book_id: UUID) -> DayClose | None:
    """Return the book's latest closed day."""
    return DayClose.objects.filter(book_id=book_id).order_by("-number").first()


def _balance_after(account: Account, posting: Posting) -> Decimal:
    """Return an account's balance once `posting` was on it."""
    if posting.balance_after is not None:
        return posting.balance_after
    before = balance(account, _day_before(posting.business_date))
    today = Posting.objects.filter(
        account=account, business_date=posting.business_date, id__lte=posting.id
    )
    summed: Decimal = today.aggregate(total=Sum("amount"))["total"]
    return before + summed * account.normal


def _day_before(day: date) -> date:
    return date.fromordinal(max(day.toordinal() - 1, 1))  # nothing was booked on the first of all
