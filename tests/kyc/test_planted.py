"""What `manage.py verify` finds when clients were forged, and that it names the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from django.db import connections, transaction

from common import models, tenancy, users
from common.ids import show
from kyc import invariants, operations
from kyc.models import Attempt, Client, ScreeningHit
from tests.faults.forgery import verify
from tests.kyc import clients
from tests.kyc.clients import AT

Run = Callable[..., None]


class Kept:
    """A bank with a tested client, a qualified one and an entity, and an applicant on a list."""

    def __init__(self, bank: models.Bank) -> None:
        self.bank = bank
        self.anna = clients.open_client(bank)
        self.rich = clients.open_client(bank, category="QUALIFIED")
        listed = clients.person(
            surname="Belokrylov",
            given_name="Semyon",
            patronymic="Radimovich",
            birth_date=date(1985, 5, 5),
            paper={"issued": date(2006, 1, 10)},
        )
        self.listed = clients.identify(bank, listed)
        with tenancy.acting(bank.id, users.job("tests", bank.id)):
            self.hit = ScreeningHit.objects.get(client=self.listed)
            operations.confirm_hit(hit_id=self.hit.pk, reason="the same", at=AT)
            self.attempt = Attempt.objects.get(client=self.anna)


@contextmanager
def forging(bank: models.Bank) -> Iterator[Run]:
    """A committed transaction of the schema's owner, whom no grant holds."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('perimeter.bank', %s, true)", [str(bank.id)])

        def run(sql: str, *params: Any) -> None:
            cursor.execute(sql, params)
            assert cursor.rowcount == 1, sql

        yield run


def of(client: Client) -> str:
    return show("cli", client.pk)


def a_client_opened_by_hand(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_client SET status = 'FROZEN' WHERE id = %s", kept.anna.pk)
    return of(kept.anna)


def a_listed_client_let_in(run: Run, kept: Kept) -> str:
    run(
        "UPDATE kyc_client SET status = 'OPEN', opened_at = %s, review_date = '2023-02-24'"
        " WHERE id = %s",
        AT,
        kept.listed.pk,
    )
    return of(kept.listed)


def an_identification_taken_away(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_identity SET identified_at = NULL WHERE client_id = %s", kept.anna.pk)
    return of(kept.anna)


def a_screening_taken_away(run: Run, kept: Kept) -> str:
    run("DELETE FROM kyc_screening WHERE client_id = %s", kept.anna.pk)
    return of(kept.anna)


def a_rating_made_worse_after_the_fact(run: Run, kept: Kept) -> str:
    run(
        "UPDATE kyc_riskassessment SET rating = 'HIGH' WHERE id ="
        " (SELECT max(id::text)::uuid FROM kyc_riskassessment WHERE client_id = %s)",
        kept.anna.pk,
    )
    return of(kept.anna)


def a_risk_made_lower(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_client SET risk = 'MEDIUM' WHERE id = %s", kept.anna.pk)
    return of(kept.anna)


def a_category_given_away(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_client SET category = 'QUALIFIED' WHERE id = %s", kept.anna.pk)
    return of(kept.anna)


def a_qualification_taken_away(run: Run, kept: Kept) -> str:
    run("DELETE FROM kyc_qualification WHERE client_id = %s", kept.rich.pk)
    return of(kept.rich)


def a_test_given_for_free(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_client SET test_status = 'PASSED' WHERE id = %s", kept.listed.pk)
    return of(kept.listed)


def an_answer_changed(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_attempt SET answers = '{}' WHERE id = %s", kept.attempt.pk)
    return show("att", kept.attempt.pk)


def another_seed(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_attempt SET seed = 'mine' WHERE id = %s", kept.attempt.pk)
    return show("att", kept.attempt.pk)


def a_hit_dismissed_by_hand(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_screeninghit SET status = 'DISMISSED' WHERE id = %s", kept.hit.pk)
    return show("hit", kept.hit.pk)


def a_seal_moved(run: Run, kept: Kept) -> str:
    run(
        "UPDATE kyc_identity SET surname = (SELECT surname FROM kyc_identity"
        " WHERE client_id = %s) WHERE client_id = %s",
        kept.rich.pk,
        kept.anna.pk,
    )
    return of(kept.anna)


def a_blind_index_changed(run: Run, kept: Kept) -> str:
    run("UPDATE kyc_identity SET inn_blind = 'none' WHERE client_id = %s", kept.anna.pk)
    return of(kept.anna)


PLANTS: dict[Callable[[Run, Kept], str], str] = {
    a_client_opened_by_hand: "statuses_follow_their_trail",
    a_listed_client_let_in: "no_listed_client_is_open",
    an_identification_taken_away: "who_is_let_in_was_identified_and_screened",
    a_screening_taken_away: "who_is_let_in_was_identified_and_screened",
    a_rating_made_worse_after_the_fact: "risks_are_their_last_rating",
    a_risk_made_lower: "risks_are_their_last_rating",
    a_category_given_away: "categories_have_their_ground",
    a_qualification_taken_away: "categories_have_their_ground",
    a_test_given_for_free: "tests_are_judged_as_answered",
    an_answer_changed: "tests_are_judged_as_answered",
    another_seed: "tests_are_judged_as_answered",
    a_hit_dismissed_by_hand: "statuses_follow_their_trail",
    a_seal_moved: "identities_open_and_are_found",
    a_blind_index_changed: "identities_open_and_are_found",
}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_forged_client_is_named(bank: models.Bank, plant: Callable[[Run, Kept], str]) -> None:
    kept = Kept(bank)
    assert verify(bank.code) == ""
    with forging(bank) as run:
        named = plant(run, kept)
    complaints = verify(bank.code)
    rule = PLANTS[plant].replace("_", " ")
    assert f"{bank.code}: {rule}: {named}: " in complaints, complaints


def test_who_opens_at_high_risk_alone_is_named(bank: models.Bank) -> None:
    client = clients.identify(bank, clients.person(is_pep=True))
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        operations.decisions._open(operations.rows.locked(client.pk), "alone", AT)
    assert "who was opened at high risk has two people" in verify(bank.code)


def test_every_rule_but_the_checks_own_has_a_plant() -> None:
    rules = {rule.__name__ for rule in invariants.INVARIANTS}
    held_by_a_check = {"limits_used_are_not_negative"}
    elsewhere = {"who_was_opened_at_high_risk_has_two_people", "steps_are_ways_there_are"}
    assert rules - set(PLANTS.values()) == held_by_a_check | elsewhere
