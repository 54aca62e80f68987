"""Clients let in are screened again: by each new list, and before a screening is too old."""

from __future__ import annotations

import io
import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from common import clock, errors, ids, models, tenancy, users
from config import celery_app
from kyc import invariants, operations, queries, tasks
from kyc.lists import Party
from kyc.models import Client, Screening, ScreeningHit
from tests.kyc import clients
from tests.kyc.clients import AT
from tests.ledger.books import run_at_once

_numbers = itertools.count(1)
NOBODY = Party("1", "PERSON", ("Ivar Nordvale",))


@pytest.fixture
def own(house: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[models.Bank]:
    """The one bank of a state whose clock begins to run at 2022-02-24."""
    code = f"rescreens{next(_numbers)}"
    state = users.register_jurisdiction(code=code, name=code, at=AT, wall_at=timezone.now())
    bank = users.register_bank(actor=users.supervisor_of(state.id), code=f"in{code}", name=code)
    monkeypatch.setattr(tenancy, "bank_ids", lambda: [bank.id])
    yield bank
    with inside(bank.id):
        assert [(rule.__name__, *each) for rule in invariants.INVARIANTS for each in rule()] == []


def load(bank: models.Bank, *parties: Party) -> None:
    with tenancy.acting(None, users.supervisor_of(bank.jurisdiction_id)):
        operations.load_list(source="un", parties=parties, at=AT)


def inside(bank_id: UUID) -> Any:
    return tenancy.acting(bank_id, users.job("tests", bank_id))


def screenings(client: Client) -> int:
    with inside(client.bank_id):
        return Screening.objects.filter(client=client).count()


def outdated(bank: models.Bank, at: datetime = AT) -> list[Client]:
    with inside(bank.id):
        return list(queries.outdated_screenings(at))


def name_of(client: Client) -> str:
    with inside(client.bank_id):
        return queries.name_of(Client.objects.select_related("identity").get(pk=client.pk).identity)


@contextmanager
def unreadable(client: Client) -> Iterator[None]:
    """Have a client's name spoiled."""

    def swapped(name: Any) -> Any:
        with inside(client.bank_id), connection.cursor() as cursor:
            cursor.execute("SELECT surname FROM kyc_identity WHERE client_id = %s", [client.pk])
            ((held,),) = cursor.fetchall()
            cursor.execute(
                "UPDATE kyc_identity SET surname = %s WHERE client_id = %s", [name, client.pk]
            )
            return held

    kept = swapped(b"spoiled")
    yield
    swapped(kept)


# --- By itself ------------------------------------------------------------------------------------


def test_beat_asks_for_it_by_the_minute() -> None:
    task = "kyc.screen_outdated"
    asked = {"task": task, "schedule": 60.0, "options": {"expires": 60}}
    assert settings.CELERY_BEAT_SCHEDULE[task] == asked
    assert task in celery_app.tasks


def test_a_new_list_is_looked_through_for_every_client_and_once(own: models.Bank) -> None:
    listed, other, waiting = clients.open_client(own), clients.open_client(own), clients.apply(own)
    tasks.screen_outdated()
    assert [screenings(each) for each in (listed, other, waiting)] == [1, 1, 0]
    load(own, Party("1", "PERSON", (name_of(listed),), ("1990-06-15",)))
    assert outdated(own) == [listed, other]
    tasks.screen_outdated()
    tasks.screen_outdated()
    assert outdated(own) == []
    assert [screenings(each) for each in (listed, other, waiting)] == [2, 2, 0]
    with inside(own.id):
        [hit] = queries.hits_of(listed.pk)
        assert (hit.status, Client.objects.get(pk=listed.pk).status) == ("OPEN", "OPEN")
        assert Screening.objects.latest("id").actor == "job:screening"
        operations.confirm_hit(hit_id=hit.pk, reason="the same", at=AT)
        assert Client.objects.get(pk=listed.pk).status == "FROZEN"
    load(own, NOBODY)
    assert outdated(own) == [listed, other]  # who is frozen is screened on


def test_a_screening_is_good_for_as_long_as_the_rulebook_says(own: models.Bank) -> None:
    client = clients.open_client(own)
    until = AT.replace(month=5)  # three months
    assert outdated(own, until) == []
    assert outdated(own, until + timedelta(seconds=1)) == [client]
    office = users.supervisor_of(own.jurisdiction_id)
    clock.set_clock(actor=office, at=until, wall_at=timezone.now())
    tasks.screen_outdated()
    assert screenings(client) == 2
    assert outdated(own, until + timedelta(days=1)) == []


def test_who_has_nothing_to_do_asks_little(own: models.Bank) -> None:
    for _ in "abc":
        clients.open_client(own)
    with inside(own.id), CaptureQueriesContext(connection) as asked:
        assert list(queries.outdated_screenings(AT)) == []
    assert len(asked) <= 4


def test_a_turn_ends_in_time_and_the_next_goes_on(
    own: models.Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = clients.open_client(own), clients.open_client(own)
    load(own, NOBODY)
    monkeypatch.setattr(tasks, "TURN_S", -1.0)
    tasks.screen_outdated()
    assert outdated(own) == [second]
    tasks.screen_outdated()
    assert [screenings(first), screenings(second)] == [2, 2]


def test_two_turns_at_once_screen_each_client_once(own: models.Bank) -> None:
    open_ones = [clients.open_client(own) for _ in "abc"]
    load(own, NOBODY)
    run_at_once(*[tasks.screen_outdated] * 3)
    assert [screenings(each) for each in open_ones] == [2, 2, 2]


# --- What goes wrong ------------------------------------------------------------------------------


def test_who_left_meanwhile_does_not_end_the_run(
    own: models.Bank, caplog: pytest.LogCaptureFixture
) -> None:
    first, left, last = (clients.open_client(own) for _ in "abc")
    load(own, NOBODY)
    run = tasks.screen_bank(own.id)
    assert next(run) == 0
    with inside(own.id):
        operations.close_client(client_id=left.pk, code="OWN_REQUEST", reason="moves", at=AT)
    with caplog.at_level(logging.WARNING, tasks.__name__):
        assert list(run) == [None, 0]
    assert f"{ids.show('cli', left.pk)} is not screened: Status conflict" in caplog.text
    assert [screenings(each) for each in (first, left, last)] == [2, 1, 2]


def test_a_client_who_fails_does_not_end_the_run(
    own: models.Bank, caplog: pytest.LogCaptureFixture
) -> None:
    spoiled, sound = clients.open_client(own), clients.open_client(own)
    load(own, NOBODY)
    out = io.StringIO()
    with unreadable(spoiled):
        tasks.screen_outdated()
        assert outdated(own) == [spoiled]
        assert screenings(sound) == 2
        assert f"{ids.show('cli', spoiled.pk)} is not screened" in caplog.text
        with pytest.raises(CommandError, match="1 clients were not"):
            call_command("screenclients", stdout=out)
    assert out.getvalue() == "0 clients compared, 0 likenesses to judge.\n"
    tasks.screen_outdated()
    assert outdated(own) == []


def test_a_bank_that_fails_does_not_stop_the_others(
    own: models.Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, nowhere = clients.open_client(own), ids.new()
    load(own, NOBODY)
    monkeypatch.setattr(tenancy, "bank_ids", lambda: [nowhere, own.id])
    tasks.screen_outdated()
    assert f"Clients of bank {nowhere} wait" in caplog.text
    assert screenings(client) == 2


# --- By hand --------------------------------------------------------------------------------------


def test_the_command_does_all_at_once(own: models.Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ones = [clients.open_client(own) for _ in "ab"]
    load(own, *(Party(str(n), "PERSON", (name_of(each),)) for n, each in enumerate(open_ones)))
    monkeypatch.setattr(tasks, "TURN_S", -1.0)
    for told in ("2 clients compared, 2", "0 clients compared, 0"):
        out = io.StringIO()
        call_command("screenclients", "--bank", own.code, stdout=out)
        assert out.getvalue() == f"{told} likenesses to judge.\n"


# --- Frozen clients -------------------------------------------------------------------------------


def test_who_resembles_a_listed_party_is_unfrozen_once_that_is_decided(own: models.Bank) -> None:
    client = clients.open_client(own)
    load(own, Party("1", "PERSON", (name_of(client),)))
    said: dict[str, Any] = {"client_id": client.pk, "reason": "so", "at": AT}
    with inside(own.id):
        operations.freeze_client(code="SUSPICION", **said)
    tasks.screen_outdated()
    with inside(own.id), pytest.raises(errors.Refused, match="HITS_UNDECIDED"):
        operations.unfreeze_client(**said)
    with inside(own.id):
        hit = ScreeningHit.objects.get(client=client)
        operations.dismiss_hit(hit_id=hit.pk, reason="another", at=AT)
        assert operations.unfreeze_client(**said).status == "OPEN"
