"""The one door through which a bank's rows are touched: the transaction of who acts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction
from psycopg.pq import TransactionStatus

from common import errors, statements
from common.tenancy.declarations import SUPERVISOR

if TYPE_CHECKING:
    from common.users import Actor


@dataclasses.dataclass(frozen=True, slots=True)
class Acting:
    """On whose behalf the running transaction works. `bank_id` is None for the state.

    `clock`: for a bank, its state's clock at the transaction's begin, as `clock.Anchor` has it.
    `claimed`: a command's key, and what came of claiming it. `last`: see `at_the_end`.
    """

    actor: Actor
    bank_id: UUID | None
    jurisdiction_id: UUID | None
    request_id: str
    clock: tuple[datetime, datetime, Decimal] | None = None
    claimed: tuple[Claim, Claimed] | None = None
    last: list[Callable[[], object]] = dataclasses.field(default_factory=list)


# A command's key as `idempotency` claims it: the user, the key, the number of its lock. And whether
# it is this transaction's, with the digest, the status and the body kept under it.
Claim = tuple[UUID, str, int]
Claimed = tuple[bool, str | None, Any, Any]

_current: ContextVar[Acting | None] = ContextVar("perimeter_acting", default=None)


def current() -> Acting:
    """Return who acts; a bug if nobody does."""
    acting_now = _current.get()
    assert acting_now is not None, "no bank's row is touched outside `tenancy.acting`"
    return acting_now


def acting_bank() -> UUID:
    """Return the bank that acts; a bug if it is the state."""
    bank_id = current().bank_id
    assert bank_id is not None, "this is a bank's work"
    return bank_id


@contextmanager
def acting(
    bank_id: UUID | None,
    actor: Actor,
    *,
    request_id: str = "",
    snapshot: bool = False,
    claim: Claim | None = None,
) -> Iterator[Acting]:
    """Open the transaction in which `actor` works for one bank, or for the state (None).

    A supervisor's transaction runs as the role that reads all banks of the jurisdiction and
    writes none. `snapshot`: one read-only view of the data from begin to end. `claim`: what a
    bank's command claims at once.

    Raises: BANK_UNKNOWN; NOT_YOUR_BANK if the actor belongs to another bank or to the state.
    """
    if actor.bank_id != bank_id:
        raise errors.Refused("NOT_YOUR_BANK", {"bank": str(bank_id)})
    with transaction.atomic(durable=True):
        if snapshot:
            statements.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        acting_now = _enter(bank_id, actor, request_id, claim)
        token = _current.set(acting_now)
        try:
            yield acting_now
            # PostgreSQL answers COMMIT after a failed statement with a silent ROLLBACK, and so
            # does Django after what broke a block of its own.
            status = connection.connection.info.transaction_status
            broken = connection.needs_rollback or status is TransactionStatus.INERROR
            assert not broken, "a refusal was caught inside the transaction that it broke"
            for work in acting_now.last:
                work()
        finally:
            _current.reset(token)


def at_the_end(work: Callable[[], object]) -> None:
    """Do this when all else of the running transaction is done: it takes what others wait for.

    It is the last, and may end the transaction (`statements.last`). What it raises undoes all.
    """
    last = current().last
    assert not last, "there is one last thing"
    last.append(work)


# A bank's jurisdiction never changes, so each process asks once.
_jurisdictions: dict[UUID, UUID] = {}


def _enter(bank_id: UUID | None, actor: Actor, request_id: str, claim: Claim | None) -> Acting:
    """Set for the transaction who acts; a bank's jurisdiction, clock and key are told in one."""
    if bank_id is None:
        state = str(actor.jurisdiction_id or "")
        statements.execute("SELECT set_config('perimeter.jurisdiction', %s, true)", [state])
        if actor.supervises:
            statements.execute(f"SET LOCAL ROLE {SUPERVISOR}")
        return Acting(actor, None, actor.jurisdiction_id, request_id)
    if bank_id not in _jurisdictions:
        ((found,),) = statements.rows("SELECT perimeter_act(%s)", [bank_id])
        if found is None:
            raise errors.Refused("BANK_UNKNOWN", {"bank": str(bank_id)})
        _jurisdictions[bank_id] = found
    known = _jurisdictions[bank_id]
    ((at, wall_at, rate, *came),) = statements.rows(
        "SELECT * FROM perimeter_enter(%s, %s, %s, %s, %s)",
        [str(bank_id), str(known), *(claim or (None, None, None))],
    )
    claimed = (claim, tuple(came)) if claim else None
    return Acting(actor, bank_id, known, request_id, (at, wall_at, rate), claimed)


def bank_ids() -> list[UUID]:
    """Return every bank's id, for jobs that go through the banks one by one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT perimeter_bank_ids()")
        return [row[0] for row in cursor.fetchall()]
