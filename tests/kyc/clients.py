"""Clients as tests of other apps want them: open, in one line."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime

from common import models, tenancy, users
from kyc.models import BankAccount, Client

AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def open_client(
    bank: models.Bank,
    *,
    category: str = "NON_QUALIFIED",
    tested: bool = True,
    kind: str = "PERSON",
    residency: str = "RESIDENT",
    user: models.User | None = None,
) -> Client:
    """Return an open client of the bank, with a bank account of one's own on file."""
    number = next(_numbers)
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        client = Client.objects.create(
            bank=bank,
            user=user,
            kind=kind,
            status="OPEN",
            category="LEGAL_ENTITY" if kind == "ENTITY" else category,
            test_status="PASSED" if tested and kind == "PERSON" else "NONE",
            residency=residency,
            risk="LOW",
            limit_year=AT.year,
            applied_at=AT,
            opened_at=AT,
            review_date=date(2023, 2, 24),
        )
        BankAccount.objects.create(
            bank=bank, client=client, bic="044525225", number=f"40817810{number:012}", added_at=AT
        )
        return client
