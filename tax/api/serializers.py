"""What the tax API reads and shows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common import api, money
from tax.models import Withholding


def _roubles(**options: Any) -> api.AmountField:
    return api.AmountField(scale=2, **options)


class _CoinsField(api.AmountField):
    """A quantity of the row's asset."""

    def get_attribute(self, instance: Any) -> Any:
        quantity = super().get_attribute(instance)
        assert isinstance(quantity, Decimal)
        return money.Money(quantity, instance.coin)


class LotOut(serializers.Serializer[Any]):
    """What one fill acquired, fee in the cost; what of it is left, first in first out."""

    id = api.IdField("lot")
    client_id = api.IdField("cli")
    asset = serializers.CharField(source="asset_id")
    fill_id = api.IdField("fil")
    acquired_at = api.TimestampField()
    quantity = _CoinsField()
    cost_rub = _roubles()
    quantity_left = _CoinsField()
    cost_left_rub = _roubles()
    undone_at = api.TimestampField(allow_null=True)


class DisposalOut(serializers.Serializer[Any]):
    """What one fill sold: proceeds less the fee, the cost of the lots it closed, the result."""

    id = api.IdField("dis")
    client_id = api.IdField("cli")
    asset = serializers.CharField(source="asset_id")
    fill_id = api.IdField("fil")
    at = api.TimestampField()
    year = serializers.IntegerField()
    quantity = _CoinsField()
    proceeds_rub = _roubles()
    cost_rub = _roubles()
    result_rub = _roubles(signed=True)
    undone_at = api.TimestampField(allow_null=True)


class TaxYearOut(serializers.Serializer[Any]):
    """A client's calendar year. `over_withheld_rub` is owed to the client.

    `not_withheld_rub` is said once the year is over; the tax service is told by `notice_date`.
    """

    id = api.IdField("txy")
    client_id = api.IdField("cli")
    year = serializers.IntegerField()
    realised_rub = _roubles(signed=True)
    withheld_rub = _roubles()
    over_withheld_rub = _roubles()
    not_withheld_rub = _roubles()
    notice_date = api.DateField(allow_null=True)
    closed_at = api.TimestampField(allow_null=True)


class WithholdingOut(serializers.Serializer[Any]):
    """Tax taken of a payout or after the year's end, and what it was reckoned on.

    In January a payout may bear tax of two years, in two rows of the same entry.
    """

    id = api.IdField("whd")
    client_id = api.IdField("cli")
    year = serializers.IntegerField()
    kind = serializers.ChoiceField(Withholding.Kind.choices)
    residency = serializers.CharField()
    base_rub = _roubles(signed=True)
    cumulative_rub = _roubles()
    withheld_before_rub = _roubles()
    payout_rub = _roubles()
    withheld_rub = _roubles()
    regime = serializers.CharField()
    payout_ref = serializers.CharField(allow_blank=True)
    entry_id = api.IdField("ent")
    remit_by = api.DateField()
    at = api.TimestampField()


class RemittanceOut(serializers.Serializer[Any]):
    id = api.IdField("rem")
    amount_rub = _roubles()
    entry_id = api.IdField("ent")
    at = api.TimestampField()


@extend_schema_serializer(
    examples=[OpenApiExample("What is due", {"until": "2022-03-28"}, request_only=True)]
)
class RemittanceIn(api.StrictSerializer):
    """What is to be remitted by that day."""

    until = api.DateField()


@extend_schema_serializer(examples=[OpenApiExample("2022", {"year": 2022}, request_only=True)])
class YearEndIn(api.StrictSerializer):
    year = api.IntegerField(min_value=2020, max_value=2100)


class YearEndOut(serializers.Serializer[Any]):
    """The clients' years that were changed by it."""

    years = TaxYearOut(many=True)
