"""What was withheld, sent to the budget."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import ledger.operations
from common import ids, tenancy
from ledger.operations import NewEntry, Wanted
from tax import queries
from tax.models import Remittance, Withholding


def remit_tax(*, book_id: UUID, until: date, at: datetime) -> Remittance | None:
    """Send to the budget what was withheld and is to be remitted by a day; None if nothing is.

    Raises: INVENTORY_SHORT if the segregated nostro lacks it before a sweep.
    """
    due = list(queries.unremitted(until).select_for_update(of=("self",)).order_by("id"))
    if not due:
        return None
    amount = sum((row.withheld_rub for row in due), Decimal(0))
    payable, nostro = ledger.operations.open_accounts(
        book_id=book_id,
        accounts=[Wanted("tax_payable", "RUB"), Wanted("segregated_nostro", "RUB")],
        at=at,
    )
    remittance = Remittance(
        bank_id=tenancy.acting_bank(),
        amount_rub=amount,
        at=at,
        actor=tenancy.current().actor.label,
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
