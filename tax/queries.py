"""Every read of tax that another file uses. All inside `tenancy.acting`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

import kyc.queries
import licensing.queries
from common import clock, ids, tenancy, users
from kyc.models import Client
from licensing import working_days
from licensing.rulebook import Rulebook
from tax import withholding
from tax.models import Disposal, Lot, Remittance, TaxYear, Withholding


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """The rulebook as tax needs it, on a day."""

    book: Rulebook
    on: date

    def scale(
        self, *, kind: str, residency: str, on: date | None = None
    ) -> withholding.Scale | None:
        """Return the scale of a client's tax; None where the bank withholds nothing of it."""
        day = on or self.on
        if not self.book.value("tax_agent", day):
            return None
        if kind == "ENTITY":
            assert not self.book.value("profit_tax_withheld_from_entities", day)
            return None
        if residency == "NON_RESIDENT":
            return ((None, self.book.value("ndfl_nonresident_rate", day)),)
        scale: withholding.Scale = self.book.value("ndfl_resident_scale", day)
        return scale

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


def tax_year(client_id: UUID, year: int) -> TaxYear | None:
    """Return a client's year; None if nothing was realised in it."""
    return TaxYear.objects.filter(client=client_id, year=year).first()


def free_cash(book_id: UUID, client_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, Decimal]]:
    """Return of each client the rouble account, and what on it is not held."""
    owners = {ids.show(Client.id_prefix, client_id): client_id for client_id in client_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.owner, a.id, b.balance - b.held FROM ledger_account a"
            " JOIN ledger_balance b ON b.account_id = a.id"
            " WHERE a.book_id = %s AND a.line = 'client_cash' AND a.owner = ANY (%s)",
            [book_id, list(owners)],
        )
        return {owners[owner]: (account, free) for owner, account, free in cursor.fetchall()}


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
