"""How often a key may ask: counted in the broker's Redis, for all processes together.

Here because it is the edge's: wall time, and nothing true. A count lives as long as its window, and
while Redis does not answer, requests pass. A process tells Redis of its requests by the bundle, of
a hundredth of what a key may send and ten at the most: so many may pass beyond it, and as many for
each of the process's threads that is just telling.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import defaultdict
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from common import users

WINDOW_S = 10
_BUNDLE = 10  # at the most
_PATIENCE_S = 0.05  # how long a request waits for Redis
_REST_S = 1.0  # how long a Redis that failed is left alone

_log = logging.getLogger(__name__)


class RatePerKey(BaseThrottle):
    """Let a key ask `RATE_PER_KEY` times a second, on average over a window; 0 lets all through.

    DRF's own counts in a list for each key, which is read and written whole at every request.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count a request, and say whether its key may still ask in this window."""
        allowed: int = settings.RATE_PER_KEY * WINDOW_S
        actor = request.auth
        if not allowed or not isinstance(actor, users.Actor):
            return True
        counter = _counter(settings.CELERY_BROKER_URL)
        window = int(time.time() // WINDOW_S)
        return counter.count(actor.key, window, bundle=allowed // 100) <= allowed

    def wait(self) -> float:
        """Return how many seconds are left of the window."""
        return WINDOW_S - time.time() % WINDOW_S


@dataclasses.dataclass(slots=True)
class _Count:
    """What a process knows of a key in a window: the count of all, and its own not told yet."""

    told: int = 0
    untold: int = 0


class _Counter:
    """The broker's Redis, as far as it counts for this process."""

    def __init__(self, url: str) -> None:
        # As redis-py writes what Celery writes otherwise: the address of a socket.
        url = url.replace("redis+socket:", "unix:").replace("virtual_host=", "db=")
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=_PATIENCE_S,
            socket_connect_timeout=_PATIENCE_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._rests_until = 0.0
        self._lock = threading.Lock()
        self._window = 0
        self._counts: defaultdict[str, _Count] = defaultdict(_Count)

    def count(self, key: str, window: int, *, bundle: int) -> int:
        """Return how many a key sent in a window with this one, as far as processes told.

        The first is told at once, and then each `bundle`. 0 while Redis does not answer.
        """
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, defaultdict(_Count)
            known = self._counts[key]
            known.untold += 1
            if known.told and known.untold < min(bundle, _BUNDLE):
                return known.told + known.untold
            telling, known.untold = known.untold, 0
        told = self._tell(f"rate:{key}:{window}", telling)
        with self._lock:  # another thread may have been told of more meanwhile
            known.told = max(known.told, told) if told else 0
        return told

    def _tell(self, name: str, more: int) -> int:
        if time.monotonic() < self._rests_until:
            return 0
        try:
            counted = int(self._redis.incrby(name, more))
            if counted == more:
                self._redis.expire(name, 2 * WINDOW_S)
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + _REST_S
            _log.warning("Requests are not counted: %s", error)
            return 0
        return counted


_counter = cache(_Counter)
