"""Deposits and withdrawals, as other files read them. All inside `tenancy.acting`."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

import kyc.queries
import tax.queries
from common import errors, ids, users
from desk.models import Deposit, Withdrawal
from desk.queries import books
from desk.states import WithdrawalStatus


def deposits_for(actor: users.Actor) -> QuerySet[Deposit]:
    """Return the deposits that somebody may see: a client one's own."""
    deposits = Deposit.objects.select_related("bank_account")
    return deposits.filter(client__in=kyc.queries.clients_for(actor))


def withdrawals_for(actor: users.Actor) -> QuerySet[Withdrawal]:
    """Return the withdrawals that somebody may see: a client one's own."""
    withdrawals = Withdrawal.objects.select_related("bank_account")
    return withdrawals.filter(client__in=kyc.queries.clients_for(actor))


def withdrawal_for(*, actor: users.Actor, withdrawal_id: UUID) -> Withdrawal:
    """Return a withdrawal that the actor may see. Raises: NOT_FOUND."""
    row = withdrawals_for(actor).filter(pk=withdrawal_id).first()
    if row is None:
        shown = ids.show(Withdrawal.id_prefix, withdrawal_id)
        raise errors.Refused("NOT_FOUND", {"withdrawal": shown})
    return row


def free_cash(client_id: UUID) -> tuple[UUID | None, Decimal]:
    """Return a client's rouble account, None if there is none yet, and what on it is free."""
    book_id = books.book_of(client_id)
    if book_id is None:  # nothing was ever paid in
        return None, Decimal(0)
    found = tax.queries.free_cash(book_id, [client_id])
    return found.get(client_id, (None, Decimal(0)))


def in_review() -> QuerySet[Withdrawal]:
    """Return the withdrawals that wait for a second person, the oldest first."""
    rows = Withdrawal.objects.filter(status=WithdrawalStatus.IN_REVIEW)
    return rows.select_related("bank_account").order_by("id")
