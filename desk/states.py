"""The statuses of orders and payouts, and the ways between them, as data."""

from django.db import models


class Side(models.TextChoices):
    """What the client does."""

    BUY = "BUY", "Buy"
    SELL = "SELL", "Sell"


class OrderKind(models.TextChoices):
    """FIX OrdType, as far as the desk takes it."""

    MARKET = "MARKET", "Market"
    LIMIT = "LIMIT", "Limit"


class TimeInForce(models.TextChoices):
    """FIX TimeInForce, as far as the desk takes it."""

    IOC = "IOC", "Immediate or cancel"
    FOK = "FOK", "Fill or kill"
    GTC = "GTC", "Good till cancel"
    DAY = "DAY", "Day"


class OrderStatus(models.TextChoices):
    """FIX OrdStatus."""

    NEW = "NEW", "New"
    PARTIALLY_FILLED = "PARTIALLY_FILLED", "Partially filled"
    FILLED = "FILLED", "Filled"
    CANCELED = "CANCELED", "Canceled"
    REJECTED = "REJECTED", "Rejected"
    EXPIRED = "EXPIRED", "Expired"


_O = OrderStatus
_ENDS = frozenset({_O.FILLED.value, _O.CANCELED.value, _O.EXPIRED.value})
ORDER_TRANSITIONS = {
    _O.NEW.value: _ENDS | {_O.PARTIALLY_FILLED.value},
    _O.PARTIALLY_FILLED.value: _ENDS | {_O.PARTIALLY_FILLED.value},
    _O.FILLED.value: frozenset[str](),
    _O.CANCELED.value: frozenset[str](),
    _O.REJECTED.value: frozenset[str](),
    _O.EXPIRED.value: frozenset[str](),
}
RESTING = (_O.NEW, _O.PARTIALLY_FILLED)


class InstrumentStatus(models.TextChoices):
    """Whether an instrument is traded."""

    OPEN = "OPEN", "Open"
    HALTED = "HALTED", "Halted"


INSTRUMENT_TRANSITIONS = {
    "OPEN": frozenset({"HALTED"}),
    "HALTED": frozenset({"OPEN"}),
}


class WithdrawalStatus(models.TextChoices):
    """Where a payout of roubles is."""

    IN_REVIEW = "IN_REVIEW", "In review"
    PAID = "PAID", "Paid"
    SETTLED = "SETTLED", "Settled"
    REFUSED = "REFUSED", "Refused"


_W = WithdrawalStatus
WITHDRAWAL_TRANSITIONS = {
    _W.IN_REVIEW.value: frozenset({_W.PAID.value, _W.REFUSED.value}),
    _W.PAID.value: frozenset({_W.SETTLED.value}),
    _W.SETTLED.value: frozenset[str](),
    _W.REFUSED.value: frozenset[str](),
}
