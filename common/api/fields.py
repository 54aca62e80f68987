"""Fields and serializers: what a body may say, and how values are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions, serializers

from common import ids, money


class StrictSerializer(serializers.Serializer[Any]):
    """A body whose unknown fields are refused by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = {field.field_name for field in self._writable_fields}
            unknown = {
                name: [exceptions.ErrorDetail("There is no such field.", code="unknown_field")]
                for name in data
                if name not in known
            }
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class _WrittenField(serializers.Field[Any, Any, Any, Any]):
    """A value that is written as a JSON string of one pattern."""

    default_error_messages: ClassVar = {"not_a_string": "Send a JSON string."}
    pattern: str
    example: str

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("not_a_string")
        try:
            return self.read(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="malformed") from None

    def read(self, text: str) -> Any:
        raise NotImplementedError


class AmountField(_WrittenField):
    """An amount as a decimal string; with a `scale`, of an asset of so many decimals."""

    default_error_messages: ClassVar = {
        "not_a_string": 'Send the amount as a decimal string: "1.50".'
    }

    def __init__(self, *, scale: int | None = None, signed: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.signed = signed
        self.pattern = f"^{money.SIGNED_PATTERN if signed else money.PATTERN}$"
        self.example = money.show(Decimal(1), 2 if scale is None else scale)

    def read(self, text: str) -> Decimal:
        amount = money.parse_amount(text, signed=self.signed)
        decimals = len(text.partition(".")[2])
        if self.scale is not None and decimals > self.scale:
            raise money.BadAmount(f"The asset has {self.scale} decimals.")
        return amount

    def to_representation(self, value: Decimal | money.Money) -> str:
        if isinstance(value, money.Money):
            return money.show(value.amount, value.asset.scale)
        return f"{value:f}" if self.scale is None else money.show(value, self.scale)


class IdField(_WrittenField):
    """An id with its prefix: `IdField("acc")`."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prefix = prefix
        self.pattern = f"^{prefix}_{ids.PATTERN}$"
        self.example = ids.show(prefix, UUID("017f2c57-5e80-7000-8000-000000000001"))

    def read(self, text: str) -> UUID:
        return ids.parse(self.prefix, text)

    def to_representation(self, value: UUID) -> str:
        return ids.show(self.prefix, value)


class DateField(_WrittenField):
    """A day as RFC 3339 writes it."""

    pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    example = "2022-02-24"

    def read(self, text: str) -> date:
        try:
            if re.fullmatch(self.pattern[1:-1], text):
                return date.fromisoformat(text)
        except ValueError:
            pass  # a day that does not exist
        raise ValueError(f"Send the day as RFC 3339 writes it: {self.example}.")

    def to_representation(self, value: date) -> str:
        return value.isoformat()


class TimestampField(_WrittenField):
    """An instant in RFC 3339; shown in UTC with a `Z`."""

    pattern = (
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
        r"(Z|[+-][0-9]{2}:[0-9]{2})$"
    )
    example = "2022-02-24T09:00:00Z"

    def read(self, text: str) -> datetime:
        try:
            if re.fullmatch(self.pattern[1:-1], text):
                return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # a day or an hour that does not exist
        raise ValueError(f"Send date, time and offset as RFC 3339 writes them: {self.example}.")

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class TextField(serializers.CharField):
    """A line of text for people: no control characters, nothing that reorders what is read."""

    default_error_messages: ClassVar = {
        "invalid": "Send a JSON string.",
        "hidden_character": "The character U+{point:04X} is refused: it cannot be seen.",
    }
    # Controls, line and paragraph separators, bidirectional marks, embeddings and isolates.
    _HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        hidden = self._HIDDEN.search(data)
        if hidden:
            self.fail("hidden_character", point=ord(hidden[0]))
        return super().to_internal_value(data)


class _WrittenFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = _WrittenField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        field = self.target
        return {"type": "string", "pattern": field.pattern, "example": field.example}
