"""Every read of the registers that another file uses. All inside `tenancy.acting`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from common import clock, errors, ids, statements, users
from common.models import Asset
from licensing import grounds, rulebooks, states
from licensing.models import (
    AdmittedAsset,
    Answer,
    Application,
    Licence,
    Participant,
    Question,
    Regime,
)
from licensing.perimeter import Perimeter, exposure_limit, narrowed
from licensing.rulebook import Rulebook

Row = TypeVar("Row", bound=Model)


def perimeter(bank_id: UUID, at: datetime) -> Perimeter:
    """Return what a bank may do at a moment. One statement: it runs at every order.

    Raises: RULE_UNKNOWN if the jurisdiction has no regime then.
    """
    on = clock.business_date(at)
    ((*licence, overlay, assets),) = statements.rows(
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
              SELECT granted.id, granted.status, granted.version, granted.activities,
                     granted.categories, granted.exposure_limit_rub, sent.kind,
                     sent.own_funds_rub
                FROM licensing_licence AS granted
                JOIN licensing_application AS sent ON sent.id = granted.application_id
               WHERE granted.bank_id = %(bank)s AND granted.status = ANY (%(ever)s)
                 AND granted.granted_at <= %(at)s
               ORDER BY granted.granted_at DESC LIMIT 1) AS licence ON true
        """,
        {"at": at, "on": on, "bank": bank_id, "ever": [s.value for s in states.EVER_GRANTED]},
    )
    licence_id, status, version, activities, categories, own_limit, kind, own_funds = licence
    book = _loaded(overlay, on)
    base = book.value("exposure_base", on)
    limit = None
    if licence_id is not None:
        share = book.value("exposure_limit_share", on)
        limit = exposure_limit(own_limit, share, _base_rub(base, own_funds, on))
    return Perimeter(
        rulebook=book,
        licence_id=licence_id,
        licence_status=status,
        version=version or 0,
        activities=grounds.activities_of(kind, book, on).intersection(activities or ()),
        categories=frozenset(categories or ()).intersection(book.value("categories", on)),
        assets=frozenset(assets).difference(book.value("assets_barred", on)),
        non_qualified_assets=narrowed(book.value("assets_for_non_qualified", on)),
        exposure_base=base,
        exposure_limit_rub=limit,
    )


def _base_rub(base: str, own_funds_rub: Decimal, on: date) -> Decimal:
    if base != "own_funds":  # those that the licence was applied for on
        facts = {"parameter": "exposure_base", "value": base, "on": on.isoformat()}
        raise errors.Refused("RULE_UNKNOWN", facts)
    return own_funds_rub


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


def title_of(regime: Regime) -> str:
    """Return what a regime is called."""
    title: str = rulebooks.load(regime.overlay).value("regime_title", regime.valid_from)
    return title


def overlays() -> list[tuple[str, str]]:
    """Return the regimes that are written down, each with its title."""
    books = [rulebooks.load(overlay) for overlay in rulebooks.OVERLAYS]
    return [(book.regime, book.overlay["regime_title"][0].value) for book in books]


def participants() -> QuerySet[Participant]:
    """Return the register of participants, which is public; the removed included."""
    return Participant.objects.all()


def admitted_assets() -> QuerySet[AdmittedAsset]:
    """Return the register of assets, the withdrawn ones included."""
    return AdmittedAsset.objects.all()


def coins() -> list[tuple[str, str]]:
    """Return the coins that the house knows, each with its name; admitted or not."""
    rows = Asset.objects.filter(is_currency=False).order_by("code")
    return [(row.code, f"{row.code}: {row.name}") for row in rows]


def applications() -> QuerySet[Application]:
    """Return the acting bank's applications; to the supervisor, those of all banks."""
    return Application.objects.all()


def application_for(*, actor: users.Actor, application_id: UUID) -> Application:
    """Return an application that the actor may see. Raises: NOT_FOUND."""
    rows = applications()
    mine = rows if actor.bank_id is None else rows.filter(bank_id=actor.bank_id)
    return found(mine, application_id)


def licences_for(actor: users.Actor) -> QuerySet[Licence]:
    """Return the licences that somebody may see: a bank its own, the state all."""
    rows = Licence.objects.select_related("participant")
    return rows if actor.bank_id is None else rows.filter(bank_id=actor.bank_id)


def latest_licences(actor: users.Actor) -> dict[UUID, Licence]:
    """Return by bank the latest licence of each that somebody may see."""
    rows = licences_for(actor).order_by("bank_id", "-acknowledged_at", "-id").distinct("bank_id")
    return {row.bank_id: row for row in rows}


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
