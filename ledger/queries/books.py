"""Books, assets, and the days that books closed. All inside `tenancy.acting`."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db.models import (
    QuerySet,
)

from common import errors, ids, models, money
from ledger.models import Book, DayClose

MAIN = "main"  # the code of the book in which a bank's desk trades


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


def latest_days(limit: int) -> list[date]:
    """Return the open business days and the last closed ones, the latest first."""
    opened = Book.objects.values_list("open_date", flat=True)
    closed = DayClose.objects.order_by("-business_date").values_list("business_date", flat=True)
    return sorted({*opened, *closed[:limit]}, reverse=True)[:limit]


def last_close(book_id: UUID) -> DayClose | None:
    """Return the book's latest closed day."""
    return DayClose.objects.filter(book_id=book_id).order_by("-number").first()
