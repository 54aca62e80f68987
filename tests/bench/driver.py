"""Load over HTTP/1.1: connections that each send the next request when they have their answer."""

from __future__ import annotations

import dataclasses
import re
import selectors
import socket
import statistics
import time
from collections.abc import Callable

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Driven:
    """What was reached: answers a second, and how long an answer took."""

    per_second: float
    p50_ms: float
    p99_ms: float


@dataclasses.dataclass(slots=True)
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    answer: bytes = b""


def drive(
    port: int, request: Callable[[int], bytes], *, connections: int, seconds: float, status: int
) -> Driven:
    """Send `request(0)`, `request(1)`, … over so many connections; time each answer.

    Raises: RuntimeError with the answer, if one has another status.
    """
    selector = selectors.DefaultSelector()
    took: list[float] = []
    number = 0
    begun = time.perf_counter()
    until = begun + seconds
    for _ in range(connections):
        each = _Connection(socket.create_connection(("127.0.0.1", port)))
        each.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(each.socket, selectors.EVENT_READ, each)
        number = _send(each, request, number)
    while selector.get_map():
        for key, _events in selector.select(timeout=30):
            each = key.data
            received = each.socket.recv(1 << 18)
            if not received:
                raise RuntimeError("The server closed a connection.")
            each.answer += received
            if not _is_whole(each.answer):
                continue
            now = time.perf_counter()
            took.append(now - each.sent_at)
            if int(each.answer[9:12]) != status:
                raise RuntimeError(each.answer.decode(errors="replace"))
            if now < until:
                number = _send(each, request, number)
            else:
                selector.unregister(each.socket)
                each.socket.close()
    cuts = statistics.quantiles(took, n=100)
    return Driven(len(took) / (time.perf_counter() - begun), cuts[49] * 1e3, cuts[98] * 1e3)


def post(path: str, token: str, body: bytes, *headers: str) -> bytes:
    """Return a POST of a JSON body, ready to be sent."""
    head = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _send(each: _Connection, request: Callable[[int], bytes], number: int) -> int:
    each.answer = b""
    each.sent_at = time.perf_counter()
    each.socket.sendall(request(number))
    return number + 1


def _is_whole(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = _LENGTH.search(head)
    if length is None:  # in chunks, the last of them empty
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(length[1])
