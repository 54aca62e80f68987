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
from tests.faults.racing import Outcome, race
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
    assert (seen.exposure_base, seen.exposure_limit_rub) == ("own_funds", Decimal("2000000000"))


def test_the_licence_s_own_limit_binds_where_it_is_less(
    bank: models.Bank, maker: users.Actor
) -> None:
    licensed(bank, exposure_limit_rub=Decimal("5000000"))
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        assert queries.perimeter(bank.pk, AT).exposure_limit_rub == Decimal("5000000")


def test_an_operator_s_licence_permits_what_its_kind_may_and_no_more(
    bank: models.Bank, maker: users.Actor
) -> None:
    under(bank.jurisdiction_id, assets=("BTC",))
    said = {"kind": "EXCHANGE_OPERATOR", "banking_licence": "NONE", "activities": ("exchange",)}
    licence = complete(bank, maker, **said, own_funds_rub=Decimal("100000000"))
    with tenancy.acting(None, maker):
        proposed = operations.propose_grant(
            licence_id=licence.pk, **ASKED | {"activities": ("exchange",)}
        )
    approve(officer(bank.jurisdiction_id, "checker"), proposed)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        seen = queries.perimeter(bank.pk, AT)
    assert seen.activities == {"exchange"}
    assert seen.refusals(activity="cash") == ["ACTIVITY_NOT_PERMITTED"]
    assert seen.exposure_limit_rub == Decimal("100000000")


@pytest.mark.parametrize(
    ("changed", "asked", "facts"),
    [
        ({"banking_licence": "BASIC"}, {}, {"grounds": ["BANKING_LICENCE_REQUIRED"]}),
        ({"own_funds_rub": Decimal("999999999.99")}, {}, {"grounds": ["OWN_FUNDS_TOO_SMALL"]}),
        ({"head_convicted": True}, {}, {"grounds": ["HEAD_NOT_FIT"]}),
        ({"owner_offshore": True}, {}, {"grounds": ["OWNER_OFFSHORE"]}),
        (
            {"banking_licence": "NONE", "own_funds_rub": Decimal(1), "head_convicted": True},
            {},
            {"grounds": ["BANKING_LICENCE_REQUIRED", "OWN_FUNDS_TOO_SMALL", "HEAD_NOT_FIT"]},
        ),
        ({"activities": ("cash",)}, {}, {"beyond": ["custody", "exchange"]}),
        ({"categories": ("QUALIFIED",)}, {}, {"beyond": ["LEGAL_ENTITY", "NON_QUALIFIED"]}),
    ],
)
def test_what_the_law_asks_is_judged_before_a_grant_is_proposed(
    bank: models.Bank,
    maker: users.Actor,
    changed: dict[str, Any],
    asked: dict[str, Any],
    facts: dict[str, Any],
) -> None:
    licence = complete(bank, maker, **changed)
    with pytest.raises(errors.Refused) as told, tenancy.acting(None, maker):
        operations.propose_grant(licence_id=licence.pk, **ASKED | asked)
    assert told.value.code == ("NOT_APPLIED_FOR" if "beyond" in facts else "GROUNDS_AGAINST")
    assert told.value.facts == facts


@pytest.mark.parametrize(
    ("regime", "on", "found"),
    [
        ("cbr-ban-2022", dt.date(2022, 2, 20), ["KIND_NOT_LICENSED"]),
        ("law-2025", dt.date(2025, 2, 1), ["ACTIVITY_NOT_LICENSED", "CATEGORY_NOT_LICENSED"]),
        ("law-2025", dt.date(2025, 4, 1), ["CATEGORY_NOT_LICENSED"]),
    ],
)
def test_what_was_applied_for_is_judged_by_the_law_of_the_day_of_the_grant(
    make_state: Callable[[], models.Jurisdiction], regime: str, on: dt.date, found: list[str]
) -> None:
    state = make_state()
    bank = bank_of(state)
    maker = officer(state.pk, "maker")
    under(state.pk, assets=())
    licence = complete(bank, maker)
    with tenancy.acting(None, maker):
        proposed = operations.propose_grant(licence_id=licence.pk, **ASKED)
        operations.set_regime(overlay=regime, valid_from=on, at=BEFORE)
    noon = dt.datetime.combine(on, dt.time(12), dt.UTC)
    checker = officer(state.pk, "checker")
    with pytest.raises(errors.Refused) as told, tenancy.acting(None, checker):
        changes.approve(actor=checker, proposal_id=proposed.pk, reason="", at=noon)
    assert (told.value.code, told.value.facts) == ("GROUNDS_AGAINST", {"grounds": found})


def bank_of(state: models.Jurisdiction) -> models.Bank:
    """A bank in a state of its own, whose regime is its own to change."""
    office = users.supervisor_of(state.pk)
    return users.register_bank(actor=office, code=f"{state.code}b", name="Bank")


@pytest.mark.parametrize(
    ("changed", "code", "facts"),
    [
        ({"inn": "7707083894"}, "INN_INVALID", {"inn": "7707083894"}),
        ({"inn": "770708389"}, "INN_INVALID", {"inn": "770708389"}),
        ({"inn": "500100732259"}, "INN_INVALID", {"inn": "500100732259"}),
        ({"ogrn": "1027700132196"}, "OGRN_INVALID", {"ogrn": "1027700132196"}),
        ({"ogrn": "304500116000157"}, "OGRN_INVALID", {"ogrn": "304500116000157"}),
        ({"kind": "BROKER"}, "GROUNDS_AGAINST", {"grounds": ["KIND_NOT_LICENSED"]}),
        (
            {"kind": "EXCHANGE_OPERATOR", "banking_licence": "NONE"},
            "GROUNDS_AGAINST",
            {"grounds": ["ACTIVITY_NOT_LICENSED"]},
        ),
        (
            {"activities": ("mining",), "categories": ("ANYBODY",)},
            "GROUNDS_AGAINST",
            {"grounds": ["ACTIVITY_NOT_LICENSED", "CATEGORY_NOT_LICENSED"]},
        ),
    ],
)
def test_an_application_that_no_law_could_grant_is_not_taken(
    bank: models.Bank, maker: users.Actor, changed: dict[str, Any], code: str, facts: dict[str, Any]
) -> None:
    with pytest.raises(errors.Refused) as told:
        applied(bank, **changed)
    assert told.value.code == code
    assert told.value.facts == facts | ({"regime": "minfin-2022"} if "grounds" in facts else {})


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


def test_of_two_applications_at_once_one_is_taken(
    make_bank: Callable[[], models.Bank], maker: users.Actor
) -> None:
    rounds = 10
    banks = iter([make_bank() for _ in range(rounds + 1)])
    now = [next(banks)]

    def judge(outcomes: list[Outcome]) -> bool:
        assert sorted(outcomes) == ["APPLICATION_PENDING", "APPLICATION_PENDING", "OK"]
        now[0] = next(banks)
        return False

    def attempt(_: int) -> None:
        applied(now[0])

    assert race(rounds, 3, attempt, judge) == rounds


def test_who_was_refused_may_apply_again(bank: models.Bank, maker: users.Actor) -> None:
    licence_that_is("REFUSED", bank, maker)
    assert applied(bank).number == 2


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


@pytest.fixture
def banned(make_state: Callable[[], models.Jurisdiction]) -> models.Bank:
    state = make_state()
    bank = bank_of(state)
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


def test_under_the_concept_only_the_most_liquid_coins_are_for_the_non_qualified(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    bank = bank_of(state)
    under(state.pk, assets=("BTC", "LTC"))
    licensed(bank)
    with tenancy.acting(None, officer(state.pk, "maker")):
        operations.set_regime(overlay="concept-2025", valid_from=dt.date(2026, 1, 1), at=BEFORE)
    moscow_eve = dt.datetime(2025, 12, 31, 20, 59, 59, tzinfo=dt.UTC)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        before, after = (
            queries.perimeter(bank.pk, moscow_eve + dt.timedelta(seconds=later)) for later in (0, 1)
        )
    sold = {"activity": "exchange", "asset": "LTC"}
    assert before.refusals(**sold, category="NON_QUALIFIED") == []
    assert after.refusals(**sold, category="NON_QUALIFIED") == ["ASSET_NOT_FOR_CATEGORY"]
    assert after.refusals(**sold, category="QUALIFIED") == []
    assert after.refusals(activity="exchange", asset="BTC", category="NON_QUALIFIED") == []
    assert after.exposure_limit_rub == Decimal("20000000.00")
