"""Clients who trade without a desk; one of them in a state whose clock the test sets."""

import itertools

import pytest
from django.utils import timezone

from common import models, users
from tests.kyc.clients import AT, open_client
from tests.ledger.books import Books, open_books
from tests.tax.traders import Trader

_states = itertools.count(1)


@pytest.fixture
def trader(bank: models.Bank, books: Books) -> Trader:
    return Trader(books, bank, open_client(bank).pk)


@pytest.fixture
def alone(house: None) -> Trader:
    """A client of a bank in a state of its own, whose clock stands at AT."""
    code = f"taxes{next(_states)}"
    state = users.register_jurisdiction(code=code, name=code, at=AT, wall_at=timezone.now())
    office = users.supervisor_of(state.pk)
    bank = users.register_bank(actor=office, code=f"{code}bank", name="North")
    books = open_books(bank.pk, users.job("tests", bank.pk))
    return Trader(books, bank, open_client(bank).pk)
