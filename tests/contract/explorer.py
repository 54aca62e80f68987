"""A walk through the API by one role: what may be asked stands in the document, what there is to
ask about is learnt from the answers.

Schemathesis makes the requests and judges the answers. First each operation is made to work by its
documented examples, on the rows that the lists have shown; then come requests made up, good and
bad, and rows of a bank that is not to be seen.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from common import idempotency, ids, users

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
TRIES = 40  # rows on which an operation's examples are tried
FOREIGN = 0.3  # of the requests made up name what is the other bank's, if they can
NOWHERE = [None] * 3  # tries of an operation that names no row in its path
DRAWN = 4  # requests made up for an operation at a time, half of them bad

_ID = re.compile(f"([a-z]{{3}})_{ids.PATTERN}")
_numbers = itertools.count(1)


class Known:
    """What somebody has been shown: rows by the collection that they stand in, ids by prefix."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.ids: dict[str, dict[str, None]] = defaultdict(dict)

    def learn(self, path: str, told: Any) -> None:
        """Keep what an answer at `path` shows."""
        collection = _segments(path)[-1]
        page = told["data"] if isinstance(told, dict) and "data" in told else told
        for row in page if isinstance(page, list) else [page]:
            if isinstance(row, dict) and "id" in row:
                self.rows[collection][row["id"]] = row
        for each in _ids(told):
            self.ids[each[:3]][each] = None

    def fitting(self, operation: Any) -> list[dict[str, Any]]:
        """Return the rows that the path's parameter may name: of its collection, or by its ids."""
        if not operation.path_parameters:
            return []
        (parameter,) = operation.path_parameters
        rows = list(self.rows[_collection_of(operation.path)].values())
        looks = parameter.definition["schema"].get("pattern", "")
        return rows or [{"id": each} for each in self.ids[looks[1:4]]]

    def values(self, name: str) -> list[str]:
        """Return what rows say under a name."""
        rows = itertools.chain.from_iterable(each.values() for each in self.rows.values())
        return sorted({row[name] for row in rows if isinstance(row.get(name), str)})


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered; `foreign` if its path or body named what is the other bank's."""

    operation: str
    foreign: bool
    status: int
    text: str


class Explorer:
    """One role's people at the API. `wrong` is what the document or a check does not allow."""

    def __init__(
        self,
        address: str,
        document: dict[str, Any],
        role: users.Role,
        keys: Sequence[str],
        seed: int,
    ) -> None:
        config = schemathesis.Config()
        config.projects.default.generation.with_security_parameters = False  # the key is ours
        self.schema = schemathesis.openapi.from_dict(document, config=config)
        self.address = address
        found: Any = self.schema.get_all_operations()  # what is no operation has no `ok`
        self.operations = [operation for each in found if _may(role, operation := each.ok())]
        self.keys = keys
        self.known = [Known() for _ in keys]
        self.chance = random.Random(seed)
        self.seed = seed
        self.session = requests.Session()
        self.answers: list[Answer] = []
        self.wrong: dict[tuple[str, str], str] = {}
        self.worked: set[str] = set()
        self.shown: set[str] = set()  # with more than an empty page

    # --- What is done -----------------------------------------------------------------------------

    def read(self) -> None:
        """Have each list show rows, and each row itself."""
        self._work([each for each in self.operations if each.method.upper() == "GET"])

    def work(self) -> None:
        """Try each operation on one row after another until it does what it says."""
        for _ in "ab":  # an operation may need what a later one makes
            self._work(self.operations)

    def make_up(self, wanted: int, strange: Known) -> None:
        """Send `wanted` made-up requests or a few more; some name rows of `strange`."""
        last = len(self.answers) + wanted
        for turn in itertools.count():
            for operation in self.chance.sample(self.operations, len(self.operations)):
                if len(self.answers) >= last:
                    return
                for case in self._made_up(operation, turn):
                    person = self.chance.randrange(len(self.keys))
                    rows = strange.fitting(operation)
                    foreign = self.chance.random() < FOREIGN and (rows or "{" not in case.path)
                    rows = rows if foreign else self.known[person].fitting(operation)
                    row = self.chance.choice(rows) if rows else None
                    self._send(case, person, row, strange if foreign else None)

    def works(self, operation: Any) -> bool:
        """Say whether an operation has answered with success."""
        return operation.label in self.worked

    # --- How --------------------------------------------------------------------------------------

    def _work(self, operations: Sequence[Any]) -> None:
        for operation in sorted(operations, key=_order):
            if operation.label not in self.shown:
                self._try(operation)

    def _try(self, operation: Any) -> None:
        examples = list(self._examples(operation))
        for person, row in self._targets(operation):
            for example in examples:
                self._send(example.derive(), person, row)
                if operation.label in self.shown:
                    return

    def _targets(self, operation: Any) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Yield people and rows to try, the people in turn."""
        rows = [self.known[person].fitting(operation) for person in range(len(self.keys))]
        for each in rows:
            self.chance.shuffle(each)
        turns = itertools.chain.from_iterable(
            itertools.zip_longest(
                *([(person, row) for row in each or NOWHERE] for person, each in enumerate(rows))
            )
        )
        return itertools.islice(filter(None, turns), TRIES)

    def _examples(self, operation: Any) -> Iterator[Case[Any]]:
        """Yield a case for each documented example, or one made up where there is none."""
        found = operation.schema.get_strategies_from_examples(operation)
        drawn = [case for each in found for case in _draw(each, 1, self.seed)]
        drawn = drawn or _draw(operation.as_strategy(), 1, self.seed)
        needed = {each.name for each in operation.query if each.is_required}
        for case in drawn:
            plain = {name: value for name, value in case.query.items() if name in needed}
            yield case.derive(query=plain)
            if plain != case.query:
                yield case

    def _made_up(self, operation: Any, turn: int) -> list[Case[Any]]:
        seed = zlib.crc32(f"{self.seed} {turn} {operation.label}".encode())
        good = _draw(operation.as_strategy(GenerationMode.POSITIVE), DRAWN // 2, seed)
        bad = _draw(operation.as_strategy(GenerationMode.NEGATIVE), DRAWN // 2, seed)
        return [*good, *bad]

    def _send(
        self,
        case: Case[Any],
        person: int,
        row: dict[str, Any] | None,
        strange: Known | None = None,
    ) -> None:
        known = self.known[person]
        self._put_in(case, row, known, strange or known)
        response = case.call(
            base_url=self.address,
            session=self.session,
            headers={"Authorization": f"Bearer {self.keys[person]}"},
        )
        label = case.operation.label
        text = "\n".join([response.text, *itertools.chain.from_iterable(response.headers.values())])
        named = _ids((case.path_parameters, case.body))
        foreign = strange is not None and any(each in strange.ids[each[:3]] for each in named)
        self.answers.append(Answer(label, foreign, response.status_code, text))
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.wrong.setdefault((label, failure.title), str(group))
        if 200 <= response.status_code < 300:
            whole = "json" in response.headers["content-type"][0]
            told = response.json() if whole else response.text
            known.learn(case.operation.path, told)
            self.worked.add(label)
            if not isinstance(told, dict) or told.get("data", told):
                self.shown.add(label)

    def _put_in(
        self, case: Case[Any], row: dict[str, Any] | None, known: Known, named: Known
    ) -> None:
        """Put what there is in the place of what was made up, unless that is meant to be bad.

        Ids are of what is `named`, codes of what is `known`.
        """
        meta = case.meta

        def good(location: ParameterLocation) -> bool:
            return meta is None or not meta.is_negative_at(location)

        if "{" in case.path and good(ParameterLocation.PATH):
            (name,) = re.findall(r"{(\w+)}", case.path)
            if row is not None:
                case.path_parameters = {name: row.get(name, row["id"])}
            else:
                case.path_parameters = {name: case.path_parameters.get(name) or "none"}
        if good(ParameterLocation.QUERY):
            case.query = self._real(case.query, known, named)
        if case.body is not NOT_SET and good(ParameterLocation.BODY):
            body: Any = self._real(case.body, known, named)
            if row is not None and "answers" in body:
                body["answers"] = [
                    {"code": asked["code"], "letter": asked["choices"][0]["letter"]}
                    for asked in row.get("questions", [])
                ]
            case.body = body
        if case.method == "POST" and good(ParameterLocation.HEADER):
            case.headers[idempotency.HEADER] = f"explored {self.seed} {next(_numbers)}"

    def _real(self, said: Any, known: Known, named: Known, name: str = "") -> Any:
        """Return what a request says, its ids and codes of things that there are."""
        if isinstance(said, dict):
            return {key: self._real(value, known, named, key) for key, value in said.items()}
        if isinstance(said, list):
            return [self._real(value, known, named, name) for value in said]
        if name == "client_order_id":
            return f"{next(_numbers)}"
        if name in ("instrument", "asset") and (values := known.values(name)):
            return self.chance.choice(values)
        if isinstance(said, str) and (found := _ID.fullmatch(said)) and named.ids[found[1]]:
            return self.chance.choice(list(named.ids[found[1]]))
        return said


def document_at(address: str) -> dict[str, Any]:
    """Return the API's document."""
    document: dict[str, Any] = requests.get(f"{address}/v1/openapi.json", timeout=60).json()
    return document


def _may(role: users.Role, operation: Any) -> bool:
    """Say whether the document lets a role call an operation: by the scope that it asks for."""
    (asked,) = operation.definition.raw["security"]
    return users.ROLES[role].issuperset(asked["apiKey"])


def _draw(
    strategy: strategies.SearchStrategy[Case[Any]], number: int, seed: int
) -> list[Case[Any]]:
    """Draw cases by a seed; fewer where there are no more."""
    drawn: list[Case[Any]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=number,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def keep(case: Case[Any]) -> None:
        drawn.append(case)

    with suppress(hypothesis.errors.Unsatisfiable):  # nothing there can be bad
        keep()
    return drawn


def _order(operation: Any) -> tuple[bool, int, bool, str]:
    """Lists first, then what they lead to; reading before writing."""
    return (
        operation.method.upper() != "GET",
        operation.path.count("{"),
        operation.path.endswith("}"),
        operation.label,
    )


def _segments(path: str) -> list[str]:
    return [each for each in path.split("/") if each and not each.startswith("{")]


def _collection_of(path: str) -> str:
    """Return the collection that the path's parameter is of."""
    before, _, _ = path.partition("/{")
    return _segments(before)[-1]


def _ids(told: Any) -> Iterator[str]:
    """Yield the ids that stand in a request or an answer."""
    if isinstance(told, dict):
        told = list(told.values())
    if isinstance(told, list | tuple):
        for value in told:
            yield from _ids(value)
    elif isinstance(told, str) and _ID.fullmatch(told):
        yield told
