"""The desk in the admin: a row's whole story, in words and links, and what a list comes to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from common import ids, tenancy, users
from common.models import Proposal
from desk import operations
from desk.models import Deposit, Fill, Order, Withdrawal
from kyc.models import Client
from ledger.models import Entry
from tax.models import Withholding
from tests.config.test_admin import add, session_of
from tests.desk.desks import Desk, ask
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.desk.test_day import EVENING, trade
from tests.kyc import clients


@pytest.fixture
def officer(desk: Desk) -> Browser:
    trade(desk)
    return session_of(add(desk.bank.code, users.Role.OPERATIONS))


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def opened(browser: Browser, row: Any) -> str:
    answer = browser.get(url(type(row), "change", row.pk))
    assert answer.status_code == 200
    return answer.content.decode()


def listed(browser: Browser, model: Any, query: str = "") -> str:
    answer = browser.get(url(model, "changelist") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def rows(page: str) -> int:
    return len(re.findall(r'<tr class="data-row', page))


def one(desk: Desk, model: Any, **found: Any) -> Any:
    with desk.acting():
        return model.objects.filter(**found).order_by("pk").first()


def test_a_refused_order_says_why_in_words(desk: Desk, officer: Browser) -> None:
    order = one(desk, Order, codes__contains=["INVENTORY_SHORT"])
    page = opened(officer, order)
    assert "The client has too little that is free." in page
    assert "The desk has too little of the coin." in page
    assert "INVENTORY_SHORT" in page
    page = listed(officer, Order, "?code=INVENTORY_SHORT")
    assert rows(page) == 1
    assert 'title="The desk has too little of the coin."' in page


def test_an_order_links_to_all_that_came_of_it(desk: Desk, officer: Browser) -> None:
    fill = one(desk, Fill)
    with desk.acting():
        order = Order.objects.get(pk=fill.order_id)
    page = opened(officer, order)
    for model, key in ((Client, order.client_id), (Fill, fill.pk), (Entry, fill.entry_id)):
        assert f'href="{url(model, "change", key)}"' in page
    assert "lot acquired" in page
    assert "3,015,000.00" in page
    entry = one(desk, Entry, pk=fill.entry_id)
    assert f'href="{url(Fill, "change", fill.pk)}"' in opened(officer, entry)


def test_a_withdrawal_shows_how_its_tax_was_reckoned(desk: Desk, officer: Browser) -> None:
    anna = desk.client("9000000", category="QUALIFIED")
    desk.buy(anna, quantity="1", at=FALLEN_AT)
    desk.sell(anna, quantity="1", at=RISEN_AT)
    paid = desk.withdraw(anna, "100000", at=RISEN_AT)
    page = opened(officer, paid)
    withholding = one(desk, Withholding, entry_id=paid.entry_id)
    assert f'href="{url(Withholding, "change", withholding.pk)}"' in page
    assert f"{paid.tax_rub:,.2f}" in page
    assert "To remit by" in page
    dealer = session_of(add(desk.bank.code, users.Role.DEALER))  # who sees no tax
    assert "To remit by" not in opened(dealer, paid)


def test_a_client_s_page_tells_what_the_client_has_and_did(desk: Desk, officer: Browser) -> None:
    order = one(desk, Order)
    page = opened(officer, one(desk, Client, pk=order.client_id))
    for title in ("What the client has", "Latest orders", "Latest roubles in and out", "Tax years"):
        assert title in page
    assert url(Order, "change", order.pk) in page
    assert "9,000,000.00" in page
    assert re.search(r"bought in \d{4}, no limit", page)


def test_who_was_never_let_in_has_no_story_to_tell(desk: Desk, officer: Browser) -> None:
    assert "Latest orders" not in opened(officer, clients.apply(desk.bank))


def test_a_client_s_rows_are_found_by_the_client_s_id(desk: Desk, officer: Browser) -> None:
    desk.client("500")
    whose = ids.show("cli", one(desk, Order).client_id)
    assert rows(listed(officer, Deposit)) == 2
    for model, count in ((Deposit, 1), (Order, 4), (Fill, 2)):
        assert rows(listed(officer, model, f"?q={whose}")) == count
        assert rows(listed(officer, model, "?q=cli_nobody")) == 0


def test_a_list_says_what_all_of_it_comes_to(desk: Desk, officer: Browser) -> None:
    desk.client("500")
    page = listed(officer, Deposit)
    assert re.search(r"<dt>Roubles</dt><dd>.*?9,000,500\.00", page)
    found = ids.show("dep", one(desk, Deposit).pk)
    assert re.search(
        r"<dt>Roubles</dt><dd>.*?9,000,000\.00", listed(officer, Deposit, f"?q={found}")
    )


def test_a_list_is_cut_to_moscow_days(desk: Desk, officer: Browser) -> None:
    anna = desk.client("500")
    desk.deposit(anna, "7", at=EVENING.replace(hour=21))  # the 25th in Moscow
    assert rows(listed(officer, Deposit, "?at_from=2022-02-25")) == 1
    assert rows(listed(officer, Deposit, "?at_to=2022-02-24")) == 2
    assert rows(listed(officer, Deposit, "?at_from=2022-02-24&at_to=2022-02-25")) == 3
    assert rows(listed(officer, Deposit, "?at_from=never")) == 3


def test_who_did_it_is_named_but_a_client_is_not(desk: Desk, officer: Browser) -> None:
    acting = users.house_of(desk.bank.code).office
    with tenancy.acting(desk.bank.pk, acting):
        person = users.create_user(
            username="petya", name="Pyotr Lvov", role=users.Role.CLIENT, password="a long walk home"
        )
    anna = desk.client("500", user=person)
    with tenancy.acting(desk.bank.pk, users.actor_of(person)):
        placed = operations.place_orders(asks=[ask(anna, "BUY", quantity="0.0001")], at=clients.AT)[
            0
        ]
    page = opened(officer, one(desk, Order, pk=placed.order.pk))
    assert "the client" in page
    assert "Pyotr" not in page
    boss = session_of(add(desk.bank.code, users.Role.HEAD_OF_DESK))
    large = desk.withdraw(desk.client("5000000"), "4000000")
    told = boss.post(
        url(Withdrawal, "refuse", large.pk), {"_form_submitted": "True", "reason": "not yet"}
    )
    assert told["HX-Redirect"]
    page = opened(officer, one(desk, Withdrawal, pk=large.pk))
    assert "Ann" in page
    assert "A second person refused it." in page
    assert "not yet" in page


def test_a_bust_is_proposed_and_approved_by_another(desk: Desk, officer: Browser) -> None:
    fill = one(desk, Fill, busted_at__isnull=True)
    dealer = session_of(add(desk.bank.code, users.Role.DEALER))
    said = {"_form_submitted": "True", "reason": "a wrong price"}
    dealer.post(url(Fill, "propose_bust", fill.pk), said)
    proposal = one(desk, Proposal, status="PENDING")
    decide = url(Proposal, "approve", proposal.pk)
    assert dealer.post(decide, said).status_code == 403
    assert decide not in opened(officer, proposal)
    boss = session_of(add(desk.bank.code, users.Role.HEAD_OF_DESK))
    page = opened(boss, proposal)
    assert decide in page
    assert url(Fill, "change", fill.pk) in page
    assert boss.post(decide, said)["HX-Redirect"]
    assert one(desk, Fill, pk=fill.pk).busted_at is not None
    assert desk.broken() == []
