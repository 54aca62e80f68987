"""The investor test and the category: what a client may buy, and how much of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common import changes, errors, ids, outbox, tenancy
from kyc import states, suitability
from kyc.models import Attempt, Client, Qualification
from kyc.operations import rows
from licensing import queries as licensing

# The ground, and the parameter that says how much of it makes a qualified investor.
GROUNDS = {"PROPERTY": "qualified_property_rub", "INCOME": "qualified_income_rub"}


def draw_test(*, client_id: UUID, at: datetime, seed: str | None = None) -> Attempt:
    """Draw the investor test for a person; one that is drawn and not answered is given again.

    How many questions of each difficulty, and how many must be right, the rulebook says.

    Raises: NOT_FOUND; TEST_NOT_NEEDED (an entity's); TEST_PASSED already; STATUS_CONFLICT;
    RULE_UNKNOWN; POOL_TOO_SMALL.
    """
    client = rows.locked(client_id)
    if client.kind == states.ClientKind.ENTITY:
        raise errors.Refused("TEST_NOT_NEEDED", {"client": ids.show("cli", client.pk)})
    rows.require(client, *states.APPLYING, *states.LET_IN)
    attempts = Attempt.objects.filter(client=client)
    drawn = attempts.filter(status=states.AttemptStatus.DRAWN).first()
    if drawn is not None:
        return drawn
    if client.test_status == states.InvestorTest.PASSED:
        raise errors.Refused("TEST_PASSED", {"client": ids.show("cli", client.pk)})
    on = rows.day_of(at)
    rulebook = licensing.rulebook_of(rows.jurisdiction_id(), at)
    wanted = {level: int(number) for level, number in rulebook.value("test_pool", on).items()}
    pass_mark = int(rulebook.value("test_pass_mark", on))
    seed = seed or secrets.token_hex(16)
    try:
        questions = suitability.draw(seed, wanted)
    except suitability.PoolTooSmall as short:
        raise errors.Refused("POOL_TOO_SMALL", {"wanted": wanted}) from short
    return Attempt.objects.create(
        bank_id=client.bank_id,
        client=client,
        number=attempts.count() + 1,
        seed=seed,
        pool=suitability.pool_digest(),
        drawn=wanted,
        questions=questions,
        pass_mark=pass_mark,
        at=at,
    )


def answer_test(*, attempt_id: UUID, answers: Mapping[str, str], at: datetime) -> Attempt:
    """Judge a client's answers, a letter for each question's code; the attempt is kept.

    Raises: NOT_FOUND; STATUS_CONFLICT if it was answered before; ANSWERS_INCOMPLETE unless each
    question, and no other, has an answer.
    """
    found = Attempt.objects.filter(pk=attempt_id).values_list("client_id", flat=True).first()
    if found is None:
        raise errors.Refused("NOT_FOUND", {"attempt": ids.show("att", attempt_id)})
    client = rows.locked(found)
    attempt = Attempt.objects.get(pk=attempt_id)
    if attempt.status != states.AttemptStatus.DRAWN:  # before it is judged: no second guess
        raise errors.Refused(
            "STATUS_CONFLICT", {"row": ids.show("att", attempt.pk), "status": attempt.status}
        )
    if set(answers) != set(attempt.questions):
        raise errors.Refused("ANSWERS_INCOMPLETE", {"questions": attempt.questions})
    correct = suitability.judge(attempt.seed, attempt.questions, answers)
    passed = correct >= attempt.pass_mark
    changes.move(
        attempt,
        to=states.AttemptStatus.PASSED if passed else states.AttemptStatus.FAILED,
        transitions=states.ATTEMPT_TRANSITIONS,
        at=at,
        answers=dict(answers),
        correct=correct,
        answered_at=at,
    )
    if client.test_status != states.InvestorTest.PASSED:
        status = states.InvestorTest.PASSED if passed else states.InvestorTest.FAILED
        Client.objects.filter(pk=client.pk).update(test_status=status)
    told = {"client": ids.show("cli", client.pk), "attempt": ids.show("att", attempt.pk)}
    outbox.emit("kyc.test_answered", told | {"status": attempt.status}, at)
    return attempt


def qualify_client(
    *, client_id: UUID, ground: str, shown_rub: Decimal, reason: str, at: datetime
) -> Client:
    """Take a person for a qualified investor, by property or by income shown.

    Source: RU-QI-01 to RU-QI-04, by the rulebook.

    Raises: NOT_FOUND; STATUS_CONFLICT; CATEGORY_FIXED (an entity's, or qualified already);
    RULE_UNKNOWN where the law does not know the ground then; QUALIFICATION_SHORT.
    """
    client = rows.locked(client_id)
    rows.require(client, *states.APPLYING, *states.LET_IN)
    if client.category != states.Category.NON_QUALIFIED:
        raise errors.Refused("CATEGORY_FIXED", {"category": client.category})
    rulebook = licensing.rulebook_of(rows.jurisdiction_id(), at)
    required: Decimal = rulebook.value(GROUNDS[ground], rows.day_of(at))
    if shown_rub < required:
        raise errors.Refused(
            "QUALIFICATION_SHORT", {"shown_rub": shown_rub, "required_rub": required}
        )
    Qualification.objects.create(
        bank_id=client.bank_id,
        client=client,
        ground=ground,
        shown_rub=shown_rub,
        required_rub=required,
        reason=reason,
        at=at,
        actor=tenancy.current().actor.label,
    )
    client.category = states.Category.QUALIFIED
    Client.objects.filter(pk=client.pk).update(category=client.category)
    outbox.emit("kyc.client_qualified", {"client": ids.show("cli", client.pk)}, at)
    return client
