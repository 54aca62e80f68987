"""Comparing clients with the lists, deciding on likenesses, rating risk."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from common import changes, errors, ids, outbox, tenancy
from kyc import queries, risk, states
from kyc.models import Client, RiskAssessment, Screening, ScreeningHit
from kyc.operations import rows

LISTED = "LISTED"


def screen_client(*, client_id: UUID, at: datetime) -> list[ScreeningHit]:
    """Compare a client, and the owners of one, with the lists now; return what is to be judged.

    A new likeness of somebody who was identified leads to IN_REVIEW. Who is let in stays as he is
    until compliance has decided.

    Raises: NOT_FOUND; STATUS_CONFLICT; LISTS_MISSING.
    """
    client = rows.locked(client_id)
    rows.require(
        client, states.ClientStatus.IDENTIFIED, states.ClientStatus.IN_REVIEW, *states.LET_IN
    )
    hits = screen(client, at)
    rate(client, at)
    if hits and client.status == states.ClientStatus.IDENTIFIED:
        rows.move(
            client,
            states.ClientStatus.IN_REVIEW,
            at,
            "resembles a listed party",
            "client_in_review",
        )
    return hits


def rescreen_client(*, client_id: UUID, at: datetime) -> list[ScreeningHit]:
    """Screen a client let in, unless the last screening is good still; return what is to be judged.

    Raises: NOT_FOUND; STATUS_CONFLICT; RULE_UNKNOWN.
    """
    client = rows.locked(client_id)
    rows.require(client, *states.LET_IN)
    if not queries.outdated_screenings(at).filter(pk=client_id).exists():
        return _to_judge(client)
    hits = screen(client, at)
    rate(client, at)
    return hits


def confirm_hit(*, hit_id: UUID, reason: str, at: datetime) -> ScreeningHit:
    """Decide that it is the listed party: an applicant is refused, an open client frozen.

    Raises: NOT_FOUND; STATUS_CONFLICT.
    """
    hit, client = _decide(hit_id, states.HitStatus.CONFIRMED, reason, at)
    rate(client, at)
    if client.status in states.APPLYING:
        rows.move(
            client,
            states.ClientStatus.REFUSED,
            at,
            reason,
            "client_refused",
            status_reason=LISTED,
        )
    elif client.status == states.ClientStatus.OPEN:
        rows.move(
            client, states.ClientStatus.FROZEN, at, reason, "client_frozen", status_reason=LISTED
        )
    elif client.status == states.ClientStatus.FROZEN:
        Client.objects.filter(pk=client.pk).update(status_reason=LISTED)
    return hit


def dismiss_hit(*, hit_id: UUID, reason: str, at: datetime) -> ScreeningHit:
    """Decide that it is somebody else.

    Raises: NOT_FOUND; STATUS_CONFLICT.
    """
    hit, client = _decide(hit_id, states.HitStatus.DISMISSED, reason, at)
    rate(client, at)
    return hit


def screen(client: Client, at: datetime) -> list[ScreeningHit]:
    """Compare a locked client with the lists; return the hits that are to be judged.

    A party that was judged before is not raised again.

    Raises: LISTS_MISSING.
    """
    versions = queries.list_versions(rows.jurisdiction_id())
    if not versions:
        raise errors.Refused("LISTS_MISSING")
    index = queries.list_index(rows.jurisdiction_id(), versions)
    found = [
        ScreeningHit(
            bank_id=client.bank_id,
            client=client,
            owner_id=owner_id,
            party_id=match.party_id,
            listed_name=match.name,
            score=match.score,
            exact=match.is_exact,
            birth_agrees=match.birth_agrees,
            at=at,
        )
        for owner_id, subject in queries.subjects_of(client)
        for match in index.matches(subject)
    ]
    known = set(ScreeningHit.objects.filter(client=client).values_list("owner_id", "party_id"))
    ScreeningHit.objects.bulk_create(
        [hit for hit in found if (hit.owner_id, hit.party_id) not in known]
    )
    Screening.objects.create(
        bank_id=client.bank_id,
        client=client,
        lists=versions,
        hits=len(found),
        at=at,
        actor=tenancy.current().actor.label,
    )
    return _to_judge(client)


def rate(client: Client, at: datetime) -> str:
    """Rate a locked client's risk now, keep the rating with its reasons, and return it."""
    rating, reasons = risk.rate(queries.risk_factors(client), rows.day_of(at))
    RiskAssessment.objects.create(
        bank_id=client.bank_id,
        client=client,
        rating=rating,
        reasons=reasons,
        at=at,
        actor=tenancy.current().actor.label,
    )
    Client.objects.filter(pk=client.pk).update(risk=rating)
    client.risk = rating
    return rating


def _to_judge(client: Client) -> list[ScreeningHit]:
    hits = ScreeningHit.objects.filter(client=client, status=states.HitStatus.OPEN)
    return list(hits.order_by("-score", "id"))


def _decide(hit_id: UUID, to: str, reason: str, at: datetime) -> tuple[ScreeningHit, Client]:
    found = ScreeningHit.objects.filter(pk=hit_id).values_list("client_id", flat=True).first()
    if found is None:
        raise errors.Refused("NOT_FOUND", {"hit": ids.show(ScreeningHit.id_prefix, hit_id)})
    client = rows.locked(found)
    hit = ScreeningHit.objects.get(pk=hit_id)
    changes.move(
        hit,
        to=to,
        transitions=states.HIT_TRANSITIONS,
        at=at,
        reason=reason,
        decided_at=at,
        decided_by=tenancy.current().actor.label,
    )
    ScreeningHit.objects.filter(pk=hit.pk).update(reason=reason)
    hit.reason = reason
    told = {"client": ids.show(Client.id_prefix, client.pk), "hit": ids.show("hit", hit.pk)}
    outbox.emit("kyc.hit_decided", told | {"status": to}, at)
    return hit, client
