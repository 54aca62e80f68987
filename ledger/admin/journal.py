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
    list_display = ("shown_id", "kind", "business_date", "at", "actor", "ref", "reason")
    list_filter = (DayFilter,)
    search_fields = exact = ("ref", "kind")
    search_help_text = "An entry's id, its ref or its kind"
    change_form_outer_before_template: Any = shown.TEMPLATE
    change_form_outer_after_template: Any = None
    fieldsets = (
        ("Entry", {"fields": ("shown_id", ("kind", "ref"), ("business_date", "value_date"))}),
        ("Who, when, why", {"fields": ("actor", ("at", "recorded_at"), "reason")}),
        ("Correction", {"fields": (("reversal_of", "reversed_by"),)}),
        ("Trace", {"fields": (("book", "bank"), ("request_id", "txid"), "digest_hex")}),
    )
    readonly_fields = ("shown_id", "reversal_of", "reversed_by", "digest_hex")

    def tables(self, row: Entry) -> list[Table]:
        return [
            Table(
                "Postings",
                ("Account", "Line", "Owner", "Asset", "Debit", "Credit", "Balance after"),
                [
                    (
                        shown.link(posting.account),
                        posting.account.get_line_display(),
                        posting.account.owner,
                        posting.asset_id,
                        *shown.sides(money.Money(posting.amount, posting.asset.value)),
                        shown.figure(shown.money_of(posting.balance_after, posting.asset.value)),
                    )
                    for posting in queries.postings(row)
                ],
                frozenset({"Debit", "Credit", "Balance after"}),
            )
        ]

    @display(description="Reverses")
    def reversal_of(self, row: Entry) -> SafeString | None:
        return shown.link(row.reverses) if row.reverses else None

    @display(description="Reversed by")
    def reversed_by(self, row: Entry) -> SafeString | None:
        reversal = queries.reversal_of(row)
        return shown.link(reversal) if reversal else None

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
        "ref",
    )
    list_filter = ("status",)
    search_fields = exact = ("ref", "account__owner")
    search_help_text = "A hold's id, its ref or its account's owner"
    fieldsets = (
        (
            "Hold",
            {"fields": ("shown_id", ("state", "ref"), "account_link", ("amount_held", "asset"))},
        ),
        ("Placed", {"fields": ("actor", ("placed_at", "expires_at"))}),
        ("Ended", {"fields": ("ended_by", ("ended_at", "entry_link"))}),
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
    def amount_held(self, row: Hold) -> SafeString:
        return shown.figure(money.Money(row.amount, row.account.asset.value))

    @display(description="Account")
    def account_link(self, row: Hold) -> SafeString:
        return shown.link(row.account)

    @display(description="Entry")
    def entry_link(self, row: Hold) -> SafeString | None:
        return shown.link(row.entry) if row.entry else None


@admin.register(DayClose)
class DayCloseAdmin(shown.LedgerAdmin):
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
    search_help_text = "A close's id, or its day as 2022-02-24"
    list_filter = ("book",)
    fieldsets = (
        ("Day", {"fields": ("shown_id", ("business_date", "number", "book"))}),
        ("Closed", {"fields": ("actor", ("at", "recorded_at"))}),
        ("Seal", {"fields": (("amount_entries", "first_number", "last_number"), "head_hex")}),
    )
    readonly_fields = ("shown_id", "amount_entries", "head_hex")

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
    readonly_fields = ("shown_id",)
