"""What every request passes: its id, the headers of its answer, and whom it acts for."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import auth
from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from common import errors, models, tenancy, users
from config import logs

Handler = Callable[[HttpRequest], HttpResponseBase]

ADMIN = "/admin/"

# --- The request's id ----------------------------------------------------------------------------

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id(get_response: Handler) -> Handler:
    """Know each request by an id, the sender's if well-formed: in the log and in the answer."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        if _REQUEST_ID.fullmatch(given):
            request.META[errors.REQUEST_ID] = given
        chosen = errors.request_id(request)
        token = logs.request_id.set(chosen)
        try:
            response = get_response(request)
        finally:
            logs.request_id.reset(token)
        response["X-Request-ID"] = chosen
        return response

    return handle


# --- Headers -------------------------------------------------------------------------------------

_STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# The admin's pages run on Alpine, which compiles the expressions that stand in their attributes.
_ADMIN = _STRICT | {
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
}


def security_headers(get_response: Handler) -> Handler:
    """Let a page load from its own host alone, and let nobody store what is not a static file."""
    strict, admin = (
        "; ".join(f"{name} {sources}" for name, sources in policy.items())
        for policy in (_STRICT, _ADMIN)
    )

    def handle(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        in_admin = request.path.startswith(ADMIN)
        response["Content-Security-Policy"] = admin if in_admin else strict
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        response.setdefault("Cache-Control", "no-store")
        return response

    return handle


# --- Whom it acts for ----------------------------------------------------------------------------


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    """Load the session's user inside the user's bank, and run the admin's pages there.

    Sessions are the admin's: elsewhere nobody is logged in, and an API key says who it is.
    """

    async_capable = False

    _LOCAL = ZoneInfo("Europe/Moscow")  # whose days the business days are
    _LOGIN = ADMIN + "login/"  # perhaps as another bank's user: belongs to no transaction
    # One's own session and password are the office's business: a supervisor's role writes neither.
    _OWN = frozenset({ADMIN + "logout/", ADMIN + "password_change/"})

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        handle = cast(Handler, self.get_response)
        request.user = AnonymousUser()
        if not request.path.startswith(ADMIN) or users.SESSION_BANK not in request.session:
            return handle(request)
        bank = request.session[users.SESSION_BANK]
        bank_id = UUID(bank) if bank else None
        office = users.job("office", bank_id, UUID(request.session[users.SESSION_STATE]))
        with tenancy.acting(bank_id, office):
            request.user = auth.get_user(request)
        if not isinstance(request.user, models.User) or request.path == self._LOGIN:
            return handle(request)
        actor = office if request.path in self._OWN else users.actor_of(request.user)
        acting = tenancy.acting(bank_id, actor, request_id=logs.request_id.get())
        with suppress(_Undone), timezone.override(self._LOCAL), acting:
            response = handle(request)
            if response.status_code >= 400:  # also what a view raised: Django has rendered it
                raise _Undone
        return response


class _Undone(Exception):
    """Nothing went wrong here: it rolls back what a view wrote."""
