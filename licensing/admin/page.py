"""The class of every page of the registers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from common import clock, errors, tenancy
from common.admin.shown import text
from ledger.admin.shown import LedgerAdmin


class RegisterAdmin(LedgerAdmin):
    """A page of a register."""

    inn_shown, ogrn_shown = text("inn", "INN"), text("ogrn", "OGRN")

    scope, section = "market:read", "Licensing"
    related: ClassVar[tuple[str, ...]] = ()

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return tuple(self.list_display)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._default_manager.order_by(*self.ordering)
        return rows.select_related(*self.related)

    def enter(
        self, request: HttpRequest, effect: Callable[[datetime], Model], done: str
    ) -> HttpResponse:
        """Run one operation that makes a row, tell what came of it, and show the list again."""
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        try:
            with transaction.atomic():
                row = effect(clock.now(jurisdiction_id, timezone.now()))
        except errors.Refused as refusal:
            self.message_user(request, f"Not done. {refusal.detail}", messages.ERROR)
        else:
            self.log_addition(request, row, done)
            self.message_user(request, done, messages.SUCCESS)
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponse(headers={"HX-Redirect": reverse(name)})
