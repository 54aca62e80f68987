"""Licences and registers in the admin: what the state decides there, and what a bank does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client as Browser
from django.urls import reverse

from common import ids, models, tenancy, users
from licensing import operations, queries
from licensing.models import AdmittedAsset, Application, Licence, Participant, Regime
from tests.licensing import licences
from tests.licensing.licences import BEFORE, applied, officer, under

Login = Callable[..., Browser]
PAPERS: dict[str, Any] = {
    "kind": "ORGANISER",
    "legal_name": "North Bank JSC",
    "inn": "7707083893",
    "ogrn": "1027700132195",
    "banking_licence": "UNIVERSAL",
    "own_funds_rub": "2000000000.00",
    "head_name": "Vera Orlova",
    "activities": list(licences.ALL_ACTIVITIES),
    "categories": list(licences.ALL_CATEGORIES),
    "plan": "Sell coins.",
}
GRANT: dict[str, Any] = {
    "activities": ["cash", "exchange"],
    "categories": ["QUALIFIED"],
    "conditions": "Reports on Mondays.",
    "exposure_limit_rub": "5000000.00",
    "reason": "in order",
}


@pytest.fixture
def state(make_state: Callable[[], models.Jurisdiction]) -> models.Jurisdiction:
    state = make_state()
    under(state.pk, assets=())
    return state


@pytest.fixture
def bank(state: models.Jurisdiction) -> models.Bank:
    office = users.supervisor_of(state.pk)
    return users.register_bank(actor=office, code=f"{state.code}bank", name="North Bank")


@pytest.fixture
def login(state: models.Jurisdiction, bank: models.Bank) -> Login:
    def logged_in(role: users.Role, at: models.Bank | None = None) -> Browser:
        home = at or bank
        of_state = role in users.STATE
        office = users.supervisor_of(state.pk) if of_state else users.job("office", home.pk)
        with tenancy.acting(office.bank_id, office):
            user = users.create_user(
                username=f"officer-{ids.new()}",
                name="Vera",
                role=role,
                password="a long walk on the quay",
            )
        browser = Browser()
        browser.force_login(user)
        return browser

    return logged_in


@pytest.fixture
def irina(login: Login) -> Browser:
    """An officer of the state."""
    return login(users.Role.SUPERVISOR)


@pytest.fixture
def clerk(login: Login) -> Browser:
    """Somebody of the bank's back office."""
    return login(users.Role.OPERATIONS)


def url(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:licensing_{model.__name__.lower()}_{page}", args=args)


def page(browser: Browser, model: type[Model], row: Any = None) -> str:
    where = url(model, "change", row.pk) if row else url(model, "changelist")
    answer = browser.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


def rows(text: str) -> int:
    return len(re.findall(r'<tr class="data-row', text))


def sent(browser: Browser, model: type[Model], command: str, row: Any = None, **said: Any) -> Any:
    """Give a command, with what its dialog asks."""
    args = [row.pk] if row else []
    return browser.post(url(model, command, *args), {"_form_submitted": "True", **said})


def done(browser: Browser, model: type[Model], command: str, row: Any = None, **said: Any) -> str:
    """Give a command and return what the page says after it."""
    answer = sent(browser, model, command, row, **said)
    assert answer.headers.get("HX-Redirect"), answer.content.decode()
    return browser.get(answer["HX-Redirect"], follow=True).content.decode()


def only(model: Any, state: models.Jurisdiction) -> Any:
    with tenancy.acting(None, officer(state.pk, "reader")):
        return model.objects.get()


def acknowledged(bank: models.Bank) -> Licence:
    row = applied(bank)
    with tenancy.acting(None, officer(bank.jurisdiction_id, "maker")):
        return operations.acknowledge(application_id=row.pk, at=BEFORE)


def test_a_bank_is_licensed_by_the_buttons_alone(
    state: models.Jurisdiction, bank: models.Bank, irina: Browser, clerk: Browser, login: Login
) -> None:
    assert "The application is sent." in done(clerk, Application, "apply", **PAPERS)
    application = only(Application, state)
    assert (application.head_convicted, application.owner_offshore) == (False, False)
    assert "Taken up" in done(irina, Application, "acknowledge", application)
    licence = only(Licence, state)
    assert "The bank is asked." in done(irina, Licence, "ask", licence, text="Who audits?")
    told = done(irina, Licence, "complete", licence)
    assert "Not done. Questions open" in told
    with tenancy.acting(None, officer(state.pk, "reader")):
        ((question, _),) = queries.questions(licence)
    told = done(clerk, Licence, "answer", licence, question_id=str(question.pk), text="The board.")
    assert "The question is answered." in told
    assert "The board." in page(irina, Licence, licence)
    done(irina, Licence, "complete", licence)
    assert "Proposed to a second officer." in done(irina, Licence, "propose", licence, **GRANT)
    with tenancy.acting(None, officer(state.pk, "reader")):
        proposal = models.Proposal.objects.get()
    licences.approve(officer(state.pk, "checker"), proposal)
    granted = only(Licence, state)
    assert (granted.status, granted.activities) == ("GRANTED", ["cash", "exchange"])
    assert f"{granted.exposure_limit_rub:f}".startswith("5000000.00")


def test_an_application_is_refused_by_a_button(
    state: models.Jurisdiction, bank: models.Bank, irina: Browser
) -> None:
    licence = acknowledged(bank)
    assert "The licence is refused." in done(irina, Licence, "refuse", licence, reason="thin")
    assert only(Licence, state).status == "REFUSED"


def test_a_regime_is_set_by_a_button(state: models.Jurisdiction, irina: Browser) -> None:
    told = done(irina, Regime, "set_regime", overlay="concept-2025", valid_from="2029-01-01")
    assert "The regime is set." in told
    told = done(irina, Regime, "set_regime", overlay="law-2025", valid_from="2024-12-31")
    assert "Not done. Rule unknown" in told
    assert rows(page(irina, Regime)) == 2


def test_a_participant_is_entered_and_removed_by_buttons(
    state: models.Jurisdiction, irina: Browser
) -> None:
    said = {"kind": "EXCHANGE_OPERATOR", "legal_name": "Quay", "inn": "7799000012"}
    wrong = done(irina, Participant, "register", **said, ogrn="1027700000999")
    assert "Not done. Ogrn invalid" in wrong
    told = done(irina, Participant, "register", **said, ogrn="1027700000998")
    assert "The participant is entered." in told
    row = only(Participant, state)
    assert "The participant is removed." in done(irina, Participant, "remove", row, reason="asked")
    assert only(Participant, state).reason == "asked"
    assert sent(irina, Participant, "remove", row, reason="asked").status_code == 403


def test_an_asset_is_proposed_by_a_button(state: models.Jurisdiction, irina: Browser) -> None:
    told = done(irina, AdmittedAsset, "propose", asset="BTC", reason="liquid")
    assert "Proposed to a second officer." in told
    with tenancy.acting(None, officer(state.pk, "reader")):
        assert models.Proposal.objects.get().subject == "asset:BTC"
    told = done(irina, AdmittedAsset, "propose", asset="XMR", reason="private")
    assert "Not done. Asset barred" in told


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"own_funds_rub": "1e9"}, "amount"),
        ({"own_funds_rub": "-1"}, "amount"),
        ({"own_funds_rub": "1.001"}, "The asset has 2 decimals."),
        ({"kind": "PAWNBROKER"}, "Select a valid choice"),
        ({"activities": ["mining"]}, "Select a valid choice"),
        ({"activities": []}, "This field is required"),
    ],
)
def test_what_is_malformed_is_asked_again(
    state: models.Jurisdiction, clerk: Browser, said: dict[str, Any], field: str
) -> None:
    answer = sent(clerk, Application, "apply", **PAPERS | said)
    assert answer.status_code == 200
    assert field in answer.content.decode()
    with tenancy.acting(None, officer(state.pk, "reader")):
        assert not Application.objects.exists()


def test_the_grant_s_dialog_begins_with_what_was_applied_for(
    bank: models.Bank, irina: Browser
) -> None:
    row = applied(bank, activities=("cash",), categories=("QUALIFIED",))
    with tenancy.acting(None, officer(bank.jurisdiction_id, "maker")):
        licence = operations.acknowledge(application_id=row.pk, at=BEFORE)
        operations.declare_complete(licence_id=licence.pk, at=BEFORE)
    text = irina.get(url(Licence, "propose", licence.pk)).content.decode()
    ticked = re.findall(r'value="(\w+)"[^>]*\schecked[\s>]', text)
    assert ticked == ["cash", "QUALIFIED"]


# --- Who may -------------------------------------------------------------------------------------


def test_a_bank_is_not_offered_what_the_state_does(
    state: models.Jurisdiction, bank: models.Bank, clerk: Browser
) -> None:
    licence = acknowledged(bank)
    said = {"reason": "me", "text": "me", **GRANT}
    for command in ("ask", "complete", "propose", "refuse"):
        assert url(Licence, command, licence.pk) not in page(clerk, Licence, licence)
        assert sent(clerk, Licence, command, licence, **said).status_code == 403
    for model, command in (
        (Regime, "set_regime"),
        (Participant, "register"),
        (AdmittedAsset, "propose"),
    ):
        assert url(model, command) not in page(clerk, model)
        assert sent(clerk, model, command).status_code == 403
    assert only(Licence, state).status == "ACKNOWLEDGED"


def test_the_state_neither_applies_nor_answers(
    state: models.Jurisdiction, bank: models.Bank, irina: Browser
) -> None:
    licence = acknowledged(bank)
    with tenancy.acting(None, officer(state.pk, "maker")):
        operations.ask_question(licence_id=licence.pk, text="Who?", at=BEFORE)
    assert sent(irina, Application, "apply", **PAPERS).status_code == 403
    assert sent(irina, Licence, "answer", licence, text="We.").status_code == 403


def test_a_bank_sees_its_own_licence_and_no_other_s(
    state: models.Jurisdiction, bank: models.Bank, clerk: Browser, irina: Browser, login: Login
) -> None:
    office = users.supervisor_of(state.pk)
    other = users.register_bank(actor=office, code=f"{state.code}other", name="Other Bank")
    own, others = acknowledged(bank), acknowledged(other)
    assert rows(page(clerk, Licence)) == 1
    assert rows(page(irina, Licence)) == 2
    page(clerk, Licence, own)
    gone = clerk.get(url(Licence, "change", others.pk))
    assert gone.status_code == 302  # as of a row that there is not
    assert rows(page(login(users.Role.OPERATIONS, other), Licence)) == 1
