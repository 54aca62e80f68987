"""The pages of instruments and quotes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.forms import BaseDialogForm

from common.admin import command
from common.admin.shown import status
from desk import operations
from desk.models import Instrument, Quote
from kyc.admin.shown import OfClientAdmin
from ledger.admin.shown import Days, LedgerAdmin, Table, changes_of, coins, roubles


class DeskAdmin(LedgerAdmin):
    """A page of the section."""

    scope, section = "orders:read", "Desk"


class ClientsDeskAdmin(OfClientAdmin):
    """A page of the section whose rows belong to clients."""

    scope, section = "orders:read", "Desk"


@admin.register(Instrument)
class InstrumentAdmin(DeskAdmin):
    scope, icon = "market:read", "candlestick_chart"
    list_display: Any = (
        "shown_id",
        "code",
        "shown_status",
        "spread_bps",
        "fee_bps",
        "smallest",
        "largest",
        "tick",
    )
    list_filter: ClassVar[Any] = ("status",)
    search_fields = exact = ("code",)
    fields = (
        ("shown_id", "bank"),
        ("code", "shown_status"),
        ("spread_bps", "fee_bps"),
        ("smallest", "largest"),
        "tick",
    )
    actions_detail: Any = ("halt", "reopen")

    shown_status = status({"OPEN": "success", "HALTED": "danger"})
    smallest, largest = coins("min_quantity", "Smallest"), coins("max_quantity", "Largest")
    tick = roubles("tick_rub", "Tick, roubles")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("asset")

    def tables(self, row: Any) -> list[Table]:
        return [changes_of(row)]

    @command("Halt", "No order is taken or executed until it is reopened.", "pause", "halt")
    def halt(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operations.halt_instrument(instrument_id=row.pk, reason=reason, at=at)
            return f"{row.code} is halted."

        return self.run(request, row, effect)

    @command("Reopen", "Orders are taken again, resting ones executed.", "play_arrow", "reopen")
    def reopen(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operations.reopen_instrument(instrument_id=row.pk, reason=reason, at=at)
            return f"{row.code} is open."

        return self.run(request, row, effect)

    def has_halt_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "instruments:write", object_id, "OPEN")

    def has_reopen_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "instruments:write", object_id, "HALTED")


@admin.register(Quote)
class QuoteAdmin(ClientsDeskAdmin):
    icon, related = "request_quote", ("instrument__asset",)
    list_display: Any = (
        "shown_id",
        "instrument",
        "of_client",
        "at_most",
        "bid",
        "ask",
        "mid",
        "at",
        "expires_at",
    )
    list_filter: ClassVar[Any] = (("at", Days), "instrument")
    search_fields = exact = ("client_id",)
    search_help_text = "A quote's id, or its client's"
    fields = (
        ("shown_id", "bank"),
        ("instrument", "of_client", "at_most"),
        ("bid", "ask"),
        ("mid", "source"),
        ("at", "expires_at"),
    )

    bid, ask = roubles("bid_rub", "The desk buys at"), roubles("ask_rub", "The desk sells at")
    mid, at_most = roubles("mid_rub", "Middle of the market"), coins("quantity", "For at most")
