"""Numbers of people and firms that nobody has, each with the check digits that it needs. Pure.

Nothing here is anybody's: the digits before the keys are drawn or counted.
"""

from __future__ import annotations

from collections.abc import Callable

from kyc import identification

BIC = "044525225"
_PERSONS_ACCOUNT, _FIRMS_ACCOUNT = "40817", "40702"


def persons_inn(serial: int) -> str:
    """Return a person's taxpayer number: ten digits and two keys."""
    return _keyed(f"35{serial % 10**8:08}", 2, lambda text: identification.is_inn(text, 12))


def firms_inn(serial: int) -> str:
    """Return an entity's taxpayer number: nine digits and a key."""
    return _keyed(f"77{serial % 10**7:07}", 1, lambda text: identification.is_inn(text, 10))


def snils(serial: int) -> str:
    """Return an insurance number: nine digits and two keys."""
    return _keyed(f"1{serial % 10**8:08}", 2, identification.is_snils)


def ogrn(serial: int) -> str:
    """Return an entity's register number: twelve digits and a key."""
    return _keyed(f"10277{serial % 10**7:07}", 1, lambda text: identification.is_ogrn(text, 13))


def account(serial: int, *, of_firm: bool) -> str:
    """Return a rouble account in the bank `BIC`, with its key."""
    line = _FIRMS_ACCOUNT if of_firm else _PERSONS_ACCOUNT
    return identification.account_number(BIC, line, serial)


def misspelt(number: str) -> str:
    """Return a number with its last digit wrong."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def _keyed(body: str, keys: int, is_good: Callable[[str], bool]) -> str:
    numbers = (f"{body}{key:0{keys}}" for key in range(10**keys))
    return next(number for number in numbers if is_good(number))
