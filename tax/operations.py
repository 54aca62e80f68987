"""Every write of tax. All run inside the caller's `tenancy.acting`, the clients concerned locked.

Lock order: `kyc.queries.lock_clients` first, which holds a client's lots and years too; the ledger
last.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

import kyc.queries
import ledger.operations
from common import clock, errors, ids, tenancy
from kyc.models import Client
from kyc.standing import Standing
from ledger.operations import NewEntry, Wanted
from tax import lots, queries, withholding
from tax.models import Disposal, DisposalSlice, Lot, Remittance, TaxYear, Withholding


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


@dataclasses.dataclass(frozen=True, slots=True)
class Withheld:
    """What a payout comes to: `net_rub` leaves, `withheld_rub` is tax. `base_rub`: the year's."""

    base_rub: Decimal
    cumulative_rub: Decimal
    withheld_before_rub: Decimal
    withheld_rub: Decimal
    over_withheld_rub: Decimal
    net_rub: Decimal


# --- Lots ----------------------------------------------------------------------------------------


def record_fills(*, fills: Sequence[Acquired | Disposed]) -> None:
    """Open and close lots as the fills say, in their order, whose clients the caller has locked.

    A fill may sell what an earlier one of the list bought. A statement a table, however long the
    list. Raises: LOTS_SHORT.
    """
    open_lots = _open_lots([fill for fill in fills if isinstance(fill, Disposed)])
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
    _insert_lots(list(new.values()))
    if closed:
        _write_disposals(closed)
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
    TaxYear.objects.filter(client=disposal.client_id, year=disposal.year).update(
        realised_rub=F("realised_rub") - disposal.result_rub
    )


def _open_lots(sales: Sequence[Disposed]) -> dict[tuple[UUID, str], list[lots.OpenLot]]:
    found: dict[tuple[UUID, str], list[lots.OpenLot]] = defaultdict(list)
    if sales:
        pairs = sorted({(sale.client_id, sale.asset) for sale in sales})
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT client_id, asset_id, id, quantity_left, cost_left_rub FROM tax_lot"
                " WHERE (client_id, asset_id) IN (SELECT * FROM unnest(%s::uuid[], %s::text[]))"
                " AND quantity_left > 0 ORDER BY acquired_at, id",
                [[client for client, _ in pairs], [asset for _, asset in pairs]],
            )
            for client_id, asset, *lot in cursor.fetchall():
                found[client_id, asset].append(lots.OpenLot(*lot))
    return found


def _insert_lots(new: Sequence[tuple[Acquired, lots.OpenLot]]) -> None:
    if not new:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tax_lot (bank_id, id, client_id, asset_id, fill_id, acquired_at, quantity,"
            " cost_rub, quantity_left, cost_left_rub)"
            " SELECT perimeter_bank(), * FROM unnest(%s::uuid[], %s::uuid[], %s::text[],"
            " %s::uuid[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::numeric[],"
            " %s::numeric[])",
            _columns(
                (lot.id, fill.client_id, fill.asset, fill.fill_id, fill.at, fill.quantity,
                 fill.cost_rub, lot.quantity_left, lot.cost_left_rub)
                for fill, lot in new
            ),
        )  # fmt: skip


def _write_disposals(closed: Sequence[tuple[UUID, Disposed, list[lots.Slice]]]) -> None:
    rows = []
    results: dict[tuple[UUID, int], Decimal] = defaultdict(Decimal)
    for disposal_id, fill, slices in closed:
        cost = sum((each.cost_rub for each in slices), Decimal(0))
        year = clock.business_date(fill.at).year
        result = fill.proceeds_rub - cost
        results[fill.client_id, year] += result
        rows.append((disposal_id, fill.client_id, fill.asset, fill.fill_id, fill.at, year,
                     fill.quantity, fill.proceeds_rub, cost, result))  # fmt: skip
    parts = [
        (disposal_id, each.lot_id, each.quantity, each.cost_rub)
        for disposal_id, _, slices in closed
        for each in slices
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tax_disposal (bank_id, id, client_id, asset_id, fill_id, at, year,"
            " quantity, proceeds_rub, cost_rub, result_rub)"
            " SELECT perimeter_bank(), * FROM unnest(%s::uuid[], %s::uuid[], %s::text[],"
            " %s::uuid[], %s::timestamptz[], %s::smallint[], %s::numeric[], %s::numeric[],"
            " %s::numeric[], %s::numeric[])",
            _columns(rows),
        )
        cursor.execute(
            "INSERT INTO tax_disposalslice (bank_id, disposal_id, lot_id, quantity, cost_rub)"
            " SELECT perimeter_bank(), * FROM unnest(%s::uuid[], %s::uuid[], %s::numeric[],"
            " %s::numeric[])",
            _columns(parts),
        )
        cursor.execute(
            "INSERT INTO tax_taxyear (bank_id, id, client_id, year, realised_rub, withheld_rub,"
            " over_withheld_rub, not_withheld_rub)"
            " SELECT perimeter_bank(), y.*, 0, 0, 0 FROM unnest(%s::uuid[], %s::uuid[],"
            " %s::smallint[], %s::numeric[]) AS y ON CONFLICT (bank_id, client_id, year)"
            " DO UPDATE SET realised_rub = tax_taxyear.realised_rub + EXCLUDED.realised_rub",
            _columns((ids.new(), *key, result) for key, result in sorted(results.items())),
        )


def _update_lots(touched: Sequence[lots.OpenLot]) -> None:
    if not touched:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tax_lot SET quantity_left = l.quantity_left, cost_left_rub = l.cost_left_rub"
            " FROM unnest(%s::uuid[], %s::numeric[], %s::numeric[])"
            " AS l (id, quantity_left, cost_left_rub) WHERE tax_lot.id = l.id",
            _columns((lot.id, lot.quantity_left, lot.cost_left_rub) for lot in touched),
        )


def _columns(rows: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


# --- Withholding ---------------------------------------------------------------------------------


def withhold_at_payout(
    *, standing: Standing, payout_rub: Decimal, at: datetime, payout_ref: str, entry_id: UUID
) -> Withheld:
    """Decide and record what is withheld from a payout of a client whom the caller has locked.

    The caller posts it, in the entry `entry_id`: the tax to `tax_payable`. Nothing is recorded
    where nothing is withheld, but for what was withheld too much.
    """
    rules = queries.rules_at(at)
    year = rules.on.year
    before = queries.tax_year(standing.client_id, year)
    found = preview(standing=standing, payout_rub=payout_rub, rules=rules, before=before)
    if found.withheld_rub:
        _record(
            standing, rules, Withholding.Kind.PAYOUT, found, payout_rub, at, payout_ref, entry_id
        )
    if before is not None:
        TaxYear.objects.filter(pk=before.pk).update(
            withheld_rub=F("withheld_rub") + found.withheld_rub,
            over_withheld_rub=found.over_withheld_rub,
        )
    return found


def preview(
    *,
    standing: Standing,
    payout_rub: Decimal,
    rules: queries.Rules,
    before: TaxYear | None,
) -> Withheld:
    """Return what would be withheld from a payout, `before` being the client's year so far."""
    base = before.realised_rub if before else Decimal(0)
    earlier = before.withheld_rub if before else Decimal(0)
    scale = rules.scale(kind=standing.kind, residency=standing.residency)
    if scale is None:
        return Withheld(base, Decimal(0), earlier, Decimal(0), Decimal(0), payout_rub)
    due = withholding.at_payout(
        base_rub=base, withheld_before_rub=earlier, payout_rub=payout_rub, scale=scale
    )
    return Withheld(
        base,
        due.cumulative_rub,
        earlier,
        due.withheld_rub,
        due.over_rub,
        payout_rub - due.withheld_rub,
    )


def _record(
    standing: Standing,
    rules: queries.Rules,
    kind: Withholding.Kind,
    found: Withheld,
    payout_rub: Decimal,
    at: datetime,
    payout_ref: str,
    entry_id: UUID,
    year: int | None = None,
) -> None:
    acting = tenancy.current()
    assert acting.bank_id is not None
    Withholding.objects.create(
        bank_id=acting.bank_id,
        client_id=standing.client_id,
        year=year or rules.on.year,
        kind=kind,
        residency=standing.residency,
        base_rub=found.base_rub,
        cumulative_rub=found.cumulative_rub,
        withheld_before_rub=found.withheld_before_rub,
        payout_rub=payout_rub,
        withheld_rub=found.withheld_rub,
        regime=rules.book.regime,
        payout_ref=payout_ref,
        entry_id=entry_id,
        remit_by=rules.remit_by(),
        at=at,
    )


def withhold_year_end(*, book_id: UUID, year: int, at: datetime) -> list[TaxYear]:
    """Withhold what is still due of a year from the clients' free roubles; return their years.

    What the roubles do not reach is recorded, with the day by which the tax service is told. A
    second run finds nothing to do.

    Raises: YEAR_NOT_OVER; WINDOW_CLOSED after the window that the law leaves.
    """
    rules = queries.rules_at(at)
    end = date(year, 12, 31)
    if rules.on <= end:
        raise errors.Refused("YEAR_NOT_OVER", {"year": year, "on": rules.on.isoformat()})
    last = end + timedelta(days=rules.book.value("ndfl_year_end_window_days", end))
    if rules.on > last:
        raise errors.Refused("WINDOW_CLOSED", {"year": year, "until": last.isoformat()})
    waiting = TaxYear.objects.filter(year=year, closed_at__isnull=True)
    standings = kyc.queries.lock_clients(list(waiting.values_list("client_id", flat=True)))
    years = list(waiting.filter(client__in=list(standings)).order_by("client_id"))
    cash = queries.free_cash(book_id, list(standings))
    payable = ledger.operations.open_accounts(
        book_id=book_id, accounts=[Wanted("tax_payable", "RUB")], at=at
    )[0]
    entries = []
    for row in years:
        standing = standings[row.client_id]
        account_id, free = cash.get(row.client_id, (None, Decimal(0)))
        found = _year_end(standing, row, free, rules, end)
        row.over_withheld_rub = found.over_withheld_rub
        due = max(found.cumulative_rub - row.withheld_rub, Decimal(0))
        row.not_withheld_rub = due - found.withheld_rub
        row.notice_date = rules.notice_date(year) if row.not_withheld_rub else None
        row.closed_at = at
        if found.withheld_rub:
            assert account_id is not None
            entry = NewEntry(
                "tax_year_end",
                at,
                [(account_id, found.withheld_rub), (payable, -found.withheld_rub)],
                reason=f"tax of {year}",
                ref=ids.show(TaxYear.id_prefix, row.pk),
            )
            entries.append(entry)
            _record(standing, rules, Withholding.Kind.YEAR_END, found, free, at, "", entry.id, year)
            row.withheld_rub += found.withheld_rub
        row.save()
    if entries:
        ledger.operations.post_entries(book_id=book_id, entries=entries)
    return years


def _year_end(
    standing: Standing, row: TaxYear, free: Decimal, rules: queries.Rules, end: date
) -> Withheld:
    scale = rules.scale(kind=standing.kind, residency=standing.residency, on=end)
    if scale is None:
        zero = Decimal(0)
        return Withheld(row.realised_rub, zero, row.withheld_rub, zero, zero, zero)
    due = withholding.at_year_end(
        base_rub=row.realised_rub,
        withheld_before_rub=row.withheld_rub,
        available_rub=free,
        scale=scale,
    )
    return Withheld(
        row.realised_rub,
        due.cumulative_rub,
        row.withheld_rub,
        due.withheld_rub,
        due.over_rub,
        Decimal(0),
    )


# --- Remittance ----------------------------------------------------------------------------------


def remit_tax(*, book_id: UUID, until: date, at: datetime) -> Remittance | None:
    """Send to the budget what was withheld and is to be remitted by a day; None if nothing is."""
    acting = tenancy.current()
    assert acting.bank_id is not None
    rows = Withholding.objects.select_for_update(of=("self",)).filter(
        remittance__isnull=True, remit_by__lte=until
    )
    due = list(rows.order_by("id"))
    if not due:
        return None
    amount = sum((row.withheld_rub for row in due), Decimal(0))
    payable, nostro = ledger.operations.open_accounts(
        book_id=book_id,
        accounts=[Wanted("tax_payable", "RUB"), Wanted("segregated_nostro", "RUB")],
        at=at,
    )
    remittance = Remittance(
        bank_id=acting.bank_id, amount_rub=amount, at=at, actor=acting.actor.label
    )
    entry = NewEntry(
        "tax_remittance",
        at,
        [(payable, amount), (nostro, -amount)],
        reason=f"due by {until}",
        ref=ids.show(Remittance.id_prefix, remittance.pk),
    )
    remittance.entry_id = entry.id
    remittance.save(force_insert=True)
    Withholding.objects.filter(pk__in=[row.pk for row in due]).update(remittance=remittance)
    ledger.operations.post_entry(book_id=book_id, entry=entry)
    return remittance
