"""The page of users, from which their access is ended, given again, and renewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from common import access, models
from common.admin.page import ReadOnlyAdmin, command


class PasswordForm(BaseDialogForm):
    """Ask for a new password, and why it is given."""

    password = forms.CharField(max_length=128, strip=False, widget=UnfoldAdminPasswordWidget())
    reason = forms.CharField(max_length=400, widget=UnfoldAdminTextInputWidget())


def _with_password(
    title: str, does: str, permission: str
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    dialog: Any = {
        "title": title,
        "description": does,
        "form_class": PasswordForm,
        "form_submit_text": title,
    }
    decorate: Any = action(
        description=title, icon="password", permissions=[permission], dialog=dialog
    )
    decorated: Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]] = decorate
    return decorated


def _said(form: BaseDialogForm) -> dict[str, str]:
    """Return what a PasswordForm says, without the dialog's own field."""
    return {name: form.cleaned_data[name] for name in ("password", "reason")}


@admin.register(models.User)
class UserAdmin(ReadOnlyAdmin):
    scope, section, icon = "users:read", "People", "person"
    list_display = ("shown_id", "username", "name", "role", "is_active", "bank")
    list_filter = ("role", "is_active")
    search_fields = ("username", "name")
    # Never the password's hash.
    fields = (*list_display, "jurisdiction", "created_at")
    readonly_fields = ("shown_id",)
    actions_detail: Any = ("deactivate", "reactivate", "set_password")

    @command("Deactivate", "Log-in, sessions and keys end at once.", "person_off", "deactivate")
    def deactivate(
        self, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        row, reason = self.found(request, object_id), form.cleaned_data["reason"]

        def effect(at: datetime) -> str:
            access.deactivate_user(user_id=row.pk, reason=reason, at=at, wall_at=timezone.now())
            return f"{row.username} does not get in any more."

        return self.run(request, row, effect)

    @_with_password("Reactivate", "A new password; the keys stay revoked.", "reactivate")
    def reactivate(
        self, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> str:
            access.reactivate_user(user_id=row.pk, at=at, **_said(form))
            return f"{row.username} gets in with the new password."

        return self.run(request, row, effect)

    @_with_password("Set password", "All sessions end; the keys stay.", "set_password")
    def set_password(
        self, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> str:
            access.set_password(user_id=row.pk, at=at, **_said(form))
            return f"{row.username} gets in with the new password."

        return self.run(request, row, effect)

    def has_deactivate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "users:write", object_id, "ACTIVE")

    def has_reactivate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may(request, "users:write", object_id, "INACTIVE")

    def has_set_password_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        return self.may(request, "users:write", object_id, "ACTIVE")
