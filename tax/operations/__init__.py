"""Every write of tax. Inside the caller's `tenancy.acting`, the clients concerned locked.

Lock order: `kyc.queries.lock_clients` first, which holds a client's lots and years too; the ledger
last. Only `work_due` opens transactions of its own.
"""

from tax.operations.daily import work_due
from tax.operations.fills import Acquired, Disposed, record_fills, undo_fill
from tax.operations.payouts import Withheld, preview, withhold_at_payout
from tax.operations.remittances import remit_tax
from tax.operations.year_ends import withhold_year_end

__all__ = [
    "Acquired",
    "Disposed",
    "Withheld",
    "preview",
    "record_fills",
    "remit_tax",
    "undo_fill",
    "withhold_at_payout",
    "withhold_year_end",
    "work_due",
]
