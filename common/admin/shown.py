"""How the pages show things: ids, statuses, who did it, links from row to row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from common import ids, models, users

_PEOPLE = (
    "actor",
    "maker",
    "checker",
    "decided_by",
    "identified_by",
    "loaded_by",
    "ended_by",
)
NOTHING = "–"


def url(row: Any) -> str:
    """Return where a row's page is."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def link(row: Any, text: str = "") -> SafeString:
    """Return a link to a row's page: its id, unless there is a better text."""
    return _link(url(row), text or short(ids.show(row.id_prefix, row.pk)))


def link_to(model: Any, row_id: UUID | None, text: str = "") -> SafeString | str:
    """Return a link to the page of the row of that id, a dash where there is none."""
    if row_id is None:
        return NOTHING
    page = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return _link(reverse(page, args=[row_id]), text or short(ids.show(model.id_prefix, row_id)))


def ref(text: str) -> SafeString | str:
    """Return an id as it is shown (`fil_…`) as a link to its row's page, if it has one.

    What a lower floor refers to belongs to an upper one: the page is found by the id's prefix.
    """
    prefix = text.partition("_")[0]
    model = _paged().get(prefix)
    try:
        return text if model is None else link_to(model, ids.parse(prefix, text))
    except ids.BadId:
        return text


def subject(kind: str, row_id: UUID) -> SafeString | str:
    """Return a link to the row that a status change or a proposal is about."""
    return ref(ids.show(kind, row_id))


def short(text: str) -> SafeString:
    """Write a shown id so that a list keeps its ends only; the whole stands in its title."""
    prefix, _, body = text.partition("_")
    return format_html(
        '<span class="shown-id" title="{}">{}_<span>{}</span>{}</span>',
        text,
        prefix,
        body[:-6],
        body[-6:],
    )


def badge(text: Any, tone: str = "") -> SafeString:
    """Write a status on its colour: info, success, warning, danger, or grey."""
    return format_html('<span class="badge {}">{}</span>', tone, text)


def status(tones: Mapping[str, str], column: str = "status", title: str = "Status") -> Any:
    """Return a page's column of a status, in words and on the colour that `tones` gives it."""

    @display(description=title, ordering=column)
    def shown(page: Any, row: Any) -> SafeString:
        return badge(getattr(row, f"get_{column}_display")(), tones.get(getattr(row, column), ""))

    return shown


def text(column: str, title: str) -> Any:
    """Return a page's column as it is, under another title than Django would give it."""

    @display(description=title, ordering=column)
    def shown(page: Any, row: Any) -> str:
        return getattr(row, column) or NOTHING

    return shown


# --- Who did it ----------------------------------------------------------------------------------


def by(column: str, title: str) -> Any:
    """Return a page's column of who did something, by name."""

    @display(description=title, ordering=column)
    def shown(page: Any, row: Any) -> str:
        return who(row, getattr(row, column))

    return shown


def who(row: Any, label: str) -> str:
    """Return who stands behind a label of an actor: staff by name, a client as such, a process."""
    if label.startswith("job:"):
        return f"{label.removeprefix('job:')} (process)"
    people = row.__dict__.setdefault("people", {})
    if label and label not in people:
        people |= {label: label} | _names([label])
    return str(people.get(label, NOTHING))


def name_people(rows: Iterable[Any]) -> None:
    """Give rows the names of all whom they name, by one query: `row.people`."""
    rows = list(rows)
    labels = {getattr(row, column, "") for row in rows for column in _PEOPLE}
    people = _names({label for label in labels if label})
    for row in rows:
        row.people = people


def _names(labels: Iterable[str]) -> dict[str, str]:
    prefix = models.User.id_prefix
    by_id = {ids.parse(prefix, each): each for each in labels if each.startswith(f"{prefix}_")}
    if not by_id:
        return {}
    found = models.User.objects.filter(pk__in=by_id).values_list("pk", "name", "role")
    # A client's name is personal data, whoever looks at the page.
    return {
        by_id[key]: "the client" if role == users.Role.CLIENT else name for key, name, role in found
    }


def _link(href: str, text: Any) -> SafeString:
    return format_html('<a class="shown-link" href="{}">{}</a>', href, text)


@cache
def _paged() -> Mapping[str, type[Model]]:
    """Return the models that have a page, by the prefix of their ids."""
    return {
        model.id_prefix: model
        for model in admin.site._registry
        if hasattr(model, "id_prefix") and not model._meta.proxy
    }
