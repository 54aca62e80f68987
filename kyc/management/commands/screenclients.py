"""`screenclients`: compare now, and all at once, the clients whom beat's job would compare."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import errors, tenancy, users
from kyc import tasks


class Command(BaseCommand):
    help = "Compares the clients let in whose screening is outdated; each commits alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bank", help="the code of one bank only")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            named = options["bank"]
            bank_ids = [users.house_of(named).bank_id] if named else tenancy.bank_ids()
        except errors.Refused as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        seen: list[int | None] = []
        for bank_id in bank_ids:
            assert bank_id is not None
            seen += tasks.screen_bank(bank_id)
        hits = [found for found in seen if found is not None]
        self.stdout.write(f"{len(hits)} clients compared, {sum(hits)} likenesses to judge.")
        if len(hits) < len(seen):
            raise CommandError(f"{len(seen) - len(hits)} clients were not, see the log.")
