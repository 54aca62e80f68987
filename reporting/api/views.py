"""Reports over REST: the catalogue, runs and how far they are, files to download."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import api
from reporting import catalogue, downloads, formats, operations, queries
from reporting.api import serializers as out
from reporting.catalogue import Period
from reporting.models import ReportRun
from reporting.states import Format, RunStatus

_ROW = {"type": "integer", "minimum": 1, "maximum": 10**12, "example": 1}


def shown(runs: Iterable[ReportRun]) -> list[dict[str, Any]]:
    """Return runs as the API shows them, inside the caller's transaction."""
    rows = list(runs)
    progress = queries.progress(rows)
    return [_shown(run, progress[run.pk]) for run in rows]


def _shown(run: ReportRun, progress: queries.Progress) -> dict[str, Any]:
    done = run.status == RunStatus.DONE
    return out.ReportRunOut(
        {
            "id": run.pk,
            "bank_id": run.bank_id,
            "report": run.report,
            "title": queries.report_of(run).title,
            "recipient": run.recipient,
            "status": run.status,
            "requested_by": run.actor,
            "requested_at": run.at,
            "progress": progress,
            "lineage": {
                "report": run.report,
                "version": run.version,
                "first": run.first_date,
                "last": run.last_date,
                "closes": [_close(close) for close in queries.cut_of(run).closes],
            },
            "files": [
                {
                    "id": file.pk,
                    "format": file.format,
                    "name": file.name,
                    "content_type": formats.CONTENT_TYPES[Format(file.format)],
                    "rows": file.rows,
                    "size": file.size if file.sha256 else None,
                    "sha256": file.sha256 or None,
                }
                for file in run.files.all()
            ],
            "trouble": "" if done else queries.troubles(run),
        }
    ).data


def _close(close: catalogue.CutAt) -> dict[str, Any]:
    return {
        "id": UUID(close.reference.partition(":")[2]),
        "number": close.number,
        "business_date": close.business_date,
        "head": close.head,
    }


class Reports(api.View):
    """The reports that there are."""

    scope: ClassVar = {"GET": "reports:read"}

    @extend_schema(operation_id="list_reports", responses=out.ReportOut(many=True))
    def get(self, request: Request) -> Response:
        """List the latest version of each report."""
        found = [
            {
                "code": each.code,
                "version": each.version,
                "title": each.title,
                "recipient": each.recipient.value,
                "personal": each.personal,
                "columns": [column.name for column in each.columns],
                "namespace": formats.namespace(each),
            }
            for each in catalogue.current()
        ]
        return Response(out.ReportOut(found, many=True).data)


class ReportRuns(api.View):
    """Runs of reports: a bank's own, or those addressed to the officer who asks."""

    scope: ClassVar = {"GET": "reports:read", "POST": "reports:run"}
    parameters = ("report", "status")
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(
        operation_id="list_report_runs",
        parameters=[
            OpenApiParameter("report", str, description="Of one report, by its code."),
            OpenApiParameter("status", str, enum=RunStatus.values),
        ],
        responses=out.ReportRunOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List runs, the latest first."""
        rows = queries.runs_for(self.actor)
        report = api.parameter(request, "report", api.TextField(max_length=32))
        status = api.parameter(request, "status", serializers.ChoiceField(RunStatus.choices))
        rows = rows if report is None else rows.filter(report=report)
        pages = api.CursorPages()
        found = pages.paginate_queryset(
            rows if status is None else rows.filter(status=status), request, self
        )
        return pages.get_paginated_response(shown(found))

    @extend_schema(
        operation_id="run_report",
        request=out.ReportRunIn,
        responses={
            202: out.ReportRunOut,
            **api.refusals("REPORT_UNKNOWN; PERIOD_UNKNOWN; PERIOD_NOT_CLOSED; DESK_NOT_OPEN."),
        },
    )
    def post(self, request: Request) -> Any:
        """Have a report made of a period whose days are closed; answers with the run there is."""
        said = self.said(out.ReportRunIn, request)

        def effect(at: datetime) -> Response:
            period = Period(said["first"], said["last"])
            run = operations.request_run(report=said["report"], period=period, at=at)
            return Response(shown([run])[0], status=202)

        return self.outcome(request, effect)


class Run(api.View):
    """One run."""

    scope: ClassVar = {"GET": "reports:read"}

    @extend_schema(operation_id="get_report_run", responses=out.ReportRunOut)
    def get(self, request: Request, report_run_id: str) -> Response:
        """Tell how far a run is, what it was cut at, and which files it has."""
        run_id = api.path_id(ReportRun.id_prefix, report_run_id)
        run = queries.run_for(actor=self.actor, run_id=run_id)
        return Response(shown([run])[0])


class Records(api.View):
    """What a row of a report was written from."""

    scope: ClassVar = {"GET": "reports:read"}
    parameters = ("row",)

    @extend_schema(
        operation_id="list_report_records",
        parameters=[OpenApiParameter("row", _ROW, required=True, description="Counted from 1.")],
        responses=out.RecordsOut,
    )
    def get(self, request: Request, report_run_id: str) -> Response:
        """Resolve a row to the records that it was written from."""
        run_id = api.path_id(ReportRun.id_prefix, report_run_id)
        run = queries.run_for(actor=self.actor, run_id=run_id)
        field = api.IntegerField(min_value=1, max_value=10**12)
        row = api.parameter(request, "row", field) or 1
        found = [
            {
                "kind": reference.partition(":")[0],
                "id": catalogue.shown(reference),
                "record": record,
            }
            for reference, record in queries.records(run, row)
        ]
        return Response(out.RecordsOut({"row": row, "records": found}).data)


class Content(api.View):
    """A file's bytes."""

    scope: ClassVar = {"GET": "reports:read"}

    @extend_schema(
        operation_id="download_report_file",
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, "application/xml"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="The file is the one that `If-None-Match` names."),
        },
    )
    def get(self, request: Request, report_file_id: str) -> HttpResponseBase:
        """Download a whole file; its ETag is its SHA-256."""
        file = queries.file_for(actor=self.actor, file_id=api.path_id("rpf", report_file_id))
        return downloads.response(request._request, self.actor, file)
