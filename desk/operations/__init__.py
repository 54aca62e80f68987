"""Every write of the desk, by subject. All run inside the caller's `tenancy.acting`."""

from desk.operations.cash import (
    approve_withdrawal,
    preview_withdrawal,
    record_deposit,
    refuse_withdrawal,
    request_withdrawal,
    settle_payout,
    settle_payouts,
)
from desk.operations.fills import propose_bust
from desk.operations.market import (
    buy_stock,
    create_instrument,
    give_quote,
    halt_instrument,
    pay_in_capital,
    reopen_instrument,
    sell_stock,
)
from desk.operations.orders import Placed, cancel_order, place_orders
from desk.operations.resting import due_orders, work_order, work_orders

__all__ = [
    "Placed",
    "approve_withdrawal",
    "buy_stock",
    "cancel_order",
    "create_instrument",
    "due_orders",
    "give_quote",
    "halt_instrument",
    "pay_in_capital",
    "place_orders",
    "preview_withdrawal",
    "propose_bust",
    "record_deposit",
    "refuse_withdrawal",
    "reopen_instrument",
    "request_withdrawal",
    "sell_stock",
    "settle_payout",
    "settle_payouts",
    "work_order",
    "work_orders",
]
