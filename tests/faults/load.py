"""A client that posts deposits and keeps its own journal of what it sent and what it was told.

Run by `test_kills` as processes of their own. A line of the journal is on disk before the next
step: "sent" before the request, "ack" after its success, "unknown" after anything else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, connection

from common import ids, outbox, tenancy, users
from ledger import operations
from tests.ledger.books import AT, open_books

DEPOSITED = "kills.deposited"
PAUSE_S = 0.01


def prepare() -> None:
    """Make a state, a bank and its book; print what a client needs to know of them."""
    code = ids.show("x", ids.new())[-12:]
    state = users.register_jurisdiction(code=f"s{code}", name="State", at=AT, wall_at=AT)
    office = users.supervisor_of(state.id)
    bank = users.register_bank(actor=office, code=f"b{code}", name="Bank")
    books = open_books(bank.id, users.job("load", bank.id))
    lines = books.accounts["segregated_nostro"], books.accounts["client_cash:cli_anna"]
    known = [bank.id, books.book_id, *lines]
    sys.stdout.write(json.dumps({"code": bank.code, "arguments": list(map(str, known))}))


def deposit(op: UUID, bank: UUID, book: UUID, nostro: UUID, client: UUID) -> None:
    """Bring one rouble: an entry whose id is the operation's, and an event that names it."""
    lines = [(nostro, Decimal(1)), (client, Decimal(-1))]
    entry = operations.NewEntry("deposit", AT, lines, id=op)
    with tenancy.acting(bank, users.job("load", bank)):
        operations.post_entry(book_id=book, entry=entry)
        outbox.emit(DEPOSITED, {"op": str(op)}, AT)


def send(journal: Path, *known: UUID) -> None:
    """Deposit until told to end, or until nobody is left to tell."""
    parent = os.getppid()
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))
    with journal.open("a") as file:

        def write(word: str, op: UUID) -> None:
            file.write(f"{word} {op}\n")
            file.flush()
            os.fsync(file.fileno())

        while not stop and os.getppid() == parent:
            try:
                connection.ensure_connection()
            except OperationalError:
                time.sleep(PAUSE_S)
                continue
            op = ids.new()
            write("sent", op)
            try:
                deposit(op, *known)
            except (OperationalError, InterfaceError):
                write("unknown", op)
                connection.close()
            else:
                write("ack", op)
            time.sleep(PAUSE_S)


def send_again(journal: Path, *known: UUID) -> None:
    """Repeat each unknown operation under its id; one that was done is refused as a duplicate."""
    for line in journal.read_text().splitlines():
        word, op = line.split()
        if word == "unknown":
            try:
                deposit(UUID(op), *known)
            except IntegrityError as error:
                assert "ledger_entry_pkey" in str(error)  # noqa: PT017  (not a test)


def main() -> None:
    """Do what the first argument says: prepare, send or send_again."""
    verb, *arguments = sys.argv[1:]
    if verb == "prepare":
        prepare()
    else:
        act = {"send": send, "send_again": send_again}[verb]
        act(Path(arguments[0]), *map(UUID, arguments[1:]))
