"""The pages of orders and fills."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.decorators import display
from unfold.forms import BaseDialogForm

from common import tenancy
from common.admin import command
from common.admin.dialogs import Done, enter
from common.admin.shown import badge, link, link_to, status
from desk import forms, operations, refusals, states
from desk.admin import story
from desk.admin.market import ClientsDeskAdmin, DeskAdmin
from desk.api.whose import customer_of
from desk.models import Fill, Order, Quote
from desk.pretrade import Ask
from kyc.admin.shown import client_of
from ledger.admin.shown import Days, Table, coins, roubles
from ledger.models import Entry
from licensing.models import Licence


@admin.register(Order)
class OrderAdmin(ClientsDeskAdmin):
    icon, related = "receipt_long", ("instrument__asset",)
    list_display: Any = (
        "shown_id",
        "at",
        "of_client",
        "instrument",
        "side_and_kind",
        "status_and_codes",
        "ordered",
        "filled",
    )
    list_filter: ClassVar[Any] = (
        "status",
        "side",
        "kind",
        "instrument",
        ("at", Days),
        story.ByCode,
    )
    search_fields = exact = ("client_order_id", "client_id")
    search_help_text = "An order's id, the client's own id of it, or the client's id"
    fieldsets = (
        (
            "Order",
            {
                "fields": (
                    ("shown_id", "bank"),
                    ("of_client", "client_order_id"),
                    ("instrument", "shown_side"),
                    ("kind", "time_in_force"),
                    ("asked", "amount"),
                    ("limit_price", "quote"),
                )
            },
        ),
        (
            "What became of it",
            {
                "fields": (
                    ("shown_status", "why"),
                    ("ordered", "filled"),
                    ("reserved", "hold"),
                    ("licence", "expires_at"),
                    ("by", "at"),
                )
            },
        ),
    )
    actions_list: Any = ("place_order",)
    actions_detail: Any = ("cancel",)

    asked, ordered = coins("quantity", "Quantity asked"), coins("ordered_quantity", "Ordered")
    filled = coins("filled_quantity", "Filled")
    amount = roubles("amount_rub", "Amount asked, roubles")
    limit_price = roubles("limit_price_rub", "Limit price")
    reserved = roubles("reserved_limit_rub", "Reserved of the limit, roubles")
    shown_status, shown_side = status(story.ORDER), status(story.SIDE, "side", "Side")
    side_and_kind, status_and_codes = story.side, story.order_status
    why, hold = story.why, story.hold

    def tables(self, row: Any) -> list[Table]:
        return story.of_order(row)

    @display(description="Quote")
    def quote(self, row: Any) -> Any:
        return link_to(Quote, row.quote_id)

    @display(description="Licence it was judged on")
    def licence(self, row: Any) -> Any:
        text = f"version {row.licence_version}"
        return link_to(Licence, row.licence_id, text) if row.licence_id else "none"

    @command(
        "Place an order",
        "For a client. What a rule refuses is kept as rejected, with what refused it.",
        "add_shopping_cart",
        "place",
        form=forms.OrderForm,
    )
    def place_order(self, request: HttpRequest, form: forms.OrderForm) -> HttpResponse:
        said = dict(form.said)
        client_id = customer_of(tenancy.current().actor, said.pop("client_id"))
        ask = Ask(client_id, client_order_id=form.once, **said)

        def effect(at: Any) -> Done:
            # As if overtaken: it locks at once what the others want, and need not begin anew.
            (placed,) = operations.place_orders(asks=[ask], at=at, overtaken=True)
            row = placed.order
            if placed.refusals:
                return Done(row, f"Rejected. {refusals.in_words(row.codes)}", messages.ERROR)
            return Done(row, f"Placed: {row.get_status_display().lower()}.")

        return enter(self, request, form, effect)

    @command("Cancel", "What it reserved is free again.", "cancel", "cancel", asks=False)
    def cancel(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            operations.cancel_order(order=row, at=at)
            return "The order is cancelled."

        return self.run(request, row, effect)

    def has_place_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "orders:write")

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "orders:write", object_id, *states.RESTING)


@admin.register(Fill)
class FillAdmin(DeskAdmin):
    icon = "swap_horiz"
    list_display: Any = (
        "shown_id",
        "at",
        "of_client",
        "of_order",
        "what",
        "coins",
        "price",
        "notional",
        "fee",
        "stands",
    )
    list_filter: ClassVar[Any] = (
        ("at", Days),
        "order__instrument",
        "order__side",
        ("busted_at", admin.EmptyFieldListFilter),
    )
    search_fields = exact = ("entry_id", "order_id", "order__client_id")
    search_help_text = "The id of a fill, of its order, its entry or its client"
    totals: ClassVar = {"Notional": "notional_rub", "Fee": "fee_rub"}
    fields = (
        ("shown_id", "bank"),
        ("of_order", "of_client"),
        ("instrument", "side"),
        ("coins", "price"),
        ("notional", "fee"),
        ("entry", "at"),
        ("stands", "busted_at"),
    )
    actions_detail: Any = ("propose_bust",)

    coins = coins("quantity", "Quantity")
    price, notional = roubles("price_rub", "Price"), roubles("notional_rub", "Notional")
    fee = roubles("fee_rub", "Fee")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("order__instrument__asset", "order__client__identity")

    def tables(self, row: Any) -> list[Table]:
        return story.of_fill(row)

    @display(description="Client", ordering="order__client")
    def of_client(self, row: Any) -> Any:
        return client_of(row.order.client)

    @display(description="Order", ordering="order")
    def of_order(self, row: Any) -> Any:
        return link(row.order)

    @display(description="What", ordering="order__side")
    def what(self, row: Any) -> Any:
        return format_html("{} {}", self.side(row), row.order.instrument)

    @display(description="Instrument", ordering="order__instrument")
    def instrument(self, row: Any) -> str:
        return str(row.order.instrument)

    @display(description="Side", ordering="order__side")
    def side(self, row: Any) -> Any:
        return badge(row.order.get_side_display(), story.SIDE[row.order.side])

    @display(description="Entry")
    def entry(self, row: Any) -> Any:
        return link_to(Entry, row.entry_id)

    @display(description="Stands", ordering="busted_at")
    def stands(self, row: Any) -> Any:
        return badge("bust", "danger") if row.busted_at else badge("stands", "success")

    @command(
        "Propose to bust",
        "Once the head of the desk approves, the trade is as if it had never been.",
        "undo",
        "bust",
    )
    def propose_bust(
        self, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operations.propose_bust(fill=row, reason=reason, at=at)
            return "Proposed: it waits under Approvals."

        return self.run(request, row, effect)

    def has_bust_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.holds(request, "fills:write"):
            return False
        return object_id is None or self.found(request, object_id).busted_at is None
