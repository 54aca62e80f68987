"""Orders, fills and positions over REST."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Model
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import api, errors
from desk import operations, queries, states
from desk.api import serializers as io
from desk.api.whose import client_of, customer_of
from desk.models import Fill, Order
from desk.pretrade import Ask

_CODES = (
    "LICENCE_MISSING, LICENCE_SUSPENDED or LICENCE_REVOKED; ACTIVITY_NOT_PERMITTED;"
    " ASSET_NOT_ADMITTED; ASSET_NOT_FOR_CATEGORY; CATEGORY_NOT_PERMITTED (of purchases);"
    " CLIENT_FROZEN or CLIENT_NOT_OPEN; TEST_REQUIRED; LIMIT_EXCEEDED; INSTRUMENT_HALTED;"
    " QUANTITY_OUT_OF_BOUNDS; QUOTE_USED or QUOTE_EXPIRED; PRICE_UNAVAILABLE; INSUFFICIENT_FUNDS;"
    " INVENTORY_SHORT; PRICE_NOT_REACHED: in this order of precedence, with the id of the order"
    " REJECTED."
    " Not kept: CLIENT_UNKNOWN, INSTRUMENT_UNKNOWN, AMOUNT_TOO_FINE."
)


class Orders(api.View):
    """Orders: a client's own; to the bank's staff, all of the bank."""

    scope: ClassVar = {"GET": "orders:read", "POST": "orders:write"}
    parameters = ("status", "client_id", "instrument")
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(
        operation_id="list_orders",
        parameters=[
            OpenApiParameter("status", str, enum=states.OrderStatus.values),
            api.described("client_id", api.IdField("cli")),
            OpenApiParameter("instrument", str),
        ],
        responses=io.OrderOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List orders, the latest first."""
        rows = queries.orders_for(self.actor)
        for name, column, field in (
            ("status", "status", serializers.ChoiceField(states.OrderStatus.choices)),
            ("client_id", "client_id", api.IdField("cli")),
            ("instrument", "instrument__code", api.TextField(max_length=16)),
        ):
            wanted = api.parameter(request, name, field)
            if wanted is not None:
                rows = rows.filter((column, wanted))
        return self.page(rows, io.OrderOut)

    @extend_schema(
        operation_id="place_order",
        request=io.OrderIn,
        responses={201: io.OrderOut, **api.refusals(_CODES)},
    )
    def post(self, request: Request) -> Any:
        """Place an order: executed at once, resting, or rejected with every rule it breaks."""
        said = self.said(io.OrderIn, request)
        ask = Ask(customer_of(self.actor, said["client_id"]), **io.ask_fields(said))

        def told(placed: Sequence[operations.Placed]) -> HttpResponse | Response:
            (one,) = placed
            if one.refusals:
                return errors.refused(request, one.refusals)
            return Response(self.told(io.OrderOut, one.order), status=201)

        return _placed(self, [ask], told)


class OrderLists(api.View):
    """Orders taken in by the list."""

    scope: ClassVar = {"POST": "orders:write"}
    idempotent = True

    @extend_schema(
        operation_id="place_order_list",
        request=io.OrderListIn,
        responses={201: io.OrderListOut, **api.refusals(_CODES, kept=False)},
    )
    def post(self, request: Request) -> Any:
        """Place orders in one transaction; a line that rules refuse is REJECTED by itself."""
        said = self.said(io.OrderListIn, request)
        whose = {named: customer_of(self.actor, named) for named in _named(said["orders"])}
        asks = [Ask(whose[line["client_id"]], **io.ask_fields(line)) for line in said["orders"]]

        def told(placed: Sequence[operations.Placed]) -> Response:
            orders = [self.told(io.OrderOut, each.order) for each in placed]
            return Response({"orders": orders}, status=201)

        return _placed(self, asks, told)


_Told = Callable[[Sequence[operations.Placed]], HttpResponse | Response]


def _placed(view: api.View, asks: Sequence[Ask], told: _Told) -> Any:
    """Place orders and return the answer, which is kept before the desk's balances are locked."""
    answers: list[Any] = []

    def keep(placed: Sequence[operations.Placed]) -> Model:
        answer, row = view.keep(told(placed))
        answers.append(answer)
        return row

    operations.place_orders(asks=asks, at=view.now(), keep=keep, overtaken=view.overtaken)
    return answers[0]


def _named(lines: list[dict[str, Any]]) -> set[Any]:
    return {line["client_id"] for line in lines}


class OneOrder(api.View):
    """One order."""

    scope: ClassVar = {"GET": "orders:read"}

    @extend_schema(operation_id="get_order", responses=io.OrderOut)
    def get(self, request: Request, order_id: str) -> Response:
        """Return an order."""
        found = api.path_id(Order.id_prefix, order_id)
        row = queries.order_for(actor=self.actor, order_id=found)
        return Response(io.OrderOut(row).data)


class CancelOrder(api.View):
    """The end of a resting order."""

    scope: ClassVar = {"POST": "orders:write"}
    idempotent = True

    @extend_schema(operation_id="cancel_order", request=None, responses=io.OrderOut)
    def post(self, request: Request, order_id: str) -> Any:
        """Cancel an order that rests; what it reserved is free again."""
        self.said(api.StrictSerializer, request)
        found = api.path_id(Order.id_prefix, order_id)
        row = queries.order_for(actor=self.actor, order_id=found)

        def effect(at: datetime) -> Response:
            return Response(io.OrderOut(operations.cancel_order(order=row, at=at)).data)

        return self.outcome(request, effect)


class Fills(api.View):
    """Executions."""

    scope: ClassVar = {"GET": "orders:read"}
    parameters = ("order_id",)
    pagination_class = api.CursorPages

    @extend_schema(
        operation_id="list_fills",
        parameters=[api.described("order_id", api.IdField(Order.id_prefix))],
        responses=io.FillOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List fills, the latest first."""
        rows = queries.fills_for(self.actor)
        order_id = api.parameter(request, "order_id", api.IdField(Order.id_prefix))
        if order_id is not None:
            rows = rows.filter(order_id=order_id)
        return self.page(rows, io.FillOut)


class OneFill(api.View):
    """One execution."""

    scope: ClassVar = {"GET": "orders:read"}

    @extend_schema(operation_id="get_fill", responses=io.FillOut)
    def get(self, request: Request, fill_id: str) -> Response:
        """Return a fill."""
        found = api.path_id(Fill.id_prefix, fill_id)
        return Response(io.FillOut(queries.fill_for(actor=self.actor, fill_id=found)).data)


class ProposeBust(api.View):
    """A fill to be taken back."""

    scope: ClassVar = {"POST": "fills:write"}
    idempotent = True

    @extend_schema(
        operation_id="propose_bust",
        request=io.DeskReasonIn,
        responses={202: io.BustOut, **api.refusals("FILL_BUSTED; ALREADY_PROPOSED (409).")},
    )
    def post(self, request: Request, fill_id: str) -> Any:
        """Ask the head of the desk to take a fill back, as if it had never been."""
        said = self.said(io.DeskReasonIn, request)
        found = api.path_id(Fill.id_prefix, fill_id)
        fill = queries.fill_for(actor=self.actor, fill_id=found)

        def effect(at: datetime) -> Response:
            proposed = operations.propose_bust(fill=fill, **said, at=at)
            return Response(io.BustOut({"proposal_id": proposed.pk}).data, status=202)

        return self.outcome(request, effect)


class Positions(api.View):
    """A client's coins and roubles."""

    scope: ClassVar = {"GET": "orders:read"}
    parameters = ("client_id",)

    @extend_schema(
        operation_id="get_positions",
        parameters=[
            api.described("client_id", api.IdField("cli"), description="By the staff: whose.")
        ],
        responses={200: io.PositionsOut, **api.absent()},
    )
    def get(self, request: Request) -> Response:
        """Return what a client has, what it cost, and what it would bring now."""
        named = api.parameter(request, "client_id", api.IdField("cli"))
        client_id = client_of(self.actor, named)
        at = self.now()
        told = {
            "client_id": client_id,
            "cash_rub": queries.free_cash(client_id)[1],
            "realised_rub": queries.realised_rub(client_id, at),
            "positions": queries.positions(client_id, at),
        }
        return Response(io.PositionsOut(told).data)
