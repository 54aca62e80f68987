"""Changes that are kept: a row's way from status to status, and what takes two people to decide.

`move` is the only way a status changes: compare-and-set along the app's `states.py`, with a
`StatusChange` beside it. A proposal (four eyes) is made by one person and decided by another; what
an approval does is registered by the app that knows the subject.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model

from common import errors, ids, models, tenancy, users

PENDING, APPROVED, REJECTED = "PENDING", "APPROVED", "REJECTED"

Executor = Callable[[models.Proposal, datetime], dict[str, Any]]


def move(
    row: Any,
    *,
    to: str,
    transitions: Mapping[str, frozenset[str]],
    at: datetime,
    reason: str = "",
    **updates: Any,
) -> None:
    """Move a row to another status inside the caller's transaction, and keep that it did.

    1. The way must stand in `transitions`: status -> the statuses it may become.
    2. The row changes only if it still has the status that was read; `updates` change with it.
    3. A StatusChange says who did it, when and why.

    Raises: STATUS_CONFLICT if there is no such way, or somebody was first.
    """
    before = row.status
    facts = {"row": ids.show(row.id_prefix, row.pk), "from": before, "to": to}
    if to not in transitions.get(before, ()):
        raise errors.Refused("STATUS_CONFLICT", facts)
    rows = type(row)._default_manager.filter(pk=row.pk, status=before)
    if not rows.update(status=to, **updates):
        raise errors.Refused("STATUS_CONFLICT", facts)
    row.status = to
    for name, value in updates.items():
        setattr(row, name, value)
    keep(row, before=before, at=at, reason=reason)


def keep(row: Any, *, before: str, at: datetime, reason: str = "") -> None:
    """Keep that a row has come from status `before` ('' for a new one) to the one it has."""
    acting = tenancy.current()
    assert acting.jurisdiction_id is not None
    models.StatusChange.objects.create(
        bank_id=acting.bank_id,
        jurisdiction_id=acting.jurisdiction_id,
        subject_kind=row.id_prefix,
        subject_id=row.pk,
        status_from=before,
        status_to=row.status,
        actor=acting.actor.label,
        at=at,
        reason=reason,
        request_id=acting.request_id,
    )


# --- Four eyes -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """Who may decide proposals of a kind, and what an approval does."""

    scope: str
    execute: Executor


_decisions: dict[str, Decision] = {}


def decides(kind: str, *, scope: str) -> Callable[[Executor], Executor]:
    """Register what the approval of a proposal of `kind` does; it runs in that transaction.

    The function gets the proposal and the business time; what it returns is kept as the result.
    """

    def register(function: Executor) -> Executor:
        assert kind not in _decisions, f"{kind} is registered twice"
        _decisions[kind] = Decision(scope, function)
        return function

    return register


def kinds() -> tuple[str, ...]:
    """Return the kinds of proposals there are."""
    return tuple(sorted(_decisions))


def scope_of(kind: str) -> str:
    """Return the scope that deciding a proposal of this kind takes."""
    return _decisions[kind].scope


def propose(
    *, kind: str, subject: str, payload: dict[str, Any], reason: str, at: datetime
) -> models.Proposal:
    """Ask for a second person's approval, inside the caller's transaction.

    `subject` is what it is about, `kind:id`; one proposal of a kind waits for a subject at a time.

    Raises: ALREADY_PROPOSED.
    """
    assert kind in _decisions, kind
    acting = tenancy.current()
    assert acting.jurisdiction_id is not None
    row = models.Proposal(
        bank_id=acting.bank_id,
        jurisdiction_id=acting.jurisdiction_id,
        kind=kind,
        subject=subject,
        payload=payload,
        reason=reason,
        status=PENDING,
        maker=acting.actor.label,
        made_at=at,
        request_id=acting.request_id,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise errors.Refused("ALREADY_PROPOSED", {"kind": kind, "subject": subject}) from error
    return row


def approve(*, actor: users.Actor, proposal_id: UUID, reason: str, at: datetime) -> models.Proposal:
    """Approve another's proposal and do what it asks for, inside the caller's transaction.

    Raises: NOT_FOUND, SCOPE_MISSING, PROPOSAL_NOT_PENDING, MAKER_IS_CHECKER; its own.
    """
    row = _decide(actor, proposal_id, APPROVED, reason, at)
    row.result = _decisions[row.kind].execute(row, at)
    models.Proposal.objects.filter(pk=row.pk).update(result=row.result)
    return row


def reject(*, actor: users.Actor, proposal_id: UUID, reason: str, at: datetime) -> models.Proposal:
    """Reject another's proposal, inside the caller's transaction.

    Raises: NOT_FOUND, SCOPE_MISSING, PROPOSAL_NOT_PENDING, MAKER_IS_CHECKER.
    """
    return _decide(actor, proposal_id, REJECTED, reason, at)


def _decide(
    actor: users.Actor, proposal_id: UUID, status: str, reason: str, at: datetime
) -> models.Proposal:
    shown = {"proposal": ids.show(models.Proposal.id_prefix, proposal_id)}
    row = models.Proposal.objects.select_for_update().filter(pk=proposal_id).first()
    if row is None:
        raise errors.Refused("NOT_FOUND", shown)
    scope = scope_of(row.kind)
    if scope not in actor.scopes:
        raise errors.Refused("SCOPE_MISSING", {"scope": scope})
    if row.status != PENDING:
        raise errors.Refused("PROPOSAL_NOT_PENDING", {**shown, "status": row.status})
    if row.maker == actor.label:
        raise errors.Refused("MAKER_IS_CHECKER", shown)
    row.status, row.checker, row.decided_at, row.decision_reason = status, actor.label, at, reason
    row.save(update_fields=["status", "checker", "decided_at", "decision_reason"])
    return row


def subject_of(row: Model) -> str:
    """Return how a proposal names a row: `kind:id`."""
    prefix: str = row.id_prefix  # type: ignore[attr-defined]
    return f"{prefix}:{row.pk}"
