"""Roubles in and out: deposits, withdrawals with the tax they bear, payouts sent.

All inside the caller's `tenancy.acting`. Lock order: the client, then tax, then the ledger.
"""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import kyc.queries
import ledger.operations
import ledger.queries
import licensing.queries
import tax.operations
import tax.queries
from common import changes, clock, errors, ids, outbox, tenancy, users
from desk import pricing, queries, states
from desk.models import Deposit, Withdrawal
from desk.operations import house
from kyc.models import BankAccount, Client
from kyc.standing import Standing, refusals
from ledger.operations import NewEntry, Wanted
from licensing.perimeter import CASH
from tax.operations import Withheld

logger = logging.getLogger(__name__)

_RUB, _ZERO = house.RUB, Decimal(0)
_S = states.WithdrawalStatus


# --- In ------------------------------------------------------------------------------------------


def record_deposit(
    *, client_id: UUID, bic: str, number: str, amount_rub: Decimal, at: datetime
) -> Deposit:
    """Credit a client with roubles that came from an account of the client's own.

    Raises: NOT_FOUND; LICENCE_MISSING, LICENCE_SUSPENDED, LICENCE_REVOKED;
    CLIENT_NOT_OPEN, CLIENT_FROZEN; ACCOUNT_NOT_OWN; AMOUNT_INVALID.
    """
    standing = _locked(client_id)
    _refuse_amount(amount_rub)
    perimeter = licensing.queries.perimeter(tenancy.acting_bank(), at)
    for code in perimeter.refusals(activity=CASH):
        raise errors.Refused(code)
    for code in refusals(standing, perimeter.rulebook, clock.business_date(at), _ZERO, _ZERO):
        raise errors.Refused(code)
    account = kyc.queries.own_account(client_id=client_id, bic=bic, number=number)
    if account is None:
        raise errors.Refused("ACCOUNT_NOT_OWN", {"bic": bic, "number": number})
    found = house.opened(at)
    cash = ledger.operations.open_accounts(
        book_id=found.book_id,
        accounts=[Wanted("client_cash", _RUB, house.owner(client_id))],
        at=at,
    )[0]
    row = Deposit(
        bank_id=tenancy.acting_bank(),
        client_id=client_id,
        bank_account=account,
        amount_rub=amount_rub,
        entry_id=ids.new(),
        actor=tenancy.current().actor.label,
        at=at,
    )
    row.save(force_insert=True)
    shown = ids.show(Deposit.id_prefix, row.pk)
    told = {"client": house.owner(client_id), "amount_rub": f"{amount_rub:f}"}
    outbox.emit("desk.deposit_booked", {"deposit": shown, **told}, at)
    nostro = found.accounts["segregated_nostro", _RUB]
    ledger.operations.post_entry(
        book_id=found.book_id,
        entry=NewEntry(
            "deposit", at, [(nostro, amount_rub), (cash, -amount_rub)], ref=shown, id=row.entry_id
        ),
    )
    return row


# --- Out -----------------------------------------------------------------------------------------


def preview_withdrawal(*, client_id: UUID, amount_rub: Decimal, at: datetime) -> Withheld:
    """Return what a withdrawal would come to now: the tax and the net; nothing is written.

    Raises: NOT_FOUND; AMOUNT_INVALID.
    """
    _refuse_amount(amount_rub)
    standing = kyc.queries.standing(client_id)
    return tax.operations.preview(standing=standing, payout_rub=amount_rub, at=at)


def request_withdrawal(
    *, client_id: UUID, bank_account_id: UUID, amount_rub: Decimal, at: datetime
) -> Withdrawal:
    """Pay a client's roubles out to an account of the client's own, less the tax they bear.

    A large payout waits for a second person, its gross reserved. A refused one is an outcome, kept
    with its codes: CLIENT_FROZEN, ACCOUNT_NOT_OWN, INSUFFICIENT_FUNDS. Whatever the licence, and
    whether the client is open or closed, clients get out.

    Raises: NOT_FOUND; AMOUNT_INVALID.
    """
    standing = _locked(client_id)
    _refuse_amount(amount_rub)
    account = BankAccount.objects.filter(pk=bank_account_id).first()
    if account is None:
        shown = ids.show(BankAccount.id_prefix, bank_account_id)
        raise errors.Refused("NOT_FOUND", {"bank_account": shown})
    cash, free = queries.free_cash(client_id)
    row = Withdrawal(
        bank_id=tenancy.acting_bank(),
        client_id=client_id,
        bank_account=account,
        gross_rub=amount_rub,
        actor=tenancy.current().actor.label,
        at=at,
    )
    own = account.client_id == client_id and account.closed_at is None
    rules = (
        ("CLIENT_FROZEN", standing.status == "FROZEN"),
        ("ACCOUNT_NOT_OWN", not own),
        ("INSUFFICIENT_FUNDS", free < amount_rub),
    )
    row.codes = [code for code, broken in rules if broken]
    large = tax.queries.rules_at(at).book.value("payout_large_rub", clock.business_date(at))
    if row.codes:
        row.status = _S.REFUSED
        row.save(force_insert=True)
        _tell(row, at)
        return row
    assert cash is not None
    row.status = _S.IN_REVIEW
    if amount_rub >= large:
        row.hold_id = ids.new()
        row.save(force_insert=True)
        _tell(row, at)
        ledger.operations.place_hold(
            hold_id=row.hold_id, account_id=cash, amount=amount_rub, at=at, ref=_shown(row)
        )
        return row
    row.save(force_insert=True)
    _pay(row, standing, cash, at)
    return row


def approve_withdrawal(*, withdrawal: Withdrawal, at: datetime) -> Withdrawal:
    """Let a payout go that another person asked for; its tax is what it is now.

    Raises: STATUS_CONFLICT; MAKER_IS_CHECKER; CLIENT_FROZEN; ACCOUNT_NOT_OWN if the account was
    closed since.
    """
    standing = _locked(withdrawal.client_id)
    row = _reviewed(withdrawal)
    if standing.status == "FROZEN":
        raise errors.Refused("CLIENT_FROZEN")
    if row.bank_account.closed_at is not None:
        shown = ids.show(BankAccount.id_prefix, row.bank_account_id)
        raise errors.Refused("ACCOUNT_NOT_OWN", {"bank_account": shown})
    cash, _ = queries.free_cash(row.client_id)
    assert cash is not None
    _pay(row, standing, cash, at, decided_by=tenancy.current().actor.label)
    return row


def refuse_withdrawal(*, withdrawal: Withdrawal, reason: str, at: datetime) -> Withdrawal:
    """Refuse a payout that another person asked for; what it reserved is free again.

    Raises: STATUS_CONFLICT; MAKER_IS_CHECKER.
    """
    _locked(withdrawal.client_id)
    row = _reviewed(withdrawal)
    hold = row.hold_id
    assert hold is not None
    _move(
        row,
        _S.REFUSED,
        at,
        reason=reason,
        codes=["REVIEW_REFUSED"],
        hold_id=None,
        decided_by=tenancy.current().actor.label,
    )
    ledger.operations.void_holds(holds=[hold], at=at)
    return row


def settle_payouts(wall_at: datetime) -> None:
    """Send every bank's payouts in flight through the payment system."""
    for bank_id in queries.busy_banks():
        job = users.job("desk", bank_id)
        with tenancy.acting(bank_id, job) as acting:
            assert acting.jurisdiction_id is not None
            at = clock.now(acting.jurisdiction_id, wall_at)
            due = list(
                Withdrawal.objects.filter(status=_S.PAID)
                .order_by("id")
                .values_list("id", flat=True)
            )
        for withdrawal_id in due:
            try:
                with tenancy.acting(bank_id, job):
                    settle_payout(withdrawal_id=withdrawal_id, at=at)
            except errors.Refused as refusal:  # until the sweep the segregated nostro may lack it
                logger.info("Payout %s waits: %s", withdrawal_id, refusal.code)


def settle_payout(*, withdrawal_id: UUID, at: datetime) -> Withdrawal:
    """Let the net of a payout leave the segregated nostro, inside the caller's transaction.

    Raises: STATUS_CONFLICT; INVENTORY_SHORT if the segregated nostro lacks it before a sweep.
    """
    row = Withdrawal.objects.get(pk=withdrawal_id)
    entry_id = ids.new() if row.net_rub else None
    _move(row, _S.SETTLED, at, settled_entry_id=entry_id)
    if entry_id is not None:
        found = house.opened(at)
        lines = [
            (found.accounts["payouts_in_flight", _RUB], row.net_rub),
            (found.accounts["segregated_nostro", _RUB], -row.net_rub),
        ]
        entry = NewEntry("payout", at, lines, ref=_shown(row), id=entry_id)
        ledger.operations.post_entry(book_id=found.book_id, entry=entry)
    return row


def _pay(row: Withdrawal, standing: Standing, cash: UUID, at: datetime, **updates: Any) -> None:
    """Withhold the tax, move the net to the payouts in flight."""
    entry_id, holds = ids.new(), [row.hold_id] if row.hold_id is not None else []
    found = tax.operations.withhold_at_payout(
        standing=standing,
        payout_rub=row.gross_rub,
        at=at,
        payout_ref=_shown(row),
        entry_id=entry_id,
    )
    _move(
        row,
        _S.PAID,
        at,
        tax_rub=found.withheld_rub,
        net_rub=found.net_rub,
        entry_id=entry_id,
        hold_id=None,
        **updates,
    )
    accounts = house.opened(at).accounts
    lines = [
        (cash, row.gross_rub),
        (accounts["tax_payable", _RUB], -found.withheld_rub),
        (accounts["payouts_in_flight", _RUB], -found.net_rub),
    ]
    entry = NewEntry(
        "withdrawal", at, [line for line in lines if line[1]], ref=_shown(row), id=entry_id
    )
    ledger.operations.post_entry(book_id=house.opened(at).book_id, entry=entry, holds=holds)


def _reviewed(withdrawal: Withdrawal) -> Withdrawal:
    """Return the row as it is under the client's lock; its maker does not decide."""
    row = Withdrawal.objects.select_related("bank_account").get(pk=withdrawal.pk)
    if row.status != _S.IN_REVIEW:
        raise errors.Refused("STATUS_CONFLICT", {"row": _shown(row), "from": row.status})
    if row.actor == tenancy.current().actor.label:
        raise errors.Refused("MAKER_IS_CHECKER", {"withdrawal": _shown(row)})
    return row


def _move(row: Withdrawal, to: str, at: datetime, reason: str = "", **updates: Any) -> None:
    changes.move(
        row, to=to, transitions=states.WITHDRAWAL_TRANSITIONS, at=at, reason=reason, **updates
    )
    _tell(row, at)


def _tell(row: Withdrawal, at: datetime) -> None:
    told = {
        "withdrawal": _shown(row),
        "client": house.owner(row.client_id),
        "status": str(row.status),
        "codes": list(row.codes),
        "gross_rub": f"{row.gross_rub:f}",
    }
    outbox.emit("desk.withdrawal_moved", told, at)


def _locked(client_id: UUID) -> Standing:
    found = kyc.queries.lock_clients([client_id]).get(client_id)
    if found is None:
        raise errors.Refused("NOT_FOUND", {"client": ids.show(Client.id_prefix, client_id)})
    return found


def _refuse_amount(amount_rub: Decimal) -> None:
    if amount_rub < pricing.KOPECK or amount_rub % pricing.KOPECK:
        facts = {"field": "amount_rub", "amount": amount_rub, "decimals": pricing.KOPECKS}
        raise errors.Refused("AMOUNT_INVALID", facts)


def _shown(row: Withdrawal) -> str:
    return ids.show(Withdrawal.id_prefix, row.pk)
