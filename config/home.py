"""The home page of the admin: a business day at a glance, as far as the reader's scopes go.

The figures are the apps' queries'; here they are put into words and pictures, and no more.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

import kyc.queries
import licensing.queries
import reporting.queries
import tax.queries
from common import clock, models, money, tenancy, users
from config import pictures
from config.pictures import Picture
from desk.queries import day
from desk.queries.day import Flow, HouseDay, Taken, Turnover
from kyc.queries import Standings
from ledger.admin import shown
from licensing.admin import TONES

DAYS = 30  # how far back tax is drawn
_ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the day: what it is made of, where its rows are, whether it is a gain or loss."""

    title: str
    value: str
    note: str = ""
    link: str = ""
    tone: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What a reader sees of the day; None where no scope opens it."""

    on: date
    turnover: Sequence[Turnover] | None
    taken: Sequence[Taken] | None
    refusals: Mapping[str, int] | None
    houses: Mapping[UUID, HouseDay] | None
    clients: Sequence[Standings] | None
    flows: Sequence[Flow] | None
    withheld: Mapping[tuple[UUID, date], Decimal] | None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the day that `?day=` names, or the jurisdiction's today, to the page's context."""
    assert isinstance(request.user, models.User)
    actor, acting = users.actor_of(request.user), tenancy.current()
    assert acting.jurisdiction_id is not None
    at = clock.now(acting.jurisdiction_id, timezone.now())
    today = clock.business_date(at)
    on = _day(request.GET.get("day", ""), today)
    seen = _see(actor, on, at)
    of_banks = actor.bank_id is None and seen.turnover is not None
    return context | {
        "whose": request.user.bank or request.user.jurisdiction,
        "at": at,
        "on": shown.day_of(on),
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1) if on < today else None,
        "figures": list(_figures(seen)),
        "reports": list(_reports(actor)) if "reports:read" in actor.scopes else [],
        "pictures": list(_pictures(seen)),
        "banks": list(_banks(actor, seen)) if of_banks else [],
        "houses": [] if of_banks else [_house(each) for each in (seen.houses or {}).values()],
    }


def _day(text: str, today: date) -> date:
    """Return the day asked for, today where none is, or one that has not come."""
    try:
        return min(date.fromisoformat(text), today)
    except ValueError:
        return today


def _see(actor: users.Actor, on: date, at: datetime) -> Seen:
    """Ask for what the reader's scopes open, and for nothing else."""
    may = actor.scopes.__contains__
    orders = may("orders:read")
    return Seen(
        on,
        turnover=day.turnover(on) if orders else None,
        taken=day.taken(on) if orders else None,
        refusals=day.refusals(on) if orders else None,
        houses=day.house_days(on, at) if may("ledger:read") else None,
        clients=kyc.queries.clients_by_status(on) if may("clients:read") else None,
        flows=day.flows(on) if may("cash:read") else None,
        withheld=tax.queries.withheld_by_day(on - timedelta(days=DAYS - 1), on)
        if may("tax:read")
        else None,
    )


# --- Figures and pictures ------------------------------------------------------------------------


def _figures(seen: Seen) -> Iterable[Figure]:
    if seen.turnover is not None and seen.taken is not None:
        for side, title in (("BUY", "Clients bought"), ("SELL", "Clients sold")):
            of_side = [each for each in seen.turnover if each.side == side]
            trades = sum(each.fills for each in of_side)
            volume = _roubles(each.notional_rub for each in of_side)
            yield Figure(title, volume, _count(trades, "trade"), _list("desk_fill"))
        fees = _roubles(each.fee_rub for each in seen.turnover)
        yield Figure("Fees", fees, "earned on these trades", _list("desk_fill"))
    if seen.houses is not None:
        yield _result(list(seen.houses.values()))
        yield _exposure(list(seen.houses.values()))
    if seen.taken is not None:
        orders, refused = (sum(getattr(e, of) for e in seen.taken) for of in ("orders", "refused"))
        note = f"and {refused:,} refused" if refused else "and none refused"
        yield Figure("Orders accepted", f"{orders - refused:,}", note, _list("desk_order"))
    if seen.clients is not None:
        opened, applied = (
            sum(getattr(e, of) for e in seen.clients) for of in ("opened", "applied")
        )
        note = f"opened; {applied:,} applied"
        yield Figure("New clients", f"{opened:,}", note, _list("kyc_client"))
    if seen.flows is not None:
        yield from _cash(seen.flows)
    if seen.withheld is not None:
        today = _roubles(tax for (_, on), tax in seen.withheld.items() if on == seen.on)
        waiting, first = tax.queries.to_remit()
        by = f"{first.day} {first:%B}" if first else ""
        note = f"{waiting:,.0f} ₽ to remit, first by {by}" if by else "all of it is remitted"
        yield Figure("Tax withheld", today, note, _list("tax_withholding"))


def _result(houses: Sequence[HouseDay]) -> Figure:
    results = [each.results_rub[-1] for each in houses if each.results_rub]
    known = [each for each in results if each is not None]
    if len(known) < len(results):
        return Figure("Result of the desk", "–", "the market has no price")
    total = sum(known, _ZERO)
    tone = "gain" if total > 0 else "loss" if total < 0 else ""
    note = "since midnight, at the market's price"
    value = f"{total:+,.0f} ₽" if tone else "0 ₽"
    return Figure("Result of the desk", value, note, tone=tone)


def _exposure(houses: Sequence[HouseDay]) -> Figure:
    worths = [each.exposure_rub for each in houses]
    if None in worths:
        return Figure("Exposure", "–", "the market has no price")
    total = sum((each for each in worths if each is not None), _ZERO)
    used = [share for each in houses if (share := _used(each)) is not None]
    note = f"{max(used)} % of the limit" + (", at most" if len(used) > 1 else "") if used else ""
    return Figure("Exposure", f"{total:,.0f} ₽", note or "no share of a limit")


def _cash(flows: Sequence[Flow]) -> Iterable[Figure]:
    came = [each for each in flows if each.kind == "deposit"]
    left = [each for each in flows if each.kind in ("PAID", "SETTLED")]
    held = [each for each in flows if each.kind == "IN_REVIEW"]
    yield Figure(
        "Paid in",
        _roubles(each.gross_rub for each in came),
        _count(sum(each.count for each in came), "deposit"),
        _list("desk_deposit"),
    )
    note = _count(sum(each.count for each in left), "payout") + ", net of tax"
    if held:
        note += f"; {sum(each.count for each in held):,} in review"
    paid = _roubles(each.net_rub for each in left)
    yield Figure("Paid out", paid, note, _list("desk_withdrawal"))


def _pictures(seen: Seen) -> Iterable[Picture]:
    if seen.turnover is not None:
        yield pictures.volumes(seen.turnover)
    if seen.clients is not None:
        by_status: dict[str, int] = defaultdict(int)
        for each in seen.clients:
            by_status[each.status] += each.clients
        yield pictures.clients(by_status)
    if seen.houses:
        yield pictures.results(_summed([each.results_rub for each in seen.houses.values()]))
    if seen.refusals is not None:
        yield pictures.refusals(seen.refusals)
    if seen.withheld is not None:
        by_day: dict[date, Decimal] = defaultdict(Decimal)
        for (_, on), amount in seen.withheld.items():
            by_day[on] += amount
        yield pictures.withheld(by_day, seen.on, DAYS)


def _summed(rows: Sequence[Sequence[Decimal | None]]) -> list[Decimal | None]:
    """Add up hour by hour; an hour in which one is unknown is."""
    return [
        None if None in hour else sum((each for each in hour if each is not None), _ZERO)
        for hour in zip(*rows, strict=True)
    ]


# --- Inventory and exposure ----------------------------------------------------------------------


def _house(house: HouseDay) -> dict[str, Any]:
    return {
        "coins": [
            (
                each.coin.code,
                shown.figure(shown.money_of(each.quantity, each.coin)),
                _amount(each.price_rub),
                _amount(each.value_rub),
            )
            for each in house.inventory
        ],
        "exposure": _amount(house.exposure_rub),
        "capital": _amount(house.capital_rub),
        "limit": _amount(house.limit_rub),
        "used": _used(house),
    }


def _used(house: HouseDay) -> Decimal | None:
    """Return how much of the limit the exposure takes, in percent."""
    if house.exposure_rub is None or not house.limit_rub:
        return None
    return round(house.exposure_rub / house.limit_rub * 100, 1)


def _banks(actor: users.Actor, seen: Seen) -> Iterable[dict[str, Any]]:
    licences = licensing.queries.latest_licences(actor)
    for bank in models.Bank.objects.order_by("code"):
        licence, house = licences.get(bank.pk), (seen.houses or {}).get(bank.pk)
        sides = {
            side: sum(
                each.notional_rub
                for each in seen.turnover or ()
                if (each.bank_id, each.side) == (bank.pk, side)
            )
            for side in ("BUY", "SELL")
        }
        taken = next((each for each in seen.taken or () if each.bank_id == bank.pk), None)
        yield {
            "name": bank.name,
            "licence": licence,
            "tone": TONES.get(licence.status, "") if licence else "",
            "link": reverse("admin:licensing_licence_change", args=[licence.pk]) if licence else "",
            "bought": _amount(sides["BUY"]),
            "sold": _amount(sides["SELL"]),
            "orders": f"{taken.orders:,}" if taken else "0",
            "refused": f"{taken.refused:,}" if taken else "0",
            "open": sum(
                each.clients
                for each in seen.clients or ()
                if (each.bank_id, each.status) == (bank.pk, "OPEN")
            ),
            "exposure": _amount(house.exposure_rub) if house else _amount(None),
            "used": _used(house) if house else None,
        }


def _reports(actor: users.Actor) -> Iterable[dict[str, Any]]:
    runs = _list("reporting_reportrun")
    for each in reporting.queries.standings(actor):
        yield {
            "title": each.report.title,
            "link": f"{runs}?report__exact={each.report.code}",
            "recipient": each.report.recipient.replace("_", " ").capitalize(),
            "done": each.done,
            "making": each.making,
            "due": "–" if actor.bank_id is None else each.due,
        }


# --- In words ------------------------------------------------------------------------------------


def _amount(roubles: Decimal | int | None) -> Any:
    """Show roubles to the kopeck: what a fraction of a coin is worth has more decimals."""
    if roubles is None:
        return shown.figure(None)
    return shown.figure(shown.money_of(money.round_half_up(Decimal(roubles), 2), shown.RUB))


def _roubles(amounts: Iterable[Decimal]) -> str:
    return f"{sum(amounts, _ZERO):,.0f} ₽"


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"


def _list(page: str) -> str:
    return reverse(f"admin:{page}_changelist")
