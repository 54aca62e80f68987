"""Clients as the API shows them: in full to whom the work needs it, else masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common import users
from kyc import masking, queries, states, suitability
from kyc.models import Attempt, BankAccount, Client, Identity

Mask = Callable[[str], str]


def client(row: Client, actor: users.Actor, *, masked: bool = False) -> dict[str, Any]:
    """Return a client's line in a list; `masked` even to whom the work needs the name."""
    full = queries.sees_data(actor, row) and not masked
    own = actor.role is users.Role.CLIENT
    name = queries.name_of(row.identity)
    is_person = row.kind == states.ClientKind.PERSON
    return {
        "id": row.pk,
        "bank_id": row.bank_id,
        "user_id": row.user_id,
        "kind": row.kind,
        "name": name if full or not is_person else masking.name(name),
        "masked": not full,
        "status": row.status,
        "status_reason": row.status_reason,
        "category": row.category,
        "test_status": row.test_status,
        "residency": row.residency,
        "risk": None if own else row.risk,  # what the bank thinks of one is not told to one
        "applied_at": row.applied_at,
        "opened_at": row.opened_at,
        "review_date": row.review_date,
    }


def client_in_full(row: Client, actor: users.Actor) -> dict[str, Any]:
    """Return a client with identity, owners and the reasons of the rating."""
    full = queries.sees_data(actor, row)
    own = actor.role is users.Role.CLIENT
    assessment = None if own else queries.last_assessment(row)
    return client(row, actor) | {
        "identity": identity(row, row.identity, full),
        "owners": [
            {
                "id": owner.pk,
                "name": owner.name if full else masking.name(owner.name),
                "birth_date": owner.birth_date if full else masking.birth_date(owner.birth_date),
                "country": owner.country,
                "share_percent": owner.share_percent,
                "is_pep": owner.is_pep,
            }
            for owner in queries.owners(row)
        ],
        "risk_reasons": assessment.reasons if assessment else [],
    }


def identity(row: Client, known: Identity, full: bool) -> dict[str, Any]:
    """Return who a client is; a firm's register numbers are no secret."""

    def told(text: str, mask: Mask) -> str:
        return text if full else mask(text)

    public = row.kind == states.ClientKind.ENTITY
    return {
        "birth_date": told(known.birth_date, masking.birth_date),
        "birth_place": told(known.birth_place, masking.line),
        "country": known.country,
        "is_pep": known.is_pep,
        "inn": known.inn if public else told(known.inn, masking.number),
        "snils": told(known.snils, masking.number),
        "ogrn": known.ogrn if public else told(known.ogrn, masking.number),
        "document_kind": known.document_kind,
        "document_number": told(known.document_number, masking.number),
        "document_issued": told(known.document_issued, masking.birth_date),
        "document_expires": told(known.document_expires, masking.birth_date),
        "department_code": told(known.department_code, masking.line),
        "address": told(known.address, masking.line),
        "phone": told(known.phone, masking.number),
        "email": told(known.email, masking.email),
        "identified_at": known.identified_at,
    }


def bank_account(row: BankAccount, full: bool) -> dict[str, Any]:
    """Return a client's account in another bank."""
    return {
        "id": row.pk,
        "client_id": row.client_id,
        "bic": row.bic,
        "number": row.number if full else masking.number(row.number),
        "bank_name": row.bank_name,
        "added_at": row.added_at,
        "closed_at": row.closed_at,
    }


def attempt(row: Attempt) -> dict[str, Any]:
    """Return a sitting of the test: its questions, never what is right."""
    return {
        "id": row.pk,
        "client_id": row.client_id,
        "number": row.number,
        "status": row.status,
        "pass_mark": row.pass_mark,
        "correct": row.correct,
        "at": row.at,
        "answered_at": row.answered_at,
        "questions": [
            {
                "code": question.code,
                "difficulty": question.difficulty,
                "text": question.text,
                "choices": [
                    {"letter": letter, "text": text} for letter, text in question.choices.items()
                ],
                "chosen": (row.answers or {}).get(question.code),
            }
            for question in suitability.show(row.seed, row.questions)
        ],
    }
