"""Decisions on clients over REST: what compliance does, and likenesses to listed parties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import api
from common.models import Proposal
from kyc import operations, queries, states
from kyc.api import commands
from kyc.api import serializers as out
from kyc.models import Client


class Identify(commands.Command):
    """The papers of an applicant, seen."""

    scope: ClassVar = {"POST": "clients:review"}
    body = None

    @extend_schema(
        operation_id="identify_client",
        request=None,
        responses={
            200: out.ClientOut,
            **api.refusals("STATUS_CONFLICT; DOCUMENT_EXPIRED and the like; LISTS_MISSING."),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Record that the bank has seen the papers; screen the client and rate the risk."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.identify_client(client_id=client_id, at=at)


class Screen(commands.Command):
    """A client, compared with the lists once more."""

    scope: ClassVar = {"POST": "clients:review"}
    body = None

    @extend_schema(
        operation_id="screen_client",
        request=None,
        responses={
            200: out.ClientOut,
            **api.refusals("STATUS_CONFLICT; LISTS_MISSING."),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Compare the client with the lists as they are now, and rate the risk."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        operations.screen_client(client_id=client_id, at=at)
        return Client(pk=client_id)


class Review(commands.Command):
    """A client's yearly review."""

    scope: ClassVar = {"POST": "clients:review"}
    body = None

    @extend_schema(
        operation_id="review_client",
        request=None,
        responses={
            200: out.ClientOut,
            **api.refusals("STATUS_CONFLICT; DOCUMENT_EXPIRED; LISTS_MISSING."),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Renew what is known of a client; the next review is due in a year."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.review_client(client_id=client_id, at=at)


class Approve(commands.View):
    """An identified client, let in."""

    scope: ClassVar = {"POST": "clients:approve"}
    idempotent = True

    @extend_schema(
        operation_id="approve_client",
        request=out.ClientReasonIn,
        responses={
            200: out.ClientApprovalOut,
            **api.refusals(
                "STATUS_CONFLICT, CLIENT_LISTED, HITS_UNDECIDED, SCREENING_OUTDATED,"
                " DOCUMENT_EXPIRED, ALREADY_PROPOSED."
            ),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Open the client; at high risk, propose it to a second officer."""
        client, said = self.client(client_id), commands.said(out.ClientReasonIn, request)

        def effect(at: datetime) -> dict[str, Any]:
            done = operations.approve_client(client_id=client.pk, reason=said["reason"], at=at)
            proposed = isinstance(done, Proposal)
            return {
                "client": self.shown(client),
                "proposal_id": api.IdField("prp").to_representation(done.pk) if proposed else None,
            }

        return self.command(request, effect)


class Refuse(commands.Command):
    """An applicant, refused."""

    scope: ClassVar = {"POST": "clients:approve"}
    body = out.RefuseClientIn

    @extend_schema(
        operation_id="refuse_client",
        request=out.RefuseClientIn,
        responses={200: out.ClientOut, **api.refusals("STATUS_CONFLICT.")},
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Refuse an applicant for a stated reason."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.refuse_client(client_id=client_id, at=at, **said)


class Freeze(commands.Command):
    """An open client, frozen."""

    scope: ClassVar = {"POST": "clients:review"}
    body = out.FreezeClientIn

    @extend_schema(
        operation_id="freeze_client",
        request=out.FreezeClientIn,
        responses={200: out.ClientOut, **api.refusals("STATUS_CONFLICT.")},
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Freeze a client: nothing is bought, sold or paid out."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.freeze_client(client_id=client_id, at=at, **said)


class Unfreeze(commands.Command):
    """A frozen client, opened again."""

    scope: ClassVar = {"POST": "clients:approve"}

    @extend_schema(
        operation_id="unfreeze_client",
        request=out.ClientReasonIn,
        responses={
            200: out.ClientOut,
            **api.refusals("STATUS_CONFLICT; CLIENT_LISTED; HITS_UNDECIDED."),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Open a frozen client again."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.unfreeze_client(client_id=client_id, at=at, **said)


class Close(commands.Command):
    """A client with nothing left in the bank, closed."""

    scope: ClassVar = {"POST": "clients:approve"}
    body = out.CloseClientIn

    @extend_schema(
        operation_id="close_client",
        request=out.CloseClientIn,
        responses={200: out.ClientOut, **api.refusals("STATUS_CONFLICT; BALANCE_LEFT.")},
    )
    def post(self, request: Request, client_id: str) -> Any:
        """End the relation with a client who has nothing left in the bank."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.close_client(client_id=client_id, at=at, **said)


class Qualify(commands.Command):
    """A person, taken for a qualified investor."""

    scope: ClassVar = {"POST": "clients:approve"}
    body = out.QualifyClientIn

    @extend_schema(
        operation_id="qualify_client",
        request=out.QualifyClientIn,
        responses={
            200: out.ClientOut,
            **api.refusals("STATUS_CONFLICT; CATEGORY_FIXED; RULE_UNKNOWN; QUALIFICATION_SHORT."),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Take a person for a qualified investor by what was shown."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.qualify_client(client_id=client_id, at=at, **said)


_HIT_STATUS = serializers.ChoiceField(states.HitStatus.choices)


class Hits(commands.View):
    """Likenesses to listed parties; none to a client or a dealer."""

    scope: ClassVar = {"GET": "clients:read"}
    parameters = ("status", "client")
    pagination_class = api.CursorPages

    @extend_schema(
        operation_id="list_screening_hits",
        parameters=[
            OpenApiParameter("status", enum=list(states.HitStatus.values)),
            api.described("client", api.IdField("cli"), description="Of this client."),
        ],
        responses=out.ScreeningHitOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List likenesses to listed parties, the latest first."""
        rows = queries.hits_for(self.actor)
        if (status := api.parameter(request, "status", _HIT_STATUS)) is not None:
            rows = rows.filter(status=status)
        if (client := api.parameter(request, "client", api.IdField("cli"))) is not None:
            rows = rows.filter(client_id=client)
        return self.page(rows, out.ScreeningHitOut)


class OneHit(commands.View):
    """One likeness to a listed party."""

    scope: ClassVar = {"GET": "clients:read"}

    @extend_schema(operation_id="get_screening_hit", responses=out.ScreeningHitOut)
    def get(self, request: Request, screening_hit_id: str) -> Response:
        """Return a likeness to a listed party."""
        found = queries.hit_for(actor=self.actor, hit_id=api.path_id("hit", screening_hit_id))
        return Response(out.ScreeningHitOut(found).data)


class ConfirmHit(commands.View):
    """It is the listed party."""

    scope: ClassVar = {"POST": "clients:review"}
    idempotent = True

    @extend_schema(
        operation_id="confirm_screening_hit",
        request=out.ClientReasonIn,
        responses={
            200: out.ScreeningHitOut,
            **api.refusals("STATUS_CONFLICT, decided before."),
        },
    )
    def post(self, request: Request, screening_hit_id: str) -> Any:
        """Decide that it is the listed party: an applicant is refused, a client frozen."""
        hit = queries.hit_for(actor=self.actor, hit_id=api.path_id("hit", screening_hit_id))
        said = commands.said(out.ClientReasonIn, request)
        return self.command(
            request,
            lambda at: dict(
                out.ScreeningHitOut(operations.confirm_hit(hit_id=hit.pk, at=at, **said)).data
            ),
        )


class DismissHit(commands.View):
    """It is somebody else."""

    scope: ClassVar = {"POST": "clients:review"}
    idempotent = True

    @extend_schema(
        operation_id="dismiss_screening_hit",
        request=out.ClientReasonIn,
        responses={
            200: out.ScreeningHitOut,
            **api.refusals("STATUS_CONFLICT, decided before."),
        },
    )
    def post(self, request: Request, screening_hit_id: str) -> Any:
        """Decide that it is somebody else of a like name."""
        hit = queries.hit_for(actor=self.actor, hit_id=api.path_id("hit", screening_hit_id))
        said = commands.said(out.ClientReasonIn, request)
        return self.command(
            request,
            lambda at: dict(
                out.ScreeningHitOut(operations.dismiss_hit(hit_id=hit.pk, at=at, **said)).data
            ),
        )


class WatchLists(api.View):
    """The lists of sanctioned parties that the supervisor has loaded."""

    scope: ClassVar = {"GET": "market:read"}
    pagination_class = api.CursorPages

    @extend_schema(operation_id="list_watch_lists", responses=out.WatchListOut(many=True))
    def get(self, request: Request) -> Response:
        """List the lists, each as it was loaded last."""
        return self.page(queries.watch_lists(), out.WatchListOut)
