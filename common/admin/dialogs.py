"""Dialogs that ask what the body of a REST command says. No rule lives here.

That body judges what is typed: as strictly as there, in the same words. What is refused is told in
the dialog, where nothing that was typed is lost. A dialog has one effect, however often it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework import serializers
from unfold import widgets
from unfold.forms import BaseDialogForm

from common import api, errors, idempotency, ids, models
from common.admin import shown
from common.admin.page import ReadOnlyAdmin, now

Choices = Sequence[tuple[str, str]]

ONCE = "_once"  # the field of a dialog's own id
_PREFIX = "dlg"
_TWICE = {
    "IDEMPOTENCY_IN_PROGRESS": "It is being done already.",
    "IDEMPOTENCY_KEY_REUSED": "It was done, and not as it says now: open a new dialog.",
}
_BLANK = ("", "–")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class Done(NamedTuple):
    """What an operation came to: the row to show and what to tell of it, as a success or not."""

    row: Any
    told: str
    level: int = messages.SUCCESS


class DialogForm(BaseDialogForm):
    """A dialog that a refusal shows again, with all that was typed.

    `words` say what a code means, its facts in braces. `places` name the field of a refusal that
    does not, by its code; `within` are the parts of the body in which a named field may be.
    """

    words: ClassVar[Mapping[str, str]] = {}
    places: ClassVar[Mapping[str, str]] = {}
    within: ClassVar[Sequence[str]] = ()

    _once = forms.RegexField(
        rf"^{_PREFIX}_{ids.PATTERN}$",
        initial=lambda: ids.show(_PREFIX, ids.new()),
        widget=forms.HiddenInput,
    )

    @property
    def once(self) -> str:
        """The id of the dialog, fresh whenever one is opened: what it asks for is done once."""
        found: str = self.cleaned_data[ONCE]
        return found

    def again(self, refusal: errors.Refused) -> HttpResponse:
        """Return the dialog with the refusal at the field that it is about, else above all."""
        facts = refusal.facts
        typed = (each for each in self.cleaned_data if self._is_typed(each, facts))
        named = facts.get("field") or self.places.get(refusal.code) or next(typed, "")
        named = str(named).replace("/", "_")
        places = (named, *(f"{part}_{named}" for part in self.within))
        place = next(filter(self.fields.__contains__, places), "")
        for code in facts.get("problems", [refusal.code]):
            words = _TWICE.get(code) or self.words.get(code)
            self._tell(place, words.format_map(facts) if words else refusal.detail)
            place = ""  # of the other problems no field is named
        return self.show()

    def show(self) -> HttpResponse:
        """Return the dialog as it is now."""
        return render(self.request, "unfold/helpers/dialog.html", {"form": self})

    def render_before_template(self) -> str:
        """Show what is wrong with no field that is seen: the dialog itself leaves that out."""
        told = {"errors": self.errors.get(ONCE) or self.non_field_errors()}
        return render_to_string("unfold/helpers/messages/error.html", told)

    def _is_typed(self, name: str, facts: Mapping[str, Any]) -> bool:
        """Say whether a refusal names just what was typed in a field: an id that is not there."""
        typed = self.cleaned_data[name]
        return isinstance(typed, str) and typed != "" and typed in facts.values()

    def _tell(self, place: str, wrong: Any) -> None:
        self.add_error(place if place in self.fields else None, wrong)


class Typed(forms.Field):
    """What is typed, as it is, for a field of the API to judge."""

    def __init__(
        self, reads: serializers.Field[Any, Any, Any, Any], label: str, helps: str, widget: Any
    ) -> None:
        default = reads.default
        usual = f"{default} if left empty." if isinstance(default, str) and default else ""
        super().__init__(
            label=label, required=reads.required, help_text=helps or usual, widget=widget
        )
        self.whole = isinstance(reads, serializers.IntegerField)

    def clean(self, value: Any) -> Any:
        """Return it, of several lines with a blank between them; a whole number as JSON has it."""
        if not isinstance(value, str):
            return value
        text = value.replace("\r\n", " ").strip(" ")
        if not self.whole or not text:
            return text
        if not _WHOLE.fullmatch(text):
            raise ValidationError("A whole number, in digits.")
        return int(text)


class BodyForm(DialogForm):
    """A dialog that asks what the `body` of a REST command says, and has it judged by that.

    A field in another is named by its path, `owners_0_name`, which begins with `head`. Of a list
    so many `rows` are asked. `said` is what the body makes of it.
    """

    body: ClassVar[type[api.StrictSerializer]]
    head: ClassVar[str] = ""
    leaves_out: ClassVar[Sequence[str]] = ()
    insists: ClassVar[Sequence[str]] = ()  # that is said by the staff, if not by everybody
    rows: ClassVar[int] = 5
    # By a field's own name: what it is called, what helps, what is chosen, what has several lines.
    labels: ClassVar[Mapping[str, str]] = {}
    helps: ClassVar[Mapping[str, str]] = {}
    titles: ClassVar[Mapping[str, str]] = {}
    areas: ClassVar[Sequence[str]] = ()
    said: Mapping[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices = self.choices()
        self.fields.update(self._asked(self._body(), self.head))
        self.order_fields(self.field_order)

    def choices(self) -> Mapping[str, Choices]:
        """Return what a text is chosen from, by the name of its field."""
        return {}

    def clean(self) -> None:
        judged = self._body(data=self._typed(self._body(), self.cleaned_data, self.head))
        if judged.is_valid():
            self.said = judged.validated_data
            return
        for place, wrong in _wrong(judged.errors, self.head):
            if place not in self.errors:
                self._tell(place, wrong)

    def _body(self, **data: Any) -> api.StrictSerializer:
        judge = self.body(**data)
        for name in self.leaves_out:
            judge.fields.pop(name)
        for name in self.insists:
            judge.fields[name].required, judge.fields[name].default = True, serializers.empty
        return judge

    def _asked(
        self, asked: serializers.Serializer[Any], head: str, title: str = ""
    ) -> Iterator[tuple[str, forms.Field]]:
        def many(named: tuple[str, Any]) -> bool:
            return isinstance(named[1], serializers.ListSerializer)

        for name, reads in sorted(asked.fields.items(), key=many):  # the lists last: they are long
            path, inner = _in(head, name), self.titles.get(name, title)
            if isinstance(reads, serializers.ListSerializer):
                row: Any = reads.child
                least = getattr(reads, "min_length", None) or 1
                for place in range(self.rows):
                    for each, field in self._asked(row, _in(path, place), f"{inner} {place + 1}"):
                        field.required &= place < least
                        yield each, field
            elif isinstance(reads, serializers.Serializer):
                yield from self._asked(reads, path, inner)
            else:
                label = self.labels.get(name, name.replace("_", " ").capitalize())
                label = f"{title}: {label.lower()}" if title else label
                yield path, Typed(reads, label, self.helps.get(name, ""), self._widget(reads))

    def _typed(
        self, asked: serializers.Serializer[Any], cleaned: Mapping[str, Any], head: str
    ) -> dict[str, Any]:
        """Return what was typed as the body that it is: what is empty is not said."""
        said: dict[str, Any] = {}
        for name, reads in asked.fields.items():
            path = _in(head, name)
            if isinstance(reads, serializers.ListSerializer):
                row: Any = reads.child
                said[name] = [
                    self._typed(row, cleaned, _in(path, place)) for place in range(self.rows)
                ]
                while said[name] and not any(said[name][-1].values()):
                    said[name].pop()
            elif isinstance(reads, serializers.Serializer):
                said[name] = self._typed(reads, cleaned, path)
            elif cleaned.get(path) not in (None, ""):
                said[name] = cleaned[path]
        return said

    def _widget(self, reads: serializers.Field[Any, Any, Any, Any]) -> forms.Widget:
        name = str(reads.field_name)
        if name in self._choices:
            return widgets.UnfoldAdminSelectWidget(choices=[_BLANK, *self._choices[name]])
        if isinstance(reads, serializers.ChoiceField):  # nothing is chosen for somebody
            return widgets.UnfoldAdminSelectWidget(choices=[_BLANK, *reads.choices.items()])
        if isinstance(reads, serializers.BooleanField):
            return widgets.UnfoldBooleanWidget()
        quiet = {"autocomplete": "off"}  # a client's data do not stay in the officer's browser
        if name in self.areas:
            return widgets.UnfoldAdminTextareaWidget(attrs=quiet | {"rows": 2})
        if isinstance(reads, api.DateField):
            return widgets.UnfoldAdminTextInputWidget(attrs=quiet | {"type": "date"})
        return widgets.UnfoldAdminTextInputWidget(attrs=quiet)


def enter(
    page: ReadOnlyAdmin,
    request: HttpRequest,
    form: DialogForm,
    effect: Callable[[datetime], Done],
) -> HttpResponse:
    """Run one operation on what was entered and show the row; a refusal shows the dialog again.

    The same dialog sent once more shows that row, and does nothing.
    """
    user = request.user
    assert isinstance(user, models.User)

    def once(keep: idempotency.Keep) -> idempotency.Answer:
        with transaction.atomic():
            done = effect(now())
        log = page.log_change if form.object_id else page.log_addition
        log(request, done.row, done.told)
        page.message_user(request, done.told, done.level)
        return idempotency.Answer(200, shown.url(done.row))

    try:
        answer = idempotency.run(
            key=form.once,
            user_id=user.pk,
            request_sha256=idempotency.digest(
                method="POST", path=request.path, body=request.POST.urlencode().encode()
            ),
            effect=once,
        )
    except errors.Refused as refusal:
        return form.again(refusal)
    return HttpResponse(headers={"HX-Redirect": answer.body})


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
