"""What stands under a client's fields: the checks, the ratings, the test, the accounts."""

from __future__ import annotations

from typing import Any

from common.admin.shown import badge, link, who
from kyc import masking, queries
from kyc.models import Attempt, RiskAssessment
from ledger.admin.shown import Table, changes_of, words

_HIT = {"OPEN": "warning", "CONFIRMED": "danger", "DISMISSED": "success"}
_RATING = {"LOW": "success", "MEDIUM": "warning", "HIGH": "danger"}
_ATTEMPT = {"PASSED": "success", "FAILED": "danger"}
LATEST = 10


def of_client(row: Any) -> list[Table]:
    """Return the tables of what is known of a client; what belongs to nobody else is masked."""
    tables = [_hits(row), _ratings(row), _attempts(row), _accounts(row), changes_of(row)]
    return [_owners(row), *tables] if row.kind == "ENTITY" else tables


def _hits(row: Any) -> Table:
    return Table(
        "Likenesses to listed parties",
        ("Hit", "List", "Listed name", "Score", "Birth agrees", "Status", "Reason"),
        [
            (
                link(hit),
                hit.party.get_source_display(),
                hit.listed_name,
                hit.score,
                {True: "yes", False: "no", None: "unknown"}[hit.birth_agrees],
                badge(hit.get_status_display(), _HIT.get(hit.status, "")),
                hit.reason or "–",
            )
            for hit in queries.hits_of(row.pk)
        ],
        frozenset({"Score"}),
    )


def _owners(row: Any) -> Table:
    return Table(
        "Owners",
        ("Name", "Born", "Country", "Share, %", "Politically exposed"),
        [
            (
                masking.name(owner.name),
                masking.birth_date(owner.birth_date),
                owner.country,
                f"{owner.share_percent.normalize():f}",
                "yes" if owner.is_pep else "no",
            )
            for owner in queries.owners(row)
        ],
        frozenset({"Share, %"}),
    )


def _ratings(row: Any) -> Table:
    rated = RiskAssessment.objects.filter(client_id=row.pk).order_by("-id")
    return Table(
        "Ratings of risk",
        ("At", "Rating", "Reasons", "By"),
        [
            (
                each.at,
                badge(words(each.rating), _RATING.get(each.rating, "")),
                ", ".join(words(reason) for reason in each.reasons) or "none",
                who(each, each.actor),
            )
            for each in rated[:LATEST]
        ],
    )


def _attempts(row: Any) -> Table:
    sat = Attempt.objects.filter(client_id=row.pk).order_by("-number")
    return Table(
        "Investor test",
        ("Attempt", "Number", "Drawn", "Status", "Right answers", "Needed"),
        [
            (
                link(each),
                each.number,
                each.at,
                badge(each.get_status_display(), _ATTEMPT.get(each.status, "info")),
                "–" if each.correct is None else each.correct,
                each.pass_mark,
            )
            for each in sat
        ],
        frozenset({"Number", "Right answers", "Needed"}),
        "Not sat.",
    )


def _accounts(row: Any) -> Table:
    return Table(
        "Own accounts in other banks",
        ("Account", "Bank", "BIC", "Number", "On file since", "Off file since"),
        [
            (
                link(account),
                account.bank_name or "–",
                account.bic,
                masking.number(account.number),
                account.added_at,
                account.closed_at or "–",
            )
            for account in queries.bank_accounts(row)
        ],
    )
