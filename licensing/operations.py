"""Every write of the registers. A bank applies and answers; the state's supervisor does the rest.

All run inside the caller's `tenancy.acting`. What one officer may not do alone is proposed and
decided by another (`common.changes`): to grant a licence, to admit an asset.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model

from common import changes, clock, errors, ids, models, tenancy
from licensing import grounds, queries, rulebooks
from licensing.models import (
    AdmittedAsset,
    Answer,
    Application,
    Licence,
    Participant,
    Question,
    Regime,
)
from licensing.states import ALIVE, LICENCE_TRANSITIONS, LicenceStatus

Row = TypeVar("Row", bound=Model)

GRANT, ADMISSION = "licence_grant", "asset_admission"


# --- The regime ----------------------------------------------------------------------------------


def set_regime(*, overlay: str, valid_from: date, at: datetime) -> Regime:
    """Put the jurisdiction under a regime from a Moscow day on.

    Raises: OVERLAY_UNKNOWN, REGIME_SET (that day has one).
    """
    if overlay not in rulebooks.OVERLAYS:
        raise errors.Refused("OVERLAY_UNKNOWN", {"overlay": overlay})
    row = Regime(
        jurisdiction_id=_state(),
        overlay=overlay,
        valid_from=valid_from,
        actor=tenancy.current().actor.label,
        at=at,
    )
    return _once(row, "REGIME_SET", {"valid_from": valid_from.isoformat()})


# --- The bank's side -----------------------------------------------------------------------------


def apply_for_licence(
    *,
    kind: str,
    legal_name: str,
    inn: str,
    ogrn: str,
    banking_licence: str,
    own_funds_rub: Decimal,
    head_name: str,
    head_convicted: bool,
    owner_offshore: bool,
    activities: Collection[str],
    categories: Collection[str],
    plan: str,
    at: datetime,
) -> Application:
    """Send the acting bank's application to the state.

    Raises: APPLICATION_PENDING while another one waits, or a licence is alive.
    """
    bank_id = tenancy.current().bank_id
    assert bank_id is not None, "a bank applies"
    alive = Licence.objects.filter(bank_id=bank_id, status__in=ALIVE)
    if queries.awaiting().exists() or alive.exists():
        raise errors.Refused("APPLICATION_PENDING", {})
    return Application.objects.create(
        bank_id=bank_id,
        kind=kind,
        legal_name=legal_name,
        inn=inn,
        ogrn=ogrn,
        banking_licence=banking_licence,
        own_funds_rub=own_funds_rub,
        head_name=head_name,
        head_convicted=head_convicted,
        owner_offshore=owner_offshore,
        activities=sorted(activities),
        categories=sorted(categories),
        plan=plan,
        actor=tenancy.current().actor.label,
        at=at,
    )


def answer_question(*, question_id: UUID, text: str, at: datetime) -> Answer:
    """Answer what the state asked about the acting bank's application.

    Raises: NOT_FOUND, ALREADY_ANSWERED.
    """
    bank_id = tenancy.current().bank_id
    assert bank_id is not None, "a bank answers"
    question = queries.found(Question.objects.filter(licence__bank_id=bank_id), question_id)
    actor = tenancy.current().actor.label
    row = Answer(bank_id=bank_id, question_id=question.pk, text=text, actor=actor, at=at)
    return _once(row, "ALREADY_ANSWERED", {"question": ids.show(Question.id_prefix, question_id)})


# --- The state's side ----------------------------------------------------------------------------


def acknowledge(*, application_id: UUID, at: datetime) -> Licence:
    """Take up a bank's application: the participant and the licence stand in the register.

    Raises: NOT_FOUND, ALREADY_ACKNOWLEDGED.
    """
    sent = queries.found(Application.objects.all(), application_id)
    facts = {"application": ids.show(Application.id_prefix, application_id)}
    with transaction.atomic():
        participant, _ = Participant.objects.get_or_create(
            jurisdiction_id=_state(),
            kind=sent.kind,
            ogrn=sent.ogrn,
            defaults={
                "bank_id": sent.bank_id,
                "legal_name": sent.legal_name,
                "inn": sent.inn,
                "registered_at": at,
            },
        )
    licence = Licence(
        jurisdiction_id=_state(),
        bank_id=sent.bank_id,
        participant=participant,
        application_id=sent.pk,
        status=LicenceStatus.ACKNOWLEDGED,
        acknowledged_at=at,
    )
    _once(licence, "ALREADY_ACKNOWLEDGED", facts)
    changes.keep(licence, before="", at=at)
    return licence


def register_participant(
    *, kind: str, legal_name: str, inn: str, ogrn: str, at: datetime
) -> Participant:
    """Enter a participant that is no bank of the house into the register.

    Raises: KIND_NOT_LICENSED, PARTICIPANT_REGISTERED.
    """
    book = queries.rulebook_of(_state(), at)
    if kind not in book.value("participant_kinds", clock.business_date(at)):
        raise errors.Refused("KIND_NOT_LICENSED", {"kind": kind, "regime": book.regime})
    row = Participant(
        jurisdiction_id=_state(),
        kind=kind,
        legal_name=legal_name,
        inn=inn,
        ogrn=ogrn,
        registered_at=at,
    )
    return _once(row, "PARTICIPANT_REGISTERED", {"kind": kind, "ogrn": ogrn})


def ask_question(*, licence_id: UUID, text: str, at: datetime) -> Question:
    """Ask the bank something about its application. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = _licence(licence_id, LicenceStatus.ACKNOWLEDGED)
    return Question.objects.create(
        jurisdiction_id=_state(),
        licence=licence,
        text=text,
        actor=tenancy.current().actor.label,
        at=at,
    )


def declare_complete(*, licence_id: UUID, at: datetime) -> Licence:
    """Declare an application complete: from here on it is decided.

    Raises: NOT_FOUND, STATUS_CONFLICT, QUESTIONS_OPEN.
    """
    licence = _licence(licence_id, LicenceStatus.ACKNOWLEDGED)
    unanswered = [q for q, answer in queries.questions(licence) if answer is None]
    if unanswered:
        shown = [ids.show(Question.id_prefix, question.pk) for question in unanswered]
        raise errors.Refused("QUESTIONS_OPEN", {"questions": shown})
    _move(licence, LicenceStatus.COMPLETE, at)
    return licence


def propose_grant(
    *,
    licence_id: UUID,
    activities: Collection[str],
    categories: Collection[str],
    conditions: str,
    exposure_limit_rub: Decimal | None,
    reason: str,
    at: datetime,
) -> models.Proposal:
    """Propose to grant a complete application, with its conditions; a second officer decides.

    Raises: NOT_FOUND, STATUS_CONFLICT, GROUNDS_AGAINST, NOT_APPLIED_FOR, ALREADY_PROPOSED.
    """
    licence = _licence(licence_id, LicenceStatus.COMPLETE)
    sent = Application.objects.get(pk=licence.application_id)
    if beyond := {*activities} - {*sent.activities} | {*categories} - {*sent.categories}:
        raise errors.Refused("NOT_APPLIED_FOR", {"beyond": sorted(beyond)})
    _refuse_on_grounds(sent, activities, categories, at)
    return changes.propose(
        kind=GRANT,
        subject=changes.subject_of(licence),
        payload={
            "activities": sorted(activities),
            "categories": sorted(categories),
            "conditions": conditions,
            "exposure_limit_rub": None if exposure_limit_rub is None else f"{exposure_limit_rub:f}",
        },
        reason=reason,
        at=at,
    )


@changes.decides(GRANT, scope="licences:decide")
def grant_licence(proposal: models.Proposal, at: datetime) -> dict[str, Any]:
    """Grant the licence that was proposed. Raises: STATUS_CONFLICT, GROUNDS_AGAINST."""
    licence = _licence(_subject(proposal), LicenceStatus.COMPLETE)
    sent = Application.objects.get(pk=licence.application_id)
    asked = proposal.payload
    _refuse_on_grounds(sent, asked["activities"], asked["categories"], at)
    limit = asked["exposure_limit_rub"]
    _move(
        licence,
        LicenceStatus.GRANTED,
        at,
        proposal.reason,
        activities=asked["activities"],
        categories=asked["categories"],
        conditions=asked["conditions"],
        exposure_limit_rub=None if limit is None else Decimal(limit),
        granted_at=at,
    )
    return {"licence": ids.show(Licence.id_prefix, licence.pk)}


def refuse_application(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """Refuse an application, saying why. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = _licence(licence_id, LicenceStatus.ACKNOWLEDGED, LicenceStatus.COMPLETE)
    _move(licence, LicenceStatus.REFUSED, at, reason, ended_at=at)
    return licence


def suspend_licence(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """Suspend a licence: the bank's next order is refused. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = _licence(licence_id, LicenceStatus.GRANTED)
    _move(licence, LicenceStatus.SUSPENDED, at, reason)
    return licence


def reinstate_licence(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """Put a suspended licence back in force. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = _licence(licence_id, LicenceStatus.SUSPENDED)
    _move(licence, LicenceStatus.GRANTED, at, reason)
    return licence


def revoke_licence(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """End a licence for good. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = _licence(licence_id, LicenceStatus.GRANTED, LicenceStatus.SUSPENDED)
    _move(licence, LicenceStatus.REVOKED, at, reason, ended_at=at)
    return licence


# --- The register of assets ----------------------------------------------------------------------


def propose_admission(*, asset: str, reason: str, at: datetime) -> models.Proposal:
    """Propose to admit an asset to what may be sold; a second officer decides.

    Raises: ASSET_UNKNOWN, ASSET_BARRED, ASSET_ADMITTED, ALREADY_PROPOSED.
    """
    _refuse_asset(asset, at)
    return changes.propose(
        kind=ADMISSION, subject=f"asset:{asset}", payload={"asset": asset}, reason=reason, at=at
    )


@changes.decides(ADMISSION, scope="assets:admit")
def admit_asset(proposal: models.Proposal, at: datetime) -> dict[str, Any]:
    """Admit the asset that was proposed. Raises: ASSET_BARRED, ASSET_ADMITTED."""
    asset = proposal.payload["asset"]
    _refuse_asset(asset, at)
    row = AdmittedAsset(
        jurisdiction_id=_state(), asset_id=asset, admitted_at=at, reason=proposal.reason
    )
    _once(row, "ASSET_ADMITTED", {"asset": asset})
    return {"admitted_asset": ids.show(AdmittedAsset.id_prefix, row.pk)}


def withdraw_asset(*, asset: str, reason: str, at: datetime) -> AdmittedAsset:
    """Take an asset off the register: nothing more of it is sold. Raises: ASSET_NOT_ADMITTED."""
    rows = AdmittedAsset.objects.select_for_update(of=("self",))
    row = rows.filter(asset_id=asset, withdrawn_at__isnull=True).first()
    if row is None:
        raise errors.Refused("ASSET_NOT_ADMITTED", {"asset": asset})
    row.withdrawn_at, row.reason = at, reason
    row.save(update_fields=["withdrawn_at", "reason"])
    return row


def _refuse_asset(asset: str, at: datetime) -> None:
    row = models.Asset.objects.filter(pk=asset, is_currency=False).first()
    if row is None:
        raise errors.Refused("ASSET_UNKNOWN", {"asset": asset})
    book = queries.rulebook_of(_state(), at)
    if asset in book.value("assets_barred", clock.business_date(at)):
        raise errors.Refused("ASSET_BARRED", {"asset": asset, "regime": book.regime})
    if AdmittedAsset.objects.filter(asset_id=asset, withdrawn_at__isnull=True).exists():
        raise errors.Refused("ASSET_ADMITTED", {"asset": asset})


# --- Shared --------------------------------------------------------------------------------------


def _state() -> UUID:
    acting = tenancy.current()
    assert acting.bank_id is None, "the registers are the state's"
    assert acting.jurisdiction_id is not None
    return acting.jurisdiction_id


def _subject(proposal: models.Proposal) -> UUID:
    return UUID(proposal.subject.partition(":")[2])


def _licence(licence_id: UUID, *statuses: LicenceStatus) -> Licence:
    """Return a licence, locked, that is in one of these statuses."""
    rows = Licence.objects.select_for_update(of=("self",))
    licence = queries.found(rows, licence_id)
    if licence.status not in statuses:
        raise errors.Refused(
            "STATUS_CONFLICT",
            {"licence": ids.show(Licence.id_prefix, licence_id), "status": licence.status},
        )
    return licence


def _move(
    licence: Licence, to: LicenceStatus, at: datetime, reason: str = "", **updates: Any
) -> None:
    changes.move(
        licence,
        to=to.value,
        transitions=LICENCE_TRANSITIONS,
        at=at,
        reason=reason,
        version=licence.version + 1,
        **updates,
    )


def _refuse_on_grounds(
    sent: Application, activities: Collection[str], categories: Collection[str], at: datetime
) -> None:
    applicant = grounds.Applicant(
        kind=sent.kind,
        banking_licence=sent.banking_licence,
        own_funds_rub=sent.own_funds_rub,
        head_convicted=sent.head_convicted,
        owner_offshore=sent.owner_offshore,
        activities=frozenset(activities),
        categories=frozenset(categories),
    )
    against = grounds.against(applicant, queries.rulebook_of(_state(), at), clock.business_date(at))
    if against:
        raise errors.Refused("GROUNDS_AGAINST", {"grounds": against})


def _once(row: Row, code: str, facts: dict[str, Any]) -> Row:
    """Write a new row, or refuse with `code` where it is there already."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise errors.Refused(code, facts) from error
    return row
