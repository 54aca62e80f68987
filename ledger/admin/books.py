"""The pages of books and accounts: a day is closed here, an entry proposed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from common import clock, errors, money, tenancy
from common.admin import command
from common.admin.dialogs import Done, enter
from common.admin.shown import link, ref, url, who
from ledger import forms, operations, queries
from ledger.admin import shown
from ledger.admin.shown import Table
from ledger.models import Account, Book

LATEST = 20


@admin.register(Book)
class BookAdmin(shown.LedgerAdmin):
    icon = "menu_book"
    list_display = ("shown_id", "code", "open_date", "opened_at")
    search_fields = exact = ("code",)
    fields = ("shown_id", ("code", "bank"), ("open_date", "opened_at"))
    actions_detail: Any = ("close_open_day", "propose_entry")

    def tables(self, row: Book) -> list[Table]:
        assets = queries.assets()
        due = [
            (asset, shown.figure(money.Money(amount, assets[asset])))
            for asset, amount in queries.due(row.pk).items()
        ]
        closes = [
            (
                link(day),
                day.business_date,
                shown.entries_of(day),
                who(day, day.actor),
                day.at,
            )
            for day in queries.closes(row.pk).order_by("-number")[:LATEST]
        ]
        return [
            shown.trial_table(
                f"Trial balance of {shown.day_of(row.open_date)}, the open day",
                queries.trial_balance(row.pk, row.open_date),
            ),
            Table(
                "Due from own to segregated accounts; the close sweeps it",
                ("Asset", "Due"),
                due,
                frozenset({"Due"}),
            ),
            Table(
                "Latest closed days",
                ("Close", "Business day", "Entries", "Closed by", "At"),
                closes,
                frozenset({"Entries"}),
                "No day is closed yet.",
            ),
        ]

    # Unfold types its decorator as if it returned an Action.
    @action(  # type: ignore[operator]
        description="Close the open day",
        icon="lock",
        permissions=["close"],
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Close the open day",
            "description": "Sweeps what is due, seals the day's entries and opens the next day."
            " A closed day cannot be opened again.",
            "form_class": forms.CloseForm,
            "form_submit_text": "Close the day",
        },
    )
    def close_open_day(
        self, request: HttpRequest, form: forms.CloseForm, object_id: str
    ) -> HttpResponse:
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
            self.message_user(request, f"{shown.day_of(day)} is closed.", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": url(book)})

    @command(
        "Propose an entry",
        "On the house's own accounts: a debit as 1500.00, a credit as -1500.00. It is posted once a"
        f" second person approves. {forms.EntryForm.rows} lines here, more over REST.",
        "edit_note",
        "propose",
        form=forms.EntryForm,
    )
    def propose_entry(
        self, request: HttpRequest, form: forms.EntryForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)
        lines = [operations.Line(**line) for line in form.said["lines"]]

        def effect(at: Any) -> Done:
            made = operations.propose_entry(
                book_id=row.pk, lines=lines, reason=form.said["reason"], at=at
            )
            return Done(made, "Proposed: it waits for a second person.")

        return enter(self, request, form, effect)

    def has_propose_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        exists = object_id is None or self.get_object(request, str(object_id)) is not None
        return self.holds(request, "ledger:write") and exists

    def has_close_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        exists = object_id is None or self.get_object(request, str(object_id)) is not None
        return self.holds(request, "ledger:close") and exists


@admin.register(Account)
class AccountAdmin(shown.LedgerAdmin):
    icon = "wallet"
    list_display = (
        "shown_id",
        "line",
        "whose",
        "asset",
        "amount_balance",
        "amount_held",
        "amount_available",
    )
    list_filter = ("line", "asset", "control")
    search_fields = exact = ("owner",)
    search_help_text = "An account's id, or its owner's"
    fieldsets = (
        ("Account", {"fields": ("shown_id", ("line", "asset", "whose"))}),
        ("Balance", {"fields": (("amount_balance", "amount_held", "amount_available"),)}),
        ("Kept", {"fields": (("book", "bank"), ("normal", "control"), ("shard", "opened_at"))}),
    )

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
                        ref(posting.entry.ref),
                        *shown.sides(money.Money(posting.amount, asset)),
                        shown.figure(shown.money_of(posting.balance_after, asset)),
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
                        ref(hold.ref),
                        hold.placed_at,
                        hold.expires_at or "never",
                        shown.figure(money.Money(hold.amount, asset)),
                    )
                    for hold in holds
                ],
                frozenset({"Amount"}),
                "Nothing is reserved.",
            ),
        ]

    @display(description="Owner", ordering="owner")
    def whose(self, row: Any) -> Any:
        return ref(row.owner) if row.owner else "the house"

    @display(description="Balance")
    def amount_balance(self, row: Any) -> SafeString:
        return shown.figure(money.Money(row.balance_now, row.asset.value))

    @display(description="Held")
    def amount_held(self, row: Any) -> SafeString:
        return shown.figure(shown.money_of(row.held_now, row.asset.value))

    @display(description="Available")
    def amount_available(self, row: Any) -> SafeString:
        return shown.figure(shown.money_of(row.available_now, row.asset.value))
