"""The end of a tax year: what is still due of it is withheld, or told to the tax service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import kyc.queries
import ledger.operations
from common import errors, ids
from ledger.operations import NewEntry, Wanted
from tax import queries, withholding
from tax.models import TaxYear
from tax.operations import payouts, years

# Of each client the rouble account, and what on it is free.
Cash = Mapping[UUID, tuple[UUID, Decimal]]


def withhold_year_end(
    *, book_id: UUID, year: int, at: datetime, most: int | None = None
) -> list[TaxYear]:
    """Withhold what is still due of a year from the clients' free roubles; return what changed.

    1. In the month that the law leaves, all that the roubles reach is withheld. A year that owes
       nothing more is closed; one that does says what is missing, and is asked again.
    2. After that month nothing more is withheld: a year is closed with what is missing, and with
       the day by which the tax service is told.

    Run again, it finds nothing to do until there are roubles. `most`: how many clients at once.

    Raises: YEAR_NOT_OVER; RULE_UNKNOWN.
    """
    rules = queries.rules_at(at)
    if rules.on <= date(year, 12, 31):
        raise errors.Refused("YEAR_NOT_OVER", {"year": year, "on": rules.on.isoformat()})
    is_late = rules.on > rules.window_end(year)
    waiting = TaxYear.objects.filter(year=year, closed_at__isnull=True).order_by("client_id")
    asked = list(waiting)
    if not is_late:
        asked = _reached(book_id, asked, rules.book.value("ndfl_rounding", rules.on))
    if not asked:
        return []
    standings = kyc.queries.lock_clients([row.client_id for row in asked[:most]])
    rows = list(waiting.filter(client__in=list(standings)))  # as they are under the locks
    cash: Cash = {} if is_late else queries.free_cash(book_id, list(standings))
    payable = ledger.operations.open_accounts(
        book_id=book_id, accounts=[Wanted("tax_payable", "RUB")], at=at
    )[0]
    applied = queries.rules_of_year(year)
    ended, entries = [], []
    for row in rows:
        standing = standings[row.client_id]
        account_id, free = cash.get(row.client_id, (payable, Decimal(0)))
        so_far = queries.so_far(row, standing, applied, ended=True)
        part = withholding.Part(so_far, free, so_far.due(free))
        if part.due.withheld_rub:
            entry = _entry(row, account_id, payable, part.due.withheld_rub, at)
            entries.append(entry)
            row = payouts.record(standing, rules, part, at, "", entry.id)  # noqa: PLW2901
        else:
            missing = max(part.due.cumulative_rub - row.withheld_rub, Decimal(0))
            years.say_missing(row, missing, rules)
        row.closed_at = at if is_late or not row.not_withheld_rub else None
        row.save()
        ended.append(row)
    if entries:
        ledger.operations.post_entries(book_id=book_id, entries=entries)
    return ended


def _reached(book_id: UUID, waiting: Sequence[TaxYear], step_rub: Decimal) -> list[TaxYear]:
    """Return the years not asked yet, and those asked in vain whose clients have roubles now."""
    told = [row.client_id for row in waiting if row.notice_date is not None]
    cash = queries.free_cash(book_id, told)
    can_pay = {client_id for client_id, (_, free) in cash.items() if free >= step_rub}
    return [row for row in waiting if row.notice_date is None or row.client_id in can_pay]


def _entry(
    row: TaxYear, account_id: UUID, payable_id: UUID, amount_rub: Decimal, at: datetime
) -> NewEntry:
    return NewEntry(
        "tax_year_end",
        at,
        [(account_id, amount_rub), (payable_id, -amount_rub)],
        reason=f"tax of {row.year}",
        ref=ids.show(TaxYear.id_prefix, row.pk),
    )
