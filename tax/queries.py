"""Every read of tax that another file uses. All inside `tenancy.acting`."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Min, QuerySet, Sum

import kyc.queries
import ledger.queries
import licensing.queries
from common import clock, errors, ids, tenancy, users
from kyc.models import Client
from kyc.standing import Standing
from licensing import rulebooks, working_days
from licensing.rulebook import Rulebook
from tax import lots, withholding
from tax.models import Disposal, Lot, Remittance, TaxYear, Withholding


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """The rulebook as tax needs it, on a day."""

    book: Rulebook
    on: date

    def scale(self, *, kind: str, residency: str) -> withholding.Scale | None:
        """Return the scale of a client's tax; None where the bank withholds nothing of it."""
        if not self.book.value("tax_agent", self.on):
            return None
        if kind == "ENTITY":
            assert not self.book.value("profit_tax_withheld_from_entities", self.on)
            return None
        bands = ((None, self.book.value("ndfl_nonresident_rate", self.on)),)
        if residency != "NON_RESIDENT":
            bands = self.book.value("ndfl_resident_scale", self.on)
        return withholding.Scale(bands, self.book.value("ndfl_rounding", self.on))

    def lot_method(self) -> str:
        """Return how lots close. Raises: RULE_UNKNOWN for a method that is not written here."""
        method: str = self.book.value("tax_lot_method", self.on)
        if method not in lots.METHODS:
            raise errors.Refused(
                "RULE_UNKNOWN",
                {"parameter": "tax_lot_method", "value": method, "on": self.on.isoformat()},
            )
        return method

    def window_end(self, year: int) -> date:
        """Return the last day on which tax of a year that has ended may be withheld."""
        end = date(year, 12, 31)
        days: int = self.book.value("ndfl_year_end_window_days", end)
        return end + timedelta(days=days)

    def remit_by(self) -> date:
        """Return by when tax withheld on the day goes to the budget."""
        return withholding.remittance_date(
            self.on, self.book.value("ndfl_remittance_rule", self.on), working_days.next_working_day
        )

    def notice_date(self, year: int) -> date:
        """Return by when the tax service is told what of a year could not be withheld."""
        month, day = self.book.value("ndfl_notice_day", date(year + 1, 1, 1)).split("-")
        return working_days.next_working_day(date(year + 1, int(month), int(day)))


def rules_at(at: datetime) -> Rules:
    """Return the rules of the acting jurisdiction. Raises: RULE_UNKNOWN."""
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    return Rules(licensing.queries.rulebook_of(jurisdiction_id, at), clock.business_date(at))


def rules_of_year(year: int) -> Rules:
    """Return the rules that a year ended under: what of it is due once it is over.

    Raises: RULE_UNKNOWN.
    """
    return rules_at(clock.midnight(date(year + 1, 1, 1)) - timedelta(microseconds=1))


def rules_of(row: Withholding) -> Rules:
    """Return the rules by which a withholding was reckoned."""
    on = clock.business_date(row.at)
    if row.kind == Withholding.Kind.YEAR_END:
        on = date(row.year, 12, 31)
    return Rules(rulebooks.load(row.regime), on)


def tax_year(client_id: UUID, year: int) -> TaxYear | None:
    """Return a client's year; None if nothing was realised in it."""
    return TaxYear.objects.filter(client=client_id, year=year).first()


def years_so_far(standing: Standing, rules: Rules) -> list[withholding.YearSoFar]:
    """Return what a client's payout looks at: the year, and in January the one that has ended."""
    year = rules.on.year
    rows = {row.year: row for row in TaxYear.objects.filter(client=standing.client_id)}
    running = rows.get(year) or TaxYear(year=year, realised_rub=Decimal(0))
    found = [so_far(running, standing, rules, ended=False)]
    if year - 1 in rows and rules.on <= rules.window_end(year - 1):
        found.append(so_far(rows[year - 1], standing, rules_of_year(year - 1), ended=True))
    return found


def so_far(row: TaxYear, standing: Standing, rules: Rules, *, ended: bool) -> withholding.YearSoFar:
    """Return a client's year as a withholding looks at it, `rules` being those of the year."""
    scale = rules.scale(kind=standing.kind, residency=standing.residency)
    return withholding.YearSoFar(
        row.year, ended, row.realised_rub, row.withheld_rub, scale, rules.book.regime
    )


def last_withholdings(
    whose: Collection[tuple[UUID, int]],
) -> dict[tuple[UUID, int], Withholding]:
    """Return by (client, year) what was withheld last of a year."""
    rows = Withholding.objects.filter(
        client__in={client_id for client_id, _ in whose}, year__in={year for _, year in whose}
    )
    return {(row.client_id, row.year): row for row in rows.order_by("id")}


def years_to_end(on: date) -> list[int]:
    """Return the years before a day's of which some client's is not closed."""
    waiting = TaxYear.objects.filter(year__lt=on.year, closed_at__isnull=True)
    return sorted(set(waiting.values_list("year", flat=True)))


def unremitted(until: date) -> QuerySet[Withholding]:
    """Return what was withheld, is to be remitted by a day, and was not."""
    return Withholding.objects.filter(remittance__isnull=True, remit_by__lte=until)


def free_cash(book_id: UUID, client_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, Decimal]]:
    """Return of each client the rouble account, and what on it is not held."""
    owners = {ids.show(Client.id_prefix, client_id): client_id for client_id in client_ids}
    found = ledger.queries.free(book_id=book_id, lines=["client_cash"], owners=list(owners))
    return {owners[owner]: cash for (_, asset, owner), cash in found.items() if asset == "RUB"}


def position_cost(client_id: UUID) -> dict[str, tuple[Decimal, Decimal]]:
    """Return of each asset what a client's lots hold, and what that cost in roubles."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT asset_id, sum(quantity_left), sum(cost_left_rub) FROM tax_lot"
            " WHERE client_id = %s AND quantity_left > 0 GROUP BY asset_id ORDER BY asset_id",
            [client_id],
        )
        return {asset: (quantity, cost) for asset, quantity, cost in cursor.fetchall()}


def realised(client_id: UUID, year: int) -> Decimal:
    """Return what a client realised in a year."""
    row = tax_year(client_id, year)
    return row.realised_rub if row else Decimal(0)


def withheld_by_day(since: date, until: date) -> dict[tuple[UUID, date], Decimal]:
    """Return by (bank, Moscow day) what was withheld, both days included.

    One statement for all the banks that the acting one sees.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bank_id, (at AT TIME ZONE 'Europe/Moscow')::date AS day, sum(withheld_rub)"
            " FROM tax_withholding WHERE at >= %s AND at < %s GROUP BY bank_id, day",
            [clock.midnight(since), clock.midnight(until + timedelta(days=1))],
        )
        return {(bank, day): amount for bank, day, amount in cursor.fetchall()}


def to_remit() -> tuple[Decimal, date | None]:
    """Return what of the tax withheld has not gone to the budget, and by when the first of it must.

    Zero and None where nothing is due.
    """
    waiting = Withholding.objects.filter(remittance__isnull=True)
    found = waiting.aggregate(total=Sum("withheld_rub"), first=Min("remit_by"))
    return found["total"] or Decimal(0), found["first"]


# --- What somebody may see -----------------------------------------------------------------------


def lots_for(actor: users.Actor) -> QuerySet[Lot]:
    """Return the lots that somebody may see: a client one's own."""
    return Lot.objects.filter(client__in=kyc.queries.clients_for(actor))


def disposals_for(actor: users.Actor) -> QuerySet[Disposal]:
    """Return the disposals that somebody may see."""
    return Disposal.objects.filter(client__in=kyc.queries.clients_for(actor))


def years_for(actor: users.Actor) -> QuerySet[TaxYear]:
    """Return the tax years that somebody may see."""
    return TaxYear.objects.filter(client__in=kyc.queries.clients_for(actor))


def withholdings_for(actor: users.Actor) -> QuerySet[Withholding]:
    """Return the withholdings that somebody may see."""
    return Withholding.objects.filter(client__in=kyc.queries.clients_for(actor))


def remittances() -> QuerySet[Remittance]:
    """Return what went to the budget."""
    return Remittance.objects.all()


def remittance_for(*, remittance_id: UUID) -> Remittance:
    """Return one remittance of the acting bank. Raises: NOT_FOUND."""
    row = remittances().filter(pk=remittance_id).first()
    if row is None:
        shown = ids.show(Remittance.id_prefix, remittance_id)
        raise errors.Refused("NOT_FOUND", {"remittance": shown})
    return row
