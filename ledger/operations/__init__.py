"""Every write of the books. All run inside the caller's `tenancy.acting` transaction."""

from ledger.operations.books import (
    NewEntry,
    Wanted,
    close_day,
    expire_holds,
    lock_balances,
    open_accounts,
    open_book,
    place_hold,
    post_entries,
    post_entry,
    reverse_entry,
    sweep_due,
    take_cut,
    void_holds,
)
from ledger.operations.manual import Line, propose_entry

__all__ = [
    "Line",
    "NewEntry",
    "Wanted",
    "close_day",
    "expire_holds",
    "lock_balances",
    "open_accounts",
    "open_book",
    "place_hold",
    "post_entries",
    "post_entry",
    "propose_entry",
    "reverse_entry",
    "sweep_due",
    "take_cut",
    "void_holds",
]
