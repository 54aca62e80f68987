"""How often a key may ask: counted in the broker's Redis, for all processes together.

Here because it is the edge's: wall time, and nothing true. A count lives as long as its window, and
while Redis does not answer, requests pass.
"""

from __future__ import annotations

import logging
import time
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
        window = int(time.time() // WINDOW_S)
        counter = _counter(settings.CELERY_BROKER_URL)
        return counter.count(f"rate:{actor.key}:{window}") <= allowed

    def wait(self) -> float:
        """Return how many seconds are left of the window."""
        return WINDOW_S - time.time() % WINDOW_S


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

    def count(self, name: str) -> int:
        """Return how many there were under a name with this one; 0 while Redis does not answer."""
        if time.monotonic() < self._rests_until:
            return 0
        try:
            counted = int(self._redis.incr(name))
            if counted == 1:
                self._redis.expire(name, 2 * WINDOW_S)
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + _REST_S
            _log.warning("Requests are not counted: %s", error)
            return 0
        return counted


_counter = cache(_Counter)
