"""What the licensing API reads and shows."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from common import api
from licensing import queries, rulebooks, states
from licensing.models import Regime
from licensing.perimeter import ACTIVITIES, CATEGORIES


def _some(choices: tuple[str, ...]) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField(choices),
        min_length=1,
        max_length=len(choices),
        validators=[_each_once],
    )


def _each_once(said: list[str]) -> None:
    if len(set(said)) < len(said):
        raise serializers.ValidationError("Name each once.", code="twice")


def _digits(count: int) -> api.TextField:
    said = RegexValidator(rf"\A[0-9]{{{count}}}\Z", f"Send {count} digits.")
    return api.TextField(max_length=count, validators=[said])


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
    title = serializers.SerializerMethodField()
    valid_from = api.DateField()
    actor = serializers.CharField()
    at = api.TimestampField()

    def get_title(self, row: Regime) -> str:
        return queries.title_of(row)


class RegimeIn(api.StrictSerializer):
    overlay = serializers.ChoiceField(rulebooks.OVERLAYS)
    valid_from = api.DateField()


class ParticipantOut(serializers.Serializer[Any]):
    id = api.IdField("par")
    kind = serializers.CharField()
    legal_name = serializers.CharField()
    inn = serializers.CharField()
    ogrn = serializers.CharField()
    registered_at = api.TimestampField()
    removed_at = api.TimestampField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class ParticipantIn(api.StrictSerializer):
    kind = serializers.ChoiceField(states.ParticipantKind.choices)
    legal_name = api.NameField(max_length=200)
    inn = _digits(10)
    ogrn = _digits(13)


class AdmittedAssetOut(serializers.Serializer[Any]):
    id = api.IdField("adm")
    asset = serializers.CharField(source="asset_id")
    admitted_at = api.TimestampField()
    withdrawn_at = api.TimestampField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class ApplicationIn(api.StrictSerializer):
    kind = serializers.ChoiceField(states.ParticipantKind.choices)
    legal_name = api.NameField(max_length=200)
    inn = _digits(10)
    ogrn = _digits(13)
    banking_licence = serializers.ChoiceField(states.BankingLicence.values)
    own_funds_rub = api.AmountField(scale=2)
    head_name = api.NameField(max_length=200)
    head_convicted = api.BooleanField()
    owner_offshore = api.BooleanField()
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
    participant_id = api.IdField("par", allow_null=True)  # from the grant on
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
