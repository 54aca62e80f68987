"""The pages of accounts, entries and holds."""

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
from ledger.admin.shown import LedgerAdmin, Table, code, day_of, figure, link, money_of, sides
from ledger.models import Account, Entry, Hold

LATEST = 20


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
        ("Account", {"fields": ("shown_id", ("line", "asset", "owner"))}),
        ("Balance", {"fields": (("amount_balance", "amount_held", "amount_available"),)}),
        ("Kept", {"fields": (("book", "bank", "shard"), ("normal", "control", "opened_at"))}),
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
                        link(posting.entry),
                        posting.entry.kind,
                        posting.entry.ref,
                        *sides(money.Money(posting.amount, asset)),
                        figure(money_of(posting.balance_after, asset)),
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
                        link(hold),
                        hold.ref,
                        hold.placed_at,
                        hold.expires_at or "never",
                        figure(money.Money(hold.amount, asset)),
                    )
                    for hold in holds
                ],
                frozenset({"Amount"}),
                "Nothing is reserved.",
            ),
        ]

    @display(description="Balance")
    def amount_balance(self, row: Any) -> SafeString:
        return figure(money.Money(row.balance_now, row.asset.value))

    @display(description="Held")
    def amount_held(self, row: Any) -> SafeString:
        return figure(money_of(row.held_now, row.asset.value))

    @display(description="Available")
    def amount_available(self, row: Any) -> SafeString:
        return figure(money_of(row.available_now, row.asset.value))


class DayFilter(admin.SimpleListFilter):
    """The open days and the latest closed ones."""

    title = "business day"
    parameter_name = "business_date"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(day), day_of(day)) for day in queries.latest_days(LATEST)]

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
        (
            "What",
            {"fields": (("shown_id", "kind", "ref"), ("business_date", "value_date", "book"))},
        ),
        ("Who, when, why", {"fields": (("actor", "at", "recorded_at"), "reason")}),
        ("Correction", {"fields": (("reversal_of", "reversed_by"),)}),
        ("Trace", {"fields": (("request_id", "txid", "bank"), "digest_hex")}),
    )
    readonly_fields = ("shown_id", "reversal_of", "reversed_by", "digest_hex")

    def tables(self, row: Entry) -> list[Table]:
        return [
            Table(
                "Postings",
                ("Account", "Line", "Owner", "Asset", "Debit", "Credit", "Balance after"),
                [
                    (
                        link(posting.account),
                        posting.account.get_line_display(),
                        posting.account.owner,
                        posting.asset_id,
                        *sides(money.Money(posting.amount, posting.asset.value)),
                        figure(money_of(posting.balance_after, posting.asset.value)),
                    )
                    for posting in queries.postings(row)
                ],
                frozenset({"Debit", "Credit", "Balance after"}),
            )
        ]

    @display(description="Reverses")
    def reversal_of(self, row: Entry) -> SafeString | None:
        return link(row.reverses) if row.reverses else None

    @display(description="Reversed by")
    def reversed_by(self, row: Entry) -> SafeString | None:
        reversal = queries.reversal_of(row)
        return link(reversal) if reversal else None

    @display(description="Digest (SHA-256)")
    def digest_hex(self, row: Entry) -> SafeString:
        return code(bytes(row.digest).hex())


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
        (
            "Hold",
            {"fields": (("shown_id", "state", "ref"), ("account_link", "amount_held", "asset"))},
        ),
        ("Placed", {"fields": (("actor", "placed_at", "expires_at"),)}),
        ("Ended", {"fields": (("ended_by", "ended_at", "entry_link"),)}),
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
        return figure(money.Money(row.amount, row.account.asset.value))

    @display(description="Account")
    def account_link(self, row: Hold) -> SafeString:
        return link(row.account)

    @display(description="Entry")
    def entry_link(self, row: Hold) -> SafeString | None:
        return link(row.entry) if row.entry else None
