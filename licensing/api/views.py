"""The law, the registers and the licence over REST. Banks apply and answer; the state decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common import api, clock, errors, tenancy
from licensing import operations, queries
from licensing.api import serializers as io
from licensing.models import Licence, Question

READ: Mapping[str, str | None] = {"GET": "market:read"}

_APPLICATION = OpenApiExample(
    "A bank with a universal licence",
    {
        "kind": "ORGANISER",
        "legal_name": "North Bank JSC",
        "inn": "7707083893",
        "ogrn": "1027700132195",
        "banking_licence": "UNIVERSAL",
        "own_funds_rub": "2000000000.00",
        "head_name": "Vera Orlova",
        "head_convicted": False,
        "owner_offshore": False,
        "activities": ["cash", "custody", "exchange"],
        "categories": ["NON_QUALIFIED", "QUALIFIED", "LEGAL_ENTITY"],
        "plan": "Sell coins to clients as an investment.",
    },
    request_only=True,
)
_GRANT = OpenApiExample(
    "All that was applied for",
    {
        "activities": ["cash", "custody", "exchange"],
        "categories": ["NON_QUALIFIED", "QUALIFIED", "LEGAL_ENTITY"],
        "conditions": "",
        "exposure_limit_rub": None,
        "reason": "The papers are in order.",
    },
    request_only=True,
)
_REASON = OpenApiExample("A reason", {"reason": "Reports were late twice."}, request_only=True)


def _now() -> dt.datetime:
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    return clock.now(jurisdiction_id, timezone.now())


def _outcome(request: Request, act: Callable[[], Response]) -> Any:
    """Answer with what `act` answers, or keep its refusal as the outcome under the key."""
    try:
        with transaction.atomic():
            return act()
    except errors.Refused as refusal:
        return errors.refused(request, [refusal])


class Rulebook(api.View):
    """What the law says on a day."""

    scope: ClassVar = READ
    parameters = ("on",)

    @extend_schema(
        operation_id="get_rulebook",
        parameters=[OpenApiParameter("on", dt.date, description="A Moscow day; today if absent.")],
        responses=io.RulebookOut,
    )
    def get(self, request: Request) -> Response:
        """Return every number in force on a day, with its status and source."""
        on = api.parameter(request, "on", api.DateField())
        at = _now() if on is None else dt.datetime.combine(on, dt.time(12), dt.UTC)
        day = clock.business_date(at)
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        book = queries.rulebook_of(jurisdiction_id, at)
        shown = [
            {
                "code": each.code,
                "value": _plain(each.value),
                "unit": each.unit,
                "valid_from": each.valid_from,
                "valid_to": each.valid_to,
                "status": each.status,
                "source": each.source,
            }
            for each in book.parameters(day)
        ]
        told = {"regime": book.regime, "on": day, "parameters": shown}
        return Response(io.RulebookOut(told).data)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value if value is None or isinstance(value, bool | int | str) else f"{value:f}"


class Regimes(api.View):
    """The jurisdiction's timeline."""

    scope: ClassVar = READ
    pagination_class = api.CursorPages

    @extend_schema(operation_id="list_regimes", responses=io.RegimeOut(many=True))
    def get(self, request: Request) -> Response:
        """List the regimes, each with the day from which it binds."""
        return self.page(queries.regimes(), io.RegimeOut)


class Participants(api.View):
    """The register of professional participants."""

    scope: ClassVar = READ
    pagination_class = api.CursorPages

    @extend_schema(operation_id="list_participants", responses=io.ParticipantOut(many=True))
    def get(self, request: Request) -> Response:
        """List the participants."""
        return self.page(queries.participants(), io.ParticipantOut)


class AdmittedAssets(api.View):
    """The register of what may be sold."""

    scope: ClassVar = {"GET": "market:read", "POST": "assets:admit"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_admitted_assets", responses=io.AdmittedAssetOut(many=True))
    def get(self, request: Request) -> Response:
        """List what was admitted, the withdrawn included."""
        return self.page(queries.admitted_assets(), io.AdmittedAssetOut)

    @extend_schema(
        operation_id="propose_admission",
        request=io.AdmissionIn,
        responses={202: io.ProposedOut},
        examples=[
            OpenApiExample("Bitcoin", {"asset": "BTC", "reason": "liquid"}, request_only=True)
        ],
    )
    def post(self, request: Request) -> Any:
        """Propose to admit an asset; a second officer approves the proposal."""
        asked = io.AdmissionIn(data=request.data)
        asked.is_valid(raise_exception=True)

        def act() -> Response:
            proposed = operations.propose_admission(**asked.validated_data, at=_now())
            return Response(io.ProposedOut({"proposal_id": proposed.pk}).data, status=202)

        return _outcome(request, act)


class WithdrawAsset(api.View):
    """The end of an asset's admission."""

    scope: ClassVar = {"POST": "assets:admit"}
    idempotent = True

    @extend_schema(
        operation_id="withdraw_asset",
        request=io.ReasonIn,
        responses=io.AdmittedAssetOut,
        examples=[_REASON],
    )
    def post(self, request: Request, asset: str) -> Any:
        """Take an asset off the register: nothing more of it is sold."""
        asked = io.ReasonIn(data=request.data)
        asked.is_valid(raise_exception=True)

        def act() -> Response:
            row = operations.withdraw_asset(asset=asset, **asked.validated_data, at=_now())
            return Response(io.AdmittedAssetOut(row).data)

        return _outcome(request, act)


class Applications(api.View):
    """Banks' applications for a licence."""

    scope: ClassVar = {"GET": "licences:read", "POST": "licences:apply"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_licence_applications", responses=io.ApplicationOut(many=True))
    def get(self, request: Request) -> Response:
        """List the bank's own applications; to the state, those of all banks."""
        return self.page(queries.applications(), io.ApplicationOut)

    @extend_schema(
        operation_id="apply_for_licence",
        request=io.ApplicationIn,
        responses={201: io.ApplicationOut},
        examples=[_APPLICATION],
    )
    def post(self, request: Request) -> Any:
        """Apply to the state for a licence."""
        asked = io.ApplicationIn(data=request.data)
        asked.is_valid(raise_exception=True)

        def act() -> Response:
            row = operations.apply_for_licence(**asked.validated_data, at=_now())
            return Response(io.ApplicationOut(row).data, status=201)

        return _outcome(request, act)


class Acknowledge(api.View):
    """An application taken up by the state."""

    scope: ClassVar = {"POST": "licences:decide"}
    idempotent = True

    @extend_schema(
        operation_id="acknowledge_application", request=None, responses={201: io.LicenceOut}
    )
    def post(self, request: Request, application_id: str) -> Any:
        """Take up an application: its licence stands in the register, not granted yet."""
        found = api.path_id("lap", application_id)

        def act() -> Response:
            row = operations.acknowledge(application_id=found, at=_now())
            return Response(io.LicenceOut(row).data, status=201)

        return _outcome(request, act)


class Licences(api.View):
    """Licences: a bank its own, the state all."""

    scope: ClassVar = {"GET": "licences:read"}
    pagination_class = api.CursorPages

    @extend_schema(operation_id="list_licences", responses=io.LicenceOut(many=True))
    def get(self, request: Request) -> Response:
        """List the licences."""
        return self.page(queries.licences_for(self.actor), io.LicenceOut)


class OneLicence(api.View):
    """One licence."""

    scope: ClassVar = {"GET": "licences:read"}

    @extend_schema(operation_id="get_licence", responses=io.LicenceOut)
    def get(self, request: Request, licence_id: str) -> Response:
        """Return a licence."""
        row = queries.licence_for(actor=self.actor, licence_id=api.path_id("lic", licence_id))
        return Response(io.LicenceOut(row).data)


class Questions(api.View):
    """What the state asks about an application, and what the bank answers."""

    scope: ClassVar = {"GET": "licences:read", "POST": "licences:decide"}
    idempotent = True

    @extend_schema(operation_id="list_questions", responses=io.QuestionOut(many=True))
    def get(self, request: Request, licence_id: str) -> Response:
        """List the questions with their answers, the first first."""
        row = queries.licence_for(actor=self.actor, licence_id=api.path_id("lic", licence_id))
        shown = [
            {
                "id": question.pk,
                "text": question.text,
                "at": question.at,
                "answer": answer.text if answer else None,
                "answered_at": answer.at if answer else None,
            }
            for question, answer in queries.questions(row)
        ]
        return Response(io.QuestionOut(shown, many=True).data)

    @extend_schema(
        operation_id="ask_question",
        request=io.TextIn,
        responses={201: io.QuestionOut},
        examples=[OpenApiExample("Audit", {"text": "Who audits the desk?"}, request_only=True)],
    )
    def post(self, request: Request, licence_id: str) -> Any:
        """Ask the bank something about its application."""
        asked = io.TextIn(data=request.data)
        asked.is_valid(raise_exception=True)
        found = api.path_id("lic", licence_id)

        def act() -> Response:
            row = operations.ask_question(licence_id=found, **asked.validated_data, at=_now())
            return Response(_asked(row), status=201)

        return _outcome(request, act)


def _asked(row: Question) -> Any:
    shown = {"id": row.pk, "text": row.text, "at": row.at, "answer": None, "answered_at": None}
    return io.QuestionOut(shown).data


class AnswerQuestion(api.View):
    """The bank's answer."""

    scope: ClassVar = {"POST": "licences:apply"}
    idempotent = True

    @extend_schema(
        operation_id="answer_question",
        request=io.TextIn,
        responses={201: io.TextIn},
        examples=[OpenApiExample("Audit", {"text": "The board's committee."}, request_only=True)],
    )
    def post(self, request: Request, question_id: str) -> Any:
        """Answer a question, once."""
        asked = io.TextIn(data=request.data)
        asked.is_valid(raise_exception=True)
        found = api.path_id("que", question_id)

        def act() -> Response:
            row = operations.answer_question(question_id=found, **asked.validated_data, at=_now())
            return Response({"text": row.text}, status=201)

        return _outcome(request, act)


class ProposeGrant(api.View):
    """The proposal to grant."""

    scope: ClassVar = {"POST": "licences:decide"}
    idempotent = True

    @extend_schema(
        operation_id="propose_grant",
        request=io.GrantIn,
        responses={202: io.ProposedOut},
        examples=[_GRANT],
    )
    def post(self, request: Request, licence_id: str) -> Any:
        """Propose to grant a licence; a second officer approves the proposal."""
        asked = io.GrantIn(data=request.data)
        asked.is_valid(raise_exception=True)
        found = api.path_id("lic", licence_id)

        def act() -> Response:
            proposed = operations.propose_grant(licence_id=found, **asked.validated_data, at=_now())
            return Response(io.ProposedOut({"proposal_id": proposed.pk}).data, status=202)

        return _outcome(request, act)


class _Step(api.View):
    """A step of a licence that one officer decides."""

    scope: ClassVar = {"POST": "licences:decide"}
    idempotent = True

    def step(self, request: Request, licence_id: str, move: Callable[..., Licence]) -> Any:
        asked = io.ReasonIn(data=request.data)
        asked.is_valid(raise_exception=True)
        found = api.path_id("lic", licence_id)

        def act() -> Response:
            row = move(licence_id=found, **asked.validated_data, at=_now())
            return Response(io.LicenceOut(row).data)

        return _outcome(request, act)


class Complete(api.View):
    """An application declared complete."""

    scope: ClassVar = {"POST": "licences:decide"}
    idempotent = True

    @extend_schema(operation_id="declare_complete", request=None, responses=io.LicenceOut)
    def post(self, request: Request, licence_id: str) -> Any:
        """Declare an application complete: it is decided from here on."""
        found = api.path_id("lic", licence_id)

        def act() -> Response:
            row = operations.declare_complete(licence_id=found, at=_now())
            return Response(io.LicenceOut(row).data)

        return _outcome(request, act)


class Refuse(_Step):
    """An application refused."""

    @extend_schema(
        operation_id="refuse_application",
        request=io.ReasonIn,
        responses=io.LicenceOut,
        examples=[_REASON],
    )
    def post(self, request: Request, licence_id: str) -> Any:
        """Refuse an application, saying why."""
        return self.step(request, licence_id, operations.refuse_application)


class Suspend(_Step):
    """A licence suspended."""

    @extend_schema(
        operation_id="suspend_licence",
        request=io.ReasonIn,
        responses=io.LicenceOut,
        examples=[_REASON],
    )
    def post(self, request: Request, licence_id: str) -> Any:
        """Suspend a licence: the bank's next order is refused."""
        return self.step(request, licence_id, operations.suspend_licence)


class Reinstate(_Step):
    """A suspended licence back in force."""

    @extend_schema(
        operation_id="reinstate_licence",
        request=io.ReasonIn,
        responses=io.LicenceOut,
        examples=[_REASON],
    )
    def post(self, request: Request, licence_id: str) -> Any:
        """Put a suspended licence back in force."""
        return self.step(request, licence_id, operations.reinstate_licence)


class Revoke(_Step):
    """A licence ended for good."""

    @extend_schema(
        operation_id="revoke_licence",
        request=io.ReasonIn,
        responses=io.LicenceOut,
        examples=[_REASON],
    )
    def post(self, request: Request, licence_id: str) -> Any:
        """End a licence for good."""
        return self.step(request, licence_id, operations.revoke_licence)
