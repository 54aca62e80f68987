"""How clients look from outside."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common import api

_BANK = "bnk_01fwp5eqm0e0000000000000b1"
_CLIENT = "cli_01fwp5eqm0e0000000000000d1"
_USER = "usr_01fwp5eqm0e0000000000000c1"
_ATTEMPT = "att_01fwp5eqm0e0000000000000h1"

_SHOWN = {
    "id": _CLIENT,
    "bank_id": _BANK,
    "user_id": _USER,
    "kind": "PERSON",
    "name": "А… П… Л…",
    "masked": True,
    "status": "OPEN",
    "status_reason": "",
    "category": "NON_QUALIFIED",
    "test_status": "PASSED",
    "residency": "RESIDENT",
    "risk": "LOW",
    "applied_at": "2022-02-24T09:00:00Z",
    "opened_at": "2022-02-24T10:00:00Z",
    "review_date": "2023-02-24",
}


@extend_schema_serializer(examples=[OpenApiExample("A client, masked", _SHOWN)])
class ClientOut(serializers.Serializer[Any]):
    """A client. Where `masked`, personal data are shown in part; `risk` is null to the client."""

    id = api.IdField("cli")
    bank_id = api.IdField("bnk")
    user_id = api.IdField("usr", allow_null=True)
    kind = serializers.CharField()
    name = serializers.CharField()
    masked = serializers.BooleanField()
    status = serializers.CharField()
    status_reason = serializers.CharField()
    category = serializers.CharField()
    test_status = serializers.CharField()
    residency = serializers.CharField()
    risk = serializers.CharField(allow_null=True)
    applied_at = api.TimestampField()
    opened_at = api.TimestampField(allow_null=True)
    review_date = api.DateField(allow_null=True)


class IdentityOut(serializers.Serializer[Any]):
    """Who a client is; empty where it does not apply."""

    birth_date = serializers.CharField()
    birth_place = serializers.CharField()
    country = serializers.CharField()
    is_pep = serializers.BooleanField()
    inn = serializers.CharField()
    snils = serializers.CharField()
    ogrn = serializers.CharField()
    document_kind = serializers.CharField()
    document_number = serializers.CharField()
    document_issued = serializers.CharField()
    document_expires = serializers.CharField()
    department_code = serializers.CharField()
    address = serializers.CharField()
    phone = serializers.CharField()
    email = serializers.CharField()
    identified_at = api.TimestampField(allow_null=True)


class BeneficialOwnerOut(serializers.Serializer[Any]):
    """An owner of an entity."""

    id = api.IdField("ben")
    name = serializers.CharField()
    birth_date = serializers.CharField()
    country = serializers.CharField()
    share_percent = api.AmountField()
    is_pep = serializers.BooleanField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A client in full",
            _SHOWN
            | {
                "identity": {
                    "birth_date": "1990-06-15",
                    "birth_place": "Вологда",
                    "country": "RU",
                    "is_pep": False,
                    "inn": "352500000012",
                    "snils": "11223344595",
                    "ogrn": "",
                    "document_kind": "RU_PASSPORT",
                    "document_number": "4510000001",
                    "document_issued": "2011-05-20",
                    "document_expires": "",
                    "department_code": "770-001",
                    "address": "Вологда, Мира 1",
                    "phone": "+79210000001",
                    "email": "client@example.org",
                    "identified_at": "2022-02-24T09:00:00Z",
                },
                "owners": [],
                "risk_reasons": [],
            },
        )
    ]
)
class ClientInFullOut(ClientOut):
    """A client with identity, owners, and why the risk is rated so (empty to the client)."""

    identity = IdentityOut()
    owners = BeneficialOwnerOut(many=True)
    risk_reasons = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(
    examples=[
        OpenApiExample("Opened", {"client": _SHOWN, "proposal_id": None}),
        OpenApiExample(
            "Proposed: a second officer decides",
            {
                "client": _SHOWN | {"status": "IN_REVIEW", "risk": "HIGH"},
                "proposal_id": "prp_01fwp5eqm0e0000000000000k1",
            },
        ),
    ]
)
class ClientApprovalOut(serializers.Serializer[Any]):
    """The client, opened; or, at high risk, the proposal that a second officer decides on."""

    client = ClientOut()
    proposal_id = api.IdField("prp", allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A tested person",
            {
                "client_id": _CLIENT,
                "year": 2022,
                "limit_rub": "600000.00",
                "used_rub": "150000.00",
                "left_rub": "450000.00",
                "test_missing": False,
            },
        )
    ]
)
class ClientLimitOut(serializers.Serializer[Any]):
    """What may be bought for in the calendar year; `limit_rub` null: without limit."""

    client_id = api.IdField("cli")
    year = serializers.IntegerField()
    limit_rub = api.AmountField(scale=2, allow_null=True)
    used_rub = api.AmountField()
    left_rub = api.AmountField(allow_null=True)
    test_missing = serializers.BooleanField()


class BankAccountOut(serializers.Serializer[Any]):
    """A client's own account in another bank."""

    id = api.IdField("bac")
    client_id = api.IdField("cli")
    bic = serializers.CharField()
    number = serializers.CharField()
    bank_name = serializers.CharField()
    added_at = api.TimestampField()
    closed_at = api.TimestampField(allow_null=True)


class TestChoiceOut(serializers.Serializer[Any]):
    """A choice of a question."""

    letter = serializers.CharField()
    text = serializers.CharField()


class TestQuestionOut(serializers.Serializer[Any]):
    """A question of the test; `chosen` is the letter that was answered."""

    code = serializers.CharField()
    difficulty = serializers.CharField()
    text = serializers.CharField()
    choices = TestChoiceOut(many=True)
    chosen = serializers.CharField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Drawn",
            {
                "id": _ATTEMPT,
                "client_id": _CLIENT,
                "number": 1,
                "status": "DRAWN",
                "pass_mark": 4,
                "correct": None,
                "at": "2022-02-24T09:00:00Z",
                "answered_at": None,
                "questions": [
                    {
                        "code": "E-LOSS",
                        "difficulty": "easy",
                        "text": "You buy a coin for 40,000 roubles. How much can you lose?",
                        "choices": [
                            {"letter": "a", "text": "At most a half"},
                            {"letter": "b", "text": "All of it"},
                        ],
                        "chosen": None,
                    }
                ],
            },
        )
    ]
)
class InvestorTestOut(serializers.Serializer[Any]):
    """A sitting of the investor test; what is right is never told."""

    id = api.IdField("att")
    client_id = api.IdField("cli")
    number = serializers.IntegerField()
    status = serializers.CharField()
    pass_mark = serializers.IntegerField()
    correct = serializers.IntegerField(allow_null=True)
    at = api.TimestampField()
    answered_at = api.TimestampField(allow_null=True)
    questions = TestQuestionOut(many=True)


class ScreeningHitOut(serializers.Serializer[Any]):
    """A client, or the owner of one, who resembles a listed party; `score` 100 is the same name."""

    id = api.IdField("hit")
    client_id = api.IdField("cli")
    owner_id = api.IdField("ben", allow_null=True)
    source = serializers.CharField(source="party.source")  # type: ignore[assignment]
    party_ref = serializers.CharField(source="party.ref")
    party_name = serializers.CharField(source="party")
    programme = serializers.CharField(source="party.programme")
    births = serializers.ListField(child=serializers.CharField(), source="party.births")
    listed_name = serializers.CharField()
    score = serializers.IntegerField()
    exact = serializers.BooleanField()
    birth_agrees = serializers.BooleanField(allow_null=True)
    status = serializers.CharField()
    at = api.TimestampField()
    decided_at = api.TimestampField(allow_null=True)
    decided_by = serializers.CharField()
    reason = serializers.CharField()


class WatchListOut(serializers.Serializer[Any]):
    """A list of sanctioned parties as it was loaded last."""

    id = api.IdField("lst")
    source = serializers.CharField()  # type: ignore[assignment]
    version = serializers.IntegerField()
    parties = serializers.IntegerField()
    sha256 = serializers.CharField()
    loaded_at = api.TimestampField()
