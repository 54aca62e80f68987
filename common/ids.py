"""Ids as people and programs see them: a UUIDv7 behind a prefix, `ord_` and 26 characters.

The characters are Crockford's base32 in lower case, so that shown ids of a kind sort as their
UUIDs do, which is by time of birth. Each id has exactly one text.
"""

import re
from uuid import UUID

from uuid_utils import compat

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(120, -1, -10)  # 26 characters are 130 bits: the first one stops at 7

PATTERN = f"[0-7][{_ALPHABET}]{{25}}"
_BODY = re.compile(PATTERN)


class BadId(ValueError):
    """A text that is not an id of the kind that was asked for."""


def new() -> UUID:
    """Return a fresh UUIDv7."""
    return compat.uuid7()


def show(prefix: str, value: UUID) -> str:
    """Write an id: the prefix, an underscore and 26 characters."""
    number = value.int
    return f"{prefix}_" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def parse(prefix: str, text: str) -> UUID:
    """Read an id that `show` wrote with the same prefix.

    Raises: BadId, saying whether the prefix or the rest is wrong.
    """
    head, _, body = text.partition("_")
    if head != prefix:
        raise BadId(f"An id of this kind begins with {prefix}_.")
    if _BODY.fullmatch(body) is None:
        raise BadId(
            f"After {prefix}_ come 26 characters of lower-case Crockford base32, the first 0 to 7."
        )
    number = 0
    for character in body:
        number = number << 5 | _VALUES[character]
    return UUID(int=number)
