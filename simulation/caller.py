"""Somebody outside who calls the house over HTTP, with a key and nothing else.

A command carries an `Idempotency-Key`; where no answer comes it is sent again with the same one, so
that what was done is told again and not done twice. Who wants proof of that keeps a journal.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 60.0
PAUSE_S = 0.2
TIMEOUT_S = 30.0
_NO_ANSWER = (http.client.HTTPException, OSError)


class Unexpected(RuntimeError):
    """An answer that nobody reckoned with."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the house said."""

    status: int
    said: Any

    @property
    def codes(self) -> list[str]:
        """The rules that refused, in order of precedence; none if it was done."""
        return [each["code"] for each in self.said["errors"]] if self.status >= 400 else []

    def done(self) -> Any:
        """Return what was said, if it was done. Raises: Unexpected."""
        if self.status >= 400:
            raise Unexpected(f"{self.status}: {self.said}")
        return self.said


class Journal:
    """What was sent and what was told, a line each on the disk before the next step.

    `sent`, `ack` or `unknown`, the verb's path, the idempotency key and the status, tabs between.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._one = file.open("a"), threading.Lock()

    def write(self, word: str, path: str, key: str, status: int = 0) -> None:
        """Write a line down."""
        with self._one:
            self._file.write(f"{word}\t{path}\t{key}\t{status}\n")
            self._file.flush()
            os.fsync(self._file.fileno())


class _Lines(threading.local):
    """Each thread's open connections, by the house's address."""

    def __init__(self) -> None:
        self.open: dict[str, http.client.HTTPConnection] = {}


_lines = _Lines()


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `address` is the house's, `http://127.0.0.1:8000`; `key` is `sk_…`."""

    address: str
    key: str
    journal: Journal | None = None

    def get(self, path: str) -> Any:
        """Return what stands at `/v1/…`. Raises: Unexpected."""
        return self._sent("GET", path, None, {}).done()

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str) -> Answer:
        """Send a command under an `Idempotency-Key` and return the answer, refusals too."""
        text = json.dumps({} if body is None else body).encode()
        return self._sent("POST", path, text, {"Idempotency-Key": key})

    def _sent(self, verb: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self._told(verb, path, body, headers)
            except _NO_ANSWER:
                if time.monotonic() > until:
                    raise
            else:
                if not _comes_later(answer):
                    return answer
                if time.monotonic() > until:
                    raise Unexpected(f"{answer.status}: {answer.said}")
            time.sleep(PAUSE_S)

    def _told(self, verb: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send once; a command's begin and end stand in the journal."""
        if self.journal is None or verb == "GET":
            return self._once(verb, path, body, headers)
        key = headers["Idempotency-Key"]
        self.journal.write("sent", path, key)
        try:
            answer = self._once(verb, path, body, headers)
        except _NO_ANSWER:
            self.journal.write("unknown", path, key)
            raise
        self.journal.write("unknown" if _comes_later(answer) else "ack", path, key, answer.status)
        return answer

    def _once(self, verb: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        line = _lines.open.get(self.address)
        if line is None:
            where = urlsplit(self.address)
            line = http.client.HTTPConnection(where.netloc, timeout=TIMEOUT_S)
            _lines.open[self.address] = line
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            line.request(verb, f"/v1/{path}", body, {**sent, **headers})
            response = line.getresponse()
            return Answer(response.status, json.loads(response.read()))
        except BaseException:
            line.close()
            del _lines.open[self.address]
            raise


def _comes_later(answer: Answer) -> bool:
    """Say whether the same may succeed later: the house fails, is at it, or was asked too often."""
    busy = answer.status == 409 and answer.codes == ["IDEMPOTENCY_IN_PROGRESS"]
    return busy or answer.status == 429 or answer.status >= 500


def wait_for(address: str) -> None:
    """Wait until the house answers. Raises: Unexpected."""
    where = urlsplit(address)
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with socket.create_connection((where.hostname or "", where.port or 80), timeout=1):
                return
        except OSError as error:
            if time.monotonic() > until:
                raise Unexpected(f"Nobody answers at {address}.") from error
            time.sleep(PAUSE_S / 4)
