"""The chart of accounts: the lines of a bank's book, on which side they stand, how they are kept.

Pure data. Amounts are signed, debit positive; a balance is shown on its line's normal side.
Source: the balance-sheet equation, asset by asset: what is held = what is owed + what is own.
"""

import dataclasses
import enum


class Side(enum.IntEnum):
    """The normal side of a line; the factor from a signed posting to a balance."""

    DEBIT = 1
    CREDIT = -1


class Control(enum.StrEnum):
    """How an account is kept.

    CLIENT and HOUSE accounts have a running balance that is locked and never below what is
    reserved; CLIENT ones are locked first. OPEN accounts are append-only, without a balance.
    """

    CLIENT = "client"
    HOUSE = "house"
    OPEN = "open"


class Section(enum.StrEnum):
    """Where a line stands on the balance sheet."""

    ASSETS = "assets"
    OWED = "owed"
    OWN = "own"


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of the chart. `currency`: True for money only, False for coins only, None for both."""

    code: str
    title: str
    section: Section
    side: Side
    control: Control
    currency: bool | None
    segregated: bool = False


LINES = {
    line.code: line
    for line in (
        Line(
            "segregated_nostro",
            "Segregated nostro",
            Section.ASSETS,
            Side.DEBIT,
            Control.HOUSE,
            True,
            segregated=True,
        ),
        Line("own_nostro", "Own nostro", Section.ASSETS, Side.DEBIT, Control.HOUSE, True),
        Line(
            "segregated_custody",
            "Segregated custody",
            Section.ASSETS,
            Side.DEBIT,
            Control.HOUSE,
            False,
            segregated=True,
        ),
        Line("own_custody", "Own custody", Section.ASSETS, Side.DEBIT, Control.HOUSE, False),
        Line("client_cash", "Client cash", Section.OWED, Side.CREDIT, Control.CLIENT, True),
        Line("client_crypto", "Client crypto", Section.OWED, Side.CREDIT, Control.CLIENT, False),
        Line(
            "tax_payable", "Tax withheld, payable", Section.OWED, Side.CREDIT, Control.HOUSE, True
        ),
        Line(
            "payouts_in_flight", "Payouts in flight", Section.OWED, Side.CREDIT, Control.HOUSE, None
        ),
        Line("capital", "Capital", Section.OWN, Side.CREDIT, Control.OPEN, True),
        Line(
            "position",
            "Position in coins (inventory)",
            Section.OWN,
            Side.CREDIT,
            Control.HOUSE,
            False,
        ),
        Line(
            "currency_position", "Position in money", Section.OWN, Side.CREDIT, Control.OPEN, True
        ),
        Line("fees", "Fee income", Section.OWN, Side.CREDIT, Control.OPEN, True),
        Line("other_income", "Other income", Section.OWN, Side.CREDIT, Control.OPEN, True),
        Line("expense", "Expense", Section.OWN, Side.DEBIT, Control.OPEN, True),
    )
}

OWED_LINES = tuple(code for code, line in LINES.items() if line.section is Section.OWED)
OWN_LINES = tuple(code for code, line in LINES.items() if line.section is Section.OWN)
SEGREGATED_LINES = tuple(code for code, line in LINES.items() if line.segregated)
SWEEP_LINES = {
    True: ("segregated_nostro", "own_nostro"),
    False: ("segregated_custody", "own_custody"),
}
