"""Accounts, their balances and statements, and what is held on them."""

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
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from common import errors, ids, statements
from ledger import chart, states
from ledger.models import Account, Balance, Entry, Hold, Posting, Snapshot


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


def pending_holds(account: Account) -> QuerySet[Hold]:
    """Return what is reserved on the account now, the latest first."""
    pending = Hold.objects.filter(account=account, status=states.HoldStatus.PENDING)
    return pending.order_by("-id")


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


def next_expiries() -> list[tuple[UUID, datetime]]:
    """Return each bank that has holds with an end, and the earliest end; outside `acting`."""
    return list(statements.rows("SELECT bank_id, expires_at FROM ledger_next_expiries()", []))


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
