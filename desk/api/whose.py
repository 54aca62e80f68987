"""Whose order or payment a request is: a client's own, or the one that the staff names."""

from __future__ import annotations

from uuid import UUID

from rest_framework import serializers

import kyc.queries
from common import errors, ids, users
from kyc.models import Client


def client_of(actor: users.Actor, named: UUID | None) -> UUID:
    """Return whose the request is. Raises: NOT_FOUND; CLIENT_UNKNOWN; INVALID_REQUEST."""
    client_id = customer_of(actor, named)
    return kyc.queries.client_for(actor=actor, client_id=client_id).pk


def customer_of(actor: users.Actor, named: UUID | None) -> UUID:
    """Return whom an order is for, for the operation to lock: whether there is one is seen then.

    Raises: NOT_FOUND if a client names another; CLIENT_UNKNOWN; INVALID_REQUEST.
    """
    if actor.role is users.Role.CLIENT:
        own = kyc.queries.client_of_user(actor)
        if named not in (None, own):
            raise errors.Refused("NOT_FOUND", {"client": ids.show(Client.id_prefix, named)})
        return own
    if named is None:
        raise serializers.ValidationError({"client_id": "Name the client."})
    return named
