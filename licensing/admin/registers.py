"""The pages of participants, admitted assets and regimes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import BaseDialogForm

from common.admin import command
from common.admin.shown import badge
from licensing import forms, operations, queries
from licensing.admin.page import RegisterAdmin
from licensing.models import AdmittedAsset, Participant, Regime


@admin.register(Participant)
class ParticipantAdmin(RegisterAdmin):
    icon = "business"
    list_display: Any = (
        "shown_id",
        "legal_name",
        "kind",
        "inn_shown",
        "ogrn_shown",
        "registered_at",
        "removed_at",
    )
    list_filter: ClassVar[Any] = ("kind", ("removed_at", admin.EmptyFieldListFilter))
    search_fields = exact = ("inn", "ogrn")
    fields = (
        ("shown_id", "kind"),
        "legal_name",
        ("inn_shown", "ogrn_shown"),
        ("registered_at", "removed_at"),
        "reason",
    )
    actions_list: Any = ("register",)
    actions_detail: Any = ("remove",)

    @command(
        "Register",
        "A participant that is no bank of the house; a bank is entered by its grant.",
        "add_business",
        "write",
        form=forms.ParticipantForm,
    )
    def register(self, request: HttpRequest, form: forms.ParticipantForm) -> HttpResponse:
        def effect(at: datetime) -> Model:
            return operations.register_participant(**form.said, at=at)

        return self.enter(request, effect, "The participant is entered.")

    @command("Remove", "From now on it takes no part.", "block", "write")
    def remove(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: datetime) -> str:
            operations.remove_participant(participant_id=row.pk, reason=reason, at=at)
            return "The participant is removed."

        return self.run(request, row, effect)

    def has_write_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.holds(request, "participants:write"):
            return False
        row = self.found(request, object_id) if object_id else None
        return row is None or (row.bank_id is None and row.removed_at is None)


@admin.register(AdmittedAsset)
class AdmittedAssetAdmin(RegisterAdmin):
    icon, related = "currency_bitcoin", ("asset",)
    list_display: Any = ("shown_id", "asset", "stands", "admitted_at", "withdrawn_at", "reason")
    list_filter: ClassVar[Any] = (("withdrawn_at", admin.EmptyFieldListFilter),)
    search_fields = exact = ("asset_id",)
    fields = (("shown_id", "asset"), ("admitted_at", "withdrawn_at"), "reason")
    actions_detail: Any = ("withdraw",)
    actions_list: Any = ("propose",)

    @command("Propose", "A second officer decides.", "add", "propose", form=forms.AdmissionForm)
    def propose(self, request: HttpRequest, form: forms.AdmissionForm) -> HttpResponse:
        def effect(at: datetime) -> Model:
            return operations.propose_admission(**form.said, at=at)

        return self.enter(request, effect, "Proposed to a second officer.")

    def has_propose_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "assets:admit")

    @display(description="Stands", ordering="withdrawn_at")
    def stands(self, row: Any) -> Any:
        return badge("withdrawn", "danger") if row.withdrawn_at else badge("admitted", "success")

    @command("Withdraw", "No bank trades it from now on.", "block", "withdraw")
    def withdraw(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: Any) -> str:
            operations.withdraw_asset(asset=row.asset_id, reason=reason, at=at)
            return f"{row.asset_id} is withdrawn."

        return self.run(request, row, effect)

    def has_withdraw_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.holds(request, "assets:admit"):
            return False
        return object_id is None or self.found(request, object_id).withdrawn_at is None


@admin.register(Regime)
class RegimeAdmin(RegisterAdmin):
    """What law the jurisdiction is under, and since when."""

    icon, ordering = "gavel", ("-valid_from",)
    list_display: Any = ("shown_id", "title", "valid_from", "by", "at")
    fields = (("shown_id", "overlay"), "title", ("valid_from", "by"), "at")
    actions_list: Any = ("set_regime",)

    @display(description="Title")
    def title(self, row: Any) -> str:
        return queries.title_of(row)

    @command("Set regime", "What is law from a day on.", "gavel", "set", form=forms.RegimeForm)
    def set_regime(self, request: HttpRequest, form: forms.RegimeForm) -> HttpResponse:
        def effect(at: datetime) -> Model:
            return operations.set_regime(**form.said, at=at)

        return self.enter(request, effect, "The regime is set.")

    def has_set_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "regimes:write")
