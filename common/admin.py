"""The admin's pages of the cellar, and the class of every page in it: shows all, changes nothing.

What does change something is an action, which calls an operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_celery_beat import models as beat
from unfold.admin import ModelAdmin

from common import changes, clock, errors, ids, models, tenancy, users


class ReadOnlyAdmin(ModelAdmin):
    """A page that the holders of `scope` may open, under `section` of the sidebar."""

    scope: ClassVar[str]
    section: ClassVar[str]
    icon: ClassVar[str]

    list_per_page = 50
    ordering = ("-pk",)  # the latest first
    show_full_result_count = False

    @admin.display(description="ID", ordering="pk")
    def shown_id(self, row: Any) -> str:
        """Return the id as the API shows it."""
        return ids.show(row.id_prefix, row.pk)

    def holds(self, request: HttpRequest, scope: str) -> bool:
        """Say whether the request's user may do what `scope` names."""
        user = request.user
        return isinstance(user, models.User) and scope in users.actor_of(user).scopes

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, self.scope)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.holds(request, self.scope)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a row by its shown id too."""
        prefix = getattr(self.model, "id_prefix", None)
        if prefix and search_term.startswith(f"{prefix}_"):
            try:
                return queryset.filter(pk=ids.parse(prefix, search_term)), False
            except ids.BadId:
                return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)


@admin.register(models.OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    scope, section, icon = "outbox:read", "Outbox", "outbox"
    list_display = ("shown_id", "number", "topic", "at", "recorded_at")
    list_filter = ("topic",)
    search_fields = ("topic", "request_id")
    fields = ("shown_id", "bank", "number", "topic", "payload", "at", "recorded_at", "request_id")
    readonly_fields = ("shown_id",)


@admin.register(models.OutboxStream)
class OutboxStreamAdmin(ReadOnlyAdmin):
    scope, section, icon = "outbox:read", "Outbox", "route"
    list_display = ("handler", "last_number", "failures", "retry_at")
    fields = ("handler", "bank", "last_number", "failures", "retry_at", "last_error")


@admin.register(models.Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    scope, section, icon = "approvals:read", "Approvals", "approval"
    list_display = ("shown_id", "kind", "subject", "status", "maker", "made_at", "checker")
    list_filter = ("status", "kind")
    search_fields = ("subject", "maker", "checker", "reason")
    fields = (
        *list_display,
        "payload",
        "reason",
        "decided_at",
        "decision_reason",
        "result",
        "request_id",
    )
    readonly_fields = ("shown_id",)
    actions = ("approve", "reject")

    @admin.action(description="Approve the selected proposals")
    def approve(self, request: HttpRequest, queryset: QuerySet[models.Proposal]) -> None:
        """Approve what others proposed, each for itself."""
        self._decide(request, queryset, changes.approve, "Approved")

    @admin.action(description="Reject the selected proposals")
    def reject(self, request: HttpRequest, queryset: QuerySet[models.Proposal]) -> None:
        """Reject what others proposed."""
        self._decide(request, queryset, changes.reject, "Rejected")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[models.Proposal],
        decide: Callable[..., models.Proposal],
        done: str,
    ) -> None:
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        assert isinstance(request.user, models.User)
        actor = users.actor_of(request.user)
        at = clock.now(jurisdiction_id, timezone.now())
        for proposal in queryset:
            name = ids.show(proposal.id_prefix, proposal.pk)
            try:
                with transaction.atomic():
                    decide(actor=actor, proposal_id=proposal.pk, reason="", at=at)
            except errors.Refused as refusal:
                self.message_user(request, f"{name}: {refusal}", messages.ERROR)
            else:
                self.log_change(request, proposal, f"{done}.")
                self.message_user(request, f"{name}: {done.lower()}.")


@admin.register(models.StatusChange)
class StatusChangeAdmin(ReadOnlyAdmin):
    scope, section, icon = "approvals:read", "Approvals", "history"
    list_display = (
        "shown_id",
        "subject_kind",
        "subject_id",
        "status_from",
        "status_to",
        "actor",
        "at",
    )
    list_filter = ("subject_kind", "status_to")
    search_fields = ("actor", "reason")
    fields = (*list_display, "recorded_at", "reason", "request_id")
    readonly_fields = ("shown_id",)


@admin.register(models.User)
class UserAdmin(ReadOnlyAdmin):
    scope, section, icon = "users:read", "People", "person"
    list_display = ("shown_id", "username", "name", "role", "is_active", "bank")
    list_filter = ("role", "is_active")
    search_fields = ("username", "name")
    # Never the password's hash.
    fields = (*list_display, "jurisdiction", "created_at")
    readonly_fields = ("shown_id",)


@admin.register(models.ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    scope, section, icon = "keys:read", "People", "key"
    list_display = ("shown_id", "name", "prefix", "user", "expires_at", "revoked_at")
    search_fields = ("name", "prefix")
    # Never the secret's hash.
    fields = (*list_display, "scopes", "bank", "created_at")
    readonly_fields = ("shown_id",)
    actions = ("revoke",)

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[models.ApiKey]) -> None:
        """End the selected keys for good."""
        at = timezone.now()
        for key in queryset:
            users.revoke_key(key_id=key.pk, at=at)
            self.log_change(request, key, "Revoked.")
        self.message_user(request, "Revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "keys:write")


@admin.register(models.Jurisdiction)
class JurisdictionAdmin(ReadOnlyAdmin):
    scope, section, icon = "market:read", "State", "gavel"
    list_display = ("shown_id", "code", "name", "timezone", "clock_rate")
    fields = (*list_display, "clock_business_at", "clock_wall_at")
    readonly_fields = ("shown_id",)


@admin.register(models.Bank)
class BankAdmin(ReadOnlyAdmin):
    scope, section, icon = "market:read", "State", "account_balance"
    list_display = ("shown_id", "code", "name", "jurisdiction")
    search_fields = ("code", "name")
    fields = list_display
    readonly_fields = ("shown_id",)


@admin.register(models.Asset)
class AssetAdmin(ReadOnlyAdmin):
    scope, section, icon = "market:read", "State", "toll"
    list_display = ("code", "name", "scale", "is_currency")
    search_fields = ("code", "name")
    ordering = ("code",)
    fields = list_display


# Django's groups are not used (docs/adr/0005), and the beat's tables change by migration only.
for _model in (
    Group,
    beat.ClockedSchedule,
    beat.CrontabSchedule,
    beat.IntervalSchedule,
    beat.PeriodicTask,
    beat.SolarSchedule,
):
    admin.site.unregister(_model)


@admin.register(beat.PeriodicTask)
class PeriodicTaskAdmin(ReadOnlyAdmin):
    scope, section, icon = "outbox:read", "Outbox", "schedule"
    list_display = ("name", "task", "enabled", "last_run_at")
    search_fields = ("name", "task")
    ordering = ("name",)
    fields = (*list_display, "interval", "crontab", "description")
