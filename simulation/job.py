"""The main job from begin to end: the state, two banks, their clients, the days, the close.

Whatever was done before, by a run that was cut off, is found and not done again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

from django.conf import settings

import ledger.queries
from common import errors, tenancy, users
from common.models import IdempotencyKey
from desk.models import Order
from simulation import figures, filing, house, onboarding, opening, plan, population, trading
from simulation.caller import Journal
from simulation.figures import Figures
from simulation.house import Bank, House
from simulation.onboarding import Known
from simulation.population import NORTH, VOLGA, Applicant

FIRST_DAY = date(2022, 2, 24)
_LICENSING, _APPLYING = date(2022, 2, 21), date(2022, 2, 22)
_AT_ONCE = 4  # applicants; what becomes of one does not depend on another


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What the job is to be: so many applicants and days, drawn by a seed."""

    seed: int
    clients: int
    days: int

    @property
    def stem(self) -> str:
        """How every command's idempotency key begins."""
        return f"demo/{self.seed}/{self.clients}/{self.days}"

    @property
    def last_day(self) -> date:
        """The last business day."""
        return FIRST_DAY + timedelta(days=self.days - 1)


class Progress(Protocol):
    """How a long step is shown."""

    def __call__(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Begin to show a step of so many parts; the function is told how many more are done."""
        ...


def standing() -> Wanted | None:
    """Return what the job was that stands here, finished or not; None if there is none."""
    try:
        bank_id = users.house_of(NORTH).bank_id
    except errors.Refused:
        return None
    assert bank_id is not None
    with tenancy.acting(bank_id, users.job("simulation", bank_id)):
        kept = IdempotencyKey.objects.filter(key__startswith="demo/").values_list("key", flat=True)
        orders = Order.objects.filter(client_order_id__startswith="demo/")
        own = orders.values_list("client_order_id", flat=True)
        first = kept.first() or own.first()  # kept answers are forgotten, orders are not
    if first is None:
        return None
    seed, clients, days = first.split("/")[1:4]
    return Wanted(int(seed), int(clients), int(days))


def is_finished(wanted: Wanted) -> bool:
    """Say whether the last day is closed in every bank."""
    return all(_is_closed(code, wanted.last_day) for code in house.TITLES)


def do(wanted: Wanted, address: str, progress: Progress, journal: Journal | None = None) -> House:
    """Do the job, or what is left of it; leave the clock at the next morning, running."""
    begins_at = plan.moment(_LICENSING, "10:00")
    found = house.find_or_make(address, wanted.stem, begins_at, journal)
    found.run_clock(Decimal(0))
    people = population.applicants(wanted.seed, wanted.clients, _APPLYING)
    licences = _open(found)
    known = _let_in(found, people, progress)
    found.be_at(plan.moment(FIRST_DAY, "06:00"))
    for bank in found.banks.values():
        opening.open_desk(found, bank)
    opening.lay_in(found, found.banks[NORTH])
    day_of = trading.Day(found, {each.number: each for each in people}, known, licences)
    for place in range(wanted.days):
        on = FIRST_DAY + timedelta(days=place)
        steps = plan.steps(wanted.seed, people, on, place, wanted.days)
        with progress(f"Trading on {on}", len(steps)) as told:
            day_of.run(steps, told)
        trading.close_day(found, on)
    found.be_at(plan.moment(wanted.last_day + timedelta(days=1), "09:00"))
    found.run_clock(Decimal(1))
    return found


def reports(wanted: Wanted, progress: Progress) -> list[filing.Made]:
    """Make the reports of the job's days in every bank, or find them made; return their files."""
    due = filing.periods(FIRST_DAY, wanted.last_day)
    files = []
    with progress("Reports", len(due) * len(house.TITLES)) as told:
        for code in house.TITLES:
            for report, period in due:
                files += filing.make(bank_of(code), report, period)
                told(1)
    return files


def results(wanted: Wanted) -> dict[str, Figures]:
    """Return the figures of each bank over the job's days."""
    return {code: figures.of(bank_of(code), FIRST_DAY, wanted.last_day) for code in house.TITLES}


def bank_of(code: str) -> Bank:
    """Return a bank that is there. Raises: HOUSE_UNKNOWN."""
    bank_id = users.house_of(code).bank_id
    assert bank_id is not None
    return Bank(code, bank_id, {})


def _open(found: House) -> dict[str, str]:
    """Open the state; license the first bank; the second one's licence is granted later."""
    at = plan.moment(_LICENSING, "10:00")
    opening.open_state(found, at, settings.SCREENING_LISTS_BACKEND)
    licences = {code: opening.apply_for_licence(found, bank) for code, bank in found.banks.items()}
    found.be_at(plan.moment(_APPLYING, "09:00"))
    opening.grant_licence(found, found.banks[NORTH], licences[NORTH])
    return licences


def _let_in(found: House, people: Iterable[Applicant], progress: Progress) -> dict[int, Known]:
    """Let everybody apply to their bank; return whom the banks know."""
    found.be_at(plan.moment(_APPLYING, "10:00"))
    everybody = list(people)
    for code in (NORTH, VOLGA):
        names = {each.number: each.username for each in everybody if each.bank == code}
        house.let_clients_call(found, found.banks[code], names)
    known = {}
    with (
        progress("Applications", len(everybody)) as told,
        ThreadPoolExecutor(max_workers=_AT_ONCE) as desks,
    ):
        come = [
            desks.submit(onboarding.come, found, found.banks[each.bank], each) for each in everybody
        ]
        for person, result in zip(everybody, come, strict=True):
            client = result.result()
            told(1)
            if client is not None:
                known[person.number] = client
    return known


def _is_closed(code: str, day: date) -> bool:
    try:
        bank = bank_of(code)
        with tenancy.acting(bank.id, bank.office):
            closes = ledger.queries.closes(ledger.queries.main_book())
            return closes.filter(business_date=day).exists()
    except errors.Refused:
        return False
