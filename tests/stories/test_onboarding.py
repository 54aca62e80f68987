"""How people and firms become clients, over HTTP, each step as who does it."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

import pytest
from django.http import HttpResponse

from common import models, tenancy, users
from kyc import identification, invariants
from kyc.questions import POOL
from tests.kyc import clients
from tests.ledger.books import Books
from tests.ledger.reader import Reader
from tests.licensing import licences

_numbers = itertools.count(1)


class Person(Reader):
    """Somebody with a key who also sends commands."""

    def post(self, path: str, body: Any = None, *, key: str = "", status: int = 200) -> Any:
        response = self.sent(path, body, key)
        assert response.status_code == status, response.content
        return json.loads(response.content)

    def sent(self, path: str, body: Any = None, key: str = "") -> HttpResponse:
        key = key or f"command {next(_numbers)}"
        return self.send("POST", path, {} if body is None else body, Idempotency_Key=key)


class Bank:
    """A licensed bank with a book, and its people."""

    def __init__(self, bank: models.Bank) -> None:
        licences.licensed(bank)
        clients.load_fiction(bank.jurisdiction_id)
        self.row, self.office = bank, users.job("office", bank.id)

    @functools.cached_property
    def anna(self) -> Person:
        """A client, or one who wants to be."""
        return self.somebody(users.Role.CLIENT)

    @functools.cached_property
    def clerk(self) -> Person:
        """Somebody of the back office."""
        return self.somebody(users.Role.OPERATIONS)

    @functools.cached_property
    def vera(self) -> Person:
        """A compliance officer."""
        return self.somebody(users.Role.COMPLIANCE)

    @functools.cached_property
    def oleg(self) -> Person:
        """Another one."""
        return self.somebody(users.Role.COMPLIANCE)

    @functools.cached_property
    def dealer(self) -> Person:
        """A dealer."""
        return self.somebody(users.Role.DEALER)

    def somebody(self, role: users.Role) -> Person:
        return Person(role, self.office)


@pytest.fixture
def branch(books: Books, bank: models.Bank) -> Bank:
    return Bank(bank)


@pytest.fixture(autouse=True)
def proven(bank: models.Bank, staff: users.Actor) -> Any:
    """Prove every invariant of clients when the story is over."""
    yield
    with tenancy.acting(bank.id, staff):
        assert [(rule.__name__, *each) for rule in invariants.INVARIANTS for each in rule()] == []


def application(**changed: Any) -> dict[str, Any]:
    """What a person sends who is on no list."""
    said = clients.person()
    person = {
        "surname": said.surname,
        "given_name": said.given_name,
        "patronymic": said.patronymic,
        "birth_date": "1990-06-15",
        "inn": said.inn,
        "snils": f"{said.snils[:3]}-{said.snils[3:6]}-{said.snils[6:9]} {said.snils[9:]}",
        "document": {
            "kind": "RU_PASSPORT",
            "number": f"{said.paper.number[:4]} {said.paper.number[4:]}",
            "issued": "2011-05-20",
            "department_code": "770-001",
        },
        "email": said.email,
    }
    return {"residency": "RESIDENT", "person": person | changed}


def right_letters(drawn: dict[str, Any]) -> list[dict[str, str]]:
    right = {question.code: question.choices[0] for question in POOL}
    return [
        {
            "code": asked["code"],
            "letter": next(
                each["letter"] for each in asked["choices"] if each["text"] == right[asked["code"]]
            ),
        }
        for asked in drawn["questions"]
    ]


def test_a_person_applies_passes_the_test_and_is_let_in(branch: Bank) -> None:
    anna, vera = branch.anna, branch.vera
    client = anna.post("clients", application(), status=201)
    path = f"clients/{client['id']}"
    assert (client["status"], client["masked"], client["risk"]) == ("APPLIED", True, None)
    number = identification.account_number(clients.BIC, "40817", 77)
    account = {"bic": clients.BIC, "number": number}
    assert anna.post(f"{path}/bank-accounts", account, status=201)["number"] == number

    drawn = anna.post(f"{path}/tests", status=201)
    assert [question["difficulty"] for question in drawn["questions"]] == [
        "easy",
        "medium",
        "medium",
        "hard",
    ]
    limit = anna.get(f"{path}/limit")
    assert limit == {
        "client_id": client["id"],
        "year": limit["year"],
        "limit_rub": "50000.00",
        "used_rub": "0.00",
        "left_rub": "50000.00",
        "test_missing": True,
    }
    passed = anna.post(f"tests/{drawn['id']}/answers", {"answers": right_letters(drawn)})
    assert (passed["status"], passed["correct"]) == ("PASSED", 4)

    assert vera.post(f"{path}/identify")["status"] == "IDENTIFIED"
    opened = vera.post(f"{path}/approve", {"reason": "all is well"})
    assert (opened["client"]["status"], opened["proposal_id"]) == ("OPEN", None)
    assert anna.get(path)["status"] == "OPEN"
    assert anna.get(f"{path}/limit")["limit_rub"] == "600000.00"
    [cash] = branch.clerk.get(f"accounts?owner={client['id']}")["data"]
    assert (cash["line"], cash["balance"]) == ("client_cash", "0.00")


def test_an_entity_is_let_in_without_a_test_or_a_limit(branch: Bank) -> None:
    said = clients.entity()
    entity = {
        "legal_name": said.legal_name,
        "inn": said.inn,
        "ogrn": said.ogrn,
        "owners": [
            {"name": "Аникеев Пётр", "birth_date": "1980-01-02", "share_percent": "74.5"},
            {"name": "Босых Вера", "birth_date": "1981-01-02", "share_percent": "25.5"},
        ],
    }
    body = {"residency": "RESIDENT", "entity": entity}
    client = branch.clerk.post("clients", body, status=201)
    path = f"clients/{client['id']}"
    assert client["category"] == "LEGAL_ENTITY"
    owners = branch.vera.get(path)["owners"]
    assert [owner["share_percent"] for owner in owners] == ["74.500", "25.500"]
    assert branch.vera.post(f"{path}/identify")["status"] == "IDENTIFIED"
    assert branch.vera.post(f"{path}/approve", {"reason": "fine"})["client"]["status"] == "OPEN"
    limit = branch.clerk.get(f"{path}/limit")
    assert (limit["limit_rub"], limit["left_rub"], limit["test_missing"]) == (None, None, False)
    refused = branch.clerk.post(f"{path}/tests", status=422)
    assert refused["code"] == "TEST_NOT_NEEDED"


def test_a_listed_person_is_refused_and_learns_no_more_than_that(branch: Bank) -> None:
    listed = application(
        surname="Belokrylov",
        given_name="Semyon",
        patronymic="Radimovich",
        birth_date="1985-05-05",
    )
    listed["person"]["document"]["issued"] = "2006-01-10"
    client = branch.anna.post("clients", listed, status=201)
    path = f"clients/{client['id']}"
    assert branch.vera.post(f"{path}/identify")["status"] == "IN_REVIEW"
    [hit] = branch.vera.get("screening-hits?status=OPEN")["data"]
    assert (hit["client_id"], hit["source"], hit["score"]) == (client["id"], "fictional", 100)
    for stranger in (branch.anna, branch.dealer):
        assert stranger.get("screening-hits")["data"] == []
        stranger.get(f"screening-hits/{hit['id']}", status=404)
    undecided = branch.vera.post(f"{path}/approve", {"reason": "fine"}, status=422)
    assert undecided["code"] == "HITS_UNDECIDED"
    confirmed = branch.vera.post(f"screening-hits/{hit['id']}/confirm", {"reason": "the same"})
    assert confirmed["status"] == "CONFIRMED"
    told = branch.anna.get(path)
    assert (told["status"], told["status_reason"]) == ("REFUSED", "LISTED")
    assert (told["risk"], told["risk_reasons"]) == (None, [])


def test_a_politically_exposed_person_is_let_in_by_two_officers(branch: Bank) -> None:
    client = branch.anna.post("clients", application(is_pep=True), status=201)
    path = f"clients/{client['id']}"
    shown = branch.vera.post(f"{path}/identify")
    assert (shown["status"], shown["risk"]) == ("IN_REVIEW", "HIGH")
    assert branch.vera.get(path)["risk_reasons"] == ["POLITICALLY_EXPOSED"]
    proposed = branch.vera.post(f"{path}/approve", {"reason": "source of funds shown"})
    assert proposed["client"]["status"] == "IN_REVIEW"
    approval = f"proposals/{proposed['proposal_id']}/approve"
    refused = branch.vera.sent(approval, {"reason": "fine"})
    assert json.loads(refused.content)["code"] == "MAKER_IS_CHECKER"
    assert branch.oleg.sent(approval, {"reason": "fine"}).status_code == 200
    assert branch.anna.get(path)["status"] == "OPEN"


def test_an_application_that_cannot_be_true_is_an_outcome_kept_under_its_key(branch: Bank) -> None:
    wrong = application(inn="500100732258")
    first = branch.anna.sent("clients", wrong, "once")
    again = branch.anna.sent("clients", wrong, "once")
    assert first.status_code == again.status_code == 422
    assert first.content == again.content
    told = json.loads(first.content)
    assert told["code"] == "INN_INVALID"
    assert told["errors"][0]["facts"] == {"field": "inn", "problems": ["INN_INVALID"]}
    assert branch.anna.get("clients")["data"] == []


def test_each_sees_of_a_client_what_the_work_needs(branch: Bank) -> None:
    said = application()
    client = branch.anna.post("clients", said, status=201)
    path = f"clients/{client['id']}"
    inn = said["person"]["inn"]
    for who, full in (
        (branch.anna, True),
        (branch.vera, True),
        (branch.clerk, True),
        (branch.dealer, False),
        (branch.somebody(users.Role.AUDITOR), False),
    ):
        shown = who.get(path)
        assert shown["masked"] is not full
        assert (shown["identity"]["inn"] == inn) is full
        whole = json.dumps(shown, ensure_ascii=False)
        for datum in (said["person"]["surname"], said["person"]["email"], "1990-06-15"):
            assert (datum in whole) is full
    with tenancy.acting(branch.row.pk, branch.office):  # the answer that is kept under the key
        (kept,) = models.IdempotencyKey.objects.values_list("body", flat=True)
    for datum in ("surname", "given_name", "inn", "snils", "email"):
        assert said["person"][datum] not in kept
    [found] = branch.vera.get(f"clients?inn={inn}")["data"]
    assert found["id"] == client["id"]
    assert branch.dealer.get(f"clients?inn={inn}")["data"] == []
    boris = branch.somebody(users.Role.CLIENT)
    assert boris.get("clients")["data"] == []
    for hidden in ("", "/limit", "/tests", "/bank-accounts"):
        boris.get(path + hidden, status=404)
    boris.post(f"{path}/tests", status=404)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("identify", None),
        ("approve", {"reason": "me"}),
        ("refuse", {"code": "SUSPICION", "reason": "me"}),
        ("freeze", {"code": "SUSPICION", "reason": "me"}),
        ("unfreeze", {"reason": "me"}),
        ("close", {"code": "OWN_REQUEST", "reason": "me"}),
        ("qualify", {"ground": "PROPERTY", "shown_rub": "9000000", "reason": "me"}),
        ("review", None),
        ("screen", None),
    ],
)
def test_nobody_decides_on_oneself(branch: Bank, path: str, body: Any) -> None:
    client = branch.anna.post("clients", application(), status=201)
    refused = branch.anna.sent(f"clients/{client['id']}/{path}", body)
    assert refused.status_code == 403
    assert json.loads(refused.content)["code"] == "SCOPE_MISSING"


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"surname": "Ани\u202eкеев"}, "/person/surname"),
        ({"surname": "Анике\u0007ев"}, "/person/surname"),
        ({"surname": 7}, "/person/surname"),
        ({"surname": ""}, "/person/surname"),
        ({"surname": "a" * 101}, "/person/surname"),
        ({"birth_date": "1990-02-30"}, "/person/birth_date"),
        ({"document": {"kind": "LIBRARY_CARD"}}, "/person/document/kind"),
        ({"colour": "red"}, "/person/colour"),
    ],
)
def test_what_is_malformed_is_named_and_writes_nothing(
    branch: Bank, changed: dict[str, Any], pointer: str
) -> None:
    refused = branch.anna.sent("clients", application(**changed))
    assert refused.status_code == 400, refused.content
    told = json.loads(refused.content)
    assert pointer in [each["pointer"] for each in told["errors"]]
    assert branch.anna.get("clients")["data"] == []


def test_what_is_right_in_the_test_never_leaves_the_server(branch: Bank) -> None:
    client = branch.anna.post("clients", application(), status=201)
    drawn = branch.anna.post(f"clients/{client['id']}/tests", status=201)
    letters = right_letters(drawn)
    assert set(drawn["questions"][0]) == {"code", "difficulty", "text", "choices", "chosen"}
    wrong = [
        {"code": each["code"], "letter": "b" if each["letter"] == "a" else "a"} for each in letters
    ]
    failed = branch.anna.post(f"tests/{drawn['id']}/answers", {"answers": wrong})
    assert (failed["status"], failed["correct"]) == ("FAILED", 0)
    assert set(failed["questions"][0]) == {"code", "difficulty", "text", "choices", "chosen"}
    again = branch.anna.post(f"tests/{drawn['id']}/answers", {"answers": letters}, status=409)
    assert again["code"] == "STATUS_CONFLICT"
    assert "PASSED" not in again["detail"]  # or else one could try until it is right
    unanswered = branch.anna.post(f"clients/{client['id']}/tests", status=201)
    fewer = right_letters(unanswered)[1:]
    refused = branch.anna.post(f"tests/{unanswered['id']}/answers", {"answers": fewer}, status=422)
    assert refused["code"] == "ANSWERS_INCOMPLETE"
