"""The licence over REST: banks apply and answer; the state asks and decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common import api
from licensing import operations, queries
from licensing.api import serializers as io
from licensing.models import Application, Licence, Question

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
        responses={
            201: io.ApplicationOut,
            **api.refusals("INN_INVALID, OGRN_INVALID, APPLICATION_PENDING, GROUNDS_AGAINST."),
        },
        examples=[_APPLICATION],
    )
    def post(self, request: Request) -> Any:
        """Apply to the state for a licence."""
        said = self.said(io.ApplicationIn, request)

        def act(at: dt.datetime) -> Response:
            row = operations.apply_for_licence(**said, at=at)
            return Response(io.ApplicationOut(row).data, status=201)

        return self.outcome(request, act)


class OneApplication(api.View):
    """One application."""

    scope: ClassVar = {"GET": "licences:read"}

    @extend_schema(operation_id="get_licence_application", responses=io.ApplicationOut)
    def get(self, request: Request, application_id: str) -> Response:
        """Return an application as it was sent."""
        found = api.path_id(Application.id_prefix, application_id)
        row = queries.application_for(actor=self.actor, application_id=found)
        return Response(io.ApplicationOut(row).data)


class Acknowledge(api.View):
    """An application taken up by the state."""

    scope: ClassVar = {"POST": "licences:decide"}
    idempotent = True

    @extend_schema(
        operation_id="acknowledge_application", request=None, responses={201: io.LicenceOut}
    )
    def post(self, request: Request, application_id: str) -> Any:
        """Take up an application: its licence has a number, and is not granted yet."""
        self.said(api.StrictSerializer, request)
        found = api.path_id("lap", application_id)

        def act(at: dt.datetime) -> Response:
            row = operations.acknowledge(application_id=found, at=at)
            return Response(io.LicenceOut(row).data, status=201)

        return self.outcome(request, act)


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
        said = self.said(io.TextIn, request)
        found = api.path_id("lic", licence_id)

        def act(at: dt.datetime) -> Response:
            row = operations.ask_question(licence_id=found, **said, at=at)
            return Response(_asked(row), status=201)

        return self.outcome(request, act)


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
        said = self.said(io.TextIn, request)
        found = api.path_id("que", question_id)

        def act(at: dt.datetime) -> Response:
            row = operations.answer_question(question_id=found, **said, at=at)
            return Response({"text": row.text}, status=201)

        return self.outcome(request, act)


class ProposeGrant(api.View):
    """The proposal to grant."""

    scope: ClassVar = {"POST": "licences:decide"}
    idempotent = True

    @extend_schema(
        operation_id="propose_grant",
        request=io.GrantIn,
        responses={
            202: io.ProposedOut,
            **api.refusals(
                "GROUNDS_AGAINST, NOT_APPLIED_FOR, RULE_UNKNOWN;"
                " STATUS_CONFLICT, ALREADY_PROPOSED (409)."
            ),
        },
        examples=[_GRANT],
    )
    def post(self, request: Request, licence_id: str) -> Any:
        """Propose to grant a licence; a second officer approves the proposal."""
        said = self.said(io.GrantIn, request)
        found = api.path_id("lic", licence_id)

        def act(at: dt.datetime) -> Response:
            proposed = operations.propose_grant(licence_id=found, **said, at=at)
            return Response(io.ProposedOut({"proposal_id": proposed.pk}).data, status=202)

        return self.outcome(request, act)


class Complete(api.View):
    """An application declared complete."""

    scope: ClassVar = {"POST": "licences:decide"}
    idempotent = True

    @extend_schema(operation_id="declare_complete", request=None, responses=io.LicenceOut)
    def post(self, request: Request, licence_id: str) -> Any:
        """Declare an application complete: it is decided from here on."""
        self.said(api.StrictSerializer, request)
        found = api.path_id("lic", licence_id)

        def act(at: dt.datetime) -> Response:
            row = operations.declare_complete(licence_id=found, at=at)
            return Response(io.LicenceOut(row).data)

        return self.outcome(request, act)


def _step(operation_id: str, does: str, operation: Callable[..., Licence]) -> type[api.View]:
    """Return the view of a step of a licence that one officer decides, saying why."""

    class Step(api.View):
        scope: ClassVar = {"POST": "licences:decide"}
        idempotent = True

        @extend_schema(
            operation_id=operation_id,
            description=does,
            request=io.ReasonIn,
            responses=io.LicenceOut,
            examples=[_REASON],
        )
        def post(self, request: Request, licence_id: str) -> Any:
            said = self.said(io.ReasonIn, request)
            found = api.path_id(Licence.id_prefix, licence_id)

            def act(at: dt.datetime) -> Response:
                return Response(io.LicenceOut(operation(licence_id=found, **said, at=at)).data)

            return self.outcome(request, act)

    return Step


Refuse = _step(
    "refuse_application", "Refuse an application, saying why.", operations.refuse_application
)
Suspend = _step(
    "suspend_licence",
    "Suspend a licence: the bank's next order is refused.",
    operations.suspend_licence,
)
Reinstate = _step(
    "reinstate_licence", "Put a suspended licence back in force.", operations.reinstate_licence
)
Revoke = _step(
    "revoke_licence",
    "End a licence for good: its holder leaves the register.",
    operations.revoke_licence,
)
