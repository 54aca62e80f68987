"""What the reports' API reads and shows."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common import api
from reporting import states

_CODES: dict[str, Any] = {"min_length": 1, "max_length": 32}


class ReportOut(serializers.Serializer[Any]):
    """A report that the house makes. `personal`: its files hold personal data."""

    code = serializers.CharField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    recipient = serializers.CharField()
    personal = serializers.BooleanField()
    columns = serializers.ListField(child=serializers.CharField())
    namespace = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A day",
            {"report": "daily-register", "first": "2022-02-24", "last": "2022-02-24"},
            request_only=True,
        )
    ]
)
class ReportRunIn(api.StrictSerializer):
    """A report, and the business days of its period, both ends in it."""

    report = api.TextField(**_CODES)
    first = api.DateField()
    last = api.DateField()


class ProgressOut(serializers.Serializer[Any]):
    """Steps are the parts of all files and the end of each; `rows` those made of one file."""

    steps = serializers.IntegerField(source="parts")
    steps_done = serializers.IntegerField(source="parts_done")
    rows = serializers.IntegerField()
    percent = serializers.IntegerField()


class CutAtOut(serializers.Serializer[Any]):
    """A closed day that a run was cut at; `head` is the SHA-256 of all that it sealed."""

    id = api.IdField("cls")
    number = serializers.IntegerField()
    business_date = api.DateField()
    head = serializers.CharField()


class LineageOut(serializers.Serializer[Any]):
    """What a run was made from: the same gives the same bytes."""

    report = serializers.CharField()
    version = serializers.IntegerField()
    first = api.DateField()
    last = api.DateField()
    closes = CutAtOut(many=True)


class ReportFileOut(serializers.Serializer[Any]):
    """One format of a run; without a digest while it is being made."""

    id = api.IdField("rpf")
    format = serializers.ChoiceField(states.Format.choices)
    name = serializers.CharField()
    content_type = serializers.CharField()
    rows = serializers.IntegerField()
    size = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)


class ReportRunOut(serializers.Serializer[Any]):
    """A run. `trouble`: what went wrong last, while it is not done."""

    id = api.IdField("rep")
    bank_id = api.IdField("bnk")
    report = serializers.CharField()
    title = serializers.CharField()
    recipient = serializers.CharField()
    status = serializers.ChoiceField(states.RunStatus.choices)
    requested_by = serializers.CharField()
    requested_at = api.TimestampField()
    progress = ProgressOut()
    lineage = LineageOut()
    files = ReportFileOut(many=True)
    trouble = serializers.CharField(allow_blank=True)


class RecordOut(serializers.Serializer[Any]):
    """A record behind a row: its kind, its id, and what is kept of it."""

    kind = serializers.CharField()
    id = serializers.CharField()
    record = serializers.DictField()


class RecordsOut(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    records = RecordOut(many=True)
