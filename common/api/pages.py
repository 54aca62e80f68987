"""Queries: parameters, ids in the path, and pages behind a cursor."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Collection
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import pagination, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import errors, ids
from common.api import fields

MAX_LIMIT = 200
LIMIT = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}
PAGE_PARAMETERS = ("limit", "cursor")

_INTEGER = re.compile("0|[1-9][0-9]{0,17}")
_ASSET = re.compile("[A-Z0-9]{1,12}")

_CURSOR = ids.show("cur", UUID("017f2c57-5e80-7000-8000-000000000001"))


def check_query(request: Request, known: Collection[str]) -> None:
    """Refuse query parameters that do not exist, stand twice or are not text.

    Raises: QUERY_NOT_UTF8, PARAMETER_UNKNOWN, PARAMETER_TWICE.
    """
    raw = request.META.get("QUERY_STRING", "").encode("latin-1")
    try:
        text = urllib.parse.unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        raise errors.Malformed("QUERY_NOT_UTF8", "The query is not UTF-8, or has a NUL in it.")
    for name, values in request.query_params.lists():
        if name not in known:
            detail = f"The parameters here are: {', '.join(sorted(known)) or 'none'}."
            raise errors.Malformed("PARAMETER_UNKNOWN", detail, parameter=name)
        if len(values) > 1:
            raise errors.Malformed("PARAMETER_TWICE", "Send it once.", parameter=name)


def parameter(request: Request, name: str, field: serializers.Field[Any, Any, Any, Any]) -> Any:
    """Return a query parameter as `field` reads it, None where it was not sent.

    Raises: PARAMETER_INVALID.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    is_number = isinstance(field, fields.IntegerField) and _INTEGER.fullmatch(text)
    try:
        return field.run_validation(int(text) if is_number else text)
    except serializers.ValidationError as error:
        raise _invalid_parameter(name, " ".join(map(str, error.detail))) from None


def described(
    name: str, field: fields.WrittenField, *, description: str = "", required: bool = False
) -> OpenApiParameter:
    """Return how the document tells of a query parameter that `field` reads."""
    told = fields.schema(field)
    return OpenApiParameter(name, told, description=description, required=required)


def path_id(prefix: str, text: str) -> UUID:
    """Read an id out of the path; one that is none is not found.

    Raises: NOT_FOUND.
    """
    try:
        return ids.parse(prefix, text)
    except ids.BadId:
        raise errors.Refused("NOT_FOUND") from None


def path_code(text: str) -> str:
    """Read an asset's code out of the path; one that is none is not found.

    Raises: NOT_FOUND.
    """
    if _ASSET.fullmatch(text) is None:
        raise errors.Refused("NOT_FOUND")
    return text


def page_limit(request: Request) -> int:
    """Return how many rows the request asks for at most.

    Raises: PARAMETER_INVALID.
    """
    text = request.query_params.get("limit", "50")
    if re.fullmatch("[1-9][0-9]{0,2}", text) is None or int(text) > MAX_LIMIT:
        raise _invalid_parameter("limit", f"A page has 1 to {MAX_LIMIT} rows.")
    return int(text)


class CursorPages(pagination.BasePagination):
    """Pages over UUIDv7 ids, the newest first; a cursor names the last row of the page before."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit = page_limit(request)
        after = parameter(request, "cursor", fields.IdField("cur"))
        rows = queryset.order_by("-id")
        if after is not None:
            rows = rows.filter(id__lt=after)
        found = list(rows[: limit + 1])
        self.has_more = len(found) > limit
        self.cursor = ids.show("cur", found[limit - 1].id) if self.has_more else None
        return found[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"data": data, "has_more": self.has_more, "next_cursor": self.cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "has_more", "next_cursor"],
            "properties": {
                "data": schema,
                "has_more": {"type": "boolean", "example": True},
                "next_cursor": {"type": ["string", "null"], "example": _CURSOR},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": "limit", "in": "query", "schema": LIMIT},
            {"name": "cursor", "in": "query", "schema": fields.schema(fields.IdField("cur"))},
        ]


def _invalid_parameter(name: str, detail: str) -> errors.Malformed:
    return errors.Malformed("PARAMETER_INVALID", detail, parameter=name)
