"""The books in the admin: everything is shown, and nothing changes but by closing a day."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from common import clock, errors, ids, models, money, tenancy
from common.admin import ReadOnlyAdmin
from ledger import chart, operations, queries, states
from ledger.models import Account, Book, Cut, DayClose, Entry, Hold

LATEST = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table under a row's fields; `figures` names the columns that are right-aligned."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    figures: frozenset[str] = frozenset()
    nothing: str = "None."


class LedgerAdmin(ReadOnlyAdmin):
    """A page of the books. `exact` names the columns in which the search finds a whole value."""

    scope, section = "ledger:read", "Ledger"
    exact: ClassVar[Sequence[str]] = ()
    change_form_outer_after_template = "ledger/admin_tables.html"

    class Media:
        css: ClassVar = {"all": ("ledger/admin.css",)}

    def tables(self, row: Any) -> list[Table]:
        """Return the tables under the row's fields."""
        return []

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        """Name the bank to whom sees several."""
        shown = tuple(super().get_list_display(request))
        user = request.user
        several = isinstance(user, models.User) and user.bank_id is None
        return (*shown, "bank") if several else shown

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("bank")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows by their shown id, or by a whole value that an index can find."""
        prefix = getattr(self.model, "id_prefix", None)
        if not search_term or (prefix and search_term.startswith(f"{prefix}_")):
            return super().get_search_results(request, queryset, search_term)
        found = Q()
        for column in self.exact:
            found |= Q((column, search_term))
        return queryset.filter(found), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {**(extra_context or {}), "tables": self.tables(row) if row else []}
        return super().change_view(request, object_id, form_url, context)


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
    fields = (*list_display, "bank")
    readonly_fields = ("shown_id",)
    actions_detail: ClassVar = ["close_open_day"]

    def tables(self, row: Book) -> list[Table]:
        assets = queries.assets()
        due = queries.due(row.pk).items()
        closes = queries.closes(row.pk).order_by("-number")[:LATEST]
        return [
            _trial_table(
                f"Trial balance of {_day(row.open_date)}, the open day",
                queries.trial_balance(row.pk, row.open_date),
            ),
            Table(
                "Due from own to segregated accounts; the close sweeps it",
                ("Asset", "Due"),
                [(asset, _figure(money.Money(amount, assets[asset]))) for asset, amount in due],
                frozenset({"Due"}),
            ),
            Table(
                "Latest closed days",
                ("Close", "Business day", "Entries", "Closed by", "At"),
                [(_link(c), c.business_date, _entries(c), c.actor, c.at) for c in closes],
                frozenset({"Entries"}),
                "No day is closed yet.",
            ),
        ]

    @action(
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
            self.message_user(request, f"{_day(day)} is closed.", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": _url(book)})

    def has_close_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        exists = object_id is None or self.get_object(request, str(object_id)) is not None
        return self.holds(request, "ledger:close") and exists


@admin.register(Account)
class AccountAdmin(LedgerAdmin):
    icon = "wallet"
    list_display = (
        "shown_id",
        "line",
        "owner",
        "asset",
        "amount_balance",
        "amount_held",
        "amount_available",
    )
    list_filter = ("line", "asset", "control")
    search_fields = exact = ("owner",)
    search_help_text = "An account's id, or its owner's"
    fieldsets = (
        ("Account", {"fields": ("shown_id", "line", "asset", "owner", "shard")}),
        ("Balance", {"fields": ("amount_balance", "amount_held", "amount_available")}),
        ("Kept", {"fields": ("book", "bank", "normal", "control", "opened_at")}),
    )
    readonly_fields = ("shown_id", "amount_balance", "amount_held", "amount_available")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return queries.accounts().select_related("asset", "bank").order_by(*self.ordering)

    def tables(self, row: Account) -> list[Table]:
        asset = row.asset.value
        postings = queries.latest_postings(row, LATEST)
        holds = queries.pending_holds(row)[:LATEST]
        return [
            Table(
                "Latest postings",
                ("Business day", "Entry", "Kind", "Ref", "Debit", "Credit", "Balance after"),
                [
                    (
                        posting.business_date,
                        _link(posting.entry),
                        posting.entry.kind,
                        posting.entry.ref,
                        *_sides(money.Money(posting.amount, asset)),
                        _figure(_money(posting.balance_after, asset)),
                    )
                    for posting in postings
                ],
                frozenset({"Debit", "Credit", "Balance after"}),
                "Nothing was posted here yet.",
            ),
            Table(
                "Pending holds",
                ("Hold", "Ref", "Placed", "Runs out", "Amount"),
                [
                    (
                        _link(hold),
                        hold.ref,
                        hold.placed_at,
                        hold.expires_at or "never",
                        _figure(money.Money(hold.amount, asset)),
                    )
                    for hold in holds
                ],
                frozenset({"Amount"}),
                "Nothing is reserved.",
            ),
        ]

    @display(description="Balance")
    def amount_balance(self, row: Any) -> SafeString | None:
        return _figure(money.Money(row.balance_now, row.asset.value))

    @display(description="Held")
    def amount_held(self, row: Any) -> SafeString | None:
        return _figure(_money(row.held_now, row.asset.value))

    @display(description="Available")
    def amount_available(self, row: Any) -> SafeString | None:
        return _figure(_money(row.available_now, row.asset.value))


class DayFilter(admin.SimpleListFilter):
    """The open days and the latest closed ones."""

    title = "business day"
    parameter_name = "business_date"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(day), _day(day)) for day in queries.latest_days(LATEST)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            day = date.fromisoformat(self.value() or "")
        except ValueError:
            return queryset
        return queryset.filter(book__in=queries.books(), business_date=day)


@admin.register(Entry)
class EntryAdmin(LedgerAdmin):
    icon = "receipt_long"
    list_display = ("shown_id", "kind", "business_date", "at", "actor", "ref", "reason")
    list_filter = (DayFilter,)
    search_fields = exact = ("ref", "kind")
    search_help_text = "An entry's id, its ref or its kind"
    fieldsets = (
        ("What", {"fields": ("shown_id", "kind", "business_date", "value_date", "book", "bank")}),
        ("Who, when, why", {"fields": ("actor", "at", "recorded_at", "reason", "ref")}),
        ("Correction", {"fields": ("reversal_of", "reversed_by")}),
        ("Trace", {"fields": ("request_id", "digest_hex", "txid")}),
    )
    readonly_fields = ("shown_id", "reversal_of", "reversed_by", "digest_hex")

    def tables(self, row: Entry) -> list[Table]:
        return [
            Table(
                "Postings",
                ("Account", "Line", "Owner", "Asset", "Debit", "Credit", "Balance after"),
                [
                    (
                        _link(posting.account),
                        posting.account.get_line_display(),
                        posting.account.owner,
                        posting.asset_id,
                        *_sides(money.Money(posting.amount, posting.asset.value)),
                        _figure(_money(posting.balance_after, posting.asset.value)),
                    )
                    for posting in queries.postings(row)
                ],
                frozenset({"Debit", "Credit", "Balance after"}),
            )
        ]

    @display(description="Reverses")
    def reversal_of(self, row: Entry) -> SafeString | None:
        return _link(row.reverses) if row.reverses else None

    @display(description="Reversed by")
    def reversed_by(self, row: Entry) -> SafeString | None:
        reversal = queries.reversal_of(row)
        return _link(reversal) if reversal else None

    @display(description="Digest (SHA-256)")
    def digest_hex(self, row: Entry) -> SafeString:
        return _code(bytes(row.digest).hex())


@admin.register(Hold)
class HoldAdmin(LedgerAdmin):
    icon = "front_hand"
    list_display = (
        "shown_id",
        "state",
        "account_line",
        "account_owner",
        "asset",
        "amount_held",
        "placed_at",
        "expires_at",
        "ref",
    )
    list_filter = ("status",)
    search_fields = exact = ("ref", "account__owner")
    search_help_text = "A hold's id, its ref or its account's owner"
    fieldsets = (
        ("Hold", {"fields": ("shown_id", "state", "account_link", "amount_held", "asset", "ref")}),
        ("Placed", {"fields": ("actor", "placed_at", "expires_at")}),
        ("Ended", {"fields": ("ended_by", "ended_at", "entry_link")}),
    )
    readonly_fields = ("shown_id", "state", "account_link", "amount_held", "asset", "entry_link")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        return super().get_queryset(request).select_related("account__asset")

    @display(
        description="Status",
        ordering="status",
        label={
            states.HoldStatus.PENDING.label: "info",
            states.HoldStatus.POSTED.label: "success",
            states.HoldStatus.EXPIRED.label: "warning",
        },
    )
    def state(self, row: Hold) -> str:
        return row.get_status_display()

    @display(description="Line")
    def account_line(self, row: Hold) -> str:
        return row.account.get_line_display()

    @display(description="Owner")
    def account_owner(self, row: Hold) -> str:
        return row.account.owner

    @display(description="Asset")
    def asset(self, row: Hold) -> str:
        return row.account.asset_id

    @display(description="Amount")
    def amount_held(self, row: Hold) -> SafeString | None:
        return _figure(money.Money(row.amount, row.account.asset.value))

    @display(description="Account")
    def account_link(self, row: Hold) -> SafeString:
        return _link(row.account)

    @display(description="Entry")
    def entry_link(self, row: Hold) -> SafeString | None:
        return _link(row.entry) if row.entry else None


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
        ("Day", {"fields": ("shown_id", "business_date", "number", "book", "bank")}),
        ("Closed", {"fields": ("actor", "at", "recorded_at")}),
        ("Seal", {"fields": ("amount_entries", "first_number", "last_number", "head_hex")}),
    )
    readonly_fields = ("shown_id", "amount_entries", "head_hex")

    def tables(self, row: DayClose) -> list[Table]:
        return [_trial_table(f"Trial balance of {_day(row.business_date)}", queries.sealed(row))]

    @display(description="Entries")
    def amount_entries(self, row: DayClose) -> SafeString:
        return _entries(row)

    @display(description="Head")
    def head_short(self, row: DayClose) -> SafeString:
        return _code(bytes(row.head).hex()[:16] + "…")

    @display(description="Head (SHA-256)")
    def head_hex(self, row: DayClose) -> SafeString:
        return _code(bytes(row.head).hex())


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
    rows = []
    for row in sorted(lines, key=lambda row: (order.index(row.line), row.asset)):
        asset, line = assets[row.asset], chart.LINES[row.line]
        figures = [money.Money(each, asset) for each in (row.debit, row.credit, row.balance)]
        rows.append((line.section.value, line.title, row.asset, *map(_figure, figures)))
    return Table(
        title,
        ("Section", "Line", "Asset", "Debit", "Credit", "Balance"),
        rows,
        frozenset({"Debit", "Credit", "Balance"}),
        "The book has no accounts yet.",
    )


def _money(amount: Decimal | None, asset: money.Asset) -> money.Money | None:
    return None if amount is None else money.Money(amount, asset)


def _figure(amount: money.Money | None) -> SafeString | None:
    """Write an amount at its asset's scale, thousands apart."""
    if amount is None:
        return None
    sign = " negative" if amount.amount < 0 else ""
    return format_html('<span class="ledger-amount{}">{}</span>', sign, f"{amount.amount:,f}")


def _sides(amount: money.Money) -> tuple[SafeString | None, SafeString | None]:
    """Return a signed amount as debit and credit, one of them empty."""
    return (_figure(amount), "") if amount.amount > 0 else ("", _figure(-amount))


def _entries(close: DayClose) -> SafeString:
    count = close.last_number - close.first_number + 1
    return format_html('<span class="ledger-amount">{}</span>', f"{count:,}")


def _code(text: str) -> SafeString:
    return format_html('<span class="ledger-code">{}</span>', text)


def _link(row: Any) -> SafeString:
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        _url(row),
        ids.show(row.id_prefix, row.pk),
    )


def _url(row: Any) -> str:
    return reverse(f"admin:ledger_{row._meta.model_name}_change", args=[row.pk])


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
