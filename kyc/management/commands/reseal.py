"""`reseal`: seal personal data anew under the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from common import tenancy, users
from kyc import operations


class Command(BaseCommand):
    help = (
        "Seals all personal data anew under the first of SEALING_KEYS, bank by bank. Then the keys"
        " between it and the last can go; the last one makes the blind indexes and stays."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for bank_id in tenancy.bank_ids():
            with tenancy.acting(bank_id, users.job("reseal", bank_id)):
                count += operations.reseal_identities()
        self.stdout.write(f"{count} identities sealed anew.")
