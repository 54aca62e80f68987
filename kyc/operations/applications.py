"""Applying, and being identified: who a client is, as told and as seen."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from common import changes, errors, ids, models, outbox, tenancy, users
from kyc import identification, queries, states
from kyc.identification import Entity, Paper, Person, Problem
from kyc.models import BankAccount, BeneficialOwner, Client, Identity
from kyc.operations import rows, screenings
from licensing import queries as licensing

_ONCE = {
    "identity_inn_once_in_bank": "inn",
    "identity_snils_once_in_bank": "snils",
    "identity_ogrn_once_in_bank": "ogrn",
    "identity_document_once_in_bank": "document",
}


def apply_as_person(
    *, person: Person, residency: str, at: datetime, user_id: UUID | None = None
) -> Client:
    """Take a natural person's application; `user_id` is the log-in that the client will have.

    Raises: what `identification.problems_of_person` finds, the first one naming the refusal;
    USER_UNKNOWN; USER_HAS_CLIENT; CLIENT_EXISTS if the bank knows the person already.
    """
    rows.refuse(identification.problems_of_person(person, rows.day_of(at)))
    client = _client(
        states.ClientKind.PERSON, states.Category.NON_QUALIFIED, residency, at, user_id
    )
    identity = Identity(
        client_id=client.pk,
        bank_id=client.bank_id,
        surname=person.surname,
        given_name=person.given_name,
        patronymic=person.patronymic,
        birth_date=person.birth_date.isoformat(),
        birth_place=person.birth_place,
        inn=person.inn,
        snils=person.snils,
        ogrn=person.ogrnip,
        address=person.address,
        phone=person.phone,
        email=person.email,
        country=person.country,
        is_pep=person.is_pep,
    )
    _set_paper(identity, person.paper)
    return _applied(client, identity, at)


def apply_as_entity(
    *, entity: Entity, residency: str, at: datetime, user_id: UUID | None = None
) -> Client:
    """Take a legal entity's application with the owners that it discloses.

    Raises: what `identification.problems_of_entity` finds, the first one naming the refusal;
    USER_UNKNOWN; USER_HAS_CLIENT; CLIENT_EXISTS; RULE_UNKNOWN.
    """
    on = rows.day_of(at)
    share = licensing.rulebook_of(rows.jurisdiction_id(), at).value("beneficial_owner_share", on)
    rows.refuse(identification.problems_of_entity(entity, on, share * 100))
    client = _client(states.ClientKind.ENTITY, states.Category.LEGAL_ENTITY, residency, at, user_id)
    identity = Identity(
        client_id=client.pk,
        bank_id=client.bank_id,
        legal_name=entity.legal_name,
        inn=entity.inn,
        ogrn=entity.ogrn,
        address=entity.address,
        phone=entity.phone,
        email=entity.email,
        country=entity.country,
    )
    applied = _applied(client, identity, at)
    for owner in entity.owners:
        row = BeneficialOwner(
            bank_id=client.bank_id,
            client=client,
            country=owner.country,
            share_percent=owner.share_percent,
            is_pep=owner.is_pep,
            added_at=at,
        )
        row.name, row.birth_date = owner.name, owner.birth_date.isoformat()
        row.save(force_insert=True)
    return applied


def identify_client(*, client_id: UUID, at: datetime) -> Client:
    """Record that the bank has seen the papers, and screen and rate the client.

    A likeness to a listed party or a high risk leads to IN_REVIEW, else IDENTIFIED.

    1. The client is locked and must be APPLIED.
    2. The papers are judged again, for time has passed.
    3. The lists are asked, the risk is rated.

    Raises: NOT_FOUND; STATUS_CONFLICT; what the papers' rules find; LISTS_MISSING.
    """
    client = rows.locked(client_id)
    rows.require(client, states.ClientStatus.APPLIED)
    rows.refuse(_problems_now(client, at))
    Identity.objects.filter(pk=client.pk).update(
        identified_at=at, identified_by=tenancy.current().actor.label
    )
    hits = screenings.screen(client, at)
    risk = screenings.rate(client, at)
    doubtful = bool(hits) or risk == states.Risk.HIGH
    rows.move(
        client,
        states.ClientStatus.IN_REVIEW if doubtful else states.ClientStatus.IDENTIFIED,
        at,
        "papers seen",
        "client_identified",
    )
    return client


def replace_document(*, client_id: UUID, paper: Paper, at: datetime) -> Client:
    """Put a person's new passport in the place of the old one.

    Raises: NOT_FOUND; DOCUMENT_NOT_NEEDED (an entity's); STATUS_CONFLICT if the client is refused
    or closed; what the papers' rules find; CLIENT_EXISTS.
    """
    client = rows.locked(client_id)
    if client.kind != states.ClientKind.PERSON:
        raise errors.Refused("DOCUMENT_NOT_NEEDED", {"client": _shown(client)})
    rows.require(client, *states.APPLYING, *states.LET_IN)
    identity = rows.identity_of(client)
    _set_paper(identity, paper)
    rows.refuse(identification.problems_of_paper(queries.person_of(identity), rows.day_of(at)))
    _save(identity)
    outbox.emit("kyc.document_replaced", {"client": _shown(client)}, at)
    return client


def reseal_identities() -> int:
    """Seal the acting bank's personal data under the newest key; return how many rows had an older.

    Owners' rows are written once; their seals keep the key that they have.
    """
    count = 0
    for identity in Identity.objects.select_for_update().iterator():
        if identity.unseal_all():
            identity.save()
            count += 1
    return count


def add_bank_account(
    *, client_id: UUID, bic: str, number: str, bank_name: str, at: datetime
) -> BankAccount:
    """Put a client's own rouble account in another bank on file.

    Raises: NOT_FOUND; STATUS_CONFLICT; BIC_INVALID; ACCOUNT_NUMBER_INVALID; ACCOUNT_TAKEN if it is
    on file already.
    """
    client = rows.locked(client_id)
    rows.require(client, *states.APPLYING, *states.LET_IN)
    rows.refuse(identification.problems_of_account(bic, number))
    account = BankAccount(
        bank_id=client.bank_id,
        client=client,
        bic=bic,
        number=number,
        bank_name=bank_name,
        added_at=at,
    )
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError as taken:
        raise errors.Refused("ACCOUNT_TAKEN", {"bic": bic, "number": f"…{number[-4:]}"}) from taken
    return account


def close_bank_account(*, client_id: UUID, account_id: UUID, at: datetime) -> BankAccount:
    """Take a client's account off the file; one that is off already stays as it is.

    Raises: NOT_FOUND.
    """
    client = rows.locked(client_id)
    accounts = BankAccount.objects.filter(pk=account_id, client=client)
    accounts.filter(closed_at__isnull=True).update(closed_at=at)
    account = accounts.first()
    if account is None:
        raise errors.Refused("NOT_FOUND", {"account": ids.show(BankAccount.id_prefix, account_id)})
    return account


def _client(kind: str, category: str, residency: str, at: datetime, user_id: UUID | None) -> Client:
    if user_id is not None:
        user = models.User.objects.filter(pk=user_id, is_active=True).first()
        if user is None or user.role != users.Role.CLIENT:
            raise errors.Refused("USER_UNKNOWN", {"user": ids.show("usr", user_id)})
        if Client.objects.filter(user_id=user_id).exists():
            raise errors.Refused("USER_HAS_CLIENT", {"user": ids.show("usr", user_id)})
    return Client(
        bank_id=rows.bank_id(),
        user_id=user_id,
        kind=kind,
        category=category,
        residency=residency,
        applied_at=at,
        limit_year=rows.day_of(at).year,
    )


def _applied(client: Client, identity: Identity, at: datetime) -> Client:
    try:
        with transaction.atomic():
            client.save(force_insert=True)
    except IntegrityError as taken:  # by the same user, at the same moment
        raise errors.Refused("USER_HAS_CLIENT") from taken
    _save(identity, is_new=True)
    changes.keep(client, before="", at=at)
    outbox.emit("kyc.client_applied", {"client": _shown(client), "kind": client.kind}, at)
    return client


def _save(identity: Identity, *, is_new: bool = False) -> None:
    """Write an identity with its blind indexes; a person is a bank's client once."""
    for column, blind in identity.blinds().items():
        setattr(identity, column, blind)
    try:
        with transaction.atomic():
            identity.save(force_insert=is_new)
    except IntegrityError as known:
        diagnosis = getattr(known.__cause__, "diag", None)
        if getattr(diagnosis, "constraint_name", None) not in _ONCE:
            raise
        # Which number it was is nobody's business: the applicant may not be whose it is.
        raise errors.Refused("CLIENT_EXISTS") from None


def _set_paper(identity: Identity, paper: Paper) -> None:
    identity.document_kind = paper.kind
    identity.document_number = paper.number
    identity.document_issued = paper.issued.isoformat()
    identity.document_expires = paper.expires.isoformat() if paper.expires else ""
    identity.department_code = paper.department_code
    identity.mrz = paper.mrz


def _problems_now(client: Client, at: datetime) -> list[Problem]:
    if client.kind == states.ClientKind.ENTITY:
        return []  # nothing of an entity's runs out
    person = queries.person_of(rows.identity_of(client))
    return identification.problems_of_person(person, rows.day_of(at))


def _shown(client: Client) -> str:
    return ids.show(Client.id_prefix, client.pk)
