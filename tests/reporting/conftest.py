import pytest

from common import models
from tests.desk.desks import Desk, open_desk
from tests.reporting.days import Days


@pytest.fixture
def days(bank: models.Bank) -> Days:
    """A licensed bank's desk, and what closes its days and reports them."""
    return Days(open_desk(bank))


@pytest.fixture
def traded(days: Days) -> Days:
    """Three closed days of trade, busts and withholdings, from 24 to 26 February 2022."""
    days.trade_three_days()
    return days


__all__ = ["Desk"]
