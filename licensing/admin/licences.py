"""The pages of applications, which are a work queue, and of licences."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import BaseDialogForm

from common import users
from common.admin import command
from common.admin.shown import badge, status
from ledger.admin.shown import Table, changes_of, roubles, words
from licensing import forms, operations, queries
from licensing.admin.page import RegisterAdmin
from licensing.models import Application, Licence

TONES = {
    "ACKNOWLEDGED": "info",
    "COMPLETE": "warning",
    "GRANTED": "success",
    "SUSPENDED": "danger",
    "REVOKED": "danger",
    "REFUSED": "danger",
}


class TakenUp(admin.SimpleListFilter):
    """Whether the state has taken an application up."""

    title = "taken up"
    parameter_name = "taken_up"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Waits"), ("yes", "Taken up")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        waits = queries.awaiting().values("pk")
        if self.value() == "no":
            return queryset.filter(pk__in=waits)
        return queryset.exclude(pk__in=waits) if self.value() == "yes" else queryset


@admin.register(Application)
class ApplicationAdmin(RegisterAdmin):
    """The work queue of the state; to a bank, its own."""

    scope, icon, related = "licences:read", "inbox", ("bank",)
    waiting_title, waiting_query = "Licence applications", "?taken_up=no"
    list_display: Any = ("shown_id", "at", "bank", "legal_name", "kind", "funds", "taken_up")
    list_filter: ClassVar[Any] = (TakenUp, "kind", "banking_licence")
    search_fields = exact = ("inn", "ogrn")
    fields = (
        ("shown_id", "bank"),
        ("legal_name", "kind"),
        ("inn_shown", "ogrn_shown"),
        ("banking_licence", "funds"),
        ("head_name", "head_convicted"),
        ("owner_offshore", "by"),
        ("does", "sells_to"),
        "plan",
        "at",
    )
    actions_detail: Any = ("acknowledge",)
    actions_list: Any = ("apply",)

    funds = roubles("own_funds_rub", "Own funds")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        waits = Exists(queries.awaiting().filter(pk=OuterRef("pk")))
        rows: QuerySet[Any] = super().get_queryset(request).annotate(waits=waits)
        return rows

    def waiting(self, request: HttpRequest) -> int | None:
        return queries.awaiting().count() if self.holds(request, "licences:decide") else None

    @display(description="Stands")
    def taken_up(self, row: Any) -> Any:
        return badge("waits", "warning") if row.waits else badge("taken up", "success")

    @display(description="Activities")
    def does(self, row: Any) -> str:
        return ", ".join(row.activities) or "–"

    @display(description="To sell to")
    def sells_to(self, row: Any) -> str:
        return ", ".join(words(code).lower() for code in row.categories) or "–"

    @command("Apply", "To the state, for a licence.", "send", "apply", form=forms.ApplyForm)
    def apply(self, request: HttpRequest, form: forms.ApplyForm) -> HttpResponse:
        def effect(at: datetime) -> Model:
            return operations.apply_for_licence(**form.said, at=at)

        return self.enter(request, effect, "The application is sent.")

    def has_apply_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "licences:apply")

    @command(
        "Acknowledge",
        "The state takes it up; the days of the law run.",
        "task",
        "decide",
        asks=False,
    )
    def acknowledge(
        self, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            operations.acknowledge(application_id=row.pk, at=at)
            return "Taken up: its licence has a number, and is not granted yet."

        return self.run(request, row, effect)

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.holds(request, "licences:decide"):
            return False
        return object_id is None or queries.awaiting().filter(pk=object_id).exists()


@admin.register(Licence)
class LicenceAdmin(RegisterAdmin):
    scope, icon, related = "licences:read", "verified", ("bank", "participant")
    list_display: Any = (
        "shown_id",
        "bank",
        "participant",
        "shown_status",
        "does",
        "sells_to",
        "version",
        "granted_at",
    )
    list_filter: ClassVar[Any] = ("status",)
    search_fields = exact = ("participant__inn",)
    fields = (
        ("shown_id", "bank"),
        ("participant", "shown_status"),
        ("does", "sells_to"),
        ("exposure", "conditions"),
        ("acknowledged_at", "granted_at"),
        ("ended_at", "version"),
    )
    actions_detail: Any = (
        "ask",
        "answer",
        "complete",
        "propose",
        "refuse",
        "suspend",
        "reinstate",
        "revoke",
    )

    exposure = roubles("exposure_limit_rub", "Exposure limit")
    shown_status = status(TONES)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        actor = users.actor_of(request.user)  # type: ignore[arg-type]
        rows: QuerySet[Any] = queries.licences_for(actor).order_by(*self.ordering)
        return rows.select_related(*self.related)

    def tables(self, row: Any) -> list[Table]:
        return [
            Table(
                "Questions",
                ("Asked", "Question", "Answer"),
                [
                    (asked.at, asked.text, answer.text if answer else "not yet")
                    for asked, answer in queries.questions(row)
                ],
                nothing="Nothing was asked.",
            ),
            changes_of(row),
        ]

    @display(description="Activities")
    def does(self, row: Any) -> str:
        return ", ".join(row.activities) or "–"

    @display(description="Sells to")
    def sells_to(self, row: Any) -> str:
        return ", ".join(words(code).lower() for code in row.categories) or "–"

    @command("Ask", "The bank answers before it is complete.", "help", "ask", form=forms.TextForm)
    def ask(self, request: HttpRequest, form: forms.TextForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> str:
            operations.ask_question(licence_id=row.pk, **form.said, at=at)
            return "The bank is asked."

        return self.run(request, row, effect)

    @command("Answer", "An answer is given once.", "reply", "answer", form=forms.AnswerForm)
    def answer(self, request: HttpRequest, form: forms.AnswerForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> str:
            operations.answer_question(**form.said, at=at)
            return "The question is answered."

        return self.run(request, row, effect)

    @command(
        "Propose grant", "A second officer decides.", "verified", "propose", form=forms.GrantForm
    )
    def propose(self, request: HttpRequest, form: forms.GrantForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> str:
            operations.propose_grant(licence_id=row.pk, **form.said, at=at)
            return "Proposed to a second officer."

        return self.run(request, row, effect)

    @command("Refuse", "The application ends here; the bank may apply again.", "block", "refuse")
    def refuse(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, form, object_id, operations.refuse_application, "refused")

    @command("Declare complete", "All was answered.", "done_all", "complete", asks=False)
    def complete(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            operations.declare_complete(licence_id=row.pk, at=at)
            return "The application is complete."

        return self.run(request, row, effect)

    @command("Suspend", "From the next order on nothing is sold.", "pause", "suspend")
    def suspend(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, form, object_id, operations.suspend_licence, "suspended")

    @command("Reinstate", "The bank may trade again.", "play_arrow", "reinstate")
    def reinstate(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, form, object_id, operations.reinstate_licence, "reinstated")

    @command("Revoke", "For good: clients are let out, nobody is let in.", "gpp_bad", "revoke")
    def revoke(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, form, object_id, operations.revoke_licence, "revoked")

    def _move(
        self,
        request: HttpRequest,
        form: BaseDialogForm,
        object_id: str,
        operation: Any,
        done: str,
    ) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operation(licence_id=row.pk, reason=reason, at=at)
            return f"The licence is {done}."

        return self.run(request, row, effect)

    def has_ask_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "licences:decide", object_id, "ACKNOWLEDGED")

    def has_answer_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.may(request, "licences:apply", object_id, "ACKNOWLEDGED"):
            return False
        if object_id is None:
            return True
        asked = queries.questions(self.found(request, object_id))
        return any(answer is None for _, answer in asked)

    def has_propose_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "licences:decide", object_id, "COMPLETE")

    def has_refuse_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "licences:decide", object_id, "ACKNOWLEDGED", "COMPLETE")

    def has_complete_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "licences:decide", object_id, "ACKNOWLEDGED")

    def has_suspend_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "licences:decide", object_id, "GRANTED")

    def has_reinstate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "licences:decide", object_id, "SUSPENDED")

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "licences:decide", object_id, "GRANTED", "SUSPENDED")
