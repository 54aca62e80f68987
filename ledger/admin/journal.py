"""The pages of entries and holds, of closed days and cuts."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from common import money
from common.admin.shown import by, link, ref, status
from ledger import queries, states
from ledger.admin import shown
from ledger.admin.shown import Table
from ledger.models import Cut, DayClose, Entry, Hold

LATEST = 20


class DayFilter(admin.SimpleListFilter):
    """The open days and the latest closed ones."""

    title = "business day"
    parameter_name = "business_date"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(day), shown.day_of(day)) for day in queries.latest_days(LATEST)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            day = date.fromisoformat(self.value() or "")
        except ValueError:
            return queryset
        return queryset.filter(book__in=queries.books(), business_date=day)


@admin.register(Entry)
class EntryAdmin(shown.LedgerAdmin):
    icon = "receipt_long"
    list_display = ("shown_id", "kind", "business_date", "at", "by", "about", "reason")
    list_filter = (DayFilter, ("at", shown.Days))
    search_fields = exact = ("ref", "kind")
    search_help_text = "An entry's id, its ref or its kind"
    change_form_outer_before_template: Any = shown.TEMPLATE
    change_form_outer_after_template: Any = None
    fieldsets = (
        ("Entry", {"fields": ("shown_id", ("kind", "about"), ("business_date", "value_date"))}),
        ("Who, when, why", {"fields": ("by", ("at", "recorded_at"), "reason")}),
        ("Correction", {"fields": (("reversal_of", "reversed_by"),)}),
        ("Trace", {"fields": (("book", "bank"), ("request_id", "txid"), "digest_hex")}),
    )

    def tables(self, row: Entry) -> list[Table]:
        return [
            Table(
                "Postings",
                ("Account", "Line", "Owner", "Asset", "Debit", "Credit", "Balance after"),
                [
                    (
                        link(posting.account),
                        posting.account.get_line_display(),
                        ref(posting.account.owner),
                        posting.asset_id,
                        *shown.sides(money.Money(posting.amount, posting.asset.value)),
                        shown.figure(shown.money_of(posting.balance_after, posting.asset.value)),
                    )
                    for posting in queries.postings(row)
                ],
                frozenset({"Debit", "Credit", "Balance after"}),
            )
        ]

    @display(description="About", ordering="ref")
    def about(self, row: Any) -> Any:
        return ref(row.ref) if row.ref else "–"

    @display(description="Reverses")
    def reversal_of(self, row: Entry) -> SafeString | None:
        return link(row.reverses) if row.reverses else None

    @display(description="Reversed by")
    def reversed_by(self, row: Entry) -> SafeString | None:
        reversal = queries.reversal_of(row)
        return link(reversal) if reversal else None

    @display(description="Digest (SHA-256)")
    def digest_hex(self, row: Entry) -> SafeString:
        return shown.code(bytes(row.digest).hex())


@admin.register(Hold)
class HoldAdmin(shown.LedgerAdmin):
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
        "about",
    )
    list_filter = ("status", ("placed_at", shown.Days))
    search_fields = exact = ("ref", "account__owner")
    search_help_text = "A hold's id, its ref or its account's owner"
    fieldsets = (
        (
            "Hold",
            {"fields": ("shown_id", ("state", "about"), "account_link", ("amount_held", "asset"))},
        ),
        ("Placed", {"fields": ("by", ("placed_at", "expires_at"))}),
        ("Ended", {"fields": ("ender", ("ended_at", "entry_link"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        return super().get_queryset(request).select_related("account__asset")

    state = status(
        {
            states.HoldStatus.PENDING: "info",
            states.HoldStatus.POSTED: "success",
            states.HoldStatus.EXPIRED: "warning",
        }
    )
    ender = by("ended_by", "Ended by")

    @display(description="About", ordering="ref")
    def about(self, row: Any) -> Any:
        return ref(row.ref) if row.ref else "–"

    @display(description="Line")
    def account_line(self, row: Hold) -> str:
        return row.account.get_line_display()

    @display(description="Owner")
    def account_owner(self, row: Hold) -> Any:
        return ref(row.account.owner)

    @display(description="Asset")
    def asset(self, row: Hold) -> str:
        return row.account.asset_id

    @display(description="Amount")
    def amount_held(self, row: Hold) -> SafeString:
        return shown.figure(money.Money(row.amount, row.account.asset.value))

    @display(description="Account")
    def account_link(self, row: Hold) -> SafeString:
        return link(row.account)

    @display(description="Entry")
    def entry_link(self, row: Hold) -> SafeString | None:
        return link(row.entry) if row.entry else None


@admin.register(DayClose)
class DayCloseAdmin(shown.LedgerAdmin):
    icon = "event_available"
    list_display = (
        "shown_id",
        "number",
        "business_date",
        "amount_entries",
        "head_short",
        "by",
        "at",
    )
    search_fields = exact = ("business_date",)
    search_help_text = "A close's id, or its day as 2022-02-24"
    list_filter = ("book",)
    fieldsets = (
        ("Day", {"fields": ("shown_id", ("business_date", "number", "book"))}),
        ("Closed", {"fields": ("by", ("at", "recorded_at"))}),
        ("Seal", {"fields": (("amount_entries", "first_number", "last_number"), "head_hex")}),
    )

    def tables(self, row: DayClose) -> list[Table]:
        return [
            shown.trial_table(
                f"Trial balance of {shown.day_of(row.business_date)}", queries.sealed(row)
            )
        ]

    @display(description="Entries")
    def amount_entries(self, row: DayClose) -> SafeString:
        return shown.entries_of(row)

    @display(description="Head")
    def head_short(self, row: DayClose) -> SafeString:
        return shown.code(bytes(row.head).hex()[:16] + "…")

    @display(description="Head (SHA-256)")
    def head_hex(self, row: DayClose) -> SafeString:
        return shown.code(bytes(row.head).hex())


@admin.register(Cut)
class CutAdmin(shown.LedgerAdmin):
    icon = "content_cut"
    list_display = ("shown_id", "number", "low_txid", "high_txid", "at")
    list_filter = ("book",)
    fields = (*list_display, "book", "bank")
