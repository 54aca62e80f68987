"""The pages of the section "Tax"."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import BaseDialogForm

import ledger.queries
from common import errors, ids
from common.admin import command
from common.admin.shown import badge, link, link_to, ref
from kyc.admin.shown import OfClientAdmin
from ledger.admin import shown
from ledger.admin.shown import Days, LedgerAdmin, Table, coins, roubles, words
from ledger.models import Entry
from tax import operations
from tax.models import Disposal, DisposalSlice, Lot, Remittance, TaxYear, Withholding

LATEST = 200  # of what one remittance remits


class TaxAdmin(OfClientAdmin):
    scope, section = "tax:read", "Tax"

    @display(description="Fill")
    def fill(self, row: Any) -> Any:
        return ref(ids.show("fil", row.fill_id))

    @display(description="Entry")
    def entry(self, row: Any) -> Any:
        return link_to(Entry, row.entry_id)


@admin.register(Lot)
class LotAdmin(TaxAdmin):
    icon, related = "inventory_2", ("asset",)
    list_display: Any = (
        "shown_id",
        "acquired_at",
        "of_client",
        "asset",
        "quantity_of",
        "cost",
        "left",
        "cost_left",
    )
    list_filter: ClassVar[Any] = ("asset", ("acquired_at", Days))
    search_help_text = "The id of a lot, of its client or its fill"
    totals: ClassVar = {"Cost": "cost_rub", "Cost of what is left": "cost_left_rub"}
    search_fields = exact = ("client_id", "fill_id")
    fields = (
        ("shown_id", "bank"),
        ("of_client", "asset"),
        ("quantity_of", "cost"),
        ("left", "cost_left"),
        ("acquired_at", "undone_at"),
        "fill",
    )

    quantity_of, left = coins("quantity", "Acquired"), coins("quantity_left", "Left")
    cost = roubles("cost_rub", "Cost, fee in it")
    cost_left = roubles("cost_left_rub", "Cost of what is left")


@admin.register(Disposal)
class DisposalAdmin(TaxAdmin):
    icon, related = "sell", ("asset",)
    list_display: Any = (
        "shown_id",
        "at",
        "of_client",
        "asset",
        "quantity_of",
        "proceeds",
        "cost",
        "result",
    )
    list_filter: ClassVar[Any] = ("asset", "year", ("at", Days))
    search_help_text = "The id of a disposal, of its client or its fill"
    totals: ClassVar = {"Proceeds": "proceeds_rub", "Cost": "cost_rub", "Result": "result_rub"}
    search_fields = exact = ("client_id", "fill_id")
    fields = (
        ("shown_id", "bank"),
        ("of_client", "asset"),
        ("quantity_of", "year"),
        ("proceeds", "cost"),
        ("result", "undone_at"),
        ("at", "fill"),
    )

    quantity_of = coins("quantity", "Sold")
    proceeds = roubles("proceeds_rub", "Proceeds, less the fee")
    cost, result = roubles("cost_rub", "Cost"), roubles("result_rub", "Result")

    def tables(self, row: Any) -> list[Table]:
        slices = DisposalSlice.objects.filter(disposal_id=row.pk).select_related("lot")
        return [
            Table(
                "The lots it closed, first in first out",
                ("Lot", "Acquired", "Quantity", "Cost"),
                [
                    (
                        link(each.lot),
                        each.lot.acquired_at,
                        shown.figure(shown.money_of(each.quantity, row.coin)),
                        shown.figure(shown.money_of(each.cost_rub, shown.RUB)),
                    )
                    for each in slices.order_by("id")
                ],
                frozenset({"Quantity", "Cost"}),
            )
        ]


@admin.register(TaxYear)
class TaxYearAdmin(TaxAdmin):
    icon = "event"
    list_display: Any = (
        "shown_id",
        "year",
        "of_client",
        "realised",
        "withheld",
        "over",
        "short",
        "closed",
    )
    list_filter: ClassVar[Any] = ("year", ("closed_at", admin.EmptyFieldListFilter))
    search_help_text = "The id of a year, or of its client"
    totals: ClassVar = {"Realised": "realised_rub", "Withheld": "withheld_rub"}
    search_fields = exact = ("client_id",)
    fields = (
        ("shown_id", "bank"),
        ("of_client", "year"),
        ("realised", "withheld"),
        ("over", "short"),
        ("notice_date", "closed_at"),
    )

    realised, withheld = roubles("realised_rub", "Realised"), roubles("withheld_rub", "Withheld")
    over = roubles("over_withheld_rub", "Withheld too much")
    short = roubles("not_withheld_rub", "Could not be withheld")
    actions_detail: Any = ("end_year",)

    @display(description="Stands", ordering="closed_at")
    def closed(self, row: Any) -> Any:
        return badge("closed", "success") if row.closed_at else badge("open", "info")

    @command(
        "End the year",
        "Of every client: what is still due of this year is withheld from free roubles. After the"
        " month that the law leaves nothing more is: what is missing is told to the tax service.",
        "event_available",
        "end",
        asks=False,
    )
    def end_year(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            book_id = ledger.queries.main_book()
            years = operations.withhold_year_end(book_id=book_id, year=row.year, at=at)
            closed = sum(each.closed_at is not None for each in years)
            return f"{row.year}: {len(years)} clients' years changed, {closed} are closed."

        return self.run(request, row, effect)

    def has_end_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.holds(request, "tax:write"):
            return False
        return object_id is None or self.found(request, object_id).closed_at is None


@admin.register(Withholding)
class WithholdingAdmin(TaxAdmin):
    icon, related = "percent", ("remittance",)
    list_display: Any = (
        "shown_id",
        "at",
        "of_client",
        "year",
        "kind",
        "base",
        "payout",
        "withheld",
        "remit_by",
        "remitted",
    )
    list_filter: ClassVar[Any] = (
        ("at", Days),
        "kind",
        "year",
        ("remittance", admin.EmptyFieldListFilter),
        "remit_by",
    )
    search_help_text = "The id of a withholding, of its client, its entry or its payout"
    totals: ClassVar = {"Payouts": "payout_rub", "Withheld": "withheld_rub"}
    search_fields = exact = ("client_id", "entry_id", "payout_ref")
    fields = (
        ("shown_id", "bank"),
        ("of_client", "residency_shown"),
        ("year", "kind"),
        ("base", "cumulative"),
        ("before", "payout"),
        ("withheld", "remit_by"),
        ("regime", "shown_remittance"),
        ("shown_payout", "entry"),
        "at",
    )

    base, cumulative = roubles("base_rub", "Year's base"), roubles("cumulative_rub", "Tax on it")
    before = roubles("withheld_before_rub", "Withheld before")
    payout, withheld = roubles("payout_rub", "Payout"), roubles("withheld_rub", "Withheld")

    @display(description="Remitted", ordering="remittance")
    def remitted(self, row: Any) -> Any:
        return badge("remitted", "success") if row.remittance_id else badge("waits", "warning")

    @display(description="Remittance")
    def shown_remittance(self, row: Any) -> Any:
        return link_to(Remittance, row.remittance_id)

    @display(description="Payout")
    def shown_payout(self, row: Any) -> Any:
        return ref(row.payout_ref) if row.payout_ref else "–"

    @display(description="Residency", ordering="residency")
    def residency_shown(self, row: Any) -> str:
        return words(row.residency)

    actions_detail: Any = ("remit",)

    @command(
        "Remit",
        "Sends to the budget this and all else that is to be remitted by the same day.",
        "send",
        "remit",
        asks=False,
    )
    def remit(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            book_id = ledger.queries.main_book()
            done = operations.remit_tax(book_id=book_id, until=row.remit_by, at=at)
            if done is None:
                raise errors.Refused("NOTHING_DUE", {"until": row.remit_by})
            return f"{done.amount_rub:.2f} roubles went to the budget."

        return self.run(request, row, effect)

    def has_remit_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.holds(request, "tax:write"):
            return False
        return object_id is None or self.found(request, object_id).remittance_id is None


@admin.register(Remittance)
class RemittanceAdmin(LedgerAdmin):
    scope, section, icon = "tax:read", "Tax", "account_balance"
    list_display: Any = ("shown_id", "at", "amount", "by")
    list_filter: ClassVar[Any] = (("at", Days),)
    search_fields = exact = ("entry_id",)
    search_help_text = "The id of a remittance, or of its entry"
    totals: ClassVar = {"Roubles": "amount_rub"}
    fields = (("shown_id", "bank"), ("amount", "entry"), ("by", "at"))

    amount = roubles("amount_rub", "Roubles")

    def tables(self, row: Any) -> list[Table]:
        found = Withholding.objects.filter(remittance_id=row.pk).order_by("id")
        return [
            Table(
                "What it remits",
                ("Withholding", "At", "Year", "Withheld"),
                [
                    (
                        link(each),
                        each.at,
                        each.year,
                        shown.figure(shown.money_of(each.withheld_rub, shown.RUB)),
                    )
                    for each in found[:LATEST]
                ],
                frozenset({"Withheld"}),
            )
        ]

    @display(description="Entry")
    def entry(self, row: Any) -> Any:
        return link_to(Entry, row.entry_id)
