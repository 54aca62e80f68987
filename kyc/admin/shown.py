"""What the pages of clients share: forms that ask why, commands told in words, links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from common import clock, errors, ids, tenancy
from kyc import states
from ledger.admin.shown import LedgerAdmin, Table

__all__ = ["ClientsAdmin", "Table", "command", "link", "reason_form", "url"]


class ClientsAdmin(LedgerAdmin):
    """A page of the section: `scope` to see it, commands by their own scopes."""

    scope, section = "clients:read", "Clients"

    def run(
        self,
        request: HttpRequest,
        row: Any,
        effect: Callable[[datetime], str],
    ) -> HttpResponse:
        """Run one operation at the jurisdiction's time and tell what came of it."""
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        try:
            with transaction.atomic():
                done = effect(clock.now(jurisdiction_id, timezone.now()))
        except errors.Refused as refusal:
            self.message_user(request, f"Not done. {refusal.detail}", messages.ERROR)
        else:
            self.log_change(request, row, done)
            self.message_user(request, done, messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": url(row)})

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


def reason_form(codes: tuple[states.Reason, ...] = ()) -> type[BaseDialogForm]:
    """Return a form that asks why, in words and, where there are `codes`, by one of them."""
    fields: dict[str, forms.Field] = {}
    if codes:
        choices = [(code.value, code.label) for code in codes]
        fields["code"] = forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget())
    fields["reason"] = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget())
    return type("ReasonForm", (BaseDialogForm,), fields)


def command(
    title: str,
    does: str,
    icon: str,
    permission: str,
    codes: tuple[states.Reason, ...] = (),
    asks: bool = True,
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Decorate a page's method as a button that asks first."""
    dialog: Any = {
        "title": title,
        "description": does,
        "form_class": reason_form(codes) if asks else BaseDialogForm,
        "form_submit_text": title,
    }
    decorate: Any = action(description=title, icon=icon, permissions=[permission], dialog=dialog)
    decorated: Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]] = decorate
    return decorated


def url(row: Any) -> str:
    return reverse(f"admin:kyc_{row._meta.model_name}_change", args=[row.pk])


def link(row: Any, page: str = "") -> SafeString:
    name = page or f"kyc_{row._meta.model_name}"
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        reverse(f"admin:{name}_change", args=[row.pk]),
        ids.show(row.id_prefix, row.pk),
    )
