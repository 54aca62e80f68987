"""What `manage.py verify` proves of clients, one function a rule.

Each runs inside one bank's read-only snapshot and yields (row, what is wrong); none: it holds. That
the limit's counter is what was bought is proved where the purchases are.
"""

from __future__ import annotations

from collections.abc import Iterator

from common import ids, statements
from kyc import states, suitability
from kyc.models import Attempt, Client, Identity, ScreeningHit

Violation = tuple[str, str]

_PREFIXES = (Client.id_prefix, ScreeningHit.id_prefix, Attempt.id_prefix)


def statuses_follow_their_trail() -> Iterator[Violation]:
    """A status is the last one that was kept of it, and each step began where the last ended."""
    tables = (("cli", "kyc_client"), ("hit", "kyc_screeninghit"), ("att", "kyc_attempt"))
    for prefix, table in tables:
        for row, status, kept in statements.rows(
            f"SELECT r.id, r.status, t.status_to FROM {table} r LEFT JOIN ("  # noqa: S608 (ours)
            "   SELECT DISTINCT ON (subject_id) subject_id, status_to FROM common_statuschange"
            "    WHERE subject_kind = %s ORDER BY subject_id, id DESC"
            " ) t ON t.subject_id = r.id"
            # What has never moved has no trail but a client, whose application is kept.
            " WHERE coalesce(t.status_to, CASE %s WHEN 'hit' THEN 'OPEN' WHEN 'att' THEN 'DRAWN'"
            "       END) IS DISTINCT FROM r.status",
            [prefix, prefix],
        ):
            yield ids.show(prefix, row), f"is {status}, its trail ends at {kept}"
    for prefix, row in statements.rows(
        "SELECT subject_kind, subject_id FROM (SELECT subject_kind, subject_id, status_from,"
        "   lag(status_to) OVER (PARTITION BY subject_kind, subject_id ORDER BY id) AS before"
        "   FROM common_statuschange WHERE subject_kind = ANY(%s)) AS step"
        " WHERE before <> status_from",
        [list(_PREFIXES)],
    ):
        yield ids.show(prefix, row), "its trail has a gap"


def steps_are_ways_there_are() -> Iterator[Violation]:
    """No client went a way that the states do not have."""
    for row, before, after in statements.rows(
        "SELECT DISTINCT subject_id, status_from, status_to FROM common_statuschange"
        " WHERE subject_kind = 'cli' AND status_from <> ''"
    ):
        if after not in states.CLIENT_TRANSITIONS.get(before, ()):
            yield ids.show(Client.id_prefix, row), f"went from {before} to {after}"


def who_is_let_in_was_identified_and_screened() -> Iterator[Violation]:
    for client, identified, screened in statements.rows(
        "SELECT c.id, i.identified_at IS NOT NULL AND i.identified_at <= c.opened_at,"
        "       EXISTS (SELECT FROM kyc_screening s"
        "                WHERE s.client_id = c.id AND s.at <= c.opened_at)"
        "  FROM kyc_client c LEFT JOIN kyc_identity i ON i.client_id = c.id"
        " WHERE c.status = ANY(%s)",
        [[status.value for status in states.LET_IN]],
    ):
        if not identified:
            yield ids.show(Client.id_prefix, client), "is let in and was not identified before"
        if not screened:
            yield ids.show(Client.id_prefix, client), "is let in and was not screened before"


def no_listed_client_is_open() -> Iterator[Violation]:
    for client, status in statements.rows(
        "SELECT DISTINCT c.id, c.status FROM kyc_client c"
        "  JOIN kyc_screeninghit h ON h.client_id = c.id AND h.status = 'CONFIRMED'"
        " WHERE c.status NOT IN ('FROZEN', 'REFUSED', 'CLOSED')"
    ):
        yield ids.show(Client.id_prefix, client), f"is {status} and on a list"


def who_was_opened_at_high_risk_has_two_people() -> Iterator[Violation]:
    """The last rating before a client was let in was not HIGH, or a proposal was approved."""
    for (client,) in statements.rows(
        "SELECT s.subject_id FROM common_statuschange s"
        " CROSS JOIN LATERAL (SELECT rating FROM kyc_riskassessment r"
        "    WHERE r.client_id = s.subject_id AND r.id < s.id ORDER BY r.id DESC LIMIT 1) AS last"
        " WHERE s.subject_kind = 'cli' AND s.status_to = 'OPEN' AND s.status_from <> 'FROZEN'"
        "   AND last.rating = 'HIGH' AND NOT EXISTS ("
        "   SELECT FROM common_proposal p WHERE p.kind = 'open_high_risk_client'"
        "      AND p.subject = 'cli:' || s.subject_id::text AND p.status = 'APPROVED'"
        "      AND p.maker <> p.checker)"
    ):
        yield ids.show(Client.id_prefix, client), "was opened at high risk by one person"


def risks_are_their_last_rating() -> Iterator[Violation]:
    for client, risk, rating in statements.rows(
        "SELECT c.id, c.risk, last.rating FROM kyc_client c"
        " CROSS JOIN LATERAL (SELECT rating FROM kyc_riskassessment r WHERE r.client_id = c.id"
        "    ORDER BY r.id DESC LIMIT 1) AS last WHERE last.rating <> c.risk"
    ):
        yield ids.show(Client.id_prefix, client), f"is of {risk} risk, was rated {rating}"


def limits_used_are_not_negative() -> Iterator[Violation]:
    for client, used in statements.rows(
        "SELECT id, limit_used_rub FROM kyc_client WHERE NOT limit_used_rub BETWEEN 0 AND 1e19"
    ):
        yield ids.show(Client.id_prefix, client), f"has used {used} of its limit"


def categories_have_their_ground() -> Iterator[Violation]:
    """A qualified investor has shown what it takes."""
    for (client,) in statements.rows(
        "SELECT id FROM kyc_client c WHERE category = 'QUALIFIED' AND NOT EXISTS"
        " (SELECT FROM kyc_qualification q WHERE q.client_id = c.id)"
    ):
        yield ids.show(Client.id_prefix, client), "is qualified on no ground"


def tests_are_judged_as_answered() -> Iterator[Violation]:
    """The questions follow from the seed, the result from the answers; a pass is an attempt's."""
    for attempt in Attempt.objects.filter(pool=suitability.pool_digest()).iterator():
        where = ids.show(Attempt.id_prefix, attempt.pk)
        if suitability.draw(attempt.seed, attempt.drawn) != attempt.questions:
            yield where, "its questions are not those that its seed draws"
        elif attempt.status != states.AttemptStatus.DRAWN:
            correct = suitability.judge(attempt.seed, attempt.questions, attempt.answers or {})
            passed = attempt.status == states.AttemptStatus.PASSED
            if correct != attempt.correct or passed != (correct >= attempt.pass_mark):
                yield where, f"has {correct} right answers, was judged {attempt.correct}"
    for client, status in statements.rows(
        "SELECT c.id, c.test_status FROM kyc_client c LEFT JOIN (SELECT client_id,"
        "   bool_or(status = 'PASSED') AS passed, bool_or(status = 'FAILED') AS failed"
        "   FROM kyc_attempt GROUP BY client_id) AS a ON a.client_id = c.id"
        " WHERE c.test_status <> CASE WHEN a.passed THEN 'PASSED' WHEN a.failed THEN 'FAILED'"
        "                             ELSE 'NONE' END"
    ):
        yield ids.show(Client.id_prefix, client), f"stands at {status}, unlike its attempts"


def identities_open_and_are_found() -> Iterator[Violation]:
    """Every client has an identity, each sealed text opens, and each blind index is its text's."""
    for (client,) in statements.rows(
        "SELECT id FROM kyc_client EXCEPT SELECT client_id FROM kyc_identity"
    ):
        yield ids.show(Client.id_prefix, client), "has no identity"
    for identity in Identity.objects.iterator():
        where = ids.show(Client.id_prefix, identity.pk)
        yield from ((where, wrong) for wrong in identity.wrongs())


INVARIANTS = (
    statuses_follow_their_trail,
    steps_are_ways_there_are,
    who_is_let_in_was_identified_and_screened,
    no_listed_client_is_open,
    who_was_opened_at_high_risk_has_two_people,
    risks_are_their_last_rating,
    limits_used_are_not_negative,
    categories_have_their_ground,
    tests_are_judged_as_answered,
    identities_open_and_are_found,
)
