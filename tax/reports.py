"""Reports to the tax service: what was withheld in a period."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import kyc.queries
import ledger.queries
from common import errors, users
from reporting import catalogue
from reporting.catalogue import Bounds, Close, Column, Cut, Period
from tax import cuts
from tax.models import Withholding

LONGEST_DAYS = 366


@catalogue.report
class TaxWithheld:
    """Each withholding booked in a period, with what it was computed from and when it is remitted.

    By the calendar a month; by hand any span of business days within a year. The tax service knows
    a taxpayer by the INN, which is opened for it; where none is on file the cell is empty.
    """

    code: ClassVar[str] = "tax-withheld"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Tax withheld"
    recipient: ClassVar[users.Role] = users.Role.TAX_AUTHORITY
    personal: ClassVar[bool] = True
    element: ClassVar[str] = "withholding"
    schema: ClassVar[Path] = Path(__file__).parent / "schemas" / "tax-withheld-1.xsd"
    columns: ClassVar[Sequence[Column]] = (
        Column("date", "e.business_date::text"),
        Column("withholding_id", "perimeter_id('whd', w.id)"),
        Column("client_id", "perimeter_id('cli', w.client_id)"),
        Column("inn", "t.inn", free=True),
        Column("year", "w.year::text"),
        Column("kind", "w.kind"),
        Column("residency", "w.residency"),
        Column("regime", "w.regime", free=True),
        Column("base_rub", "round(w.base_rub, 2)::text"),
        Column("cumulative_rub", "round(w.cumulative_rub, 2)::text"),
        Column("withheld_before_rub", "round(w.withheld_before_rub, 2)::text"),
        Column("payout_rub", "round(w.payout_rub, 2)::text"),
        Column("withheld_rub", "round(w.withheld_rub, 2)::text"),
        Column("remit_by", "w.remit_by::text"),
        Column("entry_id", "perimeter_id('ent', e.id)"),
    )
    _booked: ClassVar[str] = """
        FROM ledger_entry AS e
        JOIN tax_withholding AS w ON w.bank_id = e.bank_id AND w.entry_id = e.id
        WHERE e.book_id = %(book)s AND e.business_date = ANY (%(days)s::date[])
          AND e.id >= %(low)s AND e.id < %(high)s"""
    source: ClassVar[str] = (
        _booked.replace(
            "WHERE",
            "LEFT JOIN unnest(%(clients)s::uuid[], %(inns)s::text[]) AS t (client_id, inn)"
            " ON t.client_id = w.client_id WHERE",
        )
        + " ORDER BY e.id, w.id"  # in January an entry may bear tax of two years
    )

    def closes(self, period: Period) -> Sequence[Close]:
        if not period.first <= period.last < period.first + timedelta(LONGEST_DAYS):
            raise errors.Refused("PERIOD_UNKNOWN", {"first": period.first, "last": period.last})
        return ledger.queries.closes_between(period.first, period.last)

    def due(self) -> list[Period]:
        """Return the months that have a closed day and no day left to close."""
        days, open_date = ledger.queries.closed_days(), ledger.queries.open_day()
        months = (_month(day) for day in sorted(days))
        return [
            month for month, _ in itertools.groupby(months) if open_date and month.last < open_date
        ]

    def slices(self, cut: Cut, rows: int) -> list[Bounds]:
        return cuts.slices(cut, rows)

    def params(self, cut: Cut, bounds: Bounds) -> Mapping[str, Any]:
        """Open the INN of each client of whom tax was withheld in the part."""
        asked = cuts.params(cut, bounds)
        inns = kyc.queries.tax_numbers(
            cuts.keys(f"SELECT DISTINCT w.client_id {self._booked}", asked)
        )
        return {**asked, "clients": list(inns), "inns": list(inns.values())}

    def totals(self, cut: Cut) -> list[Mapping[str, str]]:
        """Return by the day of remittance: how many, and what is to be remitted."""
        sums = "SELECT w.remit_by::text, count(*)::text, round(sum(w.withheld_rub), 2)::text"
        names = ("remit_by", "rows", "withheld_rub")
        return cuts.totals(cut, f"{sums}{self._booked} GROUP BY 1 ORDER BY 1", names)

    def records(self, cut: Cut, row: int) -> list[str]:
        """Return the withholding and its entry."""
        found = cuts.row(cut, f"SELECT w.id, e.id {self._booked} ORDER BY e.id, w.id", row)
        return [f"{kind}:{key}" for kind, key in zip(("whd", "ent"), found, strict=False)]


@catalogue.resolves(Withholding.id_prefix)
def _withholding(key: UUID) -> Mapping[str, Any]:
    """Return a withholding as it is kept."""
    named = (
        "client_id",
        "year",
        "kind",
        "base_rub",
        "withheld_rub",
        "remit_by",
        "payout_ref",
        "at",
    )
    return cuts.shown(Withholding.objects.filter(pk=key).values(*named).first(), client_id="cli")


def _month(day: date) -> Period:
    first = day.replace(day=1)
    return Period(first, (first + timedelta(31)).replace(day=1) - timedelta(1))
