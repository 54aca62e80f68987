"""What is wrong with a manual entry, in words: one sentence a code. Pure."""

WORDS = {
    "LINE_UNKNOWN": "The chart has no such account.",
    "CLIENTS_LINE": "Clients' accounts are not posted to by hand.",
    "ASSET_UNKNOWN": "There is no such asset.",
    "LINE_NOT_FOR_ASSET": "One of the accounts is not kept in its asset.",
    "ACCOUNT_TWICE": "An account stands there twice.",
    "AMOUNT_INVALID": "An amount is zero, or has too many decimals.",
    "ENTRY_UNBALANCED": "Debit and credit differ: the amounts of each asset come to zero.",
    "ALREADY_PROPOSED": "An entry of this book waits already to be decided.",
}
