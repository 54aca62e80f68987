"""Handlers of made-up events, for worker processes that tests start."""

import time
from pathlib import Path

from common import outbox


@outbox.reacts_to("echo.called")
def answer(event: outbox.Event) -> None:
    """Answer a call, leave a mark outside the transaction, and take the time that it asks for."""
    outbox.emit("echo.answered", {"to": event.number}, event.at)
    Path(event.payload["mark"]).touch()
    time.sleep(event.payload["seconds"])
