"""`desk`: the house's own process, which does what nobody asks for."""

import logging
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

import ledger.operations
import ledger.queries
from common import clock, outbox, tenancy, users
from desk import operations

logger = logging.getLogger(__name__)

PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0


def expire_holds(wall_at: datetime) -> None:
    """Let go what was reserved until a moment that the bank's business clock has passed."""
    for bank_id, expires_at in ledger.queries.next_expiries():
        try:
            with tenancy.acting(bank_id, users.job("desk", bank_id)) as acting:
                assert acting.jurisdiction_id is not None
                at = clock.now(acting.jurisdiction_id, wall_at)
                if expires_at <= at:
                    ledger.operations.expire_holds(at=at)
        except Exception:
            logger.exception("Holds of bank %s do not expire for now", bank_id)


# Each is told the wall's time, goes through the banks it concerns, and may run twice at once.
TICKS: tuple[Callable[[datetime], None], ...] = (
    outbox.relay,
    expire_holds,
    operations.work_orders,
    operations.settle_payouts,
)


class Command(BaseCommand):
    help = "Runs what is due, five times a second: numbers events and queues their handlers."

    stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="run each tick once, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            _tick()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        pause_s = PAUSE_S
        while not self.stopping:
            pause_s = PAUSE_S if _ticks_well() else min(2 * pause_s, LONGEST_PAUSE_S)
            self._sleep(pause_s)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True  # seen after the running tick

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, PAUSE_S))


def _ticks_well() -> bool:
    try:
        _tick()
    except (OperationalError, InterfaceError) as error:
        logger.warning("The database does not serve: %s", error)
    except Exception:
        logger.exception("A tick failed")
    else:
        return True
    return False


def _tick() -> None:
    close_old_connections()  # a restarted database is connected to anew
    for tick in TICKS:
        tick(timezone.now())
    if settings.HEARTBEAT_FILE:
        Path(settings.HEARTBEAT_FILE).touch()
