"""What is withheld when roubles leave: of the year, and in January of the one before it."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common import tenancy
from kyc.standing import Standing
from tax import queries, withholding
from tax.models import TaxYear, Withholding
from tax.operations import years


@dataclasses.dataclass(frozen=True, slots=True)
class Withheld:
    """What a payout comes to: `net_rub` leaves, `withheld_rub` is tax, of one year or of two."""

    payout_rub: Decimal
    parts: tuple[withholding.Part, ...]

    @property
    def base_rub(self) -> Decimal:
        """What the years realised."""
        return sum((part.so_far.base_rub for part in self.parts), Decimal(0))

    @property
    def withheld_before_rub(self) -> Decimal:
        """What was withheld of the years before."""
        return sum((part.so_far.withheld_rub for part in self.parts), Decimal(0))

    @property
    def withheld_rub(self) -> Decimal:
        """What is withheld now."""
        return sum((part.due.withheld_rub for part in self.parts), Decimal(0))

    @property
    def net_rub(self) -> Decimal:
        """What leaves."""
        return self.payout_rub - self.withheld_rub


def preview(*, standing: Standing, payout_rub: Decimal, at: datetime) -> Withheld:
    """Return what would be withheld from a payout now; nothing is written."""
    so_far = queries.years_so_far(standing, queries.rules_at(at))
    return Withheld(payout_rub, tuple(withholding.of_payout(payout_rub, so_far)))


def withhold_at_payout(
    *, standing: Standing, payout_rub: Decimal, at: datetime, payout_ref: str, entry_id: UUID
) -> Withheld:
    """Decide and record what is withheld from a payout of a client whom the caller has locked.

    The caller posts it, in the entry `entry_id`: the tax to `tax_payable`. In the month after a
    year what that year still owes is withheld first. Nothing is recorded where nothing is withheld.
    """
    found = preview(standing=standing, payout_rub=payout_rub, at=at)
    rules = queries.rules_at(at)
    for part in found.parts:
        if part.due.withheld_rub:
            record(standing, rules, part, at, payout_ref, entry_id)
    return found


def record(
    standing: Standing,
    rules: queries.Rules,
    part: withholding.Part,
    at: datetime,
    payout_ref: str,
    entry_id: UUID,
) -> TaxYear:
    """Write that something was withheld, and what the year says after it."""
    so_far, due = part.so_far, part.due
    kind = Withholding.Kind.YEAR_END if so_far.ended else Withholding.Kind.PAYOUT
    Withholding.objects.create(
        bank_id=tenancy.acting_bank(),
        client_id=standing.client_id,
        year=so_far.year,
        kind=kind,
        residency=standing.residency,
        base_rub=so_far.base_rub,
        cumulative_rub=due.cumulative_rub,
        withheld_before_rub=so_far.withheld_rub,
        payout_rub=part.payout_rub,
        withheld_rub=due.withheld_rub,
        regime=so_far.regime,
        payout_ref=payout_ref,
        entry_id=entry_id,
        remit_by=rules.remit_by(),
        at=at,
    )
    row = TaxYear.objects.get(client=standing.client_id, year=so_far.year)
    row.withheld_rub += due.withheld_rub
    row.over_withheld_rub = Decimal(0)  # no more than is due was withheld
    if so_far.ended:
        missing = due.cumulative_rub - row.withheld_rub
        years.say_missing(row, missing, rules)
    row.save()
    return row
