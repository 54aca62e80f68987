"""The API's own description, and the page that shows it."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from django.urls import resolve

from common import api, models
from desk.api.serializers import DeskReasonIn
from tests.common.caller import Caller, problem

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    answer: dict[str, Any] = Client().get("/v1/openapi.json").json()
    return answer


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_the_document_is_made_without_a_warning_and_valid() -> None:
    out = StringIO()
    call_command(
        "spectacular", "--fail-on-warn", "--validate", "--format", "openapi-json", stdout=out
    )
    assert json.loads(out.getvalue())["openapi"] == "3.1.0"


def test_every_operation_asks_for_a_key(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert all(list(*operation["security"]) == ["apiKey"] for operation in operations(document))


def test_every_operation_says_which_scope_it_asks_for(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        view = resolve(re.sub(r"{[a-z_]+}", "x", path)).func.cls  # type: ignore[attr-defined]
        for method, operation in methods.items():
            scope = view.scope[method.upper()]
            assert operation["security"] == [{"apiKey": [scope] if scope else []}]


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(
    document: dict[str, Any],
) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert all(operation["description"].endswith(".") for operation in operations(document))


def test_every_operation_says_that_its_key_may_ask_too_often(document: dict[str, Any]) -> None:
    shared = {"$ref": "#/components/responses/RateExceeded"}
    assert all(operation["responses"]["429"] == shared for operation in operations(document))


def test_every_id_in_a_path_says_how_it_looks(document: dict[str, Any]) -> None:
    told = {
        (path, parameter["name"]): parameter["schema"].get("pattern", "")
        for path, methods in document["paths"].items()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path"
    }
    without = [where for where, pattern in told.items() if not re.match(r"\^[a-z]{3}_", pattern)]
    assert without == [("/v1/admitted-assets/{asset}/withdraw", "asset")]


@pytest.mark.parametrize("text", ["Anna", "Ёж", " x ", "", " ", "a\nb", "a\u202eb", "\u200f"])
def test_the_document_takes_the_texts_that_the_api_takes(
    document: dict[str, Any], text: str
) -> None:
    told = document["components"]["schemas"]["DeskReasonIn"]["properties"]["reason"]
    assert bool(re.search(told["pattern"], text)) == DeskReasonIn(data={"reason": text}).is_valid()


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (406, {"body": "{}", "Accept": "text/html"}),
        (413, {"body": b"x" * (api.MAX_BODY + 1)}),
        (415, {"body": "{}", "content_type": "text/plain"}),
    ],
)
def test_what_the_edge_refuses_stands_in_the_document(
    document: dict[str, Any], bank: models.Bank, status: int, sent: dict[str, Any]
) -> None:
    for method, path in (("POST", "/v1/books/{book_id}/closes"), ("GET", "/v1/accounts")):
        answer = Caller(bank, "ledger:read", "ledger:close").send(method, path, **sent)
        operation = document["paths"][path][method.lower()]
        if method == "POST" or status == 406:  # nothing is read of what a GET carries
            assert problem(answer)["status"] == status
            assert str(status) in operation["responses"]


def test_the_page_of_the_document_runs_from_this_host_alone(client: Client) -> None:
    page = client.get("/v1/docs")
    shown = page.content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]*)"', shown)
    assert len(loaded) == 5
    assert all(url.startswith("/") and not url.startswith("//") for url in loaded)
    assert re.findall(r"<script>|<style>|style=", shown) == []
    for url in loaded:
        if url.startswith("/static/"):
            assert Path(str(finders.find(url.removeprefix("/static/")))).is_file()
        else:
            script = client.get(url)
            assert script["Content-Type"].startswith("application/javascript")
            assert (
                "/v1/openapi.json" in script.content.decode()
                or "openapi.json" in script.content.decode()
            )
