"""The books in the admin: everything is shown, and nothing changes but by closing a day."""

from ledger.admin.books import AccountAdmin, BookAdmin
from ledger.admin.journal import CutAdmin, DayCloseAdmin, EntryAdmin, HoldAdmin

__all__ = ["AccountAdmin", "BookAdmin", "CutAdmin", "DayCloseAdmin", "EntryAdmin", "HoldAdmin"]
