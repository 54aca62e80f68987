"""Every read of clients that another file uses. All inside `tenancy.acting`."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from common import errors, ids, users
from kyc.models import Client
from kyc.standing import Standing

_COLUMNS = (
    "id, user_id, kind, status, category, test_status, residency, risk, limit_year, limit_used_rub"
)


def lock_clients(client_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Lock clients' rows by id for the caller's transaction and return how each stands.

    Whoever is not there is not in the answer. Every operation that moves a client's money begins
    here; it runs at every order, hence one statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM kyc_client WHERE id = ANY(%s)"  # noqa: S608 (a constant)
            " ORDER BY id FOR NO KEY UPDATE",
            [list(client_ids)],
        )
        return {row[0]: Standing(*row) for row in cursor.fetchall()}


def standing(client_id: UUID) -> Standing:
    """Return how a client stands, without a lock: to show, not to decide.

    Raises: NOT_FOUND.
    """
    row = Client.objects.filter(pk=client_id).values_list(*_COLUMNS.split(", ")).first()
    if row is None:
        raise errors.Refused("NOT_FOUND", {"client": ids.show(Client.id_prefix, client_id)})
    return Standing(*row)


def clients_for(actor: users.Actor) -> QuerySet[Client]:
    """Return the clients that somebody may see: a client oneself, others all of the bank."""
    if actor.role is users.Role.CLIENT:
        return Client.objects.filter(user_id=actor.user_id)
    return Client.objects.all()


def client_for(*, actor: users.Actor, client_id: UUID) -> Client:
    """Return a client that the actor may see.

    Raises: NOT_FOUND.
    """
    client = clients_for(actor).filter(pk=client_id).first()
    if client is None:
        raise errors.Refused("NOT_FOUND", {"client": ids.show(Client.id_prefix, client_id)})
    return client


def client_of_user(actor: users.Actor) -> UUID:
    """Return the id of the client that the actor is.

    Raises: CLIENT_UNKNOWN if the actor has not applied, or is nobody's client.
    """
    found = Client.objects.filter(user_id=actor.user_id).values_list("id", flat=True).first()
    if actor.user_id is None or found is None:
        raise errors.Refused("CLIENT_UNKNOWN", {"actor": actor.label})
    return found
