"""The pages of deposits and withdrawals, and the queue of those that wait for a second person."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import BaseDialogForm

import kyc.queries
from common import tenancy
from common.admin import command
from common.admin.dialogs import Done, enter
from common.admin.shown import by, link_to, status
from desk import forms, operations, queries, refusals
from desk.admin import story
from desk.admin.market import ClientsDeskAdmin
from desk.api.whose import client_of
from desk.models import Deposit, LargeWithdrawal, Withdrawal
from kyc import masking
from ledger.admin.shown import Days, Table, roubles
from ledger.models import Entry


class CashAdmin(ClientsDeskAdmin):
    scope, related = "cash:read", ("bank_account",)

    @display(description="Account")
    def account(self, row: Any) -> Any:
        account = row.bank_account
        return link_to(type(account), account.pk, f"{masking.number(account.number)}")

    @display(description="Entry")
    def entry(self, row: Any) -> Any:
        return link_to(Entry, row.entry_id)


@admin.register(Deposit)
class DepositAdmin(CashAdmin):
    icon = "south_east"
    list_display: Any = ("shown_id", "at", "of_client", "amount", "account", "by")
    list_filter: ClassVar[Any] = (("at", Days),)
    search_fields = exact = ("client_id", "entry_id")
    search_help_text = "A deposit's id, its client's, or its entry's"
    totals: ClassVar = {"Roubles": "amount_rub"}
    fields = (
        ("shown_id", "bank"),
        ("of_client", "amount"),
        ("account", "entry"),
        ("by", "at"),
    )

    actions_list: Any = ("record_deposit",)

    amount = roubles("amount_rub", "Roubles")

    @command(
        "Record a deposit",
        "Roubles that came for a client, from an account of the client's own.",
        "south_east",
        "receive",
        form=forms.DepositForm,
    )
    def record_deposit(self, request: HttpRequest, form: forms.DepositForm) -> HttpResponse:
        said = dict(form.said)
        named, number = said.pop("client_id"), said.pop("account_number")

        def effect(at: Any) -> Done:
            client_id = client_of(tenancy.current().actor, named)
            row = operations.record_deposit(client_id=client_id, number=number, **said, at=at)
            return Done(row, f"Booked: {row.amount_rub:,.2f} roubles.")

        return enter(self, request, form, effect)

    def has_receive_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "cash:receive")


@admin.register(Withdrawal)
class WithdrawalAdmin(CashAdmin):
    icon = "north_east"
    list_display: Any = (
        "shown_id",
        "at",
        "of_client",
        "shown_status",
        "gross",
        "tax",
        "net",
        "account",
        "codes_in_short",
    )
    list_filter: ClassVar[Any] = ("status", ("at", Days))
    search_fields = exact = ("client_id", "entry_id")
    search_help_text = "A withdrawal's id, its client's, or its entry's"
    totals: ClassVar = {"Gross": "gross_rub", "Tax": "tax_rub", "Net": "net_rub"}
    fieldsets = (
        (
            "Asked for",
            {
                "fields": (
                    ("shown_id", "bank"),
                    ("of_client", "account"),
                    ("gross", "at"),
                    "by",
                )
            },
        ),
        (
            "What became of it",
            {
                "fields": (
                    ("shown_status", "why"),
                    ("tax", "net"),
                    ("decider", "hold"),
                    ("entry", "settled"),
                )
            },
        ),
    )
    actions_list: Any = ("request_withdrawal",)
    actions_detail: Any = ("approve", "refuse")

    gross, tax = roubles("gross_rub", "Gross"), roubles("tax_rub", "Tax withheld")
    net = roubles("net_rub", "Net")
    shown_status, decider = status(story.WITHDRAWAL), by("decided_by", "Decided by")
    codes_in_short, why, hold = story.codes_in_short, story.why, story.hold

    def tables(self, row: Any) -> list[Table]:
        return story.of_withdrawal(row)

    @display(description="Sent by the entry")
    def settled(self, row: Any) -> Any:
        return link_to(Entry, row.settled_entry_id)

    @command(
        "Request a withdrawal",
        "To an account of the client's own, less the tax. What it comes to is shown first.",
        "north_east",
        "request",
        form=forms.WithdrawalForm,
    )
    def request_withdrawal(self, request: HttpRequest, form: forms.WithdrawalForm) -> HttpResponse:
        actor, said = tenancy.current().actor, dict(form.said)
        named, gross = said.pop("client_id"), said["amount_rub"]

        def effect(at: Any) -> Done:
            client_id = client_of(actor, named)
            account = kyc.queries.bank_account_for(actor=actor, account_id=said["bank_account_id"])
            tax = operations.preview_withdrawal(client_id=client_id, amount_rub=gross, at=at)
            form.insist_on(
                f"Of {gross:,.2f} roubles {tax.withheld_rub:,.2f} are withheld as tax,"
                f" {tax.net_rub:,.2f} go to {account.bank_name}, {masking.number(account.number)}."
            )
            row = operations.request_withdrawal(client_id=client_id, **said, at=at)
            return _told(row)

        return enter(self, request, form, effect)

    @command(
        "Let go",
        "The tax is withheld as of now, the net leaves. Not by who asked for it.",
        "check",
        "decide",
        asks=False,
    )
    def approve(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            done = operations.approve_withdrawal(withdrawal=row, at=at)
            return f"Let go: {done.net_rub:.2f} roubles leave, {done.tax_rub:.2f} are withheld."

        return self.run(request, row, effect)

    @command("Refuse", "What it reserved is free again.", "block", "decide")
    def refuse(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operations.refuse_withdrawal(withdrawal=row, reason=reason, at=at)
            return "The withdrawal is refused."

        return self.run(request, row, effect)

    def has_request_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "cash:write")

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "cash:approve", object_id, "IN_REVIEW")


@admin.register(LargeWithdrawal)
class LargeWithdrawalAdmin(WithdrawalAdmin):
    """The work queue: what waits for a second person, the longest first."""

    icon = "assignment_late"
    ordering = ("pk",)
    actions_list: Any = ()
    list_filter: ClassVar[Any] = ()
    list_display: Any = ("shown_id", "at", "of_client", "gross", "account", "by")

    def waiting(self, request: HttpRequest) -> int | None:
        return queries.in_review().count() if self.holds(request, "cash:approve") else None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(status="IN_REVIEW")


def _told(row: Withdrawal) -> Done:
    if row.codes:
        return Done(row, f"Refused. {refusals.in_words(row.codes)}", messages.ERROR)
    if row.status == "IN_REVIEW":
        return Done(row, "So large a sum waits for a second person to let it go.", messages.WARNING)
    return Done(row, f"Paid: {row.net_rub:,.2f} roubles leave, {row.tax_rub:,.2f} are withheld.")
