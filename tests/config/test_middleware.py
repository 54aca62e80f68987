"""What every request passes: its id, its headers, and whom it acts for."""

import logging
from collections.abc import Callable, Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from common import errors, ids, models, tenancy, users
from config import logs
from config.middleware import ADMIN

pytestmark = pytest.mark.usefixtures("house")

PASSWORD = "a long walk on the quay"


def add(house: users.House, username: str, role: users.Role) -> models.User:
    with tenancy.acting(house.bank_id, house.office):
        return users.create_user(username=username, name="Ann", role=role, password=PASSWORD)


@pytest.fixture
def ann(bank: models.Bank) -> models.User:
    return add(users.house_of(bank.code), "ann", users.Role.AUDITOR)


def logged_in(user: models.User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


# --- The request's id ----------------------------------------------------------------------------


def test_a_well_formed_request_id_is_taken_over(client: Client) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": "abc-123.DEF_4"})
    assert response["X-Request-ID"] == "abc-123.DEF_4"


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "with a blank", "new\tline", "ключ-12345"]
)
def test_any_other_request_id_is_replaced(client: Client, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})
    assert response["X-Request-ID"].startswith("req_")


def test_a_problem_and_its_answer_name_the_same_request(client: Client) -> None:
    response = client.get("/v1/nothing", headers={"X-Request-ID": "abc-12345"})
    assert response.json()["request_id"] == response["X-Request-ID"] == "abc-12345"


def test_a_record_of_the_log_is_one_line_with_the_request_and_without_the_row() -> None:
    formatter = logs.OneLine("{request_id} {message}", style="{")
    token = logs.request_id.set("req_1")
    try:
        raise IntegrityError("duplicate key\nDETAIL:  Key (username)=(ann) already exists.")
    except IntegrityError as error:
        cause = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "two\nlines", (), cause)
    line = formatter.format(record)
    logs.request_id.reset(token)
    assert line.startswith(r"req_1 two\nlines\nTraceback")
    assert line.endswith("IntegrityError: duplicate key")
    assert "\n" not in line


# --- Headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["/healthz", "/v1/docs", "/v1/nothing", "/nothing", "/v1/me"])
def test_nothing_but_the_admin_runs_inline_script(client: Client, page: str) -> None:
    response = client.get(page)
    assert "script-src 'self';" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["/healthz", "/admin/login/", "/v1/docs"])
def test_no_page_reaches_another_host_or_is_framed(client: Client, page: str) -> None:
    response = client.get(page)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert "no-store" in response["Cache-Control"]


# --- Whom it acts for ----------------------------------------------------------------------------


def acting_now(request: HttpRequest) -> HttpResponse:
    """Tell who acts, as the view and as the database know it."""
    acting = tenancy.current()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, perimeter_bank()")
        role, bank = cursor.fetchone()
    return HttpResponse(f"{acting.actor.label} {acting.request_id} {role} {bank}")


def write_and(request: HttpRequest, ending: str) -> HttpResponse:
    """Write a row, and end well, badly, or not at all."""
    assert isinstance(request.user, models.User)
    models.ApiKey.objects.create(
        bank_id=request.user.bank_id,
        user_id=request.user.pk,
        name=ending,
        prefix=ids.new().hex[-16:],
        scopes=[],
        expires_at="2030-01-01T00:00Z",
    )
    if ending == "raise":
        raise RuntimeError
    if ending == "sql":
        models.User(pk=request.user.pk).save(force_insert=True)
    return HttpResponse(status=int(ending))


urlpatterns = [
    path("admin/acting/", acting_now),
    path("admin/write/<str:ending>/", write_and),
    path("acting/", acting_now),
    path("", include("config.urls")),
]
handler500 = "common.errors.page"


@pytest.fixture
def probes() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.mark.usefixtures("probes")
def test_an_admin_page_acts_for_the_session_s_user(ann: models.User) -> None:
    answer = logged_in(ann).get("/admin/acting/", headers={"X-Request-ID": "abc-12345"})
    label = users.actor_of(ann).label
    assert answer.content.decode() == f"{label} abc-12345 perimeter_app {ann.bank_id}"


@pytest.mark.usefixtures("probes")
def test_a_supervisor_s_page_runs_in_the_role_that_writes_no_bank(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    officer = add(users.house_of(f"gov.{make_state().code}"), "ann", users.Role.SUPERVISOR)
    answer = logged_in(officer).get("/admin/acting/")
    assert answer.content.decode().endswith(" perimeter_supervisor None")


@pytest.mark.usefixtures("probes")
def test_outside_the_admin_a_session_acts_for_nobody(ann: models.User) -> None:
    assert logged_in(ann).get("/acting/").status_code == 500


@pytest.mark.usefixtures("probes")
def test_a_session_without_a_user_acts_for_nobody(client: Client) -> None:
    client.raise_request_exception = False
    assert client.get("/admin/acting/").status_code == 500


@pytest.mark.usefixtures("probes")
@pytest.mark.parametrize(
    ("ending", "kept"),
    [("200", 1), ("302", 1), ("400", 0), ("409", 0), ("500", 0), ("raise", 0), ("sql", 0)],
)
def test_what_a_page_wrote_is_kept_unless_it_ends_badly(
    ann: models.User, ending: str, kept: int
) -> None:
    answer = logged_in(ann).post(f"/admin/write/{ending}/")
    assert answer.status_code == (int(ending) if ending.isdigit() else 500)
    with tenancy.acting(ann.bank_id, users.job("tests", ann.bank_id)):
        assert models.ApiKey.objects.filter(name=ending).count() == kept


@pytest.mark.usefixtures("probes")
def test_a_deactivated_user_s_session_acts_for_nobody(ann: models.User) -> None:
    client = logged_in(ann)
    with tenancy.acting(ann.bank_id, users.job("tests", ann.bank_id)):
        models.User.objects.filter(pk=ann.pk).update(is_active=False)
    assert client.get("/admin/acting/").status_code == 500


def test_nothing_of_the_bank_stays_on_the_connection(ann: models.User) -> None:
    assert logged_in(ann).get(ADMIN).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, perimeter_bank(), perimeter_jurisdiction()")
        assert cursor.fetchone() == (tenancy.APP, None, None)
    assert not LogEntry.objects.exists()
    assert not models.User.objects.filter(pk=ann.pk).exists()


def test_a_refusal_of_the_admin_is_told_with_its_status(ann: models.User) -> None:
    response = logged_in(ann).get("/admin/common/user/add/")
    assert response.status_code == 403
    assert errors.CONTENT_TYPE not in response["Content-Type"]
