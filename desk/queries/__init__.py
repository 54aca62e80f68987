"""Every read of the desk that another file uses, by subject."""

from desk.queries.books import House, house
from desk.queries.cash import deposits_for, free_cash, in_review, withdrawal_for, withdrawals_for
from desk.queries.market import (
    instrument_by_id,
    instruments,
    instruments_by_code,
    price,
    quoted,
    quotes_for,
    terms,
    two_way,
    used_quotes,
)
from desk.queries.orders import (
    Position,
    busy_banks,
    fill_for,
    fills_for,
    order_for,
    orders_for,
    positions,
    realised_rub,
)

__all__ = [
    "House",
    "Position",
    "busy_banks",
    "deposits_for",
    "fill_for",
    "fills_for",
    "free_cash",
    "house",
    "in_review",
    "instrument_by_id",
    "instruments",
    "instruments_by_code",
    "order_for",
    "orders_for",
    "positions",
    "price",
    "quoted",
    "quotes_for",
    "realised_rub",
    "terms",
    "two_way",
    "used_quotes",
    "withdrawal_for",
    "withdrawals_for",
]
