"""What `verify` finds when the desk's rows were forged: the rule, and the row by its name."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connections

from common import ids
from desk import invariants
from desk.models import Deposit
from tax.models import Lot
from tests.common.neighbours import as_owner
from tests.desk.desks import Desk

# The rule that must find it, the kind of row that it must name, and the forgery.
PLANTS: dict[str, tuple[str, str, str]] = {
    "a fill whose entry is gone": (
        "a_fill_has_its_entry", "fil",
        "UPDATE desk_fill SET entry_id = gen_random_uuid() WHERE id = %(fil)s",
    ),
    "a fill of more than its entry moves": (
        "a_fill_has_its_entry", "fil",
        "UPDATE desk_fill SET quantity = quantity + 0.00000001 WHERE id = %(fil)s",
    ),
    "a fill bust without a reversal": (
        "a_fill_has_its_entry", "fil",
        "UPDATE desk_fill SET busted_at = at WHERE id = %(fil)s",
    ),
    "a trade whose fill is gone": (
        "a_trade_has_its_fill", "ent",
        "DELETE FROM desk_fill WHERE id = %(fil)s",
    ),
    "an order that says it is filled": (
        "orders_are_filled_by_their_fills", "ord",
        ("UPDATE desk_order SET status = 'FILLED', filled_quantity = ordered_quantity,"
        " hold_id = NULL, reserved_limit_rub = 0 WHERE id = %(resting)s"),
    ),
    "a resting order that reserves less": (
        "a_resting_order_is_reserved", "ord",
        ("UPDATE desk_order SET reserved_limit_rub = reserved_limit_rub - 0.01"
        " WHERE id = %(resting)s"),
    ),
    "a limit's counter that lags": (
        "limits_count_what_was_bought", "cli",
        "UPDATE kyc_client SET limit_used_rub = limit_used_rub - 0.01 WHERE id = %(cli)s",
    ),
    "a lot at another cost": (
        "lots_are_the_fills", "fil",
        "UPDATE tax_lot SET cost_rub = cost_rub + 1 WHERE fill_id = %(fil)s",
    ),
    "a lot of nothing": (
        "lots_are_the_fills", "lot",
        "UPDATE tax_lot SET fill_id = gen_random_uuid() WHERE fill_id = %(fil)s",
    ),
    "coins that no lot holds": (
        "coins_are_the_lots", "cli",
        "UPDATE tax_lot SET quantity_left = quantity_left - 0.001 WHERE fill_id = %(fil)s",
    ),
    "an order without a licence": (
        "orders_were_permitted", "ord",
        "UPDATE desk_order SET licence_id = NULL WHERE id = %(resting)s",
    ),
    "a deposit of more": (
        "cash_moves_are_in_the_books", "dep",
        "UPDATE desk_deposit SET amount_rub = amount_rub + 1 WHERE bank_id = %(bank)s",
    ),
    "a withdrawal whose tax is not the entry's": (
        "cash_moves_are_in_the_books", "wdr",
        "UPDATE desk_withdrawal SET tax_rub = 1, net_rub = gross_rub - 1 WHERE id = %(wdr)s",
    ),
    "a withdrawal in review that holds nothing": (
        "cash_moves_are_in_the_books", "wdr",
        "UPDATE desk_withdrawal SET status = 'IN_REVIEW' WHERE id = %(wdr)s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_verify_names_what_was_forged(desk: Desk, plant: str) -> None:
    anna = desk.client("500000")
    desk.buy(anna, quantity="0.01")
    (fill,) = desk.fills()
    resting = desk.buy(anna, quantity="0.01", limit_price_rub="1000000").order.pk
    withdrawal = desk.withdraw(anna, "1000").pk
    assert desk.broken() == []
    rule, kind, forgery = PLANTS[plant]
    with desk.acting():
        deposit, lot = Deposit.objects.get().pk, Lot.objects.get().pk
    rows: dict[str, UUID] = {
        "fil": fill.pk,
        "resting": resting,
        "cli": anna.pk,
        "wdr": withdrawal,
        "bank": desk.bank.pk,
    }
    with as_owner(desk.bank.pk) as using, connections[using].cursor() as cursor:
        cursor.execute(forgery, rows)
        assert cursor.rowcount == 1
    named = rows | {"ent": fill.entry_id, "ord": resting, "dep": deposit, "lot": lot}
    found = {(name, row.split(" ")[0]) for name, row, _ in desk.broken()}
    assert (rule, ids.show(kind, named[kind])) in found


def test_every_rule_of_the_desk_has_a_plant() -> None:
    rules = {rule.__name__ for rule in invariants.INVARIANTS}
    elsewhere = {  # among tax's plants, and among the quotes'
        invariants.payouts_bear_their_tax.__name__,
        invariants.quotes_were_kept_to.__name__,
    }
    assert {rule for rule, _, _ in PLANTS.values()} == rules - elsewhere
