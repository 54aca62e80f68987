"""Licences and registers: who decides what, in which order, on which grounds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from common import changes, errors, models, tenancy, users
from licensing import operations, queries
from licensing.models import Licence
from tests.conftest import AT
from tests.licensing.licences import (
    ALL_ACTIVITIES,
    ALL_CATEGORIES,
    BEFORE,
    applied,
    approve,
    licensed,
    officer,
    under,
)

ASKED: dict[str, Any] = {
    "activities": ALL_ACTIVITIES,
    "categories": ALL_CATEGORIES,
    "conditions": "",
    "exposure_limit_rub": None,
    "reason": "in order",
    "at": BEFORE,
}


@pytest.fixture
def maker(bank: models.Bank) -> users.Actor:
    under(bank.jurisdiction_id, assets=())
    return officer(bank.jurisdiction_id, "maker")


@pytest.fixture
def refused() -> Callable[[str], Any]:
    def expect(code: str) -> Any:
        return pytest.raises(errors.Refused, match=rf"^{code}\b")

    return expect


def complete(bank: models.Bank, maker: users.Actor, **changed: Any) -> Licence:
    sent = applied(bank, **changed)
    with tenancy.acting(None, maker):
        licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
        return operations.declare_complete(licence_id=licence.pk, at=BEFORE)


def test_a_licence_is_granted_by_two_officers(bank: models.Bank, maker: users.Actor) -> None:
    licence = complete(bank, maker)
    with tenancy.acting(None, maker):
        proposed = operations.propose_grant(licence_id=licence.pk, **ASKED)
    with pytest.raises(errors.Refused, match="MAKER_IS_CHECKER"), tenancy.acting(None, maker):
        changes.approve(actor=maker, proposal_id=proposed.pk, reason="", at=BEFORE)
    approve(officer(bank.jurisdiction_id, "checker"), proposed)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        seen = queries.perimeter(bank.pk, AT)
    assert seen.licence_status == "GRANTED"
    assert seen.activities == set(ALL_ACTIVITIES)
    assert seen.version == 2


@pytest.mark.parametrize(
    ("changed", "grounds"),
    [
        ({"banking_licence": "BASIC"}, ["BANKING_LICENCE_REQUIRED"]),
        ({"own_funds_rub": Decimal("999999999.99")}, ["OWN_FUNDS_TOO_SMALL"]),
        ({"head_convicted": True}, ["HEAD_NOT_FIT"]),
        ({"owner_offshore": True}, ["OWNER_OFFSHORE"]),
        ({"kind": "BROKER"}, ["KIND_NOT_LICENSED"]),
        ({"kind": "EXCHANGE_OPERATOR", "own_funds_rub": Decimal("99999999")},
         ["OWN_FUNDS_TOO_SMALL"]),
        ({"banking_licence": "NONE", "own_funds_rub": Decimal(1), "head_convicted": True},
         ["BANKING_LICENCE_REQUIRED", "OWN_FUNDS_TOO_SMALL", "HEAD_NOT_FIT"]),
    ],
)  # fmt: skip
def test_what_the_law_asks_is_judged_before_a_grant_is_proposed(
    bank: models.Bank, maker: users.Actor, changed: dict[str, Any], grounds: list[str]
) -> None:
    licence = complete(bank, maker, **changed)
    with pytest.raises(errors.Refused) as told, tenancy.acting(None, maker):
        operations.propose_grant(licence_id=licence.pk, **ASKED)
    assert (told.value.code, told.value.facts["grounds"]) == ("GROUNDS_AGAINST", grounds)


def test_only_what_was_applied_for_is_granted(bank: models.Bank, maker: users.Actor) -> None:
    licence = complete(bank, maker, activities=("cash",))
    with pytest.raises(errors.Refused) as told, tenancy.acting(None, maker):
        operations.propose_grant(licence_id=licence.pk, **ASKED)
    assert told.value.facts["beyond"] == ["custody", "exchange"]


def test_an_application_with_open_questions_is_not_complete(
    bank: models.Bank, maker: users.Actor
) -> None:
    sent = applied(bank)
    with tenancy.acting(None, maker):
        licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
        question = operations.ask_question(licence_id=licence.pk, text="Who audits?", at=BEFORE)
    with pytest.raises(errors.Refused, match="QUESTIONS_OPEN"), tenancy.acting(None, maker):
        operations.declare_complete(licence_id=licence.pk, at=BEFORE)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        operations.answer_question(question_id=question.pk, text="The board.", at=BEFORE)
    with tenancy.acting(None, maker):
        assert operations.declare_complete(licence_id=licence.pk, at=BEFORE).status == "COMPLETE"


def test_a_stranger_does_not_answer(
    bank: models.Bank, make_bank: Callable[[], models.Bank], maker: users.Actor
) -> None:
    sent = applied(bank)
    with tenancy.acting(None, maker):
        licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
        question = operations.ask_question(licence_id=licence.pk, text="Who audits?", at=BEFORE)
    other = make_bank()
    stranger = tenancy.acting(other.pk, users.job("tests", other.pk))
    with pytest.raises(errors.Refused, match="NOT_FOUND"), stranger:
        operations.answer_question(question_id=question.pk, text="We do.", at=BEFORE)


def test_a_second_application_waits_for_the_first_to_end(
    bank: models.Bank, maker: users.Actor
) -> None:
    applied(bank)
    with pytest.raises(errors.Refused, match="APPLICATION_PENDING"):
        applied(bank)


MOVES = {
    "suspend": operations.suspend_licence,
    "reinstate": operations.reinstate_licence,
    "revoke": operations.revoke_licence,
    "refuse": operations.refuse_application,
}
WAYS = {
    "ACKNOWLEDGED": {"refuse": "REFUSED"},
    "COMPLETE": {"refuse": "REFUSED"},
    "GRANTED": {"suspend": "SUSPENDED", "revoke": "REVOKED"},
    "SUSPENDED": {"reinstate": "GRANTED", "revoke": "REVOKED"},
    "REVOKED": {},
    "REFUSED": {},
}


def licence_that_is(status: str, bank: models.Bank, maker: users.Actor) -> Licence:
    if status in ("ACKNOWLEDGED", "COMPLETE", "REFUSED"):
        sent = applied(bank)
        with tenancy.acting(None, maker):
            licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
            if status == "COMPLETE":
                operations.declare_complete(licence_id=licence.pk, at=BEFORE)
            if status == "REFUSED":
                operations.refuse_application(licence_id=licence.pk, reason="no", at=BEFORE)
        return licence
    licence = licensed(bank)
    with tenancy.acting(None, maker):
        if status == "SUSPENDED":
            operations.suspend_licence(licence_id=licence.pk, reason="no", at=BEFORE)
        if status == "REVOKED":
            operations.revoke_licence(licence_id=licence.pk, reason="no", at=BEFORE)
    return licence


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("status", WAYS)
def test_a_licence_moves_only_along_its_ways(
    status: str, move: str, bank: models.Bank, maker: users.Actor
) -> None:
    licence = licence_that_is(status, bank, maker)
    with tenancy.acting(None, maker):
        if move in WAYS[status]:
            moved = MOVES[move](licence_id=licence.pk, reason="so it is", at=AT)
            assert moved.status == WAYS[status][move]
            return
        with pytest.raises(errors.Refused, match="STATUS_CONFLICT"):
            MOVES[move](licence_id=licence.pk, reason="so it is", at=AT)


def test_every_step_is_kept(bank: models.Bank, maker: users.Actor) -> None:
    licence = licensed(bank)
    with tenancy.acting(None, maker):
        operations.suspend_licence(licence_id=licence.pk, reason="a breach", at=AT)
        kept = models.StatusChange.objects.filter(subject_id=licence.pk).order_by("id")
        steps = list(kept.values_list("status_from", "status_to", "actor", "reason"))
    assert steps == [
        ("", "ACKNOWLEDGED", "job:maker", ""),
        ("ACKNOWLEDGED", "COMPLETE", "job:maker", ""),
        ("COMPLETE", "GRANTED", "job:checker", "in order"),
        ("GRANTED", "SUSPENDED", "job:maker", "a breach"),
    ]


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (None, ["LICENCE_MISSING"]),
        ("COMPLETE", ["LICENCE_MISSING"]),
        ("GRANTED", []),
        ("SUSPENDED", ["LICENCE_SUSPENDED"]),
        ("REVOKED", ["LICENCE_REVOKED"]),
    ],
)
def test_the_perimeter_says_what_a_licence_permits(
    status: str | None, codes: list[str], bank: models.Bank, maker: users.Actor
) -> None:
    if status is not None:
        licence_that_is(status, bank, maker)
    under(bank.jurisdiction_id, assets=("BTC",))
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        seen = queries.perimeter(bank.pk, AT)
    assert seen.refusals(activity="exchange", asset="BTC", category="QUALIFIED") == codes
    assert seen.refusals(activity="cash_out") == []


def test_an_asset_counts_from_its_admission_to_its_withdrawal(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    bank = users.register_bank(
        actor=users.supervisor_of(state.pk), code=f"{state.code}b", name="Bank"
    )
    under(state.pk, assets=("BTC", "ETH"))
    with tenancy.acting(None, officer(state.pk, "maker")):
        operations.withdraw_asset(asset="ETH", reason="thin", at=AT)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        assert queries.perimeter(bank.pk, AT - dt.timedelta(seconds=1)).assets == {"BTC", "ETH"}
        assert queries.perimeter(bank.pk, AT).assets == {"BTC"}
        assert queries.perimeter(bank.pk, BEFORE - dt.timedelta(days=1)).assets == set()


@pytest.mark.parametrize(
    ("asset", "code"),
    [("RUB", "ASSET_UNKNOWN"), ("DOGE", "ASSET_UNKNOWN"), ("XMR", "ASSET_BARRED")],
)
def test_what_may_not_be_sold_is_not_admitted(asset: str, code: str, maker: users.Actor) -> None:
    with pytest.raises(errors.Refused, match=code), tenancy.acting(None, maker):
        operations.propose_admission(asset=asset, reason="", at=BEFORE)


def test_the_regime_is_the_last_that_began(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    actor = officer(state.pk, "maker")
    with pytest.raises(errors.Refused, match="RULE_UNKNOWN"), tenancy.acting(None, actor):
        queries.rulebook_of(state.pk, AT)
    with tenancy.acting(None, actor):
        operations.set_regime(overlay="minfin-2022", valid_from=dt.date(2022, 1, 1), at=BEFORE)
        operations.set_regime(overlay="law-2025", valid_from=dt.date(2025, 1, 1), at=BEFORE)
        # 2025 begins in Moscow three hours before it does in Greenwich.
        eve = dt.datetime(2024, 12, 31, 20, 59, 59, tzinfo=dt.UTC)
        assert queries.rulebook_of(state.pk, eve).regime == "minfin-2022"
        assert queries.rulebook_of(state.pk, eve + dt.timedelta(seconds=1)).regime == "law-2025"
    with pytest.raises(errors.Refused, match="REGIME_SET"), tenancy.acting(None, actor):
        operations.set_regime(overlay="law-2025", valid_from=dt.date(2025, 1, 1), at=AT)
    with pytest.raises(errors.Refused, match="OVERLAY_UNKNOWN"), tenancy.acting(None, actor):
        operations.set_regime(overlay="law-1999", valid_from=dt.date(2026, 1, 1), at=AT)


@pytest.fixture
def banned(make_state: Callable[[], models.Jurisdiction]) -> models.Bank:
    state = make_state()
    bank = users.register_bank(
        actor=users.supervisor_of(state.pk), code=f"{state.code}b", name="Bank"
    )
    licensed(bank)
    with tenancy.acting(None, officer(state.pk, "maker")):
        operations.set_regime(overlay="cbr-ban-2022", valid_from=dt.date(2022, 2, 20), at=BEFORE)
    return bank


def test_under_a_ban_a_licence_permits_nothing_but_to_let_clients_out(banned: models.Bank) -> None:
    with tenancy.acting(banned.pk, users.job("tests", banned.pk)):
        seen = queries.perimeter(banned.pk, AT)
    assert seen.refusals(activity="exchange", asset="BTC", category="QUALIFIED") == [
        "ACTIVITY_NOT_PERMITTED",
        "ASSET_NOT_ADMITTED",
        "CATEGORY_NOT_PERMITTED",
    ]
    assert seen.refusals(activity="cash_out") == []
