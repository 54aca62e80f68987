"""The desk's tables, by subject."""

from desk.models.cash import Deposit, LargeWithdrawal, Withdrawal
from desk.models.market import Instrument, Quote
from desk.models.orders import Fill, Order

__all__ = ["Deposit", "Fill", "Instrument", "LargeWithdrawal", "Order", "Quote", "Withdrawal"]
