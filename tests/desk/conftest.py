import pytest

from common import models
from tests.desk.desks import Desk, open_desk


@pytest.fixture
def desk(bank: models.Bank) -> Desk:
    """A licensed bank's desk with ten bitcoins."""
    return open_desk(bank)
