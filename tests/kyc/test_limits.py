"""The locked row: how a client stands, and what is used of the year's limit."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from common import errors, ids, models, tenancy, users
from kyc import operations, queries
from kyc.models import Client
from tests.kyc.clients import open_client
from tests.ledger.books import run_at_once


def used(bank: models.Bank, staff: users.Actor, client: Client) -> tuple[int, Decimal]:
    with tenancy.acting(bank.id, staff):
        standing = queries.standing(client.id)
    return standing.limit_year, standing.limit_used_rub


def use(bank: models.Bank, staff: users.Actor, uses: dict[UUID, str], year: int = 2022) -> None:
    with tenancy.acting(bank.id, staff):
        queries.lock_clients(uses)
        amounts = {client: Decimal(amount) for client, amount in uses.items()}
        operations.use_limit(uses=amounts, year=year)


def test_uses_add_up_and_releases_give_back(bank: models.Bank, staff: users.Actor) -> None:
    anna, boris = open_client(bank), open_client(bank)
    use(bank, staff, {anna.id: "100.50", boris.id: "7"})
    use(bank, staff, {anna.id: "-0.50"})
    assert used(bank, staff, anna) == (2022, Decimal(100))
    assert used(bank, staff, boris) == (2022, Decimal(7))


def test_a_new_year_starts_at_zero(bank: models.Bank, staff: users.Actor) -> None:
    anna = open_client(bank)
    use(bank, staff, {anna.id: "100"})
    use(bank, staff, {anna.id: "30"}, year=2023)
    assert used(bank, staff, anna) == (2023, Decimal(30))


def test_a_release_for_a_past_year_changes_nothing(bank: models.Bank, staff: users.Actor) -> None:
    anna = open_client(bank)
    use(bank, staff, {anna.id: "30"}, year=2023)
    use(bank, staff, {anna.id: "-30"}, year=2022)
    assert used(bank, staff, anna) == (2023, Decimal(30))


@pytest.mark.parametrize("amount", ["-1", "NaN"])
def test_the_counter_is_a_number_and_never_negative(
    bank: models.Bank, staff: users.Actor, amount: str
) -> None:
    anna = open_client(bank)
    with pytest.raises(IntegrityError, match="client_limit_used_is_number"):
        use(bank, staff, {anna.id: amount})
    assert used(bank, staff, anna) == (2022, Decimal(0))


def test_lock_and_use_take_one_statement_each(bank: models.Bank, staff: users.Actor) -> None:
    clients = [open_client(bank).id for _ in range(3)]
    with tenancy.acting(bank.id, staff), CaptureQueriesContext(connection) as seen:
        locked = queries.lock_clients(clients)
        operations.use_limit(uses=dict.fromkeys(clients, Decimal(1)), year=2022)
    assert list(locked) == sorted(clients)
    assert len(seen) == 2


def test_another_banks_client_is_not_there(
    bank: models.Bank, staff: users.Actor, make_bank: Callable[[], models.Bank]
) -> None:
    stranger = open_client(make_bank())
    with tenancy.acting(bank.id, staff):
        assert queries.lock_clients([stranger.id]) == {}
        with pytest.raises(errors.Refused, match="NOT_FOUND"):
            queries.client_for(actor=staff, client_id=stranger.id)
        with pytest.raises(errors.Refused, match="NOT_FOUND"):
            queries.standing(ids.new())


def test_eight_at_once_lose_no_use(bank: models.Bank, staff: users.Actor) -> None:
    anna = open_client(bank)

    def use_ten_times() -> None:
        for _ in range(10):
            use(bank, staff, {anna.id: "1"})

    run_at_once(*[use_ten_times] * 8)
    assert used(bank, staff, anna) == (2022, Decimal(80))
