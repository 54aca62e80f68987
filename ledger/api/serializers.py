"""What the books look like from outside.

Amounts are at their asset's scale and signed, debit positive; a balance stands on the normal side
of its line.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common import api, money
from ledger import chart

_BANK, _BOOK = "bnk_01fwp5eqm0e0000000000000b1", "bok_01fwp5eqm0e0000000000000b2"
_CASH, _POSITION = "acc_01fwp5eqm0e0000000000000a1", "acc_01fwp5eqm0e0000000000000a2"
_ENTRY, _USER = "ent_01fwp5eqm0e0000000000000e1", "usr_01fwp5eqm0e0000000000000c1"
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class AssetAmountField(api.AmountField):
    """An amount of the row's own asset, at its scale."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(signed=True, **kwargs)

    def get_attribute(self, instance: Any) -> money.Money | None:
        amount = super().get_attribute(instance)
        return None if amount is None else money.Money(amount, instance.asset.value)


class HexField(serializers.CharField):
    """Bytes as lower-case hexadecimal."""

    def to_representation(self, value: Any) -> str:
        return bytes(value).hex()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A bank's main book",
            {
                "id": _BOOK,
                "bank_id": _BANK,
                "code": "main",
                "open_date": "2022-02-24",
                "opened_at": "2022-02-24T06:00:00Z",
            },
        )
    ]
)
class BookOut(serializers.Serializer[Any]):
    """A bank's set of books; `open_date` is the business day that entries book to."""

    id = api.IdField("bok")
    bank_id = api.IdField("bnk")
    code = serializers.CharField()
    open_date = api.DateField()
    opened_at = api.TimestampField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A client's roubles",
            {
                "id": _CASH,
                "bank_id": _BANK,
                "book_id": _BOOK,
                "line": "client_cash",
                "title": "Client cash",
                "asset": "RUB",
                "owner": "cli_01fwp5eqm0e0000000000000d1",
                "shard": 0,
                "side": "credit",
                "control": "client",
                "opened_at": "2022-02-24T06:00:00Z",
                "balance": "100000.00",
                "held": "30150.00",
                "available": "69850.00",
            },
        )
    ]
)
class AccountOut(serializers.Serializer[Any]):
    """An account and its balance now.

    `held` and `available` are null on accounts of control `open`: nothing reserves or limits them.
    """

    id = api.IdField("acc")
    bank_id = api.IdField("bnk")
    book_id = api.IdField("bok")
    line = serializers.ChoiceField(list(chart.LINES))
    title = serializers.CharField(source="get_line_display")
    asset = serializers.CharField(source="asset_id")
    owner = serializers.CharField()
    shard = serializers.IntegerField()
    side = serializers.ChoiceField(["debit", "credit"], source="get_normal_display")
    control = serializers.ChoiceField([control.value for control in chart.Control])
    opened_at = api.TimestampField()
    balance = AssetAmountField(source="balance_now")
    held = AssetAmountField(source="held_now", allow_null=True)
    available = AssetAmountField(source="available_now", allow_null=True)


class PostingOut(serializers.Serializer[Any]):
    """One amount on one account; `balance_after` is null where no running balance is kept."""

    number = serializers.IntegerField(source="line")
    account_id = api.IdField("acc")
    line = serializers.ChoiceField(list(chart.LINES), source="account.line")
    owner = serializers.CharField(source="account.owner")
    asset = serializers.CharField(source="asset_id")
    amount = AssetAmountField()
    balance_after = AssetAmountField(allow_null=True)


_PURCHASE = {
    "id": _ENTRY,
    "bank_id": _BANK,
    "book_id": _BOOK,
    "kind": "trade",
    "business_date": "2022-02-24",
    "value_date": "2022-02-24",
    "at": "2022-02-24T09:00:00Z",
    "recorded_at": "2022-02-24T09:00:00.012345Z",
    "actor": _USER,
    "reason": "",
    "request_id": "req_01fwp5eqm0e0000000000000f1",
    "ref": "ord_01fwp5eqm0e0000000000000g1",
    "reverses_id": None,
    "digest": _DIGEST,
}


@extend_schema_serializer(examples=[OpenApiExample("A purchase", _PURCHASE)])
class EntryOut(serializers.Serializer[Any]):
    """A journal entry: what happened, when, by whom and why.

    `business_date` is the day it is booked to, `value_date` the day it counts for, `at` business
    time, `recorded_at` the wall's; `digest` the SHA-256 of all that the entry says.
    """

    id = api.IdField("ent")
    bank_id = api.IdField("bnk")
    book_id = api.IdField("bok")
    kind = serializers.CharField()
    business_date = api.DateField()
    value_date = api.DateField()
    at = api.TimestampField()
    recorded_at = api.TimestampField()
    actor = serializers.CharField()
    reason = serializers.CharField()
    request_id = serializers.CharField()
    ref = serializers.CharField()
    reverses_id = api.IdField("ent", allow_null=True)
    digest = HexField()


def _posting(
    number: int, account: str, line: str, amount: str, after: str | None
) -> dict[str, Any]:
    owner = "cli_01fwp5eqm0e0000000000000d1" if line == "client_cash" else ""
    return {
        "number": number,
        "account_id": account,
        "line": line,
        "owner": owner,
        "asset": "RUB",
        "amount": amount,
        "balance_after": after,
    }


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A purchase, its roubles",
            _PURCHASE
            | {
                "reversed_by_id": None,
                "postings": [
                    _posting(1, _CASH, "client_cash", "30000.00", "70000.00"),
                    _posting(2, _POSITION, "currency_position", "-30000.00", None),
                ],
            },
        )
    ]
)
class EntryWithPostingsOut(EntryOut):
    """A journal entry and its postings, zero in every asset."""

    reversed_by_id = api.IdField("ent", allow_null=True)
    postings = PostingOut(many=True)


class StatementLineOut(serializers.Serializer[Any]):
    """A posting and the account's balance after it."""

    entry_id = api.IdField("ent", source="posting.entry_id")
    kind = serializers.CharField(source="posting.entry.kind")
    business_date = api.DateField(source="posting.business_date")
    value_date = api.DateField(source="posting.entry.value_date")
    at = api.TimestampField(source="posting.entry.at")
    reason = serializers.CharField(source="posting.entry.reason")
    ref = serializers.CharField(source="posting.entry.ref")
    amount = api.AmountField(signed=True)
    balance = api.AmountField(signed=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A day of a client's roubles",
            {
                "account_id": _CASH,
                "bank_id": _BANK,
                "asset": "RUB",
                "from": "2022-02-24",
                "to": "2022-02-24",
                "opening": "100000.00",
                "closing": "70000.00",
                "data": [
                    {
                        "entry_id": _ENTRY,
                        "kind": "trade",
                        "business_date": "2022-02-24",
                        "value_date": "2022-02-24",
                        "at": "2022-02-24T09:00:00Z",
                        "reason": "",
                        "ref": "ord_01fwp5eqm0e0000000000000g1",
                        "amount": "30000.00",
                        "balance": "70000.00",
                    }
                ],
                "has_more": False,
                "next_cursor": None,
            },
        )
    ]
)
class StatementOut(serializers.Serializer[Any]):
    """An account over a span of business days, the oldest line first.

    `opening` and `closing` are of the whole span on every page.
    """

    account_id = api.IdField("acc")
    bank_id = api.IdField("bnk")
    asset = serializers.CharField()
    to = api.DateField()
    opening = api.AmountField(signed=True)
    closing = api.AmountField(signed=True)
    data = StatementLineOut(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        head, *rest = super().get_fields().items()
        return dict([head, ("from", api.DateField()), *rest])  # `from` is no name in Python


class TrialLineOut(serializers.Serializer[Any]):
    """A line and an asset: the day's turnovers, and the balance at its end."""

    line = serializers.ChoiceField(list(chart.LINES))
    title = serializers.CharField()
    section = serializers.ChoiceField([section.value for section in chart.Section])
    asset = serializers.CharField()
    debit = api.AmountField()
    credit = api.AmountField()
    balance = api.AmountField(signed=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A day with one deposit",
            {
                "book_id": _BOOK,
                "bank_id": _BANK,
                "date": "2022-02-24",
                "closed": False,
                "lines": [
                    {
                        "line": "client_cash",
                        "title": "Client cash",
                        "section": "owed",
                        "asset": "RUB",
                        "debit": "0.00",
                        "credit": "100000.00",
                        "balance": "100000.00",
                    },
                    {
                        "line": "segregated_nostro",
                        "title": "Segregated nostro",
                        "section": "assets",
                        "asset": "RUB",
                        "debit": "100000.00",
                        "credit": "0.00",
                        "balance": "100000.00",
                    },
                ],
            },
        )
    ]
)
class TrialBalanceOut(serializers.Serializer[Any]):
    """The trial balance of a business day; provisional until the day is closed."""

    book_id = api.IdField("bok")
    bank_id = api.IdField("bnk")
    date = api.DateField()
    closed = serializers.BooleanField()
    lines = TrialLineOut(many=True)


class CloseIn(api.StrictSerializer):
    """The day to close, which must be the open one."""

    business_date = api.DateField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The first closed day",
            {
                "id": "cls_01fwp5eqm0e0000000000000h1",
                "bank_id": _BANK,
                "book_id": _BOOK,
                "number": 1,
                "business_date": "2022-02-24",
                "first_number": 1,
                "last_number": 1204,
                "head": _DIGEST,
                "at": "2022-02-24T21:00:00Z",
                "recorded_at": "2022-02-24T21:00:00.012345Z",
                "actor": _USER,
            },
            response_only=True,
        )
    ]
)
class CloseOut(serializers.Serializer[Any]):
    """A closed business day: its entries are numbers `first_number` to `last_number` of the book.

    `head` seals them, the trial balance and every day before in one SHA-256.
    """

    id = api.IdField("cls")
    bank_id = api.IdField("bnk")
    book_id = api.IdField("bok")
    number = serializers.IntegerField()
    business_date = api.DateField()
    first_number = serializers.IntegerField()
    last_number = serializers.IntegerField()
    head = HexField()
    at = api.TimestampField()
    recorded_at = api.TimestampField()
    actor = serializers.CharField()


class ManualLineIn(api.StrictSerializer):
    """A house account by its line of the chart; debit positive."""

    line = api.TextField(max_length=32)
    asset = api.TextField(max_length=16)
    amount = api.AmountField(signed=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The owners pay in capital",
            {
                "lines": [
                    {"line": "own_nostro", "asset": "RUB", "amount": "1000000.00"},
                    {"line": "capital", "asset": "RUB", "amount": "-1000000.00"},
                ],
                "reason": "Capital paid in.",
            },
            request_only=True,
        )
    ]
)
class ManualEntryIn(api.StrictSerializer):
    """An entry; debit equals credit in every asset."""

    lines = ManualLineIn(many=True, min_length=2, max_length=50)  # type: ignore[call-arg]
    reason = api.TextField(max_length=500)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Proposed",
            {"proposal_id": "prp_01fwp5eqm0e0000000000000a1"},
            response_only=True,
            status_codes=["202"],
        )
    ]
)
class ManualEntryOut(serializers.Serializer[Any]):
    """A second person approves or rejects it under `/v1/proposals`."""

    proposal_id = api.IdField("prp")
