"""The investor test over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common import api
from kyc import operations, queries
from kyc.api import commands, shown
from kyc.api import serializers as out


class Tests(commands.View):
    """A client's sittings of the investor test."""

    scope: ClassVar = {"GET": "clients:read", "POST": "clients:apply"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_tests", responses=out.InvestorTestOut(many=True))
    def get(self, request: Request, client_id: str) -> Response:
        """List a client's attempts, the latest first."""
        rows = queries.attempts_for(self.actor).filter(client=self.client(client_id))
        pages = api.CursorPages()
        found = pages.paginate_queryset(rows, request, self)
        lines = [shown.attempt(row) for row in found]
        return pages.get_paginated_response(out.InvestorTestOut(lines, many=True).data)

    @extend_schema(
        operation_id="draw_test",
        request=None,
        responses={
            201: out.InvestorTestOut,
            **api.refusals("TEST_NOT_NEEDED; TEST_PASSED; STATUS_CONFLICT; RULE_UNKNOWN."),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Draw the investor test; one that waits for answers is given again."""
        self.said(api.StrictSerializer, request)
        client = self.client(client_id)

        def effect(at: datetime) -> dict[str, Any]:
            attempt = operations.draw_test(client_id=client.pk, at=at)
            return dict(out.InvestorTestOut(shown.attempt(attempt)).data)

        return self.command(request, effect, 201)


class OneTest(commands.View):
    """One sitting of the investor test."""

    scope: ClassVar = {"GET": "clients:read"}

    @extend_schema(operation_id="get_test", responses=out.InvestorTestOut)
    def get(self, request: Request, attempt_id: str) -> Response:
        """Return an attempt with its questions and what was chosen."""
        found = queries.attempt_for(actor=self.actor, attempt_id=api.path_id("att", attempt_id))
        return Response(out.InvestorTestOut(shown.attempt(found)).data)


class Answers(commands.View):
    """The answers to a drawn test."""

    scope: ClassVar = {"POST": "clients:apply"}
    idempotent = True

    @extend_schema(
        operation_id="answer_test",
        request=out.TestAnswersIn,
        responses={
            200: out.InvestorTestOut,
            **api.refusals("STATUS_CONFLICT (answered before); ANSWERS_INCOMPLETE."),
        },
    )
    def post(self, request: Request, attempt_id: str) -> Any:
        """Answer every question, and be judged."""
        row = queries.attempt_for(actor=self.actor, attempt_id=api.path_id("att", attempt_id))
        said = commands.said(out.TestAnswersIn, request)

        def effect(at: datetime) -> dict[str, Any]:
            done = operations.answer_test(attempt_id=row.pk, answers=said["answers"], at=at)
            return dict(out.InvestorTestOut(shown.attempt(done)).data)

        return self.command(request, effect)
