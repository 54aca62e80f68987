"""The house that tests work in: one database, real commits, a bank of its own for each test.

Nothing is rolled back or flushed: row-level security keeps tests apart as it keeps banks apart.
A test that needs committed rows takes `bank`; whoever needs a second one takes `make_bank`.
"""

import itertools
import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import hypothesis
import pytest
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from common import models, users
from config import embedded
from tests import houses
from tests.ledger.books import Books, open_books

# Known to all processes of a run, and printed: with it the same requests are made up again.
CONTRACT_SEED = os.environ.setdefault("CONTRACT_SEED", str(random.randrange(2**32)))
AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)

# How fast a busy machine draws is not what is tested.
hypothesis.settings.register_profile(
    "house", suppress_health_check=[hypothesis.HealthCheck.too_slow], deadline=None
)
hypothesis.settings.load_profile("house")
_numbers = itertools.count(1)

# Tests that share what takes long to make, by how their names begin: one worker runs them all.
_TOGETHER = {
    "tests/browser/": "browser",
    "tests/faults/test_trading_kills.py": "demo",
    "tests/simulation/test_job.py": "demo",
    "tests/stories/test_readme.py": "demo",
}


class _Together(LoadScopeScheduling):
    """Hand out tests one by one, but those together. (Marks do not tell: xdist 3.8, pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        found = (group for begin, group in _TOGETHER.items() if nodeid.startswith(begin))
        return next(found, nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return _Together(config, log)


def pytest_report_header() -> str:
    return f"CONTRACT_SEED={CONTRACT_SEED}"


@pytest.fixture(scope="session")
def house(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Make the test database and open it for the whole session.

    By hand, for pytest-django makes those only that some test is marked with.
    """
    embedded.ensure()  # a named database does not start the broker by being connected to
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


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[houses.House]:
    """A house of its own in which the main job is done and that serves on, with a crowd."""
    with houses.opened(tmp_path_factory.mktemp("demo")) as opened:
        opened.prints(houses.SERVES, opened.start("-m", "config.demo"))
        yield opened


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
