"""Numbers by their keys, passports by their rules: what cannot be true is found and named."""

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kyc import identification
from kyc.identification import Owner, Person
from tests.kyc import clients

TODAY = date(2022, 2, 24)


def codes(said: Person, on: date = TODAY) -> list[str]:
    return [problem.code for problem in identification.problems_of_person(said, on)]


def with_paper(**changed: Any) -> Person:
    return clients.person(paper=changed)


def test_a_good_person_has_no_problems() -> None:
    assert codes(clients.person()) == []
    assert codes(clients.with_mrz(clients.person())) == []


@pytest.mark.parametrize(
    ("number", "digits", "good"),
    [
        ("7707083893", 10, True),
        ("7707083894", 10, False),
        ("500100732259", 12, True),
        ("500100732258", 12, False),
        ("7707083893", 12, False),
        ("0000000000", 10, False),
        ("770708389٣", 10, False),
        ("7707083893\n", 10, False),
    ],
)
def test_inn_by_its_keys(number: str, digits: int, good: bool) -> None:
    assert identification.is_inn(number, digits) is good


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("11223344595", True),
        ("11223344594", False),
        ("08765430300", True),  # a sum of 202 has the key 00
        ("00100199899", True),  # the first million have no key
        ("00000000000", False),
        ("1122334459", False),
    ],
)
def test_snils_by_its_key(number: str, good: bool) -> None:
    assert identification.is_snils(number) is good


@pytest.mark.parametrize(
    ("number", "digits", "good"),
    [
        ("1027700132195", 13, True),
        ("1027700132196", 13, False),
        ("304500116000157", 15, True),
        ("304500116000221", 15, True),  # a remainder of 11: its last digit is the key
        ("304500116000158", 15, False),
        ("1027700132195", 15, False),
    ],
)
def test_ogrn_by_its_key(number: str, digits: int, good: bool) -> None:
    assert identification.is_ogrn(number, digits) is good


@pytest.mark.parametrize(
    ("bic", "number", "code"),
    [
        ("044525225", identification.account_number("044525225", "40817", 7), None),
        ("044525225", "40817810000000000000", "ACCOUNT_NUMBER_INVALID"),
        ("044525225", "40817840000000000007", "ACCOUNT_NUMBER_INVALID"),
        ("045", "40817810000000000007", "BIC_INVALID"),
        ("044525000", "40817810000000000007", "BIC_INVALID"),
    ],
)
def test_account_by_its_key(bic: str, number: str, code: str | None) -> None:
    found = identification.problems_of_account(bic, number)
    assert [problem.code for problem in found] == ([code] if code else [])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"birth_date": date(2004, 2, 24), "paper": {"issued": date(2018, 3, 1)}}, []),
        (
            {"birth_date": date(2004, 2, 25), "paper": {"issued": date(2018, 3, 1)}},
            ["CLIENT_UNDER_AGE"],
        ),
        ({"birth_date": date(2022, 2, 25)}, ["BIRTH_DATE_INVALID", "ISSUE_DATE_INVALID"]),
        ({"birth_date": date.max}, ["BIRTH_DATE_INVALID", "ISSUE_DATE_INVALID"]),
        ({"country": "ru"}, ["COUNTRY_INVALID", "DOCUMENT_NOT_OF_COUNTRY"]),
        ({"inn": ""}, ["INN_REQUIRED"]),
        ({"inn": "500100732258"}, ["INN_INVALID"]),
        ({"snils": "11223344594"}, ["SNILS_INVALID"]),
        ({"ogrnip": "304500116000158"}, ["OGRN_INVALID"]),
        ({"inn": "1", "snils": "2"}, ["INN_INVALID", "SNILS_INVALID"]),
    ],
)
def test_a_person_is_judged_in_order(changed: dict[str, Any], expected: list[str]) -> None:
    assert codes(clients.person(**changed)) == expected


@pytest.mark.parametrize(
    ("paper", "expected"),
    [
        ({"number": "45101234567"}, ["PASSPORT_NUMBER_INVALID"]),
        ({"number": "0010123456"}, ["PASSPORT_NUMBER_INVALID"]),
        ({"number": "4510000000"}, ["PASSPORT_NUMBER_INVALID"]),
        ({"department_code": "770001"}, ["DEPARTMENT_CODE_INVALID"]),
        ({"department_code": "774-001"}, ["DEPARTMENT_CODE_INVALID"]),
        ({"issued": date(2022, 2, 25)}, ["ISSUE_DATE_INVALID"]),
        ({"issued": date(2004, 6, 14)}, ["ISSUE_DATE_INVALID"]),  # the day before turning 14
        ({"issued": date(2004, 6, 15)}, ["DOCUMENT_EXPIRED"]),  # was to be replaced at 20
    ],
)
def test_a_passport_is_judged(paper: dict[str, Any], expected: list[str]) -> None:
    assert codes(with_paper(**paper)) == expected


@pytest.mark.parametrize(
    ("born", "issued", "last"),
    [
        (date(1990, 6, 15), date(2010, 6, 14), date(2010, 9, 13)),  # issued at 19: 20 and 90 days
        (date(1990, 6, 15), date(2010, 6, 15), date(2035, 9, 13)),  # issued at 20: 45 and 90 days
        (date(1960, 6, 15), date(2005, 6, 14), date(2005, 9, 13)),
        (date(1960, 6, 15), date(2005, 6, 15), None),  # at 45: for life
        (date(2000, 2, 29), date(2014, 3, 1), date(2020, 5, 29)),
    ],
)
def test_a_passport_lasts_to_20_and_45_and_90_days_more(
    born: date, issued: date, last: date | None
) -> None:
    assert identification.passport_last_day(born, issued) == last


def test_the_grace_ends_after_its_90th_day() -> None:
    said = clients.person(birth_date=date(1977, 2, 24), paper={"issued": date(2003, 5, 5)})
    assert codes(said, date(2022, 5, 25)) == []
    assert codes(said, date(2022, 5, 26)) == ["DOCUMENT_EXPIRED"]


@pytest.mark.parametrize(
    ("paper", "expected"),
    [
        ({}, []),
        ({"expires": date(2022, 2, 23)}, ["DOCUMENT_EXPIRED"]),
        ({"expires": None}, ["DOCUMENT_EXPIRED"]),
        ({"number": "A1"}, ["PASSPORT_NUMBER_INVALID"]),
    ],
)
def test_a_foreign_passport_is_judged(paper: dict[str, Any], expected: list[str]) -> None:
    foreign = {"kind": "FOREIGN_PASSPORT", "number": "L898902C3", "expires": date(2030, 4, 15)}
    said = clients.person(country="KZ", inn="", paper=foreign | paper)
    assert codes(said) == expected


def test_the_zone_of_the_standard_checks() -> None:
    """The specimen of ICAO Doc 9303, part 4: Anna Maria Eriksson of Utopia."""
    zone = (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
    )
    paper = {
        "kind": "FOREIGN_PASSPORT",
        "number": "L898902C3",
        "issued": date(2007, 4, 16),
        "expires": date(2012, 4, 15),
        "mrz": zone,
    }
    said = clients.person(country="UT", inn="", birth_date=date(1974, 8, 12), paper=paper)
    assert codes(said, date(2012, 4, 15)) == []
    for place in (0, 9, 14, 21, 30, 43):
        line = zone.split("\n")[1]
        other = "2" if line[place] != "2" else "3"
        forged = zone[:45] + line[:place] + other + line[place + 1 :]
        changed = dataclasses.replace(said, paper=dataclasses.replace(said.paper, mrz=forged))
        assert codes(changed, date(2012, 4, 15)) == ["MRZ_CHECK_DIGIT"], place


@pytest.mark.parametrize("zone", ["P", "P\nQ", "x" * 44 + " " + "y" * 44])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    assert codes(with_paper(mrz=zone)) == ["MRZ_MALFORMED"]


def test_the_zone_of_another_passport_disagrees() -> None:
    said = clients.with_mrz(clients.person())
    other = dataclasses.replace(said, birth_date=date(1990, 6, 16))
    assert codes(other) == ["MRZ_DISAGREES"]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (["100"], []),
        (["50", "25"], []),
        (["50", "24.999"], ["OWNERS_UNDISCLOSED"]),
        ([], ["OWNERS_UNDISCLOSED"]),
        (["60", "60"], ["SHARES_INVALID"]),
        (["0", "90"], ["SHARES_INVALID"]),
    ],
)
def test_who_owns_more_than_a_quarter_is_disclosed(shares: list[str], expected: list[str]) -> None:
    said = clients.entity(
        owners=[Owner(f"Owner {n}", date(1980, 1, 2), Decimal(s)) for n, s in enumerate(shares)]
    )
    found = identification.problems_of_entity(said, TODAY, Decimal(25))
    assert [problem.code for problem in found] == expected


def test_an_entitys_numbers_are_judged() -> None:
    said = clients.entity(inn="7707083894", ogrn="1027700132196", country="R")
    found = identification.problems_of_entity(said, TODAY, Decimal(25))
    assert [problem.code for problem in found] == ["COUNTRY_INVALID", "INN_INVALID", "OGRN_INVALID"]
