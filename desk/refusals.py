"""What refuses an order, a withdrawal or another command, in words: one sentence a code. Pure.

Those of orders and withdrawals in the codes' order of precedence: the licence's, the client's, the
instrument's and the order's own, then the withdrawal's.
"""

from collections.abc import Iterable

WORDS = {
    "LICENCE_MISSING": "The bank has no licence.",
    "LICENCE_SUSPENDED": "The bank's licence is suspended.",
    "LICENCE_REVOKED": "The bank's licence is revoked.",
    "ACTIVITY_NOT_PERMITTED": "The licence does not permit exchange, or to keep what is bought.",
    "ASSET_NOT_ADMITTED": "The coin is not in the register of admitted assets.",
    "ASSET_NOT_FOR_CATEGORY": "The law does not open the coin to clients who are not qualified.",
    "CATEGORY_NOT_PERMITTED": "The licence does not permit to sell to clients of this category.",
    "CLIENT_FROZEN": "The client is frozen.",
    "CLIENT_NOT_OPEN": "The client is not open.",
    "TEST_REQUIRED": "The client has to pass the investor test first.",
    "LIMIT_EXCEEDED": "It would exceed the client's limit of the calendar year.",
    "INSTRUMENT_HALTED": "Trading in the instrument is halted.",
    "QUANTITY_OUT_OF_BOUNDS": "The quantity is below the smallest or above the largest order, or"
    " more than the quote is for.",
    "QUOTE_USED": "The quote that it was for was used by another order.",
    "QUOTE_EXPIRED": "The quote that it was for has expired.",
    "PRICE_UNAVAILABLE": "The market has no price.",
    "INSUFFICIENT_FUNDS": "The client has too little that is free.",
    "INVENTORY_SHORT": "The desk has too little of the coin.",
    "PRICE_NOT_REACHED": "The desk's price is not as good as the order's limit.",
    "ACCOUNT_NOT_OWN": "The account is not on file as the client's own.",
    "REVIEW_REFUSED": "A second person refused it.",
}

# What refuses a command of which nothing is kept then.
NOT_KEPT = {
    "NOT_FOUND": "The bank has none of that id.",
    "AMOUNT_INVALID": "It is too little, or has too many decimals.",
    "AMOUNT_TOO_FINE": "It has too many decimals.",
    "CLIENT_ORDER_ID_TAKEN": "The client has an order of that id already.",
    "INSTRUMENT_UNKNOWN": "The desk does not trade it.",
    "ASSET_UNKNOWN": "There is no such asset.",
    "NOT_A_COIN": "It is no coin.",
    "BOUNDS_INVALID": "The smallest order is a unit of the coin at least, the largest no less than"
    " the smallest, the tick a kopeck at least.",
    "INSTRUMENT_EXISTS": "The desk trades the coin already.",
    "EXPOSURE_EXCEEDED": "The bank would hold more than its licence permits.",
}


def in_words(codes: Iterable[str]) -> str:
    """Return what the codes mean, a sentence each; one of an older house stands as it is."""
    return " ".join(WORDS.get(code, f"{code}.") for code in codes)
