"""The pages of clients and of applications that wait, with what compliance does on them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import BaseDialogForm

from common import models, users
from common.models import Proposal
from kyc import masking, operations, queries, states
from kyc.admin import shown
from kyc.admin.shown import Table
from kyc.models import Application, Attempt, Client, RiskAssessment

_STATUS = {
    "APPLIED": "info",
    "IDENTIFIED": "info",
    "IN_REVIEW": "warning",
    "OPEN": "success",
    "FROZEN": "danger",
    "REFUSED": "danger",
}
_RISK = {"LOW": "success", "MEDIUM": "warning", "HIGH": "danger"}
_BY_NUMBER = {10: "inn", 11: "snils", 12: "inn", 13: "ogrn", 15: "ogrn"}


@admin.register(Client)
class ClientAdmin(shown.ClientsAdmin):
    icon = "group"
    list_display: Any = (
        "shown_id",
        "masked_name",
        "kind",
        "shown_status",
        "category",
        "test_status",
        "residency",
        "shown_risk",
        "applied_at",
        "review_date",
    )
    list_filter: ClassVar[Any] = ("status", "category", "risk", "kind", "residency", "test_status")
    search_fields = exact = ("id",)
    search_help_text = "A client's id; or the whole INN, SNILS or OGRN"
    fieldsets = (
        (
            "Client",
            {
                "fields": (
                    ("shown_id", "bank"),
                    ("masked_name", "kind"),
                    ("status", "status_reason"),
                )
            },
        ),
        (
            "Standing",
            {
                "fields": (
                    ("category", "test_status"),
                    ("residency", "risk"),
                    ("limit_year", "limit_used_rub"),
                )
            },
        ),
        (
            "Identity, masked",
            {
                "fields": (
                    ("masked_birth", "masked_inn"),
                    ("masked_document", "country"),
                    ("identified_at", "identified_by"),
                )
            },
        ),
        ("Days", {"fields": (("applied_at", "opened_at", "review_date"),)}),
    )
    readonly_fields = (
        "shown_id",
        "masked_name",
        "masked_birth",
        "masked_inn",
        "masked_document",
        "country",
        "identified_at",
        "identified_by",
    )
    actions_detail: Any = (
        "identify",
        "approve",
        "refuse",
        "screen",
        "review",
        "freeze",
        "unfreeze",
        "close",
    )

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
        ratings = RiskAssessment.objects.filter(client_id=row.pk).order_by("-id")[:10]
        attempts = Attempt.objects.filter(client_id=row.pk).order_by("-number")
        owners = queries.owners(row)
        return [
            Table(
                "Likenesses to listed parties",
                ("Hit", "List", "Listed name", "Score", "Birth agrees", "Status", "Reason"),
                [
                    (
                        shown.link(hit),
                        hit.party.get_source_display(),
                        hit.listed_name,
                        hit.score,
                        {True: "yes", False: "no", None: "unknown"}[hit.birth_agrees],
                        hit.get_status_display(),
                        hit.reason,
                    )
                    for hit in queries.hits_of(row.pk)
                ],
                frozenset({"Score"}),
            ),
            Table(
                "Owners",
                ("Name", "Born", "Country", "Share, %", "Politically exposed"),
                [
                    (
                        masking.name(owner.name),
                        masking.birth_date(owner.birth_date),
                        owner.country,
                        f"{owner.share_percent.normalize():f}",
                        "yes" if owner.is_pep else "no",
                    )
                    for owner in owners
                ],
                frozenset({"Share, %"}),
            ),
            Table(
                "Ratings of risk",
                ("At", "Rating", "Reasons", "By"),
                [
                    (rating.at, rating.rating, ", ".join(rating.reasons) or "none", rating.actor)
                    for rating in ratings
                ],
            ),
            Table(
                "Investor test",
                ("Attempt", "Number", "Drawn", "Status", "Right answers", "Needed"),
                [
                    (
                        shown.link(each),
                        each.number,
                        each.at,
                        each.get_status_display(),
                        "–" if each.correct is None else each.correct,
                        each.pass_mark,
                    )
                    for each in attempts
                ],
                frozenset({"Number", "Right answers", "Needed"}),
                "Not sat.",
            ),
            Table(
                "Own accounts in other banks",
                ("Account", "BIC", "Number", "On file since", "Off file since"),
                [
                    (
                        shown.link(account),
                        account.bic,
                        masking.number(account.number),
                        account.added_at,
                        account.closed_at or "–",
                    )
                    for account in queries.bank_accounts(row)
                ],
            ),
        ]

    # --- What is shown ---------------------------------------------------------------------------

    @display(description="Name")
    def masked_name(self, row: Any) -> str:
        name = queries.name_of(row.identity)
        return name if row.kind == states.ClientKind.ENTITY else masking.name(name)

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
        return row.identity.identified_at

    @display(description="Identified by")
    def identified_by(self, row: Any) -> str:
        return str(row.identity.identified_by) or "–"

    @display(description="Status", ordering="status", label=_STATUS)
    def shown_status(self, row: Any) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description="Risk", ordering="risk", label=_RISK)
    def shown_risk(self, row: Any) -> tuple[str, str]:
        return row.risk, row.get_risk_display()

    # --- What is done ----------------------------------------------------------------------------

    @shown.command(
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

    @shown.command(
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

    @shown.command(
        "Refuse",
        "Refuses the application. This is final.",
        "block",
        "refuse",
        states.REFUSAL_REASONS,
    )
    def refuse(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._coded(
            request, form, object_id, operations.refuse_client, "The client is refused."
        )

    @shown.command(
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

    @shown.command(
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

    @shown.command(
        "Freeze",
        "Nothing is bought, sold or paid out until the client is unfrozen.",
        "ac_unit",
        "freeze",
        states.FREEZE_REASONS,
    )
    def freeze(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._coded(
            request, form, object_id, operations.freeze_client, "The client is frozen."
        )

    @shown.command("Unfreeze", "Opens the client again.", "sunny", "unfreeze")
    def unfreeze(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._coded(
            request, form, object_id, operations.unfreeze_client, "The client is open again."
        )

    @shown.command(
        "Close",
        "Ends the relation with a client who has nothing left in the bank. This is final.",
        "logout",
        "close",
        states.CLOSE_REASONS,
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

    icon = "inbox"
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        waiting = super().get_queryset(request).filter(status__in=states.APPLYING)
        return queries.with_hits_to_judge(waiting)

    @display(description="Hits to judge", ordering="hits_to_judge")
    def to_judge(self, row: Any) -> int:
        return int(row.hits_to_judge)
