"""What comes before the first order: the regime, the register of assets, licences, the desks.

All over HTTP by who does it, but for what has no edge: the timeline of the regime and the lists of
sanctioned parties, which the supervisor's office sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from django.utils.module_loading import import_string

import kyc.operations
import licensing.operations
from common import errors, tenancy
from kyc.lists import Party
from kyc.models import WatchList
from simulation import identities
from simulation.house import TITLES, Bank, House
from simulation.population import NORTH, VOLGA

IN_FORCE = date(2022, 1, 1)  # which the bill never was
ADMITTED = ("BTC", "ETH", "TON")
ACTIVITIES = ("cash", "custody", "exchange")
_NO_CUSTODY = ("cash", "exchange")  # what the second bank asks for at first: it may sell nothing
# Whom a bank lets in: the second one has asked for persons only.
CATEGORIES = {NORTH: ("LEGAL_ENTITY", "NON_QUALIFIED", "QUALIFIED")}
_PERSONS_ONLY = ("NON_QUALIFIED", "QUALIFIED")

CAPITAL_RUB = "1000000000.00"
# Coin, least and most of an order, how many the desk buys to begin with. Two have no price: the
# market does not know them, and the second is not admitted.
_DESK: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("BTC", "0.0001", "100", {"north": "60", "volga": "12"}),
    ("ETH", "0.001", "1000", {"north": "110", "volga": "40"}),
    ("TON", "1", "100000", {}),
    ("LTC", "0.01", "10000", {}),
)
_SPREAD_BPS, _FEE_BPS, _TICK_RUB = 40, 25, "1.00"


def open_state(house: House, at: datetime, parties_from: str) -> None:
    """Put the state under the bill, load the list, admit the coins by two officers."""
    with suppress(errors.Refused), tenancy.acting(None, house.supervisor):
        licensing.operations.set_regime(overlay="minfin-2022", valid_from=IN_FORCE, at=at)
    with tenancy.acting(None, house.supervisor):
        if not WatchList.objects.exists():
            parties: list[Party] = import_string(parties_from)().parties()
            kyc.operations.load_list(source="fictional", parties=parties, at=at)
    for asset in ADMITTED:
        said = {"asset": asset, "reason": "Liquid, and its chain can be followed."}
        answer = house.officers["supervisor"].post(
            "admitted-assets", said, key=f"{house.stem}/admit/{asset}"
        )
        _approve(house, answer.done()["proposal_id"])


def apply_for_licence(house: House, bank: Bank, *, anew: bool = False) -> str:
    """Send a bank's application and answer what the supervisor asks; return the licence's id.

    `anew`: after an earlier licence has ended.
    """
    clerk, supervisor = bank.staff["operations"], house.officers["supervisor"]
    key, asked = _key(house, bank, anew), _application(bank, anew)
    sent = clerk.post("licence-applications", asked, key=f"{key}/apply").done()
    path = f"licence-applications/{sent['id']}/acknowledge"
    licence = supervisor.post(path, key=f"{key}/acknowledge").done()["id"]
    question = {"text": "Who audits the desk?"}
    asked = supervisor.post(f"licences/{licence}/questions", question, key=f"{key}/ask").done()
    answer = {"text": "The board's committee, every quarter."}
    clerk.post(f"questions/{asked['id']}/answer", answer, key=f"{key}/answer").done()
    supervisor.post(f"licences/{licence}/complete", key=f"{key}/complete").done()
    return str(licence)


def grant_licence(house: House, bank: Bank, licence: str, *, anew: bool = False) -> None:
    """Grant a licence by two officers of the state."""
    said = {
        "activities": _activities(bank, anew),
        "categories": CATEGORIES.get(bank.code, _PERSONS_ONLY),
        "reason": "The papers are in order.",
    }
    answer = house.officers["supervisor"].post(
        f"licences/{licence}/propose-grant", said, key=f"{_key(house, bank, anew)}/grant"
    )
    _approve(house, answer.done()["proposal_id"])


def open_desk(house: House, bank: Bank) -> None:
    """Open the instruments, and let capital come in by two people."""
    clerk, head = bank.staff["operations"], bank.staff["head"]
    key = f"{house.stem}/desk"
    for asset, least, most, _ in _DESK:
        bounds = {"min_quantity": least, "max_quantity": most, "tick_rub": _TICK_RUB}
        terms = {"asset": asset, "spread_bps": _SPREAD_BPS, "fee_bps": _FEE_BPS, **bounds}
        head.post("instruments", terms, key=f"{key}/{asset}").done()
    lines = [
        {"line": "own_nostro", "asset": "RUB", "amount": CAPITAL_RUB},
        {"line": "capital", "asset": "RUB", "amount": f"-{CAPITAL_RUB}"},
    ]
    asked = {"lines": lines, "reason": "The owners pay in capital."}
    answer = clerk.post(f"books/{book_of(bank)}/manual-entries", asked, key=f"{key}/capital")
    path = f"proposals/{answer.done()['proposal_id']}/approve"
    head.post(path, {"reason": "The payment is there."}, key=f"{key}/capital/approve").done()


def lay_in(house: House, bank: Bank) -> None:
    """Buy the coins that a bank's desk begins with, once its licence lets it hold them."""
    dealer = bank.staff["dealer"]
    instruments = {each["asset"]: each["id"] for each in dealer.get("instruments")["data"]}
    for asset, _, _, wanted in _DESK:
        if bank.code in wanted:
            path = f"instruments/{instruments[asset]}/stock"
            key = f"{house.stem}/{bank.code}/{asset}/stock"
            dealer.post(path, {"quantity": wanted[bank.code]}, key=key).done()


def book_of(bank: Bank) -> str:
    """Return the id of the book in which a bank's desk trades."""
    (book,) = bank.staff["operations"].get("books")["data"]
    return str(book["id"])


def _key(house: House, bank: Bank, anew: bool) -> str:
    return f"{house.stem}/licence/{bank.code}{'/anew' if anew else ''}"


def _activities(bank: Bank, anew: bool) -> tuple[str, ...]:
    return _NO_CUSTODY if bank.code == VOLGA and not anew else ACTIVITIES


def _application(bank: Bank, anew: bool) -> dict[str, Any]:
    serial = 1 + list(TITLES).index(bank.code)
    return {
        "kind": "ORGANISER",
        "legal_name": TITLES[bank.code],
        "inn": identities.firms_inn(serial),
        "ogrn": identities.ogrn(serial),
        "banking_licence": "UNIVERSAL",
        "own_funds_rub": CAPITAL_RUB,
        "head_name": "Vera Orlova",
        "head_convicted": False,
        "owner_offshore": False,
        "activities": _activities(bank, anew),
        "categories": CATEGORIES.get(bank.code, _PERSONS_ONLY),
        "plan": "Sell coins to clients as an investment.",
    }


def _approve(house: House, proposal_id: str) -> None:
    house.officers["deputy"].post(
        f"proposals/{proposal_id}/approve",
        {"reason": "So it is."},
        key=f"{house.stem}/{proposal_id}/approve",
    ).done()
