"""The API keeps to its document, and one bank's texts from another, whatever it is sent.

Over a real socket, as each of four roles, requests by Schemathesis on a bank that lives. Beside it
stands another bank with a canary in every text.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
from django.db import connections

from common import users
from tests.conftest import CONTRACT_SEED
from tests.contract import canaries, street
from tests.contract.explorer import Explorer, document_at
from tests.ledger.reader import Reader

ROLES = (users.Role.CLIENT, users.Role.DEALER, users.Role.COMPLIANCE, users.Role.SUPERVISOR)
CASES, NIGHT = 300, 2_000  # requests made up; the examples that are worked before are not counted
WORKING = 0.9  # of a role's operations do what they say at least once
SEEN = 40  # columns of which the other bank's own clerk is shown the canaries, at the least

# Where the database lets no word stand: countries have two letters, and nobody has decided yet.
UNPLANTED = {
    "common_proposal.checker",
    "common_proposal.result",
    "kyc_beneficialowner.country",
    "kyc_identity.country",
}

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def document(address: str) -> dict[str, Any]:
    return document_at(address)


@pytest.mark.parametrize("role", ROLES)
def test_no_answer_leaves_the_document_or_the_bank(
    role: users.Role, address: str, document: dict[str, Any]
) -> None:
    explore(role, address, document, CASES)


@pytest.mark.night
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES)
def test_no_answer_leaves_the_document_or_the_bank_all_night(
    role: users.Role, address: str, document: dict[str, Any]
) -> None:
    explore(role, address, document, NIGHT)


def explore(role: users.Role, address: str, document: dict[str, Any], cases: int) -> None:
    """Make up so many requests as a role; the seed is named where something is wrong."""
    seed = f"CONTRACT_SEED={CONTRACT_SEED}"
    here = _street(role)
    words = canaries.plant(here.other.pk)
    assert canaries.columns() - set(words.values()) == UNPLANTED
    clerk = _explorer(address, document, users.Role.OPERATIONS, street.clerk(here.other))
    clerk.read()
    explorer = _explorer(address, document, role, *here.people)
    explorer.work()
    worked = len(explorer.answers)
    explorer.make_up(cases, clerk.known[0])

    wrong = "\n".join((clerk.wrong | explorer.wrong).values())
    assert not wrong, f"{seed}\n{wrong}"
    assert len(explorer.answers) - worked >= cases
    idle = [each.label for each in explorer.operations if not explorer.works(each)]
    assert len(idle) <= (1 - WORKING) * len(explorer.operations), (seed, idle)

    assert len({words[word] for word in _heard(clerk)}) >= SEEN
    if role is users.Role.SUPERVISOR:
        assert len({words[word] for word in _heard(explorer)}) >= SEEN / 2
        return
    assert {words.get(word, word) for word in _heard(explorer)} == set(), seed
    foreign = [each for each in explorer.answers if each.foreign]
    assert foreign
    assert [each for each in foreign if each.status < 400] == [], seed


# --- It can fail ---------------------------------------------------------------------------------


def test_a_wall_that_is_down_is_heard(address: str, document: dict[str, Any]) -> None:
    here = _street(users.Role.DEALER)
    words = canaries.plant(here.other.pk)
    dealer = _explorer(address, document, users.Role.DEALER, *here.people)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE desk_instrument DISABLE ROW LEVEL SECURITY")
        try:
            dealer.read()
        finally:
            cursor.execute("ALTER TABLE desk_instrument ENABLE ROW LEVEL SECURITY")
    assert {words[word] for word in _heard(dealer) & words.keys()} == {"desk_instrument.code"}


def test_an_answer_outside_the_document_is_named(address: str, document: dict[str, Any]) -> None:
    other = copy.deepcopy(document)
    shown = other["components"]["schemas"]["OrderOut"]["properties"]
    shown["client_order_id"] = {"type": "integer"}
    del other["paths"]["/v1/positions"]["get"]["responses"]["400"]
    dealer = _explorer(address, other, users.Role.DEALER, *_street(users.Role.DEALER).people)
    dealer.read()
    assert {
        ("GET /v1/orders", "Response violates schema"),
        ("GET /v1/orders/{order_id}", "Response violates schema"),
        ("GET /v1/positions", "Undocumented status code"),
    } == set(dealer.wrong)


def _street(role: users.Role) -> street.Street:
    return street.open_street(f"contract{next(_numbers)}", role)


def _explorer(
    address: str, document: dict[str, Any], role: users.Role, *people: Reader
) -> Explorer:
    keys = [each.key for each in people]
    return Explorer(address, document, role, keys, int(CONTRACT_SEED))


def _heard(explorer: Explorer) -> set[str]:
    return {word for each in explorer.answers for word in canaries.found_in(each.text)}
