"""Every read of clients that another file uses. All inside `tenancy.acting`."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

import licensing.queries
from common import clock, errors, ids, statements, tenancy, users
from kyc import risk, screening, sealing, states
from kyc.identification import Paper, Person
from kyc.models import (
    Attempt,
    BankAccount,
    BeneficialOwner,
    Client,
    Identity,
    ListedParty,
    RiskAssessment,
    Screening,
    ScreeningHit,
    WatchList,
)
from kyc.standing import Standing, limit_rub, used_rub

Row = TypeVar("Row")

# Whoever may see that a client resembles a listed party: never the client.
_SEE_HITS = frozenset(
    {
        users.Role.COMPLIANCE,
        users.Role.OPERATIONS,
        users.Role.AUDITOR,
        users.Role.SUPERVISOR,
        users.Role.JOB,
    }
)
# Whoever needs a client's data in full for the work; to others they are masked.
_SEE_DATA = frozenset({users.Role.COMPLIANCE, users.Role.OPERATIONS})

_COLUMNS = (
    "id, user_id, kind, status, category, test_status, residency, risk, limit_year, limit_used_rub"
)


def lock_clients(client_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Lock clients' rows by id for the caller's transaction and return how each stands.

    Whoever is not there is not in the answer. Every operation that moves a client's money begins
    here; it runs at every order, hence one statement.
    """
    locked = statements.rows(
        # Planned once: a plan cannot know how long a subselect's list is.
        f"SELECT {_COLUMNS} FROM kyc_client"  # noqa: S608 (a constant)
        " WHERE id = ANY ((SELECT %s)::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        [list(client_ids)],
    )
    return {row[0]: Standing(*row) for row in locked}


def standing(client_id: UUID) -> Standing:
    """Return how a client stands, without a lock: to show, not to decide.

    Raises: NOT_FOUND.
    """
    row = Client.objects.filter(pk=client_id).values_list(*_COLUMNS.split(", ")).first()
    if row is None:
        raise errors.Refused("NOT_FOUND", {"client": ids.show(Client.id_prefix, client_id)})
    return Standing(*row)


def limit_of(client_id: UUID, at: datetime) -> tuple[Decimal | None, Decimal]:
    """Return how much a client may buy for in the year (None: no limit), and what is used of it.

    Raises: NOT_FOUND; RULE_UNKNOWN.
    """
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    stands, on = standing(client_id), clock.business_date(at)
    rulebook = licensing.queries.rulebook_of(jurisdiction_id, at)
    return limit_rub(stands, rulebook, on), used_rub(stands, on.year)


def clients_for(actor: users.Actor) -> QuerySet[Client]:
    """Return the clients that somebody may see: a client oneself, others all of the bank."""
    if actor.role is users.Role.CLIENT:
        assert actor.user_id is not None
        return Client.objects.filter(user_id=actor.user_id)
    return Client.objects.all()


def client_for(*, actor: users.Actor, client_id: UUID) -> Client:
    """Return a client that the actor may see.

    Raises: NOT_FOUND.
    """
    return _there(clients_for(actor).filter(pk=client_id).first(), Client.id_prefix, client_id)


def client_of_user(actor: users.Actor) -> UUID:
    """Return the id of the client that the actor is.

    Raises: CLIENT_UNKNOWN if the actor has not applied, or is nobody's client.
    """
    found = statements.rows("SELECT id FROM kyc_client WHERE user_id = %s", [actor.user_id])
    if not found:
        raise errors.Refused("CLIENT_UNKNOWN", {"actor": actor.label})
    client_id: UUID = found[0][0]
    return client_id


def sees_data(actor: users.Actor, client: Client) -> bool:
    """Say whether the actor sees a client's personal data unmasked: by duty, or as one's own."""
    own = actor.user_id is not None and actor.user_id == client.user_id
    return own or actor.role in _SEE_DATA


def find(actor: users.Actor, what: str, text: str) -> QuerySet[Client]:
    """Return the clients whose `inn`, `snils`, `ogrn` or `document` this is, by its blind index.

    Nobody to those who do not see data in full: a search would tell them.
    """
    if actor.role not in _SEE_DATA or actor.bank_id is None or not text:
        return Client.objects.none()
    blind = sealing.blind(what, text, bank_id=actor.bank_id)
    found = Identity.objects.filter((f"{what}_blind", blind))
    return Client.objects.filter(pk__in=found.values("pk"))


def bank_accounts(client: Client) -> QuerySet[BankAccount]:
    """Return a client's own accounts in other banks that are on file."""
    return BankAccount.objects.filter(client=client)


def bank_account_for(*, actor: users.Actor, account_id: UUID) -> BankAccount:
    """Return a bank account of a client whom the actor may see.

    Raises: NOT_FOUND.
    """
    accounts = BankAccount.objects.select_related("client")
    found = accounts.filter(pk=account_id, client__in=clients_for(actor)).first()
    return _there(found, BankAccount.id_prefix, account_id)


def own_account(*, client_id: UUID, bic: str, number: str) -> BankAccount | None:
    """Return the account if it is on file as this client's."""
    accounts = BankAccount.objects.filter(client_id=client_id, bic=bic, number=number)
    return accounts.filter(closed_at__isnull=True).first()


def owners(client: Client) -> QuerySet[BeneficialOwner]:
    """Return an entity's owners, the largest share first."""
    return BeneficialOwner.objects.filter(client=client).order_by("-share_percent", "id")


def hits_for(actor: users.Actor) -> QuerySet[ScreeningHit]:
    """Return the likenesses to listed parties that somebody may see."""
    hits = ScreeningHit.objects.select_related("client", "party")
    return hits if actor.role in _SEE_HITS else hits.none()


def with_hits_to_judge(clients: QuerySet[Any]) -> QuerySet[Any]:
    """Return clients, each with how many likenesses wait to be judged: `hits_to_judge`."""
    hits = ScreeningHit.objects.filter(client=OuterRef("pk"), status=states.HitStatus.OPEN)
    counted = hits.order_by().values("client").annotate(count=Count("pk")).values("count")
    found: QuerySet[Any] = clients.annotate(hits_to_judge=Coalesce(Subquery(counted), 0))
    return found


def hits_of(client_id: UUID) -> QuerySet[ScreeningHit]:
    """Return a client's likenesses that the acting one may see, the most similar first."""
    hits = hits_for(tenancy.current().actor).filter(client_id=client_id)
    return hits.order_by("-score", "id")


def attempts_for(actor: users.Actor) -> QuerySet[Attempt]:
    """Return the sittings of the test that somebody may see."""
    return Attempt.objects.filter(client__in=clients_for(actor))


def hit_for(*, actor: users.Actor, hit_id: UUID) -> ScreeningHit:
    """Return a likeness that the actor may see.

    Raises: NOT_FOUND.
    """
    found = hits_for(actor).filter(pk=hit_id).first()
    return _there(found, ScreeningHit.id_prefix, hit_id)


def attempt_for(*, actor: users.Actor, attempt_id: UUID) -> Attempt:
    """Return a sitting that the actor may see.

    Raises: NOT_FOUND.
    """
    found = attempts_for(actor).filter(pk=attempt_id).first()
    return _there(found, Attempt.id_prefix, attempt_id)


def watch_lists() -> QuerySet[WatchList]:
    """Return the lists that the jurisdiction has loaded."""
    return WatchList.objects.all()


def last_assessment(client: Client) -> RiskAssessment | None:
    """Return how the client's risk was rated last."""
    return RiskAssessment.objects.filter(client=client).order_by("-id").first()


def due_for_review(on: date) -> QuerySet[Client]:
    """Return the clients let in whose review is due by that day, the longest due first."""
    let_in = Client.objects.filter(status__in=states.LET_IN, review_date__lte=on)
    return let_in.order_by("review_date", "id")


def applying() -> QuerySet[Client]:
    """Return the clients who have not been decided on, the longest waiting first."""
    return Client.objects.filter(status__in=states.APPLYING).order_by("id")


def hits_to_judge(actor: users.Actor) -> QuerySet[ScreeningHit]:
    """Return the likenesses that wait to be judged, of those that somebody may see."""
    return hits_for(actor).filter(status=states.HitStatus.OPEN)


@dataclasses.dataclass(frozen=True, slots=True)
class Standings:
    """How many clients a bank has in a status, and how many of them a day brought."""

    bank_id: UUID
    status: str
    clients: int
    applied: int
    opened: int


def clients_by_status(on: date) -> list[Standings]:
    """Return how the clients stand now, bank by bank, and who applied or was opened on a day.

    One statement for all the banks that the acting one sees.
    """
    day = clock.midnight(on), clock.midnight(on + timedelta(days=1))
    applied = Q(applied_at__gte=day[0], applied_at__lt=day[1])
    opened = Q(opened_at__gte=day[0], opened_at__lt=day[1])
    counted = Client.objects.order_by("bank_id", "status").values_list("bank_id", "status")
    rows = counted.annotate(
        clients=Count("pk"),
        applied=Count("pk", filter=applied),
        opened=Count("pk", filter=opened),
    )
    return [Standings(*row) for row in rows]


# --- What operations judge on --------------------------------------------------------------------


def person_of(identity: Identity) -> Person:
    """Return a person as the application said, out of the sealed columns."""
    expires = identity.document_expires
    return Person(
        surname=identity.surname,
        given_name=identity.given_name,
        patronymic=identity.patronymic,
        birth_date=date.fromisoformat(identity.birth_date),
        birth_place=identity.birth_place,
        paper=Paper(
            kind=identity.document_kind,
            number=identity.document_number,
            issued=date.fromisoformat(identity.document_issued),
            department_code=identity.department_code,
            expires=date.fromisoformat(expires) if expires else None,
            mrz=identity.mrz,
        ),
        country=identity.country,
        inn=identity.inn,
        snils=identity.snils,
        ogrnip=identity.ogrn,
        address=identity.address,
        phone=identity.phone,
        email=identity.email,
        is_pep=identity.is_pep,
    )


def tax_numbers(client_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return clients' taxpayer numbers (INN) out of the sealed columns, of those who have one.

    For the tax service: whoever writes one down for it says so with the report.
    """
    identities = Identity.objects.filter(pk__in=client_ids).only("client_id", "inn").order_by("pk")
    return {identity.pk: identity.inn for identity in identities if identity.inn}


def name_of(identity: Identity) -> str:
    """Return what the client is called."""
    parts = (identity.surname, identity.given_name, identity.patronymic)
    return identity.legal_name or " ".join(filter(None, parts))


def subjects_of(client: Client) -> list[tuple[UUID | None, screening.Subject]]:
    """Return whom to look for in the lists: the client, and by their ids an entity's owners."""
    identity = Identity.objects.get(pk=client.pk)
    is_person = client.kind == states.ClientKind.PERSON
    born = date.fromisoformat(identity.birth_date) if is_person else None
    found: list[tuple[UUID | None, screening.Subject]] = [
        (None, screening.Subject(name_of(identity), is_person, born))
    ]
    for owner in owners(client):
        born = date.fromisoformat(owner.birth_date)
        found.append((owner.pk, screening.Subject(owner.name, True, born)))
    return found


def risk_factors(client: Client) -> risk.Factors:
    """Return what a client's risk is judged on."""
    identity = Identity.objects.get(pk=client.pk)
    hits = set(ScreeningHit.objects.filter(client=client).values_list("status", flat=True))
    return risk.Factors(
        client=risk.Party(identity.country, identity.is_pep),
        owners=[risk.Party(owner.country, owner.is_pep) for owner in owners(client)],
        is_entity=client.kind == states.ClientKind.ENTITY,
        is_resident=client.residency == states.Residency.RESIDENT,
        resembled=bool(hits & {states.HitStatus.OPEN, states.HitStatus.DISMISSED}),
        is_listed=states.HitStatus.CONFIRMED in hits,
    )


def list_versions(jurisdiction_id: UUID) -> dict[str, int]:
    """Return the version of each list that the jurisdiction has loaded."""
    lists = WatchList.objects.filter(jurisdiction_id=jurisdiction_id)
    return dict(lists.order_by("source").values_list("source", "version"))


def last_screened(client: Client) -> dict[str, int] | None:
    """Return the versions that a client was compared with last."""
    last = Screening.objects.filter(client=client).order_by("-id").first()
    return None if last is None else dict(last.lists)


def outdated_screenings(at: datetime) -> QuerySet[Client]:
    """Return the acting bank's clients let in who were not screened with the lists of now.

    Nor is a screening good for longer than the rulebook's `rescreening_months`. One statement that
    leaves the clients where they are. Source: AML-FRZ-02.
    """
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    let_in = Client.objects.filter(status__in=states.LET_IN)
    versions = list_versions(jurisdiction_id)
    if not versions or not let_in.exists():
        return Client.objects.none()
    rulebook = licensing.queries.rulebook_of(jurisdiction_id, at)
    months = int(rulebook.value("rescreening_months", clock.business_date(at)))
    good = Screening.objects.filter(
        client=OuterRef("pk"), lists=versions, at__gte=screening.months_before(at, months)
    )
    return let_in.filter(~Exists(good)).order_by("id")


# Lists change rarely and are large: each process keeps the last one made ready of a jurisdiction.
_indexes: dict[UUID, tuple[Mapping[str, int], screening.Index]] = {}


def list_index(jurisdiction_id: UUID, versions: Mapping[str, int]) -> screening.Index:
    """Return the jurisdiction's lists of these versions, ready to be asked."""
    held = _indexes.get(jurisdiction_id)
    if held is not None and held[0] == versions:
        return held[1]
    parties = ListedParty.objects.filter(
        jurisdiction_id=jurisdiction_id, delisted_at__isnull=True
    ).exclude(kind=states.PartyKind.OTHER)
    index = screening.Index(
        screening.Listed(key, kind == states.PartyKind.PERSON, names, births)
        for key, kind, names, births in parties.values_list("id", "kind", "names", "births")
    )
    _indexes[jurisdiction_id] = (dict(versions), index)
    return index


def _there(found: Row | None, prefix: str, row_id: UUID) -> Row:
    if found is None:
        raise errors.Refused("NOT_FOUND", {"id": ids.show(prefix, row_id)})
    return found
