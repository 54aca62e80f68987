"""What a client's tax year says of tax withheld too much or too little, whenever either changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import kyc.queries
from tax import queries, withholding
from tax.models import TaxYear


def follow(rows: Sequence[TaxYear], at: datetime) -> None:
    """Bring what was withheld too much or too little of years up to what they now realised.

    The caller has locked the clients. Too much is measured by the rule that it was last withheld
    by. A year that was ended and owes again is open again: the next pass ends it.
    """
    last = queries.last_withholdings({(row.client_id, row.year) for row in rows})
    for row in rows:
        withheld = last.get((row.client_id, row.year))
        row.over_withheld_rub = Decimal(0)
        if withheld is not None:
            scale = queries.rules_of(withheld).scale(kind="PERSON", residency=withheld.residency)
            assert scale is not None  # it was withheld by it
            tax = withholding.tax_on(row.realised_rub, scale)
            row.over_withheld_rub = max(row.withheld_rub - tax, Decimal(0))
        if row.closed_at is not None or row.notice_date is not None:
            _miss(row, at)
        row.save()


def _miss(row: TaxYear, at: datetime) -> None:
    standing = kyc.queries.standing(row.client_id)
    rules = queries.rules_of_year(row.year)
    scale = rules.scale(kind=standing.kind, residency=standing.residency)
    missing = Decimal(0)
    if scale is not None:
        missing = max(withholding.tax_on(row.realised_rub, scale) - row.withheld_rub, Decimal(0))
    say_missing(row, missing, queries.rules_at(at))
    if missing:
        row.closed_at = None


def say_missing(row: TaxYear, missing_rub: Decimal, rules: queries.Rules) -> None:
    """Write on a year that has ended what of its tax is missing, and when that is to be told."""
    row.not_withheld_rub = missing_rub
    row.notice_date = rules.notice_date(row.year) if missing_rub else None
