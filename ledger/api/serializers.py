"""What the books look like from outside. Amounts are at the asset's scale, debit positive.

A balance stands on its account's normal side.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common import api


class Scaled(api.AmountField):
    """An amount of the row's own asset; `of` leads from the row to the asset's code and scale."""

    def __init__(self, *, of: str = "asset", **kwargs: Any) -> None:
        super().__init__(signed=True, read_only=True, **kwargs)
        self.of = of
        self.example = "30.15"


class BookOut(serializers.Serializer[Any]):
    id = api.IdField("bok")
    bank_id = api.IdField("bnk")
    code = serializers.CharField()
    open_date = api.DateField(help_text="The business day that entries book to.")
    opened_at = api.TimestampField()
