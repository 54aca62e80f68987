"""What the admin asks before it gives a command on the registers. No rule lives here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold import widgets
from unfold.forms import BaseDialogForm

from common import api, models, users
from licensing import perimeter, queries, states

_ROUBLES = api.AmountField(scale=2)


class RoublesField(forms.CharField):
    """An amount written as the API takes it."""

    widget = widgets.UnfoldAdminTextInputWidget

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        try:
            return _ROUBLES.read(text) if text else None
        except ValueError as error:
            raise ValidationError(str(error)) from None


def _line(**kwargs: Any) -> forms.CharField:
    return forms.CharField(widget=widgets.UnfoldAdminTextInputWidget(), **kwargs)


def _text(**kwargs: Any) -> forms.CharField:
    return forms.CharField(widget=widgets.UnfoldAdminTextareaWidget(), **kwargs)


def _choice(choices: Any = (), **kwargs: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices, widget=widgets.UnfoldAdminSelectWidget(), **kwargs)


def _some(codes: tuple[str, ...]) -> forms.MultipleChoiceField:
    shown = [(code, code.replace("_", " ").capitalize()) for code in codes]
    widget = widgets.UnfoldAdminCheckboxSelectMultipleWidget()
    return forms.MultipleChoiceField(choices=shown, initial=list(codes), widget=widget)


def _yes(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=widgets.UnfoldBooleanWidget())


class RegisterForm(BaseDialogForm):
    """A dialog's form whose answers are an operation's arguments."""

    @property
    def said(self) -> dict[str, Any]:
        """What was answered, by name."""
        return {name: said for name, said in self.cleaned_data.items() if not name.startswith("_")}


class TextForm(RegisterForm):
    text = _text(max_length=2000)


class ApplyForm(RegisterForm):
    """The bank's application."""

    kind = _choice(states.ParticipantKind.choices)
    legal_name = _line(max_length=200)
    inn = _line(label="INN", max_length=10)
    ogrn = _line(label="OGRN", max_length=13)
    banking_licence = _choice(states.BankingLicence.choices)
    own_funds_rub = RoublesField(label="Own funds, RUB")
    head_name = _line(max_length=200)
    head_convicted = _yes("The head was convicted")
    owner_offshore = _yes("An owner is offshore")
    activities = _some(perimeter.ACTIVITIES)
    categories = _some(perimeter.CATEGORIES)
    plan = _text(max_length=5000)


class AnswerForm(RegisterForm):
    """The bank's answer to one of the questions that are open."""

    question_id = _choice(label="Question")
    text = _text(max_length=2000)

    def __init__(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        assert isinstance(request.user, models.User)
        actor = users.actor_of(request.user)
        licence = queries.licence_for(actor=actor, licence_id=UUID(str(object_id)))
        asked = queries.questions(licence)
        field = self.fields["question_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(each.pk), str(each)) for each, answer in asked if answer is None]

    def clean_question_id(self) -> UUID:
        return UUID(self.cleaned_data["question_id"])


class GrantForm(RegisterForm):
    """What is granted: to begin with, all that was applied for."""

    activities = _some(perimeter.ACTIVITIES)
    categories = _some(perimeter.CATEGORIES)
    conditions = _text(max_length=2000, required=False)
    exposure_limit_rub = RoublesField(
        label="Exposure limit, RUB", required=False, help_text="If less than the law's."
    )
    reason = _line(max_length=500)

    def __init__(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        assert isinstance(request.user, models.User)
        actor = users.actor_of(request.user)
        licence = queries.licence_for(actor=actor, licence_id=UUID(str(object_id)))
        sent = queries.application_for(actor=actor, application_id=licence.application_id)
        self.initial.update(activities=sent.activities, categories=sent.categories)


class RegimeForm(RegisterForm):
    overlay = _choice(queries.overlays, label="Regime")
    valid_from = forms.DateField(
        label="From the Moscow day",
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )


class ParticipantForm(RegisterForm):
    kind = _choice(states.ParticipantKind.choices)
    legal_name = _line(max_length=200)
    inn = _line(label="INN", max_length=10)
    ogrn = _line(label="OGRN", max_length=13)


class AdmissionForm(RegisterForm):
    asset = _choice(queries.coins)
    reason = _line(max_length=500)
