"""The home page: a day at a glance, to each role what its scopes open."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import ledger.operations
import ledger.queries
import reporting.operations
from common import models, tenancy, users
from config.middleware import ADMIN
from desk import queries
from reporting import work
from reporting.catalogue import Period
from tests.config.test_admin import STAFF, add, session_of
from tests.desk.desks import Desk, open_desk
from tests.desk.test_day import EVENING, trade
from tests.kyc import clients

COUNTS = ("done", "making", "due")
DAY = f"{ADMIN}?day=2022-02-24"


@pytest.fixture
def desk(bank: models.Bank) -> Desk:
    found = open_desk(bank)
    trade(found)
    return found


def seen_by(role: users.Role, bank: models.Bank, page: str = DAY) -> dict[str, Any]:
    """Return what the page shows somebody of the role."""
    answer = opened(role, bank).get(page)
    assert answer.status_code == 200
    return shown_in(answer)


def shown_in(answer: Any) -> dict[str, Any]:
    return dict(answer.context_data)


def opened(role: users.Role, bank: models.Bank) -> Client:
    return session_of(add(bank.code, role))


def figures(seen: dict[str, Any]) -> dict[str, str]:
    return {figure.title: figure.value for figure in seen["figures"]}


def test_the_figures_are_those_of_the_day(desk: Desk) -> None:
    seen = seen_by(users.Role.OPERATIONS, desk.bank)
    assert figures(seen) == {
        "Clients bought": "3,015,000 ₽",
        "Clients sold": "0 ₽",
        "Fees": "15,075 ₽",
        "Result of the desk": "+30,075 ₽",
        "Exposure": "27,000,000 ₽",
        "Orders accepted": "2",
        "New clients": "1",
        "Paid in": "9,000,000 ₽",
        "Paid out": "0 ₽",
        "Tax withheld": "0 ₽",
    }
    before = seen_by(users.Role.AUDITOR, desk.bank, f"{ADMIN}?day=2022-02-23")
    assert figures(before)["Clients bought"] == "0 ₽"
    assert figures(before)["Exposure"] == "0 ₽"


def test_the_pictures_draw_the_same_figures(desk: Desk) -> None:
    drawn = {
        each.title: json.loads(each.data)
        for each in seen_by(users.Role.OPERATIONS, desk.bank)["pictures"]
    }
    bought, sold = (each["data"] for each in drawn["Volume by the hour"]["datasets"])
    assert [(hour, each) for hour, each in enumerate(bought) if each] == [(12, 3.015)]
    assert not any(sold)
    assert drawn["Refusals by code"]["labels"] == ["Insufficient funds", "Inventory short"]
    assert drawn["Refusals by code"]["datasets"][0]["data"] == [2, 1]
    assert drawn["Clients by state"]["labels"] == ["Open (1)"]
    assert drawn["Result of the desk"]["datasets"][0]["data"][-1] == 0.03  # millions
    assert len(drawn["Tax withheld by the day"]["labels"]) == 30


@pytest.mark.parametrize("role", sorted(set(STAFF) - users.STATE))
def test_each_role_sees_what_its_scopes_open(desk: Desk, role: users.Role) -> None:
    shown = set(figures(seen_by(role, desk.bank)))
    of_scope = {
        "orders:read": {"Clients bought", "Clients sold", "Fees", "Orders accepted"},
        "ledger:read": {"Result of the desk", "Exposure"},
        "clients:read": {"New clients"},
        "cash:read": {"Paid in", "Paid out"},
        "tax:read": {"Tax withheld"},
    }
    expected = [titles for scope, titles in of_scope.items() if scope in users.ROLES[role]]
    assert shown == set[str]().union(*expected)


def test_reports_done_and_due_are_counted(desk: Desk) -> None:
    browser = opened(users.Role.AUDITOR, desk.bank)

    def told() -> dict[str, tuple[int, ...]]:
        rows = shown_in(browser.get(DAY))["reports"]
        return {row["link"].partition("=")[2]: tuple(row[each] for each in COUNTS) for row in rows}

    assert told()["daily-register"] == (0, 0, 0)
    with desk.acting():
        book = ledger.queries.book_by_id(queries.house().book_id)
        ledger.operations.close_day(book_id=book.pk, business_date=book.open_date, at=EVENING)
    assert told()["daily-register"] == (0, 0, 1)
    with desk.acting():
        run = reporting.operations.request_run(
            report="daily-register", period=Period(book.open_date, book.open_date), at=EVENING
        )
    assert told()["daily-register"] == (0, 1, 0)
    for _ in work.make_all(desk.bank.pk, run.pk, timezone.now):
        """Each step commits."""
    assert told()["daily-register"] == (1, 0, 0)


def test_another_bank_s_day_is_not_in_it(desk: Desk, make_bank: Callable[[], models.Bank]) -> None:
    other = open_desk(make_bank(), stock="")
    shown = figures(seen_by(users.Role.OPERATIONS, other.bank))
    assert (shown["Clients bought"], shown["New clients"], shown["Paid in"]) == ("0 ₽", "0", "0 ₽")


def test_a_busier_day_takes_no_more_queries(desk: Desk) -> None:
    browser = opened(users.Role.OPERATIONS, desk.bank)
    browser.get(DAY)
    with CaptureQueriesContext(connection) as before:
        browser.get(DAY)
    trade(desk)
    with CaptureQueriesContext(connection) as after:
        browser.get(DAY)
    assert len(after) == len(before) < 40


@pytest.mark.parametrize("text", ["", "yesterday", "2022-02-31", "9999-12-31"])
def test_a_day_that_is_none_or_has_not_come_is_today(desk: Desk, text: str) -> None:
    seen = seen_by(users.Role.DEALER, desk.bank, f"{ADMIN}?day={text}")
    assert seen["after"] is None
    assert figures(seen)["Clients bought"] == "0 ₽"


def test_what_waits_is_counted_in_the_sidebar(desk: Desk) -> None:
    clients.apply(desk.bank)
    queues = {
        "Clients' applications": "1",
        "Reviews due": "1",
        "Hits to judge": "",
        "Proposals": "",
    }
    seen = seen_by(users.Role.COMPLIANCE, desk.bank)
    items = next(group for group in seen["sidebar_navigation"] if group.get("queues"))["items"]
    assert {item["title"]: item["badge"] for item in items} == queues
    anna = desk.client("9000000")
    desk.withdraw(anna, "3000000")
    page = opened(users.Role.HEAD_OF_DESK, desk.bank).get(ADMIN).content.decode()
    assert re.search(r"Withdrawals in review</span>\s*<strong>1</strong>", page)
    assert "Clients&#x27; applications" not in page


def test_the_supervisor_sees_the_banks_side_by_side(
    desk: Desk, make_bank: Callable[[], models.Bank], jurisdiction: models.Jurisdiction
) -> None:
    idle = make_bank()
    with tenancy.acting(None, users.supervisor_of(jurisdiction.pk)):
        user = users.create_user(
            username=f"s-{idle.code}",
            name="Ann",
            role=users.Role.SUPERVISOR,
            password="a long walk",
        )
    seen = shown_in(session_of(user).get(DAY))
    rows = {row["name"]: row for row in seen["banks"]}
    traded = rows[desk.bank.name]
    assert "3,015,000.00" in traded["bought"]
    assert (traded["orders"], traded["refused"], traded["open"]) == ("4", "2", 1)
    assert traded["licence"].get_status_display() == "Granted"
    assert str(traded["used"]) == "1.4"  # of the own funds
    assert rows[idle.name]["licence"] is None
    assert seen["houses"] == []


def test_times_are_moscow_s_and_say_so(desk: Desk) -> None:
    page = opened(users.Role.OPERATIONS, desk.bank).get(f"{ADMIN}desk/fill/").content.decode()
    assert "2022-02-24 12:00:00 MSK" in page
    assert "UTC" not in page
