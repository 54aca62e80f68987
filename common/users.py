"""Who somebody is and what they may do: roles, scopes, actors; users and API keys.

Here too how a request says who sends it: by a session's user or a key's text. Whose rows somebody
may touch is `tenancy`'s; logging in, and the end of it, `access`'s.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib.auth import hashers, password_validation
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from common import errors, ids, models, statements, tenancy


class Role(enum.StrEnum):
    """What somebody is to the house; fixed by the law, hence in the code (docs/adr/0005)."""

    CLIENT = "client"
    DEALER = "dealer"
    COMPLIANCE = "compliance"
    OPERATIONS = "operations"
    HEAD_OF_DESK = "head_of_desk"
    AUDITOR = "auditor"
    SUPERVISOR = "supervisor"
    FINANCIAL_INTELLIGENCE = "financial_intelligence"
    TAX_AUTHORITY = "tax_authority"
    JOB = "job"


# The officers of the state belong to a jurisdiction and to no bank.
STATE = frozenset({Role.SUPERVISOR, Role.FINANCIAL_INTELLIGENCE, Role.TAX_AUTHORITY})

_BANK_READ = frozenset({"market:read", "ledger:read", "clients:read", "orders:read", "cash:read"})
_ALL_READ = _BANK_READ | {
    "reports:read",
    "users:read",
    "keys:read",
    "outbox:read",
    "licences:read",
    "tax:read",
    "approvals:read",
}

# What a role may do. An edge asks for one of these; a key holds some of its user's. Whose rows one
# sees is another question: a client's are the client's own.
ROLES: Mapping[Role, frozenset[str]] = MappingProxyType(
    {
        Role.CLIENT: frozenset(
            {
                "market:read",
                "clients:read",
                "clients:apply",
                "orders:read",
                "orders:write",
                "cash:read",
                "cash:write",
                "tax:read",
            }
        ),
        Role.DEALER: _BANK_READ
        | {"orders:write", "fills:write", "instruments:write", "approvals:read"},
        Role.COMPLIANCE: _BANK_READ
        | {
            "users:read",
            "clients:review",
            "clients:approve",
            "approvals:read",
            "tax:read",
            "reports:read",
            "reports:run",
        },
        Role.OPERATIONS: _ALL_READ
        | {
            "ledger:close",
            "ledger:write",
            "keys:write",
            "users:write",
            "licences:apply",
            "clients:apply",
            "cash:write",
            "cash:receive",
            "cash:approve",
            "tax:write",
            "reports:run",
        },
        Role.HEAD_OF_DESK: _BANK_READ
        | {
            "users:read",
            "licences:read",
            "licences:apply",
            "instruments:write",
            "orders:write",
            "fills:write",
            "fills:bust",
            "ledger:write",
            "cash:approve",
            "approvals:read",
            "reports:read",
        },
        Role.AUDITOR: _ALL_READ,
        Role.SUPERVISOR: _ALL_READ
        | {
            "licences:decide",
            "assets:admit",
            "lists:write",
            "participants:write",
            "regimes:write",
        },
        Role.FINANCIAL_INTELLIGENCE: frozenset({"market:read", "reports:read"}),
        Role.TAX_AUTHORITY: frozenset({"market:read", "reports:read"}),
        Role.JOB: frozenset(),  # the house's own processes pass no edge
    }
)
SCOPES = frozenset().union(*ROLES.values())


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `label` is what entries and status changes carry: `usr_…` or `job:name`.

    `key` is the prefix of the API key that says so, empty where none does.
    """

    label: str
    role: Role
    bank_id: UUID | None
    jurisdiction_id: UUID | None
    user_id: UUID | None = None
    scopes: frozenset[str] = frozenset()
    key: str = ""

    @property
    def supervises(self) -> bool:
        """Whether the actor's transactions run as the role that reads every bank."""
        return self.role is Role.SUPERVISOR


def job(name: str, bank_id: UUID | None = None, jurisdiction_id: UUID | None = None) -> Actor:
    """Return the house's own process `name` as an actor for a bank, or for a state."""
    return Actor(f"job:{name}", Role.JOB, bank_id, jurisdiction_id)


def supervisor_of(jurisdiction_id: UUID) -> Actor:
    """Return the office of the jurisdiction's supervisor as an actor."""
    return Actor("job:supervisor", Role.SUPERVISOR, None, jurisdiction_id)


def actor_of(user: models.User) -> Actor:
    """Return a logged-in user as an actor, with all that the role may do."""
    role = Role(user.role)
    label = ids.show(models.User.id_prefix, user.pk)
    return Actor(label, role, user.bank_id, user.jurisdiction_id, user.pk, ROLES[role])


# --- Jurisdictions, banks, users -----------------------------------------------------------------


def register_jurisdiction(
    *, code: str, name: str, at: datetime, wall_at: datetime
) -> models.Jurisdiction:
    """Open a jurisdiction whose business clock stands at `at` when the wall's says `wall_at`.

    Raises: CODE_TAKEN.
    """
    row = models.Jurisdiction(
        code=code, name=name, clock_business_at=at, clock_wall_at=wall_at, clock_rate=1
    )
    try:
        with tenancy.acting(None, supervisor_of(row.id)):
            row.save(force_insert=True)
    except IntegrityError as error:
        raise errors.Refused("CODE_TAKEN", {"code": code}) from error
    return row


def register_bank(*, actor: Actor, code: str, name: str) -> models.Bank:
    """Open a tenant in the acting supervisor's jurisdiction.

    Raises: CODE_TAKEN.
    """
    try:
        with tenancy.acting(None, actor) as acting:
            assert acting.jurisdiction_id is not None
            return models.Bank.objects.create(
                jurisdiction_id=acting.jurisdiction_id, code=code, name=name
            )
    except IntegrityError as error:
        raise errors.Refused("CODE_TAKEN", {"code": code}) from error


_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def create_user(*, username: str, name: str, role: Role, password: str | None) -> models.User:
    """Give somebody a login with the acting bank, or with the state; in the caller's transaction.

    Without a password nobody logs in by it: such a user acts by API keys alone.

    Raises: USERNAME_MALFORMED, ROLE_ELSEWHERE, PASSWORD_WEAK, USERNAME_TAKEN.
    """
    acting = tenancy.current()
    assert acting.jurisdiction_id is not None
    if not _USERNAME.fullmatch(username):
        raise errors.Refused("USERNAME_MALFORMED", {"username": username})
    if role is Role.JOB or (role in STATE) != (acting.bank_id is None):
        raise errors.Refused("ROLE_ELSEWHERE", {"role": role})
    user = models.User(
        bank_id=acting.bank_id,
        jurisdiction_id=acting.jurisdiction_id,
        username=username,
        name=name,
        role=role,
    )
    user.password = hashers.make_password(None) if password is None else hashed(password, user)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as taken:
        raise errors.Refused("USERNAME_TAKEN", {"username": username}) from taken
    return user


def hashed(password: str, user: models.User) -> str:
    """Return what is kept of a user's password. Raises: PASSWORD_WEAK."""
    try:
        password_validation.validate_password(password, user)
    except ValidationError as weak:
        raise errors.Refused("PASSWORD_WEAK", {"reasons": weak.messages}) from weak
    return hashers.make_password(password)


# --- Houses and sessions -------------------------------------------------------------------------

SESSION_BANK, SESSION_STATE = "bank_id", "jurisdiction_id"


@dataclasses.dataclass(frozen=True, slots=True)
class House:
    """What stands behind the @ of a login: a bank, or the state (`bank_id` None)."""

    bank_id: UUID | None
    jurisdiction_id: UUID

    @property
    def office(self) -> Actor:
        """The house itself as an actor: what keeps its users and keys."""
        if self.bank_id is None:
            return supervisor_of(self.jurisdiction_id)
        return job("office", self.bank_id)


def house_of(code: str) -> House:
    """Return the bank of that code, or the state of `gov.` and a jurisdiction's code.

    Raises: HOUSE_UNKNOWN.
    """
    found = lookup("SELECT * FROM perimeter_house(%s)", code)
    if found is None:
        raise errors.Refused("HOUSE_UNKNOWN", {"code": code})
    return House(*found)


def remember_bank(*, request: HttpRequest, user: models.User, **_: Any) -> None:
    """Keep in the session whose user it is: it is loaded again only inside that house."""
    request.session[SESSION_STATE] = str(user.jurisdiction_id)
    request.session[SESSION_BANK] = str(user.bank_id) if user.bank_id else None


# --- API keys ------------------------------------------------------------------------------------

_KEY = re.compile(r"sk_(?P<prefix>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})")


def issue_key(
    *, user_id: UUID, name: str, scopes: Collection[str], expires_at: datetime, at: datetime
) -> tuple[models.ApiKey, str]:
    """Give a user a key and return it with its text, which is kept nowhere; in the caller's
    transaction.

    Raises: USER_UNKNOWN, SCOPE_NOT_HELD, EXPIRY_PAST.
    """
    # Locked: a user who is ended meanwhile is not left with a key.
    people = models.User.objects.select_for_update(no_key=True)
    user = people.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise errors.Refused("USER_UNKNOWN", {"user": str(user_id)})
    if beyond := set(scopes) - ROLES[Role(user.role)]:
        raise errors.Refused("SCOPE_NOT_HELD", {"scopes": sorted(beyond), "role": user.role})
    if expires_at <= at:
        raise errors.Refused("EXPIRY_PAST", {"expires_at": expires_at.isoformat()})
    prefix, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    key = models.ApiKey.objects.create(
        bank_id=user.bank_id,
        user=user,
        name=name,
        prefix=prefix,
        secret_sha256=_digest(secret),
        scopes=sorted(scopes),
        expires_at=expires_at,
    )
    return key, f"sk_{prefix}_{secret}"


def revoke_key(*, key_id: UUID, at: datetime) -> models.ApiKey:
    """End a key for good and return it; a revoked one stays as it is. In the caller's transaction.

    Raises: NOT_FOUND.
    """
    models.ApiKey.objects.filter(pk=key_id, revoked_at__isnull=True).update(revoked_at=at)
    key = models.ApiKey.objects.filter(pk=key_id).first()
    if key is None:
        raise errors.Refused("NOT_FOUND", {"key": ids.show(models.ApiKey.id_prefix, key_id)})
    return key


def holder_of(text: str, *, at: datetime) -> Actor | None:
    """Return who acts by a key's text, None unless it is good at that moment.

    The key may do what it was issued for and its user's role still may.
    """
    parts = _KEY.fullmatch(text)
    if parts is None:
        return None
    key = lookup("SELECT * FROM perimeter_api_key(%s)", parts["prefix"])
    assert key is not None, "the function answers with one row"
    user_id, bank_id, jurisdiction_id, role, scopes, secret_sha256, expires_at = key
    if user_id is None or expires_at <= at:
        return None
    if not hmac.compare_digest(_digest(parts["secret"]), secret_sha256):
        return None
    return Actor(
        label=ids.show(models.User.id_prefix, user_id),
        role=Role(role),
        bank_id=bank_id,
        jurisdiction_id=jurisdiction_id,
        user_id=user_id,
        scopes=ROLES[Role(role)].intersection(scopes),
        key=parts["prefix"],
    )


class BearerKey(BaseAuthentication):
    """DRF's way to us: `Authorization: Bearer sk_…`. The actor is both its user and its auth."""

    def authenticate(self, request: Request) -> tuple[Actor, Actor] | None:
        """Return who acts, None where the request does not say.

        Raises: AuthenticationFailed, with one answer to every bad key.
        """
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, text = header.partition(" ")
        actor = holder_of(text, at=timezone.now()) if scheme.lower() == "bearer" else None
        if actor is None:
            raise AuthenticationFailed("The API key is not good.")
        return actor, actor

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme that a 401 asks for."""
        return "Bearer"


def _digest(secret: str) -> str:
    # A fast hash is right here: 256 random bits cannot be guessed, as a password can.
    return hashlib.sha256(secret.encode()).hexdigest()


def lookup(query: str, *names: str) -> tuple[Any, ...] | None:
    """Return the one row of a look-up that is asked before a bank is known, None without one.

    It is a request's first statement, so it tells whether the connection still stands, and Django
    need not ask for that; on one that was dropped meanwhile, it is asked again on a new one.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
    try:
        found = statements.rows(query, names)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        found = statements.rows(query, names)
    return found[0] if found else None
