"""The desk's reports to the state: the daily register of transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import ledger.queries
from common import errors, users
from desk.models import Fill, Order
from reporting import catalogue
from reporting.catalogue import Bounds, Close, Column, Cut, Period
from tax import cuts

# A part's entries with their fills. A fill is bounded by its entry too, so that a part reads its
# own fills and no more; the entry that a bust mirrors may be of any part before.
_ENTRIES = """
    SELECT e.id AS entry_id, e.reverses_id, e.business_date, e.at, e.ref, f.id AS fill_id,
           f.order_id, f.at AS filled_at, f.quantity, f.price_rub, f.notional_rub, f.fee_rub
      FROM ledger_entry AS e JOIN desk_fill AS f ON f.bank_id = e.bank_id AND {of_entry}
     WHERE e.book_id = %(book)s AND e.business_date = ANY (%(days)s::date[])
       AND e.id >= %(low)s AND e.id < %(high)s"""
_FILLED = _ENTRIES.format(
    of_entry="f.entry_id = e.id AND e.reverses_id IS NULL"
    " AND f.entry_id >= %(low)s AND f.entry_id < %(high)s"
)
_BUSTED = _ENTRIES.format(of_entry="f.entry_id = e.reverses_id AND e.reverses_id IS NOT NULL")


@catalogue.report
class DailyRegister:
    """Every fill of a business day, and on the day of a bust the fill that it took back.

    A fill is of the day that its ledger entry was booked to, whatever its timestamp says. A client
    is named by the pseudonymous id alone: whom the central bank wants to know it asks for.
    """

    code: ClassVar[str] = "daily-register"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Daily register of transactions"
    recipient: ClassVar[users.Role] = users.Role.SUPERVISOR
    personal: ClassVar[bool] = False
    element: ClassVar[str] = "transaction"
    schema: ClassVar[Path] = Path(__file__).parent / "schemas" / "daily-register-1.xsd"
    columns: ClassVar[Sequence[Column]] = (
        Column("date", "t.business_date::text"),
        Column("kind", "CASE WHEN t.reverses_id IS NULL THEN 'FILL' ELSE 'BUST' END"),
        Column("at", "replace((t.at AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'"),
        Column("order_id", "perimeter_id('ord', t.order_id)"),
        Column("fill_id", "t.ref"),  # which the desk gives each entry of a fill, and a bust keeps
        Column("client_id", "t.client"),
        # What the client was when the fill was made, whatever has become of the client since.
        Column(
            "category", "CASE WHEN t.filled_at >= t.qualified_at THEN 'QUALIFIED' ELSE t.begun END"
        ),
        Column("side", "t.side"),
        Column("asset", "t.asset_id", free=True),
        Column("quantity", "round(t.quantity, t.scale)::text"),
        Column("price_rub", "round(t.price_rub, 2)::text"),
        Column("notional_rub", "round(t.notional_rub, 2)::text"),
        Column("fee_rub", "round(t.fee_rub, 2)::text"),
        Column("entry_id", "perimeter_id('ent', t.entry_id)"),
        Column("reverses_entry_id", "perimeter_id('ent', t.reverses_id)"),
        Column("licence_id", "t.licence"),
    )
    # The rows are put in order before they are written out, and the ids of clients and licences
    # written out once each.
    source: ClassVar[str] = f"""
        FROM (
            SELECT e.*, o.side, i.asset_id, i.scale, c.shown AS client, c.begun, c.qualified_at,
                   l.shown AS licence
              FROM ({_FILLED} UNION ALL {_BUSTED}) AS e
              JOIN desk_order AS o ON o.id = e.order_id
              JOIN (SELECT i.id, i.asset_id, a.scale FROM desk_instrument AS i
                      JOIN common_asset AS a ON a.code = i.asset_id) AS i ON i.id = o.instrument_id
              JOIN (SELECT c.id, perimeter_id('cli', c.id) AS shown, q.qualified_at,
                           CASE c.kind WHEN 'ENTITY' THEN 'LEGAL_ENTITY'
                                       ELSE 'NON_QUALIFIED' END AS begun
                      FROM kyc_client AS c
                      LEFT JOIN (SELECT client_id, min(at) AS qualified_at FROM kyc_qualification
                                  GROUP BY client_id) AS q ON q.client_id = c.id
                    OFFSET 0) AS c ON c.id = o.client_id
              LEFT JOIN (SELECT l.id, perimeter_id('lic', l.id) AS shown
                           FROM licensing_licence AS l OFFSET 0) AS l ON l.id = o.licence_id
             ORDER BY e.entry_id) AS t"""  # noqa: S608 (constants of this file)

    def closes(self, period: Period) -> Sequence[Close]:
        if period.first != period.last:
            raise errors.Refused("PERIOD_UNKNOWN", {"first": period.first, "last": period.last})
        return ledger.queries.closes_between(period.first, period.last)

    def due(self) -> list[Period]:
        return [Period(day, day) for day in ledger.queries.closed_days()]

    def slices(self, cut: Cut, rows: int) -> list[Bounds]:
        return cuts.slices(cut, rows)

    def params(self, cut: Cut, bounds: Bounds) -> Mapping[str, Any]:
        return cuts.params(cut, bounds)

    def totals(self, cut: Cut) -> list[Mapping[str, str]]:
        """Return by kind, side and asset: how many, and their quantity, notional and fee."""
        sums = """
            SELECT CASE WHEN t.reverses_id IS NULL THEN 'FILL' ELSE 'BUST' END, t.side, t.asset_id,
                   count(*)::text, round(sum(t.quantity), max(t.scale))::text,
                   round(sum(t.notional_rub), 2)::text, round(sum(t.fee_rub), 2)::text
        """
        names = ("kind", "side", "asset", "rows", "quantity", "notional_rub", "fee_rub")
        return cuts.totals(cut, f"{sums}{self.source} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3", names)

    def records(self, cut: Cut, row: int) -> list[str]:
        """Return the fill, its order and the entry."""
        found = cuts.row(cut, f"SELECT t.fill_id, t.order_id, t.entry_id {self.source}", row)
        return [f"{kind}:{key}" for kind, key in zip(("fil", "ord", "ent"), found, strict=False)]


@catalogue.resolves(Fill.id_prefix)
def _fill(key: UUID) -> Mapping[str, Any]:
    """Return a fill as it is kept."""
    row = Fill.objects.filter(pk=key).values("order_id", "quantity", "price_rub", "notional_rub",
                                             "fee_rub", "entry_id", "at").first()  # fmt: skip
    return cuts.shown(row, order_id="ord", entry_id="ent")


@catalogue.resolves(Order.id_prefix)
def _order(key: UUID) -> Mapping[str, Any]:
    """Return what an order asked for."""
    row = Order.objects.filter(pk=key).values("client_id", "client_order_id", "side", "kind",
                                              "ordered_quantity", "licence_id", "at").first()  # fmt: skip  # noqa: E501
    return cuts.shown(row, client_id="cli", licence_id="lic")
