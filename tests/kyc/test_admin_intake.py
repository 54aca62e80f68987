"""What staff enter in the admin: applications, papers, accounts, the test, what qualifies."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser

from common import models, tenancy, users
from kyc import operations, queries
from kyc.identification import Entity, Owner, Person
from kyc.models import Application, Attempt, BankAccount, Client, Identity, Qualification
from kyc.refusals import WORDS
from tests.kyc import clients
from tests.kyc.conftest import Login
from tests.kyc.test_admin import done, listed, opened, submitted, url

Inside = Callable[[], Any]
CLERK, OFFICER = users.Role.OPERATIONS, users.Role.COMPLIANCE
ACCOUNT = {"bic": clients.BIC, "number": "40817810300029000000", "bank_name": "Сбербанк"}
SHOWN = {"ground": "PROPERTY", "shown_rub": "50000000.00", "reason": "A broker's statement."}
PASSPORT = {
    "document_kind": "RU_PASSPORT",
    "document_number": "4511 654321",
    "document_issued": "2012-03-07",
    "document_department_code": "770-001",
}
_ON_CLIENT: dict[str, Mapping[str, str]] = {
    "replace_document": PASSPORT,
    "add_account": ACCOUNT,
    "draw_test": {},
    "qualify": SHOWN,
}


def of_person(person: Person) -> dict[str, str]:
    """Return a person's application as it is typed."""
    typed = {
        f"person_{name}": str(getattr(person, name))
        for name in ("surname", "given_name", "patronymic", "birth_date", "inn", "snils", "email")
    }
    return typed | {
        "residency": "RESIDENT",
        "person_document_kind": "RU_PASSPORT",
        "person_document_number": f"{person.paper.number[:4]} {person.paper.number[4:]}",
        "person_document_issued": str(person.paper.issued),
        "person_document_department_code": person.paper.department_code,
    }


def of_entity(entity: Entity) -> dict[str, str]:
    """Return a firm's application as it is typed, with its owners."""
    typed = {f"entity_{name}": getattr(entity, name) for name in ("legal_name", "inn", "ogrn")}
    for place, owner in enumerate(entity.owners):
        typed |= {
            f"entity_owners_{place}_name": owner.name,
            f"entity_owners_{place}_birth_date": str(owner.birth_date),
            f"entity_owners_{place}_share_percent": str(owner.share_percent),
        }
    return typed | {"residency": "NON_RESIDENT"}


def sent(browser: Browser, model: Any, command: str, row: Any = None, **typed: str) -> Any:
    """Press a button's last word and return the answer."""
    where = url(model, command, *([row.pk] if row else []))
    return browser.post(where, submitted(**typed))


def wrong(answer: Any) -> dict[str, list[str]]:
    """Return what a dialog that is shown again says, by the field; all that was typed is in it."""
    assert (answer.status_code, "HX-Redirect" in answer) == (200, False)
    form = answer.context["form"]
    text = html.unescape(answer.content.decode())
    for field, told in form.errors.items():
        assert all(str(each) in text for each in told), field
    for name, typed in form.data.items():
        assert name == "csrfmiddlewaretoken" or form[name].value() == typed
    return {field: list(told) for field, told in form.errors.items()}


@pytest.fixture
def inside(bank: models.Bank) -> Inside:
    return lambda: tenancy.acting(bank.id, users.job("tests", bank.id))


@pytest.fixture
def client(bank: models.Bank) -> Client:
    return clients.apply(bank)


def topics() -> list[str]:
    return list(models.OutboxEvent.objects.order_by("id").values_list("topic", flat=True))


def logged() -> str:
    return repr(list(LogEntry.objects.values_list("object_repr", "change_message")))


# --- Applying -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [Client, Application])
def test_a_person_applies(client: Client, login: Login, inside: Inside, page: Any) -> None:
    browser, person = login(CLERK), clients.person()
    assert url(page, "apply_for_person") in listed(browser, page)
    assert "Passport: number" in browser.get(url(page, "apply_for_person")).content.decode()
    answer = sent(browser, page, "apply_for_person", **of_person(person))
    with inside():
        row = Client.objects.latest("id")
        assert (row.status, row.kind, row.user_id) == ("APPLIED", "PERSON", None)
        assert queries.person_of(row.identity).paper == person.paper
        assert topics()[-1] == "kyc.client_applied"
        said = logged()
    assert answer["HX-Redirect"] == url(Client, "change", row.pk)
    told = browser.get(answer["HX-Redirect"]).content.decode()
    assert "The person applied." in told
    assert "The person applied." in said
    for datum in (person.surname, person.inn, person.snils, person.paper.number, person.email):
        assert datum not in told + said


def test_a_firm_applies_with_its_owners(client: Client, login: Login, inside: Inside) -> None:
    owners = [
        Owner("Аникеев Пётр Львович", date(1980, 1, 2), Decimal("60.5")),
        Owner("Vera Orlova", date(1985, 5, 5), Decimal("39.5"), is_pep=True),
    ]
    firm = clients.entity(owners=owners)
    typed = of_entity(firm) | {"entity_owners_1_is_pep": "on"}
    browser = login(CLERK)
    assert "HX-Redirect" in sent(browser, Application, "apply_for_entity", **typed)
    with inside():
        row = Client.objects.latest("id")
        assert (row.kind, row.residency) == ("ENTITY", "NON_RESIDENT")
        kept = queries.owners(row).order_by("id")
        assert [(each.name, each.share_percent, each.is_pep) for each in kept] == [
            (each.name, each.share_percent, each.is_pep) for each in owners
        ]
        said = logged()
    for datum in (firm.inn, firm.ogrn, "Аникеев", "Orlova"):
        assert datum not in said


def test_a_client_has_the_log_in_that_is_named(
    client: Client, bank: models.Bank, login: Login, inside: Inside
) -> None:
    with inside():
        user = users.create_user(
            username="anikeev", name="Пётр", role=users.Role.CLIENT, password=None
        )
    named = {"user_id": users.actor_of(user).label}
    sent(login(CLERK), Client, "apply_for_person", **of_person(clients.person()), **named)
    again = sent(login(CLERK), Client, "apply_for_person", **of_person(clients.person()), **named)
    assert wrong(again) == {"user_id": [WORDS["USER_HAS_CLIENT"]]}
    with inside():
        assert Client.objects.filter(user=user).count() == 1


def test_who_is_known_is_refused(client: Client, login: Login, inside: Inside) -> None:
    said = of_person(clients.person())
    assert "HX-Redirect" in sent(login(CLERK), Client, "apply_for_person", **said)
    again = sent(login(CLERK), Client, "apply_for_person", **said)
    assert wrong(again) == {"__all__": [WORDS["CLIENT_EXISTS"]]}
    with inside():
        assert Client.objects.count() == 2


def test_a_dialog_that_is_sent_twice_is_done_once(
    client: Client, login: Login, inside: Inside
) -> None:
    browser, once = login(CLERK), submitted()
    said = of_person(clients.person()) | once
    first, second = (sent(browser, Client, "apply_for_person", **said) for _ in range(2))
    assert first["HX-Redirect"] == second["HX-Redirect"]
    other = of_person(clients.person()) | once
    found = wrong(sent(browser, Client, "apply_for_person", **other))
    assert "open a new dialog" in found["__all__"][0]
    keyless = wrong(sent(browser, Client, "apply_for_person", **other | {"_once": ""}))
    assert keyless == {"_once": [_REQUIRED]}
    with inside():
        assert Client.objects.count() == 2
        assert LogEntry.objects.count() == 1


# --- On a client's page ---------------------------------------------------------------------------


def test_a_passport_is_replaced(client: Client, login: Login, inside: Inside) -> None:
    told = done(login(CLERK), Client, "replace_document", client, **PASSPORT)
    assert "The passport is replaced." in told
    with inside():
        assert Identity.objects.get(pk=client.pk).document_number == "4511654321"
        assert topics()[-1] == "kyc.document_replaced"
        assert "4321" not in logged()


def test_an_account_is_added_and_closed(client: Client, login: Login, inside: Inside) -> None:
    browser = login(CLERK)
    assert "The account is on file." in done(browser, Client, "add_account", client, **ACCOUNT)
    found = wrong(sent(browser, Client, "add_account", client, **ACCOUNT))
    assert found == {"number": [WORDS["ACCOUNT_TAKEN"]]}
    with inside():
        account = BankAccount.objects.get(client=client)
        assert (account.number, account.bank_name) == (ACCOUNT["number"], "Сбербанк")
    assert url(BankAccount, "close", account.pk) in opened(browser, BankAccount, account.pk)
    assert "The account is off the file." in done(browser, BankAccount, "close", account)
    with inside():
        assert BankAccount.objects.get(pk=account.pk).closed_at is not None
        assert ACCOUNT["number"] not in logged()
    assert url(BankAccount, "close", account.pk) not in opened(browser, BankAccount, account.pk)
    assert sent(browser, BankAccount, "close", account).status_code == 403


def test_an_officer_qualifies_a_client(client: Client, login: Login, inside: Inside) -> None:
    told = done(login(OFFICER), Client, "qualify", client, **SHOWN)
    assert "The client is a qualified investor." in told
    with inside():
        assert Client.objects.get(pk=client.pk).category == "QUALIFIED"
        shown = Qualification.objects.get(client=client)
        assert (shown.ground, shown.shown_rub) == ("PROPERTY", Decimal(50_000_000))
        assert shown.reason == SHOWN["reason"]
        assert topics()[-1] == "kyc.client_qualified"
    assert sent(login(OFFICER), Client, "qualify", client, **SHOWN).status_code == 403


@pytest.mark.parametrize("right", [True, False])
def test_a_client_sits_the_test(client: Client, login: Login, inside: Inside, right: bool) -> None:
    browser = login(CLERK)
    assert "The test is drawn." in done(browser, Client, "draw_test", client)
    done(browser, Client, "draw_test", client)
    with inside():
        attempt = Attempt.objects.get(client=client)  # the same one, shown again
    assert url(Attempt, "answer", attempt.pk) in opened(browser, Attempt, attempt.pk)
    given = dict((clients.right_answers if right else clients.wrong_answers)(attempt))
    first, *others = given
    found = wrong(
        sent(browser, Attempt, "answer", attempt, **{each: given[each] for each in others})
    )
    assert found == {first: ["This field is required."]}
    found = wrong(sent(browser, Attempt, "answer", attempt, **given | {first: "h"}))
    assert list(found) == [first]
    told = done(browser, Attempt, "answer", attempt, **given)
    assert f"The test is {'passed: 4' if right else 'failed: 0'} right" in told
    with inside():
        assert Attempt.objects.get(pk=attempt.pk).answers == given
        assert Client.objects.get(pk=client.pk).test_status == ("PASSED" if right else "FAILED")
        assert topics()[-1] == "kyc.test_answered"
    assert url(Attempt, "answer", attempt.pk) not in opened(browser, Attempt, attempt.pk)
    assert sent(browser, Attempt, "answer", attempt, **given).status_code == 403
    assert (url(Client, "draw_test", client.pk) in opened(browser, Client, client.pk)) != right


_TYPED: dict[str, Callable[[], Mapping[str, str]]] = {
    "apply_for_person": lambda: of_person(clients.person()),
    "apply_for_entity": lambda: of_entity(clients.entity()),
    **{command: dict(typed).copy for command, typed in _ON_CLIENT.items()},
}
_REQUIRED = "This field is required."
_NUMBER, _HIDDEN = WORDS["PASSPORT_NUMBER_INVALID"], WORDS["OWNERS_UNDISCLOSED"]


@pytest.mark.parametrize(
    ("command", "field", "typed", "place", "told"),
    [
        ("apply_for_person", "person_surname", "", "", _REQUIRED),
        ("apply_for_person", "person_surname", "  ", "", _REQUIRED),
        ("apply_for_person", "person_surname", "A" * 101, "", "no more than 100 characters"),
        ("apply_for_person", "person_surname", "Aникеев", "", "use one alphabet"),
        ("apply_for_person", "person_surname", "Ани\x00кеев", "", "U+0000"),
        ("apply_for_person", "person_given_name", "Пётр\u200b", "", "U+200B"),
        ("apply_for_person", "person_birth_date", "15.06.1990", "", "as RFC 3339 writes it"),
        ("apply_for_person", "person_country", "RUS", "", "no more than 2 characters"),
        ("apply_for_person", "person_inn", "500100732250", "", WORDS["INN_INVALID"]),
        ("apply_for_person", "person_snils", "112-233-445 96", "", WORDS["SNILS_INVALID"]),
        ("apply_for_person", "person_document_kind", "PASS", "", "is not a valid choice"),
        (
            "apply_for_person",
            "person_document_number",
            "4510",
            "",
            _NUMBER,
        ),
        ("apply_for_person", "person_document_mrz", "P<\r\nX", "", WORDS["MRZ_MALFORMED"]),
        ("apply_for_person", "residency", "MARS", "", "is not a valid choice"),
        ("apply_for_person", "residency", "", "", _REQUIRED),
        ("apply_for_person", "user_id", "anikeev", "", "usr_"),
        ("apply_for_entity", "entity_inn", "7707083894", "", WORDS["INN_INVALID"]),
        ("apply_for_entity", "entity_owners_0_name", "", "", _REQUIRED),
        ("apply_for_entity", "entity_owners_0_share_percent", "1.2345", "", "3 decimals"),
        ("apply_for_entity", "entity_owners_0_country", "ru", "", WORDS["COUNTRY_INVALID"]),
        (
            "apply_for_entity",
            "entity_owners_0_share_percent",
            "74",
            "__all__",
            _HIDDEN,
        ),
        ("apply_for_entity", "entity_owners_2_country", "RU", "entity_owners_1_name", _REQUIRED),
        (
            "replace_document",
            "document_number",
            "0011 654321",
            "",
            _NUMBER,
        ),
        ("replace_document", "document_number", "4511\x00654321", "", "U+0000"),
        ("replace_document", "document_issued", "", "", _REQUIRED),
        ("add_account", "bic", "044525000", "", WORDS["BIC_INVALID"]),
        ("add_account", "number", "40817810300029000001", "", WORDS["ACCOUNT_NUMBER_INVALID"]),
        ("add_account", "bank_name", "Сбeрбанк", "", "use one alphabet"),
        ("qualify", "ground", "LUCK", "", "is not a valid choice"),
        ("qualify", "shown_rub", "5 000 000", "", "1 to 20 digits"),
        ("qualify", "shown_rub", "50000000.001", "", "2 decimals"),
        (
            "qualify",
            "shown_rub",
            "1.00",
            "__all__",
            "1.00 roubles, and the law asks for",
        ),
        ("qualify", "reason", "a\u2028b", "", "U+2028"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_writes_nothing(
    client: Client,
    login: Login,
    inside: Inside,
    command: str,
    field: str,
    typed: str,
    place: str,
    told: str,
) -> None:
    said = {**_TYPED[command](), field: typed}
    row = client if command in _ON_CLIENT else None
    found = wrong(
        sent(login(OFFICER if command == "qualify" else CLERK), Client, command, row, **said)
    )
    assert told in found[place or field][0]
    assert place or list(found) == [field]
    with inside():
        assert topics() == ["kyc.client_applied"]
        assert Client.objects.get() == client
        assert not BankAccount.objects.exists()
        assert logged() == "[]"


def test_all_problems_of_an_application_are_told_at_once(client: Client, login: Login) -> None:
    said = of_person(clients.person(birth_date=date(2024, 6, 1), snils="11223344596"))
    found = wrong(sent(login(CLERK), Client, "apply_for_person", **said))
    assert found == {
        "person_birth_date": [WORDS["CLIENT_UNDER_AGE"]],
        "__all__": [WORDS["SNILS_INVALID"], WORDS["ISSUE_DATE_INVALID"]],
    }


# --- Who may, and when ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (CLERK, {"replace_document", "add_account", "draw_test"}),
        (OFFICER, {"qualify"}),
        (users.Role.AUDITOR, set()),
        (users.Role.DEALER, set()),
        (users.Role.HEAD_OF_DESK, set()),
    ],
)
def test_who_may_not_is_not_offered_it(
    client: Client, login: Login, inside: Inside, role: users.Role, may: set[str]
) -> None:
    with inside():
        attempt = operations.draw_test(client_id=client.pk, at=clients.AT)
        clients.add_account(client)
        account = BankAccount.objects.get()
    browser = login(role)
    page = opened(browser, Client, client.pk)
    offered = {command for command in _ON_CLIENT if url(Client, command, client.pk) in page}
    assert offered == may
    clerk = role is CLERK
    applications = listed(browser, Application)
    for model, command, row, found in (
        (Application, "apply_for_person", None, applications),
        (Application, "apply_for_entity", None, applications),
        (Attempt, "answer", attempt, opened(browser, Attempt, attempt.pk)),
        (BankAccount, "close", account, opened(browser, BankAccount, account.pk)),
    ):
        assert (url(model, command, *([row.pk] if row else [])) in found) == clerk
        if not clerk:
            assert sent(browser, model, command, row).status_code == 403
    for command in set(_ON_CLIENT) - may:
        assert sent(browser, Client, command, client, **_ON_CLIENT[command]).status_code == 403
    with inside():
        assert topics() == ["kyc.client_applied"]


def test_a_button_that_cannot_work_is_not_shown(
    bank: models.Bank, login: Login, inside: Inside
) -> None:
    firm, passed = clients.apply(bank, clients.entity()), clients.open_client(bank)
    rich, refused = clients.open_client(bank, category="QUALIFIED"), clients.apply(bank)
    with inside():
        operations.refuse_client(
            client_id=refused.pk, code="SUSPICION", reason="odd", at=clients.AT
        )
    for client, works in (
        (firm, {"add_account"}),
        (passed, {"replace_document", "add_account", "qualify"}),
        (rich, {"replace_document", "add_account"}),
        (refused, set()),
    ):
        for role, commands in ((CLERK, set(_ON_CLIENT) - {"qualify"}), (OFFICER, {"qualify"})):
            browser = login(role)
            page = opened(browser, Client, client.pk)
            for command in commands:
                assert (url(Client, command, client.pk) in page) == (command in works)
                if command not in works:
                    assert sent(browser, Client, command, client).status_code == 403


def test_another_bank_s_client_is_not_reached(
    client: Client, make_bank: Callable[[], models.Bank], login: Login
) -> None:
    stranger = make_bank()
    other = clients.apply(stranger)
    with tenancy.acting(stranger.id, users.job("tests", stranger.id)):
        attempt = operations.draw_test(client_id=other.pk, at=clients.AT)
        clients.add_account(other)
        account = BankAccount.objects.get()
    reached: list[Any] = [(Client, command, other, typed) for command, typed in _ON_CLIENT.items()]
    reached += [(Attempt, "answer", attempt, clients.right_answers(attempt))]
    reached += [(BankAccount, "close", account, {})]
    for model, command, row, typed in reached:
        browser = login(OFFICER if command == "qualify" else CLERK)
        assert sent(browser, model, command, row, **typed).status_code == 403
    with tenancy.acting(stranger.id, users.job("tests", stranger.id)):
        assert topics() == ["kyc.client_applied"]
        assert BankAccount.objects.get().closed_at is None
