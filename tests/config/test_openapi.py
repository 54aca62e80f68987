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
    assert all(operation["security"] == [{"apiKey": []}] for operation in operations(document))


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(
    document: dict[str, Any],
) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert all(operation["description"].endswith(".") for operation in operations(document))


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
