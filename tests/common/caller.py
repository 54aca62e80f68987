"""Somebody who calls the API of the tests with a key of their own."""

import itertools
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from common import models, tenancy, users

_numbers = itertools.count(1)


class Caller:
    """A clerk of the bank's back office; what is sent is sent to the byte."""

    def __init__(self, bank: models.Bank, *scopes: str) -> None:
        with tenancy.acting(bank.id, users.job("office", bank.id)):
            user = users.create_user(
                username=f"clerk{next(_numbers)}",
                name="Ann",
                role=users.Role.OPERATIONS,
                password="a long walk on the quay",
            )
            now = timezone.now()
            _, self.key = users.issue_key(
                user_id=user.pk,
                name="robot",
                scopes=scopes or ("outbox:read", "ledger:close"),
                expires_at=now + timedelta(days=1),
                at=now,
            )
        self.bank = bank
        self.user_id = user.pk
        self.client = Client(raise_request_exception=False)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | Mapping[str, Any] = b"",
        *,
        content_type: str = "application/json",
        **headers: str,
    ) -> HttpResponse:
        """Send a request; `headers` by their names with `_` for `-`."""
        sent = json.dumps(body) if isinstance(body, Mapping) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(  # type: ignore[return-value]
            method,
            path,
            sent,
            content_type,
            headers={"Authorization": f"Bearer {self.key}", **named},
        )

    def post(self, body: bytes | str | Mapping[str, Any], key: str = "") -> HttpResponse:
        """Write a note, under a fresh key unless one is given."""
        key = key or f"key {next(_numbers)}"
        return self.send("POST", "/v1/notes", body, Idempotency_Key=key)

    def written(self) -> int:
        """Count the notes that the bank has."""
        with tenancy.acting(self.bank.id, users.job("tests", self.bank.id)):
            return models.OutboxEvent.objects.filter(topic="note").count()


def problem(response: HttpResponse) -> dict[str, Any]:
    """Return a response's problem document, which has every member and nothing secret."""
    assert response.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = json.loads(response.content)
    assert list(told) == ["type", "title", "status", "detail", "code", "request_id", "errors"]
    assert told["status"] == response.status_code
    assert told["type"] == "/problems/" + told["code"].lower().replace("_", "-")
    assert told["request_id"] == response.headers["X-Request-ID"]
    assert b"secret" not in response.content
    return told
