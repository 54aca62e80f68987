"""Fields and serializers: what a body may say, and how values are shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, cast
from uuid import UUID

from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions, serializers

from common import ids, money


class StrictSerializer(serializers.Serializer[Any]):
    """A body whose unknown fields are refused by name, beside what is wrong with the others."""

    def to_internal_value(self, data: Any) -> Any:
        wrong: dict[str, Any] = {}
        if isinstance(data, Mapping):
            known = {field.field_name for field in self._writable_fields}
            detail = exceptions.ErrorDetail("There is no such field.", code="unknown_field")
            wrong = {name: [detail] for name in data if name not in known}
        try:
            read = super().to_internal_value(data)
        except serializers.ValidationError as error:
            wrong |= cast("dict[str, Any]", error.detail)
        if wrong:
            raise serializers.ValidationError(wrong)
        return read


class WrittenField(serializers.Field[Any, Any, Any, Any]):
    """A value that is written as a JSON string of one pattern."""

    default_error_messages: ClassVar = {"not_a_string": "Send a JSON string."}
    pattern: str
    example: str
    format: str | None = None

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("not_a_string")
        try:
            return self.read(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="malformed") from None

    def read(self, text: str) -> Any:
        raise NotImplementedError


class AmountField(WrittenField):
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


class IdField(WrittenField):
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


class DateField(WrittenField):
    """A day as RFC 3339 writes it."""

    pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    example = "2022-02-24"
    format = "date"

    def read(self, text: str) -> date:
        try:
            if re.fullmatch(self.pattern[1:-1], text):
                return date.fromisoformat(text)
        except ValueError:
            pass  # a day that does not exist
        raise ValueError(f"Send the day as RFC 3339 writes it: {self.example}.")

    def to_representation(self, value: date) -> str:
        return value.isoformat()


class TimestampField(WrittenField):
    """An instant in RFC 3339; shown in UTC with a `Z`."""

    pattern = (
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
        r"(Z|[+-][0-9]{2}:[0-9]{2})$"
    )
    example = "2022-02-24T09:00:00Z"
    format = "date-time"

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
    """A line of text for people: nothing in it that is not seen, or that reorders what is read.

    Kept in normal form C, without blanks around it: what looks the same is the same.
    """

    default_error_messages: ClassVar = {
        "invalid": "Send a JSON string.",
        "hidden_character": "The character U+{point:04X} is refused: it cannot be seen.",
    }
    # Controls, line and paragraph separators, bidirectional marks, embeddings and isolates.
    HIDDEN = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    # Fillers, joiners and variation selectors: letters and marks by their category, yet invisible.
    _FILLERS = re.compile(
        "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
        "\U000e0100-\U000e01ef]"
    )

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        hidden = _unseen(data) or self._FILLERS.search(data)
        if hidden:
            self.fail("hidden_character", point=ord(hidden[0]))
        return unicodedata.normalize("NFC", super().to_internal_value(data))


def _unseen(text: str) -> str | None:
    """Return the first control, format, private or unassigned character, or line separator."""
    if text.isprintable():  # of the blanks, only the plain one is
        return None
    return next((c for c in text if not c.isprintable() and unicodedata.category(c) != "Zs"), None)


class NameField(TextField):
    """The name of a person or a firm: each word in one script, one blank between two words.

    A Cyrillic letter in a Latin word makes a name that reads like another's and is not found under
    it. Names of several scripts are well, word by word.
    """

    default_error_messages: ClassVar = {
        "mixed_scripts": "The word {word} is written in {scripts} letters: use one alphabet.",
        "odd_letter": "The character U+{point:04X} is refused: it stands for another letter.",
    }
    _WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")  # accents do not end a word
    _ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK"})  # whose letters are taken for each other

    def to_internal_value(self, data: Any) -> str:
        name = " ".join(super().to_internal_value(data).split())
        for word in () if name.isascii() else self._WORD.findall(name):
            for letter in word:
                plain = unicodedata.normalize("NFKC", letter)
                if plain != letter and _script(plain[0]) in self._ALIKE:
                    self.fail("odd_letter", point=ord(letter))
            scripts = self._ALIKE.intersection(map(_script, word))
            if len(scripts) > 1:
                shown = " and ".join(sorted(script.title() for script in scripts))
                self.fail("mixed_scripts", word=word, scripts=shown)
        return name


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


class IntegerField(serializers.IntegerField):
    """A whole number as JSON writes one, with neither a point nor an exponent."""

    default_error_messages: ClassVar = {"invalid": "Send a JSON number without a fraction."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class BooleanField(serializers.BooleanField):
    """`true` or `false`, and no word or number for them."""

    default_error_messages: ClassVar = {"invalid": "Send true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


def schema(field: WrittenField) -> dict[str, Any]:
    """Return the JSON schema of a value written as a string of one pattern."""
    told = {"type": "string", "pattern": field.pattern, "example": field.example}
    return told | ({"format": field.format} if field.format else {})


class _WrittenFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = WrittenField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        return schema(self.target)


class _TextFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = TextField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        told: dict[str, Any] = auto_schema._map_serializer_field(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        if direction == "request":
            seen = f"[^{TextField.HIDDEN}]"
            blank = self.target.allow_blank  # "" is an alternative that spectacular adds
            told["pattern"] = f"^{seen}+$" if blank else rf"^{seen}*[^\s{seen[2:]}{seen}*$"
        return told


class _StrictSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        told: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        return told | {"additionalProperties": False}
