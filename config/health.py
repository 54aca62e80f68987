"""Is the process up, and can it work? For whoever starts it and sends it requests."""

import logging
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, JsonResponse

from common import tenancy
from config.celery import app

log = logging.getLogger(__name__)


def healthz(request: HttpRequest) -> JsonResponse:
    """Say that the process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Say of the database and of the broker whether they serve; 503 if one does not."""
    found = {name: _outcome(name, check) for name, check in _CHECKS.items()}
    ready = all(outcome == "ok" for outcome in found.values())
    return JsonResponse(found, status=200 if ready else 503)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, perimeter_schema_digest()")
        role, digest = cursor.fetchone()
    if role != tenancy.APP:
        raise RuntimeError(f"connected as {role}, not as {tenancy.APP}")
    if digest != tenancy.schema_digest():
        raise RuntimeError("the schema is not this program's: run `manage.py migrate`")


def _broker() -> None:
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


_CHECKS: dict[str, Callable[[], None]] = {"database": _database, "broker": _broker}


def _outcome(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except Exception:
        log.exception("%s is not ready", name)
        return "failed"
    return "ok"
