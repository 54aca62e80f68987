"""The house's doors: what answers where."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from common import ids, models, tenancy, users
from config import embedded

pytestmark = pytest.mark.usefixtures("house")

PASSWORD = "a long walk on the quay"


def key_for(bank: models.Bank, role: users.Role, *scopes: str) -> tuple[models.ApiKey, Client]:
    """Make a user of the role and a key; return it with a client that sends it."""
    now = timezone.now()
    with tenancy.acting(bank.pk, users.job("office", bank.pk)):
        user = users.create_user(username="ann", name="Ann", role=role, password=PASSWORD)
        key, text = users.issue_key(
            user_id=user.pk, name="robot", scopes=scopes, expires_at=now + timedelta(days=1), at=now
        )
    return key, Client(headers={"Authorization": f"Bearer {text}"})


# --- Health --------------------------------------------------------------------------------------


def test_the_process_says_that_it_is_up(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_database_and_broker_say_that_they_serve(client: Client) -> None:
    embedded.ensure()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "ok"})


def test_another_programs_schema_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "schema_digest", lambda: "another")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "failed")


def test_another_role_than_the_applications_is_not_ready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE perimeter_supervisor")
        try:
            assert client.get("/readyz").json()["database"] == "failed"
        finally:
            cursor.execute("RESET ROLE")


def test_a_broker_that_does_not_answer_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")  # asked at each connection
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": "ok", "broker": "failed"})


# --- The API -------------------------------------------------------------------------------------


def test_a_key_tells_who_it_acts_as(bank: models.Bank) -> None:
    key, client = key_for(bank, users.Role.OPERATIONS, "ledger:read", "keys:read")
    assert client.get("/v1/me").json() == {
        "user_id": ids.show("usr", key.user_id),
        "role": "operations",
        "bank_id": ids.show("bnk", bank.pk),
        "jurisdiction_id": ids.show("jur", bank.jurisdiction_id),
        "scopes": ["keys:read", "ledger:read"],
    }


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer sk_x_y", f"Bearer sk_{'0' * 16}_{'A' * 43}"],
)
def test_a_bad_key_is_told_nothing_but_that(client: Client, authorization: str) -> None:
    answer = client.get("/v1/me", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert (answer.json()["code"], answer.json()["detail"]) == (
        "UNAUTHORIZED",
        "The API key is not good.",
    )


def test_no_key_at_all_is_unauthorised(client: Client) -> None:
    assert client.get("/v1/me").status_code == 401


def test_an_expired_and_a_revoked_key_are_told_the_same(bank: models.Bank) -> None:
    key, client = key_for(bank, users.Role.OPERATIONS)
    with tenancy.acting(bank.pk, users.job("office", bank.pk)):
        rows = models.ApiKey.objects.filter(pk=key.pk)
        rows.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    expired = client.get("/v1/me")
    with tenancy.acting(bank.pk, users.job("office", bank.pk)):
        rows.update(expires_at=key.expires_at, revoked_at=timezone.now())
    revoked = client.get("/v1/me")
    assert (expired.status_code, revoked.status_code) == (401, 401)
    assert expired.json()["detail"] == revoked.json()["detail"]


def test_a_key_without_the_scope_is_told_which_one(bank: models.Bank) -> None:
    _, client = key_for(bank, users.Role.OPERATIONS, "ledger:read")
    answer = client.get("/v1/api-keys")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert answer.json()["errors"][0]["facts"] == {"scope": "keys:read"}


def test_keys_are_listed_without_their_secrets(bank: models.Bank) -> None:
    key, client = key_for(bank, users.Role.AUDITOR, "keys:read")
    answer = client.get("/v1/api-keys")
    assert [row["id"] for row in answer.json()["data"]] == [ids.show("key", key.pk)]
    assert key.secret_sha256 not in answer.content.decode()
    assert "secret" not in json.dumps(answer.json())


def test_a_key_is_revoked_once_and_answered_again(bank: models.Bank) -> None:
    _, client = key_for(bank, users.Role.OPERATIONS, "keys:write")
    with tenancy.acting(bank.pk, users.job("office", bank.pk)):
        user = models.User.objects.get(username="ann")
        now = timezone.now()
        other, text = users.issue_key(
            user_id=user.pk, name="other", scopes=(), expires_at=now + timedelta(days=1), at=now
        )
    revoke = f"/v1/api-keys/{ids.show('key', other.pk)}/revoke"
    first, again = client.generic("POST", revoke), client.generic("POST", revoke)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.json()["revoked_at"] is not None
    assert users.holder_of(text, at=timezone.now()) is None


def test_another_banks_key_is_not_found(
    bank: models.Bank, make_bank: Callable[[], models.Bank]
) -> None:
    theirs, _ = key_for(make_bank(), users.Role.OPERATIONS)
    _, client = key_for(bank, users.Role.OPERATIONS, "keys:read", "keys:write")
    revoke = f"/v1/api-keys/{ids.show('key', theirs.pk)}/revoke"
    assert client.generic("POST", revoke).status_code == 404
    shown = client.get("/v1/api-keys").content.decode()
    assert theirs.prefix not in shown


def test_a_session_opens_no_door_of_the_api(bank: models.Bank) -> None:
    key, _ = key_for(bank, users.Role.OPERATIONS)
    client = Client()
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        user = models.User.objects.get(pk=key.user_id)
    client.force_login(user)
    assert client.get("/v1/me").status_code == 401


# --- The errors ----------------------------------------------------------------------------------


def test_what_is_not_there_is_a_problem_in_the_api_and_a_page_elsewhere(client: Client) -> None:
    api, page = client.get("/v1/nothing"), client.get("/nothing")
    assert (api.status_code, api["Content-Type"]) == (404, "application/problem+json")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")
