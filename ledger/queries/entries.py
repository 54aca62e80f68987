"""Entries and their postings."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import (
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
)

from common import errors, ids
from ledger.models import Account, Book, Cut, Entry, Posting


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


def entry_by_id(entry_id: UUID) -> Entry:
    """Return an entry of the acting bank with its postings.

    Raises: ENTRY_UNKNOWN.
    """
    entry = Entry.objects.prefetch_related("postings").filter(id=entry_id).first()
    if entry is None:
        raise errors.Refused("ENTRY_UNKNOWN", {"entry": ids.show(Entry.id_prefix, entry_id)})
    return entry


def entries_of(cut: Cut) -> QuerySet[Entry]:
    """Return the entries of a cut, in the order of their transactions."""
    return Entry.objects.filter(
        book_id=cut.book_id, txid__gte=cut.low_txid, txid__lt=cut.high_txid
    ).order_by("txid", "id")
