"""Somebody of the bank's staff in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from common import ids, models, tenancy, users

Login = Callable[..., Browser]


@pytest.fixture
def login(bank: models.Bank) -> Login:
    def logged_in(role: users.Role = users.Role.COMPLIANCE, state: Any = None) -> Browser:
        office = users.supervisor_of(state.id) if state else users.job("office", bank.id)
        with tenancy.acting(office.bank_id, office):
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
