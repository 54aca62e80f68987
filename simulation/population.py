"""Who comes to the two banks: people and firms by seed, honest ones and others. Pure.

The first of each bank are cast for what the day has to show, so that every refusal there is has
somebody to meet it; the rest are drawn. The same seed and count give the same people.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from kyc.identification import RU_PASSPORT, Entity, Owner, Paper, Person
from simulation import identities

NORTH, VOLGA = "north", "volga"
FEWEST = 45  # with fewer, somebody of the cast would be missing
_NORTHS_SHARE = 0.6


class Habit(enum.StrEnum):
    """How somebody invests."""

    SAVER = "saver"  # the same sum now and then, never a sale
    TRADER = "trader"  # in and out all day, at the market
    PATIENT = "patient"  # names a price and waits
    FIRM = "firm"  # few and large


class Flaw(enum.StrEnum):
    """What is wrong with an applicant, or has to be looked at twice."""

    NONE = ""
    WRONG_INN = "the INN's check digits are wrong"
    WRONG_SNILS = "the SNILS's check digits are wrong"
    EXPIRED = "the passport was to be replaced long ago"
    UNDER_AGE = "under age"
    HIDDEN_OWNERS = "a large owner is not disclosed"
    LISTED = "on the list of sanctioned parties"
    NAMESAKE = "resembles somebody on the list"
    DOUBTFUL = "the photograph was replaced"
    EXPOSED = "politically exposed: two officers decide"
    WAITING = "politically exposed, and the second officer has not decided"


# What the application's own rules refuse, and nothing of it is kept but the answer.
TURNED_AWAY = frozenset(
    {Flaw.WRONG_INN, Flaw.WRONG_SNILS, Flaw.EXPIRED, Flaw.UNDER_AGE, Flaw.HIDDEN_OWNERS}
)
REFUSED = frozenset({Flaw.LISTED, Flaw.DOUBTFUL})


@dataclasses.dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who applies: what they say, what they bring, how they will behave.

    `passes_test` None: does not sit it. `shown_rub` makes a qualified investor. `part` is the
    part in the day's story, empty for those who just trade.
    """

    number: int
    bank: str
    said: Person | Entity
    account: str
    residency: str
    roubles: Decimal
    habit: Habit
    flaw: Flaw = Flaw.NONE
    passes_test: bool | None = None
    shown_rub: Decimal | None = None
    part: str = ""

    @property
    def username(self) -> str:
        """The name of the log-in that holds the client's key."""
        return f"client{self.number:04}"

    @property
    def is_firm(self) -> bool:
        """Whether it is a legal entity."""
        return isinstance(self.said, Entity)

    @property
    def comes_in(self) -> bool:
        """Whether the bank opens the client."""
        return self.flaw not in TURNED_AWAY | REFUSED | {Flaw.WAITING}


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """What is fixed of somebody who is cast."""

    name: str
    kind: str = "tested"
    flaw: Flaw = Flaw.NONE
    roubles: int = 0
    is_resident: bool = True


# kind: tested, untested, failed, qualified, firm
_CAST: Mapping[str, tuple[_Part, ...]] = MappingProxyType({
    NORTH: (
        _Part("anna", roubles=500_000),
        _Part("untested", "untested", roubles=200_000),
        _Part("failed", "failed", roubles=200_000),
        _Part("limit", roubles=900_000),
        _Part("frozen", roubles=300_000),
        _Part("rich", "qualified", roubles=12_000_000),
        _Part("greedy", "firm", roubles=60_000_000),
        _Part("pays_out", "firm", roubles=9_000_000),
        _Part("busted", roubles=250_000),
        _Part("abroad", roubles=400_000, is_resident=False),
        _Part("waiting", flaw=Flaw.WAITING),
        _Part("exposed", flaw=Flaw.EXPOSED, roubles=300_000),
        _Part("listed", flaw=Flaw.LISTED),
        _Part("namesake", flaw=Flaw.NAMESAKE, roubles=150_000),
        _Part("doubtful", flaw=Flaw.DOUBTFUL),
        _Part("wrong_inn", flaw=Flaw.WRONG_INN),
        _Part("wrong_snils", flaw=Flaw.WRONG_SNILS),
        _Part("expired", flaw=Flaw.EXPIRED),
        _Part("child", flaw=Flaw.UNDER_AGE),
        _Part("hidden", "firm", flaw=Flaw.HIDDEN_OWNERS),
    ),
    VOLGA: (
        _Part("early", roubles=300_000),
        _Part("firm", "firm", roubles=5_000_000),
        _Part("late", roubles=400_000),
    ),
})  # fmt: skip

_SURNAMES = (
    "Абрамов", "Бирюков", "Вершинин", "Голубев", "Дьяков", "Ермилов", "Жданов", "Зимин", "Ильин",
    "Карпов", "Ларин", "Моисеев", "Носов", "Осипов", "Панкратов", "Рогов", "Сафонов", "Титов",
    "Усов", "Фомин", "Харитонов", "Цветков", "Чернов", "Шубин", "Щукин", "Юдин", "Яковлев",
)  # fmt: skip
_GIVEN = ("Артём", "Борис", "Глеб", "Денис", "Илья", "Кирилл", "Максим", "Никита", "Павел", "Юрий")
_FATHERS = ("Андреевич", "Викторович", "Ильич", "Львович", "Олегович", "Петрович", "Сергеевич")
_TOWNS = ("Вологда", "Казань", "Москва", "Пермь", "Самара", "Тверь", "Томск", "Уфа")
# As on the list that ships, which names nobody real.
_LISTED_NAME, _LISTED_BORN = ("Варламов", "Евгений", "Градиславович"), date(1971, 3, 14)
_RESEMBLED_NAME = ("Drakenholt", "Sigrun", "Valborg")  # whose birth the list does not know

_TRADES = ("Берег", "Вектор", "Горизонт", "Исток", "Компас", "Меридиан", "Парус", "Тракт")


def applicants(seed: int, count: int, on: date) -> list[Applicant]:
    """Return who applies to the two banks, `on` being the day they do."""
    assert count >= FEWEST, count
    chance = random.Random(f"people/{seed}")  # noqa: S311  (a simulation)
    norths = math.ceil(count * _NORTHS_SHARE)
    places = [(NORTH, place) for place in range(norths)]
    places += [(VOLGA, place) for place in range(count - norths)]
    return [
        _applicant(chance, number, bank, place, on)
        for number, (bank, place) in enumerate(places, 1)
    ]


def _applicant(chance: random.Random, number: int, bank: str, place: int, on: date) -> Applicant:
    cast = _CAST[bank]
    part = cast[place] if place < len(cast) else _drawn(chance, bank)
    if part.kind == "firm":
        habit = Habit.FIRM
    else:
        habit = chance.choices(
            (Habit.TRADER, Habit.PATIENT, Habit.SAVER), weights=(55, 25, 20)
        )[0]  # fmt: skip
    said = (
        _firm(chance, number, part, on)
        if part.kind == "firm"
        else _person(chance, part, number, on)
    )
    return Applicant(
        number=number,
        bank=bank,
        said=said,
        account=identities.account(10_000 + number, of_firm=part.kind == "firm"),
        residency="RESIDENT" if part.is_resident else "NON_RESIDENT",
        roubles=Decimal(part.roubles or _roubles(chance, part.kind)),
        habit=habit,
        flaw=part.flaw,
        passes_test={"tested": True, "failed": False}.get(part.kind),
        shown_rub=Decimal(chance.randrange(6, 40) * 1_000_000)
        if part.kind == "qualified"
        else None,
        part=part.name,
    )


def _drawn(chance: random.Random, bank: str) -> _Part:
    kinds = {"tested": 62, "untested": 14, "failed": 6, "qualified": 8}
    kinds |= {"firm": 10} if bank == NORTH else {"firm": 3}
    kind = chance.choices(list(kinds), weights=list(kinds.values()))[0]
    if kind == "firm":
        flaw = chance.choices((Flaw.NONE, Flaw.HIDDEN_OWNERS), weights=(95, 5))[0]
    else:
        flaws = {Flaw.NONE: 90, Flaw.WRONG_INN: 2, Flaw.WRONG_SNILS: 1, Flaw.EXPIRED: 2}
        flaws |= {Flaw.UNDER_AGE: 1, Flaw.EXPOSED: 2, Flaw.DOUBTFUL: 2}
        flaw = chance.choices(list(flaws), weights=list(flaws.values()))[0]
    return _Part("", kind, flaw, is_resident=chance.random() > 0.04)


def _roubles(chance: random.Random, kind: str) -> int:
    """Return what somebody pays in: incomes are log-normal, in whole thousands."""
    middle = {"qualified": 4_000_000, "firm": 6_000_000, "untested": 60_000, "failed": 60_000}
    drawn = chance.lognormvariate(math.log(middle.get(kind, 220_000)), 0.6)
    return max(round(drawn / 1_000) * 1_000, 5_000)


def _person(chance: random.Random, part: _Part, number: int, on: date) -> Person:
    born, issued = _dates(chance, part.flaw, on)
    serial = chance.randrange(10**7, 10**8)
    inn, snils = identities.persons_inn(serial), identities.snils(serial)
    surname, given_name, patronymic = _names(chance, part.flaw)
    return Person(
        surname=surname,
        given_name=given_name,
        patronymic=patronymic,
        birth_date=born,
        birth_place=chance.choice(_TOWNS),
        inn=identities.misspelt(inn) if part.flaw is Flaw.WRONG_INN else inn,
        snils=identities.misspelt(snils) if part.flaw is Flaw.WRONG_SNILS else snils,
        address=f"{chance.choice(_TOWNS)}, Мира {chance.randrange(1, 200)}",
        phone=f"+7900{chance.randrange(10**6, 10**7)}",
        email=f"client{number}@example.org",
        is_pep=part.flaw in (Flaw.EXPOSED, Flaw.WAITING),
        paper=Paper(RU_PASSPORT, f"45{serial:08}", issued, "770-001"),
    )


def _dates(chance: random.Random, flaw: Flaw, on: date) -> tuple[date, date]:
    """Return when somebody was born, and when the passport was issued: at 14, at 20 or at 45."""
    if flaw is Flaw.LISTED:
        return _LISTED_BORN, _after(_LISTED_BORN, 45)
    if flaw is Flaw.UNDER_AGE:
        age, issued_at = 16, 14
    elif flaw is Flaw.EXPIRED:
        age, issued_at = chance.randrange(25, 37), 14
    else:
        age, issued_at = chance.choice(
            ((chance.randrange(21, 44), 20), (chance.randrange(47, 67), 45))
        )
    born = on - timedelta(days=round(age * 365.25) + chance.randrange(30, 330))
    return born, _after(born, issued_at)


def _after(born: date, age: int) -> date:
    """Return a day a month or so after a birthday, when the papers are ready."""
    return born + timedelta(days=round(age * 365.25) + 40)


def _names(chance: random.Random, flaw: Flaw = Flaw.NONE) -> tuple[str, str, str]:
    drawn = chance.choice(_SURNAMES), chance.choice(_GIVEN), chance.choice(_FATHERS)
    return {Flaw.LISTED: _LISTED_NAME, Flaw.NAMESAKE: _RESEMBLED_NAME}.get(flaw, drawn)


def _firm(chance: random.Random, number: int, part: _Part, on: date) -> Entity:
    serial = chance.randrange(10**6, 10**7)
    shares = list(_shares(chance, hidden=part.flaw is Flaw.HIDDEN_OWNERS))
    return Entity(
        legal_name=f"ООО {chance.choice(_TRADES)}-{number}",
        inn=identities.firms_inn(serial),
        ogrn=identities.ogrn(serial),
        owners=[
            Owner(" ".join(_names(chance)), on - timedelta(days=365 * age), Decimal(share))
            for share, age in shares
        ],
        address=f"{chance.choice(_TOWNS)}, Речная {chance.randrange(1, 200)}",
    )


def _shares(chance: random.Random, *, hidden: bool) -> Iterator[tuple[int, int]]:
    """Give each owner's share in percent, and age; a hidden owner leaves a half to nobody."""
    first = 50 if hidden else chance.choice((60, 75, 100))
    yield first, chance.randrange(30, 60)
    if first < 100 and not hidden:
        yield 100 - first, chance.randrange(30, 60)
