"""Tax in the admin: the year is ended and tax remitted by a button, by whom it is given to."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from common import clock, ids, tenancy, users
from tax.models import Remittance, TaxYear, Withholding
from tests.tax.traders import DECEMBER, JANUARY, Trader

Login = Callable[..., Browser]


@pytest.fixture
def login(alone: Trader) -> Login:
    def logged_in(role: users.Role = users.Role.OPERATIONS) -> Browser:
        office = users.job("office", alone.bank.pk)
        with tenancy.acting(alone.bank.pk, office):
            user = users.create_user(
                username=f"officer-{ids.new()}",
                name="Vera",
                role=role,
                password="a long walk on the quay",
            )
        browser = Browser()
        browser.force_login(user)
        return browser

    return logged_in


@pytest.fixture
def owing(alone: Trader) -> Trader:
    """A client who owes 13,000 of 2022 on 20 January 2023, of which 1,300 were withheld."""
    alone.deposit("10000")
    alone.buy("1", "100000", DECEMBER)
    alone.sell("1", "200000", DECEMBER)
    alone.withdraw("1000", DECEMBER)
    office = users.supervisor_of(alone.bank.jurisdiction_id)
    clock.set_clock(actor=office, at=JANUARY, wall_at=timezone.now())
    return alone


def url(model: Any, page: str, row: Any) -> str:
    return reverse(f"admin:tax_{model.__name__.lower()}_{page}", args=[row.pk])


def done(browser: Browser, model: Any, command: str, row: Any) -> str:
    answer = browser.post(url(model, command, row), {"_form_submitted": "True"})
    assert answer["HX-Redirect"], answer.content
    return browser.get(answer["HX-Redirect"], follow=True).content.decode()


def test_operations_end_the_year_by_a_button(owing: Trader, login: Login) -> None:
    browser, year = login(), owing.year()
    assert "End the year" in browser.get(url(TaxYear, "change", year)).content.decode()
    page = done(browser, TaxYear, "end_year", year)
    assert "2022: 1 clients&#x27; years changed, 0 are closed." in page
    year = owing.year()
    assert (year.withheld_rub, year.not_withheld_rub) == (Decimal(9_130), Decimal(3_870))
    assert owing.broken() == []


def test_a_year_that_is_not_over_is_told(owing: Trader, login: Login) -> None:
    owing.buy("1", "10", JANUARY)
    owing.sell("1", "20", JANUARY)
    page = done(login(), TaxYear, "end_year", owing.year(2023))
    assert "Not done. Year not over" in page


def test_operations_remit_by_a_button_once(owing: Trader, login: Login) -> None:
    with owing.acting():
        row = Withholding.objects.get()
    browser = login()
    page = done(browser, Withholding, "remit", row)
    assert "130.00 roubles went to the budget." in page
    assert (
        browser.post(url(Withholding, "remit", row), {"_form_submitted": "True"}).status_code == 403
    )
    with owing.acting():
        assert Remittance.objects.get().amount_rub == 130
    assert owing.broken() == []


@pytest.mark.parametrize("role", [users.Role.AUDITOR, users.Role.COMPLIANCE])
def test_who_only_reads_tax_is_offered_no_button(
    owing: Trader, login: Login, role: users.Role
) -> None:
    browser, year = login(role), owing.year()
    page = browser.get(url(TaxYear, "change", year)).content.decode()
    assert "End the year" not in page
    forced = browser.post(url(TaxYear, "end_year", year), {"_form_submitted": "True"})
    assert forced.status_code == 403
    assert owing.year().withheld_rub == 130
