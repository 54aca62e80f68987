"""Clients who go on trading after the main job: small orders by some who may still trade."""

from __future__ import annotations

import random
from decimal import Decimal

from django.utils import timezone

import licensing.queries
from common import clock, ids, models, tenancy
from kyc.models import Client
from licensing.perimeter import EXCHANGE
from simulation import house, job
from simulation.caller import Caller, Unexpected

__all__ = ["Unexpected", "act", "gather"]

MOST = 20  # of each bank
_INSTRUMENTS = ("BTC-RUB", "ETH-RUB")
_SUMS_RUB = (1_000, 2_000, 3_000, 5_000)
_AWAY = (Decimal("0.998"), Decimal("0.995"), Decimal("0.99"))


def gather(address: str) -> list[Caller]:
    """Give the latest open clients of banks that may trade, up to `MOST` of each, a key; return
    their callers.
    """
    people: list[Caller] = []
    for code in house.TITLES:
        bank = job.bank_of(code)
        with tenancy.acting(bank.id, bank.office) as acting:
            assert acting.jurisdiction_id is not None
            at = clock.now(acting.jurisdiction_id, timezone.now())
            if licensing.queries.perimeter(bank.id, at).refusals(activity=EXCHANGE):
                continue
            latest = Client.objects.filter(status="OPEN").order_by("-id").values("user_id")
            rows = models.User.objects.filter(is_active=True, pk__in=latest[:MOST])
            people += [Caller(address, house.key_of(user)) for user in rows]
    return people


def act(chance: random.Random, person: Caller) -> None:
    """Buy at the market or at a price, or sell a little of what one has. Raises: Unexpected."""
    instrument, amount = chance.choice(_INSTRUMENTS), chance.choice(_SUMS_RUB)
    order = {"instrument": instrument, "side": "BUY", "kind": "MARKET"}
    held = {each["asset"] for each in person.get("positions")["positions"]}
    drawn = chance.random()
    if drawn < 0.4 and instrument.removesuffix("-RUB") in held:
        order["side"] = "SELL"
    elif drawn < 0.6:
        asks = {line["instrument"]: line["ask_rub"] for line in person.get("prices")}
        if asks.get(instrument):
            limit = Decimal(asks[instrument]) * chance.choice(_AWAY)
            order |= {"kind": "LIMIT", "limit_price_rub": f"{limit:.2f}", "time_in_force": "DAY"}
    own = ids.show("own", ids.new())
    body = order | {"client_order_id": own, "amount_rub": f"{amount}.00"}
    answer = person.post("orders", body, key=own)
    if answer.status not in (201, 422):  # done, or refused by rules
        raise Unexpected(f"{answer.status}: {answer.said}")
