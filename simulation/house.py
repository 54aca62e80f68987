"""The state and the banks that the main job works in, and the people who act there by their keys.

What is not there yet is made; what is there is found. Here: log-ins, keys, the clock. What these
people do stands in `opening`, `onboarding` and `trading`.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from common import clock, errors, models, tenancy, users
from simulation.caller import PATIENCE_S, PAUSE_S, Caller, Journal
from simulation.population import NORTH, VOLGA

STATE = "ru-2022"
TITLES = {NORTH: "Northern Bank", VOLGA: "Volga Bank"}
OFFICERS = {"supervisor": users.Role.SUPERVISOR, "deputy": users.Role.SUPERVISOR}
STAFF = {
    "operations": users.Role.OPERATIONS,
    "dealer": users.Role.DEALER,
    "head": users.Role.HEAD_OF_DESK,
    "compliance": users.Role.COMPLIANCE,
    "second": users.Role.COMPLIANCE,
    "auditor": users.Role.AUDITOR,
}
KEYS_LAST = timedelta(days=30)  # by the wall's clock
KEY_NAME = "simulation"


@dataclasses.dataclass(frozen=True, slots=True)
class Login:
    """A log-in that was made; its password is kept nowhere."""

    name: str
    password: str
    role: str


@dataclasses.dataclass(slots=True)
class Bank:
    """A bank as the job knows it: its people's callers, and its clients' by their numbers."""

    code: str
    id: UUID
    staff: dict[str, Caller]
    clients: dict[int, Caller] = dataclasses.field(default_factory=dict)

    @property
    def office(self) -> users.Actor:
        """The house's own process in this bank."""
        return users.job("simulation", self.id)


@dataclasses.dataclass(slots=True)
class House:
    """The state, its officers, and the banks. `stem` begins every command's idempotency key."""

    address: str
    stem: str
    state_id: UUID
    officers: dict[str, Caller]
    banks: dict[str, Bank]
    logins: list[Login]
    journal: Journal | None = None  # of what the clients send

    @property
    def supervisor(self) -> users.Actor:
        """The supervisor's office."""
        return users.supervisor_of(self.state_id)

    def now(self) -> datetime:
        """Return the business time."""
        with tenancy.acting(None, self.supervisor):
            return clock.now(self.state_id, timezone.now())

    def be_at(self, at: datetime) -> None:
        """Put the clock forward to a moment; one that has passed stays passed."""

        def put() -> None:
            try:
                clock.set_clock(actor=self.supervisor, at=at, wall_at=timezone.now())
            except errors.Refused as refusal:
                if refusal.code != "CLOCK_BACKWARDS":
                    raise

        patiently(put)

    def run_clock(self, rate: Decimal) -> None:
        """Let business time run so many times as fast as the wall's; 0 stops it."""
        clock.set_rate(actor=self.supervisor, rate=rate, wall_at=timezone.now())


def patiently(act: Callable[[], object]) -> None:
    """Do what may be done twice, again and again while the database does not serve."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            act()
        except (OperationalError, InterfaceError):
            if time.monotonic() > until:
                raise
            connection.close()  # connected to anew
            time.sleep(PAUSE_S)
        else:
            return


def find_or_make(
    address: str, stem: str, begins_at: datetime, journal: Journal | None = None
) -> House:
    """Return the house with a fresh key for each officer and member of the staff."""
    logins: list[Login] = []
    try:
        state_id = users.house_of(f"gov.{STATE}").jurisdiction_id
    except errors.Refused:
        state_id = users.register_jurisdiction(
            code=STATE,
            name="Russia under the 2022 bill",
            at=begins_at,
            wall_at=timezone.now(),
        ).pk
    supervisor = users.supervisor_of(state_id)
    with tenancy.acting(None, supervisor):
        officers = {
            name: Caller(address, key_of(_user(name, role, f"gov.{STATE}", logins)))
            for name, role in OFFICERS.items()
        }
    banks = {}
    for code, title in TITLES.items():
        with suppress(errors.Refused):
            users.register_bank(actor=supervisor, code=code, name=title)
        bank_id = users.house_of(code).bank_id
        assert bank_id is not None
        with tenancy.acting(bank_id, users.job("simulation", bank_id)):
            staff = {
                name: Caller(address, key_of(_user(name, role, code, logins)))
                for name, role in STAFF.items()
            }
        banks[code] = Bank(code, bank_id, staff)
    return House(address, stem, state_id, officers, banks, logins, journal)


def let_clients_call(house: House, bank: Bank, names: dict[int, str]) -> None:
    """Give clients, by their numbers the names of their log-ins, a key each; they have no password.

    A log-in that is not there yet is made.
    """
    with tenancy.acting(bank.id, bank.office):
        there = {user.username: user for user in models.User.objects.filter(role="client")}
        for number, name in names.items():
            user = there.get(name) or users.create_user(
                username=name, name=name, role=users.Role.CLIENT, password=None
            )
            bank.clients[number] = Caller(house.address, key_of(user), house.journal)


def key_of(user: models.User) -> str:
    """Give somebody a key with all that the role may do; inside `tenancy.acting`."""
    now = timezone.now()
    _, text = users.issue_key(
        user_id=user.pk,
        name=KEY_NAME,
        scopes=users.ROLES[users.Role(user.role)],
        expires_at=now + KEYS_LAST,
        at=now,
    )
    return text


def _user(name: str, role: users.Role, code: str, logins: list[Login]) -> models.User:
    found = models.User.objects.filter(username=name, role=role).first()
    if found is not None:
        return found
    password = secrets.token_urlsafe(12)
    logins.append(Login(f"{name}@{code}", password, role.value))
    return users.create_user(
        username=name, name=name.replace("_", " "), role=role, password=password
    )
