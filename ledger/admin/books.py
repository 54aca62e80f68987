"""The pages of books, their closed days and cuts. Closing a day is the one thing that is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from common import clock, errors, money, tenancy
from ledger import chart, operations, queries
from ledger.admin.shown import LedgerAdmin, Table, code, day_of, figure, link, url
from ledger.models import Book, Cut, DayClose

LATEST = 20


class CloseForm(BaseDialogForm):
    """The day that the officer sees: if it is no longer the open one, nothing is closed."""

    business_date = forms.DateField(
        label="Business day", widget=UnfoldAdminTextInputWidget(attrs={"readonly": True})
    )

    def __init__(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        self.initial["business_date"] = queries.book_by_id(UUID(object_id)).open_date


@admin.register(Book)
class BookAdmin(LedgerAdmin):
    icon = "menu_book"
    list_display = ("shown_id", "code", "open_date", "opened_at")
    search_fields = exact = ("code",)
    fields = ("shown_id", ("code", "open_date", "opened_at"), "bank")
    readonly_fields = ("shown_id",)
    actions_detail: Any = ("close_open_day",)

    def tables(self, row: Book) -> list[Table]:
        assets = queries.assets()
        due = queries.due(row.pk).items()
        closes = queries.closes(row.pk).order_by("-number")[:LATEST]
        return [
            _trial_table(
                f"Trial balance of {day_of(row.open_date)}, the open day",
                queries.trial_balance(row.pk, row.open_date),
            ),
            Table(
                "Due from own to segregated accounts; the close sweeps it",
                ("Asset", "Due"),
                [(asset, figure(money.Money(amount, assets[asset]))) for asset, amount in due],
                frozenset({"Due"}),
            ),
            Table(
                "Latest closed days",
                ("Close", "Business day", "Entries", "Closed by", "At"),
                [(link(c), c.business_date, entries_of(c), c.actor, c.at) for c in closes],
                frozenset({"Entries"}),
                "No day is closed yet.",
            ),
        ]

    @action(  # type: ignore[operator]  (unfold's decorator says it returns an Action)
        description="Close the open day",
        icon="lock",
        permissions=["close"],
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Close the open day",
            "description": "Sweeps what is due, seals the day's entries and opens the next day."
            " A closed day cannot be opened again.",
            "form_class": CloseForm,
            "form_submit_text": "Close the day",
        },
    )
    def close_open_day(self, request: HttpRequest, form: CloseForm, object_id: str) -> HttpResponse:
        """Close the day that the form names, at the jurisdiction's time; tell a refusal."""
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        day, at = form.cleaned_data["business_date"], clock.now(jurisdiction_id, timezone.now())
        book = queries.book_by_id(UUID(object_id))
        try:
            with transaction.atomic():
                operations.close_day(book_id=book.pk, business_date=day, at=at)
        except errors.Refused as refusal:
            self.message_user(request, f"Not closed. {refusal.detail}", messages.ERROR)
        else:
            self.log_change(request, book, f"Closed {day}.")
            self.message_user(request, f"{day_of(day)} is closed.", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": url(book)})

    def has_close_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        exists = object_id is None or self.get_object(request, str(object_id)) is not None
        return self.holds(request, "ledger:close") and exists


@admin.register(DayClose)
class DayCloseAdmin(LedgerAdmin):
    icon = "event_available"
    list_display = (
        "shown_id",
        "number",
        "business_date",
        "amount_entries",
        "head_short",
        "actor",
        "at",
    )
    search_fields = exact = ("business_date",)
    list_filter = ("book",)
    fieldsets = (
        ("Day", {"fields": ("shown_id", ("business_date", "number", "book"))}),
        ("Closed", {"fields": (("actor", "at", "recorded_at"),)}),
        ("Seal", {"fields": (("amount_entries", "first_number", "last_number"), "head_hex")}),
    )
    readonly_fields = ("shown_id", "amount_entries", "head_hex")

    def tables(self, row: DayClose) -> list[Table]:
        return [_trial_table(f"Trial balance of {day_of(row.business_date)}", queries.sealed(row))]

    @display(description="Entries")
    def amount_entries(self, row: DayClose) -> SafeString:
        return entries_of(row)

    @display(description="Head")
    def head_short(self, row: DayClose) -> SafeString:
        return code(bytes(row.head).hex()[:16] + "…")

    @display(description="Head (SHA-256)")
    def head_hex(self, row: DayClose) -> SafeString:
        return code(bytes(row.head).hex())


@admin.register(Cut)
class CutAdmin(LedgerAdmin):
    icon = "content_cut"
    list_display = ("shown_id", "number", "low_txid", "high_txid", "at")
    list_filter = ("book",)
    fields = (*list_display, "book", "bank")
    readonly_fields = ("shown_id",)


def _trial_table(title: str, lines: Sequence[queries.TrialLine]) -> Table:
    """Return a trial balance in the order of the chart."""
    assets, order = queries.assets(), list(chart.LINES)
    rows: list[tuple[Any, ...]] = []
    before = ""
    for row in sorted(lines, key=lambda row: (order.index(row.line), row.asset)):
        asset, line = assets[row.asset], chart.LINES[row.line]
        figures = [money.Money(each, asset) for each in (row.debit, row.credit, row.balance)]
        above = chart.LINES[before].section if before else None
        section = "" if line.section is above else line.section.value.capitalize()
        rows.append((section, line.title, row.asset, *map(figure, figures)))
        before = row.line
    return Table(
        title,
        ("Section", "Line", "Asset", "Debit", "Credit", "Balance"),
        rows,
        frozenset({"Debit", "Credit", "Balance"}),
        "The book has no accounts yet.",
    )


def entries_of(close: DayClose) -> SafeString:
    count = close.last_number - close.first_number + 1
    return format_html('<span class="ledger-amount">{}</span>', f"{count:,}")
