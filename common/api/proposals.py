"""What waits for a second person: proposals, and the decision on them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import changes, clock, errors, models, tenancy
from common.api.fields import IdField, StrictSerializer, TextField, TimestampField
from common.api.pages import CursorPages, parameter, path_id
from common.api.views import View

STATUSES = (changes.PENDING, changes.APPROVED, changes.REJECTED)


class ProposalOut(serializers.Serializer[Any]):
    id = IdField("prp")
    kind = serializers.CharField()
    subject = serializers.CharField()
    payload = serializers.DictField()
    reason = serializers.CharField()
    status = serializers.CharField()
    maker = serializers.CharField()
    made_at = TimestampField()
    checker = serializers.CharField(allow_blank=True)
    decided_at = TimestampField(allow_null=True)
    decision_reason = serializers.CharField(allow_blank=True)
    result = serializers.DictField(allow_null=True)


class DecisionIn(StrictSerializer):
    reason = TextField(max_length=500, allow_blank=True, default="")


_EXAMPLE = OpenApiExample("In order", {"reason": "The papers are in order."}, request_only=True)


class Proposals(View):
    """What one person proposed and another decides."""

    scope: ClassVar = {"GET": "approvals:read"}
    parameters = ("status", "kind")
    pagination_class = CursorPages

    @extend_schema(
        operation_id="list_proposals",
        parameters=[
            OpenApiParameter("status", str, enum=STATUSES),
            OpenApiParameter("kind", str),
        ],
        responses=ProposalOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the proposals, the latest first."""
        rows = models.Proposal.objects.all()
        for name, field in (
            ("status", serializers.ChoiceField(STATUSES)),
            ("kind", TextField(max_length=32)),
        ):
            wanted = parameter(request, name, field)
            if wanted is not None:
                rows = rows.filter((name, wanted))
        return self.page(rows, ProposalOut)


class OneProposal(View):
    """One proposal."""

    scope: ClassVar = {"GET": "approvals:read"}

    @extend_schema(operation_id="get_proposal", responses=ProposalOut)
    def get(self, request: Request, proposal_id: str) -> Response:
        """Return a proposal."""
        row = models.Proposal.objects.filter(pk=path_id("prp", proposal_id)).first()
        if row is None:
            raise errors.Refused("NOT_FOUND", {"proposal": proposal_id})
        return Response(ProposalOut(row).data)


class _Decide(View):
    """A decision: the scope that it takes is the kind's, which `changes` asks for."""

    scope: ClassVar = {"POST": "approvals:read"}
    idempotent = True

    def decide(self, request: Request, proposal_id: str, *, approved: bool) -> Response:
        asked = DecisionIn(data=request.data)
        asked.is_valid(raise_exception=True)
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        said: dict[str, Any] = {
            "actor": self.actor,
            "proposal_id": path_id("prp", proposal_id),
            "reason": asked.validated_data["reason"],
            "at": clock.now(jurisdiction_id, timezone.now()),
        }
        row = changes.approve(**said) if approved else changes.reject(**said)
        return Response(ProposalOut(row).data)


class Approve(_Decide):
    """The approval of another's proposal."""

    @extend_schema(
        operation_id="approve_proposal",
        request=DecisionIn,
        responses=ProposalOut,
        examples=[_EXAMPLE],
    )
    def post(self, request: Request, proposal_id: str) -> Response:
        """Approve what another proposed, and do it."""
        return self.decide(request, proposal_id, approved=True)


class Reject(_Decide):
    """The rejection of another's proposal."""

    @extend_schema(
        operation_id="reject_proposal",
        request=DecisionIn,
        responses=ProposalOut,
        examples=[_EXAMPLE],
    )
    def post(self, request: Request, proposal_id: str) -> Response:
        """Reject what another proposed."""
        return self.decide(request, proposal_id, approved=False)
