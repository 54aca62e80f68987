"""Letting clients in, refusing them, freezing, reviewing and closing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from common import changes, errors, ids
from common.models import Proposal
from kyc import identification, queries, states
from kyc.models import Client, ScreeningHit
from kyc.operations import rows, screenings
from ledger import operations as ledger
from ledger import queries as books
from licensing import queries as licensing

BOOK = "main"
OPEN_HIGH_RISK = "open_high_risk_client"


def approve_client(*, client_id: UUID, reason: str, at: datetime) -> Client | Proposal:
    """Open an identified client; one of high risk is proposed, and a second officer opens it.

    Opening opens the client's rouble account in the bank's main book, where there is one.

    Raises: NOT_FOUND; STATUS_CONFLICT; CLIENT_LISTED; HITS_UNDECIDED; SCREENING_OUTDATED (the lists
    are newer than the last screening); what the papers' rules find; ALREADY_PROPOSED.
    """
    client = rows.locked(client_id)
    _check_opening(client, at)
    if client.risk == states.Risk.HIGH:
        return changes.propose(
            kind=OPEN_HIGH_RISK,
            subject=changes.subject_of(client),
            payload={},
            reason=reason,
            at=at,
        )
    _open(client, reason, at)
    return client


@changes.decides(OPEN_HIGH_RISK, scope="clients:approve")
def open_high_risk_client(proposal: Proposal, at: datetime) -> dict[str, Any]:
    """Open the client that another officer proposed, if nothing has come up since."""
    client = rows.locked(UUID(proposal.subject.partition(":")[2]))
    _check_opening(client, at)
    _open(client, proposal.reason, at)
    return {"client": ids.show(Client.id_prefix, client.pk), "status": client.status}


def refuse_client(*, client_id: UUID, code: str, reason: str, at: datetime) -> Client:
    """Refuse an applicant for a stated reason.

    Raises: NOT_FOUND; STATUS_CONFLICT.
    """
    client = rows.locked(client_id)
    rows.move(client, states.ClientStatus.REFUSED, at, reason, "client_refused", status_reason=code)
    return client


def freeze_client(*, client_id: UUID, code: str, reason: str, at: datetime) -> Client:
    """Freeze an open client: nothing is bought, sold or paid out until it is unfrozen.

    Raises: NOT_FOUND; STATUS_CONFLICT.
    """
    client = rows.locked(client_id)
    rows.move(client, states.ClientStatus.FROZEN, at, reason, "client_frozen", status_reason=code)
    return client


def unfreeze_client(*, client_id: UUID, reason: str, at: datetime) -> Client:
    """Open a frozen client again.

    Raises: NOT_FOUND; STATUS_CONFLICT; CLIENT_LISTED if a likeness to a listed party is confirmed,
    HITS_UNDECIDED if one is still to be judged.
    """
    client = rows.locked(client_id)
    rows.require(client, states.ClientStatus.FROZEN)
    _refuse_hits(client)
    rows.move(client, states.ClientStatus.OPEN, at, reason, "client_unfrozen", status_reason="")
    return client


def close_client(*, client_id: UUID, code: str, reason: str, at: datetime) -> Client:
    """End the relation with a client who has nothing left in the bank.

    Raises: NOT_FOUND; STATUS_CONFLICT; BALANCE_LEFT.
    """
    client = rows.locked(client_id)
    rows.require(client, *states.LET_IN)
    owner = ids.show(Client.id_prefix, client.pk)
    accounts: Iterable[Any] = books.accounts(owner=owner)
    for account in accounts:
        if account.balance_now:
            raise errors.Refused(
                "BALANCE_LEFT", {"asset": account.asset_id, "balance": account.balance_now}
            )
    rows.move(client, states.ClientStatus.CLOSED, at, reason, "client_closed", status_reason=code)
    return client


def review_client(*, client_id: UUID, at: datetime) -> Client:
    """Renew what is known of a client let in: papers, lists, risk; the next review is in a year.

    Raises: NOT_FOUND; STATUS_CONFLICT; what the papers' rules find; LISTS_MISSING.
    """
    client = rows.locked(client_id)
    rows.require(client, *states.LET_IN)
    _refuse_papers(client, at)
    screenings.screen(client, at)
    screenings.rate(client, at)
    client.review_date = _next_review(at)
    Client.objects.filter(pk=client.pk).update(review_date=client.review_date)
    rows.tell(client, "client_reviewed", at)
    return client


def _check_opening(client: Client, at: datetime) -> None:
    rows.require(client, states.ClientStatus.IDENTIFIED, states.ClientStatus.IN_REVIEW)
    _refuse_hits(client)
    if queries.last_screened(client) != queries.list_versions(rows.jurisdiction_id()):
        raise errors.Refused("SCREENING_OUTDATED")
    _refuse_papers(client, at)


def _next_review(at: datetime) -> date:
    """Return the day by which a client is to be reviewed, as the rulebook says (AML-KYC-01)."""
    on = rows.day_of(at)
    rulebook = licensing.rulebook_of(rows.jurisdiction_id(), at)
    years, months = divmod(on.month - 1 + int(rulebook.value("client_review_months", on)), 12)
    first = date(on.year + years, months + 1, 1)
    return first + timedelta(days=min(on.day, 28) - 1)


def _refuse_hits(client: Client) -> None:
    hits = ScreeningHit.objects.filter(client=client)
    if hits.filter(status=states.HitStatus.CONFIRMED).exists():
        raise errors.Refused("CLIENT_LISTED", {"client": ids.show("cli", client.pk)})
    if undecided := hits.filter(status=states.HitStatus.OPEN).count():
        raise errors.Refused("HITS_UNDECIDED", {"hits": undecided})


def _refuse_papers(client: Client, at: datetime) -> None:
    if client.kind == states.ClientKind.PERSON:
        person = queries.person_of(rows.identity_of(client))
        rows.refuse(identification.problems_of_paper(person, rows.day_of(at)))


def _open(client: Client, reason: str, at: datetime) -> None:
    rows.move(
        client,
        states.ClientStatus.OPEN,
        at,
        reason,
        "client_opened",
        opened_at=at,
        review_date=_next_review(at),
        status_reason="",
    )
    book = books.books().filter(code=BOOK, bank_id=client.bank_id).first()
    if book is not None:
        owner = ids.show(Client.id_prefix, client.pk)
        wanted = ledger.Wanted("client_cash", "RUB", owner)
        ledger.open_accounts(book_id=book.pk, accounts=[wanted], at=at)
