"""The state's side of a licence, from taking up the application to the end of the licence."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import changes, clock, errors, ids, models, tenancy
from licensing import grounds, queries
from licensing.models import Application, Licence, Question
from licensing.operations import rows
from licensing.operations.applications import applicant
from licensing.states import LICENCE_TRANSITIONS, LicenceStatus

GRANT = "licence_grant"


def acknowledge(*, application_id: UUID, at: datetime) -> Licence:
    """Take up a bank's application: its licence has a number from here on, and is not granted.

    Raises: NOT_FOUND, ALREADY_ACKNOWLEDGED.
    """
    sent = queries.found(Application.objects.all(), application_id)
    facts = {"application": ids.show(Application.id_prefix, application_id)}
    licence = Licence(
        jurisdiction_id=rows.state(),
        bank_id=sent.bank_id,
        application_id=sent.pk,
        status=LicenceStatus.ACKNOWLEDGED,
        acknowledged_at=at,
    )
    rows.once(licence, "ALREADY_ACKNOWLEDGED", facts)
    changes.keep(licence, before="", at=at)
    return licence


def ask_question(*, licence_id: UUID, text: str, at: datetime) -> Question:
    """Ask the bank something about its application. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = rows.licence(licence_id, LicenceStatus.ACKNOWLEDGED)
    return Question.objects.create(
        jurisdiction_id=rows.state(),
        licence=licence,
        text=text,
        actor=tenancy.current().actor.label,
        at=at,
    )


def declare_complete(*, licence_id: UUID, at: datetime) -> Licence:
    """Declare an application complete: from here on it is decided.

    Raises: NOT_FOUND, STATUS_CONFLICT, QUESTIONS_OPEN.
    """
    licence = rows.licence(licence_id, LicenceStatus.ACKNOWLEDGED)
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
    licence = rows.licence(licence_id, LicenceStatus.COMPLETE)
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
    """Grant the licence that was proposed, and enter the bank into the register of participants.

    Raises: STATUS_CONFLICT, GROUNDS_AGAINST, PARTICIPANT_REGISTERED.
    """
    licence = rows.licence(_subject(proposal), LicenceStatus.COMPLETE)
    sent = Application.objects.get(pk=licence.application_id)
    asked = proposal.payload
    _refuse_on_grounds(sent, asked["activities"], asked["categories"], at)
    limit = asked["exposure_limit_rub"]
    participant = rows.enter(
        bank_id=sent.bank_id,
        kind=sent.kind,
        legal_name=sent.legal_name,
        inn=sent.inn,
        ogrn=sent.ogrn,
        at=at,
    )
    _move(
        licence,
        LicenceStatus.GRANTED,
        at,
        proposal.reason,
        participant=participant,
        activities=asked["activities"],
        categories=asked["categories"],
        conditions=asked["conditions"],
        exposure_limit_rub=None if limit is None else Decimal(limit),
        granted_at=at,
    )
    return {"licence": ids.show(Licence.id_prefix, licence.pk)}


def refuse_application(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """Refuse an application, saying why. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = rows.licence(licence_id, LicenceStatus.ACKNOWLEDGED, LicenceStatus.COMPLETE)
    _move(licence, LicenceStatus.REFUSED, at, reason, ended_at=at)
    return licence


def suspend_licence(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """Suspend a licence: the bank's next order is refused. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = rows.licence(licence_id, LicenceStatus.GRANTED)
    _move(licence, LicenceStatus.SUSPENDED, at, reason)
    return licence


def reinstate_licence(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """Put a suspended licence back in force. Raises: NOT_FOUND, STATUS_CONFLICT."""
    licence = rows.licence(licence_id, LicenceStatus.SUSPENDED)
    _move(licence, LicenceStatus.GRANTED, at, reason)
    return licence


def revoke_licence(*, licence_id: UUID, reason: str, at: datetime) -> Licence:
    """End a licence for good: its holder leaves the register.

    Raises: NOT_FOUND, STATUS_CONFLICT.
    """
    licence = rows.licence(licence_id, LicenceStatus.GRANTED, LicenceStatus.SUSPENDED)
    _move(licence, LicenceStatus.REVOKED, at, reason, ended_at=at)
    assert licence.participant is not None  # as of every licence that was granted
    rows.strike(licence.participant, reason, at)
    return licence


def _subject(proposal: models.Proposal) -> UUID:
    return UUID(proposal.subject.partition(":")[2])


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
    wanted = dataclasses.replace(
        applicant(sent), activities=frozenset(activities), categories=frozenset(categories)
    )
    against = grounds.against(
        wanted, queries.rulebook_of(rows.state(), at), clock.business_date(at)
    )
    if against:
        raise errors.Refused("GROUNDS_AGAINST", {"grounds": against})
