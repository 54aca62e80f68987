"""The house that tests work in: one database, real commits, a bank of its own for each test.

Nothing is rolled back or flushed: row-level security keeps tests apart as it keeps banks apart.
A test that needs committed rows takes `bank`; whoever needs a second one takes `make_bank`.
"""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from common import models, users
from tests.ledger.books import Books, open_books

AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def house(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Make the test database and open it for the whole session.

    By hand, for pytest-django makes those only that some test is marked with.
    """
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        assert connection.settings_dict["NAME"].startswith("test_")
        yield
        connections.close_all()
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def jurisdiction(house: None) -> models.Jurisdiction:
    return users.register_jurisdiction(
        code="ru", name="Russia under the 2022 bill", at=AT, wall_at=AT
    )


@pytest.fixture(scope="session")
def make_state(house: None) -> Callable[[], models.Jurisdiction]:
    def make() -> models.Jurisdiction:
        code = f"state{next(_numbers)}"
        return users.register_jurisdiction(code=code, name=code.title(), at=AT, wall_at=AT)

    return make


@pytest.fixture(scope="session")
def make_bank(jurisdiction: models.Jurisdiction) -> Callable[[], models.Bank]:
    def make() -> models.Bank:
        number = next(_numbers)
        return users.register_bank(
            actor=users.supervisor_of(jurisdiction.id),
            code=f"bank{number}",
            name=f"Bank No {number}",
        )

    return make


@pytest.fixture
def bank(make_bank: Callable[[], models.Bank]) -> models.Bank:
    return make_bank()


@pytest.fixture
def staff(bank: models.Bank) -> users.Actor:
    """The bank's own back office, acting."""
    return users.job("tests", bank.id)


@pytest.fixture
def books(bank: models.Bank, staff: users.Actor) -> Books:
    """The bank's book, open at 2022-02-24, with every house account and two clients' accounts."""
    return open_books(bank.id, staff)
