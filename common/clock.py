"""Business time: what a jurisdiction's clock says, and how its supervisor sets it.

Every process reads the same row, so all agree. Orders, quotes and obligations run on business
time; keys, sessions and retries run on the wall's. Nothing here asks the machine what time it is:
the wall's time is passed in.
"""

import dataclasses
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from common import errors, models, tenancy, users

MAX_RATE = Decimal(86_400)  # a day a second
RATE_STEP = Decimal("0.001")  # what the column keeps


@dataclasses.dataclass(frozen=True, slots=True)
class Anchor:
    """A clock: at `wall_at` it was `business_at`, and has since run `rate` times as fast."""

    business_at: datetime
    wall_at: datetime
    rate: Decimal


def business_time(anchor: Anchor, wall_at: datetime) -> datetime:
    """Return what the clock says at `wall_at`.

    Never before the anchor: a machine whose wall clock lags is told the anchor's time.
    """
    elapsed_us = max(wall_at - anchor.wall_at, timedelta(0)) // timedelta(microseconds=1)
    return anchor.business_at + timedelta(microseconds=int(elapsed_us * anchor.rate))


def business_date(at: datetime, timezone: str = "Europe/Moscow") -> date:
    """Return the business day that `at` falls on."""
    return at.astimezone(zoneinfo.ZoneInfo(timezone)).date()


def midnight(day: date, timezone: str = "Europe/Moscow") -> datetime:
    """Return the moment at which a business day begins."""
    return datetime.combine(day, time(), zoneinfo.ZoneInfo(timezone)).astimezone(UTC)


def now(jurisdiction_id: UUID, wall_at: datetime) -> datetime:
    """Return the jurisdiction's business time at `wall_at`, inside the caller's transaction."""
    found = models.Jurisdiction.objects.filter(pk=jurisdiction_id)
    anchor = found.values_list("clock_business_at", "clock_wall_at", "clock_rate").get()
    return business_time(Anchor(*anchor), wall_at)


def acting_now(wall_at: datetime) -> datetime:
    """Return the acting jurisdiction's business time at `wall_at`, before the transaction began.

    By the clock as the transaction found it, which is thus never ahead of what it says.
    """
    acting = tenancy.current()
    assert acting.jurisdiction_id is not None
    if acting.clock is None:
        return now(acting.jurisdiction_id, wall_at)
    return business_time(Anchor(*acting.clock), wall_at)


def set_clock(*, actor: users.Actor, at: datetime, wall_at: datetime) -> None:
    """Put the clock of the acting supervisor's jurisdiction forward to `at`; its rate stays.

    Raises: CLOCK_BACKWARDS.
    """
    with tenancy.acting(None, actor) as acting:
        row, business_at = _locked(acting, wall_at)
        if at < business_at:
            raise errors.Refused("CLOCK_BACKWARDS", {"clock": business_at, "asked": at})
        _set_anchor(row, Anchor(at, wall_at, row.clock_rate))


def set_rate(*, actor: users.Actor, rate: Decimal, wall_at: datetime) -> None:
    """Let the clock run `rate` times as fast from now on, without a jump; 0 stops it.

    Raises: CLOCK_BACKWARDS for a negative rate; CLOCK_RATE_UNKNOWN beyond `MAX_RATE` or for one
    that is no multiple of `RATE_STEP`.
    """
    if rate < 0:
        raise errors.Refused("CLOCK_BACKWARDS", {"rate": rate})
    if rate > MAX_RATE or rate % RATE_STEP:
        raise errors.Refused("CLOCK_RATE_UNKNOWN", {"rate": rate, "max": MAX_RATE})
    with tenancy.acting(None, actor) as acting:
        row, business_at = _locked(acting, wall_at)
        _set_anchor(row, Anchor(business_at, wall_at, rate))


def _anchor(row: models.Jurisdiction) -> Anchor:
    return Anchor(row.clock_business_at, row.clock_wall_at, row.clock_rate)


def _locked(acting: tenancy.Acting, wall_at: datetime) -> tuple[models.Jurisdiction, datetime]:
    assert acting.jurisdiction_id is not None, "a clock is set by its jurisdiction's supervisor"
    rows = models.Jurisdiction.objects.select_for_update(no_key=True)  # banks refer to it
    row = rows.get(pk=acting.jurisdiction_id)
    return row, business_time(_anchor(row), wall_at)


def _set_anchor(row: models.Jurisdiction, anchor: Anchor) -> None:
    row.clock_business_at = anchor.business_at
    # A lagging machine does not move the anchor back: others have read the clock since.
    row.clock_wall_at = max(anchor.wall_at, row.clock_wall_at)
    row.clock_rate = anchor.rate
    row.save(update_fields=["clock_business_at", "clock_wall_at", "clock_rate"])
