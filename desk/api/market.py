"""Instruments, prices and quotes over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common import api
from desk import operations, queries
from desk.api import serializers as io
from desk.api.whose import client_of
from desk.models import Instrument
from ledger.operations import NewEntry


class Instruments(api.View):
    """What the bank trades."""

    scope: ClassVar = {"GET": "market:read", "POST": "instruments:write"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_instruments", responses=io.InstrumentOut(many=True))
    def get(self, request: Request) -> Response:
        """List the instruments, the latest first."""
        return self.page(queries.instruments(), io.InstrumentOut)

    @extend_schema(
        operation_id="create_instrument",
        request=io.InstrumentIn,
        responses={
            201: io.InstrumentOut,
            **api.refusals("ASSET_UNKNOWN, NOT_A_COIN, BOUNDS_INVALID, INSTRUMENT_EXISTS."),
        },
    )
    def post(self, request: Request) -> Any:
        """Open a coin against the rouble for trading."""
        said = self.said(io.InstrumentIn, request)

        def effect(at: datetime) -> Response:
            row = operations.create_instrument(**said, at=at)
            return Response(io.InstrumentOut(row).data, status=201)

        return self.outcome(request, effect)


class _Move(api.View):
    scope: ClassVar = {"POST": "instruments:write"}
    idempotent = True

    def move(self, request: Request, instrument_id: str, operation: Any) -> Any:
        said = self.said(io.DeskReasonIn, request)
        found = api.path_id(Instrument.id_prefix, instrument_id)

        def effect(at: datetime) -> Response:
            row = operation(instrument_id=found, **said, at=at)
            return Response(io.InstrumentOut(row).data)

        return self.outcome(request, effect)


class Halt(_Move):
    """A stop of trading."""

    @extend_schema(
        operation_id="halt_instrument",
        request=io.DeskReasonIn,
        responses={200: io.InstrumentOut},
    )
    def post(self, request: Request, instrument_id: str) -> Any:
        """Stop trading in an instrument; resting orders wait, and can be cancelled."""
        return self.move(request, instrument_id, operations.halt_instrument)


class Reopen(_Move):
    """Its end."""

    @extend_schema(
        operation_id="reopen_instrument",
        request=io.DeskReasonIn,
        responses={200: io.InstrumentOut},
    )
    def post(self, request: Request, instrument_id: str) -> Any:
        """Trade in a halted instrument again."""
        return self.move(request, instrument_id, operations.reopen_instrument)


class Stock(api.View):
    """Coins for the desk's inventory."""

    scope: ClassVar = {"POST": "instruments:write"}
    idempotent = True

    @extend_schema(
        operation_id="buy_stock",
        request=io.StockIn,
        responses={
            201: io.StockOut,
            **api.refusals(
                "AMOUNT_INVALID; PRICE_UNAVAILABLE; LICENCE_MISSING, LICENCE_SUSPENDED or"
                " LICENCE_REVOKED; ACTIVITY_NOT_PERMITTED; ASSET_NOT_ADMITTED; EXPOSURE_EXCEEDED;"
                " INVENTORY_SHORT if own roubles are short."
            ),
        },
    )
    def post(self, request: Request, instrument_id: str) -> Any:
        """Buy coins on the venue at the middle of the market, from the bank's own roubles."""
        return self.trade(request, instrument_id, operations.buy_stock)

    def trade(
        self, request: Request, instrument_id: str, effect: Callable[..., NewEntry]
    ) -> HttpResponse | Response:
        """Trade on the venue for the desk."""
        said = self.said(io.StockIn, request)
        found = api.path_id(Instrument.id_prefix, instrument_id)

        def done(at: datetime) -> Response:
            entry = effect(instrument_id=found, **said, at=at)
            return Response(io.StockOut(entry).data, status=201)

        return self.outcome(request, done)


class SellStock(Stock):
    """Coins that the desk has too many of."""

    @extend_schema(
        operation_id="sell_stock",
        request=io.StockIn,
        responses={
            201: io.StockOut,
            **api.refusals(
                "AMOUNT_INVALID; PRICE_UNAVAILABLE; INVENTORY_SHORT if own coins are short."
            ),
        },
    )
    def post(self, request: Request, instrument_id: str) -> Any:
        """Sell coins on the venue at the middle of the market, whatever the licence."""
        return self.trade(request, instrument_id, operations.sell_stock)


class Prices(api.View):
    """The desk's prices."""

    scope: ClassVar = {"GET": "market:read"}

    @extend_schema(operation_id="list_prices", responses=io.PriceOut(many=True))
    def get(self, request: Request) -> Response:
        """Return what the desk pays and takes now, instrument by instrument."""
        at = self.now()
        lines = []
        for row in queries.instruments():
            prices = queries.two_way(queries.terms(row), at)
            lines.append(
                {
                    "instrument": row.code,
                    "bid_rub": prices and prices.bid_rub,
                    "ask_rub": prices and prices.ask_rub,
                    "at": at,
                }
            )
        return Response(io.PriceOut(lines, many=True).data)


class Quotes(api.View):
    """Prices that the desk holds to for a while."""

    scope: ClassVar = {"GET": "orders:read", "POST": "orders:write"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_quotes", responses=io.QuoteOut(many=True))
    def get(self, request: Request) -> Response:
        """List the quotes given, the latest first; a client's own."""
        rows = queries.quotes_for(self.actor).select_related("instrument__asset")
        return self.page(rows, io.QuoteOut)

    @extend_schema(
        operation_id="give_quote",
        request=io.QuoteIn,
        responses={
            201: io.QuoteOut,
            **api.refusals(
                "CLIENT_UNKNOWN, INSTRUMENT_UNKNOWN, AMOUNT_TOO_FINE, QUANTITY_OUT_OF_BOUNDS,"
                " INSTRUMENT_HALTED, PRICE_UNAVAILABLE."
            ),
        },
    )
    def post(self, request: Request) -> Any:
        """Name two prices that the desk holds to until they expire, 15 seconds later."""
        said = self.said(io.QuoteIn, request)
        said["client_id"] = client_of(self.actor, said["client_id"])

        def effect(at: datetime) -> Response:
            row = operations.give_quote(**said, at=at)
            return Response(io.QuoteOut(row).data, status=201)

        return self.outcome(request, effect)
