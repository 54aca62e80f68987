"""A state with a bank that lives, and another bank beside it of which the first may see nothing.

Every step that an API's command may take has a row that waits for it: applicants to identify, to
open and to refuse, orders that rest, payouts in review, proposals of another, licences in each
status.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.utils import timezone

import ledger.operations
import licensing.operations
import reporting.operations
from common import models, tenancy, users
from desk import operations as trading
from desk import queries
from desk.models import Fill
from kyc import operations as onboarding
from kyc.identification import Owner
from kyc.models import Client
from ledger.models import Book
from reporting import work
from reporting.catalogue import Period
from reporting.models import ReportRun
from tests.common import neighbours
from tests.conftest import AT
from tests.desk.desks import Desk
from tests.kyc import clients
from tests.ledger.reader import Reader
from tests.licensing import licences

WAITING = 4  # rows for each step
_LISTED = [
    Owner("Semyon Belokrylov", date(1985, 5, 5), Decimal(60)),
    Owner("Аникеев Пётр Львович", date(1980, 1, 2), Decimal(40)),
]


@dataclasses.dataclass(frozen=True)
class Street:
    """`people` are of the role that explores `bank`; they may see nothing of `other`."""

    bank: models.Bank
    other: models.Bank
    people: Sequence[Reader]


def open_street(code: str, role: users.Role) -> Street:
    """Open a state with two banks in which everything has happened once, and more is to be done."""
    state = users.register_jurisdiction(code=code, name=code, at=AT, wall_at=timezone.now())
    supervisor = users.supervisor_of(state.pk)
    bank, other = (
        users.register_bank(actor=supervisor, code=f"{code}-{name}", name=f"{name.title()} Bank")
        for name in ("first", "other")
    )
    for each in (bank, other):
        neighbours.move_in(each)
        with neighbours.as_owner(each.pk) as using:
            # The rows to spare that no operation made, and no answer can show.
            Client.objects.using(using).filter(identity=None).delete()
            ReportRun.objects.using(using).filter(files=None).delete()
        _report(each)
    return Street(bank, other, _PEOPLE[role](bank))


def clerk(bank: models.Bank) -> Reader:
    """Return a clerk of the bank, who reads all that it has, in full."""
    return Reader(users.Role.OPERATIONS, users.job("office", bank.pk))


def _report(bank: models.Bank) -> None:
    """Close the day on which the bank has traded, and make its register."""
    with Desk(bank).acting():
        book_id = queries.house().book_id
        day = Book.objects.get(pk=book_id).open_date
        ledger.operations.close_day(book_id=book_id, business_date=day, at=AT)
        run = reporting.operations.request_run(
            report="daily-register", period=Period(day, day), at=AT
        )
    for _ in work.make_all(bank.pk, run.pk, timezone.now):
        """Each step commits."""


# --- The people, and what waits for them ---------------------------------------------------------


def _clients(bank: models.Bank) -> list[Reader]:
    """Cleo trades, Boris has not sat the test, a third wants to become a client."""
    office = users.job("office", bank.pk)
    with tenancy.acting(bank.pk, office):
        cleo = models.User.objects.get(username="cleo")
        boris, third = (
            users.create_user(
                username=name, name=name, role=users.Role.CLIENT, password="a long walk home"
            )
            for name in ("boris", "third")
        )
    desk = Desk(bank)
    client = desk.client("40000", tested=False, user=boris)
    desk.buy(client, quantity="0.01")
    desk.buy(client, quantity="0.001", limit_price_rub="2000000")
    _rest(desk, cleo)
    return [Reader.of(user, office) for user in (cleo, boris, third)]


def _rest(desk: Desk, user: models.User) -> None:
    """Leave a client orders that rest, coins and roubles."""
    with desk.acting():
        client = Client.objects.get(user_id=user.pk)
    desk.deposit(client, "5000000")
    desk.buy(client, quantity="0.5")
    for _ in range(WAITING):
        desk.buy(client, quantity="0.01", limit_price_rub="1000000")


def _dealers(bank: models.Bank) -> list[Reader]:
    office = users.job("office", bank.pk)
    with tenancy.acting(bank.pk, office):
        cleo = models.User.objects.get(username="cleo")
    desk = Desk(bank)
    _rest(desk, cleo)
    with desk.acting("maker"):
        for fill in Fill.objects.order_by("-id")[:2]:
            trading.propose_bust(fill=fill, reason="a wrong price", at=AT)
    return [Reader(users.Role.DEALER, office)]


def _officers(bank: models.Bank) -> list[Reader]:
    """Applicants at each step, likenesses to judge, clients to freeze and to close."""
    office = users.job("office", bank.pk)
    for _ in range(WAITING):
        clients.apply(bank)
        clients.identify(bank)
        clients.open_client(bank, tested=False)
        frozen = clients.open_client(bank, tested=False)
        clients.identify(bank, clients.entity(owners=_LISTED))
        exposed = clients.identify(bank, clients.person(is_pep=True))
        with tenancy.acting(bank.pk, office):
            onboarding.freeze_client(client_id=frozen.pk, code="SUSPICION", reason="Odd.", at=AT)
            onboarding.approve_client(client_id=exposed.pk, reason="funds shown", at=AT)
    return [Reader(users.Role.COMPLIANCE, office)]


def _supervisors(bank: models.Bank) -> list[Reader]:
    """Licences in each status, an application to take up, proposals of another officer."""
    state = bank.jurisdiction_id
    supervisor = users.supervisor_of(state)
    for step in ("SENT", "ACKNOWLEDGED", "COMPLETE", "PROPOSED", "GRANTED", "SUSPENDED"):
        for number in range(WAITING):
            name = f"{step.title()} Bank {number}"
            code = f"{bank.code[:12]}-{step.lower()}{number}"
            _bring_to(step, users.register_bank(actor=supervisor, code=code, name=name))
    return [Reader(users.Role.SUPERVISOR, supervisor)]


def _bring_to(step: str, bank: models.Bank) -> None:
    if step == "GRANTED":
        licences.licensed(bank)
        return
    if step == "SUSPENDED":
        licence = licences.licensed(bank)
        with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
            licensing.operations.suspend_licence(licence_id=licence.pk, reason="late", at=AT)
        return
    sent = licences.applied(bank)
    if step == "SENT":
        return
    with tenancy.acting(None, licences.officer(bank.jurisdiction_id, "maker")):
        licence = licensing.operations.acknowledge(application_id=sent.pk, at=AT)
        if step == "ACKNOWLEDGED":
            return
        licensing.operations.declare_complete(licence_id=licence.pk, at=AT)
        if step == "PROPOSED":
            licensing.operations.propose_grant(
                licence_id=licence.pk,
                activities=licences.ALL_ACTIVITIES,
                categories=licences.ALL_CATEGORIES,
                conditions="",
                exposure_limit_rub=None,
                reason="in order",
                at=AT,
            )


_PEOPLE = {
    users.Role.CLIENT: _clients,
    users.Role.DEALER: _dealers,
    users.Role.COMPLIANCE: _officers,
    users.Role.SUPERVISOR: _supervisors,
}
