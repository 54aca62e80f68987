"""What the OpenAPI document says of problems: which an operation can give, and how they look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from common import errors, ids


class ProblemOut(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = serializers.ListField(child=serializers.DictField())  # type: ignore[assignment]


_MALFORMED = errors.Malformed(
    "PARAMETER_INVALID", "A page has 1 to 200 rows.", parameter="limit"
).entry()
# Status, code, when, what stands in the example's `errors`.
_Kind = tuple[int, str, str, list[dict[str, Any]]]
_BAD: _Kind = (400, "PARAMETER_INVALID", "The request is malformed.", [_MALFORMED])
_NOBODY: _Kind = (401, "UNAUTHORIZED", "No API key, or one that is not good.", [])
_SCOPE: _Kind = (403, "SCOPE_MISSING", "The key lacks the scope.", [])
_ABSENT: _Kind = (404, "NOT_FOUND", "There is none, or it is another's.", [])
_RUNNING: _Kind = (409, "IDEMPOTENCY_IN_PROGRESS", "The first request of this key still runs.", [])
_REUSED: _Kind = (
    422,
    "IDEMPOTENCY_KEY_REUSED",
    "The key was another request's, or a rule refuses.",
    [],
)


def of_operation(
    path: str, *, scoped: bool, idempotent: bool, schema: dict[str, Any]
) -> dict[str, Any]:
    """Return the OpenAPI responses of the problems that any operation of this kind can give."""
    kinds = [_BAD, _NOBODY]
    kinds += [_SCOPE] if scoped else []
    kinds += [_ABSENT] if "{" in path else []
    kinds += [_RUNNING, _REUSED] if idempotent else []
    return {
        str(status): {
            "description": description,
            "content": {
                errors.CONTENT_TYPE: {
                    "schema": schema,
                    "example": example(status, code, description, entries),
                }
            },
        }
        for status, code, description, entries in kinds
    }


def example(
    status: int, code: str, detail: str, entries: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return a problem document as an example."""
    return {
        "type": "/problems/" + code.lower().replace("_", "-"),
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": ids.show("req", UUID("017f2c57-5e80-7000-8000-000000000001")),
        "errors": entries or [],
    }
