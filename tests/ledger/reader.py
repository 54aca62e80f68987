"""Somebody who reads the books over REST, and books worth reading."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Self

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from common import ids, models, tenancy, users
from tests.ledger.books import Books

_numbers = itertools.count(1)


class Reader:
    """Somebody with a key that may do all its role may."""

    def __init__(self, role: users.Role, house: users.Actor) -> None:
        with tenancy.acting(house.bank_id, house):
            user = users.create_user(
                username=f"reader{next(_numbers)}",
                name="Olga",
                role=role,
                password="a long walk on the quay",
            )
        self._take_key(user, house)

    @classmethod
    def of(cls, user: models.User, house: users.Actor) -> Self:
        """Return a user who is there already, with a key."""
        reader = cls.__new__(cls)
        reader._take_key(user, house)
        return reader

    def _take_key(self, user: models.User, house: users.Actor) -> None:
        now = timezone.now()
        with tenancy.acting(house.bank_id, house):
            _, self.key = users.issue_key(
                user_id=user.pk,
                name="reader",
                scopes=users.ROLES[users.Role(user.role)],
                expires_at=now + timedelta(hours=1),
                at=now,
            )
        self.label = ids.show("usr", user.pk)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = Client(raise_request_exception=False).generic(
            method,
            f"/v1/{path}",
            "" if body is None else json.dumps(body),
            "application/json",
            headers={"Authorization": f"Bearer {self.key}", **named},
        )
        assert isinstance(response, HttpResponse)
        return response

    def get(self, path: str, status: int = 200) -> Any:
        response = self.send("GET", path)
        assert response.status_code == status, response.content
        return json.loads(response.content)

    def close(self, books: Books, day: str, key: str = "") -> HttpResponse:
        path = f"books/{book_id(books)}/closes"
        key = key or f"close {next(_numbers)}"
        return self.send("POST", path, {"business_date": day}, Idempotency_Key=key)


def trade_a_little(books: Books) -> None:
    """Anna pays in 100,000 and buys 0.01 BTC for 30,000 with a fee of 150; Boris pays in 5."""
    books.post("deposit", ("segregated_nostro", "100000"), ("client_cash:cli_anna", "-100000"))
    books.post("deposit", ("segregated_nostro", "5"), ("client_cash:cli_boris", "-5"))
    books.post("capital", ("own_nostro", "3000000"), ("capital", "-3000000"))
    books.post(
        "hedge",
        ("own_custody", "1"),
        ("position", "-1"),
        ("currency_position", "2900000"),
        ("own_nostro", "-2900000"),
    )
    books.post(
        "trade",
        ("client_cash:cli_anna", "30150"),
        ("currency_position", "-30000"),
        ("fees", "-150"),
        ("position", "0.01"),
        ("client_crypto:cli_anna", "-0.01"),
    )


def book_id(books: Books) -> str:
    return ids.show("bok", books.book_id)


def account_id(books: Books, name: str) -> str:
    return ids.show("acc", books.accounts[name])


def pages(reader: Reader, path: str) -> Iterator[dict[str, Any]]:
    """Go through every page, as a client does."""
    cursor = ""
    while True:
        page = reader.get(path + cursor)
        yield from page["data"]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            return
        cursor = f"&cursor={page['next_cursor']}"
