"""What the admin asks of staff who enter what a client says. No rule lives here.

How a dialog asks and has it judged is said in `common.admin.dialogs`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest
from unfold import widgets

from common import models, users
from common.admin import dialogs
from kyc import queries, refusals, suitability
from kyc.api.serializers import sent

OWNERS = 5


class DialogForm(dialogs.DialogForm):
    """A dialog about a client."""

    words = refusals.WORDS


class BodyForm(dialogs.BodyForm):
    """A dialog that asks what a client says."""

    words, within, rows = refusals.WORDS, ("person", "entity"), OWNERS
    titles, areas = {"document": "Passport", "owners": "Owner"}, ("mrz",)
    labels = {
        "bic": "BIC",
        "inn": "INN",
        "is_pep": "Politically exposed",
        "mrz": "Machine-readable zone",
        "ogrn": "OGRN",
        "ogrnip": "OGRNIP",
        "share_percent": "Share, %",
        "shown_rub": "Shown, RUB",
        "snils": "SNILS",
        "user_id": "Log-in",
    }
    helps = {
        "department_code": "Of an internal passport: 770-001.",
        "expires": "Of another state's passport.",
        "mrz": "Its two lines, if they can be read.",
        "user_id": "The id of the client's log-in, usr_…, if there is one.",
    }


class PersonForm(BodyForm):
    body, leaves_out = sent.ClientApplicationIn, ("entity",)


class EntityForm(BodyForm):
    body, leaves_out = sent.ClientApplicationIn, ("person",)


class PassportForm(BodyForm):
    body, head = sent.PassportIn, "document"


class BankAccountForm(BodyForm):
    body, places = sent.BankAccountIn, {"ACCOUNT_TAKEN": "number"}


class QualifyForm(BodyForm):
    body, field_order = sent.QualifyClientIn, ("ground", "shown_rub", "reason")


class AnswersForm(DialogForm):
    """A drawn test: of each question, the letter that the client chose."""

    def __init__(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        assert isinstance(request.user, models.User)
        attempt = queries.attempt_for(
            actor=users.actor_of(request.user), attempt_id=UUID(str(object_id))
        )
        for each in suitability.show(attempt.seed, attempt.questions):
            choices = [(letter, f"{letter}) {text}") for letter, text in each.choices.items()]
            self.fields[each.code] = forms.ChoiceField(
                label=each.text,
                choices=[("", "–"), *choices],
                widget=widgets.UnfoldAdminSelectWidget(),
            )

    @property
    def answers(self) -> dict[str, str]:
        """The chosen letters by the questions' codes."""
        return {code: said for code, said in self.cleaned_data.items() if not code.startswith("_")}
