"""What the views of clients share: commands at business time, refusals kept as outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from common import api
from kyc import queries
from kyc.api import serializers as out
from kyc.api import shown
from kyc.models import Client


class View(api.View):
    """What the views of clients share."""

    def client(self, client_id: str) -> Client:
        """Return the client of the path, if the actor may see it."""
        found = api.path_id(Client.id_prefix, client_id)
        return queries.client_for(actor=self.actor, client_id=found)

    def command(
        self, request: Request, effect: Callable[[datetime], dict[str, Any]], status: int = 200
    ) -> HttpResponse | Response:
        """Do one thing at the jurisdiction's time; a refusal is an outcome, kept under the key."""
        return self.outcome(request, lambda at: Response(effect(at), status=status))

    def shown(self, client: Client) -> dict[str, Any]:
        """Return a client as it is after a command: masked, for the answer is kept as it is."""
        row = queries.clients_for(self.actor).select_related("identity").get(pk=client.pk)
        return dict(out.ClientOut(shown.client(row, self.actor, masked=True)).data)


class Command(View):
    """A command on one client: `operation` by the role of `scope`, with what `body` asks."""

    idempotent = True
    body: ClassVar[type[api.StrictSerializer] | None] = out.ClientReasonIn

    def post(self, request: Request, client_id: str) -> Any:
        """Run the operation and return the client."""
        client, asked = self.client(client_id), said(self.body, request)
        return self.command(request, lambda at: self.shown(self.operation(client.pk, at, asked)))

    def operation(self, client_id: UUID, at: datetime, said: Mapping[str, Any]) -> Client:
        raise NotImplementedError


def said(body: type[api.StrictSerializer] | None, request: Request) -> Mapping[str, Any]:
    """Return what a request says, judged by `body`; a command without one takes an empty body."""
    asked = (body or api.StrictSerializer)(data=request.data)
    asked.is_valid(raise_exception=True)
    said: Mapping[str, Any] = asked.validated_data
    return said
