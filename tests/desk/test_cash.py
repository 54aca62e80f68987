"""Roubles in and out as the database keeps them."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

import kyc.operations
import kyc.queries
import ledger.operations
from common import errors
from desk import operations, queries
from kyc.models import Client
from tests.desk.desks import Desk
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.kyc.clients import AT, BIC

D = Decimal


def test_a_deposit_comes_from_ones_own_account_only(desk: Desk) -> None:
    anna, boris = desk.client("100"), desk.client()
    with desk.acting():
        account = kyc.queries.bank_accounts(boris)[0]
    for number in (account.number, "40817810000000000000"):
        with pytest.raises(errors.Refused, match="ACCOUNT_NOT_OWN"), desk.acting():
            operations.record_deposit(
                client_id=anna.pk, bic=BIC, number=number, amount_rub=D(5), at=AT
            )
    assert desk.cash(anna) == 100
    assert desk.broken() == []


@pytest.mark.parametrize("amount", ["0", "0.001"])
def test_an_amount_that_is_none_is_refused(desk: Desk, amount: str) -> None:
    anna = desk.client("100")
    with pytest.raises(errors.Refused, match="AMOUNT_INVALID"):
        desk.deposit(anna, amount)
    with pytest.raises(errors.Refused, match="AMOUNT_INVALID"):
        desk.withdraw(anna, amount)


def test_a_withdrawal_without_gain_bears_no_tax_and_is_sent(desk: Desk) -> None:
    anna = desk.client("1000")
    row = desk.withdraw(anna, "400")
    assert (row.status, row.tax_rub, row.net_rub) == ("PAID", D(0), D(400))
    assert desk.cash(anna) == 600
    with desk.acting():
        assert operations.settle_payout(withdrawal_id=row.pk, at=AT).status == "SETTLED"
    assert desk.account("payouts_in_flight") == 0
    assert desk.account("segregated_nostro") == 600
    assert desk.broken() == []


def test_a_withdrawal_shows_its_tax_before_and_withholds_the_same(desk: Desk) -> None:
    anna = desk.client("500000")
    _gain(desk, anna)
    with desk.acting():
        told = operations.preview_withdrawal(client_id=anna.pk, amount_rub=D(100_000), at=AT)
    row = desk.withdraw(anna, "100000")
    assert told.base_rub > 0
    assert told.withheld_rub > 0
    assert (row.tax_rub, row.net_rub) == (told.withheld_rub, told.net_rub)
    assert row.tax_rub + row.net_rub == 100_000
    assert desk.account("tax_payable") == row.tax_rub
    assert desk.broken() == []


def test_what_is_refused_is_kept_with_its_codes(desk: Desk) -> None:
    anna = desk.client("100")
    with desk.acting():
        kyc.operations.freeze_client(client_id=anna.pk, code="SUSPICION", reason="x", at=AT)
    row = desk.withdraw(anna, "101")
    assert (row.status, row.codes) == ("REFUSED", ["CLIENT_FROZEN", "INSUFFICIENT_FUNDS"])
    assert desk.cash(anna) == 100
    assert desk.broken() == []


def test_anothers_account_is_not_paid_to(desk: Desk) -> None:
    anna, boris = desk.client("100"), desk.client()
    with desk.acting():
        row = operations.request_withdrawal(
            client_id=anna.pk,
            bank_account_id=kyc.queries.bank_accounts(boris)[0].pk,
            amount_rub=D(10),
            at=AT,
        )
    assert row.codes == ["ACCOUNT_NOT_OWN"]


def test_a_large_withdrawal_waits_for_another_person(desk: Desk) -> None:
    anna = desk.client("5000000")
    row = desk.withdraw(anna, "3000000")
    assert row.status == "IN_REVIEW"
    assert desk.cash(anna) == 2_000_000
    assert _waiting(desk) == [row.pk]
    assert desk.broken() == []
    with pytest.raises(errors.Refused, match="MAKER_IS_CHECKER"), desk.acting():
        operations.approve_withdrawal(withdrawal=row, at=AT)
    with desk.acting("checker"):
        done = operations.approve_withdrawal(withdrawal=row, at=AT)
    assert (done.status, done.net_rub, done.hold_id) == ("PAID", D(3_000_000), None)
    assert desk.cash(anna) == 2_000_000
    assert desk.broken() == []
    with pytest.raises(errors.Refused, match="STATUS_CONFLICT"), desk.acting("checker"):
        operations.approve_withdrawal(withdrawal=row, at=AT)


def test_a_large_withdrawal_is_refused_by_another_person(desk: Desk) -> None:
    anna = desk.client("5000000")
    row = desk.withdraw(anna, "3000000")
    with desk.acting("checker"):
        done = operations.refuse_withdrawal(withdrawal=row, reason="no papers", at=AT)
    assert (done.status, done.codes) == ("REFUSED", ["REVIEW_REFUSED"])
    assert desk.cash(anna) == 5_000_000
    assert desk.broken() == []


def test_a_frozen_clients_large_withdrawal_goes_on_waiting(desk: Desk) -> None:
    anna = desk.client("5000000")
    row = desk.withdraw(anna, "3000000")
    with desk.acting():
        kyc.operations.freeze_client(client_id=anna.pk, code="SUSPICION", reason="x", at=AT)
    with pytest.raises(errors.Refused, match="CLIENT_FROZEN"), desk.acting("checker"):
        operations.approve_withdrawal(withdrawal=row, at=AT)
    assert _waiting(desk) == [row.pk]


def test_nothing_is_paid_to_an_account_that_was_closed_in_the_meantime(desk: Desk) -> None:
    anna = desk.client("5000000")
    row = desk.withdraw(anna, "3000000")
    with desk.acting():
        kyc.operations.close_bank_account(client_id=anna.pk, account_id=row.bank_account_id, at=AT)
    with pytest.raises(errors.Refused, match="ACCOUNT_NOT_OWN"), desk.acting("checker"):
        operations.approve_withdrawal(withdrawal=row, at=AT)
    assert _waiting(desk) == [row.pk]


def test_a_payout_waits_for_the_sweep_where_the_segregated_nostro_is_short(desk: Desk) -> None:
    anna = desk.client("500000")
    _gain(desk, anna)
    row = desk.withdraw(anna, f"{desk.cash(anna)}")
    with pytest.raises(errors.Refused, match="INVENTORY_SHORT"), desk.acting():
        operations.settle_payout(withdrawal_id=row.pk, at=AT)
    with desk.acting():
        ledger.operations.sweep_due(book_id=queries.house().book_id, at=AT)
    with desk.acting():
        operations.settle_payout(withdrawal_id=row.pk, at=AT)
    assert desk.broken() == []


def _waiting(desk: Desk) -> list[UUID]:
    with desk.acting():
        return [row.pk for row in queries.in_review()]


def _gain(desk: Desk, client: Client) -> None:
    """Buy a coin while it is cheap and sell it when it is dear."""
    desk.buy(client, at=FALLEN_AT, quantity="0.15")
    desk.sell(client, quantity="0.15", at=RISEN_AT)
