"""A bank on a busy day, 24 February 2022: what the home page has to show."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import kyc.operations
from common import models
from desk import operations
from desk.models import Instrument
from kyc.models import Client
from tests.desk.desks import Desk, open_desk
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.kyc import clients

OPENS = datetime(2022, 2, 24, 5, 0, tzinfo=UTC)
AFTERNOON = datetime(2022, 2, 24, 15, 30, tzinfo=UTC)


def trade_a_day(bank: models.Bank) -> Desk:
    """Let a dozen clients trade from eight to eight in Moscow, and be refused for many reasons."""
    desk = open_desk(bank, stock="")
    desk.instrument("ETH")
    desk.stock("40")
    desk.stock("300", "ETH")
    rich = [desk.client("60000000", category="QUALIFIED") for _ in range(5)]
    small = [desk.client("900000") for _ in range(3)]
    untested = desk.client("400000", tested=False)
    firm = desk.client("90000000", kind="ENTITY")
    chance = random.Random(2022)  # the same day each time
    # More is traded in the morning and towards the evening than at noon.
    for hour, orders in enumerate((3, 7, 9, 6, 3, 2, 3, 6, 8, 7, 4, 2)):
        for _ in range(orders):
            at = OPENS + timedelta(hours=hour, minutes=chance.randrange(60))
            client, asset = chance.choice([*rich, firm]), chance.choice(("BTC", "BTC", "ETH"))
            quantity = f"{chance.uniform(0.05, 0.9):.4f}" if asset == "BTC" else "3.5"
            side = desk.sell if hour > 1 and chance.random() < 0.4 else desk.buy
            side(client, at=at, instrument=f"{asset}-RUB", quantity=quantity)
    _refused(desk, rich[0], small, untested)
    desk.buy(rich[1], quantity="0.5", limit_price_rub="2500000", at=OPENS + timedelta(hours=3))
    lucky = desk.client("9000000", category="QUALIFIED")
    desk.buy(lucky, quantity="1.2", at=FALLEN_AT + timedelta(minutes=20))
    desk.sell(lucky, quantity="1.2", at=RISEN_AT + timedelta(minutes=10))
    desk.withdraw(lucky, "900000", at=AFTERNOON)
    for client, roubles in ((rich[0], "1500000"), (rich[1], "8000000"), (rich[2], "250000")):
        desk.withdraw(client, roubles, at=AFTERNOON)
    for said in (clients.person(), clients.entity()):
        clients.apply(bank, said)
    clients.identify(bank)
    with desk.acting():
        kyc.operations.freeze_client(
            client_id=small[2].pk, code="SUSPICION", reason="odd transfers", at=AFTERNOON
        )
    desk.buy(small[2], quantity="0.01", at=AFTERNOON)
    desk.bust(desk.fills()[3], at=AFTERNOON)
    with desk.acting():
        halted = Instrument.objects.get(code="ETH-RUB").pk
        operations.halt_instrument(instrument_id=halted, reason="the venue is down", at=AFTERNOON)
    desk.buy(rich[3], instrument="ETH-RUB", quantity="1", at=AFTERNOON)
    return desk


def _refused(desk: Desk, rich: Client, small: list[Client], new: Client) -> None:
    at = OPENS + timedelta(hours=4)
    for client in small[:2]:
        desk.buy(client, quantity="0.19", at=at)
        desk.buy(client, quantity="0.1", at=at)
    for _ in range(2):
        desk.buy(new, quantity="0.05", at=at)
    desk.buy(rich, quantity="60", at=at)
    desk.sell(rich, quantity=str(Decimal(50)), at=at)
    desk.buy(rich, quantity="0.1", kind="LIMIT", time_in_force="IOC", limit_price_rub="1", at=at)
