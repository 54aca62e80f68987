"""What a body, a parameter and a path must not say, by the kind of what it stands for.

The kinds come from the OpenAPI document, so that what it promises is what is tried.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from common import api, ids, money

Schema = Mapping[str, Any]
Steps = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Raw:
    """A JSON text that goes into the body as it stands."""

    text: str


# --- Values ---------------------------------------------------------------------------------------

_NUMBERS = [Raw(text) for text in ("7", "-0", "1.5", "1e3", "true")]
_CONTAINERS: list[Any] = [[], {}, ["1"], None]
# Controls; bidirectional marks, embeddings and isolates; what has no width; what has no glyph.
HIDDEN = (
    "\x07\x1b\x7f\x85\u2028\u061c\u200e\u200f\u202a\u202e\u2066\u2069"
    "\u00ad\u034f\u115f\u200b\u200d\u2060\u3164\ufe0f\ufeff\uffa0\U000e0041"
    "\ue000\ufffe\U0010ffff"
)
_UNREAD = ["a\x00b", "\ud800", Raw("1e400"), Raw("NaN"), Raw("9" * 40)]

AMOUNTS = [
    *("1e3", "1E+2", "-0", "-0.00", "+5", "007", "00", "1_000", "1,5", "1 000", " 1 ", "1\n", ""),
    *("١٢٣", "１２３", "1２", "NaN", "Infinity", "0x1", "1.", ".5", "½", "1\u200f", "\u202e1"),
    *("9" * 40, "0." + "1" * 19, "1" * 2000),
]
DATES = [
    *("2022-02-30", "2022-2-3", "20220224", "24.02.2022", "2022-02-24T00:00:00Z", "0000-01-01"),
    *("２０２２-02-24", "2022-02-24\n", " 2022-02-24", "2022-W08-4", "yesterday", ""),
]
WORDS = ["NOPE", "", "\u202e", "None", "[]", "1"]
INTEGERS = ["100", "1_00", "١٠٠", " 100", "", [1], Raw("true"), Raw("1.5"), Raw("1e2"), Raw("-1")]
INTEGERS += [Raw("9" * 38), None]
BOOLEANS = ["true", "yes", "on", "1", "", "null", Raw("1"), Raw("0"), Raw("1.0"), [True], None]
# A word of two scripts, a letter that only looks like one, marks without end.
NAMES = ["Пeтров", "Aникеев", "Οlga", "Ａnna", "𝐀nna", "Smith-Пeтров"]
_AMOUNTS = (f"^{money.PATTERN}$", f"^{money.SIGNED_PATTERN}$")
_PERSONS = frozenset(
    {"surname", "given_name", "patronymic", "legal_name", "head_name", "bank_name", "name"}
)
_ID = re.compile(rf"\^([a-z]+)_{re.escape(ids.PATTERN)}\$")


def hostile(name: str, schema: Schema) -> tuple[list[Any], list[Any]]:
    """Return what a field of this name and schema must refuse, and what no field may hold."""
    pattern, kind = schema.get("pattern", ""), schema["type"]
    if kind == "array":
        return ["x", {}, {"0": 1}, Raw("7"), None, [None], [[]]], [["\x00"]]
    if kind == "object":
        return ["x", [], Raw("7"), None, [{}]], [{"\ud800": 1}]
    if kind == "integer":
        return INTEGERS, _UNREAD
    if kind == "boolean":
        return BOOLEANS, _UNREAD
    if kind == ["string", "null"] and pattern in _AMOUNTS:
        return [*_NUMBERS, *_CONTAINERS[:-1], *AMOUNTS], _UNREAD
    assert kind == "string", (name, schema)
    return [*_NUMBERS, *_CONTAINERS, *_texts(name, schema)], _UNREAD


def _texts(name: str, schema: Schema) -> Iterator[str]:
    pattern = schema.get("pattern", "")
    if "enum" in schema:
        first = schema["enum"][0]
        yield from (*WORDS, f"{first}\n", f" {first}", f"{first}\u200b", first.swapcase())
    elif pattern in _AMOUNTS:
        yield from AMOUNTS
    elif found := _ID.fullmatch(pattern):
        yield from bad_ids(found[1])
    elif pattern == api.DateField.pattern:
        yield from DATES
    else:
        yield from (f"a{hidden}b" for hidden in HIDDEN)
        yield from ("a\nb", "a\n", "\u202ea", "a\u202e", "x" * (schema["maxLength"] + 1))
        yield from (text for text in ("x", "1２") if not re.search(pattern, text))
        if name in _PERSONS:
            yield from NAMES


def extreme(schema: Schema) -> list[Any]:
    """Return values that are well-formed, and that hardly anybody sends."""
    pattern, kind = schema.get("pattern", ""), schema["type"]
    if kind == "integer":
        return [schema["minimum"], schema["maximum"]]
    if pattern in _AMOUNTS:
        most = "9" * 20 + "." + "9" * 18
        return ["0", "0.00", "0.01", "0." + "0" * 17 + "1", "9" * 18, "9" * 18 + ".99", most]
    if found := _ID.fullmatch(pattern):
        return [ids.show(found[1], UUID(int=number)) for number in (0, 2**128 - 1)]
    if pattern == api.DateField.pattern:
        return ["0001-01-01", "1900-02-28", "2022-02-24", "2100-02-28", "9999-12-31"]
    if kind == "array":
        return [[]]
    if "maxLength" in schema:
        most = schema["maxLength"]
        texts = ("0" * most, "9" * most, "Я" * most, "\U00020000" * most, "'\"<b>&%s{}\\;--", "a b")
        return [text[:most] for text in texts]
    return []


def bad_ids(prefix: str) -> list[str]:
    """Return what is no id of the kind, for its form."""
    good = ids.show(prefix, UUID("017f2c57-5e80-7000-8000-000000000001"))
    body = good.removeprefix(f"{prefix}_")
    another = "zzz" if prefix != "zzz" else "yyy"
    return [
        *("", "x", prefix, f"{prefix}_", good.upper(), f"{good}0", good[:-1], f"{good}\n"),
        *(f"{another}_{body}", f"{prefix}_8{body[1:]}", f"{prefix}_{body[:-1]}u", f" {good}"),
        *(good.replace("0", "０"), f"{good}\u200b", "017f2c57-5e80-7000-8000-000000000001"),
    ]


# --- Where they go --------------------------------------------------------------------------------


def fields(
    schema: Schema, components: Schema, body: Any, steps: Steps = ()
) -> Iterator[tuple[Steps, Schema]]:
    """Yield each field of a schema with its place, below what is there in `body`."""
    schema = _resolved(schema, components)
    if schema["type"] == "array" and isinstance(body, list):
        yield from fields(schema["items"], components, body[0], (*steps, 0))
        if not _is_object(schema["items"], components):
            yield (*steps, 0), _resolved(schema["items"], components)
    if schema["type"] != "object" or not isinstance(body, dict):
        return
    for name, inner in schema["properties"].items():
        yield (*steps, name), _resolved(inner, components)
        yield from fields(inner, components, body.get(name), (*steps, name))


def objects(body: Any, steps: Steps = ()) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Yield each object of a body with its place."""
    if isinstance(body, dict):
        yield steps, body
        for name, inner in body.items():
            yield from objects(inner, (*steps, name))
    elif isinstance(body, list) and body:
        yield from objects(body[0], (*steps, 0))


def _is_object(schema: Schema, components: Schema) -> bool:
    return bool(_resolved(schema, components)["type"] == "object")


def _resolved(schema: Schema, components: Schema) -> Schema:
    """Return a schema without `$ref`, and without the `allOf` or `oneOf` around a single one."""
    if "$ref" in schema:
        return _resolved(components[schema["$ref"].rpartition("/")[2]], components)
    for around in ("allOf", "oneOf"):
        if around in schema:
            own = {name: value for name, value in schema.items() if name != around}
            return {**_resolved(schema[around][0], components), **own}
    return schema


def pointer(steps: Steps) -> str:
    """Return a place as a JSON pointer."""
    return "".join(f"/{step}" for step in steps)


# --- How they are written -------------------------------------------------------------------------

_numbers = itertools.count(1)


def with_values(body: Any, placed: Iterable[tuple[Steps, Any]]) -> str:
    """Write a body with other values at some places."""
    written, raws = copy.deepcopy(body), {}
    for steps, value in placed:
        at = _at(written, steps[:-1])
        if isinstance(value, Raw):
            mark = f"raw {next(_numbers)}"
            raws[json.dumps(mark)] = value.text
            at[steps[-1]] = mark
        else:
            at[steps[-1]] = value
    text = json.dumps(written)
    for mark, raw in raws.items():
        text = text.replace(mark, raw)
    return text


def with_key_twice(body: Any, steps: Steps) -> str:
    """Write a body in which the key at a place stands twice, with one value."""
    written, mark = copy.deepcopy(body), f"raw {next(_numbers)}"
    at = _at(written, steps[:-1])
    at[mark] = at[steps[-1]]
    return json.dumps(written).replace(json.dumps(mark), json.dumps(steps[-1]))


def _at(body: Any, steps: Steps) -> Any:
    for step in steps:
        body = body[step]
    return body


# --- Bodies as a whole: what is sent, as what, and how it is refused ------------------------------

JSON = "application/json"
BODIES: list[tuple[bytes, str, int, str]] = [
    (b"[" * 10_000, JSON, 400, "JSON_TOO_DEEP"),
    (b'{"a":' * 10_000, JSON, 400, "JSON_TOO_DEEP"),
    (b'{"a": "' + b"x" * 2 * 1024 * 1024 + b'"}', JSON, 413, "BODY_TOO_LARGE"),
    (b'{"a": 007}', JSON, 400, "JSON_MALFORMED"),
    (b'{"a": "b\x00"}', JSON, 400, "JSON_MALFORMED"),
    (b'{"a": "\xed\xa0\x80"}', JSON, 400, "BODY_NOT_UTF8"),
    (b"\xef\xbb\xbf{}", JSON, 400, "JSON_MALFORMED"),
    (b"{} {}", JSON, 400, "JSON_MALFORMED"),
    (b"[]", JSON, 400, "JSON_NOT_AN_OBJECT"),
    (b"null", JSON, 400, "JSON_NOT_AN_OBJECT"),
    (b'{"a": 1, "\\u0061": 1}', JSON, 400, "JSON_KEY_TWICE"),
    (b"reason=x", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("{}".encode("utf-16"), f"{JSON}; charset=utf-16", 415, "UNSUPPORTED_MEDIA_TYPE"),
]
