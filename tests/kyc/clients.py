"""Clients as tests want them: applications that can be true, and open clients in one line."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from common import models, tenancy, users
from kyc import identification, operations, suitability
from kyc.identification import Entity, Owner, Paper, Person
from kyc.models import Attempt, Client, WatchList
from kyc.questions import POOL
from simulation.lists import FictionalList
from tests.licensing import licences

AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
BIC = "044525225"
_numbers = itertools.count(1)
_SURNAMES = ("Аникеев", "Босых", "Вяткин", "Гущин", "Дроздов", "Ерёмин", "Жуков", "Зорин")


def person(**changed: Any) -> Person:
    """Return somebody fresh of 31 years with a passport that is good; `changed` changes it."""
    number = next(_numbers)
    paper: dict[str, Any] = {
        "kind": "RU_PASSPORT",
        "number": f"4510{number:06}",
        "issued": date(2011, 5, 20),
        "department_code": "770-001",
    }
    paper |= changed.pop("paper", {})
    said: dict[str, Any] = {
        "surname": _SURNAMES[number % len(_SURNAMES)],
        "given_name": "Пётр",
        "patronymic": "Львович",
        "birth_date": date(1990, 6, 15),
        "birth_place": "Вологда",
        "inn": inn(f"35{number:08}"),
        "snils": snils(f"1{number:08}"),
        "address": "Вологда, Мира 1",
        "phone": f"+7921{number:07}",
        "email": f"client{number}@example.org",
    }
    return Person(**(said | changed), paper=Paper(**paper))


def entity(**changed: Any) -> Entity:
    """Return a fresh firm that one person owns; `changed` changes it."""
    number = next(_numbers)
    said: dict[str, Any] = {
        "legal_name": f"ООО Ромашка-{number}",
        "inn": inn(f"77{number:07}"),
        "ogrn": ogrn(f"10277{number:07}"),
        "owners": [Owner("Аникеев Пётр Львович", date(1980, 1, 2), Decimal(100))],
        "address": "Москва, Арбат 1",
    }
    return Entity(**(said | changed))


def inn(body: str) -> str:
    """Return a taxpayer's number with its keys after 9 (an entity's) or 10 digits."""
    for key in range(10 ** (1 if len(body) == 9 else 2)):
        number = f"{body}{key:0{1 if len(body) == 9 else 2}}"
        if identification.is_inn(number, len(number)):
            return number
    raise AssertionError(body)


def snils(body: str) -> str:
    """Return an insurance number with its key after 9 digits."""
    return next(n for key in range(101) if identification.is_snils(n := f"{body}{key:02}"))


def ogrn(body: str) -> str:
    """Return a register number with its key after 12 or 14 digits."""
    digits = len(body) + 1
    return next(n for key in range(10) if identification.is_ogrn(n := f"{body}{key}", digits))


def load_fiction(jurisdiction_id: Any) -> None:
    """Have the fictional list in the jurisdiction, loaded once."""
    with tenancy.acting(None, users.supervisor_of(jurisdiction_id)):
        if not WatchList.objects.exists():
            operations.load_list(source="fictional", parties=FictionalList().parties(), at=AT)


def right_answers(attempt: Attempt) -> Mapping[str, str]:
    """Return the letters of what is right in a drawn test."""
    right = {question.code: question.choices[0] for question in POOL}
    return {
        shown.code: next(k for k, text in shown.choices.items() if text == right[shown.code])
        for shown in suitability.show(attempt.seed, attempt.questions)
    }


def wrong_answers(attempt: Attempt) -> Mapping[str, str]:
    """Return letters that are all wrong."""
    right = right_answers(attempt)
    return {code: "b" if letter == "a" else "a" for code, letter in right.items()}


def apply(
    bank: models.Bank,
    said: Person | Entity | None = None,
    *,
    residency: str = "RESIDENT",
    user: models.User | None = None,
) -> Client:
    """Return a client who has applied."""
    licences.under(bank.jurisdiction_id, assets=())
    said = said or person()
    user_id = user.pk if user else None
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        if isinstance(said, Person):
            return operations.apply_as_person(
                person=said, residency=residency, user_id=user_id, at=AT
            )
        return operations.apply_as_entity(entity=said, residency=residency, user_id=user_id, at=AT)


def identify(bank: models.Bank, said: Person | Entity | None = None, **named: Any) -> Client:
    """Return a client whose papers the bank has seen, screened and rated."""
    load_fiction(bank.jurisdiction_id)
    client = apply(bank, said, **named)
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        return operations.identify_client(client_id=client.pk, at=AT)


def open_client(
    bank: models.Bank,
    *,
    category: str = "NON_QUALIFIED",
    tested: bool = True,
    kind: str = "PERSON",
    residency: str = "RESIDENT",
    user: models.User | None = None,
) -> Client:
    """Return an open client of the bank, with a bank account of one's own on file."""
    said = person() if kind == "PERSON" else entity()
    client = identify(bank, said, residency=residency, user=user)
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        if kind == "PERSON" and category == "QUALIFIED":
            operations.qualify_client(
                client_id=client.pk,
                ground="PROPERTY",
                shown_rub=Decimal(50_000_000),
                reason="statements seen",
                at=AT,
            )
        if kind == "PERSON" and tested:
            attempt = operations.draw_test(client_id=client.pk, at=AT)
            operations.answer_test(attempt_id=attempt.pk, answers=right_answers(attempt), at=AT)
        operations.approve_client(client_id=client.pk, reason="all is well", at=AT)
        add_account(client)
        return Client.objects.get(pk=client.pk)


def move_in(bank: models.Bank, user: models.User) -> None:
    """Write a row of every table of clients, and one to spare in those that others point at."""
    open_client(bank, category="QUALIFIED", user=user)
    owners = [
        Owner("Semyon Belokrylov", date(1985, 5, 5), Decimal(60)),
        Owner("Аникеев Пётр Львович", date(1980, 1, 2), Decimal(40)),
    ]
    identify(bank, entity(owners=owners))
    exposed = identify(bank, person(is_pep=True))
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        Client.objects.create(
            bank=bank,
            kind="PERSON",
            category="NON_QUALIFIED",
            residency="RESIDENT",
            applied_at=AT,
        )
        operations.approve_client(client_id=exposed.pk, reason="funds shown", at=AT)


def add_account(client: Client) -> str:
    """Put an account of the client's own in another bank on file, inside `acting`."""
    number = identification.account_number(BIC, "40817", next(_numbers))
    account = operations.add_bank_account(
        client_id=client.pk, bic=BIC, number=number, bank_name="Сбербанк", at=AT
    )
    return account.number


def with_mrz(said: Person) -> Person:
    """Return a person whose passport has the machine-readable zone that fits it."""
    paper = said.paper
    issued, code = f"{paper.issued:%y%m%d}", paper.department_code.replace("-", "")
    parts = [
        paper.number[:3] + paper.number[4:],
        "RUS",
        f"{said.birth_date:%y%m%d}",
        "M<<<<<<<",
        paper.number[3] + issued + code + "<",
    ]
    digit = identification.mrz_check_digit
    number, state, born, sex, rest = parts
    line = f"{number}{digit(number)}{state}{born}{digit(born)}{sex}{rest}{digit(rest)}"
    line += str(digit(line[0:10] + line[13:20] + line[21:43]))
    names = f"PNRUS{'ANIKEEV<<PETR<LVOVI3':<39}".replace(" ", "<")
    return dataclasses.replace(said, paper=dataclasses.replace(paper, mrz=f"{names}\n{line}"))
