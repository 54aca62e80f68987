"""Every error that the API can give, told as a problem document."""

import logging
from collections.abc import Callable

import pytest
from django.http import HttpResponse

from common import errors, models
from tests.common import caller

pytestmark = pytest.mark.urls("tests.common.edge_urls")


@pytest.fixture(scope="module")
def clerk(make_bank: Callable[[], models.Bank]) -> caller.Caller:
    return caller.Caller(make_bank())


@pytest.mark.parametrize("path", ["/v1/faults/", "/v1/plain/"])
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("refused", 422, "LIMIT_EXCEEDED"),
        ("unfound", 404, "NOT_FOUND"),
        ("forbidden", 403, "FORBIDDEN"),
        ("large", 413, "REQUEST_ENTITY_TOO_LARGE"),
        ("suspicious", 400, "BAD_REQUEST"),
        ("bug", 500, "INTERNAL_SERVER_ERROR"),
        ("ledger", 422, "INSUFFICIENT_FUNDS"),
        ("guard", 500, "INTERNAL_SERVER_ERROR"),
        ("deadlock", 503, "TRY_AGAIN"),
        ("serialization", 503, "TRY_AGAIN"),
        ("lock_timeout", 503, "TRY_AGAIN"),
        ("statement_timeout", 503, "TRY_AGAIN"),
        ("shutdown", 503, "SERVICE_UNAVAILABLE"),
        ("forbidden_sql", 500, "INTERNAL_SERVER_ERROR"),
        ("broken_sql", 500, "INTERNAL_SERVER_ERROR"),
    ],
)
def test_what_is_raised_is_told_with_its_status_and_nothing_more(
    clerk: caller.Caller, path: str, kind: str, status: int, code: str
) -> None:
    response = clerk.send("GET", path + kind)
    told = caller.problem(response)
    assert (response.status_code, told["code"]) == (status, code)
    assert ("Retry-After" in response.headers) == (status == 503)


def test_a_refusal_is_told_with_its_facts(clerk: caller.Caller) -> None:
    told = caller.problem(clerk.send("GET", "/v1/faults/refused"))
    assert told["title"] == "Limit exceeded"
    assert told["detail"] == "Limit exceeded: limit 1000."
    assert told["errors"] == [
        {"code": "LIMIT_EXCEEDED", "detail": told["detail"], "facts": {"limit": "1000"}}
    ]


def test_the_databases_refusal_is_told_with_its_facts(clerk: caller.Caller) -> None:
    told = caller.problem(clerk.send("GET", "/v1/faults/ledger"))
    assert told["errors"][0]["facts"] == {"asset": "RUB", "short": "1.10"}


def test_several_refusals_are_all_listed(clerk: caller.Caller) -> None:
    told = caller.problem(clerk.post({"name": "reject"}))
    assert told["code"] == "HALTED"
    assert [each["code"] for each in told["errors"]] == ["HALTED", "LIMIT_EXCEEDED"]


def test_no_exception_of_another_kind_is_taken_for_a_refusal() -> None:
    assert errors.refusal_of(RuntimeError("PM001")) is None
    assert errors.refusal_of(None) is None


@pytest.mark.parametrize("kind", ["bug", "guard"])
def test_a_bug_is_logged_with_its_traceback(
    clerk: caller.Caller, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    told = caller.problem(clerk.send("GET", f"/v1/faults/{kind}"))
    [record] = [each for each in caplog.records if each.name == "common.errors"]
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert "secret" in caplog.text
    assert told["request_id"] in record.getMessage()


def test_contention_is_no_error_in_the_log(
    clerk: caller.Caller, caplog: pytest.LogCaptureFixture
) -> None:
    clerk.send("GET", "/v1/faults/lock_timeout")
    assert {each.levelno for each in caplog.records if each.name == "common.errors"} == {
        logging.WARNING
    }


def test_a_refusal_is_not_logged(clerk: caller.Caller, caplog: pytest.LogCaptureFixture) -> None:
    clerk.send("GET", "/v1/faults/refused")
    assert not [each for each in caplog.records if each.name == "common.errors"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer sk_wrong", "Basic YTpi"])
def test_who_does_not_say_who_they_are_is_asked_for_a_key(
    clerk: caller.Caller, authorization: str
) -> None:
    response = clerk.send("GET", "/v1/notes", Authorization=authorization)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert caller.problem(response)["code"] == "UNAUTHORIZED"


def test_a_request_without_any_authorization_is_asked_for_a_key(clerk: caller.Caller) -> None:
    response: HttpResponse = clerk.client.get("/v1/notes")  # type: ignore[assignment]
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert caller.problem(response)["status"] == 401


def test_a_missing_scope_is_named(bank: models.Bank) -> None:
    told = caller.problem(caller.Caller(bank, "ledger:read").send("GET", "/v1/notes"))
    assert (told["status"], told["code"]) == (403, "SCOPE_MISSING")
    assert told["errors"][0]["facts"] == {"scope": "outbox:read"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"])
def test_another_method_is_refused_and_the_right_ones_are_named(
    clerk: caller.Caller, method: str
) -> None:
    response = clerk.send(method, "/v1/notes")
    assert caller.problem(response)["code"] == "METHOD_NOT_ALLOWED"
    assert response.headers["Allow"] == "GET, POST"


def test_what_the_caller_does_not_accept_is_refused(clerk: caller.Caller) -> None:
    response = clerk.send("GET", "/v1/notes", Accept="text/html")
    assert caller.problem(response)["code"] == "NOT_ACCEPTABLE"
    assert response.status_code == 406


@pytest.mark.parametrize(
    "content_type", ["text/plain", "", "application/json; charset=utf-16", "text/json"]
)
def test_another_media_type_is_refused(clerk: caller.Caller, content_type: str) -> None:
    response = clerk.send("POST", "/v1/notes", b"{}", content_type=content_type)
    assert response.status_code == 415
    assert caller.problem(response)["code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_too_many_requests_are_told_when_to_come_back(clerk: caller.Caller) -> None:
    response = clerk.send("GET", "/v1/faults/throttled")
    assert caller.problem(response)["code"] == "RATE_EXCEEDED"
    assert response.headers["Retry-After"] == "7"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/%ff%fe", "/v1/%00", "/v1/notes/%00"])
def test_a_path_that_leads_nowhere_is_not_found(clerk: caller.Caller, path: str) -> None:
    assert caller.problem(clerk.send("GET", path))["code"] == "NOT_FOUND"


def test_another_host_is_refused(clerk: caller.Caller) -> None:
    response = clerk.send("GET", "/v1/notes", Host="elsewhere.example")
    assert caller.problem(response)["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/%3Cscript%3Ealert(1)%3C/script%3E", 404),
        ("/plain/bug", 500),
        ("/plain/forbidden", 403),
        ("/plain/suspicious", 400),
        ("/plain/deadlock", 503),
    ],
)
def test_outside_the_api_an_error_is_a_page_that_echoes_nothing(
    clerk: caller.Caller, path: str, status: int
) -> None:
    response = clerk.send("GET", path)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert b"secret" not in response.content
    assert b"script" not in response.content


def test_fields_are_named_by_their_pointer(clerk: caller.Caller) -> None:
    body = {"lines": [{"amount": "1.00"}, {"amount": 1}, {}, 7], "name": "x" * 101}
    told = caller.problem(clerk.post(body))
    assert (told["status"], told["code"]) == (400, "INVALID_REQUEST")
    assert [(each["pointer"], each["code"]) for each in told["errors"]] == [
        ("/name", "MAX_LENGTH"),
        ("/lines/1/amount", "NOT_A_STRING"),
        ("/lines/2/amount", "REQUIRED"),
        ("/lines/3", "INVALID"),
    ]


def test_a_pointer_escapes_what_it_must(clerk: caller.Caller) -> None:
    [entry] = caller.problem(clerk.post({"a/b~c": 1}))["errors"]
    assert entry["pointer"] == "/a~1b~0c"


def test_no_more_errors_are_listed_than_anybody_reads(clerk: caller.Caller) -> None:
    told = caller.problem(clerk.post({f"field{number}": 1 for number in range(5000)}))
    assert len(told["errors"]) == errors.MAX_ERRORS
