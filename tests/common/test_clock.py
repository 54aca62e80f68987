"""The business clock: as fast as it is told, never backwards, the same for everybody."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection

from common import clock, errors, models, tenancy, users
from tests.ledger import books

BUSINESS = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
WALL = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

_codes = (f"clock{number}" for number in itertools.count(1))


@pytest.fixture
def supervisor(house: None) -> users.Actor:
    """The supervisor of a jurisdiction of its own, whose clock stands at BUSINESS at WALL."""
    state = users.register_jurisdiction(
        code=next(_codes), name="A state", at=BUSINESS, wall_at=WALL
    )
    return users.supervisor_of(state.id)


def told(supervisor: users.Actor, wall_at: datetime) -> datetime:
    """What the jurisdiction's clock says."""
    assert supervisor.jurisdiction_id is not None
    with tenancy.acting(None, supervisor):
        return clock.now(supervisor.jurisdiction_id, wall_at)


@pytest.mark.parametrize(
    ("rate", "elapsed"),
    [("1", HOUR), ("0", 0 * HOUR), ("60", 60 * HOUR), ("0.5", HOUR / 2), ("86400", 86_400 * HOUR)],
)
def test_clock_runs_at_its_rate(rate: str, elapsed: timedelta) -> None:
    anchor = clock.Anchor(BUSINESS, WALL, Decimal(rate))
    assert clock.business_time(anchor, WALL + HOUR) == BUSINESS + elapsed


def test_clock_is_exact_to_the_microsecond_after_ten_years() -> None:
    anchor = clock.Anchor(BUSINESS, WALL, Decimal("1.001"))
    ten_years = timedelta(days=3653, microseconds=1000)
    expected = BUSINESS + ten_years + timedelta(days=3.653, microseconds=1)
    assert clock.business_time(anchor, WALL + ten_years) == expected


def test_machine_whose_wall_clock_lags_reads_the_anchor() -> None:
    anchor = clock.Anchor(BUSINESS, WALL, Decimal(60))
    assert clock.business_time(anchor, WALL - HOUR) == BUSINESS


def test_business_day_begins_at_midnight_in_moscow() -> None:
    midnight = datetime(2022, 2, 23, 21, 0, tzinfo=UTC)
    assert clock.business_date(midnight) == date(2022, 2, 24)
    assert clock.business_date(midnight - timedelta(microseconds=1)) == date(2022, 2, 23)


def test_business_day_is_that_of_the_named_timezone() -> None:
    assert clock.business_date(datetime(2022, 2, 23, 20, tzinfo=UTC), "Asia/Omsk").day == 24


def test_bank_reads_its_jurisdictions_clock(supervisor: users.Actor) -> None:
    bank = users.register_bank(actor=supervisor, code=next(_codes), name="A bank")
    with tenancy.acting(bank.id, users.job("tests", bank.id)) as acting:
        assert acting.jurisdiction_id is not None
        assert clock.now(acting.jurisdiction_id, WALL + HOUR) == BUSINESS + HOUR


def test_bank_reads_no_other_jurisdictions_clock(
    supervisor: users.Actor, bank: models.Bank, staff: users.Actor
) -> None:
    assert supervisor.jurisdiction_id is not None
    with tenancy.acting(bank.id, staff), pytest.raises(models.Jurisdiction.DoesNotExist):
        clock.now(supervisor.jurisdiction_id, WALL)


def test_bank_cannot_set_its_jurisdictions_clock(bank: models.Bank, staff: users.Actor) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        tenancy.acting(bank.id, staff),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE common_jurisdiction SET clock_rate = 2")


def test_set_clock_goes_on_from_there_at_the_same_rate(supervisor: users.Actor) -> None:
    clock.set_rate(actor=supervisor, rate=Decimal(2), wall_at=WALL)
    clock.set_clock(actor=supervisor, at=BUSINESS + 10 * HOUR, wall_at=WALL + HOUR)
    assert told(supervisor, WALL + HOUR) == BUSINESS + 10 * HOUR
    assert told(supervisor, WALL + 2 * HOUR) == BUSINESS + 12 * HOUR


def test_clock_is_never_set_backwards(supervisor: users.Actor) -> None:
    with pytest.raises(errors.Refused, match="CLOCK_BACKWARDS"):
        clock.set_clock(
            actor=supervisor,
            at=BUSINESS + HOUR - timedelta(microseconds=1),
            wall_at=WALL + HOUR,
        )
    assert told(supervisor, WALL + HOUR) == BUSINESS + HOUR


@pytest.mark.parametrize("rate", ["0", "0.001", "3600", "86400"])
def test_new_rate_makes_no_jump(supervisor: users.Actor, rate: str) -> None:
    clock.set_rate(actor=supervisor, rate=Decimal(rate), wall_at=WALL + HOUR)
    assert told(supervisor, WALL + HOUR) == BUSINESS + HOUR
    assert told(supervisor, WALL + 2 * HOUR) == BUSINESS + HOUR + float(rate) * HOUR


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        ("-0.001", "CLOCK_BACKWARDS"),
        ("86400.001", "CLOCK_RATE_UNKNOWN"),
        ("1.0001", "CLOCK_RATE_UNKNOWN"),
    ],
)
def test_rate_that_no_clock_has_is_refused(supervisor: users.Actor, rate: str, code: str) -> None:
    with pytest.raises(errors.Refused, match=code):
        clock.set_rate(actor=supervisor, rate=Decimal(rate), wall_at=WALL)


def test_lagging_machine_sets_the_rate_without_moving_the_clock_back(
    supervisor: users.Actor,
) -> None:
    clock.set_clock(actor=supervisor, at=BUSINESS + HOUR, wall_at=WALL + HOUR)
    clock.set_rate(actor=supervisor, rate=Decimal(60), wall_at=WALL)
    assert told(supervisor, WALL) == BUSINESS + HOUR
    assert told(supervisor, WALL + HOUR) == BUSINESS + HOUR


def test_clock_set_by_many_at_once_stands_where_the_latest_put_it(
    supervisor: users.Actor,
) -> None:
    def put_forward(hours: int) -> None:
        try:
            clock.set_clock(actor=supervisor, at=BUSINESS + hours * HOUR, wall_at=WALL)
        except errors.Refused:
            refused.append(hours)

    refused: list[int] = []
    for round_ in range(5):
        hours = [100 * round_ + number for number in range(1, 9)]
        books.run_at_once(*[lambda h=h: put_forward(h) for h in reversed(hours)])
        assert told(supervisor, WALL) == BUSINESS + max(hours) * HOUR
        assert max(hours) not in refused
