"""`manage.py demo`: the main job, a day in the life of two licensed banks, against a running house.

`python -m config.demo` starts the house first. A second run finds what the first one made.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from common import errors, models, tenancy, users
from desk import queries as desk
from simulation import caller, filing, house, job, plan, population
from simulation.figures import Figures

MOST_DAYS = 30
_SHOWN = Decimal("0.00000001")  # of a coin; the figures themselves are whole


class Command(BaseCommand):
    help = "Opens a state and two banks, lets clients in, replays a day, closes it and proves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="the house's")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--clients", type=int, default=200)
        parser.add_argument("--days", type=int, default=1)
        parser.add_argument("--journal", type=Path, help="where the clients write what they sent")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console()
        wanted = job.Wanted(options["seed"], options["clients"], options["days"])
        _refuse(wanted)
        caller.wait_for(options["address"])
        there = job.standing()
        if there is not None and there != wanted:
            console.print(
                f"There already: SEED={there.seed} CLIENTS={there.clients} DAYS={there.days};"
                " `make clean` begins anew."
            )
        wanted = there or wanted
        if job.is_finished(wanted):
            console.print(f"There already: the days up to {wanted.last_day}, closed in both banks.")
        else:
            if there is not None:
                console.print("There already, but not to the end: it goes on where it was cut off.")
            console.print(_PREFACE)
            journal = caller.Journal(options["journal"]) if options["journal"] else None
            found = job.do(wanted, options["address"], _progress(console), journal)
            _print_logins(console, found.logins)
        files = job.reports(wanted, _progress(console))
        call_command("verify", stdout=self.stdout, stderr=self.stderr)
        _print_results(console, wanted)
        _print_reports(console, files)
        _print_addresses(console, options["address"])


_PREFACE = (
    "The jurisdiction is under the Finance Ministry's bill of 2022, in force from"
    " 2022-01-01: it never was, anywhere."
)


def _refuse(wanted: job.Wanted) -> None:
    if wanted.clients < population.FEWEST:
        raise CommandError(f"CLIENTS is {population.FEWEST} at the least, who all have a part.")
    if not 1 <= wanted.days <= MOST_DAYS:
        raise CommandError(f"DAYS is 1 to {MOST_DAYS}.")
    for asset in ("BTC", "ETH"):
        try:
            desk.price(asset, plan.moment(job.FIRST_DAY, "06:30"))
        except errors.Refused as refusal:
            raise CommandError(
                f"The market has no price of {asset} on {job.FIRST_DAY}: see DATA_DIR."
            ) from refusal


def _progress(console: Console) -> job.Progress:
    @contextmanager
    def shown(title: str, total: int) -> Iterator[Callable[[int], None]]:
        columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
            task = progress.add_task(title, total=total)
            yield lambda more: progress.advance(task, more)

    return shown


# --- What is printed -----------------------------------------------------------------------------


def _print_logins(console: Console, logins: list[house.Login]) -> None:
    if not logins:
        return
    table = Table(title="Log-ins, shown this once", title_justify="left")
    for column in ("log-in", "password", "role"):
        table.add_column(column)
    for login in logins:
        table.add_row(login.name, login.password, login.role.replace("_", " "))
    console.print(table)


def _print_results(console: Console, wanted: job.Wanted) -> None:
    days = f"{job.FIRST_DAY}" + (f" to {wanted.last_day}" if wanted.days > 1 else "")
    found = job.results(wanted)
    table = Table(title=f"What happened: {days}", title_justify="left")
    table.add_column("", no_wrap=True)
    for code in found:
        table.add_column(house.TITLES[code], justify="right")
    columns = [{section: dict(lines) for section, lines in _lines(each)} for each in found.values()]
    for section in columns[0]:
        table.add_section()
        table.add_row(section, *("" for _ in columns), style="bold")
        for name in dict.fromkeys(name for column in columns for name in column[section]):
            table.add_row(f"  {name}", *(column[section].get(name, "") for column in columns))
    console.print(table)


_Lines = Iterator[tuple[str, str]]


def _lines(found: Figures) -> Iterator[tuple[str, _Lines]]:
    """Give the table's sections, each with its lines: a name and a figure."""
    yield "Applications turned away for", _counts(found.turned_away)
    yield "Clients", _counts(found.clients)
    yield "Let in", _counts(found.categories)
    yield "Orders over HTTP", _counts({"all": sum(found.orders.values()), **found.orders})
    yield "Orders refused for", _counts(found.refused_for)
    yield "Trades", _trades(found)
    yield "Cash", _cash(found)
    yield "At the close", _balances(found)


def _trades(found: Figures) -> _Lines:
    yield from _counts({"quotes": found.quotes, "fills": found.fills, "bust": found.busted})
    for side, roubles, coins in (
        ("bought", found.bought_rub, found.bought),
        ("sold", found.sold_rub, found.sold),
    ):
        yield f"{side} by clients, RUB", f"{roubles:,.2f}"
        for asset, amount in coins.items():
            yield f"{side} by clients, {asset}", _coins(amount)
    yield "fees, RUB", f"{found.fees_rub:,.2f}"


def _cash(found: Figures) -> _Lines:
    yield "deposits", f"{found.deposits:,}"
    yield "deposited, RUB", f"{found.deposited_rub:,.2f}"
    yield from _counts({f"withdrawals {name}": n for name, n in found.withdrawals.items()})
    yield "withdrawn, RUB", f"{found.gross_rub:,.2f}"
    yield "tax withheld, RUB", f"{found.tax_rub:,.2f}"
    yield "paid out, RUB", f"{found.net_rub:,.2f}"


def _balances(found: Figures) -> _Lines:
    yield "owed to clients, RUB", f"{found.client_cash_rub:,.2f}"
    for title, coins in (("owed to clients", found.client_coins), ("inventory", found.inventory)):
        for asset, amount in coins.items():
            yield f"{title}, {asset}", _coins(amount)
    yield "entries in the books", f"{found.entries:,}"


def _counts(counted: Mapping[str, int]) -> _Lines:
    for name, number in counted.items():
        yield name, f"{number:,}"


def _coins(amount: Decimal) -> str:
    return f"{amount.quantize(_SHOWN):,f}"


def _print_reports(console: Console, files: list[filing.Made]) -> None:
    table = Table(title="Reports, cut at the close", title_justify="left")
    for column, justify in (("file", "left"), ("rows", "right"), ("bytes", "right")):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("SHA-256")
    for each in files:
        table.add_row(each.name, f"{each.rows:,}", f"{each.size:,}", each.sha256[:16] + "…")
    console.print(table)


def _print_addresses(console: Console, address: str) -> None:
    console.print(f"Admin  {address}/admin/")
    console.print(f"API    {address}/v1/docs")
    code, name = population.NORTH, "client0001"
    bank = job.bank_of(code)
    now = timezone.now()
    with tenancy.acting(bank.id, bank.office):
        user = models.User.objects.get(username=name)
        _, text = users.issue_key(
            user_id=user.pk,
            name="to try the API with",
            scopes=users.ROLES[users.Role.CLIENT],
            expires_at=now + timedelta(days=90),
            at=now,
        )
    console.print(f"A key  {text}", soft_wrap=True)
    console.print(f"       of {name}@{code}, a client; good for 90 days, shown this once")
