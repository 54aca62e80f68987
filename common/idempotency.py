"""One effect per `Idempotency-Key`: the first answer is kept with the effect and told again.

Here: the key, the request's digest, and `run`. Which requests need a key is said by the views.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from uuid import UUID

from django.db import connection

from common import errors, models, tenancy

HEADER = "Idempotency-Key"

_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_LOCKS = int.from_bytes(b"idem")  # the first of the advisory lock's two numbers


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered: the HTTP status and the body to the byte."""

    status: int
    body: str
    replayed: bool = False


def key_in(header: str | None) -> str:
    """Return the key that a request carries.

    Raises: IDEMPOTENCY_KEY_REQUIRED, IDEMPOTENCY_KEY_INVALID.
    """
    if not header:
        raise errors.Malformed(
            "IDEMPOTENCY_KEY_REQUIRED",
            f"Send the header {HEADER}, the same one for each repetition of this request.",
            header=HEADER,
        )
    if _KEY.fullmatch(header) is None:
        raise errors.Malformed(
            "IDEMPOTENCY_KEY_INVALID",
            f"{HEADER} is 1 to 255 printable ASCII characters.",
            header=HEADER,
        )
    return header


def digest(*, method: str, path: str, body: bytes) -> str:
    """Return the SHA-256 by which a repetition is told from another request."""
    head = json.dumps([method, path]).encode()  # no line break inside, so none can be forged
    return hashlib.sha256(head + b"\n" + body).hexdigest()


def run(*, key: str, user_id: UUID, request_sha256: str, effect: Callable[[], Answer]) -> Answer:
    """Have `effect` once, and answer its first answer ever after.

    Inside the caller's transaction, with which the answer is kept. Whatever `effect` raises
    leaves the key free; a refusal that is to be kept is an `Answer`.

    Raises: IDEMPOTENCY_IN_PROGRESS while the first request runs; IDEMPOTENCY_KEY_REUSED if it
    was another request.
    """
    bank_id = tenancy.current().bank_id
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCKS, _lock(user_id, key)])
        if not cursor.fetchone()[0]:
            raise errors.Refused("IDEMPOTENCY_IN_PROGRESS")
    kept = models.IdempotencyKey.objects.filter(user_id=user_id, key=key).first()
    if kept is not None:
        if kept.request_sha256 != request_sha256:
            raise errors.Refused("IDEMPOTENCY_KEY_REUSED")
        return Answer(kept.status, kept.body, replayed=True)
    answer = effect()
    models.IdempotencyKey.objects.create(
        bank_id=bank_id,
        user_id=user_id,
        key=key,
        request_sha256=request_sha256,
        status=answer.status,
        body=answer.body,
    )
    return answer


def _lock(user_id: UUID, key: str) -> int:
    """Return the lock's second number; where two keys share one, the later is told to wait."""
    hashed = hashlib.sha256(user_id.bytes + key.encode()).digest()
    return int.from_bytes(hashed[:4], signed=True)
