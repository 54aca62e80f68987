"""The pages of report runs: how far they are, what they were cut at, files; and to run a report."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from common import clock, errors, models, tenancy, users
from common.admin import ReadOnlyAdmin, url
from common.admin.shown import status
from reporting import catalogue, downloads, operations, queries
from reporting.catalogue import Period
from reporting.models import ReportFile, ReportRun

_BREAK = SafeString("<br>")
_LINK = "text-primary-600 dark:text-primary-500"


class RunForm(BaseDialogForm):
    """Which report, and the first and the last business day of its period."""

    report = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    first = forms.DateField(label="First business day", widget=UnfoldAdminSingleDateWidget())
    last = forms.DateField(label="Last business day", widget=UnfoldAdminSingleDateWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["report"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.code, each.title) for each in catalogue.current()]


@admin.register(ReportRun)
class ReportRunAdmin(ReadOnlyAdmin):
    scope, section, icon = "reports:read", "Reports", "summarize"
    list_display = ("shown_id", "bank_code", "report", "first_date", "last_date", "told_to",
                    "shown_status", "bar", "at")  # fmt: skip
    list_filter = ("report", "status")
    shown_status = status({"QUEUED": "info", "RUNNING": "warning", "DONE": "success"})
    search_fields = ("report", "bank_code")
    fieldsets = (
        (
            "Run",
            {
                "fields": (
                    ("shown_id", "bank_code"),
                    ("report", "version"),
                    ("told_to", "shown_status"),
                    "bar",
                    ("by", "at"),
                    "trouble",
                )
            },
        ),
        ("Files", {"fields": ("downloads",)}),
        ("Lineage", {"fields": (("first_date", "last_date"), "cut_at")}),
    )
    actions_list: Any = ("run_report",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportRun]:
        return queries.runs_for(_actor(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Ask at once how far all the runs of a list are."""
        found = super().get_changelist_instance(request)
        told = queries.progress(found.result_list)
        for row in found.result_list:
            row.progress = told[row.pk]
        return found

    @display(description="To", ordering="recipient")
    def told_to(self, row: ReportRun) -> str:
        return row.recipient.replace("_", " ").capitalize()

    @display(description="Progress")
    def bar(self, row: Any) -> SafeString:
        """Draw how much of the run is made."""
        done = row.__dict__.get("progress") or queries.progress([row])[row.pk]
        return format_html(
            '<progress max="100" value="{0}" title="{1} of {2} steps"></progress> {0} %, {3} rows',
            done.percent,
            done.parts_done,
            done.parts,
            f"{done.rows:,}",
        )

    @display(description="Trouble")
    def trouble(self, row: ReportRun) -> str:
        return queries.troubles(row) or "–"

    @display(description="Files")
    def downloads(self, row: ReportRun) -> SafeString:
        """Link each whole file to its bytes."""
        return format_html_join(
            _BREAK,
            "{} {} bytes, {} rows, SHA-256 {}",
            ((_link(file), f"{file.size:,}", f"{file.rows:,}", file.sha256 or "to come")
             for file in row.files.all()),
        )  # fmt: skip

    @display(description="Cut at")
    def cut_at(self, row: ReportRun) -> SafeString:
        """Name the closed days that the run was made from."""
        return format_html_join(
            _BREAK,
            "{}: close {} ({}), head {}",
            ((close.business_date, close.number, catalogue.shown(close.reference), close.head)
             for close in queries.cut_of(row).closes),
        )  # fmt: skip

    # Unfold types its decorator as if it returned an Action.
    @action(  # type: ignore[operator]
        description="Run a report",
        icon="play_arrow",
        permissions=["run"],
        dialog={
            "title": "Run a report",
            "description": "Of business days that are closed. Where there is a run, it is shown.",
            "form_class": RunForm,
            "form_submit_text": "Run",
        },
    )
    def run_report(self, request: HttpRequest, form: RunForm) -> HttpResponse:
        """Have the report made at the jurisdiction's time; tell a refusal."""
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        said = form.cleaned_data
        try:
            with transaction.atomic():
                run = operations.request_run(
                    report=said["report"],
                    period=Period(said["first"], said["last"]),
                    at=clock.now(jurisdiction_id, timezone.now()),
                )
        except errors.Refused as refusal:
            self.message_user(request, f"Not run. {refusal.detail}", messages.ERROR)
            there = reverse("admin:reporting_reportrun_changelist")
        else:
            self.log_change(request, run, "Asked for.")
            there = url(run)
        return HttpResponse(headers={"HX-Redirect": there})

    def has_run_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.holds(request, "reports:run")

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "files/<uuid:file_id>/",
            self.admin_site.admin_view(self.download),
            name="reporting_reportfile_content",
        )
        return [own, *super().get_urls()]

    def download(self, request: HttpRequest, file_id: UUID) -> HttpResponseBase:
        """Send a file to whoever may read it."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        actor = _actor(request)
        try:
            file = queries.file_for(actor=actor, file_id=file_id)
        except errors.Refused as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return redirect("admin:reporting_reportrun_changelist")
        return downloads.response(request, actor, file)


def _actor(request: HttpRequest) -> users.Actor:
    assert isinstance(request.user, models.User)
    return users.actor_of(request.user)


def _link(file: ReportFile) -> SafeString:
    if not file.sha256:
        return format_html("{}", file.name)
    there = reverse("admin:reporting_reportfile_content", args=[file.pk])
    return format_html('<a class="{}" href="{}">{}</a>', _LINK, there, file.name)
