"""Lots opened and closed by fills, and what sales do to the tax year; all of it taken back."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Model

from common import clock, errors, ids, statements, tenancy
from kyc.models import Client
from tax import lots, queries
from tax.models import Disposal, DisposalSlice, Lot, TaxYear
from tax.operations import years


@dataclasses.dataclass(frozen=True, slots=True)
class Acquired:
    """A fill that bought: its cost in roubles, the fee included."""

    client_id: UUID
    asset: str
    fill_id: UUID
    at: datetime
    quantity: Decimal
    cost_rub: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class Disposed:
    """A fill that sold: its proceeds in roubles, less the fee."""

    client_id: UUID
    asset: str
    fill_id: UUID
    at: datetime
    quantity: Decimal
    proceeds_rub: Decimal


def record_fills(
    *,
    fills: Sequence[Acquired | Disposed],
    rows: Sequence[Sequence[Model]] = (),
    also: Sequence[statements.Change] = (),
) -> None:
    """Open and close lots as the fills say, in their order, whose clients the caller has locked.

    A fill may sell what an earlier one of the list bought. All new rows are written by one
    statement, and with them the caller's own: `rows`, each of one table, and `also`.

    Raises: RULE_UNKNOWN; LOTS_SHORT.
    """
    sales = [fill for fill in fills if isinstance(fill, Disposed)]
    for at in {sale.at for sale in sales}:
        queries.rules_at(at).lot_method()
    open_lots = _open_lots(sales)
    stored = {lot.id: lot for held in open_lots.values() for lot in held}
    new: dict[UUID, tuple[Acquired, lots.OpenLot]] = {}
    closed: list[tuple[UUID, Disposed, list[lots.Slice]]] = []
    for fill in fills:
        held = open_lots[fill.client_id, fill.asset]
        if isinstance(fill, Acquired):
            lot = lots.OpenLot(ids.new(), fill.quantity, fill.cost_rub)
            new[lot.id] = fill, lot
            held.append(lot)
            continue
        try:
            closed.append((ids.new(), fill, lots.close(held, fill.quantity)))
        except lots.LotsShort as short:
            facts = {
                "client": ids.show(Client.id_prefix, fill.client_id),
                "asset": fill.asset,
                "missing": f"{short.missing.normalize():f}",
            }
            raise errors.Refused("LOTS_SHORT", facts) from short
    touched = {each.lot_id for _, _, slices in closed for each in slices}
    disposals = [_disposal(*each) for each in closed]
    parts = [part for each in closed for part in _slices(*each)]
    opened = [_lot(*each) for each in new.values()]
    statements.insert(*rows, opened, disposals, parts, also=also)
    if closed:
        _count(disposals, closed[-1][1].at)
        _update_lots([stored[lot_id] for lot_id in sorted(touched) if lot_id in stored])


def undo_fill(*, fill_id: UUID, at: datetime) -> None:
    """Take back what a fill did to lots and to the tax year, whose client the caller has locked.

    Raises: NOT_FOUND; FILL_SPENT if its lot was sold from since, or another sale came after it:
    those would have to be undone first.
    """
    lot = Lot.objects.filter(fill_id=fill_id, undone_at__isnull=True).first()
    if lot is not None:
        if lot.quantity_left != lot.quantity:
            raise errors.Refused("FILL_SPENT", {"lot": ids.show(Lot.id_prefix, lot.pk)})
        lot.undone_at, lot.quantity_left, lot.cost_left_rub = at, Decimal(0), Decimal(0)
        lot.save(update_fields=["undone_at", "quantity_left", "cost_left_rub"])
        return
    disposal = Disposal.objects.filter(fill_id=fill_id, undone_at__isnull=True).first()
    if disposal is None:
        raise errors.Refused("NOT_FOUND", {"fill": str(fill_id)})
    later = Disposal.objects.filter(
        client=disposal.client_id, asset=disposal.asset_id, undone_at__isnull=True
    ).filter(id__gt=disposal.pk)
    if later.exists():
        raise errors.Refused("FILL_SPENT", {"disposal": ids.show("dis", later[0].pk)})
    for each in DisposalSlice.objects.filter(disposal=disposal):
        Lot.objects.filter(pk=each.lot_id).update(
            quantity_left=F("quantity_left") + each.quantity,
            cost_left_rub=F("cost_left_rub") + each.cost_rub,
        )
    disposal.undone_at = at
    disposal.save(update_fields=["undone_at"])
    year = TaxYear.objects.get(client=disposal.client_id, year=disposal.year)
    year.realised_rub -= disposal.result_rub
    years.follow([year], at)


def _open_lots(sales: Sequence[Disposed]) -> dict[tuple[UUID, str], list[lots.OpenLot]]:
    found: dict[tuple[UUID, str], list[lots.OpenLot]] = defaultdict(list)
    if sales:
        pairs = sorted({(sale.client_id, sale.asset) for sale in sales})
        for client_id, asset, *lot in statements.rows(
            "SELECT client_id, asset_id, id, quantity_left, cost_left_rub FROM tax_lot"
            " WHERE (client_id, asset_id) IN (SELECT * FROM unnest(%s::uuid[], %s::text[]))"
            " AND quantity_left > 0 ORDER BY acquired_at, id",
            [[client for client, _ in pairs], [asset for _, asset in pairs]],
        ):
            found[client_id, asset].append(lots.OpenLot(*lot))
    return found


def _lot(fill: Acquired, lot: lots.OpenLot) -> Lot:
    return Lot(
        id=lot.id,
        bank_id=tenancy.acting_bank(),
        client_id=fill.client_id,
        asset_id=fill.asset,
        fill_id=fill.fill_id,
        acquired_at=fill.at,
        quantity=fill.quantity,
        cost_rub=fill.cost_rub,
        quantity_left=lot.quantity_left,
        cost_left_rub=lot.cost_left_rub,
    )


def _disposal(disposal_id: UUID, fill: Disposed, slices: Sequence[lots.Slice]) -> Disposal:
    cost = sum((each.cost_rub for each in slices), Decimal(0))
    return Disposal(
        id=disposal_id,
        bank_id=tenancy.acting_bank(),
        client_id=fill.client_id,
        asset_id=fill.asset,
        fill_id=fill.fill_id,
        at=fill.at,
        year=clock.business_date(fill.at).year,
        quantity=fill.quantity,
        proceeds_rub=fill.proceeds_rub,
        cost_rub=cost,
        result_rub=fill.proceeds_rub - cost,
    )


def _slices(
    disposal_id: UUID, fill: Disposed, slices: Sequence[lots.Slice]
) -> Iterator[DisposalSlice]:
    for each in slices:
        yield DisposalSlice(
            bank_id=tenancy.acting_bank(),
            disposal_id=disposal_id,
            lot_id=each.lot_id,
            quantity=each.quantity,
            cost_rub=each.cost_rub,
        )


def _count(disposals: Sequence[Disposal], at: datetime) -> None:
    """Add the results of sales to their clients' tax years."""
    results: dict[tuple[UUID, int], Decimal] = defaultdict(Decimal)
    for each in disposals:
        results[each.client_id, each.year] += each.result_rub
    counted = statements.rows(
        "INSERT INTO tax_taxyear (bank_id, id, client_id, year, realised_rub, withheld_rub,"
        " over_withheld_rub, not_withheld_rub)"
        " SELECT perimeter_bank(), y.*, 0, 0, 0 FROM unnest(%s::uuid[], %s::uuid[],"
        " %s::smallint[], %s::numeric[]) AS y ON CONFLICT (bank_id, client_id, year)"
        " DO UPDATE SET realised_rub = tax_taxyear.realised_rub + EXCLUDED.realised_rub"
        " RETURNING id, withheld_rub",
        _columns((ids.new(), *key, result) for key, result in sorted(results.items())),
    )
    taxed = [row_id for row_id, withheld in counted if withheld]
    if taxed:
        years.follow(list(TaxYear.objects.filter(pk__in=taxed)), at)


def _update_lots(touched: Sequence[lots.OpenLot]) -> None:
    if not touched:
        return
    statements.execute(
        "UPDATE tax_lot SET quantity_left = l.quantity_left, cost_left_rub = l.cost_left_rub"
        " FROM unnest(%s::uuid[], %s::numeric[], %s::numeric[])"
        " AS l (id, quantity_left, cost_left_rub) WHERE tax_lot.id = l.id",
        _columns((lot.id, lot.quantity_left, lot.cost_left_rub) for lot in touched),
    )


def _columns(rows: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
