"""The pages of instruments and quotes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.forms import BaseDialogForm

import ledger.queries
from common.admin import command
from common.admin.dialogs import Done, enter
from common.admin.shown import status
from desk import forms, operations
from desk.models import Instrument, Quote
from kyc.admin.shown import OfClientAdmin
from ledger.admin.shown import Days, LedgerAdmin, Table, changes_of, coins, roubles
from ledger.operations import NewEntry


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
    actions_list: Any = ("open_instrument",)
    actions_detail: Any = ("buy_stock", "sell_stock", "halt", "reopen")

    shown_status = status({"OPEN": "success", "HALTED": "danger"})
    smallest, largest = coins("min_quantity", "Smallest"), coins("max_quantity", "Largest")
    tick = roubles("tick_rub", "Tick, roubles")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("asset")

    def tables(self, row: Any) -> list[Table]:
        return [changes_of(row)]

    @command(
        "Open an instrument",
        "A coin against the rouble, for clients to trade.",
        "add_chart",
        "open",
        form=forms.InstrumentForm,
    )
    def open_instrument(self, request: HttpRequest, form: forms.InstrumentForm) -> HttpResponse:
        def effect(at: Any) -> Done:
            row = operations.create_instrument(**form.said, at=at)
            return Done(row, f"{row.code} is open.")

        return enter(self, request, form, effect)

    @command(
        "Buy stock",
        "Coins for the desk, on the venue at the market's middle, from the bank's own roubles.",
        "add_shopping_cart",
        "trade",
        form=forms.BuyStockForm,
    )
    def buy_stock(
        self, request: HttpRequest, form: forms.StockForm, object_id: str
    ) -> HttpResponse:
        return self._trade(request, form, object_id, operations.buy_stock)

    @command(
        "Sell stock",
        "Coins of the desk, on the venue at the market's middle, whatever the licence.",
        "remove_shopping_cart",
        "trade",
        form=forms.StockForm,
    )
    def sell_stock(
        self, request: HttpRequest, form: forms.StockForm, object_id: str
    ) -> HttpResponse:
        return self._trade(request, form, object_id, operations.sell_stock)

    def _trade(
        self,
        request: HttpRequest,
        form: forms.StockForm,
        object_id: str,
        trade: Callable[..., NewEntry],
    ) -> HttpResponse:
        """Trade on the venue for the desk, and show the entry: it says for how much."""
        row = self.found(request, object_id)

        def effect(at: Any) -> Done:
            entry = trade(instrument_id=row.pk, **form.said, at=at)
            return Done(ledger.queries.entries().get(pk=entry.id), f"{entry.reason}.")

        return enter(self, request, form, effect)

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

    def has_open_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "instruments:write")

    def has_trade_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "instruments:write", object_id, "OPEN", "HALTED")

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
