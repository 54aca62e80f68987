"""Who applies by seed: numbers with right keys, and flaws that the rules of their names find."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from kyc import identification
from simulation import identities, population
from simulation.population import FEWEST, NORTH, VOLGA, Applicant, Flaw

ON = date(2022, 2, 22)
FOUND = {
    Flaw.WRONG_INN: "INN_INVALID",
    Flaw.WRONG_SNILS: "SNILS_INVALID",
    Flaw.EXPIRED: "DOCUMENT_EXPIRED",
    Flaw.UNDER_AGE: "CLIENT_UNDER_AGE",
    Flaw.HIDDEN_OWNERS: "OWNERS_UNDISCLOSED",
}


def problems(person: Applicant) -> list[str]:
    said = person.said
    if isinstance(said, identification.Entity):
        found = identification.problems_of_entity(said, ON, Decimal(25))
    else:
        found = identification.problems_of_person(said, ON)
    return [problem.code for problem in found]


@pytest.mark.parametrize("seed", range(10))
def test_each_flaw_is_found_by_its_rule_and_nobody_else_has_one(seed: int) -> None:
    people = population.applicants(seed, 200, ON)
    for person in people:
        due = [FOUND[person.flaw]] if person.flaw in FOUND else []
        assert problems(person) == due, person
    assert {person.flaw for person in people} == set(Flaw)


def test_numbers_have_their_keys_and_are_nobody_elses() -> None:
    for serial in range(0, 10**7, 99_991):
        assert identification.is_inn(identities.persons_inn(serial), 12)
        assert identification.is_inn(identities.firms_inn(serial), 10)
        assert identification.is_ogrn(identities.ogrn(serial), 13)
        snils = identities.snils(serial)
        assert identification.is_snils(snils)
        assert not identification.is_snils(identities.misspelt(snils))
        account = identities.account(serial, of_firm=bool(serial % 2))
        assert not identification.problems_of_account(identities.BIC, account)
    people = population.applicants(1, 1000, ON)
    assert len({person.said.inn for person in people}) == 1000
    assert len({person.account for person in people}) == 1000


def test_the_same_seed_gives_the_same_people_and_another_gives_others() -> None:
    people = population.applicants(7, 120, ON)
    assert people == population.applicants(7, 120, ON)
    others = population.applicants(8, 120, ON)
    assert not {person.said.inn for person in people} & {person.said.inn for person in others}


def test_the_fewest_are_enough_for_every_part() -> None:
    whole = {person.part for person in population.applicants(1, 500, ON)}
    people = population.applicants(1, FEWEST, ON)
    assert {person.part for person in people} == whole
    assert {person.bank for person in people} == {NORTH, VOLGA}
    with pytest.raises(AssertionError):
        population.applicants(1, FEWEST - 1, ON)


def test_every_category_is_there_and_some_do_not_pass_the_test() -> None:
    people = population.applicants(1, 200, ON)
    assert any(person.is_firm for person in people)
    assert any(person.shown_rub for person in people)
    assert {person.passes_test for person in people} == {True, False, None}
    assert {person.residency for person in people} == {"RESIDENT", "NON_RESIDENT"}
    assert not dataclasses.replace(people[0], flaw=Flaw.WAITING).comes_in
