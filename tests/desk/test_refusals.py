"""Every code that refuses an order or a withdrawal is explained in words."""

import desk.operations.cash
import desk.operations.market
import desk.operations.orders
import desk.pretrade
import kyc.standing
import licensing.perimeter
from desk import refusals
from licensing import states
from tests.codes import codes_in

# Told where the row that is decided stands.
_NO_OUTCOME = {"MAKER_IS_CHECKER", "STATUS_CONFLICT"}
_NO_REFUSAL = {"PARTIALLY_FILLED", "LEGAL_ENTITY", "NON_QUALIFIED"}


def test_every_code_has_its_words() -> None:
    modules = (
        licensing.perimeter,
        kyc.standing,
        desk.pretrade,
        desk.operations.orders,
        desk.operations.cash,
    )
    found = set[str]().union(*map(codes_in, modules))
    found -= _NO_OUTCOME | _NO_REFUSAL | set(refusals.NOT_KEPT)
    ended = set(states.EVER_GRANTED) - {states.LicenceStatus.GRANTED}
    assert found | {f"LICENCE_{status.value}" for status in ended} == set(refusals.WORDS)


def test_every_code_of_the_market_has_its_words() -> None:
    found = codes_in(desk.operations.market) - _NO_OUTCOME
    assert found <= refusals.WORDS.keys() | refusals.NOT_KEPT.keys()


def test_several_codes_are_told_one_after_the_other() -> None:
    told = refusals.in_words(["TEST_REQUIRED", "LIMIT_EXCEEDED"])
    assert told == (
        "The client has to pass the investor test first."
        " It would exceed the client's limit of the calendar year."
    )
