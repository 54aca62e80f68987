"""The pages of the cellar's own rows: events, proposals, keys, the state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django_celery_beat import models as beat
from unfold.decorators import display
from unfold.forms import BaseDialogForm

from common import changes, models, users
from common.admin import shown
from common.admin.page import ReadOnlyAdmin, command


@admin.register(models.OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    scope, section, icon = "outbox:read", "Outbox", "outbox"
    list_display = ("shown_id", "number", "topic", "at", "recorded_at")
    list_filter = ("topic",)
    search_fields = ("topic", "request_id")
    fields = ("shown_id", "bank", "number", "topic", "payload", "at", "recorded_at", "request_id")


@admin.register(models.OutboxStream)
class OutboxStreamAdmin(ReadOnlyAdmin):
    scope, section, icon = "outbox:read", "Outbox", "route"
    list_display = ("handler", "last_number", "failures", "retry_at")
    fields = ("handler", "bank", "last_number", "failures", "retry_at", "last_error")


@admin.register(models.Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    """What waits for a second person: decided by another than who made it."""

    scope, section, icon = "approvals:read", "Approvals", "approval"
    waiting_title, waiting_query = "Proposals", f"?status__exact={changes.PENDING}"
    list_display = (
        "shown_id",
        "proposed",
        "about",
        "shown_status",
        "made_by",
        "made_at",
        "reason",
        "checked_by",
    )
    list_filter = ("status", "kind")
    search_fields = ("subject", "reason")
    fieldsets = (
        (
            "Proposed",
            {"fields": (("shown_id", "proposed"), ("about", "made_by"), ("reason", "made_at"))},
        ),
        (
            "Decided",
            {"fields": (("shown_status", "checked_by"), ("decision_reason", "decided_at"))},
        ),
        ("Trace", {"fields": ("payload", "result", "request_id")}),
    )
    actions_detail: Any = ("approve", "reject")

    shown_status = shown.status({"PENDING": "warning", "APPROVED": "success", "REJECTED": "danger"})
    made_by, checked_by = shown.by("maker", "Proposed by"), shown.by("checker", "Decided by")

    @display(description="What", ordering="kind")
    def proposed(self, row: models.Proposal) -> str:
        return str(row).capitalize()

    @display(description="About", ordering="subject")
    def about(self, row: models.Proposal) -> SafeString | str:
        kind, _, row_id = row.subject.partition(":")
        try:
            return shown.subject(kind, UUID(row_id))
        except ValueError:  # of what has no id: an asset, for one
            return row_id

    def waiting(self, request: HttpRequest) -> int | None:
        """Count those that the user may decide."""
        assert isinstance(request.user, models.User)
        actor = users.actor_of(request.user)
        kinds = [kind for kind in changes.kinds() if changes.scope_of(kind) in actor.scopes]
        if not kinds:
            return None
        waiting = models.Proposal.objects.filter(status=changes.PENDING, kind__in=kinds)
        return waiting.exclude(maker=actor.label).count()

    @command("Approve", "What was proposed is done at once.", "check", "decide")
    def approve(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Approve what another proposed."""
        return self._decide(request, form, object_id, changes.approve, "Approved: it is done.")

    @command("Reject", "Nothing is done.", "block", "decide")
    def reject(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Reject what another proposed."""
        return self._decide(request, form, object_id, changes.reject, "Rejected.")

    def _decide(
        self,
        request: HttpRequest,
        form: BaseDialogForm,
        object_id: str,
        decide: Callable[..., models.Proposal],
        done: str,
    ) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]
        assert isinstance(request.user, models.User)
        actor = users.actor_of(request.user)

        def effect(at: datetime) -> str:
            decide(actor=actor, proposal_id=row.pk, reason=reason, at=at)
            return done

        return self.run(request, row, effect)

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if object_id is None:
            return self.holds(request, self.scope)
        row = self.get_object(request, str(object_id))
        if row is None or row.status != changes.PENDING:
            return False
        assert isinstance(request.user, models.User)
        others = row.maker != users.actor_of(request.user).label
        return others and self.holds(request, changes.scope_of(row.kind))


@admin.register(models.StatusChange)
class StatusChangeAdmin(ReadOnlyAdmin):
    scope, section, icon = "approvals:read", "Approvals", "history"
    list_display = ("shown_id", "about", "before", "after", "by", "reason", "at")
    list_filter = ("subject_kind", "status_to")
    search_fields = ("reason",)
    fields = (
        ("shown_id", "about"),
        ("before", "after"),
        ("by", "reason"),
        ("at", "recorded_at"),
        "request_id",
    )

    @display(description="About")
    def about(self, row: models.StatusChange) -> SafeString | str:
        return shown.subject(row.subject_kind, row.subject_id)

    @display(description="From", ordering="status_from")
    def before(self, row: models.StatusChange) -> str:
        return row.status_from or "new"

    @display(description="To", ordering="status_to")
    def after(self, row: models.StatusChange) -> SafeString:
        return shown.badge(row.status_to.replace("_", " "))


@admin.register(models.ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    scope, section, icon = "keys:read", "People", "key"
    list_display = ("shown_id", "name", "prefix", "user", "expires_at", "revoked_at")
    search_fields = ("name", "prefix")
    # Never the secret's hash.
    fields = (*list_display, "scopes", "bank", "created_at")
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


@admin.register(models.Bank)
class BankAdmin(ReadOnlyAdmin):
    scope, section, icon = "market:read", "State", "account_balance"
    list_display = ("shown_id", "code", "name", "jurisdiction")
    search_fields = ("code", "name")
    fields = list_display


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
