"""Amounts of assets: exact decimals, parsed strictly, rounded by name, shown without an exponent.

Here: values and arithmetic only. Which assets exist is a table (`models.Asset`); what an amount
may be spent on is the ledger's.
"""

from __future__ import annotations

import dataclasses
import decimal
import re
from decimal import Decimal

MAX_SCALE = 18
PATTERN = r"(0|[1-9][0-9]{0,19})(\.[0-9]{1,18})?"
SIGNED_PATTERN = "-?" + PATTERN

# The product of two NUMERIC(38,18) has 76 digits. What does not fit is an error, never rounded.
EXACT = decimal.Context(
    prec=78,
    rounding=decimal.ROUND_HALF_EVEN,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Inexact],
)
_ROUNDING = decimal.Context(prec=78, traps=[decimal.InvalidOperation])
_LIMIT = Decimal(10) ** 20  # NUMERIC(38,18) holds less than this
_UNSIGNED, _SIGNED = re.compile(PATTERN), re.compile(SIGNED_PATTERN)


class BadAmount(ValueError):
    """An amount that is none: malformed, not finite, too large or too fine for its asset."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asset:
    """A currency or coin and the number of decimals it is kept in."""

    code: str
    scale: int


@dataclasses.dataclass(frozen=True, slots=True)
class Money:
    """So much of one asset, kept at exactly the asset's scale.

    Raises: BadAmount where the amount is not finite, too large or has more decimals.
    """

    amount: Decimal
    asset: Asset

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", _at_scale(self.amount, self.asset.scale))

    def __add__(self, other: Money) -> Money:
        return Money(EXACT.add(self.amount, self._like(other)), self.asset)

    def __sub__(self, other: Money) -> Money:
        return Money(EXACT.subtract(self.amount, self._like(other)), self.asset)

    def __neg__(self) -> Money:
        return Money(EXACT.minus(self.amount), self.asset)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._like(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._like(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._like(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._like(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.asset.code}"

    def _like(self, other: Money) -> Decimal:
        if self.asset != other.asset:
            raise TypeError(f"{self.asset.code} and {other.asset.code} do not mix")
        return other.amount


def parse_amount(text: str, *, signed: bool = False) -> Decimal:
    """Read an amount as the API writes it, with every digit it has.

    Raises: BadAmount, saying what an amount looks like.
    """
    if (_SIGNED if signed else _UNSIGNED).fullmatch(text) is None:
        sign = "an optional minus, " if signed else ""
        raise BadAmount(
            f"An amount is {sign}1 to 20 digits without leading zeros, then optionally a point"
            " and 1 to 18 digits."
        )
    amount = Decimal(text)
    if amount.is_signed() and not amount:
        raise BadAmount("Zero has no sign.")
    return amount


def show(amount: Decimal, scale: int) -> str:
    """Write an amount with exactly `scale` decimals; refuses to round.

    Raises: BadAmount as `Money` does.
    """
    return f"{_at_scale(amount, scale):f}"


def fits(amount: Decimal, scale: int) -> bool:
    """Say whether an amount stands in so many decimals; `%` gives up at 28 digits."""
    try:
        _at_scale(amount, scale)
    except BadAmount:
        return False
    return True


def round_half_up(amount: Decimal, scale: int) -> Decimal:
    """Round to the nearest, halves away from zero."""
    return _rounded(amount, scale, decimal.ROUND_HALF_UP)


def round_half_even(amount: Decimal, scale: int) -> Decimal:
    """Round to the nearest, halves to the even neighbour."""
    return _rounded(amount, scale, decimal.ROUND_HALF_EVEN)


def round_down(amount: Decimal, scale: int) -> Decimal:
    """Round towards zero."""
    return _rounded(amount, scale, decimal.ROUND_DOWN)


def round_up(amount: Decimal, scale: int) -> Decimal:
    """Round away from zero."""
    return _rounded(amount, scale, decimal.ROUND_UP)


def _at_scale(amount: Decimal, scale: int) -> Decimal:
    if not amount.is_finite() or abs(amount) >= _LIMIT:
        raise BadAmount("An amount is finite and below 10^20.")
    try:
        return EXACT.plus(EXACT.quantize(amount, _unit(scale)))  # `plus` takes the sign off zero
    except decimal.Inexact:
        raise BadAmount(f"The asset has {scale} decimals.") from None


def _rounded(amount: Decimal, scale: int, mode: str) -> Decimal:
    if not amount.is_finite() or amount.adjusted() > 56:
        raise BadAmount("An amount to round is finite and has at most 57 whole digits.")
    return _ROUNDING.plus(amount.quantize(_unit(scale), rounding=mode, context=_ROUNDING))


def _unit(scale: int) -> Decimal:
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"An asset has 0 to {MAX_SCALE} decimals, not {scale}.")
    return Decimal((0, (1,), -scale))
