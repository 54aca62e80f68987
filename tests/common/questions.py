"""Questions and who answers them: made-up events and handlers, for the tests of the outbox."""

import dataclasses
import threading
import time
from datetime import UTC, datetime

from common import models, outbox, tenancy, users

AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
WALL = datetime(2026, 1, 1, tzinfo=UTC)


@dataclasses.dataclass
class Trouble:
    """What goes wrong: the numbers of the events that break `answer`, and how long it takes."""

    numbers: set[int] = dataclasses.field(default_factory=set)
    pause_s: float = 0.0
    begun: threading.Event = dataclasses.field(default_factory=threading.Event)


trouble = Trouble()


@outbox.reacts_to("test.asked")
def answer(event: outbox.Event) -> None:
    """Answer a question, and break down after some answers."""
    outbox.emit("test.answered", {"to": event.number}, event.at)
    trouble.begun.set()
    time.sleep(trouble.pause_s)
    if event.number in trouble.numbers:
        raise RuntimeError(f"no more after {event.number}\x00")


@outbox.reacts_to("test.asked", "test.answered")
def listen(event: outbox.Event) -> None:
    """Hear all and say nothing."""


ANSWER = f"{__name__}.answer"
LISTEN = f"{__name__}.listen"


def ask(bank: models.Bank, topic: str = "test.asked", count: int = 1) -> None:
    """Ask the bank `count` times in one transaction, or let something else happen to it."""
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        for number in range(count):
            outbox.emit(topic, {"number": number}, AT)


def events(bank: models.Bank, after: int = 0) -> list[outbox.Event]:
    """All numbered events of the bank."""
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        return outbox.events_after(bank_id=bank.id, number=after, limit=10_000)


def answers(bank: models.Bank) -> list[int]:
    """The numbers of the events that were answered, in the order of the answers."""
    outbox.number_events(bank.id)
    return [e.payload["to"] for e in events(bank) if e.topic == "test.answered"]


def stream(bank: models.Bank, handler: str) -> models.OutboxStream:
    """How far the handler is."""
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        return models.OutboxStream.objects.get(handler=handler)


def deliver_all(bank: models.Bank, handler: str, wall_at: datetime = WALL) -> None:
    """Number the bank's events and let the handler work until nothing is left."""
    outbox.number_events(bank.id)
    while outbox.deliver_next(bank.id, handler, wall_at):
        pass
