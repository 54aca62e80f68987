"""Deposits and withdrawals over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

import kyc.queries
from common import api, errors, ids
from desk import operations, queries, states
from desk.api import serializers as io
from desk.api.whose import client_of
from desk.models import Withdrawal


class Deposits(api.View):
    """Roubles that came in."""

    scope: ClassVar = {"GET": "cash:read", "POST": "cash:receive"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_deposits", responses=io.DepositOut(many=True))
    def get(self, request: Request) -> Response:
        """List deposits, the latest first."""
        return self.page(queries.deposits_for(self.actor), io.DepositOut)

    @extend_schema(
        operation_id="record_deposit",
        request=io.DepositIn,
        responses={
            201: io.DepositOut,
            **api.refusals(
                "LICENCE_MISSING, LICENCE_SUSPENDED, LICENCE_REVOKED, ACTIVITY_NOT_PERMITTED;"
                " CLIENT_NOT_OPEN, CLIENT_FROZEN; ACCOUNT_NOT_OWN; AMOUNT_INVALID."
            ),
        },
    )
    def post(self, request: Request) -> Any:
        """Credit a client with roubles that came from an account of the client's own."""
        said = self.said(io.DepositIn, request)
        client_id = client_of(self.actor, said.pop("client_id"))
        number = said.pop("account_number")

        def effect(at: datetime) -> Response:
            row = operations.record_deposit(client_id=client_id, number=number, **said, at=at)
            return Response(io.DepositOut(row).data, status=201)

        return self.outcome(request, effect)


class Withdrawals(api.View):
    """Roubles that leave."""

    scope: ClassVar = {"GET": "cash:read", "POST": "cash:write"}
    parameters = ("status",)
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(
        operation_id="list_withdrawals",
        parameters=[OpenApiParameter("status", str, enum=states.WithdrawalStatus.values)],
        responses=io.WithdrawalOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List withdrawals, the latest first."""
        rows = queries.withdrawals_for(self.actor)
        field = serializers.ChoiceField(states.WithdrawalStatus.choices)
        wanted = api.parameter(request, "status", field)
        return self.page(rows if wanted is None else rows.filter(status=wanted), io.WithdrawalOut)

    @extend_schema(
        operation_id="request_withdrawal",
        request=io.WithdrawalIn,
        responses={
            201: io.WithdrawalOut,
            **api.refusals(
                "CLIENT_FROZEN, ACCOUNT_NOT_OWN, INSUFFICIENT_FUNDS, with the id of the withdrawal"
                " REFUSED; AMOUNT_INVALID."
            ),
        },
    )
    def post(self, request: Request) -> Any:
        """Pay roubles out to the client's own account, less the tax; a large sum waits."""
        said = self.said(io.WithdrawalIn, request)
        client_id = client_of(self.actor, said.pop("client_id"))
        kyc.queries.bank_account_for(actor=self.actor, account_id=said["bank_account_id"])

        def effect(at: datetime) -> Any:
            row = operations.request_withdrawal(client_id=client_id, **said, at=at)
            if row.codes:
                shown = {"withdrawal": ids.show(Withdrawal.id_prefix, row.pk)}
                return errors.refused(request, [errors.Refused(code, shown) for code in row.codes])
            return Response(io.WithdrawalOut(row).data, status=201)

        return self.outcome(request, effect)


class PreviewWithdrawal(api.View):
    """What a withdrawal would come to."""

    scope: ClassVar = {"GET": "cash:read"}
    parameters = ("amount_rub", "client_id")

    @extend_schema(
        operation_id="preview_withdrawal",
        parameters=[
            api.described("amount_rub", io.RoublesField(), required=True),
            api.described("client_id", api.IdField("cli"), description="By the staff: whose."),
        ],
        responses={
            200: io.WithdrawalPreviewOut,
            **api.absent(),
            **api.refusals("AMOUNT_INVALID.", kept=False),
        },
    )
    def get(self, request: Request) -> Response:
        """Return gross, tax and net of a withdrawal as of now; nothing is written."""
        amount = api.parameter(request, "amount_rub", io.RoublesField())
        if amount is None:
            raise errors.Malformed("PARAMETER_MISSING", "Say how much.", parameter="amount_rub")
        client_id = client_of(self.actor, api.parameter(request, "client_id", api.IdField("cli")))
        found = operations.preview_withdrawal(client_id=client_id, amount_rub=amount, at=self.now())
        told = {
            "gross_rub": amount,
            "tax_rub": found.withheld_rub,
            "net_rub": found.net_rub,
            "base_rub": found.base_rub,
            "withheld_before_rub": found.withheld_before_rub,
        }
        return Response(io.WithdrawalPreviewOut(told).data)


class OneWithdrawal(api.View):
    """One withdrawal."""

    scope: ClassVar = {"GET": "cash:read"}

    @extend_schema(operation_id="get_withdrawal", responses=io.WithdrawalOut)
    def get(self, request: Request, withdrawal_id: str) -> Response:
        """Return a withdrawal."""
        found = api.path_id(Withdrawal.id_prefix, withdrawal_id)
        row = queries.withdrawal_for(actor=self.actor, withdrawal_id=found)
        return Response(io.WithdrawalOut(row).data)


class ApproveWithdrawal(api.View):
    """A large payout, let go."""

    scope: ClassVar = {"POST": "cash:approve"}
    idempotent = True

    @extend_schema(
        operation_id="approve_withdrawal",
        request=None,
        responses={
            200: io.WithdrawalOut,
            **api.refusals("CLIENT_FROZEN; STATUS_CONFLICT (409), MAKER_IS_CHECKER (403)."),
        },
    )
    def post(self, request: Request, withdrawal_id: str) -> Any:
        """Let a payout go that another person asked for; its tax is what it is now."""
        self.said(api.StrictSerializer, request)
        found = api.path_id(Withdrawal.id_prefix, withdrawal_id)
        row = queries.withdrawal_for(actor=self.actor, withdrawal_id=found)

        def effect(at: datetime) -> Response:
            done = operations.approve_withdrawal(withdrawal=row, at=at)
            return Response(io.WithdrawalOut(done).data)

        return self.outcome(request, effect)


class RefuseWithdrawal(api.View):
    """A large payout, refused."""

    scope: ClassVar = {"POST": "cash:approve"}
    idempotent = True

    @extend_schema(
        operation_id="refuse_withdrawal",
        request=io.DeskReasonIn,
        responses={
            200: io.WithdrawalOut,
            **api.refusals("STATUS_CONFLICT (409), MAKER_IS_CHECKER (403)."),
        },
    )
    def post(self, request: Request, withdrawal_id: str) -> Any:
        """Refuse a payout that another person asked for; its roubles are free again."""
        said = self.said(io.DeskReasonIn, request)
        found = api.path_id(Withdrawal.id_prefix, withdrawal_id)
        row = queries.withdrawal_for(actor=self.actor, withdrawal_id=found)

        def effect(at: datetime) -> Response:
            done = operations.refuse_withdrawal(withdrawal=row, **said, at=at)
            return Response(io.WithdrawalOut(done).data)

        return self.outcome(request, effect)
