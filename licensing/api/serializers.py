"""What the licensing API reads and shows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common import api
from licensing import perimeter, states

ACTIVITIES = (perimeter.CASH, perimeter.CUSTODY, perimeter.EXCHANGE)
CATEGORIES = ("LEGAL_ENTITY", "NON_QUALIFIED", "QUALIFIED")


def _some(choices: tuple[str, ...]) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField(choices), allow_empty=False, max_length=len(choices)
    )


class ParameterOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    value = serializers.JSONField()
    unit = serializers.CharField()
    valid_from = api.DateField()
    valid_to = api.DateField(allow_null=True)
    status = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # the field's own keyword


class RulebookOut(serializers.Serializer[Any]):
    regime = serializers.CharField()
    on = api.DateField()
    parameters = ParameterOut(many=True)


class RegimeOut(serializers.Serializer[Any]):
    id = api.IdField("reg")
    overlay = serializers.CharField()
    valid_from = api.DateField()
    actor = serializers.CharField()
    at = api.TimestampField()


class ParticipantOut(serializers.Serializer[Any]):
    id = api.IdField("par")
    kind = serializers.CharField()
    legal_name = serializers.CharField()
    inn = serializers.CharField()
    ogrn = serializers.CharField()
    registered_at = api.TimestampField()


class AdmittedAssetOut(serializers.Serializer[Any]):
    id = api.IdField("adm")
    asset = serializers.CharField(source="asset_id")
    admitted_at = api.TimestampField()
    withdrawn_at = api.TimestampField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class ApplicationIn(api.StrictSerializer):
    kind = serializers.ChoiceField(states.ParticipantKind.values)
    legal_name = api.TextField(max_length=200)
    inn = serializers.RegexField(r"\A[0-9]{10}\Z")
    ogrn = serializers.RegexField(r"\A[0-9]{13}\Z")
    banking_licence = serializers.ChoiceField(states.BankingLicence.values)
    own_funds_rub = api.AmountField(scale=2)
    head_name = api.TextField(max_length=200)
    head_convicted = serializers.BooleanField()
    owner_offshore = serializers.BooleanField()
    activities = _some(ACTIVITIES)
    categories = _some(CATEGORIES)
    plan = api.TextField(max_length=5000)


class ApplicationOut(serializers.Serializer[Any]):
    id = api.IdField("lap")
    bank_id = api.IdField("bnk")
    kind = serializers.CharField()
    legal_name = serializers.CharField()
    inn = serializers.CharField()
    ogrn = serializers.CharField()
    banking_licence = serializers.CharField()
    own_funds_rub = api.AmountField(scale=2)
    head_name = serializers.CharField()
    head_convicted = serializers.BooleanField()
    owner_offshore = serializers.BooleanField()
    activities = serializers.ListField(child=serializers.CharField())
    categories = serializers.ListField(child=serializers.CharField())
    plan = serializers.CharField()
    at = api.TimestampField()


class LicenceOut(serializers.Serializer[Any]):
    id = api.IdField("lic")
    bank_id = api.IdField("bnk")
    participant_id = api.IdField("par")
    application_id = api.IdField("lap")
    status = serializers.CharField()
    activities = serializers.ListField(child=serializers.CharField())
    categories = serializers.ListField(child=serializers.CharField())
    conditions = serializers.CharField(allow_blank=True)
    exposure_limit_rub = api.AmountField(scale=2, allow_null=True)
    granted_at = api.TimestampField(allow_null=True)
    ended_at = api.TimestampField(allow_null=True)
    version = serializers.IntegerField()


class GrantIn(api.StrictSerializer):
    activities = _some(ACTIVITIES)
    categories = _some(CATEGORIES)
    conditions = api.TextField(max_length=2000, allow_blank=True, default="")
    exposure_limit_rub = api.AmountField(scale=2, allow_null=True, default=None)
    reason = api.TextField(max_length=500)


class ReasonIn(api.StrictSerializer):
    reason = api.TextField(max_length=500)


class AdmissionIn(api.StrictSerializer):
    asset = api.TextField(max_length=12)
    reason = api.TextField(max_length=500)


class TextIn(api.StrictSerializer):
    text = api.TextField(max_length=2000)


class QuestionOut(serializers.Serializer[Any]):
    id = api.IdField("que")
    text = serializers.CharField()
    at = api.TimestampField()
    answer = serializers.CharField(allow_null=True)
    answered_at = api.TimestampField(allow_null=True)


class ProposedOut(serializers.Serializer[Any]):
    proposal_id = api.IdField("prp")
