"""The pages of clients and of applications that wait, with what compliance does on them."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import BaseDialogForm

from common import clock, errors, models, users
from common.admin import command
from common.admin.page import now
from common.admin.shown import status, who
from common.models import Proposal
from kyc import masking, operations, queries, states
from kyc.admin import intake, shown, story
from kyc.models import Application, Client
from ledger.admin.shown import Days, Table

_STATUS = {
    "APPLIED": "info",
    "IDENTIFIED": "info",
    "IN_REVIEW": "warning",
    "OPEN": "success",
    "FROZEN": "danger",
    "REFUSED": "danger",
}
_RISK = {"LOW": "success", "MEDIUM": "warning", "HIGH": "danger"}
_TEST = {"PASSED": "success", "FAILED": "danger"}
_BY_NUMBER = {10: "inn", 11: "snils", 12: "inn", 13: "ogrn", 15: "ogrn"}


class ReviewDue(admin.SimpleListFilter):
    """Whether a client's review is due: one of the work queues."""

    title, parameter_name = "review", "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("due", "Due")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "due":
            return queryset
        return queryset.filter(pk__in=queries.due_for_review(_today()).values("pk"))


@admin.register(Client)
class ClientAdmin(intake.IntakeAdmin):
    icon = "group"
    waiting_title, waiting_query = "Reviews due", "?review=due"
    list_display: Any = (
        "shown_id",
        "masked_name",
        "kind",
        "shown_status",
        "category",
        "shown_test",
        "residency",
        "shown_risk",
        "applied_at",
        "review_date",
    )
    list_filter: ClassVar[Any] = (
        "status",
        "category",
        "risk",
        "kind",
        "residency",
        "test_status",
        ReviewDue,
        ("applied_at", Days),
    )
    search_fields = exact = ("id",)
    search_help_text = "A client's id; or the whole INN, SNILS or OGRN"
    fieldsets = (
        (
            "Client",
            {
                "fields": (
                    ("shown_id", "bank"),
                    ("masked_name", "kind"),
                    ("shown_status", "why"),
                )
            },
        ),
        (
            "Standing",
            {
                "fields": (
                    ("category", "shown_test"),
                    ("residency", "shown_risk"),
                    "limit",
                )
            },
        ),
        (
            "Identity, masked",
            {
                "fields": (
                    ("masked_birth", "masked_inn"),
                    ("masked_document", "country"),
                    ("identified_at", "identifier"),
                )
            },
        ),
        ("Days", {"fields": (("applied_at", "opened_at"), "review_date")}),
    )
    actions_detail: Any = (
        "identify",
        "approve",
        "refuse",
        "replace_document",
        "add_account",
        "draw_test",
        "qualify",
        "screen",
        "review",
        "freeze",
        "unfreeze",
        "close",
    )

    def waiting(self, request: HttpRequest) -> int | None:
        if not self.holds(request, "clients:review"):
            return None
        return queries.due_for_review(_today()).count()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("identity")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a client by a whole number, through its blind index, where the role may see it."""
        term = search_term.replace(" ", "").replace("-", "")
        if term.isascii() and term.isdigit() and isinstance(request.user, models.User):
            what = _BY_NUMBER.get(len(term), "document")
            found = queries.find(users.actor_of(request.user), what, term)
            return queryset.filter(pk__in=found.values("pk")), False
        return super().get_search_results(request, queryset, search_term)

    def tables(self, row: Any) -> list[Table]:
        return story.of_client(row)

    # --- What is shown ---------------------------------------------------------------------------

    @display(description="Name")
    def masked_name(self, row: Any) -> str:
        return shown.masked_name(row) or "–"

    @display(description="Born")
    def masked_birth(self, row: Any) -> str:
        return masking.birth_date(row.identity.birth_date) or "–"

    @display(description="INN")
    def masked_inn(self, row: Any) -> str:
        return masking.number(row.identity.inn) or "–"

    @display(description="Document")
    def masked_document(self, row: Any) -> str:
        return masking.number(row.identity.document_number) or "–"

    @display(description="Country")
    def country(self, row: Any) -> str:
        return str(row.identity.country)

    @display(description="Identified at")
    def identified_at(self, row: Any) -> Any:
        return display_for_value(row.identity.identified_at, "–")

    @display(description="Identified by")
    def identifier(self, row: Any) -> str:
        return who(row, row.identity.identified_by)

    shown_status, shown_risk = status(_STATUS), status(_RISK, "risk", "Risk")
    shown_test = status(_TEST, "test_status", "Investor test")

    @display(description="Because")
    def why(self, row: Any) -> str:
        code = row.status_reason
        return states.Reason(code).label if code in states.Reason.values else code or "–"

    @display(description="Used of the year's limit")
    def limit(self, row: Any) -> str:
        at = now()
        try:
            allowed, used = queries.limit_of(row.pk, at)
        except errors.Refused as refusal:
            return refusal.detail
        year, bought = clock.business_date(at).year, f"{used:,.2f}"
        if allowed is None:
            return f"{bought} bought in {year}, no limit"
        return f"{bought} of {allowed:,.2f} in {year}"

    # --- What is done ----------------------------------------------------------------------------

    @command(
        "Identify",
        "The papers were seen and are the person's. Screens the client and rates the risk.",
        "badge",
        "identify",
        asks=False,
    )
    def identify(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            done = operations.identify_client(client_id=row.pk, at=at)
            return f"The client is {done.get_status_display().lower()}."

        return self.run(request, row, effect)

    @command(
        "Approve",
        "Opens the client; at high risk, a second officer has to approve.",
        "check",
        "approve",
    )
    def approve(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            reason = form.cleaned_data["reason"]
            done = operations.approve_client(client_id=row.pk, reason=reason, at=at)
            if isinstance(done, Proposal):
                return "High risk: proposed to a second officer."
            return "The client is open."

        return self.run(request, row, effect)

    @command(
        "Refuse",
        "Refuses the application. This is final.",
        "block",
        "refuse",
        [(each.value, each.label) for each in states.REFUSAL_REASONS],
    )
    def refuse(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._coded(
            request, form, object_id, operations.refuse_client, "The client is refused."
        )

    @command(
        "Screen",
        "Compares the client with the lists as they are now.",
        "search",
        "screen",
        asks=False,
    )
    def screen(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            hits = operations.screen_client(client_id=row.pk, at=at)
            return f"Compared: {len(hits)} likenesses to judge."

        return self.run(request, row, effect)

    @command(
        "Review",
        "What is known of the client was renewed. The next review is due in a year.",
        "event_repeat",
        "review",
        asks=False,
    )
    def review(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            done = operations.review_client(client_id=row.pk, at=at)
            return f"Reviewed; the next review is due on {done.review_date}."

        return self.run(request, row, effect)

    @command(
        "Freeze",
        "Nothing is bought, sold or paid out until the client is unfrozen.",
        "ac_unit",
        "freeze",
        [(each.value, each.label) for each in states.FREEZE_REASONS],
    )
    def freeze(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._coded(
            request, form, object_id, operations.freeze_client, "The client is frozen."
        )

    @command("Unfreeze", "Opens the client again.", "sunny", "unfreeze")
    def unfreeze(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._coded(
            request, form, object_id, operations.unfreeze_client, "The client is open again."
        )

    @command(
        "Close",
        "Ends the relation with a client who has nothing left in the bank. This is final.",
        "logout",
        "close",
        [(each.value, each.label) for each in states.CLOSE_REASONS],
    )
    def close(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._coded(
            request, form, object_id, operations.close_client, "The client is closed."
        )

    def _coded(
        self, request: HttpRequest, form: BaseDialogForm, object_id: str, operation: Any, told: str
    ) -> HttpResponse:
        row = self.found(request, object_id)
        said = {name: form.cleaned_data[name] for name in ("code", "reason") if name in form.fields}

        def effect(at: Any) -> str:
            operation(client_id=row.pk, at=at, **said)
            return told

        return self.run(request, row, effect)

    def has_identify_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:review", object_id, "APPLIED")

    def has_approve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:approve", object_id, "IDENTIFIED", "IN_REVIEW")

    def has_refuse_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:approve", object_id, *states.APPLYING)

    def has_screen_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        known = ("IDENTIFIED", "IN_REVIEW", *states.LET_IN)
        return self.may(request, "clients:review", object_id, *known)

    def has_review_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:review", object_id, *states.LET_IN)

    def has_freeze_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:review", object_id, "OPEN")

    def has_unfreeze_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:approve", object_id, "FROZEN")

    def has_close_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:approve", object_id, *states.LET_IN)


@admin.register(Application)
class ApplicationAdmin(ClientAdmin):
    """The work queue: who waits, the longest first."""

    icon, waiting_title, waiting_query = "person_add", "Clients' applications", ""
    ordering = ("pk",)
    list_filter: ClassVar[Any] = ("status", "risk", "kind")
    list_display: Any = (
        "shown_id",
        "masked_name",
        "kind",
        "shown_status",
        "shown_risk",
        "to_judge",
        "applied_at",
    )

    def waiting(self, request: HttpRequest) -> int | None:
        return queries.applying().count() if self.holds(request, "clients:review") else None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        waiting = super().get_queryset(request).filter(status__in=states.APPLYING)
        return queries.with_hits_to_judge(waiting)

    @display(description="Hits to judge", ordering="hits_to_judge")
    def to_judge(self, row: Any) -> int:
        return int(row.hits_to_judge)


def _today() -> date:
    return clock.business_date(now())
