"""Whether what a client says of oneself can be true: check digits, forms of papers, ages, shares.

Pure: values in, problems out, in a fixed order. Whether it is true is for an officer to see.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from stdnum.ru import inn as stdnum_inn

FULL_AGE = 18
PASSPORT_AGE = 14
FIRST_PASSPORTS = date(1997, 10, 1)  # the internal passport of today's form (decree 828 of 1997)
REPLACED_AT = (20, 45)  # ages
GRACE = timedelta(days=90)  # after the birthday at which it is to be replaced (decree 1205 of 2021)

RU_PASSPORT, FOREIGN_PASSPORT = "RU_PASSPORT", "FOREIGN_PASSPORT"


@dataclasses.dataclass(frozen=True, slots=True)
class Paper:
    """A passport. `number` is series and number together; `expires` is a foreign one's last day."""

    kind: str
    number: str
    issued: date
    department_code: str = ""
    expires: date | None = None
    mrz: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """A natural person as the application says; `country` is of citizenship, two letters."""

    surname: str
    given_name: str
    birth_date: date
    paper: Paper
    country: str = "RU"
    patronymic: str = ""
    birth_place: str = ""
    inn: str = ""
    snils: str = ""
    ogrnip: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    is_pep: bool = False

    @property
    def full_name(self) -> str:
        """Surname, given name and patronymic."""
        return " ".join(filter(None, (self.surname, self.given_name, self.patronymic)))


@dataclasses.dataclass(frozen=True, slots=True)
class Owner:
    """A person who holds a share of an entity, in percent."""

    name: str
    birth_date: date
    share_percent: Decimal
    country: str = "RU"
    is_pep: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Entity:
    """A legal entity as the application says, with the owners that it discloses."""

    legal_name: str
    inn: str
    ogrn: str
    owners: Sequence[Owner]
    country: str = "RU"
    address: str = ""
    phone: str = ""
    email: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A rule that an application breaks, and the field that breaks it."""

    code: str
    field: str


def problems_of_person(person: Person, on: date) -> list[Problem]:
    """Return what cannot be true of a person on a day, in order of precedence.

    BIRTH_DATE_INVALID, CLIENT_UNDER_AGE, COUNTRY_INVALID, DOCUMENT_NOT_OF_COUNTRY, INN_REQUIRED (a
    citizen's), INN_INVALID, SNILS_INVALID, OGRN_INVALID; then the paper's, as `problems_of_paper`.
    """
    return [*_problems_of_person(person, on), *problems_of_paper(person, on)]


def problems_of_paper(person: Person, on: date) -> list[Problem]:
    """Return what cannot be true of a person's passport.

    PASSPORT_NUMBER_INVALID, DEPARTMENT_CODE_INVALID, ISSUE_DATE_INVALID, DOCUMENT_EXPIRED,
    MRZ_MALFORMED, MRZ_CHECK_DIGIT, MRZ_DISAGREES.
    """
    paper = person.paper
    check = _problems_of_ru if paper.kind == RU_PASSPORT else _problems_of_foreign
    found = list(check(person, on))
    if paper.mrz:
        found += _problems_of_mrz(person)
    return found


def problems_of_entity(entity: Entity, on: date, owner_percent: Decimal) -> list[Problem]:
    """Return what cannot be true of an entity; who owns more than `owner_percent` is disclosed.

    COUNTRY_INVALID, INN_INVALID, OGRN_INVALID, SHARES_INVALID, BIRTH_DATE_INVALID,
    OWNERS_UNDISCLOSED (another such owner would fit into what the disclosed shares leave).
    """
    return list(_problems_of_entity(entity, on, owner_percent))


def problems_of_account(bic: str, number: str) -> list[Problem]:
    """Return what is wrong with a rouble account: BIC_INVALID, ACCOUNT_NUMBER_INVALID.

    Source: the Bank of Russia's order of account keys (515 of 1997-09-08).
    """
    if not re.fullmatch("04[0-9]{7}", bic) or bic[-3:] in ("000", "001", "002"):
        return [Problem("BIC_INVALID", "bic")]
    if not re.fullmatch("[0-9]{20}", number) or number[5:8] != "810" or _key_sum(bic, number):
        return [Problem("ACCOUNT_NUMBER_INVALID", "number")]
    return []


def account_number(bic: str, balance_account: str, serial: int) -> str:
    """Return a rouble account's number with its key for a bank; `serial` is its last 11 digits."""
    keyless = f"{balance_account}8100{serial:011}"
    return next(
        number
        for key in range(10)
        if _key_sum(bic, number := f"{keyless[:8]}{key}{keyless[9:]}") == 0
    )


def is_inn(text: str, digits: int) -> bool:
    """Say whether a taxpayer's number has so many digits (10 entity, 12 person) and its keys."""
    return bool(re.fullmatch(f"(?!00)[0-9]{{{digits}}}", text)) and stdnum_inn.is_valid(text)


def is_ogrn(text: str, digits: int) -> bool:
    """Say whether a register number has so many digits (13 entity, 15 sole trader) and its key."""
    if not re.fullmatch(f"[1-9][0-9]{{{digits - 1}}}", text):
        return False
    # Not by stdnum: it takes a sole trader's remainder of 10 to 12 for two digits.
    return int(text[:-1]) % (digits - 2) % 10 == int(text[-1])


def is_snils(text: str) -> bool:
    """Say whether an insurance number of 11 digits has its key; the first million have none."""
    if not re.fullmatch("[0-9]{11}", text):
        return False
    number, key = text[:9], int(text[9:])
    if number <= "001001998":
        return number > "000000000"
    summed = sum(int(digit) * weight for digit, weight in zip(number, range(9, 0, -1), strict=True))
    return summed % 101 % 100 == key


def digits_of(text: str) -> str:
    """Return a number without the blanks and dashes that people write it with."""
    return re.sub("[ -]", "", text)


def birthday(born: date, age: int) -> date:
    """Return the day somebody reaches an age; who was born on 29 February does so on 1 March.

    Beyond the calendar's end, its last day.
    """
    if born.year + age > date.max.year:
        return date.max
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def passport_last_day(born: date, issued: date) -> date | None:
    """Return the last day of an internal passport, None if it lasts for life."""
    for age in REPLACED_AT:
        turned = birthday(born, age)
        if issued < turned:
            return turned + GRACE
    return None


# --- A person ------------------------------------------------------------------------------------


def _problems_of_person(person: Person, on: date) -> Iterator[Problem]:
    if not date(1900, 1, 1) <= person.birth_date <= on:
        yield Problem("BIRTH_DATE_INVALID", "birth_date")
    elif birthday(person.birth_date, FULL_AGE) > on:
        yield Problem("CLIENT_UNDER_AGE", "birth_date")
    yield from _problem_of_country(person.country)
    if (person.paper.kind == RU_PASSPORT) != (person.country == "RU"):
        yield Problem("DOCUMENT_NOT_OF_COUNTRY", "document/kind")
    if not person.inn and person.country == "RU":
        yield Problem("INN_REQUIRED", "inn")
    if person.inn and not is_inn(person.inn, 12):
        yield Problem("INN_INVALID", "inn")
    if person.snils and not is_snils(person.snils):
        yield Problem("SNILS_INVALID", "snils")
    if person.ogrnip and not is_ogrn(person.ogrnip, 15):
        yield Problem("OGRN_INVALID", "ogrnip")


def _problem_of_country(country: str, field: str = "country") -> Iterator[Problem]:
    if not re.fullmatch("[A-Z]{2}", country):
        yield Problem("COUNTRY_INVALID", field)


def _problems_of_ru(person: Person, on: date) -> Iterator[Problem]:
    paper, born = person.paper, person.birth_date
    if not re.fullmatch("(?!00)[0-9]{4}(?!000000)[0-9]{6}", paper.number):
        yield Problem("PASSPORT_NUMBER_INVALID", "document/number")
    if not re.fullmatch("(?!00)[0-9]{2}[0-3]-[0-9]{3}", paper.department_code):
        yield Problem("DEPARTMENT_CODE_INVALID", "document/department_code")
    first = max(FIRST_PASSPORTS, birthday(born, PASSPORT_AGE))
    if not first <= paper.issued <= on:
        yield Problem("ISSUE_DATE_INVALID", "document/issued")
        return
    last = passport_last_day(born, paper.issued)
    if last is not None and last < on:
        yield Problem("DOCUMENT_EXPIRED", "document/issued")


def _problems_of_foreign(person: Person, on: date) -> Iterator[Problem]:
    paper = person.paper
    if not re.fullmatch("[A-Z0-9]{5,12}", paper.number):
        yield Problem("PASSPORT_NUMBER_INVALID", "document/number")
    if not person.birth_date <= paper.issued <= on:
        yield Problem("ISSUE_DATE_INVALID", "document/issued")
    if paper.expires is None or paper.expires < on:
        yield Problem("DOCUMENT_EXPIRED", "document/expires")


# --- The machine-readable zone -------------------------------------------------------------------

_TD3 = re.compile("[A-Z0-9<]{44}")
_WEIGHTS = (7, 3, 1)


def mrz_check_digit(text: str) -> int:
    """Return the check digit of a part of the zone.

    Source: ICAO Doc 9303, part 3, 4.9.
    """
    values = (0 if character == "<" else int(character, 36) for character in text)
    return sum(value * _WEIGHTS[place % 3] for place, value in enumerate(values)) % 10


def _problems_of_mrz(person: Person) -> Iterator[Problem]:
    """Check the two lines of 44 of a passport; an internal one keeps part of its number apart."""
    lines = person.paper.mrz.split()
    if len(lines) != 2 or not all(_TD3.fullmatch(line) for line in lines) or lines[0][0] != "P":
        yield Problem("MRZ_MALFORMED", "document/mrz")
        return
    line = lines[1]
    checked = (
        (line[0:9], line[9]),
        (line[13:19], line[19]),
        (line[21:27], line[27]),
        (line[28:42], line[42]),
        (line[0:10] + line[13:20] + line[21:43], line[43]),
    )
    for part, digit in checked:
        # An empty part may have a filler for its digit.
        empty = not part.strip("<") and digit == "<"
        if not empty and digit != str(mrz_check_digit(part)):
            yield Problem("MRZ_CHECK_DIGIT", "document/mrz")
            return
    if _of_mrz(line, person.paper.kind) != _of_paper(person):
        yield Problem("MRZ_DISAGREES", "document/mrz")


def _of_mrz(line: str, kind: str) -> tuple[str, str, str]:
    """Return number, birth date and the day that is on the paper: of issue, or of expiry."""
    if kind == RU_PASSPORT:
        # The series' fourth digit, the issue date and the department's code are in the last part.
        number = line[0:3] + line[28] + line[3:9]
        return number, line[13:19], line[29:35] + line[35:41]
    return line[0:9].rstrip("<"), line[13:19], line[21:27]


def _of_paper(person: Person) -> tuple[str, str, str]:
    paper, born = person.paper, f"{person.birth_date:%y%m%d}"
    if paper.kind == RU_PASSPORT:
        return paper.number, born, f"{paper.issued:%y%m%d}" + digits_of(paper.department_code)
    return paper.number, born, f"{paper.expires:%y%m%d}" if paper.expires else ""


# --- An entity, an account -----------------------------------------------------------------------


def _problems_of_entity(entity: Entity, on: date, owner_percent: Decimal) -> Iterator[Problem]:
    yield from _problem_of_country(entity.country)
    if not is_inn(entity.inn, 10):
        yield Problem("INN_INVALID", "inn")
    if not is_ogrn(entity.ogrn, 13):
        yield Problem("OGRN_INVALID", "ogrn")
    shares = [owner.share_percent for owner in entity.owners]
    disclosed = sum(shares, Decimal(0))
    if any(not 0 < share <= 100 for share in shares) or disclosed > 100:
        yield Problem("SHARES_INVALID", "owners")
    for place, owner in enumerate(entity.owners):
        yield from _problem_of_country(owner.country, f"owners/{place}/country")
        if not date(1900, 1, 1) <= owner.birth_date <= on:
            yield Problem("BIRTH_DATE_INVALID", f"owners/{place}/birth_date")
    if 100 - disclosed > owner_percent:
        yield Problem("OWNERS_UNDISCLOSED", "owners")


def _key_sum(bic: str, number: str) -> int:
    """Return the weighted sum of a bank's last three digits and an account's number, modulo 10."""
    digits = (int(digit) for digit in bic[-3:] + number)
    weighted = (digit * (7, 1, 3)[place % 3] for place, digit in enumerate(digits))
    return sum(weighted) % 10
