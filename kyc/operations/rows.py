"""What the operations on clients share: the locked row, its move, the event that tells of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from common import changes, clock, errors, ids, models, outbox, tenancy
from kyc import queries, states
from kyc.identification import Problem
from kyc.models import Client, Identity


def locked(client_id: UUID) -> Client:
    """Return a client, locked for the transaction.

    Raises: NOT_FOUND.
    """
    queries.lock_clients([client_id])
    client = Client.objects.filter(pk=client_id).first()
    if client is None:
        raise errors.Refused("NOT_FOUND", {"client": ids.show(Client.id_prefix, client_id)})
    return client


def move(client: Client, to: str, at: datetime, reason: str, topic: str, **updates: Any) -> None:
    """Move a locked client to another status, and tell of it.

    Raises: STATUS_CONFLICT.
    """
    changes.move(
        client,
        to=to,
        transitions=states.CLIENT_TRANSITIONS,
        at=at,
        reason=reason,
        **updates,
    )
    tell(client, topic, at, client.status_reason)


def tell(client: Client, topic: str, at: datetime, reason: str = "") -> None:
    """Tell of what happened to a client; never of who it is."""
    told = {"client": ids.show(Client.id_prefix, client.pk), "status": client.status}
    outbox.emit(f"kyc.{topic}", told | ({"reason": reason} if reason else {}), at)


def require(client: Client, *statuses: str) -> None:
    """Refuse unless the client is in one of these statuses.

    Raises: STATUS_CONFLICT.
    """
    if client.status not in statuses:
        raise errors.Refused(
            "STATUS_CONFLICT",
            {"client": ids.show(Client.id_prefix, client.pk), "status": client.status},
        )


def refuse(problems: list[Problem]) -> None:
    """Refuse by the first problem; its facts name the field and all that is wrong."""
    if problems:
        first = problems[0]
        facts = {"field": first.field, "problems": [problem.code for problem in problems]}
        raise errors.Refused(first.code, facts)


def identity_of(client: Client) -> Identity:
    """Return who a client is."""
    return Identity.objects.get(pk=client.pk)


def bank_id() -> UUID:
    """Return the acting bank."""
    acting = tenancy.current().bank_id
    assert acting is not None, "clients are a bank's"
    return acting


def jurisdiction_id() -> UUID:
    """Return the acting bank's jurisdiction."""
    acting = tenancy.current().jurisdiction_id
    assert acting is not None
    return acting


def day_of(at: datetime) -> date:
    """Return the business day in the jurisdiction."""
    row = models.Jurisdiction.objects.get(pk=jurisdiction_id())
    return clock.business_date(at, row.timezone)
