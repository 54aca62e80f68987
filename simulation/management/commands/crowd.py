"""`manage.py crowd`: clients who trade on while the house serves, at business time as it runs."""

from __future__ import annotations

import logging
import random
import signal
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from simulation import crowd

logger = logging.getLogger(__name__)

PAUSE_S = 2.0


class Command(BaseCommand):
    help = "Lets some clients of both banks place orders now and then, until it is ended."

    stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="the house's")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        chance = random.Random()  # noqa: S311  (a simulation)
        people = crowd.gather(options["address"])
        while people and not self.stopping:
            try:
                crowd.act(chance, chance.choice(people))
            except (crowd.Unexpected, OSError):
                logger.exception("Somebody of the crowd did not get through")
            self._sleep(chance.expovariate(1 / PAUSE_S))
        while not self.stopping:  # nobody may trade, and the house goes on
            self._sleep(PAUSE_S)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
