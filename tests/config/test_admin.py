"""The admin: who gets in, what a page shows, and that it changes nothing."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from common import ids, models, tenancy, users
from common.admin import ReadOnlyAdmin
from config.admin import SECTIONS
from config.middleware import ADMIN
from desk.queries import day
from tests.desk.desks import open_desk

pytestmark = pytest.mark.usefixtures("house")

PASSWORD = "a long walk on the quay"
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = datetime(2030, 1, 1, tzinfo=UTC)
LOGIN = ADMIN + "login/"
STAFF = sorted(set(users.Role) - {users.Role.CLIENT, users.Role.JOB})

Find = Callable[[users.Role], tuple[str, models.User]]


def add(code: str, role: users.Role) -> models.User:
    house = users.house_of(code)
    with tenancy.acting(house.bank_id, house.office):
        return users.create_user(
            username=role.replace("_", "-"), name="Ann", role=role, password=PASSWORD
        )


@pytest.fixture
def find(bank: models.Bank, make_state: Callable[[], models.Jurisdiction]) -> Find:
    """Give somebody of the role, with the code of the house."""

    def found(role: users.Role) -> tuple[str, models.User]:
        code = f"gov.{make_state().code}" if role in users.STATE else bank.code
        return code, add(code, role)

    return found


def session_of(user: models.User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def key_of(user: models.User) -> tuple[models.ApiKey, str]:
    with tenancy.acting(user.bank_id, users.job("office", user.bank_id)):
        return users.issue_key(user_id=user.pk, name="robot", scopes=(), expires_at=LATER, at=AT)


def pages() -> list[tuple[type[Model], ReadOnlyAdmin]]:
    return [(m, p) for m, p in admin.site._registry.items() if isinstance(p, ReadOnlyAdmin)]


def url(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


# --- The way in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", STAFF)
def test_each_role_of_staff_logs_in_and_sees_the_front_page(find: Find, role: users.Role) -> None:
    code, user = find(role)
    client = Client()
    answer = client.post(LOGIN, {"username": f"{user.username}@{code}", "password": PASSWORD})
    assert answer.status_code == 302
    page = client.get(answer["Location"])
    assert page.status_code == 200
    assert user.username in page.content.decode()


def test_the_front_page_shows_to_the_kopeck_what_a_fraction_of_a_coin_is_worth(
    bank: models.Bank, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day, "_price", lambda asset, at: Decimal("3000000.01"))
    open_desk(bank, stock="1.23456789")
    page = session_of(find(users.Role.OPERATIONS)[1]).get(ADMIN).content.decode()
    assert "3,703,703.68" in re.sub("<[^>]*>", "", page)


def test_no_client_gets_in(find: Find) -> None:
    code, user = find(users.Role.CLIENT)
    client = Client()
    answer = client.post(LOGIN, {"username": f"{user.username}@{code}", "password": PASSWORD})
    assert answer.status_code == 200
    assert client.get(ADMIN).status_code == 302


def test_a_wrong_name_is_told_as_a_wrong_password_is(find: Find) -> None:
    code, user = find(users.Role.DEALER)

    def told(login: str) -> list[str]:
        answer = Client().post(LOGIN, {"username": login, "password": "wrong"})
        return re.findall(r"Please enter[^<]*", answer.content.decode())

    wrong_password = told(f"{user.username}@{code}")
    assert len(wrong_password) == 1
    assert told(f"nobody@{code}") == wrong_password


def test_the_session_s_key_changes_at_login(find: Find) -> None:
    code, user = find(users.Role.DEALER)
    client = Client()
    session = client.session  # the client's own, before anybody logs in
    before = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = before or ""
    client.post(LOGIN, {"username": f"{user.username}@{code}", "password": PASSWORD})
    after = client.cookies[settings.SESSION_COOKIE_NAME]
    assert after.value not in ("", before)
    assert (after["httponly"], after["samesite"]) == (True, "Lax")
    assert after["secure"] == ("" if not settings.HTTPS else True)


def test_one_logs_in_over_another_banks_session(
    find: Find, make_bank: Callable[[], models.Bank]
) -> None:
    client = session_of(find(users.Role.DEALER)[1])
    other = make_bank()
    user = add(other.code, users.Role.AUDITOR)
    client.post(LOGIN, {"username": f"{user.username}@{other.code}", "password": PASSWORD})
    assert user.username in client.get(ADMIN).content.decode()


@pytest.mark.parametrize("role", [users.Role.AUDITOR, users.Role.SUPERVISOR])
def test_one_changes_one_s_password_and_leaves(find: Find, role: users.Role) -> None:
    code, user = find(role)
    client, new = session_of(user), "a longer walk along the quay"
    answer = client.post(
        ADMIN + "password_change/",
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert answer.status_code == 302
    assert client.get(ADMIN).status_code == 200
    assert client.post(ADMIN + "logout/").status_code == 200
    assert client.get(ADMIN).status_code == 302
    login = {"username": f"{user.username}@{code}", "password": new}
    assert Client().post(LOGIN, login).status_code == 302


# --- What a page shows ---------------------------------------------------------------------------


def test_every_page_of_the_admin_is_read_only() -> None:
    assert [p for p in admin.site._registry.values() if not isinstance(p, ReadOnlyAdmin)] == []


def test_every_page_has_a_known_scope_and_section() -> None:
    assert {page.scope for _, page in pages()} <= users.SCOPES
    assert {page.section for _, page in pages()} <= set(SECTIONS)


@pytest.mark.parametrize("role", STAFF)
def test_a_page_opens_to_those_who_hold_its_scope_alone(find: Find, role: users.Role) -> None:
    client = session_of(find(role)[1])
    front = client.get(ADMIN).content.decode()
    for model, page in pages():
        allowed = page.scope in users.ROLES[role]
        assert client.get(url(model, "changelist")).status_code == (200 if allowed else 403)
        assert (f'href="{url(model, "changelist")}"' in front) == allowed


def test_no_page_shows_another_banks_rows(find: Find, make_bank: Callable[[], models.Bank]) -> None:
    _, ours = find(users.Role.AUDITOR)
    other = make_bank()
    office = users.house_of(other.code).office
    with tenancy.acting(other.pk, office):
        theirs = users.create_user(
            username="canary-user", name="Canary", role=users.Role.DEALER, password=PASSWORD
        )
        key, _ = users.issue_key(
            user_id=theirs.pk, name="canary-key", scopes=(), expires_at=LATER, at=AT
        )
        event = models.OutboxEvent.objects.create(
            bank_id=other.pk, topic="canary-topic", payload={"who": "canary"}, at=AT
        )
    key_of(ours)
    client = session_of(ours)
    for row in (theirs, key, event, other):
        shown = client.get(url(type(row), "changelist")).content.decode()
        assert "canary" not in shown.lower()
        assert other.name not in shown
        # Django's answer to no such row: back to the front page, with a word about it.
        assert client.get(url(type(row), "change", row.pk)).status_code == 302
        assert client.get(url(type(row), "history", row.pk)).status_code == 302


def test_a_supervisor_sees_all_banks_of_the_jurisdiction_and_no_other(
    make_state: Callable[[], models.Jurisdiction], bank: models.Bank
) -> None:
    state = make_state()
    office = users.supervisor_of(state.pk)
    for number in (1, 2):
        users.register_bank(
            actor=office, code=f"{state.code}-{number}", name=f"Supervised {number}"
        )
    client = session_of(add(f"gov.{state.code}", users.Role.SUPERVISOR))
    shown = client.get(url(models.Bank, "changelist")).content.decode()
    assert "Supervised 1" in shown
    assert "Supervised 2" in shown
    assert bank.name not in shown


def test_no_page_shows_a_hash_or_a_secret(find: Find) -> None:
    _, user = find(users.Role.OPERATIONS)
    key, text = key_of(user)
    client = session_of(user)
    for row in (user, key):
        for page in (url(type(row), "changelist"), url(type(row), "change", row.pk)):
            shown = client.get(page).content.decode()
            assert ids.show(row.id_prefix, row.pk) in shown
            for secret in (user.password, "argon2", key.secret_sha256, text):
                assert secret not in shown


def test_a_row_is_found_by_the_id_that_people_see(find: Find) -> None:
    _, user = find(users.Role.AUDITOR)
    key, _ = key_of(user)
    other, _ = key_of(user)
    shown = session_of(user).get(url(models.ApiKey, "changelist"), {"q": ids.show("key", key.pk)})
    assert key.prefix in shown.content.decode()
    assert other.prefix not in shown.content.decode()


def test_no_page_names_another_host(find: Find) -> None:
    _, user = find(users.Role.AUDITOR)
    client = session_of(user)
    for page in (LOGIN, ADMIN, url(models.User, "changelist"), url(models.User, "change", user.pk)):
        shown = client.get(page).content.decode()
        assert re.findall(r'(?:src|href|action)="((?:https?:)?//[^"]*)"', shown) == []


# --- It changes nothing --------------------------------------------------------------------------


def test_nothing_is_added_changed_or_deleted_by_a_form(
    find: Find, bank: models.Bank, jurisdiction: models.Jurisdiction
) -> None:
    _, user = find(users.Role.OPERATIONS)
    key, _ = key_of(user)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        event = models.OutboxEvent.objects.create(bank=bank, topic="x", payload={}, at=AT)
    client = session_of(user)
    for row in (user, key, event, bank, jurisdiction):
        model = type(row)
        with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
            before = model.objects.filter(pk=row.pk).values().get()
        assert client.post(url(model, "add"), {"name": "x"}).status_code == 403
        assert client.post(url(model, "change", row.pk), {"name": "x"}).status_code == 403
        assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
        client.post(url(model, "changelist"), chosen)
        with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
            assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize(
    ("role", "revoked"), [(users.Role.OPERATIONS, True), (users.Role.AUDITOR, False)]
)
def test_a_key_is_revoked_by_whoever_may_and_it_is_recorded(
    find: Find, role: users.Role, revoked: bool
) -> None:
    _, user = find(role)
    key, text = key_of(user)
    chosen = {"action": "revoke", "_selected_action": str(key.pk)}
    session_of(user).post(url(models.ApiKey, "changelist"), chosen)
    assert (users.holder_of(text, at=AT) is None) == revoked
    with tenancy.acting(user.bank_id, users.job("tests", user.bank_id)):
        assert LogEntry.objects.filter(object_id=str(key.pk)).exists() == revoked
