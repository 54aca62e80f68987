"""Names that are the same, names that are alike, and names that only look so."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from common import ids
from kyc.screening import Index, Listed, Subject, months_before

PETROV, VALE, FIRM = ids.new(), ids.new(), ids.new()
INDEX = Index(
    [
        Listed(PETROV, True, ["Kirsanov Yevgeniy Timurovich", "Eugene Kirsanoff"], ["1971-03-14"]),
        Listed(VALE, True, ["ABD AL-LATIF AL-VALE, Hasan"]),
        Listed(FIRM, False, ["OOO Severnyy Veter", "North Wind Trading LLC"]),
    ]
)


def found(name: str, born: date | None = None, *, is_person: bool = True) -> list[UUID]:
    return [match.party_id for match in INDEX.matches(Subject(name, is_person, born))]


@pytest.mark.parametrize(
    "name",
    [
        "Кирсанов Евгений Тимурович",
        "КИРСАНОВ ЕВГЕНИЙ ТИМУРОВИЧ",
        "Timurovich Kirsanov, Yevgeniy",
        "Kirsanov  Evgeny Timurovich",
        "Mr. Kirsanov Yevgeniy Timurovich",
        "Kirsanov Evgeniy",
        "Kirsanow Evgenij Timurowitsch",
        "Kirsanof Eugene",
        "Кирсанов Е́вгений",
    ],
)
def test_a_name_is_found_however_it_is_written(name: str) -> None:
    assert found(name) == [PETROV]


@pytest.mark.parametrize(
    "name",
    [
        "Kirsanov Boris Petrovich",
        "Kirsanova Anna",
        "Yevgeniy",
        "Petrov Yevgeniy",
        "",
        "!!!",
        "李娜",
    ],
)
def test_another_name_is_not_found(name: str) -> None:
    assert found(name) == []


def test_a_name_is_exact_whatever_its_order_and_alphabet() -> None:
    [match] = INDEX.matches(Subject("Тимурович Кирсанов Евгений", True, date(1971, 3, 14)))
    assert (match.score, match.is_exact, match.birth_agrees) == (100, True, True)
    [match] = INDEX.matches(Subject("Kirsanov Yevgeny Timurowich", True))
    assert match.birth_agrees is None


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        (None, [PETROV]),
        (date(1971, 9, 1), [PETROV]),
        (date(1973, 1, 1), [PETROV]),  # lists know many births to the year or two
        (date(1974, 1, 1), []),
        (date(1960, 1, 1), []),
    ],
)
def test_a_birth_date_narrows(born: date | None, expected: list[UUID]) -> None:
    assert found("Kirsanov Yevgeniy Timurovich", born) == expected


def test_arabic_names_are_found_in_other_spellings() -> None:
    assert found("Hassan Abdul Latif Al Vale") == [VALE]
    assert found("Hasan Abd-al-Lateef El-Vale") == [VALE]


@pytest.mark.parametrize(
    "name", ["ООО «Северный ветер»", "Severny Veter", "North Wind Trading Limited"]
)
def test_a_firm_is_found_whatever_its_form(name: str) -> None:
    assert found(name, is_person=False) == [FIRM]
    assert found(name) == []


@pytest.mark.parametrize(
    ("on", "months", "before"),
    [
        ((2022, 5, 24), 3, (2022, 2, 24)),
        ((2022, 5, 31), 3, (2022, 2, 28)),
        ((2024, 5, 31), 3, (2024, 2, 29)),
        ((2022, 3, 1), 3, (2021, 12, 1)),
        ((2022, 1, 31), 13, (2020, 12, 31)),
    ],
)
def test_months_are_the_calendars(
    on: tuple[int, int, int], months: int, before: tuple[int, int, int]
) -> None:
    assert months_before(datetime(*on, 9, tzinfo=UTC), months) == datetime(*before, 9, tzinfo=UTC)
