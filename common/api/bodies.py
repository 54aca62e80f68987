"""Request bodies: bounded, UTF-8, JSON that every reader reads alike."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import IO, TYPE_CHECKING, Any

from rest_framework import exceptions, parsers
from rest_framework.request import Request

from common import errors

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY = 1024 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 38

# A string is one token, closed or not, so that no text is searched twice.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJSONParser(parsers.BaseParser):
    """Read a body as `read_json` does, and leave its bytes in the context for the digest."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        assert isinstance(parser_context, dict)
        body = parser_context["body"] = stream.read(MAX_BODY + 1)
        return read_json(body)


def check_declared(request: Request) -> None:
    """Refuse what can be refused before the body is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and "Transfer-Encoding" in request.headers:
        raise errors.Malformed(
            "LENGTH_REQUIRED", "Send Content-Length.", status=411, header="Content-Length"
        )
    if length.isdecimal() and (len(length) > 18 or int(length) > MAX_BODY):
        raise _too_large()
    charset = request._request.content_params or {}
    if charset.get("charset", "utf-8").lower() != "utf-8":
        raise exceptions.UnsupportedMediaType(str(request.content_type))


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written, repeated keys included."""


def read_json(body: bytes) -> dict[str, Any]:
    """Read a JSON object, its fractions as Decimal; whatever two readers may read apart is refused.

    Raises: BODY_TOO_LARGE, BODY_NOT_UTF8, JSON_TOO_DEEP, JSON_MALFORMED, JSON_NOT_AN_OBJECT,
    JSON_KEY_TWICE, JSON_NUMBER_REFUSED, JSON_CHARACTER_REFUSED.
    """
    if len(body) > MAX_BODY:
        raise _too_large()
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8 at byte {error.start}."
        raise errors.Malformed("BODY_NOT_UTF8", detail) from None
    depth = 0
    for token in _TOKENS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            detail = f"The body nests deeper than {MAX_DEPTH} levels."
            raise errors.Malformed("JSON_TOO_DEEP", detail)
    try:
        read = json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_number,
        )
    except json.JSONDecodeError as error:
        detail = f"{error.msg} (line {error.lineno}, column {error.colno})."
        raise errors.Malformed("JSON_MALFORMED", detail) from None
    if not isinstance(read, _Pairs):
        raise errors.Malformed("JSON_NOT_AN_OBJECT", "The body is to be a JSON object.", pointer="")
    checked: dict[str, Any] = _checked(read, "")
    return checked


def bounded(application: WSGIApplication) -> WSGIApplication:
    """Read an API request's body of undeclared length up to the limit, and declare its length.

    Django reads no body without a Content-Length.
    """

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (
            not environ.get("CONTENT_LENGTH")
            and environ.get("wsgi.input_terminated")
            and environ["PATH_INFO"].startswith(errors.API)
        ):
            body = environ["wsgi.input"].read(MAX_BODY + 1)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return wrapped


def _too_large() -> errors.Malformed:
    detail = f"A body has at most {MAX_BODY} bytes."
    return errors.Malformed("BODY_TOO_LARGE", detail, status=413)


def _number(text: str) -> int | Decimal:
    if len(text) <= MAX_DIGITS and text.lstrip("-").isdigit():
        return int(text)
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond any number
        return Decimal("NaN")


def _checked(value: Any, pointer: str) -> Any:
    """Return `value` with dicts for pairs; refuse what cannot be kept, naming its JSON pointer."""
    if isinstance(value, _Pairs):
        read: dict[str, Any] = {}
        for key, inner in value:
            here = f"{pointer}/{errors.pointer_step(key)}"
            _checked(key, here)
            if key in read:
                detail = f"The key {json.dumps(key)} stands twice."
                raise errors.Malformed("JSON_KEY_TWICE", detail, pointer=here)
            read[key] = _checked(inner, here)
        return read
    if isinstance(value, list):
        return [_checked(inner, f"{pointer}/{index}") for index, inner in enumerate(value)]
    if isinstance(value, str) and _UNSTORABLE.search(value):
        detail = "NUL and halves of surrogate pairs are refused."
        raise errors.Malformed("JSON_CHARACTER_REFUSED", detail, pointer=pointer)
    if isinstance(value, Decimal) and not (
        value.is_finite()
        and len(value.as_tuple().digits) <= MAX_DIGITS
        and abs(value.adjusted()) <= MAX_DIGITS
    ):
        detail = f"A number is finite and has at most {MAX_DIGITS} digits."
        raise errors.Malformed("JSON_NUMBER_REFUSED", detail, pointer=pointer)
    return value
