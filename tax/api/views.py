"""Tax over REST: a client sees one's own; the back office ends the year and remits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

import ledger.queries
from common import api, errors
from tax import operations, queries
from tax.api import serializers as out
from tax.models import Remittance

READ: Mapping[str, str | None] = {"GET": "tax:read"}
_CLIENT = api.described("client_id", api.IdField("cli"), description="Of one client.")
_YEAR = OpenApiParameter("year", {"type": "integer", "minimum": 0, "maximum": 9999})


class _List(api.View):
    """Rows of clients, by client and year."""

    scope: ClassVar = READ
    pagination_class = api.CursorPages

    def listed(
        self, request: Request, rows: QuerySet[Any], shown: type[serializers.Serializer[Any]]
    ) -> Response:
        client_id = api.parameter(request, "client_id", api.IdField("cli"))
        if client_id is not None:
            rows = rows.filter(client_id=client_id)
        year = api.parameter(request, "year", api.IntegerField(min_value=0, max_value=9999))
        return self.page(rows if year is None else rows.filter(year=year), shown)


class Lots(_List):
    """What clients acquired."""

    parameters = ("client_id",)

    @extend_schema(operation_id="list_lots", parameters=[_CLIENT], responses=out.LotOut(many=True))
    def get(self, request: Request) -> Response:
        """List lots, the latest first."""
        rows = queries.lots_for(self.actor).select_related("asset")
        return self.listed(request, rows, out.LotOut)


class Disposals(_List):
    """What clients sold."""

    parameters = ("client_id", "year")

    @extend_schema(
        operation_id="list_disposals",
        parameters=[_CLIENT, _YEAR],
        responses=out.DisposalOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List disposals, the latest first."""
        rows = queries.disposals_for(self.actor).select_related("asset")
        return self.listed(request, rows, out.DisposalOut)


class Years(_List):
    """Clients' tax years."""

    parameters = ("client_id", "year")

    @extend_schema(
        operation_id="list_tax_years",
        parameters=[_CLIENT, _YEAR],
        responses=out.TaxYearOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List tax years, the latest first."""
        return self.listed(request, queries.years_for(self.actor), out.TaxYearOut)


class Withholdings(_List):
    """What was withheld."""

    parameters = ("client_id", "year")

    @extend_schema(
        operation_id="list_withholdings",
        parameters=[_CLIENT, _YEAR],
        responses=out.WithholdingOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List withholdings, the latest first."""
        return self.listed(request, queries.withholdings_for(self.actor), out.WithholdingOut)


class Remittances(api.View):
    """What went to the budget."""

    scope: ClassVar = {"GET": "ledger:read", "POST": "tax:write"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_remittances", responses=out.RemittanceOut(many=True))
    def get(self, request: Request) -> Response:
        """List remittances, the latest first."""
        return self.page(queries.remittances(), out.RemittanceOut)

    @extend_schema(
        operation_id="remit_tax",
        request=out.RemittanceIn,
        responses={
            201: out.RemittanceOut,
            **api.refusals("NOTHING_DUE; INVENTORY_SHORT before a sweep."),
        },
    )
    def post(self, request: Request) -> Any:
        """Send to the budget what was withheld and is due by a day."""
        said = self.said(out.RemittanceIn, request)

        def effect(at: datetime) -> Response:
            row = operations.remit_tax(book_id=ledger.queries.main_book(), **said, at=at)
            if row is None:
                raise errors.Refused("NOTHING_DUE", said)
            return Response(out.RemittanceOut(row).data, status=201)

        return self.outcome(request, effect)


class OneRemittance(api.View):
    """One remittance."""

    scope: ClassVar = {"GET": "ledger:read"}

    @extend_schema(operation_id="get_remittance", responses=out.RemittanceOut)
    def get(self, request: Request, remittance_id: str) -> Response:
        """Return a remittance."""
        found = api.path_id(Remittance.id_prefix, remittance_id)
        return Response(out.RemittanceOut(queries.remittance_for(remittance_id=found)).data)


class YearEnds(api.View):
    """The end of a tax year."""

    scope: ClassVar = {"POST": "tax:write"}
    idempotent = True

    @extend_schema(
        operation_id="withhold_year_end",
        request=out.YearEndIn,
        responses={201: out.YearEndOut, **api.refusals("YEAR_NOT_OVER.")},
    )
    def post(self, request: Request) -> Any:
        """Withhold what is still due of a year from the clients' free roubles; list what changed.

        In the month after the year all that there are roubles for; after it nothing more: what is
        missing is told to the tax service by `notice_date`. The bank does it by itself, too.
        """
        said = self.said(out.YearEndIn, request)

        def effect(at: datetime) -> Response:
            rows = operations.withhold_year_end(book_id=ledger.queries.main_book(), **said, at=at)
            return Response({"years": out.TaxYearOut(rows, many=True).data}, status=201)

        return self.outcome(request, effect)
