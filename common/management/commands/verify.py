"""`manage.py verify`: prove every app's invariants, bank by bank; name the rows that break one.

Each app's `invariants.py` lists its rules. All of a bank's are judged on one snapshot of its rows,
as the application's own role, so that trading can go on meanwhile.
"""

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from common import errors, ids, models, outbox, tenancy, users


class Command(BaseCommand):
    help = "Proves the invariants of the books and all that hangs on them; fails naming the rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bank", help="the code or id (bnk_…) of one bank only")

    def handle(self, *args: Any, **options: Any) -> None:
        rules = list(outbox.INVARIANTS)
        for config in apps.get_app_configs():
            if find_spec(f"{config.name}.invariants"):
                rules += import_module(f"{config.name}.invariants").INVARIANTS
        banks = broken = 0
        for bank_id in _bank_ids(options["bank"]):
            with tenancy.acting(bank_id, users.job("verify", bank_id), snapshot=True):
                bank = models.Bank.objects.get(id=bank_id)
                banks += 1
                _compare_whole_tables()
                for rule in rules:
                    for row, wrong in rule():
                        broken += 1
                        name = rule.__name__.replace("_", " ")
                        self.stderr.write(f"{bank.code}: {name}: {row}: {wrong}")
        if broken:
            raise CommandError(f"{broken} violations in {banks} banks, {len(rules)} invariants.")
        self.stdout.write(f"{len(rules)} invariants hold in {banks} banks.")


def _compare_whole_tables() -> None:
    """Keep the planner from joining row by row, as it does with tables that were never analysed."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")


def _bank_ids(named: str | None) -> list[UUID]:
    known = tenancy.bank_ids()
    if named is None:
        return known
    with suppress(errors.Refused, ids.BadId):
        shown = named.startswith(f"{models.Bank.id_prefix}_")
        found = ids.parse(models.Bank.id_prefix, named) if shown else users.house_of(named).bank_id
        if found in known:
            return [found]
    raise CommandError(f"There is no bank {named}.")
