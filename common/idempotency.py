"""One effect per `Idempotency-Key`: the first answer is kept with the effect and told again.

Here: the key, the request's digest, `run`, and that answers are forgotten in the end. Which
requests need a key is said by the views.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction

from common import errors, models, statements, tenancy

# The row that keeps an answer, for an effect to write it with rows of its own.
Keep = Callable[["Answer"], models.IdempotencyKey]

HEADER = "Idempotency-Key"
KEPT_DAYS = 7  # as perimeter_forget_answers has it; after that a key is as good as new

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


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


def claim(user_id: UUID, key: str) -> tenancy.Claim:
    """Return what claims a key: for `tenancy.acting`, or else `run` claims it."""
    return user_id, key, _lock(user_id, key)


def run(
    *, key: str, user_id: UUID, request_sha256: str, effect: Callable[[Keep], Answer]
) -> Answer:
    """Have `effect` once, and answer its first answer ever after.

    Inside the caller's transaction, with which the answer is kept. Whatever `effect` raises
    leaves the key free; a refusal that is to be kept is an `Answer`. An effect that others wait
    for may write the row that it asks `Keep` for, and then return that same answer.

    Raises: IDEMPOTENCY_IN_PROGRESS while the first request runs; IDEMPOTENCY_KEY_REUSED if it
    was another request.
    """
    is_ours, sha256, status, body = _claimed(claim(user_id, key))
    if not is_ours:
        raise errors.Refused("IDEMPOTENCY_IN_PROGRESS")
    if sha256 is not None:
        if sha256 != request_sha256:
            raise errors.Refused("IDEMPOTENCY_KEY_REUSED")
        return Answer(status, body, replayed=True)
    kept: Answer | None = None

    def keep(answer: Answer) -> models.IdempotencyKey:
        nonlocal kept
        kept = answer
        return models.IdempotencyKey(
            bank_id=tenancy.current().bank_id,
            user_id=user_id,
            key=key,
            request_sha256=request_sha256,
            status=answer.status,
            body=answer.body,
        )

    answer = effect(keep)
    if answer is not kept:
        statements.insert([keep(answer)])
    return answer


@shared_task(name="common.forget_answers")
def forget_all_answers() -> None:
    """Delete, little by little, what was kept long enough."""
    while forget_answers():
        pass


def forget_answers(most: int = 10_000) -> int:
    """Delete answers that were kept for KEPT_DAYS, at most so many, and return how many.

    Of every bank and state, in a transaction of its own. How long an answer is kept at the least
    stands in the database too: nobody makes it delete a younger one.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT perimeter_forget_answers(%s)", [most])
        forgotten: int = cursor.fetchone()[0]
    return forgotten


def _claimed(claim: tenancy.Claim) -> tenancy.Claimed:
    begun = tenancy.current().claimed
    if begun is not None and begun[0] == claim:
        return begun[1]
    (came,) = statements.rows("SELECT * FROM perimeter_claim_key(%s, %s, %s)", claim)
    return came


def _lock(user_id: UUID, key: str) -> int:
    """Return the lock's second number; where two keys share one, the later is told to wait."""
    hashed = hashlib.sha256(user_id.bytes + key.encode()).digest()
    return int.from_bytes(hashed[:4], signed=True)
