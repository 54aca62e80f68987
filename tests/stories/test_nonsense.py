"""Nonsense is refused by name at every door of the API, and writes nothing.

What there is to try comes from the OpenAPI document: a new command, field or parameter is in by
itself. What is good stands in `commands`, what is bad in `nonsense`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from common import errors, tenancy, users
from tests.conftest import AT
from tests.licensing import licences
from tests.stories import nonsense
from tests.stories.commands import COMMANDS, Command, World
from tests.stories.test_trading import House

_numbers = itertools.count(1)


def _operations(verb: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the operations of a verb by name: path and description."""
    return {
        verbs[verb]["operationId"]: (path.removeprefix("/v1/"), verbs[verb])
        for path, verbs in DOCUMENT["paths"].items()
        if verb in verbs
    }


_generator: Any = SchemaGenerator
DOCUMENT = _generator().get_schema(request=None, public=True)
POSTS, GETS = _operations("post"), _operations("get")


@pytest.fixture(scope="module")
def world(house: None) -> World:
    state = users.register_jurisdiction(code="odd", name="Odd", at=AT, wall_at=timezone.now())
    bank = users.register_bank(actor=users.supervisor_of(state.pk), code="oddbank", name="Odd Bank")
    licences.licensed(bank)
    trading = House(bank)
    trading.trade()
    return World(trading)


def sent(
    command: Command, body: str | bytes, *, path: str = "", kind: str = nonsense.JSON, key: str = ""
) -> HttpResponse:
    """Send a command with another body or path."""
    answer = Client(raise_request_exception=False).generic(
        "POST",
        f"/v1/{path or command.path}",
        body,
        kind,
        headers={
            "Authorization": f"Bearer {command.who.key}",
            "Idempotency-Key": key or f"nonsense {next(_numbers)}",
        },
    )
    assert isinstance(answer, HttpResponse)
    return answer


def told(answer: HttpResponse) -> dict[str, Any]:
    """Return the problem that an answer tells, which is a refusal and no failure."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.content[:300])
    assert answer.headers["Content-Type"] == errors.CONTENT_TYPE
    problem: dict[str, Any] = json.loads(answer.content)
    assert problem["status"] == answer.status_code
    return problem


Rows = set[tuple[str, str, int, str]]


def everything(world: World) -> Rows:
    """Return a digest of every table's rows, as the bank sees them and as its state does."""
    tables = sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True))
    rows = " UNION ALL ".join(
        f"SELECT '{name}', count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t"
        for name in tables
    )
    found: Rows = set()
    for actor in (world.house.office, world.state):
        with tenancy.acting(actor.bank_id, actor), connection.cursor() as cursor:
            cursor.execute(rows)
            found |= {(actor.label, *row) for row in cursor.fetchall()}
    return found


def _schema(name: str) -> tuple[nonsense.Schema, nonsense.Schema]:
    """Return the schema of a command's body, and those that it refers to."""
    content = POSTS[name][1].get("requestBody", {}).get("content", {})
    nothing = {"schema": {"type": "object", "properties": {}}}
    return content.get(nonsense.JSON, nothing)["schema"], DOCUMENT["components"]["schemas"]


_Bad = list[tuple[nonsense.Steps, Any]]  # a field's place with each value that it must refuse


def _bad(name: str, command: Command) -> Iterator[tuple[str, list[str]]]:
    """Yield bodies that a command must refuse, each with the pointers that must be named."""
    schema, components = _schema(name)
    leaves: list[_Bad] = []
    whole: list[_Bad] = []
    for steps, field in nonsense.fields(schema, components, command.body):
        refused, unread = nonsense.hostile(str(steps[-1]), field)
        simple = field["type"] not in ("array", "object")
        (leaves if simple else whole).append([(steps, value) for value in refused])
        for value in unread:  # refused before a field is looked at, so one at a time
            yield nonsense.with_values(command.body, [(steps, value)]), [nonsense.pointer(steps)]
    # Each value of each field, many fields at a time: every one of them is to be named.
    for group in (leaves, *([each] for each in whole)):
        for together in itertools.zip_longest(*group):
            placed = [each for each in together if each is not None]
            named = [nonsense.pointer(steps) for steps, _ in placed]
            yield nonsense.with_values(command.body, placed), named
    for steps, there in nonsense.objects(command.body):
        odd = (*steps, "colour")
        yield nonsense.with_values(command.body, [(odd, "red")]), [nonsense.pointer(odd)]
        for key in there:
            twice = (*steps, key)
            yield nonsense.with_key_twice(command.body, twice), [nonsense.pointer(twice)]


def _names(problem: dict[str, Any], pointer: str) -> bool:
    """Whether a problem names the field, or a part of it."""
    named = [each.get("pointer", "none") for each in problem["errors"]]
    return any(each == pointer or each.startswith(f"{pointer}/") for each in named)


def test_every_command_has_a_good_body_to_begin_from() -> None:
    assert sorted(COMMANDS) == sorted(POSTS)


@pytest.mark.parametrize(
    ("name", "way"),
    [(name, way) for name, ways in sorted(COMMANDS.items()) for way in range(len(ways))],
)
def test_nonsense_in_a_command_is_refused_by_name_and_writes_nothing(
    world: World, name: str, way: int
) -> None:
    command = COMMANDS[name][way](world)
    before, key, wrong = everything(world), f"{name} {way}", []
    for body, pointers in _bad(name, command):
        answer = sent(command, body, key=key)
        missed = [p for p in pointers if answer.status_code != 400 or not _names(told(answer), p)]
        if missed:
            wrong.append((missed, body[:400], answer.status_code, answer.content[:400]))
    for whole, kind, status, code in nonsense.BODIES:
        answer = sent(command, whole, kind=kind, key=key)
        if answer.status_code != status or told(answer)["code"] != code:
            wrong.append(([kind], str(whole[:40]), answer.status_code, answer.content[:400]))
    for odd in _odd_paths(POSTS[name][0]) if "{" in POSTS[name][0] else ():
        answer = sent(command, json.dumps(command.body), path=odd, key=key)
        if answer.status_code != 404 or told(answer)["code"] != "NOT_FOUND":
            wrong.append(([odd], "", answer.status_code, answer.content[:400]))
    assert wrong == []
    assert everything(world) - before == set()
    answer = sent(command, json.dumps(command.body), key=key)  # the key is still free
    assert answer.status_code == command.status, answer.content
    assert everything(world) != before


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_is_well_formed_and_extreme_is_answered(world: World, name: str) -> None:
    failed = []
    for make in COMMANDS[name]:
        command = make(world)
        schema, components = _schema(name)
        for steps, field in nonsense.fields(schema, components, command.body):
            for value in nonsense.extreme(field):
                body = nonsense.with_values(command.body, [(steps, value)])
                answer = sent(command, body)
                if answer.status_code >= 500:
                    failed.append((nonsense.pointer(steps), value, answer.content))
                elif answer.status_code >= 400:
                    told(answer)
    assert failed == []


def test_the_books_are_whole_after_all_of_it(world: World) -> None:
    assert world.house.broken() == []


def _odd_paths(template: str) -> Iterator[str]:
    head, _, tail = template.partition("{")
    rest = tail.partition("}")[2]
    good = "017f2c57-5e80-7000-8000-000000000001"
    odd = ["x", "..", "*", "%00", "%FF", "%ED%A0%80", "%E2%80%AE", "x" * 5000, good, "1 OR 1=1"]
    prefix = tail[:3] if tail.startswith(("client", "order")) else "ord"
    odd += [text for text in nonsense.bad_ids(prefix) if text]
    for text in odd:
        shown = text if text.startswith("%") else quote(text, safe="")
        yield f"{head}{shown}{rest}"


@pytest.mark.parametrize("name", sorted(name for name, (path, _) in GETS.items() if "{" in path))
def test_what_is_no_id_is_not_found(world: World, name: str) -> None:
    for odd in _odd_paths(GETS[name][0]):
        assert told(world.auditor.send("GET", odd))["code"] == "NOT_FOUND", odd


def _queries() -> Iterator[tuple[str, str]]:
    for name, (_path, described) in sorted(GETS.items()):
        for each in described.get("parameters", []):
            if each["in"] == "query":
                yield name, each["name"]


# What a parameter's name stands for: what it must not say.
_IDS = ("cursor", "client_id", "client", "order_id", "book", "account")
_DAYS = ("from", "to", "on", "date", "business_date")


def _bad_texts(parameter: str, schema: dict[str, Any]) -> list[str]:
    bad = ["\u202e", "a\u200bb", "a\x01", "x" * 5000]
    if "enum" in schema:
        bad += [*nonsense.WORDS, schema["enum"][0] + "\n"]
    elif parameter in _IDS:
        bad += nonsense.bad_ids("cur" if parameter == "cursor" else "cli")
    elif parameter in _DAYS:
        bad += nonsense.DATES
    elif parameter.endswith("_rub"):
        bad += [*nonsense.AMOUNTS, "-1"]
    elif schema["type"] == "integer":
        bad += ["", "x", "-1", "1e2", "1_0", "١", "１", " 1", "1\n", "007", "1.0", "9" * 40, "true"]
    return bad


@pytest.mark.parametrize(("name", "parameter"), list(_queries()))
def test_nonsense_in_a_query_is_refused_by_name(world: World, name: str, parameter: str) -> None:
    path, described = GETS[name]
    for placeholder, real in (
        ("{account_id}", world.account),
        ("{book_id}", world.book["id"]),
        ("{client_id}", world.hers["id"]),
        ("{report_run_id}", world.run),
    ):
        path = path.replace(placeholder, real)
    assert "{" not in path, "say above whose path it is"
    (schema,) = (each["schema"] for each in described["parameters"] if each["name"] == parameter)
    others = _needed(described, parameter)
    wrong = []
    for text in _bad_texts(parameter, schema):
        query = "&".join([*others, f"{parameter}={quote(text)}"])
        answer = world.auditor.send("GET", f"{path}?{query}")
        named = [{"parameter": parameter}]
        if answer.status_code != 400 or _where(told(answer)) != named:
            wrong.append((text, answer.status_code, answer.content[:400]))
    for raw in ("%00", "%FF"):
        problem = told(world.auditor.send("GET", f"{path}?{parameter}={raw}"))
        assert problem["code"] == "QUERY_NOT_UTF8"
    twice = told(world.auditor.send("GET", f"{path}?{parameter}=1&{parameter}=1"))
    assert (twice["code"], twice["errors"][0]["parameter"]) == ("PARAMETER_TWICE", parameter)
    assert wrong == []


def _where(problem: dict[str, Any]) -> list[dict[str, str]]:
    said = ("pointer", "parameter")
    return [{name: each[name] for name in said if name in each} for each in problem["errors"]]


def _needed(described: dict[str, Any], parameter: str) -> list[str]:
    """Return good values of the parameters that must be sent beside the one in question."""
    good = {"from": "2022-02-24", "to": "2022-02-24", "amount_rub": "1.00"}
    return [
        f"{each['name']}={good[each['name']]}"
        for each in described["parameters"]
        if each.get("required") and each["in"] == "query" and each["name"] != parameter
    ]


@pytest.mark.parametrize("name", sorted(GETS))
def test_a_parameter_that_does_not_exist_is_refused_by_name(world: World, name: str) -> None:
    path = GETS[name][0].replace("{", "").replace("}", "")
    problem = told(world.auditor.send("GET", f"{path}?colour=red"))
    assert (problem["code"], problem["errors"][0]["parameter"]) == ("PARAMETER_UNKNOWN", "colour")
