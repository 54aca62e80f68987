"""The bank's side of a licence: it applies, and answers what the state asks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common import clock, errors, ids, tenancy
from licensing import grounds, queries
from licensing.models import Answer, Application, Licence, Question
from licensing.operations import rows
from licensing.states import ALIVE


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

    Raises: INN_INVALID, OGRN_INVALID; APPLICATION_PENDING while another one waits, or a licence is
    alive; GROUNDS_AGAINST where the law has no such licence.
    """
    bank_id = tenancy.acting_bank()
    rows.refuse_numbers(inn, ogrn)
    # Counted before it is asked whether one waits: who commits in between has taken the number.
    number = 1 + Application.objects.count()
    alive = Licence.objects.filter(bank_id=bank_id, status__in=ALIVE)
    if queries.awaiting().exists() or alive.exists():
        raise errors.Refused("APPLICATION_PENDING", {})
    sent = Application(
        bank_id=bank_id,
        number=number,
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
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    book = queries.rulebook_of(jurisdiction_id, at)
    if unknown := grounds.out_of_law(applicant(sent), book, clock.business_date(at)):
        raise errors.Refused("GROUNDS_AGAINST", {"grounds": unknown, "regime": book.regime})
    return rows.once(sent, "APPLICATION_PENDING", {})


def applicant(sent: Application) -> grounds.Applicant:
    """Return what an application says as the law's conditions are judged on it."""
    return grounds.Applicant(
        kind=sent.kind,
        banking_licence=sent.banking_licence,
        own_funds_rub=sent.own_funds_rub,
        head_convicted=sent.head_convicted,
        owner_offshore=sent.owner_offshore,
        activities=frozenset(sent.activities),
        categories=frozenset(sent.categories),
    )


def answer_question(*, question_id: UUID, text: str, at: datetime) -> Answer:
    """Answer what the state asked about the acting bank's application.

    Raises: NOT_FOUND, ALREADY_ANSWERED.
    """
    bank_id = tenancy.acting_bank()
    question = queries.found(Question.objects.filter(licence__bank_id=bank_id), question_id)
    actor = tenancy.current().actor.label
    row = Answer(bank_id=bank_id, question_id=question.pk, text=text, actor=actor, at=at)
    return rows.once(
        row, "ALREADY_ANSWERED", {"question": ids.show(Question.id_prefix, question_id)}
    )
