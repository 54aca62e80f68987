"""What the admin asks of staff who close a day or propose an entry by hand. No rule lives here.

How a dialog asks and has it judged is said in `common.admin.dialogs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from common.admin import dialogs
from ledger import chart, queries, refusals
from ledger.api.serializers import ManualEntryIn


class CloseForm(BaseDialogForm):
    """The day that the officer sees: if it is no longer the open one, nothing is closed."""

    business_date = forms.DateField(
        label="Business day", widget=UnfoldAdminTextInputWidget(attrs={"readonly": True})
    )

    def __init__(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        self.initial["business_date"] = queries.book_by_id(UUID(object_id)).open_date


class EntryForm(dialogs.BodyForm):
    """An entry on the house's own accounts, by lines."""

    body, words = ManualEntryIn, refusals.WORDS
    titles, labels = {"lines": "Line"}, {"line": "Account"}
    places = dict.fromkeys(refusals.WORDS, NON_FIELD_ERRORS)  # they are of the entry, not of a line

    def choices(self) -> Mapping[str, dialogs.Choices]:
        house = (each for each in chart.LINES.values() if each.control is not chart.Control.CLIENT)
        return {
            "line": [(each.code, each.title) for each in house],
            "asset": [(code, code) for code in sorted(queries.assets())],
        }
