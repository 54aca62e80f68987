"""First in, first out, against a model that counts the smallest units one by one."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tax import lots

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def open_lots(*held: tuple[str, str]) -> list[lots.OpenLot]:
    return [
        lots.OpenLot(UUID(int=n), Decimal(quantity), Decimal(cost))
        for n, (quantity, cost) in enumerate(held, 1)
    ]


def test_the_oldest_lot_goes_first() -> None:
    held = open_lots(("1", "100"), ("1", "200"))
    assert lots.close(held, Decimal("1.5")) == [
        lots.Slice(A, Decimal(1), Decimal(100)),
        lots.Slice(B, Decimal("0.5"), Decimal("100.00")),
    ]


def test_the_last_slice_takes_the_remainder() -> None:
    held = open_lots(("3", "100"))
    costs = [lots.close(held, Decimal(1))[0].cost_rub for _ in range(3)]
    assert costs == [Decimal("33.33"), Decimal("33.34"), Decimal("33.33")]
    assert sum(costs) == 100


def test_more_than_there_is_changes_nothing() -> None:
    held = open_lots(("1", "100"), ("1", "200"))
    with pytest.raises(lots.LotsShort) as short:
        lots.close(held, Decimal("2.5"))
    assert short.value.missing == Decimal("0.5")
    assert held == open_lots(("1", "100"), ("1", "200"))


units = st.integers(1, 10**9).map(lambda n: Decimal(n).scaleb(-8))
roubles = st.integers(0, 10**9).map(lambda n: Decimal(n).scaleb(-2))


@given(
    bought=st.lists(st.tuples(units, roubles), min_size=1, max_size=6),
    sold=st.lists(units, max_size=10),
)
def test_nothing_is_lost_and_age_decides(
    bought: list[tuple[Decimal, Decimal]], sold: list[Decimal]
) -> None:
    held = [lots.OpenLot(UUID(int=n), q, c) for n, (q, c) in enumerate(bought)]
    taken: list[lots.Slice] = []
    for quantity in sold:
        if quantity > sum(lot.quantity_left for lot in held):
            with pytest.raises(lots.LotsShort):
                lots.close(held, quantity)
            continue
        slices = lots.close(held, quantity)
        assert sum(each.quantity for each in slices) == quantity
        taken += slices
    assert [each.lot_id for each in taken] == sorted(each.lot_id for each in taken)
    for lot, (quantity, cost) in zip(held, bought, strict=True):
        mine = [each for each in taken if each.lot_id == lot.id]
        assert sum(each.quantity for each in mine) + lot.quantity_left == quantity
        assert sum(each.cost_rub for each in mine) + lot.cost_left_rub == cost
        assert lot.cost_left_rub >= 0
        assert (lot.quantity_left == 0) <= (lot.cost_left_rub == 0)
