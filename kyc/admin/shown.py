"""What the pages of clients share: their section, and how a client is named on any page."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from common.admin.shown import link
from kyc import masking, queries, states
from kyc.models import Client
from ledger.admin.shown import LedgerAdmin


class ClientsAdmin(LedgerAdmin):
    """A page of the section: `scope` to see it, commands by their own scopes."""

    scope, section = "clients:read", "Clients"


class OfClientAdmin(LedgerAdmin):
    """A page of rows that belong to clients: `of_client` names whose, and links there.

    `related` are the rows that the page reads together with its own.
    """

    related: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("client__identity", *self.related)

    @display(description="Client", ordering="client")
    def of_client(self, row: Any) -> SafeString:
        return client_of(row.client)


def masked_name(client: Client) -> str:
    """Return a client's name: a firm's in full, of a person the first letters."""
    if not hasattr(client, "identity"):
        return ""
    name = queries.name_of(client.identity)
    return name if client.kind == states.ClientKind.ENTITY else masking.name(name)


def client_of(client: Client) -> SafeString:
    """Return a client's name and id, as a link to the client's page."""
    name = masked_name(client)
    if not name:
        return link(client)
    return format_html('{}<span class="shown-second">{}</span>', link(client, name), link(client))
