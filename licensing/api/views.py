"""The law and the registers over REST: read by all, written by the state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common import api, clock, tenancy
from licensing import operations, queries
from licensing.api import serializers as io
from licensing.models import Participant

READ: Mapping[str, str | None] = {"GET": "market:read"}

_REGIME = OpenApiExample(
    "The concept of 2025",
    {"overlay": "concept-2025", "valid_from": "2026-07-01"},
    request_only=True,
)
_PARTICIPANT = OpenApiExample(
    "An operator of an exchange",
    {
        "kind": "EXCHANGE_OPERATOR",
        "legal_name": "Quay Exchange JSC",
        "inn": "7799000012",
        "ogrn": "1027700000998",
    },
    request_only=True,
)
_REASON = OpenApiExample("A reason", {"reason": "Reports were late twice."}, request_only=True)


class Rulebook(api.View):
    """What the law says on a day."""

    scope: ClassVar = READ
    parameters = ("on",)

    @extend_schema(
        operation_id="get_rulebook",
        parameters=[
            api.described("on", api.DateField(), description="A Moscow day; today if absent.")
        ],
        responses={
            200: io.RulebookOut,
            **api.refusals("RULE_UNKNOWN: no law of that day is written down.", kept=False),
        },
    )
    def get(self, request: Request) -> Response:
        """Return every number in force on a day, with its status and source."""
        on = api.parameter(request, "on", api.DateField())
        at = self.now() if on is None else dt.datetime.combine(on, dt.time(12), dt.UTC)
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

    scope: ClassVar = {"GET": "market:read", "POST": "regimes:write"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_regimes", responses=io.RegimeOut(many=True))
    def get(self, request: Request) -> Response:
        """List the regimes, each with the day from which it binds."""
        return self.page(queries.regimes(), io.RegimeOut)

    @extend_schema(
        operation_id="set_regime",
        request=io.RegimeIn,
        responses={
            201: io.RegimeOut,
            **api.refusals("RULE_UNKNOWN, REGIME_BACKDATED, REGIME_SET."),
        },
        examples=[_REGIME],
    )
    def post(self, request: Request) -> Any:
        """Put the jurisdiction under a regime from a Moscow day on."""
        said = self.said(io.RegimeIn, request)

        def act(at: dt.datetime) -> Response:
            row = operations.set_regime(**said, at=at)
            return Response(io.RegimeOut(row).data, status=201)

        return self.outcome(request, act)


class Participants(api.View):
    """The register of professional participants."""

    scope: ClassVar = {"GET": "market:read", "POST": "participants:write"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_participants", responses=io.ParticipantOut(many=True))
    def get(self, request: Request) -> Response:
        """List the participants, the removed included."""
        return self.page(queries.participants(), io.ParticipantOut)

    @extend_schema(
        operation_id="register_participant",
        request=io.ParticipantIn,
        responses={
            201: io.ParticipantOut,
            **api.refusals("INN_INVALID, OGRN_INVALID, KIND_NOT_LICENSED, PARTICIPANT_REGISTERED."),
        },
        examples=[_PARTICIPANT],
    )
    def post(self, request: Request) -> Any:
        """Enter a participant that is no bank of the house; a bank is entered by its grant."""
        said = self.said(io.ParticipantIn, request)

        def act(at: dt.datetime) -> Response:
            row = operations.register_participant(**said, at=at)
            return Response(io.ParticipantOut(row).data, status=201)

        return self.outcome(request, act)


class RemoveParticipant(api.View):
    """A participant's leaving."""

    scope: ClassVar = {"POST": "participants:write"}
    idempotent = True

    @extend_schema(
        operation_id="remove_participant",
        request=io.ReasonIn,
        responses={
            200: io.ParticipantOut,
            **api.refusals("PARTICIPANT_REMOVED; PARTICIPANT_LICENSED: a bank, by its licence."),
        },
        examples=[_REASON],
    )
    def post(self, request: Request, participant_id: str) -> Any:
        """Take a participant that is no bank of the house off the register, saying why."""
        said = self.said(io.ReasonIn, request)
        found = api.path_id(Participant.id_prefix, participant_id)

        def act(at: dt.datetime) -> Response:
            row = operations.remove_participant(participant_id=found, **said, at=at)
            return Response(io.ParticipantOut(row).data)

        return self.outcome(request, act)


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

        def act(at: dt.datetime) -> Response:
            proposed = operations.propose_admission(**asked.validated_data, at=at)
            return Response(io.ProposedOut({"proposal_id": proposed.pk}).data, status=202)

        return self.outcome(request, act)


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
        code = api.path_code(asset)
        asked = io.ReasonIn(data=request.data)
        asked.is_valid(raise_exception=True)

        def act(at: dt.datetime) -> Response:
            row = operations.withdraw_asset(asset=code, **asked.validated_data, at=at)
            return Response(io.AdmittedAssetOut(row).data)

        return self.outcome(request, act)
