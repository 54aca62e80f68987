"""Every page of the admin, opened in a browser: nothing fails there, nothing is asked for outside.

Debian's Chromium, headless. With SCREENSHOTS=folder each page is kept as a picture.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref import simple_server

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, sync_playwright

from common import models, tenancy, users
from config.middleware import ADMIN
from tests.browser import busy
from tests.common import neighbours

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_numbers = itertools.count(1)
PASSWORD = "a long walk on the quay"
PERSON = {
    "surname": "Аникеев",
    "given_name": "Пётр",
    "birth_date": "1990-06-15",
    "document_number": "4510 123456",
    "document_issued": "2011-05-20",
    "document_department_code": "770-001",
}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="No Chromium here: install Debian's package chromium."
)


class _Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True


class _Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        finally:
            connections.close_all()


@pytest.fixture(scope="module")
def address(house: None) -> Iterator[str]:
    """The house on a port of its own."""
    with simple_server.make_server("127.0.0.1", 0, WSGIHandler(), _Server, _Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    """A browser for all, so that scripts and fonts are loaded once; nobody is logged in."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched.new_context(viewport={"width": 1440, "height": 900})
        launched.close()


@pytest.fixture(scope="module")
def state(house: None) -> models.Jurisdiction:
    """A state on 24 February 2022: a bank with a row in every table, and one on a busy day."""
    made = []

    def make() -> None:
        evening = datetime(2022, 2, 24, 18, 20, tzinfo=UTC)
        state = users.register_jurisdiction(
            code="seen", name="Russia under the 2022 bill", at=evening, wall_at=timezone.now()
        )
        office = users.supervisor_of(state.pk)
        busy.trade_a_day(users.register_bank(actor=office, code="north", name="North Bank"))
        neighbours.move_in(users.register_bank(actor=office, code="south", name="South Bank"))
        connections.close_all()
        made.append(state)

    _aside(make)
    return made[0]


@dataclasses.dataclass
class Visit:
    """Somebody in the admin, and what went wrong on the way."""

    page: Page
    address: str
    keep: Callable[[Page, str], None]
    wrong: list[str]

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.keep(self.page, path)

    def links(self, pattern: str) -> list[str]:
        return _links(self.page, pattern)


@contextmanager
def visit(role: users.Role, home: str, address: str, browser: BrowserContext) -> Iterator[Visit]:
    """Log somebody in; whatever fails, warns or is asked for elsewhere fails the test."""
    login = _login(role, home)
    browser.clear_cookies()
    page = browser.new_page()
    seen = Visit(page, address, _keeper(f"{home}-{role}"), [])
    page.on("console", lambda said: _note(seen.wrong, page, said.type, said.text))
    page.on("pageerror", lambda error: seen.wrong.append(f"{page.url}: {error}"))
    page.on("request", lambda request: _note_host(seen.wrong, address, request.url))
    page.on("response", lambda answer: _note_status(seen.wrong, answer.status, answer.url))
    page.goto(address + ADMIN)
    page.fill("input[name=username]", login)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#nav-sidebar-inner")
    yield seen
    page.close()
    assert seen.wrong == []


# Operations sees every page there is.
@pytest.mark.parametrize(
    ("role", "home", "rows"),
    [(users.Role.OPERATIONS, "south", 26), (users.Role.SUPERVISOR, "gov.seen", 0)],
)
def test_every_page_opens_without_an_error(
    role: users.Role,
    home: str,
    rows: int,
    address: str,
    state: models.Jurisdiction,
    browser: BrowserContext,
) -> None:
    with visit(role, home, address, browser) as seen:
        lists = seen.links(f"{ADMIN}[a-z_]+/[a-z_]+/$")
        assert len(lists) > 30
        opened = 0
        for path in lists:
            seen.open(path)
            found = seen.links(f"{path}[^/]+/change/$") if rows else []
            if found:
                seen.open(found[0])
                opened += 1
        assert opened >= rows


@pytest.mark.parametrize("role", [users.Role.COMPLIANCE, users.Role.HEAD_OF_DESK])
def test_the_work_that_waits_opens_with_its_commands(
    role: users.Role, address: str, state: models.Jurisdiction, browser: BrowserContext
) -> None:
    with visit(role, "south", address, browser) as seen:
        queues = seen.page.eval_on_selector_all(
            "a.home-queue.waits", "found => found.map(a => a.getAttribute('href'))"
        )
        assert queues
        for queue in queues:
            seen.open(queue)
            rows = seen.links(rf"{urlsplit(queue).path}[^/]+/change/$")
            assert rows, queue
            seen.open(rows[0])
            seen.page.wait_for_selector("[hx-get]:not(input)")


@pytest.mark.parametrize(
    ("role", "home", "count"),
    [
        (users.Role.OPERATIONS, "north", 5),
        (users.Role.DEALER, "north", 4),
        (users.Role.SUPERVISOR, "gov.seen", 5),
    ],
)
def test_the_home_page_draws_the_day(
    role: users.Role,
    home: str,
    count: int,
    address: str,
    state: models.Jurisdiction,
    browser: BrowserContext,
) -> None:
    with visit(role, home, address, browser) as seen:
        seen.open(ADMIN)
        drawn = seen.page.eval_on_selector_all(
            "canvas.chart",
            "found => found.map(canvas => Chart.getChart(canvas).data.datasets"
            ".some(set => set.data.some(value => value)) && canvas.getContext('2d')"
            ".getImageData(0, 0, canvas.width, canvas.height).data.some(value => value))",
        )
        assert drawn == [True] * count
        seen.open(f"{ADMIN}?day=2022-02-23")  # nothing happened: no picture is broken by that
        seen.page.emulate_media(color_scheme="dark")
        seen.open(f"{ADMIN}?day=2022-02-24")


def test_a_person_s_application_is_entered_put_right_and_taken(
    address: str, state: models.Jurisdiction, browser: BrowserContext
) -> None:
    with visit(users.Role.OPERATIONS, "north", address, browser) as seen:
        page = seen.page
        seen.open(f"{ADMIN}kyc/client/")
        page.click("text=Apply for a legal entity")
        page.wait_for_selector("#dialog-form")
        seen.keep(page, "entity")
        page.click("#dialog >> text=Cancel")
        page.click("text=Apply for a person")
        page.select_option("[name=residency]", "RESIDENT")
        for name, typed in PERSON.items():
            page.fill(f"[name=person_{name}]", typed)
        page.select_option("[name=person_document_kind]", "RU_PASSPORT")
        page.fill("[name=person_inn]", "500100732258")
        page.click("#dialog button[type=submit]")
        page.wait_for_selector("text=This is no INN")
        seen.keep(page, "person")
        assert page.input_value("[name=person_surname]") == PERSON["surname"]
        page.fill("[name=person_inn]", "500100732259")
        page.click("#dialog button[type=submit]")
        page.wait_for_url(f"{address}{ADMIN}kyc/client/*/change/")
        page.wait_for_selector("text=The person applied.")
        page.click("text=Draw test")
        page.click("#dialog button[type=submit]")
        page.wait_for_url(f"{address}{ADMIN}kyc/attempt/*/change/")
        page.click("text=Enter answers")
        page.wait_for_selector("#dialog-form")
        seen.keep(page, "answers")


def test_a_dealer_places_an_order_and_lands_on_its_page(
    address: str, state: models.Jurisdiction, browser: BrowserContext
) -> None:
    with visit(users.Role.DEALER, "north", address, browser) as seen:
        page = seen.page
        seen.open(f"{ADMIN}kyc/client/?status__exact=OPEN&category__exact=QUALIFIED")
        client = page.get_attribute("#result_list .shown-id", "title")
        orders = f"{ADMIN}desk/order/"
        seen.open(f"{orders}?q={client}")
        before = len(seen.links(f"{orders}[^/]+/change/$"))
        page.click("text=Place an order")
        page.fill("[name=client_id]", str(client))
        page.select_option("[name=instrument]", "BTC-RUB")
        page.select_option("[name=side]", "BUY")
        page.select_option("[name=kind]", "MARKET")
        page.click("#dialog button[type=submit]")
        page.wait_for_selector("text=Say either a quantity")
        seen.keep(page, "order")
        page.fill("[name=quantity]", "0.01")
        page.dblclick("#dialog button[type=submit]")
        page.wait_for_url(f"{address}{orders}*/change/")
        page.wait_for_selector("text=Placed: filled.")
        seen.open(f"{orders}?q={client}")
        assert len(seen.links(f"{orders}[^/]+/change/$")) == before + 1


def test_the_api_s_pages_open_offline(address: str, browser: BrowserContext) -> None:
    page = browser.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: _note(wrong, page, said.type, said.text))
    page.on("request", lambda request: _note_host(wrong, address, request.url))
    page.goto(f"{address}/v1/docs")
    page.wait_for_selector(".opblock", timeout=30_000)
    _keeper("api")(page, "docs")
    page.close()
    assert wrong == []


def _login(role: users.Role, code: str) -> str:
    found: list[str] = []

    def add() -> None:
        home = users.house_of(code)
        name = f"{role.value}-{next(_numbers)}".replace("_", "-")
        with tenancy.acting(home.bank_id, home.office):
            users.create_user(username=name, name="Vera Orlova", role=role, password=PASSWORD)
        found.append(f"{name}@{code}")
        connections.close_all()

    _aside(add)
    return found[0]


def _aside(work: Callable[[], None]) -> None:
    """Work in a thread of its own: Playwright's loop runs in this one, where Django refuses to."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _links(page: Page, pattern: str) -> list[str]:
    found: list[str] = page.evaluate(
        "pattern => [...new Set([...document.querySelectorAll('a[href]')]"
        ".map(a => new URL(a.href).pathname)"
        ".filter(path => new RegExp('^' + pattern).test(path)))]",
        pattern,
    )
    return found


def _note(wrong: list[str], page: Page, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        wrong.append(f"{page.url}: {text}")


def _note_host(wrong: list[str], address: str, url: str) -> None:
    if urlsplit(url).scheme in ("http", "https") and not url.startswith(address):
        wrong.append(f"asks {url}")


def _note_status(wrong: list[str], status: int, url: str) -> None:
    if status >= 400:
        wrong.append(f"{status} {url}")


def _keeper(whose: str) -> Callable[[Page, str], None]:
    folder = os.environ.get("SCREENSHOTS")

    def keep(page: Page, path: str) -> None:
        if folder:
            name = re.sub(r"[/?=]", "-", path.strip("/"))
            page.wait_for_load_state("networkidle")
            page.screenshot(path=str(Path(folder) / f"{whose}-{name}.png"))

    return keep
