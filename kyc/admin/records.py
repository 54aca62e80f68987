"""The pages of hits, attempts, bank accounts, lists and listed parties."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import BaseDialogForm

from common import users
from common.admin import command
from common.admin.dialogs import Done, enter
from common.admin.shown import by, status, text
from kyc import forms, masking, operations, queries, states, suitability
from kyc.admin import shown
from kyc.models import Attempt, BankAccount, ListedParty, ScreeningHit, WatchList
from ledger.admin.shown import Days, Table


@admin.register(ScreeningHit)
class ScreeningHitAdmin(shown.OfClientAdmin):
    scope, section = "clients:read", "Clients"
    icon = "person_search"
    shown_status = status({"OPEN": "warning", "CONFIRMED": "danger", "DISMISSED": "success"})
    waiting_title, waiting_query = "Hits to judge", f"?status__exact={states.HitStatus.OPEN}"
    list_display = (
        "shown_id",
        "of_client",
        "is_owner",
        "listed_name",
        "score",
        "exact",
        "birth_agrees",
        "shown_status",
        "at",
    )
    list_filter = ("status", "exact", "party__source", ("at", Days))
    search_fields = exact = ("client_id",)
    fields = (
        ("shown_id", "bank"),
        ("of_client", "is_owner"),
        ("party", "listed_name"),
        ("score", "exact", "birth_agrees"),
        ("shown_status", "at"),
        ("decided_at", "decider"),
        "reason",
    )
    decider = by("decided_by", "Decided by")
    actions_detail: Any = ("confirm", "dismiss")

    def waiting(self, request: HttpRequest) -> int | None:
        if not self.holds(request, "clients:review"):
            return None
        return queries.hits_to_judge(users.actor_of(request.user)).count()  # type: ignore[arg-type]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        seen = queries.hits_for(users.actor_of(request.user))  # type: ignore[arg-type]
        return seen.select_related("bank", "client__identity").order_by(*self.ordering)

    def tables(self, row: Any) -> list[Table]:
        party = row.party
        return [
            Table(
                "The listed party",
                ("List", "Number", "Kind", "Programme", "Births"),
                [
                    (
                        party.get_source_display(),
                        party.ref,
                        party.get_kind_display(),
                        party.programme,
                        ", ".join(party.births) or "unknown",
                    )
                ],
            ),
            Table("Its names", ("Name",), [(name,) for name in party.names]),
        ]

    @display(description="Who", ordering="owner")
    def is_owner(self, row: Any) -> str:
        return "an owner of the client" if row.owner_id else "the client"

    @command(
        "Confirm",
        "It is the listed party: an applicant is refused, an open client frozen.",
        "gpp_bad",
        "decide",
    )
    def confirm(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operations.confirm_hit(hit_id=row.pk, reason=reason, at=at)
            return "Confirmed: it is the listed party."

        return self.run(request, row, effect)

    @command("Dismiss", "It is somebody else of a like name.", "gpp_good", "decide")
    def dismiss(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operations.dismiss_hit(hit_id=row.pk, reason=reason, at=at)
            return "Dismissed: it is somebody else."

        return self.run(request, row, effect)

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:review", object_id, states.HitStatus.OPEN)


@admin.register(Attempt)
class AttemptAdmin(shown.OfClientAdmin):
    scope, section = "clients:read", "Clients"
    icon = "quiz"
    shown_status = status({"DRAWN": "info", "PASSED": "success", "FAILED": "danger"})
    list_display = ("shown_id", "of_client", "number", "shown_status", "correct", "pass_mark", "at")
    list_filter = ("status", ("at", Days))
    search_fields = exact = ("client_id",)
    fields = (
        ("shown_id", "bank"),
        ("of_client", "number"),
        ("shown_status", "correct", "pass_mark"),
        ("at", "answered_at"),
    )
    actions_detail: Any = ("answer",)

    def tables(self, row: Any) -> list[Table]:
        answers = row.answers or {}
        return [
            Table(
                "Questions",
                ("Code", "Question", "Answered"),
                [
                    (each.code, each.text, each.choices.get(answers.get(each.code, ""), "–"))
                    for each in suitability.show(row.seed, row.questions)
                ],
            )
        ]

    @command(
        "Enter answers",
        "What the client chose at the desk. They are judged at once, and once only.",
        "rate_review",
        "answer",
        form=forms.AnswersForm,
    )
    def answer(self, request: HttpRequest, form: forms.AnswersForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> Done:
            done = operations.answer_test(attempt_id=row.pk, answers=form.answers, at=at)
            status, right = done.get_status_display().lower(), done.correct
            told = f"The test is {status}: {right} right, {done.pass_mark} needed."
            return Done(row, told)

        return enter(self, request, form, effect)

    def has_answer_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "clients:apply", object_id, states.AttemptStatus.DRAWN)


@admin.register(BankAccount)
class BankAccountAdmin(shown.OfClientAdmin):
    scope, section = "clients:read", "Clients"
    icon = "credit_card"
    list_display = ("shown_id", "of_client", "bic_shown", "masked_number", "bank_name", "added_at")
    search_fields = exact = ("client_id", "number")
    search_help_text = "The account's id, its client's, or its whole number"
    fields = (
        ("shown_id", "bank"),
        "of_client",
        ("bic_shown", "masked_number", "bank_name"),
        ("added_at", "closed_at"),
    )
    actions_detail: Any = ("close",)

    bic_shown = text("bic", "BIC")

    @display(description="Number")
    def masked_number(self, row: Any) -> str:
        return masking.number(row.number)

    @command(
        "Close", "No rouble comes from it or goes to it any more.", "block", "close", asks=False
    )
    def close(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: Any) -> str:
            operations.close_bank_account(client_id=row.client_id, account_id=row.pk, at=at)
            return "The account is off the file."

        return self.run(request, row, effect)

    def has_close_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.holds(request, "clients:apply"):
            return False
        row = self.get_object(request, str(object_id)) if object_id else None
        return object_id is None or (row is not None and row.closed_at is None)


class _MarketAdmin(shown.ClientsAdmin):
    """A page of what belongs to the jurisdiction: no bank's name on it.

    For those who look for likenesses: the scope is that of clients.
    """

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return tuple(self.list_display)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model._default_manager.select_related("jurisdiction")
        return found.order_by(*self.ordering)


@admin.register(WatchList)
class WatchListAdmin(_MarketAdmin):
    icon = "lists"
    list_display = ("shown_id", "source", "version", "parties", "loaded_at", "loader")
    fields = (
        "shown_id",
        ("source", "jurisdiction"),
        ("version", "parties"),
        ("loaded_at", "loader"),
        "sha256",
    )
    loader = by("loaded_by", "Loaded by")


@admin.register(ListedParty)
class ListedPartyAdmin(_MarketAdmin):
    icon = "person_off"
    list_display = ("shown_id", "main_name", "source", "kind", "programme", "delisted_at")
    list_filter = ("source", "kind")
    search_fields = exact = ("ref",)
    search_help_text = "A party's id, or its number on the list"
    fields = (
        "shown_id",
        ("source", "ref", "kind"),
        ("programme", "jurisdiction"),
        ("version", "delisted_at"),
    )

    def tables(self, row: Any) -> list[Table]:
        return [
            Table("Names", ("Name",), [(name,) for name in row.names]),
            Table("Births", ("Day or year",), [(birth,) for birth in row.births]),
        ]

    @display(description="Name")
    def main_name(self, row: Any) -> str:
        return str(row)
