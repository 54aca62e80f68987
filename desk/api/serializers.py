"""What orders and payments may say, and how the desk looks from outside."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common import api, money
from desk import states
from desk.models import Instrument

_CLIENT, _ORDER = "cli_01fwp5eqm0e0000000000000d1", "ord_01fwp5eqm0e0000000000000j1"
MOST_LINES = 500


class RoublesField(api.AmountField):
    """An amount of roubles."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(scale=2, **kwargs)


class CoinsField(api.AmountField):
    """A quantity of a coin, shown in its decimals."""

    def get_attribute(self, instance: Any) -> Any:
        amount: Decimal | None = super().get_attribute(instance)
        coin: money.Asset = instance.coin
        return None if amount is None else money.Money(amount, coin)


# --- The market ----------------------------------------------------------------------------------


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Bitcoin with a spread of 1 % and a fee of 0.5 %",
            {
                "asset": "BTC",
                "spread_bps": 100,
                "fee_bps": 50,
                "min_quantity": "0.0001",
                "max_quantity": "10",
                "tick_rub": "1.00",
            },
            request_only=True,
        )
    ]
)
class InstrumentIn(api.StrictSerializer):
    """A coin to trade against the rouble; basis points of the middle, of the notional."""

    asset = api.TextField(max_length=16)
    spread_bps = api.IntegerField(min_value=0, max_value=5_000)
    fee_bps = api.IntegerField(min_value=0, max_value=5_000)
    min_quantity = api.AmountField()
    max_quantity = api.AmountField()
    tick_rub = RoublesField()


class InstrumentOut(serializers.Serializer[Any]):
    id = api.IdField(Instrument.id_prefix)
    code = serializers.CharField()
    asset = serializers.CharField(source="asset_id")
    spread_bps = serializers.IntegerField()
    fee_bps = serializers.IntegerField()
    min_quantity = CoinsField()
    max_quantity = CoinsField()
    tick_rub = RoublesField()
    status = serializers.ChoiceField(states.InstrumentStatus.choices)


@extend_schema_serializer(
    examples=[OpenApiExample("A shock", {"reason": "The market fell."}, request_only=True)]
)
class DeskReasonIn(api.StrictSerializer):
    reason = api.TextField(max_length=500)


@extend_schema_serializer(examples=[OpenApiExample("One", {"quantity": "1.5"}, request_only=True)])
class StockIn(api.StrictSerializer):
    """Coins to buy on the venue."""

    quantity = api.AmountField()


class StockOut(serializers.Serializer[Any]):
    entry_id = api.IdField("ent", source="id")
    reason = serializers.CharField()


class PriceOut(serializers.Serializer[Any]):
    """What the desk pays and takes now; null where the market has no price."""

    instrument = serializers.CharField()
    bid_rub = RoublesField(allow_null=True)
    ask_rub = RoublesField(allow_null=True)
    at = api.TimestampField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("For oneself", {"instrument": "BTC-RUB"}, request_only=True),
        OpenApiExample(
            "By the staff", {"instrument": "BTC-RUB", "client_id": _CLIENT}, request_only=True
        ),
    ]
)
class QuoteIn(api.StrictSerializer):
    """A client names no `client_id`; the bank's staff does. `quantity`: for how much at most."""

    instrument = api.TextField(max_length=16)
    quantity = api.AmountField(required=False, default=None)
    client_id = api.IdField("cli", required=False, default=None)


class QuoteOut(serializers.Serializer[Any]):
    id = api.IdField("quo")
    client_id = api.IdField("cli")
    instrument = serializers.CharField(source="instrument.code")
    quantity = CoinsField(allow_null=True)
    bid_rub = RoublesField()
    ask_rub = RoublesField()
    source = serializers.CharField()  # type: ignore[assignment]  # the field's own keyword
    at = api.TimestampField()
    expires_at = api.TimestampField()


# --- Orders --------------------------------------------------------------------------------------

_MARKET = {
    "client_order_id": "my-1",
    "instrument": "BTC-RUB",
    "side": "BUY",
    "kind": "MARKET",
    "amount_rub": "10000.00",
}
_LIMIT = {
    "client_order_id": "my-2",
    "instrument": "BTC-RUB",
    "side": "SELL",
    "kind": "LIMIT",
    "quantity": "0.01",
    "limit_price_rub": "3500000.00",
    "time_in_force": "GTC",
}


@extend_schema_serializer(
    examples=[
        OpenApiExample("Buy for ten thousand roubles", _MARKET, request_only=True),
        OpenApiExample("By the staff", {"client_id": _CLIENT, **_MARKET}, request_only=True),
        OpenApiExample("Sell when the price comes", _LIMIT, request_only=True),
    ]
)
class OrderIn(api.StrictSerializer):
    """An order by `quantity` or by `amount_rub`, of which a purchase's fee is a part.

    MARKET goes with IOC or FOK (FOK unless said), LIMIT with any (GTC unless said). A client names
    no `client_id`; the bank's staff does.
    """

    client_id = api.IdField("cli", required=False, default=None)
    client_order_id = api.TextField(max_length=64)
    instrument = api.TextField(max_length=16)
    side = serializers.ChoiceField(states.Side.choices)
    kind = serializers.ChoiceField(states.OrderKind.choices)
    time_in_force = serializers.ChoiceField(
        states.TimeInForce.choices, required=False, default=None
    )
    quantity = api.AmountField(required=False, default=None)
    amount_rub = api.AmountField(required=False, default=None)
    limit_price_rub = api.AmountField(required=False, default=None)
    quote_id = api.IdField("quo", required=False, default=None)

    def validate(self, attrs: Any) -> Any:
        wrong: dict[str, str] = {}
        limit = attrs["kind"] == states.OrderKind.LIMIT
        if (attrs["quantity"] is None) == (attrs["amount_rub"] is None):
            wrong["quantity"] = "Say either a quantity or an amount in roubles."
        if limit != (attrs["limit_price_rub"] is not None):
            wrong["limit_price_rub"] = "A LIMIT order has a limit price, no other has."
        elif limit and not attrs["limit_price_rub"]:
            wrong["limit_price_rub"] = "A limit price is above zero."
        if limit and attrs.get("quote_id") is not None:
            wrong["quote_id"] = "A quote goes with a MARKET order."
        attrs["time_in_force"] = attrs["time_in_force"] or ("GTC" if limit else "FOK")
        if not limit and attrs["time_in_force"] not in ("IOC", "FOK"):
            wrong["time_in_force"] = "A MARKET order is IOC or FOK."
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two lines",
            {"orders": [_MARKET, {**_LIMIT, "side": "BUY", "limit_price_rub": "2500000.00"}]},
            request_only=True,
        ),
        OpenApiExample(
            "By the staff", {"orders": [{"client_id": _CLIENT, **_MARKET}]}, request_only=True
        ),
    ]
)
class OrderListIn(api.StrictSerializer):
    """Orders taken in one transaction, each refused by itself."""

    orders = OrderIn(many=True, min_length=1, max_length=MOST_LINES)  # type: ignore[call-arg]


class OrderOut(serializers.Serializer[Any]):
    """`status` is FIX OrdStatus; `codes` say why an order was rejected, the first one first.

    `ordered_quantity` is what an order by amount came to. `reserved_rub` is what a resting purchase
    keeps of the roubles and of the year's limit.
    """

    id = api.IdField("ord")
    client_id = api.IdField("cli")
    client_order_id = serializers.CharField()
    instrument = serializers.CharField(source="instrument.code")
    side = serializers.ChoiceField(states.Side.choices)
    kind = serializers.ChoiceField(states.OrderKind.choices)
    time_in_force = serializers.ChoiceField(states.TimeInForce.choices)
    quantity = CoinsField(allow_null=True)
    amount_rub = RoublesField(allow_null=True)
    limit_price_rub = RoublesField(allow_null=True)
    quote_id = api.IdField("quo", allow_null=True)
    status = serializers.ChoiceField(states.OrderStatus.choices)
    codes = serializers.ListField(child=serializers.CharField())
    ordered_quantity = CoinsField()
    filled_quantity = CoinsField()
    reserved_rub = RoublesField(source="reserved_limit_rub")
    at = api.TimestampField()
    expires_at = api.TimestampField(allow_null=True)


class OrderListOut(serializers.Serializer[Any]):
    orders = OrderOut(many=True)


class FillOut(serializers.Serializer[Any]):
    id = api.IdField("fil")
    order_id = api.IdField("ord")
    client_id = api.IdField("cli", source="order.client_id")
    instrument = serializers.CharField(source="order.instrument.code")
    side = serializers.ChoiceField(states.Side.choices, source="order.side")
    quantity = CoinsField()
    price_rub = RoublesField()
    notional_rub = RoublesField()
    fee_rub = RoublesField()
    entry_id = api.IdField("ent")
    at = api.TimestampField()
    busted_at = api.TimestampField(allow_null=True)


class BustOut(serializers.Serializer[Any]):
    """A second person approves or rejects it under `/v1/proposals`."""

    proposal_id = api.IdField("prp")


class PositionOut(serializers.Serializer[Any]):
    """A coin of a client: what it cost with fees, and what the desk would pay for it now."""

    asset = serializers.CharField()
    quantity = CoinsField()
    free = CoinsField()
    cost_rub = RoublesField()
    average_cost_rub = RoublesField()
    value_rub = RoublesField(allow_null=True)
    unrealised_rub = api.AmountField(scale=2, signed=True, allow_null=True)


class PositionsOut(serializers.Serializer[Any]):
    """A client's portfolio. `realised_rub`: in the calendar year."""

    client_id = api.IdField("cli")
    cash_rub = RoublesField()
    realised_rub = api.AmountField(scale=2, signed=True)
    positions = PositionOut(many=True)


# --- Cash ----------------------------------------------------------------------------------------


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "From the client's own account",
            {
                "client_id": _CLIENT,
                "bic": "044525225",
                "account_number": "40817810300029000000",
                "amount_rub": "100000.00",
            },
            request_only=True,
        )
    ]
)
class DepositIn(api.StrictSerializer):
    """Roubles that came in, and the account that they came from."""

    client_id = api.IdField("cli")
    bic = api.TextField(max_length=9)
    account_number = api.TextField(max_length=20)
    amount_rub = RoublesField()


class DepositOut(serializers.Serializer[Any]):
    id = api.IdField("dep")
    client_id = api.IdField("cli")
    bank_account_id = api.IdField("bac")
    amount_rub = RoublesField()
    entry_id = api.IdField("ent")
    at = api.TimestampField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "To one's own account",
            {"bank_account_id": "bac_01fwp5eqm0e0000000000000k1", "amount_rub": "5000.00"},
            request_only=True,
        )
    ]
)
class WithdrawalIn(api.StrictSerializer):
    """Roubles to pay out, tax included, to an account of the client's own that is on file."""

    client_id = api.IdField("cli", required=False, default=None)
    bank_account_id = api.IdField("bac")
    amount_rub = RoublesField()


class WithdrawalOut(serializers.Serializer[Any]):
    """Gross = tax + net once it is paid. One in review waits for another person."""

    id = api.IdField("wdr")
    client_id = api.IdField("cli")
    bank_account_id = api.IdField("bac")
    status = serializers.ChoiceField(states.WithdrawalStatus.choices)
    codes = serializers.ListField(child=serializers.CharField())
    gross_rub = RoublesField()
    tax_rub = RoublesField()
    net_rub = RoublesField()
    entry_id = api.IdField("ent", allow_null=True)
    at = api.TimestampField()


class WithdrawalPreviewOut(serializers.Serializer[Any]):
    """What a withdrawal would come to now. `base_rub`: the year's result so far."""

    gross_rub = RoublesField()
    tax_rub = RoublesField()
    net_rub = RoublesField()
    base_rub = api.AmountField(scale=2, signed=True)
    withheld_before_rub = RoublesField()


def ask_fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an order says, but for whose it is."""
    return {name: value for name, value in said.items() if name != "client_id"}
