"""What the OpenAPI document says of problems: which an operation can give, and how they look."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from common import errors, ids

_CODE = re.compile(r"[A-Z]+_[A-Z_]+")


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
_ACCEPT: _Kind = (406, "NOT_ACCEPTABLE", "The request accepts no JSON.", [])
_RUNNING: _Kind = (409, "IDEMPOTENCY_IN_PROGRESS", "The first request of this key still runs.", [])
_LENGTH: _Kind = (411, "LENGTH_REQUIRED", "The body's length is not declared.", [])
_LARGE: _Kind = (413, "BODY_TOO_LARGE", "The body is larger than 1 MiB.", [])
_MEDIA: _Kind = (415, "UNSUPPORTED_MEDIA_TYPE", "The body is not JSON in UTF-8.", [])
_REUSED: _Kind = (
    422,
    "IDEMPOTENCY_KEY_REUSED",
    "The key was another request's, or a rule refuses.",
    [],
)
_OFTEN: _Kind = (429, "RATE_EXCEEDED", "The key asks too often; `Retry-After` says how long.", [])
_BUG: _Kind = (500, "INTERNAL_SERVER_ERROR", "Something went wrong on our side; it is logged.", [])
_BUSY: _Kind = (503, "TRY_AGAIN", "Others were in the way; send the same again.", [])
_KINDS = (_BAD, _NOBODY, _SCOPE, _ABSENT, _ACCEPT, _RUNNING, _LENGTH, _LARGE, _MEDIA, _REUSED,
          _OFTEN, _BUG, _BUSY)  # fmt: skip


def of_operation(method: str, path: str, *, scoped: bool, idempotent: bool) -> dict[str, Any]:
    """Return the OpenAPI responses of the problems that any operation of this kind can give."""
    kinds = [_BAD, _NOBODY, _ACCEPT, _OFTEN, _BUG, _BUSY]
    kinds += [_SCOPE] if scoped else []
    kinds += [_ABSENT] if "{" in path or method != "GET" else []
    kinds += [_RUNNING, _REUSED] if idempotent else []
    kinds += [_LENGTH, _LARGE, _MEDIA] if method != "GET" else []
    return {str(kind[0]): {"$ref": f"#/components/responses/{_name(kind)}"} for kind in kinds}


def absent() -> dict[Any, OpenApiResponse]:
    """Return the OpenAPI response where a query or a body names what is not there."""
    status, code, description, _ = _ABSENT
    document = OpenApiExample(code, example(status, code, description), response_only=True)
    return {
        (status, errors.CONTENT_TYPE): OpenApiResponse(
            ProblemOut, description=description, examples=[document]
        )
    }


def share(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Write the problems that operations share into the document once; a hook of spectacular's."""
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    result["components"]["responses"] = {
        _name(kind): {
            "description": description,
            "content": {
                errors.CONTENT_TYPE: {
                    "schema": schema,
                    "example": example(status, code, description, entries),
                }
            },
        }
        for kind in _KINDS
        for status, code, description, entries in [kind]
    }
    return result


def _name(kind: _Kind) -> str:
    return kind[1].title().replace("_", "")


def refusals(description: str, kept: bool = True) -> dict[Any, OpenApiResponse]:
    """Return the OpenAPI response of what a command is refused with, by its codes."""
    told = f"Kept under the key: {description}" if kept else description
    code = _CODE.search(description)
    assert code is not None, description
    shown = example(422, code[0], "What it was judged on.", [{"code": code[0], "detail": "…"}])
    document = OpenApiExample(code[0], shown, response_only=True, status_codes=["422"])
    return {
        (422, errors.CONTENT_TYPE): OpenApiResponse(
            ProblemOut, description=told, examples=[document]
        )
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
