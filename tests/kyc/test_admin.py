"""Clients in the admin: what an officer sees, masked, and what compliance does."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from common import ids, models, tenancy, users
from kyc.models import (
    Application,
    Attempt,
    BankAccount,
    Client,
    ListedParty,
    ScreeningHit,
    WatchList,
)
from tests.kyc import clients
from tests.kyc.conftest import Login

PAGES: list[Any] = [Client, Application, ScreeningHit, Attempt, BankAccount, WatchList, ListedParty]


@pytest.fixture
def full(bank: models.Bank) -> dict[str, Client]:
    """A bank with a row on every page."""
    listed = clients.person(
        surname="Belokrylov",
        given_name="Semyon",
        patronymic="Radimovich",
        birth_date=date(1985, 5, 5),
        paper={"issued": date(2006, 1, 10)},
    )
    return {
        "open": clients.open_client(bank),
        "firm": clients.open_client(bank, kind="ENTITY"),
        "applied": clients.apply(bank),
        "identified": clients.identify(bank),
        "listed": clients.identify(bank, listed),
        "pep": clients.identify(bank, clients.person(is_pep=True)),
    }


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:kyc_{model.__name__.lower()}_{page}", args=args)


def listed(browser: Browser, model: Any, query: str = "") -> str:
    answer = browser.get(url(model, "changelist") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def opened(browser: Browser, model: Any, row_id: object) -> str:
    answer = browser.get(url(model, "change", row_id))
    assert answer.status_code == 200
    return answer.content.decode()


def rows(page: str) -> int:
    return len(re.findall(r'<tr class="data-row', page))


def submitted(**said: str) -> dict[str, str]:
    """Return what a dialog sends that was just opened."""
    return {"_form_submitted": "True", "_once": ids.show("dlg", ids.new()), **said}


def done(browser: Browser, model: Any, command: str, row: Any, **said: str) -> str:
    """Give a command and return what the page says after it."""
    answer = browser.post(url(model, command, row.pk), submitted(**said))
    assert answer["HX-Redirect"], answer.content
    return browser.get(answer["HX-Redirect"], follow=True).content.decode()


def status(client: Client) -> str:
    with tenancy.acting(client.bank_id, users.job("tests", client.bank_id)):
        return Client.objects.get(pk=client.pk).status


@pytest.mark.parametrize("model", PAGES)
def test_each_page_lists_and_opens_every_row(
    full: dict[str, Client], bank: models.Bank, login: Login, model: Any
) -> None:
    browser = login()
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        found = [row.pk for row in model.objects.all()]
    page = listed(browser, model)
    assert rows(page) == (4 if model is Application else min(len(found), 50))
    shown = full["listed"].pk if model is Application else found[0]
    assert f"{model.id_prefix}_" in opened(browser, model, shown)


@pytest.mark.parametrize("model", [Client, Application, ScreeningHit, Attempt, BankAccount])
def test_a_longer_list_takes_no_more_queries(
    full: dict[str, Client], bank: models.Bank, login: Login, model: Any
) -> None:
    browser = login()
    listed(browser, model)
    with CaptureQueriesContext(connection) as before:
        listed(browser, model)
    clients.open_client(bank)
    clients.identify(bank, clients.entity(legal_name="Northern Quay Trade"))
    with CaptureQueriesContext(connection) as after:
        listed(browser, model)
    assert len(after) == len(before)


def test_personal_data_are_masked_whoever_looks(bank: models.Bank, login: Login) -> None:
    said = clients.person()
    client = clients.apply(bank, said)
    for role in (users.Role.COMPLIANCE, users.Role.OPERATIONS, users.Role.AUDITOR):
        browser = login(role)
        for page in (listed(browser, Client), opened(browser, Client, client.pk)):
            for datum in (said.surname, said.inn, said.snils, said.paper.number, said.email):
                assert datum not in page
        assert f"{said.surname[0]}…" in page


def test_a_client_is_found_by_a_whole_number_where_the_role_may(
    bank: models.Bank, login: Login
) -> None:
    said = clients.person()
    client = clients.apply(bank, said)
    clients.apply(bank)
    for number in (said.inn, said.snils):
        page = listed(login(), Client, f"?q={number}")
        assert rows(page) == 1
        assert ids.show("cli", client.pk) in page
        assert rows(listed(login(users.Role.AUDITOR), Client, f"?q={number}")) == 0
    assert rows(listed(login(), Client, f"?q={ids.show('cli', client.pk)}")) == 1
    assert rows(listed(login(), Client, "?q=500100732259")) == 0


def test_the_queue_shows_who_waits_the_longest_first(full: dict[str, Client], login: Login) -> None:
    page = listed(login(), Application)
    order = [page.index(ids.show("cli", full[name].pk)) for name in ("applied", "identified")]
    assert order == sorted(order)
    for name in ("open", "firm"):
        assert ids.show("cli", full[name].pk) not in page
    assert rows(listed(login(), Application, "?status__exact=IN_REVIEW")) == 2


def test_clients_whose_review_is_due_are_a_queue_until_reviewed(
    full: dict[str, Client], login: Login
) -> None:
    browser = login()  # years after the clients were let in
    assert waiting(browser) == "2"
    due = listed(browser, Client, "?review=due")
    assert rows(due) == 2
    for name in ("open", "firm"):
        assert ids.show("cli", full[name].pk) in due
        done(browser, Client, "review", full[name])
    assert waiting(browser) == ""
    assert rows(listed(browser, Client, "?review=due")) == 0
    assert waiting(login(users.Role.AUDITOR)) is None


def waiting(browser: Browser) -> Any:
    """Return the badge of the queue of reviews, None where there is no such queue."""
    context: Any = browser.get(reverse("admin:index")).context
    todo = next(group for group in context["sidebar_navigation"] if group.get("queues"))["items"]
    return {item["title"]: item["badge"] for item in todo}.get("Reviews due")


def test_an_applicant_is_identified_and_approved(full: dict[str, Client], login: Login) -> None:
    browser, client = login(), full["applied"]
    assert "The client is identified." in done(browser, Client, "identify", client)
    assert "The client is open." in done(browser, Client, "approve", client, reason="fine")
    assert status(client) == "OPEN"
    told = done(browser, Client, "freeze", client, code="SUSPICION", reason="odd")
    assert "The client is frozen." in told
    assert "The client is open again." in done(browser, Client, "unfreeze", client, reason="fine")
    assert "Reviewed; the next review is due" in done(browser, Client, "review", client)
    told = done(browser, Client, "close", client, code="OWN_REQUEST", reason="moves")
    assert "The client is closed." in told
    assert status(client) == "CLOSED"


def test_an_application_is_refused_in_the_queue(full: dict[str, Client], login: Login) -> None:
    browser, client = login(), full["applied"]
    done(browser, Client, "refuse", client, code="SUSPICION", reason="odd")
    assert status(client) == "REFUSED"


def test_a_high_risk_client_is_proposed(full: dict[str, Client], login: Login) -> None:
    told = done(login(), Client, "approve", full["pep"], reason="funds shown")
    assert "High risk: proposed to a second officer." in told
    assert status(full["pep"]) == "IN_REVIEW"


def test_a_refusal_is_told_in_words(full: dict[str, Client], login: Login) -> None:
    told = done(login(), Client, "approve", full["listed"], reason="fine")
    assert "Not done. Hits undecided: hits 1." in told


def test_a_hit_is_confirmed(full: dict[str, Client], bank: models.Bank, login: Login) -> None:
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        hit = ScreeningHit.objects.get(client=full["listed"])
    assert "Its names" in opened(login(), ScreeningHit, hit.pk)
    assert "Confirmed" in done(login(), ScreeningHit, "confirm", hit, reason="the same")
    assert status(full["listed"]) == "REFUSED"


@pytest.mark.parametrize("role", [users.Role.AUDITOR, users.Role.OPERATIONS, users.Role.DEALER])
def test_who_may_not_decide_is_not_offered_it(
    full: dict[str, Client], login: Login, role: users.Role
) -> None:
    browser = login(role)
    page = opened(browser, Client, full["identified"].pk)
    for command in ("approve", "refuse"):
        assert url(Client, command, full["identified"].pk) not in page
        answer = browser.post(
            url(Client, command, full["identified"].pk),
            {"_form_submitted": "True", "reason": "me", "code": "SUSPICION"},
        )
        assert answer.status_code == 403
    assert status(full["identified"]) == "IDENTIFIED"


def test_a_dealer_sees_no_likenesses(full: dict[str, Client], login: Login) -> None:
    assert rows(listed(login(users.Role.DEALER), ScreeningHit)) == 0
    assert "Belokrylov" not in opened(login(users.Role.DEALER), Client, full["listed"].pk)


def test_the_supervisor_sees_every_bank(
    full: dict[str, Client], bank: models.Bank, login: Login, jurisdiction: models.Jurisdiction
) -> None:
    browser = login(users.Role.SUPERVISOR, jurisdiction)
    assert bank.name in listed(browser, Client)
    opened(browser, Client, full["open"].pk)
