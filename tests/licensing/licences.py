"""A licensed bank, made by the operations that make it in earnest; for the tests of every floor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import changes, ids, models, tenancy, users
from licensing import operations, queries
from licensing.models import Application, Licence
from tests.conftest import AT

ASSETS = ("BTC", "ETH", "USDT")
ALL_ACTIVITIES = ("cash", "custody", "exchange")
ALL_CATEGORIES = ("LEGAL_ENTITY", "NON_QUALIFIED", "QUALIFIED")
BEFORE = AT - dt.timedelta(days=30)
APPLICATION: dict[str, Any] = {
    "kind": "ORGANISER",
    "legal_name": "North Bank JSC",
    "inn": "7707083893",
    "ogrn": "1027700132195",
    "banking_licence": "UNIVERSAL",
    "own_funds_rub": Decimal("2000000000"),
    "head_name": "Vera Orlova",
    "head_convicted": False,
    "owner_offshore": False,
    "activities": ALL_ACTIVITIES,
    "categories": ALL_CATEGORIES,
    "plan": "Sell coins to clients as an investment.",
}


def officer(jurisdiction_id: UUID, name: str) -> users.Actor:
    """An officer of the state by that name: not the same as one by another."""
    office = users.supervisor_of(jurisdiction_id)
    return users.Actor(
        f"job:{name}", office.role, None, jurisdiction_id, None, users.ROLES[office.role]
    )


def under(jurisdiction_id: UUID, *, overlay: str = "minfin-2022", assets: Collection[str]) -> None:
    """Put a jurisdiction under a regime from 2022 on, and admit assets; what is there stays."""
    maker, checker = officer(jurisdiction_id, "maker"), officer(jurisdiction_id, "checker")
    with tenancy.acting(None, maker):
        if not queries.regimes().exists():
            operations.set_regime(overlay=overlay, valid_from=dt.date(2022, 1, 1), at=BEFORE)
        admitted = queries.admitted_assets().filter(withdrawn_at__isnull=True)
        there = set(admitted.values_list("asset_id", flat=True))
    for asset in assets:
        if asset not in there:
            with tenancy.acting(None, maker):
                proposed = operations.propose_admission(asset=asset, reason="liquid", at=BEFORE)
            approve(checker, proposed)


def approve(checker: users.Actor, proposed: models.Proposal) -> models.Proposal:
    """Have a second officer approve."""
    with tenancy.acting(None, checker):
        return changes.approve(actor=checker, proposal_id=proposed.pk, reason="in order", at=BEFORE)


def applied(bank: models.Bank, **changed: Any) -> Application:
    """Send the bank's application."""
    ogrn = numbered(f"1{bank.pk.int % 10**11:011d}")
    sent = APPLICATION | {"legal_name": bank.name, "ogrn": ogrn} | changed
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        return operations.apply_for_licence(**sent, at=BEFORE)


def numbered(keyless: str) -> str:
    """An entity's register number by its first 12 digits."""
    return f"{keyless}{int(keyless) % 11 % 10}"


def licensed(bank: models.Bank, **granted: Any) -> Licence:
    """Grant the bank a licence under the 2022 bill, by two officers, and admit the usual assets."""
    jurisdiction_id = bank.jurisdiction_id
    under(jurisdiction_id, assets=ASSETS)
    sent = applied(bank)
    with tenancy.acting(None, officer(jurisdiction_id, "maker")):
        licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
    return grant(licence, **granted)


def grant(licence: Licence, **granted: Any) -> Licence:
    """Grant a licence that was applied for, by two officers."""
    jurisdiction_id = licence.jurisdiction_id
    wanted: dict[str, Any] = {
        "activities": ALL_ACTIVITIES,
        "categories": ALL_CATEGORIES,
        "conditions": "",
        "exposure_limit_rub": None,
    }
    with tenancy.acting(None, officer(jurisdiction_id, "maker")):
        operations.declare_complete(licence_id=licence.pk, at=BEFORE)
        proposed = operations.propose_grant(
            licence_id=licence.pk, reason="in order", at=BEFORE, **wanted | granted
        )
    done = approve(officer(jurisdiction_id, "checker"), proposed)
    assert done.result == {"licence": ids.show(Licence.id_prefix, licence.pk)}
    return licence
