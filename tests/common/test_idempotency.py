"""One effect per key, and the first answer ever after: with real threads and real commits."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DataError, ProgrammingError, connection
from django.http import HttpResponse
from django.utils import timezone

from common import errors, idempotency, ids, models, statements, tenancy, users
from config import celery_app
from tests.common import caller

pytestmark = pytest.mark.urls("tests.common.edge_urls")

DIGEST = idempotency.digest(method="POST", path="/v1/notes", body=b"{}")
DONE = idempotency.Answer(201, '{"done": true}')


@pytest.fixture
def clerk(bank: models.Bank) -> caller.Caller:
    return caller.Caller(bank)


def command(
    clerk: caller.Caller,
    effect: Callable[[], idempotency.Answer],
    *,
    key: str = "key",
    sha256: str = DIGEST,
) -> idempotency.Answer:
    """Run `effect` under a key in a transaction of its own."""
    with tenancy.acting(clerk.bank.id, users.job("tests", clerk.bank.id)):
        return idempotency.run(
            key=key, user_id=clerk.user_id, request_sha256=sha256, effect=lambda _: effect()
        )


def note(clerk: caller.Caller) -> idempotency.Answer:
    """Leave a trace that can be counted."""
    models.OutboxEvent.objects.create(
        bank_id=clerk.bank.id, topic="note", payload={}, at="2022-02-24T09:00:00Z"
    )
    return DONE


def kept(clerk: caller.Caller) -> int:
    with tenancy.acting(clerk.bank.id, users.job("tests", clerk.bank.id)):
        return models.IdempotencyKey.objects.count()


# --- The same request again -----------------------------------------------------------------------


def test_a_repetition_gets_the_first_answer_to_the_byte(clerk: caller.Caller) -> None:
    body = {"name": "Ann", "amount": "1.00000000"}
    first, second = clerk.post(body, "again"), clerk.post(body, "again")
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["Content-Type"] == second.headers["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert clerk.written() == 1


def test_a_kept_refusal_is_told_again_with_its_effect(clerk: caller.Caller) -> None:
    first, second = (clerk.post({"name": "reject"}, "rejected") for _ in range(2))
    assert first.status_code == second.status_code == 422
    assert first.content == second.content
    assert second.headers["Content-Type"] == "application/problem+json"
    assert second.headers["Idempotent-Replayed"] == "true"
    assert clerk.written() == 1


def test_another_key_is_another_effect(clerk: caller.Caller) -> None:
    clerk.post({}, "one")
    clerk.post({}, "two")
    assert clerk.written() == 2


def test_a_key_is_its_users_own(bank: models.Bank) -> None:
    ann, ben = caller.Caller(bank), caller.Caller(bank)
    assert ann.post({}, "same").content != ben.post({}, "same").content
    assert ann.written() == 2


# --- Another request under the key ----------------------------------------------------------------


def test_another_body_under_the_key_is_refused(clerk: caller.Caller) -> None:
    clerk.post('{"name": "Ann"}', "mine")
    for other in ('{"name": "Ben"}', '{"name":"Ann"}', '{"name": "Ann"} ', ""):
        told = caller.problem(clerk.post(other, "mine"))
        assert (told["status"], told["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert clerk.written() == 1


def test_method_path_and_body_are_each_in_the_digest() -> None:
    requests = [
        ("POST", "/v1/notes", b"{}"),
        ("PUT", "/v1/notes", b"{}"),
        ("POST", "/v1/note", b"{}"),
        ("POST", "/v1/note", b"s{}"),
        ("POST", "/v1/notes", b""),
        ("POST", '/v1/notes"]\n', b"{}"),
    ]
    digests = {idempotency.digest(method=m, path=p, body=b) for m, p, b in requests}
    assert len(digests) == len(requests)


# --- The header -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "IDEMPOTENCY_KEY_REQUIRED"),
        ("x" * 256, "IDEMPOTENCY_KEY_INVALID"),
        ("ключ", "IDEMPOTENCY_KEY_INVALID"),
        ("a\tb", "IDEMPOTENCY_KEY_INVALID"),
        ("a\x00b", "IDEMPOTENCY_KEY_INVALID"),
    ],
)
def test_a_command_without_a_proper_key_writes_nothing(
    clerk: caller.Caller, key: str, code: str
) -> None:
    told = caller.problem(clerk.send("POST", "/v1/notes", b"{}", Idempotency_Key=key))
    assert (told["status"], told["code"]) == (400, code)
    assert told["errors"][0]["header"] == "Idempotency-Key"
    assert clerk.written() == 0


def test_the_longest_key_is_taken(clerk: caller.Caller) -> None:
    assert clerk.post({}, "~" * 255).status_code == 201


# --- What leaves the key free ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [({"name": "crash"}, 500), ({"name": "refuse"}, 422), ({"amount": 1}, 400)],
)
def test_what_fails_leaves_nothing_and_the_key_free(
    clerk: caller.Caller, body: dict[str, Any], status: int
) -> None:
    assert clerk.post(body, "free").status_code == status
    assert (clerk.written(), kept(clerk)) == (0, 0)
    assert clerk.post({"name": "Ann"}, "free").status_code == 201


def test_an_answer_that_cannot_be_kept_undoes_its_effect(clerk: caller.Caller) -> None:
    def effect() -> idempotency.Answer:
        note(clerk)
        return idempotency.Answer(201, "a\x00b")  # PostgreSQL keeps no NUL

    with pytest.raises(DataError, match="u0000"):
        command(clerk, effect)
    assert (clerk.written(), kept(clerk)) == (0, 0)


def test_an_effect_may_keep_its_answer_itself(clerk: caller.Caller) -> None:
    def effect(keep: idempotency.Keep) -> idempotency.Answer:
        statements.insert([keep(DONE)])
        return note(clerk)

    def ask() -> idempotency.Answer:
        with tenancy.acting(clerk.bank.id, users.job("tests", clerk.bank.id)):
            return idempotency.run(
                key="own", user_id=clerk.user_id, request_sha256=DIGEST, effect=effect
            )

    assert ask() == DONE
    assert ask() == idempotency.Answer(DONE.status, DONE.body, replayed=True)
    assert (clerk.written(), kept(clerk)) == (1, 1)


def test_a_transaction_that_began_with_a_claim_runs_what_it_claimed(clerk: caller.Caller) -> None:
    job = users.job("tests", clerk.bank.id)
    first, second = (idempotency.claim(clerk.user_id, key) for key in ("first", "second"))
    with tenancy.acting(clerk.bank.id, job, claim=first) as acting:
        assert acting.claimed == (first, (True, None, None, None))
        for key in ("first", "second"):  # the second is claimed when it is run
            idempotency.run(
                key=key,
                user_id=clerk.user_id,
                request_sha256=DIGEST,
                effect=lambda _: note(clerk),
            )
    for claim in (first, second):
        with tenancy.acting(clerk.bank.id, job, claim=claim) as acting:
            assert acting.claimed == (claim, (True, DIGEST, DONE.status, DONE.body))
    assert (clerk.written(), kept(clerk)) == (2, 2)


# --- Races ----------------------------------------------------------------------------------------


def in_threads(work: Callable[[int], Any], count: int) -> list[Any]:
    """Run `work` in so many threads that start together, each with a connection of its own."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_while_the_first_runs_the_second_is_told_so_and_then_gets_its_answer(
    clerk: caller.Caller,
) -> None:
    running, finish = threading.Event(), threading.Event()

    def slow() -> idempotency.Answer:
        running.set()
        assert finish.wait(30)
        return note(clerk)

    def first() -> idempotency.Answer:
        try:
            return command(clerk, slow)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(first)
        assert running.wait(30)
        with pytest.raises(errors.Refused, match="IDEMPOTENCY_IN_PROGRESS") as refused:
            command(clerk, lambda: note(clerk))
        assert refused.value.status == 409
        assert command(clerk, lambda: DONE, key="another") == DONE
        finish.set()
        assert answer.result(30) == DONE
    again = command(clerk, lambda: note(clerk))
    assert (again.body, again.replayed) == (DONE.body, True)
    assert clerk.written() == 1


def test_of_many_at_once_one_has_the_effect_and_none_another_answer(clerk: caller.Caller) -> None:
    def post(_number: int) -> HttpResponse:
        return clerk.post({"name": "Ann"}, f"race {attempt}")

    for attempt in range(1, 11):
        responses = in_threads(post, 4)
        made = {each.content for each in responses if each.status_code == 201}
        others = [each for each in responses if each.status_code != 201]
        assert len(made) == 1
        assert {json.loads(each.content)["code"] for each in others} <= {"IDEMPOTENCY_IN_PROGRESS"}
        assert clerk.written() == attempt


def test_the_database_alone_takes_a_key_once(clerk: caller.Caller) -> None:
    command(clerk, lambda: DONE)
    with (
        pytest.raises(Exception, match="idempotency_key_once"),
        tenancy.acting(clerk.bank.id, users.job("tests", clerk.bank.id)),
    ):
        models.IdempotencyKey.objects.create(
            bank_id=clerk.bank.id,
            user_id=clerk.user_id,
            key="key",
            request_sha256=DIGEST,
            status=201,
            body="",
        )


def test_a_process_that_dies_between_effect_and_answer_leaves_nothing(
    clerk: caller.Caller,
) -> None:
    def die() -> idempotency.Answer:
        note(clerk)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return DONE

    with pytest.raises(Exception, match="terminat"):
        command(clerk, die)
    connection.close()
    assert (clerk.written(), kept(clerk)) == (0, 0)
    assert command(clerk, lambda: note(clerk)) == DONE
    assert clerk.written() == 1


# --- Answers are forgotten in the end -------------------------------------------------------------

WEEK = timedelta(days=idempotency.KEPT_DAYS)


def keep(clerk: caller.Caller, key: str, age: timedelta) -> None:
    """Keep an answer that was given so long ago, by id and by column."""
    at = timezone.now() - age
    fresh = ids.new()
    old = UUID(int=int(at.timestamp() * 1000) << 80 | fresh.int & ((1 << 80) - 1))
    with tenancy.acting(clerk.bank.id, users.job("tests", clerk.bank.id)):
        models.IdempotencyKey.objects.create(
            id=old,
            bank_id=clerk.bank.id,
            user_id=clerk.user_id,
            key=key,
            request_sha256=DIGEST,
            status=201,
            body="{}",
            recorded_at=at,
        )


def keys(clerk: caller.Caller) -> set[str]:
    with tenancy.acting(clerk.bank.id, users.job("tests", clerk.bank.id)):
        return set(models.IdempotencyKey.objects.values_list("key", flat=True))


def test_answers_of_all_banks_are_forgotten_after_a_week_and_no_sooner(
    clerk: caller.Caller, make_bank: Callable[[], models.Bank]
) -> None:
    other = caller.Caller(make_bank())
    minute = timedelta(minutes=1)
    for each in (clerk, other):
        keep(each, "older", WEEK + minute)
        keep(each, "younger", WEEK - minute)
    idempotency.forget_all_answers()
    assert keys(clerk) == keys(other) == {"younger"}


def test_answers_are_forgotten_little_by_little(clerk: caller.Caller) -> None:
    idempotency.forget_all_answers()
    for number in range(5):
        keep(clerk, str(number), 2 * WEEK - timedelta(minutes=number))
    assert [idempotency.forget_answers(most=2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_forgotten_key_is_as_good_as_new(clerk: caller.Caller) -> None:
    keep(clerk, "key", 2 * WEEK)
    assert command(clerk, lambda: note(clerk)).replayed
    idempotency.forget_all_answers()
    assert not command(clerk, lambda: note(clerk)).replayed
    assert clerk.written() == 1


def test_the_application_itself_deletes_no_answer(clerk: caller.Caller) -> None:
    keep(clerk, "key", 2 * WEEK)
    with connection.cursor() as cursor:
        cursor.execute("SET perimeter.forgetting = 'on'")
        try:
            with pytest.raises(ProgrammingError, match="permission denied"):
                cursor.execute("DELETE FROM common_idempotencykey")
        finally:
            cursor.execute("RESET perimeter.forgetting")
    assert keys(clerk) == {"key"}


def test_what_is_past_its_time_is_deleted_by_the_hour() -> None:
    for task in ("common.forget_answers", "common.forget_tries"):
        assert settings.CELERY_BEAT_SCHEDULE[task] == {"task": task, "schedule": 3600.0}
        assert task in celery_app.tasks
