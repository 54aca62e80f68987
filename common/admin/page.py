"""The class of every page of the admin: it shows all and changes nothing.

What does change something is a `command`, which calls an operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from common import clock, errors, ids, models, tenancy, users
from common.admin import shown


class ReadOnlyAdmin(ModelAdmin):
    """A page that the holders of `scope` may open, under `section` of the sidebar."""

    scope: ClassVar[str]
    section: ClassVar[str]
    icon: ClassVar[str]

    list_per_page = 50
    ordering = ("-pk",)  # the latest first
    show_full_result_count = False
    empty_value_display = shown.NOTHING

    # A page that is a work queue, or has one among its rows: those that `waiting_query` finds.
    waiting_title: ClassVar[str] = ""
    waiting_query: ClassVar[str] = ""

    def waiting(self, request: HttpRequest) -> int | None:
        """Return how many rows wait for the user to work on them; None if it is no such page."""
        return None

    @admin.display(description="ID", ordering="pk")
    def shown_id(self, row: Any) -> SafeString:
        """Return the id as the API shows it; a list shows its ends."""
        return shown.short(ids.show(row.id_prefix, row.pk))

    by = shown.by("actor", "By")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Say of every field that it is only shown."""
        return list(flatten_fieldsets(self.get_fieldsets(request, obj)))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Ask at once who all those are that the rows of a list name."""
        found = super().get_changelist_instance(request)
        shown.name_people(found.result_list)
        return found

    def holds(self, request: HttpRequest, scope: str) -> bool:
        """Say whether the request's user may do what `scope` names."""
        user = request.user
        return isinstance(user, models.User) and scope in users.actor_of(user).scopes

    def run(
        self,
        request: HttpRequest,
        row: Any,
        effect: Callable[[datetime], str],
    ) -> HttpResponse:
        """Run one operation at the jurisdiction's time and tell what came of it."""
        try:
            with transaction.atomic():
                done = effect(now())
        except errors.Refused as refusal:
            self.message_user(request, f"Not done. {refusal.detail}", messages.ERROR)
        else:
            self.log_change(request, row, done)
            self.message_user(request, done, messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": shown.url(row)})

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row that a command is about; it was asked for by `may`."""
        row = self.get_object(request, object_id)
        assert row is not None
        return row

    def may(self, request: HttpRequest, scope: str, object_id: str | None, *statuses: str) -> bool:
        """Say whether the user may do something now: by scope, and by the row's status."""
        if not self.holds(request, scope):
            return False
        if object_id is None:
            return True
        row = self.get_object(request, str(object_id))
        return row is not None and row.status in statuses

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


def now() -> datetime:
    """Return the business time of the reader's jurisdiction."""
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    return clock.now(jurisdiction_id, timezone.now())


def reason_form(codes: Sequence[tuple[str, str]] = ()) -> type[BaseDialogForm]:
    """Return a form that asks why, in words and, where there are `codes`, by one of them."""
    fields: dict[str, forms.Field] = {}
    if codes:
        fields["code"] = forms.ChoiceField(choices=codes, widget=UnfoldAdminSelectWidget())
    fields["reason"] = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget())
    return type("ReasonForm", (BaseDialogForm,), fields)


def command(
    title: str,
    does: str,
    icon: str,
    permission: str,
    codes: Sequence[tuple[str, str]] = (),
    asks: bool = True,
    form: type[BaseDialogForm] | None = None,
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Decorate a page's method as a button that asks first: why, or by a `form` of its own."""
    dialog: Any = {
        "title": title,
        "description": does,
        "form_class": form or (reason_form(codes) if asks else BaseDialogForm),
        "form_submit_text": title,
    }
    decorate: Any = action(description=title, icon=icon, permissions=[permission], dialog=dialog)
    decorated: Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]] = decorate
    return decorated
