"""Refusals and how they are told: every error of the API as a problem document (RFC 9457).

Here: `Refused` and `Malformed`, what the database's refusals and failures mean, and the edge that
renders them: DRF's exception handler and Django's error views. Not here: any rule.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import psycopg
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.html import format_html
from rest_framework import exceptions
from rest_framework.request import Request

from common import ids

API = "/v1/"
CONTENT_TYPE = "application/problem+json"
REQUEST_ID = "perimeter.request_id"  # the key of the request's META
MAX_ERRORS = 100

# A refusal is 422 unless it is here: what is missing, forbidden, or in the way for now.
STATUS = {
    "NOT_FOUND": 404,
    "BANK_UNKNOWN": 404,
    "NOT_YOUR_BANK": 404,
    "SCOPE_MISSING": 403,
    "IDEMPOTENCY_IN_PROGRESS": 409,
    "STATUS_CONFLICT": 409,
    "ALREADY_PROPOSED": 409,
    "CLIENT_ORDER_ID_TAKEN": 409,
    "PROPOSAL_NOT_PENDING": 409,
    "MAKER_IS_CHECKER": 403,
    "NOT_ONESELF": 403,
    "LOGIN_LOCKED": 429,
}

# What PostgreSQL says when the same request may well succeed a moment later.
_TRY_AGAIN = frozenset({"40001", "40P01", "55P03", "57014"})
_REFUSALS, _CODE = "PM", re.compile(r"[A-Z][A-Z0-9_]*")

_log = logging.getLogger(__name__)


class Refused(Exception):
    """A rule says no. `code` is the rule's one UPPER_SNAKE name, `facts` what it was judged on."""

    def __init__(self, code: str, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.facts = dict(facts or {})

    @property
    def status(self) -> int:
        """The HTTP status it is told with."""
        return STATUS.get(self.code, 422)

    @property
    def detail(self) -> str:
        """The refusal and its facts as a sentence."""
        facts = ", ".join(f"{name} {_plain(value)}" for name, value in self.facts.items())
        return f"{_title(self.code)}: {facts}." if facts else f"{_title(self.code)}."

    def entry(self) -> dict[str, Any]:
        """Return its line in a problem's `errors`."""
        return {"code": self.code, "detail": self.detail, "facts": self.facts}


class Overtaken(Exception):
    """What was decided on has changed meanwhile: decide once more, in a new transaction."""


class Malformed(Refused):
    """The request itself is wrong; `where` names the `pointer`, `parameter` or `header`."""

    status = 400
    detail = ""

    def __init__(self, code: str, detail: str, *, status: int = 400, **where: str) -> None:
        super().__init__(code)
        self.detail = detail
        self.status = status
        self.where = where

    def entry(self) -> dict[str, Any]:
        return {**self.where, "code": self.code, "detail": self.detail}


def refusal_of(error: BaseException | None) -> Refused | None:
    """Return the refusal that the database raised, if it is one: SQLSTATE class PM.

    The message is the code, the DETAIL a JSON object of facts. A message that is no code (a
    guard's, such as append-only) is a bug and not a refusal.
    """
    found = _from_database(error)
    if found is None or not (found.sqlstate or "").startswith(_REFUSALS):
        return None
    code = found.diag.message_primary or ""
    if _CODE.fullmatch(code) is None:
        return None
    return Refused(code, json.loads(found.diag.message_detail or "{}", parse_float=Decimal))


def request_id(request: HttpRequest | Request) -> str:
    """Return the request's id: the one that it came with, or a fresh `req_…`."""
    if REQUEST_ID not in request.META:
        request.META[REQUEST_ID] = ids.show("req", ids.new())
    shown: str = request.META[REQUEST_ID]
    return shown


def refused(request: HttpRequest | Request, refusals: Sequence[Refused]) -> HttpResponse:
    """Tell one or more refusals, in their order of precedence: the first one names the problem."""
    return _document(request, _of_refusals(refusals))


def pointer_step(name: str) -> str:
    """Return `name` as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Tell any exception that a view raised; log what is ours. DRF's `EXCEPTION_HANDLER`."""
    problem, request = _of(error), context["request"]
    if problem.status >= 500:
        level = logging.ERROR if problem.code == _BUG.code else logging.WARNING
        _log.log(
            level,
            "%s %r failed (%s)",
            request.method,
            request.path,
            request_id(request),
            exc_info=error,
        )
    return _document(request, problem)


def page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Tell what went wrong outside the API's views; Django's `handler400` to `handler500`."""
    problem = _of(exception or sys.exc_info()[1])
    if request.path.startswith(API):
        return _document(request, problem)
    return HttpResponse(
        format_html(
            '<!doctype html><html lang="en"><title>{0}</title><h1>{0}</h1><p>{1}</p><p>{2}</p>',
            _title(problem.code),
            problem.detail,
            request_id(request),
        ),
        status=problem.status,
        headers=problem.headers,
    )


# --- What an exception means ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Problem:
    status: int
    code: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


_BUG = _Problem(500, "INTERNAL_SERVER_ERROR", "Something went wrong on our side; it is logged.")
_BUSY = _Problem(
    503, "TRY_AGAIN", "Others were in the way; send the same again.", headers={"Retry-After": "1"}
)
_DOWN = _Problem(
    503,
    "SERVICE_UNAVAILABLE",
    "The database does not answer; send the same again later.",
    headers={"Retry-After": "5"},
)
_DJANGO: tuple[tuple[type[Exception], int, str], ...] = (
    (Http404, 404, "There is nothing here."),
    (PermissionDenied, 403, "This is not allowed."),
    (RequestDataTooBig, 413, "The request is larger than this server takes."),
    (SuspiciousOperation, 400, "The request is malformed."),
    (BadRequest, 400, "The request is malformed."),
    (MultiPartParserError, 400, "The request is malformed."),
)


def _of(error: BaseException | None) -> _Problem:
    refusal = error if isinstance(error, Refused) else refusal_of(error)
    if refusal is not None:
        return _of_refusals([refusal])
    if isinstance(error, exceptions.APIException):
        return _of_drf(error)
    if isinstance(error, OperationalError | InterfaceError):
        found = _from_database(error)
        return _BUSY if found is not None and found.sqlstate in _TRY_AGAIN else _DOWN
    for kind, status, detail in _DJANGO:
        if isinstance(error, kind):
            return _Problem(status, _code(status), detail)
    return _BUG


def _of_refusals(refusals: Sequence[Refused]) -> _Problem:
    first = refusals[0]
    return _Problem(first.status, first.code, first.detail, [each.entry() for each in refusals])


def _of_drf(error: exceptions.APIException) -> _Problem:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_entries(error.detail))[:MAX_ERRORS]
        return _Problem(400, "INVALID_REQUEST", "The request does not say what it must.", errors)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        scheme = getattr(error, "auth_header", "Bearer")
        return _Problem(401, _code(401), str(error.detail), headers={"WWW-Authenticate": scheme})
    if isinstance(error, exceptions.Throttled):
        wait = str(getattr(error, "wait", ""))  # in whole seconds
        detail = f"The key asks too often; send the same again in {wait} s."
        return _Problem(429, "RATE_EXCEEDED", detail, headers={"Retry-After": wait})
    return _Problem(error.status_code, _code(error.status_code), str(error.detail))


def _entries(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested details; `pointer` is a JSON pointer into the body."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = name == "non_field_errors"
            yield from _entries(inner, pointer if own else f"{pointer}/{pointer_step(str(name))}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _entries(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield {
            "pointer": pointer,
            "code": (detail.code or "invalid").upper(),
            "detail": str(detail),
        }


def _from_database(error: BaseException | None) -> psycopg.Error | None:
    """Return psycopg's error: `error` itself, or what Django's wrapper of it was raised from."""
    for candidate in (error, getattr(error, "__cause__", None)):
        if isinstance(candidate, psycopg.Error):
            return candidate
    return None


# --- How it is written ----------------------------------------------------------------------------


def _document(request: HttpRequest | Request, problem: _Problem) -> HttpResponse:
    document = {
        "type": "/problems/" + problem.code.lower().replace("_", "-"),
        "title": _title(problem.code),
        "status": int(problem.status),
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id(request),
        "errors": problem.errors,
    }
    return HttpResponse(
        json.dumps(document, default=_plain),  # ASCII: what was echoed cannot break the encoding
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=problem.headers,
    )


def _code(status: int) -> str:
    return HTTPStatus(status).name


def _title(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)
