"""A small API of its own, over the outbox's table, for the tests of the edge."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import django.core.exceptions as django_errors
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import api, errors, models, tenancy

AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)


class Line(api.StrictSerializer):
    amount = api.AmountField(scale=2)


class NoteIn(api.StrictSerializer):
    name = api.TextField(max_length=100, required=False)
    person = api.NameField(max_length=100, required=False)
    count = api.IntegerField(min_value=0, max_value=9, required=False)
    agreed = api.BooleanField(required=False)
    amount = api.AmountField(scale=8, required=False)
    change = api.AmountField(signed=True, required=False)
    account = api.IdField("acc", required=False)
    at = api.TimestampField(required=False)
    lines = Line(many=True, required=False)
    anything = serializers.JSONField(required=False)


class NoteOut(serializers.Serializer[Any]):
    id = api.IdField("evt")
    topic = api.TextField()
    at = api.TimestampField()


class Notes(api.View):
    scope: ClassVar = {"GET": "outbox:read", "POST": "ledger:close"}
    parameters = ("topic",)
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(parameters=[OpenApiParameter("topic")], responses=NoteOut(many=True))
    def get(self, request: Request) -> Response:
        rows = models.OutboxEvent.objects.all()
        topic = api.parameter(request, "topic", api.TextField(max_length=8))
        return self.page(rows if topic is None else rows.filter(topic=topic), NoteOut)

    @extend_schema(request=NoteIn, responses={201: NoteOut})
    def post(self, request: Request) -> Any:
        note = NoteIn(data=request.data)
        note.is_valid(raise_exception=True)
        said = note.validated_data
        bank_id = tenancy.current().bank_id
        assert bank_id is not None
        row = models.OutboxEvent.objects.create(bank_id=bank_id, topic="note", payload={}, at=AT)
        if said.get("name") == "refuse":
            raise errors.Refused("INSUFFICIENT_FUNDS", {"asset": "RUB", "short": Decimal("1E+1")})
        if said.get("name") == "crash":
            raise RuntimeError("between effect and answer")
        if said.get("name") == "reject":
            broken = [errors.Refused("HALTED"), errors.Refused("LIMIT_EXCEEDED", {"limit": 1})]
            return errors.refused(request, broken)
        return Response({"id": NoteOut(row).data["id"], "fee": Decimal("1E-8"), **said}, status=201)


class Note(api.View):
    scope: ClassVar = {"GET": "outbox:read"}

    def get(self, request: Request, shown: str) -> Response:
        row = models.OutboxEvent.objects.filter(pk=api.path_id("evt", shown)).first()
        if row is None:
            raise errors.Refused("NOT_FOUND")
        return Response(NoteOut(row).data)


def _sql(statement: str) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


def _database(message: str, state: str, facts: str = "") -> Callable[[], None]:
    detail = f", DETAIL = '{facts}'" if facts else ""
    return _sql(
        f"DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{state}'{detail}; END $$"
    )


def _error(error: Exception) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


FAULTS: dict[str, Callable[[], None]] = {
    "refused": _error(errors.Refused("LIMIT_EXCEEDED", {"limit": Decimal("1E+3")})),
    "unfound": _error(Http404("SELECT secret")),
    "forbidden": _error(django_errors.PermissionDenied("secret")),
    "throttled": _error(exceptions.Throttled(wait=6.5)),
    "large": _error(django_errors.RequestDataTooBig("secret")),
    "suspicious": _error(django_errors.SuspiciousOperation("secret")),
    "bug": _error(RuntimeError("secret")),
    "ledger": _database("INSUFFICIENT_FUNDS", "PM001", '{"asset": "RUB", "short": 1.10}'),
    "guard": _database("secret is append-only", "PM002"),
    "deadlock": _database("secret", "40P01"),
    "serialization": _database("secret", "40001"),
    "lock_timeout": _database("secret", "55P03"),
    "statement_timeout": _database("secret", "57014"),
    "shutdown": _database("secret", "57P01"),
    "forbidden_sql": _database("secret", "42501"),
    "broken_sql": _sql("SELECT secret"),
}


class Fault(api.View):
    scope: ClassVar = {"GET": "outbox:read"}

    def get(self, request: Request, kind: str) -> Response:
        FAULTS[kind]()
        return Response()


def fault(request: HttpRequest, kind: str) -> HttpResponse:
    """A plain view of Django's: what DRF never sees."""
    FAULTS[kind]()
    return HttpResponse()


handler400 = handler403 = handler404 = handler500 = "common.errors.page"
urlpatterns = [
    path("v1/notes", Notes.as_view()),
    path("v1/notes/<str:shown>", Note.as_view()),
    path("v1/faults/<str:kind>", Fault.as_view()),
    path("v1/plain/<str:kind>", fault),
    path("plain/<str:kind>", fault),
]
