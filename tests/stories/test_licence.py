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
    assert clerk.get(path)["status"] == "GRANTED"
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


def test_the_law_is_there_to_be_read(state: models.Jurisdiction, bank: models.Bank) -> None:
    reader = Person(users.Role.DEALER, users.job("office", bank.pk))
    for on, threshold in (("2022-07-13", "600000"), ("2022-07-14", "1000000")):
        told = reader.get(f"rulebook?on={on}")
        found = {each["code"]: each for each in told["parameters"]}
        assert (told["regime"], told["on"]) == ("minfin-2022", on)
        assert found["aml_mandatory_control_rub"]["value"] == threshold
    assert found["tax_agent"]["status"] == "assumption"
    assert [each["overlay"] for each in reader.get("regimes")["data"]] == ["minfin-2022"]


def test_a_bank_decides_nothing_of_the_states(
    state: models.Jurisdiction, bank: models.Bank
) -> None:
    clerk = Person(users.Role.OPERATIONS, users.job("office", bank.pk))
    sent = clerk.post("licence-applications", APPLICATION, status=201)
    path = f"licence-applications/{sent['id']}/acknowledge"
    assert clerk.post(path, status=403)["code"] == "SCOPE_MISSING"
    asked = {"asset": "BTC", "reason": "we would like to"}
    assert clerk.post("admitted-assets", asked, status=403)["code"] == "SCOPE_MISSING"
