"""How an applicant becomes a client, or does not: each step over HTTP by who does it."""

from __future__ import annotations

import dataclasses
from typing import Any

from kyc.identification import Entity, Person
from kyc.questions import POOL
from simulation import identities
from simulation.house import Bank, House
from simulation.population import REFUSED, TURNED_AWAY, Applicant, Flaw

_RIGHT = {question.code: question.choices[0] for question in POOL}


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A client as the bank names it, and the client's own account in another bank."""

    client: str
    account: str


def come(house: House, bank: Bank, person: Applicant) -> Known | None:
    """Let somebody apply, and the bank decide; None for whom the application turns away."""
    own, key = bank.clients[person.number], f"{house.stem}/{person.number}"
    sent = own.post("clients", _application(person), key=f"{key}/apply")
    if person.flaw in TURNED_AWAY:
        assert sent.codes, person
        return None
    client = sent.done()["id"]
    account = {"bic": identities.BIC, "number": person.account, "bank_name": "Another bank"}
    known = own.post(f"clients/{client}/bank-accounts", account, key=f"{key}/account").done()
    _judge(bank, person, client, key)
    return Known(client, known["id"])


def _judge(bank: Bank, person: Applicant, client: str, key: str) -> None:
    officer, path = bank.staff["compliance"], f"clients/{client}"
    officer.post(f"{path}/identify", key=f"{key}/identify").done()
    if person.flaw in (Flaw.LISTED, Flaw.NAMESAKE):
        _judge_likeness(bank, person, client, key)
    if person.flaw is Flaw.DOUBTFUL:
        said = {"code": "PAPERS_DOUBTFUL", "reason": "The photograph was replaced."}
        officer.post(f"{path}/refuse", said, key=f"{key}/refuse").done()
    if person.flaw in REFUSED:
        return
    if person.shown_rub is not None:
        shown = {"ground": "PROPERTY", "shown_rub": f"{person.shown_rub:.2f}"}
        said = shown | {"reason": "A broker's statement."}
        officer.post(f"{path}/qualify", said, key=f"{key}/qualify").done()
    if person.passes_test is not None:
        _sit_test(bank, person, client, key)
    reason = {"reason": "All is well."}
    proposed = officer.post(f"{path}/approve", reason, key=f"{key}/approve").done()["proposal_id"]
    if proposed is not None and person.flaw is not Flaw.WAITING:
        approval = f"proposals/{proposed}/approve"
        bank.staff["second"].post(approval, reason, key=f"{key}/second").done()


def _judge_likeness(bank: Bank, person: Applicant, client: str, key: str) -> None:
    officer = bank.staff["compliance"]
    for hit in officer.get(f"screening-hits?client={client}")["data"]:
        verdict = "confirm" if person.flaw is Flaw.LISTED else "dismiss"
        reason = {"reason": "Compared with the papers."}
        officer.post(f"screening-hits/{hit['id']}/{verdict}", reason, key=f"{key}/hit").done()


def _sit_test(bank: Bank, person: Applicant, client: str, key: str) -> None:
    """Answer the test as somebody who knows, or who takes the first wrong choice of each."""
    own = bank.clients[person.number]
    drawn = own.post(f"clients/{client}/tests", key=f"{key}/test").done()
    answers = [
        {"code": question["code"], "letter": _letter(question, is_right=bool(person.passes_test))}
        for question in drawn["questions"]
    ]
    own.post(f"tests/{drawn['id']}/answers", {"answers": answers}, key=f"{key}/answers").done()


def _letter(question: dict[str, Any], *, is_right: bool) -> str:
    right = _RIGHT[question["code"]]
    return next(
        str(choice["letter"])
        for choice in question["choices"]
        if (choice["text"] == right) == is_right
    )


def _application(person: Applicant) -> dict[str, Any]:
    said = person.said
    told = _person(said) if isinstance(said, Person) else _entity(said)
    return {"residency": person.residency, **told}


def _person(said: Person) -> dict[str, Any]:
    paper = said.paper
    document = {
        "kind": paper.kind,
        "number": paper.number,
        "issued": paper.issued.isoformat(),
        "department_code": paper.department_code,
    }
    names = ("surname", "given_name", "patronymic", "birth_place", "inn", "snils", "address")
    told: dict[str, Any] = {name: getattr(said, name) for name in (*names, "phone", "email")}
    told |= {"birth_date": said.birth_date.isoformat(), "is_pep": said.is_pep}
    return {"person": told | {"document": document}}


def _entity(said: Entity) -> dict[str, Any]:
    owners = [
        {
            "name": owner.name,
            "birth_date": owner.birth_date.isoformat(),
            "share_percent": f"{owner.share_percent:f}",
        }
        for owner in said.owners
    ]
    told = {name: getattr(said, name) for name in ("legal_name", "inn", "ogrn", "address")}
    return {"entity": told | {"owners": owners}}
