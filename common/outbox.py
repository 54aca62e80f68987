"""Events: written with their effect, numbered by the relay, handled once and in order.

`emit` writes an event in the transaction of what happened. The relay polls, gives each bank's
committed events the numbers 1, 2, 3… and queues the handlers that are behind. An app's handlers
stand in its `reactions.py`; each runs in a transaction that also moves its stream, so it takes
effect once however often it is queued. Redis carries only the wish to run.

Not here: LISTEN and NOTIFY, which would make every commit of the posting path wait in one line.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import connection
from django.utils import timezone
from kombu.exceptions import OperationalError

from common import ids, models, statements, tenancy, users

logger = logging.getLogger(__name__)

NUMBERED_AT_ONCE = 5_000
TURN_S = 20.0  # how long a stream may keep a worker, well below the tasks' time limit
LONGEST_RETRY_S = 300
ASK_AGAIN_S, LONGEST_ASK_AGAIN_S = 10.0, 600.0
BROKER_REST_S = 2.0

_TOPIC = re.compile(r"[a-z_]+\.[a-z_]+")
_NUMBERING = ""  # the handler's name of the stream that numbers


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """An event as its handler sees it; `number` counts the bank's events without a gap."""

    id: UUID
    bank_id: UUID
    number: int
    topic: str
    payload: dict[str, Any]
    at: datetime
    recorded_at: datetime
    request_id: str


Handler = Callable[[Event], None]

_handlers: dict[str, tuple[frozenset[str], Handler]] = {}


def reacts_to(*topics: str) -> Callable[[Handler], Handler]:
    """Register a function of some `reactions.py` as the handler of these topics' events.

    It runs inside the transaction of `tenancy.acting`, as the job of its own name. A new handler
    starts at the bank's first event; a renamed one is a new one.
    """

    def register(function: Handler) -> Handler:
        name = f"{function.__module__}.{function.__name__}"
        assert name not in _handlers, f"{name} is registered twice"
        _handlers[name] = (frozenset(topics), function)
        return function

    return register


def emit(topic: str, payload: dict[str, Any], at: datetime) -> None:
    """Record inside the caller's transaction that something happened to the acting bank.

    `topic` is `app.what_happened`; `payload` holds plain values, amounts as strings; `at` is
    business time.
    """
    statements.insert(rows([(topic, payload)], at))


def rows(events: Sequence[tuple[str, dict[str, Any]]], at: datetime) -> list[models.OutboxEvent]:
    """Return events, each a topic and a payload, for the caller to insert as `emit` does."""
    acting = tenancy.current()
    assert acting.bank_id is not None, "an event is a bank's"
    for topic, payload in events:
        assert _TOPIC.fullmatch(topic), topic
        assert _is_plain(payload), payload
    return [
        models.OutboxEvent(
            bank_id=acting.bank_id,
            topic=topic,
            payload=payload,
            at=at,
            request_id=acting.request_id,
        )
        for topic, payload in events
    ]


def events_after(*, bank_id: UUID, number: int, limit: int) -> list[Event]:
    """Return the bank's next events after `number`, inside the caller's transaction.

    Numbers become visible in order: who asks again after the last one seen misses none.
    """
    rows = models.OutboxEvent.objects.filter(bank_id=bank_id, number__gt=number)
    return [_event(row) for row in rows.order_by("number")[:limit]]


# --- The relay -----------------------------------------------------------------------------------


def relay(wall_at: datetime) -> None:
    """Number what is new and queue the handlers that are behind, bank by bank."""
    for bank_id in _waiting_bank_ids(wall_at):
        try:
            number_events(bank_id)
            behind = _behind(bank_id, wall_at)
        except Exception:
            logger.exception("Events of bank %s stay unnumbered for now", bank_id)
        else:
            _queue(bank_id, behind, wall_at)


def number_events(bank_id: UUID) -> int:
    """Give the bank's committed events their numbers, and return how many got one.

    1. The bank's numbering stream is locked: two relays take turns.
    2. What is visible after that and has no number gets the next ones, by id. An event that
       commits later gets a later number.
    3. Streams that are up to date and hear none of these topics follow without being queued.
    """
    with tenancy.acting(bank_id, users.job("relay", bank_id)), connection.cursor() as cursor:
        _open_streams(bank_id)
        streams = models.OutboxStream.objects.select_for_update()
        numbering = streams.get(bank_id=bank_id, handler=_NUMBERING)
        cursor.execute(
            """
            UPDATE common_outboxevent event SET number = %(head)s + fresh.place
            FROM (
                SELECT id, row_number() OVER (ORDER BY id) AS place FROM common_outboxevent
                WHERE bank_id = %(bank)s AND number IS NULL ORDER BY id LIMIT %(most)s
            ) fresh
            WHERE event.id = fresh.id RETURNING event.topic
            """,
            {"bank": bank_id, "head": numbering.last_number, "most": NUMBERED_AT_ONCE},
        )
        topics = [row[0] for row in cursor.fetchall()]
        if topics:
            head = numbering.last_number + len(topics)
            _pass_over(bank_id, set(topics), numbering.last_number, head)
            numbering.last_number = head
            numbering.save(update_fields=["last_number"])
    return len(topics)


def _open_streams(bank_id: UUID) -> None:
    streams = models.OutboxStream.objects.filter(bank_id=bank_id)
    missing = {_NUMBERING, *_handlers} - set(streams.values_list("handler", flat=True))
    rows = [models.OutboxStream(bank_id=bank_id, handler=name) for name in sorted(missing)]
    models.OutboxStream.objects.bulk_create(rows, ignore_conflicts=True)


def _pass_over(bank_id: UUID, topics: set[str], old_head: int, head: int) -> None:
    deaf = [name for name, (heard, _) in _handlers.items() if heard.isdisjoint(topics)]
    # Whose handler is at work is behind the old head: numbering waits for nobody.
    models.OutboxStream.objects.filter(
        bank_id=bank_id, handler__in=deaf, last_number=old_head
    ).update(last_number=head)


def _waiting_bank_ids(wall_at: datetime) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT perimeter_outbox_bank_ids(%s, %s)", [list(_handlers), wall_at])
        return [row[0] for row in cursor.fetchall()]


@dataclasses.dataclass(frozen=True, slots=True)
class _Progress:
    """How far a stream is behind `head`."""

    last_number: int
    failures: int
    head: int


def _behind(bank_id: UUID, wall_at: datetime) -> dict[str, _Progress]:
    """Return the handlers that have events to hear of and are not waiting for their next try."""
    with tenancy.acting(bank_id, users.job("relay", bank_id)):
        rows = models.OutboxStream.objects.filter(bank_id=bank_id)
        streams = {stream.handler: stream for stream in rows}
    head = streams.pop(_NUMBERING).last_number
    return {
        name: _Progress(stream.last_number, stream.failures, head)
        for name, stream in streams.items()
        if name in _handlers and stream.last_number < head
        if stream.retry_at is None or stream.retry_at <= wall_at
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    """A delivery that this process queued: where its stream stood, when, and how long it has."""

    progress: _Progress
    at: datetime
    wait_s: float


# Lost with the process, which costs a delivery that finds nothing to do.
_asked: dict[tuple[UUID, str], _Asked] = {}
_broker_rests_until = datetime.min.replace(tzinfo=UTC)


def _queue(bank_id: UUID, behind: dict[str, _Progress], wall_at: datetime) -> None:
    """Queue a delivery for each stream, unless one queued before may still wait for a worker.

    What seems lost is queued again, ever less often: with no worker at all the queue stays short.
    """
    global _broker_rests_until
    for handler, progress in behind.items():
        asked = _asked.get((bank_id, handler))
        wait_s = ASK_AGAIN_S
        if asked is not None and _stands_still(asked.progress, progress):
            if wall_at < asked.at + timedelta(seconds=asked.wait_s):
                continue
            wait_s = min(2 * asked.wait_s, LONGEST_ASK_AGAIN_S)
        if wall_at < _broker_rests_until:
            return
        try:
            deliver.delay(str(bank_id), handler)
        except OperationalError as error:
            logger.warning("The broker is down, deliveries wait: %s", error)
            _broker_rests_until = wall_at + timedelta(seconds=BROKER_REST_S)
            return
        _asked[bank_id, handler] = _Asked(progress, wall_at, wait_s)


def _stands_still(then: _Progress, now: _Progress) -> bool:
    """Whether nobody has done what was asked: neither reached the head of then, nor failed."""
    return now.last_number < then.head and now.failures == then.failures


# --- What `manage.py verify` proves ---------------------------------------------------------------


def events_are_numbered_without_a_gap() -> Iterator[tuple[str, str]]:
    """Yield (row, what is wrong) for the acting bank's events: numbers 1, 2, 3… up to the head."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event.id, event.number, event.place, stream.last_number
            FROM (SELECT id, bank_id, number, row_number() OVER (ORDER BY number) AS place
                    FROM common_outboxevent WHERE number IS NOT NULL) event
            LEFT JOIN common_outboxstream stream
              ON stream.bank_id = event.bank_id AND stream.handler = %s
            WHERE number <> place OR stream.last_number IS NULL OR number > stream.last_number
            ORDER BY number LIMIT 1
            """,
            [_NUMBERING],
        )
        for event_id, number, place, head in cursor.fetchall():
            shown = ids.show(models.OutboxEvent.id_prefix, event_id)
            yield shown, f"has number {number} where {place} is due; the head is {head}"
        cursor.execute(
            """
            SELECT stream.last_number, count(event.id) FROM common_outboxstream stream
            LEFT JOIN common_outboxevent event ON event.number <= stream.last_number
            WHERE stream.handler = %s GROUP BY stream.last_number
            HAVING count(event.id) <> stream.last_number
            """,
            [_NUMBERING],
        )
        for head, found in cursor.fetchall():
            yield f"outbox head {head}", f"{found} events are left of {head}"


def events_are_handled_in_order() -> Iterator[tuple[str, str]]:
    """Yield (row, what is wrong): no stream is past the head, no reaction past its stream."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT reaction.id, reaction.handler, reaction.number FROM common_reaction reaction
            JOIN common_outboxevent event ON event.id = reaction.event_id
            LEFT JOIN common_outboxstream stream
              ON stream.bank_id = reaction.bank_id AND stream.handler = reaction.handler
            WHERE reaction.number IS DISTINCT FROM event.number
               OR stream.last_number IS NULL OR reaction.number > stream.last_number
            """
        )
        for reaction_id, handler, number in cursor.fetchall():
            yield f"reaction {reaction_id}", f"of {handler} to event {number} is out of order"


INVARIANTS = (events_are_numbered_without_a_gap, events_are_handled_in_order)

# --- Delivery ------------------------------------------------------------------------------------


@shared_task(name="common.deliver")
def deliver(bank_id: str, handler: str) -> None:
    """Let a handler work through its stream, for one turn at most; then queue the rest."""
    until = time.monotonic() + TURN_S
    while deliver_next(UUID(bank_id), handler, timezone.now()):
        if time.monotonic() > until:
            deliver.delay(bank_id, handler)
            return


@shared_task(name="common.deliver_pending")
def deliver_pending() -> None:
    """Do the relay's work once, lest all stand still while `manage.py desk` is down."""
    relay(timezone.now())


def deliver_next(bank_id: UUID, handler: str, wall_at: datetime) -> bool:
    """Hand the next event of a stream to its handler; say if there may be another.

    1. The stream is locked; if another worker has it, or it waits for its next try, that's all.
    2. The handler's work, the event's `Reaction` and the stream's step commit together.
    3. If it fails, all three are undone and the stream waits, each time twice as long.
    """
    topics, react = _handlers[handler]
    reached = None
    try:
        with tenancy.acting(bank_id, users.job(handler, bank_id)):
            streams = models.OutboxStream.objects.select_for_update(skip_locked=True)
            stream = streams.filter(bank_id=bank_id, handler=handler).first()
            if stream is None or (stream.retry_at is not None and wall_at < stream.retry_at):
                return False
            reached = stream.last_number
            event = _next_event(stream, topics)
            if event is not None:
                react(event)
                models.Reaction.objects.create(
                    bank_id=bank_id, event_id=event.id, handler=handler, number=event.number
                )
            stream.failures, stream.retry_at, stream.last_error = 0, None, ""
            stream.save()
            return event is not None
    except Exception as error:
        if reached is None:
            raise  # the handler was not yet asked
        logger.exception("%s failed in bank %s after event %s", handler, bank_id, reached)
        _record_failure(bank_id, handler, reached, error, wall_at)
        return False


def _next_event(stream: models.OutboxStream, topics: frozenset[str]) -> Event | None:
    """Move the stream to its next event and return that; to the end if there is none."""
    streams = models.OutboxStream.objects
    head = streams.get(bank_id=stream.bank_id, handler=_NUMBERING).last_number
    row = (
        models.OutboxEvent.objects.filter(bank_id=stream.bank_id, topic__in=topics)
        .filter(number__gt=stream.last_number, number__lte=head)
        .order_by("number")
        .first()
    )
    event = None if row is None else _event(row)
    stream.last_number = head if event is None else event.number
    return event


def _record_failure(
    bank_id: UUID, handler: str, reached: int, error: Exception, wall_at: datetime
) -> None:
    with tenancy.acting(bank_id, users.job(handler, bank_id)):
        # Not if another worker has succeeded meanwhile.
        rows = models.OutboxStream.objects.select_for_update().filter(
            bank_id=bank_id, handler=handler, last_number=reached
        )
        for stream in rows:
            wait_s = min(2 ** min(stream.failures, 16), LONGEST_RETRY_S)
            stream.failures += 1
            stream.retry_at = wall_at + timedelta(seconds=wait_s)
            # One line and printable; the lines after it may hold a row's content.
            stream.last_error = repr(error).partition("\\n")[0][:2000]
            stream.save()


def _event(row: models.OutboxEvent) -> Event:
    assert row.number is not None
    return Event(
        id=row.id,
        bank_id=row.bank_id,
        number=row.number,
        topic=row.topic,
        payload=row.payload,
        at=row.at,
        recorded_at=row.recorded_at,
        request_id=row.request_id,
    )


def _is_plain(value: object) -> bool:
    """Whether JSON keeps the value as it is; a float is not trusted to."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(held) for key, held in value.items())
    if isinstance(value, list):
        return all(_is_plain(held) for held in value)
    return value is None or isinstance(value, str | int)
