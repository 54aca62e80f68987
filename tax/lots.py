"""First in, first out: which lots a disposal closes, and at what cost. Pure.

Quantities have up to 18 decimals, costs are in kopecks. What a lot cost is never lost to rounding:
its last slice takes what is left. Source: NDFL-BASE-01, NDFL-BASE-02, NDFL-BASE-03.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

KOPECK = Decimal("0.01")
METHODS = ("fifo",)  # the rulebook's `tax_lot_method`, as far as it is written here


@dataclasses.dataclass(slots=True)
class OpenLot:
    """A lot of which something is left, in the order of acquisition; `close` takes from it."""

    id: UUID
    quantity_left: Decimal
    cost_left_rub: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class Slice:
    """What a disposal takes from one lot."""

    lot_id: UUID
    quantity: Decimal
    cost_rub: Decimal


class LotsShort(Exception):
    """More was sold than the lots hold; `missing` of it."""

    def __init__(self, missing: Decimal) -> None:
        super().__init__(f"{missing} more than the lots hold")
        self.missing = missing


def close(lots: Iterable[OpenLot], quantity: Decimal) -> list[Slice]:
    """Take `quantity` from the lots, the oldest first, and return the slices.

    Raises: LotsShort, the lots being as they were.
    """
    taken: list[tuple[OpenLot, Slice]] = []
    missing = quantity
    for lot in lots:
        if missing == 0:
            break
        if lot.quantity_left == 0:
            continue
        part = min(missing, lot.quantity_left)
        taken.append((lot, Slice(lot.id, part, _cost(lot, part))))
        missing -= part
    if missing:
        raise LotsShort(missing)
    for lot, each in taken:
        lot.quantity_left -= each.quantity
        lot.cost_left_rub -= each.cost_rub
    return [each for _, each in taken]


def _cost(lot: OpenLot, part: Decimal) -> Decimal:
    if part == lot.quantity_left:
        return lot.cost_left_rub
    share = lot.cost_left_rub * part / lot.quantity_left
    return share.quantize(KOPECK, ROUND_HALF_UP)
