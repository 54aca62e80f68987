"""`screenclients`: compare every client let in with the lists as they are now, bank by bank."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from common import clock, errors, tenancy, users
from kyc import operations, queries


class Command(BaseCommand):
    help = "Compares the clients let in whom the newest lists have not seen; each commits alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bank", help="the code of one bank only")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            named = options["bank"]
            bank_ids = [users.house_of(named).bank_id] if named else tenancy.bank_ids()
        except errors.Refused as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        seen = hits = 0
        for bank_id in bank_ids:
            assert bank_id is not None
            job = users.job("screenclients", bank_id)
            with tenancy.acting(bank_id, job):
                outdated = queries.outdated_screenings()
            for client_id in outdated:
                with tenancy.acting(bank_id, job) as acting:
                    assert acting.jurisdiction_id is not None
                    at = clock.now(acting.jurisdiction_id, timezone.now())
                    found = operations.screen_client(client_id=client_id, at=at)
                seen, hits = seen + 1, hits + len(found)
        self.stdout.write(f"{seen} clients compared, {hits} likenesses to judge.")
