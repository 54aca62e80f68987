"""How a bank comes by its licence, and loses it, over HTTP, each step as who does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common import models, tenancy, users
from licensing import queries
from tests.conftest import AT
from tests.licensing import licences
from tests.stories.test_onboarding import Person

APPLICATION: dict[str, Any] = {
    **{name: value for name, value in licences.APPLICATION.items() if name != "own_funds_rub"},
    "own_funds_rub": "2000000000.00",
    "activities": list(licences.ALL_ACTIVITIES),
    "categories": list(licences.ALL_CATEGORIES),
}
GRANT = {
    "activities": list(licences.ALL_ACTIVITIES),
    "categories": list(licences.ALL_CATEGORIES),
    "reason": "in order",
}


@pytest.fixture
def state(make_state: Callable[[], models.Jurisdiction]) -> models.Jurisdiction:
    state = make_state()
    licences.under(state.pk, assets=())
    return state


@pytest.fixture
def bank(state: models.Jurisdiction) -> models.Bank:
    office = users.supervisor_of(state.pk)
    return users.register_bank(actor=office, code=f"{state.code}bank", name="North Bank")


def seen(bank: models.Bank) -> list[str]:
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        perimeter = queries.perimeter(bank.pk, AT.replace(year=2030))
    return perimeter.refusals(activity="exchange", asset="BTC", category="NON_QUALIFIED")


def test_a_bank_is_licensed_by_two_officers_and_suspended_by_one(
    state: models.Jurisdiction, bank: models.Bank
) -> None:
    clerk = Person(users.Role.OPERATIONS, users.job("office", bank.pk))
    irina, pavel = (Person(users.Role.SUPERVISOR, users.supervisor_of(state.pk)) for _ in "ab")
    assert seen(bank) == ["LICENCE_MISSING", "ASSET_NOT_ADMITTED"]

    sent = clerk.post("licence-applications", APPLICATION, status=201)
    again = clerk.post("licence-applications", APPLICATION, status=422)
    assert again["code"] == "APPLICATION_PENDING"
    assert irina.get("licence-applications")["data"][0]["id"] == sent["id"]
    for reader in (irina, clerk):
        assert reader.get(f"licence-applications/{sent['id']}") == sent
    assert irina.get("participants")["data"] == []

    path = f"licence-applications/{sent['id']}/acknowledge"
    licence = irina.post(path, status=201)
    path = f"licences/{licence['id']}"
    asked = irina.post(f"{path}/questions", {"text": "Who audits the desk?"}, status=201)
    assert irina.post(f"{path}/complete", status=422)["code"] == "QUESTIONS_OPEN"
    clerk.post(f"questions/{asked['id']}/answer", {"text": "The board."}, status=201)
    assert clerk.get(f"{path}/questions")[0]["answer"] == "The board."
    assert irina.post(f"{path}/complete")["status"] == "COMPLETE"

    proposed = irina.post(f"{path}/propose-grant", GRANT, status=202)
    approval = f"proposals/{proposed['proposal_id']}/approve"
    assert irina.post(approval, status=403)["code"] == "MAKER_IS_CHECKER"
    pavel.post(approval, {"reason": "in order"})
    admitted = irina.post("admitted-assets", {"asset": "BTC", "reason": "liquid"}, status=202)
    pavel.post(f"proposals/{admitted['proposal_id']}/approve", {"reason": "so it is"})
    (entered,) = clerk.get("participants")["data"]
    assert clerk.get(path)["status"] == "GRANTED"
    assert clerk.get(path)["participant_id"] == entered["id"]
    assert (entered["ogrn"], entered["removed_at"]) == (APPLICATION["ogrn"], None)
    assert seen(bank) == []

    assert irina.post(f"{path}/suspend", {"reason": "late reports"})["status"] == "SUSPENDED"
    assert seen(bank) == ["LICENCE_SUSPENDED"]
    refused = irina.post(f"{path}/suspend", {"reason": "late reports"}, status=409)
    assert refused["code"] == "STATUS_CONFLICT"
    irina.post(f"{path}/reinstate", {"reason": "they came"})
    irina.post("admitted-assets/BTC/withdraw", {"reason": "thin"})
    assert seen(bank) == ["ASSET_NOT_ADMITTED"]
    irina.post(f"{path}/revoke", {"reason": "again"})
    assert seen(bank) == ["LICENCE_REVOKED", "ASSET_NOT_ADMITTED"]
    (gone,) = clerk.get("participants")["data"]
    assert (gone["id"], gone["reason"]) == (entered["id"], "again")
    assert gone["removed_at"] is not None


def test_the_law_is_there_to_be_read(state: models.Jurisdiction, bank: models.Bank) -> None:
    reader = Person(users.Role.DEALER, users.job("office", bank.pk))
    for on, threshold in (("2022-07-13", "600000"), ("2022-07-14", "1000000")):
        told = reader.get(f"rulebook?on={on}")
        found = {each["code"]: each for each in told["parameters"]}
        assert (told["regime"], told["on"]) == ("minfin-2022", on)
        assert found["aml_mandatory_control_rub"]["value"] == threshold
    assert found["tax_agent"]["status"] == "assumption"
    (regime,) = reader.get("regimes")["data"]
    assert (regime["overlay"], regime["title"]) == ("minfin-2022", "Finance Ministry's bill, 2022")


def test_the_state_sets_the_regime_of_a_day_to_come(
    state: models.Jurisdiction, bank: models.Bank
) -> None:
    irina = Person(users.Role.SUPERVISOR, users.supervisor_of(state.pk))
    asked = {"overlay": "concept-2025", "valid_from": "2029-07-01"}
    entered = irina.post("regimes", asked, key="once", status=201)
    assert entered["title"] == "Central bank's concept, 2025"
    assert irina.post("regimes", asked, key="once", status=201) == entered
    assert irina.post("regimes", asked, status=422)["code"] == "REGIME_SET"
    early = {"overlay": "cbr-ban-2022", "valid_from": "2022-02-20"}
    assert irina.post("regimes", early, status=422)["code"] == "REGIME_BACKDATED"
    unknown = irina.post("regimes", asked | {"overlay": "law-1999"}, status=400)
    assert unknown["errors"][0]["pointer"] == "/overlay"
    for on, regime in (("2029-06-30", "minfin-2022"), ("2029-07-01", "concept-2025")):
        assert irina.get(f"rulebook?on={on}")["regime"] == regime
    listed = [each["overlay"] for each in irina.get("regimes")["data"]]
    assert listed == ["concept-2025", "minfin-2022"]


def test_the_state_enters_who_is_no_bank_and_removes_them(
    state: models.Jurisdiction, bank: models.Bank
) -> None:
    irina = Person(users.Role.SUPERVISOR, users.supervisor_of(state.pk))
    asked = {
        "kind": "P2P_OPERATOR",
        "legal_name": "Quay Exchange JSC",
        "inn": "7799000012",
        "ogrn": "1027700000998",
    }
    wrong = irina.post("participants", asked | {"ogrn": "1027700000999"}, status=422)
    assert wrong["code"] == "OGRN_INVALID"
    refused = irina.post("participants", asked | {"kind": "BROKER"}, status=422)
    assert refused["code"] == "KIND_NOT_LICENSED"
    entered = irina.post("participants", asked, status=201)
    again = irina.post("participants", asked, status=422)
    assert again["code"] == "PARTICIPANT_REGISTERED"
    path = f"participants/{entered['id']}/remove"
    assert irina.post(path, {"reason": "on its own request"})["reason"] == "on its own request"
    assert irina.post(path, {"reason": "again"}, status=422)["code"] == "PARTICIPANT_REMOVED"
    assert len(irina.get("participants")["data"]) == 1


def test_no_bank_reads_another_s_application_or_licence(
    state: models.Jurisdiction, bank: models.Bank
) -> None:
    office = users.supervisor_of(state.pk)
    other = users.register_bank(actor=office, code=f"{state.code}other", name="South Bank")
    clerk, stranger = (
        Person(users.Role.OPERATIONS, users.job("office", each.pk)) for each in (bank, other)
    )
    irina = Person(users.Role.SUPERVISOR, office)
    sent = clerk.post("licence-applications", APPLICATION, status=201)
    licence = irina.post(f"licence-applications/{sent['id']}/acknowledge", status=201)
    assert licence["participant_id"] is None
    for path in (f"licence-applications/{sent['id']}", f"licences/{licence['id']}"):
        assert clerk.get(path)["id"] in path
        assert stranger.get(path, status=404)["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"inn": "7707083894"}, "INN_INVALID"),
        ({"ogrn": "1027700132196"}, "OGRN_INVALID"),
        ({"kind": "EXCHANGE_OPERATOR"}, "GROUNDS_AGAINST"),
    ],
)
def test_an_application_that_cannot_be_granted_is_refused_at_the_door(
    state: models.Jurisdiction, bank: models.Bank, changed: dict[str, Any], code: str
) -> None:
    clerk = Person(users.Role.OPERATIONS, users.job("office", bank.pk))
    refused = clerk.post("licence-applications", APPLICATION | changed, status=422)
    assert refused["code"] == code
    assert clerk.get("licence-applications")["data"] == []


def test_what_is_applied_for_is_named_once(bank: models.Bank) -> None:
    clerk = Person(users.Role.OPERATIONS, users.job("office", bank.pk))
    twice = APPLICATION | {"activities": ["cash", "cash"]}
    (told,) = clerk.post("licence-applications", twice, status=400)["errors"]
    assert (told["pointer"], told["code"]) == ("/activities", "TWICE")


def test_a_bank_decides_nothing_of_the_states(
    state: models.Jurisdiction, bank: models.Bank
) -> None:
    clerk = Person(users.Role.OPERATIONS, users.job("office", bank.pk))
    sent = clerk.post("licence-applications", APPLICATION, status=201)
    path = f"licence-applications/{sent['id']}/acknowledge"
    assert clerk.post(path, status=403)["code"] == "SCOPE_MISSING"
    asked = {"asset": "BTC", "reason": "we would like to"}
    assert clerk.post("admitted-assets", asked, status=403)["code"] == "SCOPE_MISSING"
    for register in ("regimes", "participants"):
        assert clerk.post(register, {}, status=403)["code"] == "SCOPE_MISSING"
