"""Who still gets in: ended, let in again, given a password, locked for a while."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from common import access, errors, ids, models, tenancy, users
from config.middleware import ADMIN

pytestmark = pytest.mark.usefixtures("house")

PASSWORD, ANOTHER = "a long walk on the quay", "seven quiet harbours"
NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LOGIN = ADMIN + "login/"
REASON = {"reason": "Leaves the bank."}


def add(bank: models.Bank, role: users.Role = users.Role.DEALER) -> models.User:
    with tenancy.acting(bank.pk, users.job("office", bank.pk)):
        name = role.value.replace("_", "-")
        return users.create_user(username=name, name="Ann", role=role, password=PASSWORD)


def key_of(user: models.User) -> str:
    now = timezone.now()
    with tenancy.acting(user.bank_id, users.job("office", user.bank_id)):
        _, text = users.issue_key(
            user_id=user.pk,
            name="robot",
            scopes=users.ROLES[users.Role(user.role)],
            expires_at=now + timedelta(days=1),
            at=now,
        )
    return text


def changes_of(user: models.User) -> list[tuple[str, str, str, str]]:
    with tenancy.acting(user.bank_id, users.job("tests", user.bank_id)):
        rows = models.StatusChange.objects.filter(subject_id=user.pk).order_by("id")
        return [(row.status_from, row.status_to, row.actor, row.reason) for row in rows]


class Clerk:
    """Somebody of the back office, with a key and a session."""

    def __init__(self, bank: models.Bank) -> None:
        self.user = add(bank, users.Role.OPERATIONS)
        self.key = key_of(self.user)
        self.label = ids.show("usr", self.user.pk)
        self.session = Client()
        self.session.force_login(self.user)

    def send(self, verb: str, path: str, body: Any = None, key: str = "") -> HttpResponse:
        headers = {"Authorization": f"Bearer {self.key}"} | (
            {"Idempotency-Key": key} if key else {}
        )
        sent = "" if body is None else json.dumps(body)
        answer = Client().generic(verb, f"/v1/{path}", sent, "application/json", headers=headers)
        assert isinstance(answer, HttpResponse)
        return answer

    def command(self, user: models.User, what: str, body: Any) -> HttpResponse:
        key = f"{what} {user.pk}" if what == "deactivate" else ""
        return self.send("POST", f"users/{ids.show('usr', user.pk)}/{what}", body, key)

    def press(self, user: models.User, what: str, form: dict[str, str]) -> HttpResponse:
        page = reverse(f"admin:common_user_{what}", args=[user.pk])
        answer = self.session.post(page, {"_form_submitted": "True", **form})
        assert isinstance(answer, HttpResponse)
        return answer


@pytest.fixture
def clerk(bank: models.Bank) -> Clerk:
    return Clerk(bank)


# --- Ended, and let in again ---------------------------------------------------------------------


def test_a_deactivated_users_key_session_and_login_stop_at_once(
    clerk: Clerk, bank: models.Bank
) -> None:
    dealer = add(bank)
    key, session = key_of(dealer), Client()
    session.force_login(dealer)
    bearer = {"Authorization": f"Bearer {key}"}
    assert Client().get("/v1/me", headers=bearer).status_code == 200
    assert session.get(ADMIN).status_code == 200
    told = clerk.command(dealer, "deactivate", REASON)
    assert (told.status_code, json.loads(told.content)["status"]) == (200, "INACTIVE")
    assert Client().get("/v1/me", headers=bearer).status_code == 401
    assert session.get(ADMIN).status_code == 302
    assert authenticate(username=f"dealer@{bank.code}", password=PASSWORD) is None
    assert changes_of(dealer) == [("ACTIVE", "INACTIVE", clerk.label, REASON["reason"])]


def test_who_is_let_in_again_has_a_new_password_no_key_and_no_old_session(
    clerk: Clerk, bank: models.Bank
) -> None:
    dealer = add(bank)
    key, session = key_of(dealer), Client()
    session.force_login(dealer)
    clerk.command(dealer, "deactivate", REASON)
    back = {"password": ANOTHER, "reason": "Came back."}
    assert clerk.command(dealer, "reactivate", back).status_code == 200
    login = f"dealer@{bank.code}"
    assert authenticate(username=login, password=PASSWORD) is None
    assert authenticate(username=login, password=ANOTHER) == dealer
    assert users.holder_of(key, at=timezone.now()) is None
    assert session.get(ADMIN).status_code == 302


def test_a_set_password_ends_the_sessions_and_is_kept_without_being_told(
    clerk: Clerk, bank: models.Bank
) -> None:
    dealer = add(bank)
    session = Client()
    session.force_login(dealer)
    told = clerk.command(dealer, "set-password", {"password": ANOTHER, "reason": "Forgotten."})
    assert told.status_code == 200
    assert ANOTHER not in told.content.decode()
    assert session.get(ADMIN).status_code == 302
    assert authenticate(username=f"dealer@{bank.code}", password=ANOTHER) == dealer
    assert changes_of(dealer) == [
        ("ACTIVE", "ACTIVE", clerk.label, "Password set: Forgotten."),
    ]


@pytest.mark.parametrize(
    ("first", "what", "body", "status", "code"),
    [
        ("deactivate", "deactivate", REASON, 409, "STATUS_CONFLICT"),
        ("", "reactivate", {"password": ANOTHER, **REASON}, 409, "STATUS_CONFLICT"),
        ("deactivate", "set-password", {"password": ANOTHER, **REASON}, 422, "USER_INACTIVE"),
        ("", "set-password", {"password": "password", **REASON}, 422, "PASSWORD_WEAK"),
        ("deactivate", "reactivate", {"password": "short", **REASON}, 422, "PASSWORD_WEAK"),
    ],
)
def test_what_cannot_be_done_is_refused(
    clerk: Clerk, bank: models.Bank, first: str, what: str, body: Any, status: int, code: str
) -> None:
    dealer = add(bank)
    if first:
        clerk.send("POST", f"users/{ids.show('usr', dealer.pk)}/{first}", REASON, "first")
    before = changes_of(dealer)
    told = clerk.command(dealer, what, body)
    assert (told.status_code, json.loads(told.content)["code"]) == (status, code)
    assert changes_of(dealer) == before


def test_nobody_ends_the_own_access(clerk: Clerk) -> None:
    told = clerk.command(clerk.user, "deactivate", REASON)
    assert (told.status_code, json.loads(told.content)["code"]) == (403, "NOT_ONESELF")


@pytest.mark.parametrize("what", ["deactivate", "reactivate", "set-password", ""])
def test_another_banks_user_is_not_found(
    clerk: Clerk, make_bank: Callable[[], models.Bank], what: str
) -> None:
    theirs = add(make_bank())
    if what:
        body = REASON if what == "deactivate" else {"password": ANOTHER, **REASON}
        told = clerk.command(theirs, what, body)
    else:
        told = clerk.send("GET", f"users/{ids.show('usr', theirs.pk)}")
    assert (told.status_code, json.loads(told.content)["code"]) == (404, "NOT_FOUND")
    assert changes_of(theirs) == []


@pytest.mark.parametrize("role", [users.Role.AUDITOR, users.Role.HEAD_OF_DESK])
def test_only_who_may_write_users_does(bank: models.Bank, clerk: Clerk, role: users.Role) -> None:
    dealer, other = add(bank), add(bank, role)
    clerk.key = key_of(other)
    told = clerk.command(dealer, "deactivate", REASON)
    assert (told.status_code, json.loads(told.content)["code"]) == (403, "SCOPE_MISSING")
    clerk.session.force_login(other)
    assert clerk.press(dealer, "deactivate", REASON).status_code == 403
    assert changes_of(dealer) == []


def test_people_are_listed_without_their_passwords(clerk: Clerk, bank: models.Bank) -> None:
    dealer = add(bank)
    told = clerk.send("GET", "users").content.decode()
    rows = json.loads(told)["data"]
    assert [row["username"] for row in rows] == ["dealer", "operations"]
    assert dealer.password not in told
    assert "argon2" not in told


def test_the_admin_ends_lets_in_and_sets_a_password(clerk: Clerk, bank: models.Bank) -> None:
    dealer, login = add(bank), f"dealer@{bank.code}"
    clerk.press(dealer, "deactivate", REASON)
    assert authenticate(username=login, password=PASSWORD) is None
    clerk.press(dealer, "reactivate", {"password": ANOTHER, "reason": "Came back."})
    assert authenticate(username=login, password=ANOTHER) == dealer
    clerk.press(dealer, "set_password", {"password": PASSWORD, "reason": "Forgotten."})
    assert authenticate(username=login, password=PASSWORD) == dealer
    assert [to for _, to, _, _ in changes_of(dealer)] == ["INACTIVE", "ACTIVE", "ACTIVE"]


def test_a_key_issued_while_its_user_is_ended_does_not_outlive_it(bank: models.Bank) -> None:
    """The one who comes second waits, and then finds nobody to give a key to."""
    dealer, office = add(bank), users.job("office", bank.pk)
    refused: list[str] = []

    def issue() -> None:
        try:
            key_of(dealer)
        except errors.Refused as refusal:
            refused.append(refusal.code)
        finally:
            connections.close_all()

    with tenancy.acting(bank.pk, office):
        access.deactivate_user(user_id=dealer.pk, reason="x", at=NOW, wall_at=NOW)
        thread = threading.Thread(target=issue)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(10)
    assert refused == ["USER_UNKNOWN"]


# --- The lock ------------------------------------------------------------------------------------


def tried(login: str, at: datetime = NOW, address: str = "192.0.2.1") -> bool:
    """Count a try; say if it was looked at."""
    try:
        access.count_try(login=login, address=address, wall_at=at)
    except errors.Refused as refusal:
        assert refusal.code == "LOGIN_LOCKED"  # noqa: PT017  any other is an error here
        return False
    return True


def test_after_five_wrong_passwords_no_more_is_looked_at_for_a_quarter_of_an_hour(
    bank: models.Bank,
) -> None:
    login = f"dealer@{bank.code}"
    assert [tried(login, NOW + n * MINUTE) for n in range(7)] == [True] * 5 + [False] * 2
    last = NOW + 4 * MINUTE
    assert not tried(login, last + access.LOCK - timedelta(seconds=1))
    assert [tried(login, last + access.LOCK) for _ in range(6)] == [True] * 5 + [False]


def test_other_addresses_and_other_logins_are_not_locked_with_it(bank: models.Bank) -> None:
    login = f"dealer@{bank.code}"
    for _ in range(6):
        tried(login)
    assert tried(login, address="192.0.2.2")
    assert tried(f"auditor@{bank.code}")


def test_a_login_is_locked_everywhere_after_a_hundred_wrong_passwords(bank: models.Bank) -> None:
    login = f"dealer@{bank.code}"
    assert all(tried(login, address=f"198.51.100.{n}") for n in range(access.TRIES_ANYWHERE))
    assert not tried(login, address="203.0.113.9")
    assert tried(login, NOW + access.LOCK, address="203.0.113.9")


def test_a_good_password_forgets_the_wrong_ones(bank: models.Bank) -> None:
    add(bank)
    login = f"dealer@{bank.code}"
    for _ in range(3):
        for _ in range(access.TRIES - 1):
            assert authenticate(username=login, password="wrong") is None
        assert authenticate(username=login, password=PASSWORD) is not None


def test_tries_at_the_same_moment_are_counted_one_by_one(bank: models.Bank) -> None:
    login, looked_at = f"dealer@{bank.code}", []

    def guess() -> None:
        looked_at.append(tried(login))
        connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert looked_at.count(True) == access.TRIES


def knock(login: str, password: str, **meta: str) -> tuple[int, str]:
    """Log in by the form; return the status and what it says."""
    answer = Client().post(LOGIN, {"username": login, "password": password}, **meta)  # type: ignore[arg-type]
    said = re.findall(r"Please enter[^<]*|Too many[^<]*", answer.content.decode())
    return answer.status_code, " ".join(said).strip()


def test_the_lock_is_told_plainly_and_alike_to_a_known_and_an_unknown_name(
    bank: models.Bank,
) -> None:
    dealer = add(bank)
    told = {}
    for name in ("dealer", "nobody"):
        login = f"{name}@{bank.code}"
        wrong = [knock(login, "wrong") for _ in range(access.TRIES)]
        told[name] = [*wrong, knock(login, PASSWORD)]  # even the right one is not looked at
    assert told["dealer"] == told["nobody"]
    assert told["dealer"][-1] == (
        200,
        "Too many wrong passwords. This login is locked here for another 15 min.",
    )
    assert len({said for _, said in told["dealer"][:-1]}) == 1
    assert changes_of(dealer) == [
        ("ACTIVE", "LOCKED", "job:login", "Too many wrong passwords from 127.0.0.1.")
    ]
    assert knock(f"dealer@{bank.code}", PASSWORD, REMOTE_ADDR="192.0.2.7")[0] == 302


@pytest.mark.parametrize(
    ("proxy", "meta", "address"),
    [
        (None, {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "198.51.100.7"}, "192.0.2.1"),
        (
            ("HTTP_X_FORWARDED_PROTO", "https"),
            {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "10.9.9.9, 198.51.100.7"},
            "198.51.100.7",
        ),
        (("HTTP_X_FORWARDED_PROTO", "https"), {"REMOTE_ADDR": "192.0.2.1"}, "192.0.2.1"),
        (None, {"REMOTE_ADDR": "2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::"),
        (None, {"REMOTE_ADDR": "unix:"}, ""),
    ],
)
def test_an_address_is_what_our_own_proxy_says(
    settings: Any, proxy: Any, meta: dict[str, str], address: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = proxy
    request: HttpRequest = RequestFactory().get("/", **meta)  # type: ignore[arg-type]
    assert access.address_of(request) == address


def test_a_count_keeps_no_name_and_is_deleted_when_it_no_longer_counts(bank: models.Bank) -> None:
    login = f"dealer@{bank.code}"
    tried(login, datetime(2020, 1, 1, tzinfo=UTC))
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM common_logintries t")
        rows = " ".join(row[0] for row in cursor.fetchall())
    assert bank.code not in rows
    assert "192.0.2.1" not in rows
    assert access.forget_tries(datetime(2020, 1, 2, tzinfo=UTC)) == 0
    assert access.forget_tries(datetime(2020, 1, 2, 0, 0, 1, tzinfo=UTC)) == 2
