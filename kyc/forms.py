"""What the admin asks of staff who enter what a client says. No rule lives here.

The body of the REST command judges what is typed: as strictly as there, in the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework import serializers
from unfold import widgets
from unfold.forms import BaseDialogForm

from common import api, errors, models, users
from kyc import queries, refusals, suitability
from kyc.api.serializers import sent

OWNERS = 5

_LABELS = {
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
_HELP = {
    "department_code": "Of an internal passport: 770-001.",
    "expires": "Of another state's passport.",
    "mrz": "Its two lines, if they can be read.",
    "user_id": "The id of the client's log-in, usr_…, if there is one.",
}


class DialogForm(BaseDialogForm):
    """A dialog that a refusal shows again, with all that was typed."""

    def again(self, refusal: errors.Refused) -> HttpResponse:
        """Return the dialog with the refusal at the field that it names, else above all."""
        named = str(refusal.facts.get("field", "")).replace("/", "_")
        places = (named, f"person_{named}", f"entity_{named}")
        place = next(filter(self.fields.__contains__, places), "")
        for code in refusal.facts.get("problems", [refusal.code]):
            self._tell(place, refusals.WORDS.get(code, refusal.detail))
            place = ""  # of the other problems no field is named
        return render(self.request, "unfold/helpers/dialog.html", {"form": self})

    def render_before_template(self) -> str:
        """Show what is wrong with no one field: the dialog itself leaves that out."""
        told = {"errors": self.non_field_errors()}
        return render_to_string("unfold/helpers/messages/error.html", told)

    def _tell(self, place: str, wrong: Any) -> None:
        self.add_error(place if place in self.fields else None, wrong)


class Typed(forms.Field):
    """What is typed, as it is, for a field of the API to judge."""

    def __init__(self, reads: serializers.Field[Any, Any, Any, Any], label: str) -> None:
        name, default = str(reads.field_name), reads.default
        usual = f"{default} if left empty." if isinstance(default, str) and default else ""
        super().__init__(
            label=label,
            required=reads.required,
            help_text=_HELP.get(name, usual),
            widget=_widget(reads),
        )

    def clean(self, value: Any) -> Any:
        """Return it, of several lines with a blank between them."""
        return value.replace("\r\n", " ").strip(" ") if isinstance(value, str) else value


class BodyForm(DialogForm):
    """A dialog that asks what the `body` of a REST command says, and has it judged by that.

    A field in another is named by its path, `owners_0_name`, which begins with `head`. `said` is
    what the body makes of it.
    """

    body: ClassVar[type[api.StrictSerializer]]
    head: ClassVar[str] = ""
    leaves_out: ClassVar[str] = ""
    said: Mapping[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(_fields(self._body(), self.head))
        self.order_fields(self.field_order)

    def clean(self) -> None:
        judged = self._body(data=_typed(self._body(), self.cleaned_data, self.head))
        if judged.is_valid():
            self.said = judged.validated_data
            return
        for place, wrong in _wrong(judged.errors, self.head):
            self._tell(place, wrong)

    def _body(self, **data: Any) -> api.StrictSerializer:
        judge = self.body(**data)
        judge.fields.pop(self.leaves_out, None)
        return judge


class PersonForm(BodyForm):
    body, leaves_out = sent.ClientApplicationIn, "entity"


class EntityForm(BodyForm):
    body, leaves_out = sent.ClientApplicationIn, "person"


class PassportForm(BodyForm):
    body, head = sent.PassportIn, "document"


class BankAccountForm(BodyForm):
    body = sent.BankAccountIn


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


def _fields(
    asked: serializers.Serializer[Any], head: str, title: str = ""
) -> Iterator[tuple[str, forms.Field]]:
    def many(named: tuple[str, Any]) -> bool:
        return isinstance(named[1], serializers.ListSerializer)

    for name, reads in sorted(asked.fields.items(), key=many):  # the lists last: they are long
        path = _in(head, name)
        if isinstance(reads, serializers.ListSerializer):
            row: Any = reads.child
            for place in range(OWNERS):
                for each, field in _fields(row, _in(path, place), f"Owner {place + 1}"):
                    field.required &= place == 0
                    yield each, field
        elif isinstance(reads, serializers.Serializer):
            yield from _fields(reads, path, "Passport" if name == "document" else title)
        else:
            label = _LABELS.get(name, name.replace("_", " ").capitalize())
            yield path, Typed(reads, f"{title}: {label.lower()}" if title else label)


def _typed(
    asked: serializers.Serializer[Any], cleaned: Mapping[str, Any], head: str
) -> dict[str, Any]:
    """Return what was typed as the body that it is: what is empty is not said."""
    said: dict[str, Any] = {}
    for name, reads in asked.fields.items():
        path = _in(head, name)
        if isinstance(reads, serializers.ListSerializer):
            row: Any = reads.child
            said[name] = [_typed(row, cleaned, _in(path, place)) for place in range(OWNERS)]
            while said[name] and not any(said[name][-1].values()):
                said[name].pop()
        elif isinstance(reads, serializers.Serializer):
            said[name] = _typed(reads, cleaned, path)
        elif cleaned.get(path) not in (None, ""):
            said[name] = cleaned[path]
    return said


def _wrong(found: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """Yield what the body finds wrong, by the names of the fields."""
    if isinstance(found, Mapping):
        for name, inside in found.items():
            yield from _wrong(inside, _in(path, name))
    elif any(isinstance(each, Mapping) for each in found):
        for place, inside in enumerate(found):
            yield from _wrong(inside, _in(path, place))
    else:
        yield path, [str(each) for each in found]


def _in(path: str, name: object) -> str:
    return f"{path}_{name}" if path else str(name)


def _widget(reads: serializers.Field[Any, Any, Any, Any]) -> forms.Widget:
    if isinstance(reads, serializers.ChoiceField):
        return widgets.UnfoldAdminSelectWidget(choices=list(reads.choices.items()))
    if isinstance(reads, serializers.BooleanField):
        return widgets.UnfoldBooleanWidget()
    quiet = {"autocomplete": "off"}  # a client's data do not stay in the officer's browser
    if reads.field_name == "mrz":
        return widgets.UnfoldAdminTextareaWidget(attrs=quiet | {"rows": 2})
    if isinstance(reads, api.DateField):
        return widgets.UnfoldAdminTextInputWidget(attrs=quiet | {"type": "date"})
    return widgets.UnfoldAdminTextInputWidget(attrs=quiet)
