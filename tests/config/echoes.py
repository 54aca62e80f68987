"""Handlers of made-up events, for worker processes that tests start."""

import time

from common import outbox


@outbox.reacts_to("echo.called")
def answer(event: outbox.Event) -> None:
    """Answer a call, and take the time that it asks for."""
    outbox.emit("echo.answered", {"to": event.number}, event.at)
    time.sleep(event.payload["seconds"])
