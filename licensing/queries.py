"""Every read of the registers that another file uses. All inside `tenancy.acting`."""

from __future__ import annotations

from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

from common import clock, errors, ids, users
from licensing import rulebooks, states
from licensing.models import (
    AdmittedAsset,
    Answer,
    Application,
    Licence,
    Participant,
    Question,
    Regime,
)
from licensing.perimeter import Perimeter
from licensing.rulebook import Rulebook

Row = TypeVar("Row", bound=Model)


def perimeter(bank_id: UUID, at: datetime) -> Perimeter:
    """Return what a bank may do at a moment. One statement: it runs at every order.

    Raises: RULE_UNKNOWN if the jurisdiction has no regime then.
    """
    on = clock.business_date(at)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT licence.*, regime.overlay,
                   ARRAY(SELECT asset_id FROM licensing_admittedasset
                          WHERE admitted_at <= %(at)s
                            AND (withdrawn_at IS NULL OR withdrawn_at > %(at)s))
              FROM (SELECT 1) AS one
              LEFT JOIN LATERAL (
                  SELECT overlay FROM licensing_regime WHERE valid_from <= %(on)s
                   ORDER BY valid_from DESC LIMIT 1) AS regime ON true
              LEFT JOIN LATERAL (
                  SELECT id, status, version, activities, categories, exposure_limit_rub
                    FROM licensing_licence
                   WHERE bank_id = %(bank)s AND status = ANY (%(ever)s) AND granted_at <= %(at)s
                   ORDER BY granted_at DESC LIMIT 1) AS licence ON true
            """,
            {"at": at, "on": on, "bank": bank_id, "ever": [s.value for s in states.EVER_GRANTED]},
        )
        row = cursor.fetchone()
    licence_id, status, version, activities, categories, exposure, overlay, assets = row
    book = _loaded(overlay, on)
    return Perimeter(
        rulebook=book,
        licence_id=licence_id,
        licence_status=status,
        version=version or 0,
        activities=frozenset(activities or ()).intersection(book.value("activities", on)),
        categories=frozenset(categories or ()).intersection(book.value("categories", on)),
        assets=frozenset(assets).difference(book.value("assets_barred", on)),
        exposure_limit_rub=exposure,
    )


def rulebook_of(jurisdiction_id: UUID, at: datetime) -> Rulebook:
    """Return the rulebook that a jurisdiction is under at a moment.

    Raises: RULE_UNKNOWN if it has no regime then.
    """
    on = clock.business_date(at)
    regimes = Regime.objects.filter(jurisdiction_id=jurisdiction_id, valid_from__lte=on)
    overlay = regimes.order_by("-valid_from").values_list("overlay", flat=True).first()
    return _loaded(overlay, on)


def _loaded(overlay: str | None, on: date) -> Rulebook:
    if overlay is None:
        raise errors.Refused("RULE_UNKNOWN", {"parameter": "regime", "on": on.isoformat()})
    return rulebooks.load(overlay)


def regimes() -> QuerySet[Regime]:
    """Return the jurisdiction's timeline."""
    return Regime.objects.order_by("valid_from")


def participants() -> QuerySet[Participant]:
    """Return the register of participants, which is public."""
    return Participant.objects.all()


def admitted_assets() -> QuerySet[AdmittedAsset]:
    """Return the register of assets, the withdrawn ones included."""
    return AdmittedAsset.objects.all()


def applications() -> QuerySet[Application]:
    """Return the acting bank's applications; to the supervisor, those of all banks."""
    return Application.objects.all()


def licences_for(actor: users.Actor) -> QuerySet[Licence]:
    """Return the licences that somebody may see: a bank its own, the state all."""
    rows = Licence.objects.select_related("participant")
    return rows if actor.bank_id is None else rows.filter(bank_id=actor.bank_id)


def licence_for(*, actor: users.Actor, licence_id: UUID) -> Licence:
    """Return a licence that the actor may see. Raises: NOT_FOUND."""
    return found(licences_for(actor), licence_id)


def questions(licence: Licence) -> list[tuple[Question, Answer | None]]:
    """Return what was asked about a licence, each with its answer."""
    asked = list(Question.objects.filter(licence=licence).order_by("id"))
    answers = Answer.objects.filter(question_id__in=[question.pk for question in asked])
    by_question = {answer.question_id: answer for answer in answers}
    return [(question, by_question.get(question.pk)) for question in asked]


def awaiting() -> QuerySet[Application]:
    """Return the applications that the state has not taken up."""
    taken = Licence.objects.values_list("application_id", flat=True)
    return Application.objects.exclude(pk__in=taken)


def found(rows: QuerySet[Row], row_id: UUID) -> Row:
    """Return the row of that id among `rows`. Raises: NOT_FOUND."""
    row = rows.filter(pk=row_id).first()
    if row is None:
        prefix: str = rows.model.id_prefix  # type: ignore[attr-defined]
        name = rows.model._meta.model_name or ""
        raise errors.Refused("NOT_FOUND", {name: ids.show(prefix, row_id)})
    return row
