"""Clients over REST: applying, showing, the limit, papers and bank accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import api, clock, errors, tenancy, users
from kyc import operations, queries, standing, states
from kyc.api import commands, shown
from kyc.api import serializers as out
from kyc.api.serializers import sent
from kyc.models import Client
from licensing import queries as licensing

_KOPECK = Decimal("0.01")

_FILTERS: Mapping[str, serializers.ChoiceField] = {
    "status": serializers.ChoiceField(states.ClientStatus.choices),
    "category": serializers.ChoiceField(states.Category.choices),
    "kind": serializers.ChoiceField(states.ClientKind.choices),
    "risk": serializers.ChoiceField(states.Risk.choices),
}


class Clients(commands.View):
    """The clients of the bank; a client's own, alone."""

    scope: ClassVar = {"GET": "clients:read", "POST": "clients:apply"}
    parameters = (*_FILTERS, "inn")
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(
        operation_id="list_clients",
        parameters=[
            *(OpenApiParameter(name, enum=list(f.choices)) for name, f in _FILTERS.items()),
            OpenApiParameter("inn", description="With this INN, for those who see data in full."),
        ],
        responses=out.ClientOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List clients, the latest applicant first."""
        rows = queries.clients_for(self.actor).select_related("identity")
        for name, field in _FILTERS.items():
            if (value := api.parameter(request, name, field)) is not None:
                rows = rows.filter(**{name: value})
        if (inn := api.parameter(request, "inn", api.TextField(max_length=12))) is not None:
            rows = rows & queries.find(self.actor, "inn", inn)
        pages = api.CursorPages()
        found = pages.paginate_queryset(rows, request, self)
        lines = [shown.client(row, self.actor) for row in found]
        return pages.get_paginated_response(out.ClientOut(lines, many=True).data)

    @extend_schema(
        operation_id="apply_for_client",
        request=out.ClientApplicationIn,
        responses={
            201: out.ClientOut,
            **api.refusals(
                "CLIENT_UNDER_AGE, INN_INVALID, SNILS_INVALID, OGRN_INVALID,"
                " PASSPORT_NUMBER_INVALID, DEPARTMENT_CODE_INVALID, ISSUE_DATE_INVALID,"
                " DOCUMENT_EXPIRED, MRZ_CHECK_DIGIT,"
                " OWNERS_UNDISCLOSED, … (the facts name the field and all problems);"
                " USER_HAS_CLIENT; CLIENT_EXISTS."
            ),
        },
    )
    def post(self, request: Request) -> Any:
        """Apply to become a client: for oneself, or as the bank's staff for somebody."""
        asked = out.ClientApplicationIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        user_id = said["user_id"]
        if self.actor.role is users.Role.CLIENT:
            user_id = user_id or self.actor.user_id
            if user_id != self.actor.user_id:
                raise errors.Refused("NOT_FOUND")

        def effect(at: datetime) -> dict[str, Any]:
            named = {"residency": said["residency"], "user_id": user_id, "at": at}
            if "person" in said:
                client = operations.apply_as_person(person=sent.person_of(said["person"]), **named)
            else:
                client = operations.apply_as_entity(entity=sent.entity_of(said["entity"]), **named)
            return self.shown(client)

        return self.command(request, effect, 201)


class OneClient(commands.View):
    """One client."""

    scope: ClassVar = {"GET": "clients:read"}

    @extend_schema(operation_id="get_client", responses=out.ClientInFullOut)
    def get(self, request: Request, client_id: str) -> Response:
        """Return a client with identity and owners, masked unless the work needs them."""
        told = shown.client_in_full(self.client(client_id), self.actor)
        return Response(out.ClientInFullOut(told).data)


class Limit(commands.View):
    """A client's limit of the calendar year."""

    scope: ClassVar = {"GET": "clients:read"}

    @extend_schema(operation_id="get_client_limit", responses=out.ClientLimitOut)
    def get(self, request: Request, client_id: str) -> Response:
        """Return what the client may still buy for this year."""
        client = self.client(client_id)
        stands = queries.standing(client.pk)
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        at = clock.now(jurisdiction_id, timezone.now())
        on = clock.business_date(at)
        rulebook = licensing.rulebook_of(jurisdiction_id, at)
        limit = standing.limit_rub(stands, rulebook, on)
        used = standing.used_rub(stands, on.year)
        told = {
            "client_id": client.pk,
            "year": on.year,
            "limit_rub": limit,
            "used_rub": used.quantize(_KOPECK),
            "left_rub": None if limit is None else max(limit - used, _KOPECK * 0).quantize(_KOPECK),
            "test_missing": standing.test_missing(stands, rulebook, on),
        }
        return Response(out.ClientLimitOut(told).data)


class Documents(commands.Command):
    """A person's new passport."""

    scope: ClassVar = {"POST": "clients:apply"}
    body = out.PassportIn

    @extend_schema(
        operation_id="replace_document",
        request=out.PassportIn,
        responses={
            200: out.ClientOut,
            **api.refusals(
                "DOCUMENT_NOT_NEEDED; STATUS_CONFLICT; the papers' rules; CLIENT_EXISTS."
            ),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Put a new passport in the place of the old one."""
        return super().post(request, client_id)

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        return operations.replace_document(client_id=client_id, paper=sent.paper_of(said), at=at)


class BankAccounts(commands.View):
    """A client's own rouble accounts in other banks."""

    scope: ClassVar = {"GET": "clients:read", "POST": "clients:apply"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_bank_accounts", responses=out.BankAccountOut(many=True))
    def get(self, request: Request, client_id: str) -> Response:
        """List the accounts on file, those taken off it too."""
        client = self.client(client_id)
        full = queries.sees_data(self.actor, client)
        pages = api.CursorPages()
        found = pages.paginate_queryset(queries.bank_accounts(client), request, self)
        lines = [shown.bank_account(row, full) for row in found]
        return pages.get_paginated_response(out.BankAccountOut(lines, many=True).data)

    @extend_schema(
        operation_id="add_bank_account",
        request=out.BankAccountIn,
        responses={
            201: out.BankAccountOut,
            **api.refusals("STATUS_CONFLICT; BIC_INVALID; ACCOUNT_NUMBER_INVALID; ACCOUNT_TAKEN."),
        },
    )
    def post(self, request: Request, client_id: str) -> Any:
        """Put an account on file: roubles come from it and go to it alone."""
        client, said = self.client(client_id), commands.said(out.BankAccountIn, request)

        def effect(at: datetime) -> dict[str, Any]:
            row = operations.add_bank_account(client_id=client.pk, at=at, **said)
            full = queries.sees_data(self.actor, client)
            return dict(out.BankAccountOut(shown.bank_account(row, full)).data)

        return self.command(request, effect, 201)


class CloseBankAccount(commands.View):
    """A client's account in another bank, taken off the file."""

    scope: ClassVar = {"POST": "clients:apply"}
    idempotent = True

    @extend_schema(operation_id="close_bank_account", request=None, responses=out.BankAccountOut)
    def post(self, request: Request, bank_account_id: str) -> Any:
        """Take an account off the file; one that is off already is answered as it is."""
        self.said(api.StrictSerializer, request)
        found = api.path_id("bac", bank_account_id)
        row = queries.bank_account_for(actor=self.actor, account_id=found)

        def effect(at: datetime) -> dict[str, Any]:
            done = operations.close_bank_account(client_id=row.client_id, account_id=row.pk, at=at)
            full = queries.sees_data(self.actor, row.client)
            return dict(out.BankAccountOut(shown.bank_account(done, full)).data)

        return self.command(request, effect)
