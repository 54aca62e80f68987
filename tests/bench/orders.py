"""Orders over HTTP against the least that a Django REST view does, and lists against TPC-B.

- `insert_view`: `tests/bench/baseline.py`, on the same number of workers, by the same client.
- `orders_http`: one order a request, as a dealer sends it: key, idempotency, licence, client,
  limit, price, balances, order, fill, lot, entry, events; row-level security and triggers on.
  At least 0.35 of `insert_view`, at 8 and at 32 connections.
- `orders_batch`: lists of 100 orders of 100 clients, on 8 connections; orders a second, at least
  0.3 of `tpcb`.

Three interleaved rounds, medians. What was traded must pass `manage.py verify`.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import connections
from django.utils import timezone

from common import ids, tenancy, users
from desk import operations, queries
from desk.models import Order
from tests.bench import driver
from tests.bench.driver import Driven
from tests.bench.house import House, judged, manage, pgbench
from tests.serving import served

ROUNDS = 3
LINES, CONNECTIONS = 100, (8, 32)
BLOCKS = 8
HTTP_LIMIT, BATCH_LIMIT = 0.35, 0.3
AT = datetime(2022, 2, 24, 9, 0, tzinfo=UTC)
TOKEN = "measured-not-secret"
ROW = {
    "client": "cli_1",
    "client_order_id": "own",
    "instrument": "BTC-RUB",
    "side": "BUY",
    "kind": "LIMIT",
    "time_in_force": "GTC",
    "quantity": "0.001",
    "limit_price": "3000000.00",
    "currency": "RUB",
    "status": "NEW",
    "reason": "none",
    "at": "2022-02-24T09:00:00Z",
}


def measure(house: House, seconds: int) -> Iterator[dict[str, Any]]:
    """Yield what was measured, a line each."""
    pgbench("--initialize", "--quiet", "--scale", "50", house.pgbench)
    key, clients = _seed()
    _analyze()
    told: dict[str, list[Driven]] = {}
    tpcb: list[float] = []
    environ = {"BASELINE_URL": house.pgbench}
    _python(environ, "-m", "tests.bench.baseline")
    with served("tests.bench.baseline:application", environ) as rows, served() as desk:
        for _ in range(ROUNDS):
            tpcb.append(house.measure(house.pgbench, seconds=seconds))
            for connected in CONNECTIONS:
                for name, port, request in (
                    ("insert_view", rows, _insert),
                    ("orders_http", desk, _order(key, clients)),
                ):
                    reached = driver.drive(
                        port, request, connections=connected, seconds=seconds, status=201
                    )
                    told.setdefault(f"{name}_{connected}", []).append(reached)
            reached = driver.drive(
                desk, _list(key, clients), connections=BLOCKS, seconds=seconds, status=201
            )
            told.setdefault("orders_batch", []).append(reached)
    yield from _results(tpcb, told)
    accepted = _all_filled()
    _analyze()  # as autovacuum would have by then: `verify` joins what was just written
    manage("verify")
    yield {"name": "orders_verify", "value": accepted, "unit": "orders", "ok": True}


def _results(tpcb: list[float], told: dict[str, list[Driven]]) -> Iterator[dict[str, Any]]:
    values = {"tpcb": statistics.median(tpcb)}
    yield {"name": "tpcb", "value": round(values["tpcb"]), "unit": "transactions/s"}
    for name, rounds in told.items():
        lines = LINES if name == "orders_batch" else 1
        values[name] = statistics.median(each.per_second for each in rounds) * lines
        result: dict[str, Any] = {
            "name": name,
            "value": round(values[name]),
            "unit": "orders/s" if name.startswith("orders") else "requests/s",
            "p50_ms": round(statistics.median(each.p50_ms for each in rounds), 1),
            "p99_ms": round(statistics.median(each.p99_ms for each in rounds), 1),
            "rounds": [round(each.per_second * lines) for each in rounds],
        }
        if name == "orders_batch":
            result |= judged("tpcb", values[name] / values["tpcb"], BATCH_LIMIT)
        elif name.startswith("orders_http"):
            of = name.replace("orders_http", "insert_view")
            result |= judged(of, values[name] / values[of], HTTP_LIMIT)
        yield result


# --- What is sent --------------------------------------------------------------------------------

_numbers = count(1)


def _insert(number: int) -> bytes:
    return driver.post("/rows", TOKEN, json.dumps(ROW).encode())


def _line(client: str) -> dict[str, str]:
    return {
        "client_id": client,
        "client_order_id": f"own-{next(_numbers)}",
        "instrument": "BTC-RUB",
        "side": "BUY",
        "kind": "MARKET",
        "quantity": "0.001",
    }


def _order(key: str, clients: list[str]) -> Callable[[int], bytes]:
    chance = random.Random(2022)

    def request(number: int) -> bytes:
        body = json.dumps(_line(chance.choice(clients))).encode()
        return driver.post("/v1/orders", key, body, f"Idempotency-Key: {next(_numbers)}")

    return request


def _list(key: str, clients: list[str]) -> Callable[[int], bytes]:
    """Each list takes another hundred of the clients, as each of eight brokers would."""

    def request(number: int) -> bytes:
        block = number % BLOCKS * LINES
        body = {"orders": [_line(client) for client in clients[block : block + LINES]]}
        return driver.post(
            "/v1/order-lists", key, json.dumps(body).encode(), f"Idempotency-Key: {next(_numbers)}"
        )

    return request


# --- The house -----------------------------------------------------------------------------------


def _seed() -> tuple[str, list[str]]:
    """License a bank with coins and 800 firms with money; return a dealer's key and the firms."""
    from tests.desk.desks import open_desk  # noqa: PLC0415  Django is set up by now

    state = users.register_jurisdiction(code="trade", name="Trade", at=AT, wall_at=timezone.now())
    bank = users.register_bank(actor=users.supervisor_of(state.pk), code="trade", name="Trade")
    desk = open_desk(bank, stock="")
    with desk.acting():
        operations.pay_in_capital(amount_rub=Decimal(10) ** 13, at=AT)
        (row,) = queries.instruments()
        operations.buy_stock(instrument_id=row.pk, quantity=Decimal(300), at=AT)
        dealer = users.create_user(
            username="dealer", name="Ann", role=users.Role.DEALER, password="a long walk home"
        )
        now = timezone.now()
        _, key = users.issue_key(
            user_id=dealer.pk,
            name="bench",
            scopes=["orders:write"],
            expires_at=now + timedelta(days=1),
            at=now,
        )
    firms = [desk.client("900000000", kind="ENTITY") for _ in range(BLOCKS * LINES)]
    return key, [ids.show("cli", firm.pk) for firm in firms]


def _analyze() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    connections.close_all()


def _all_filled() -> int:
    bank = users.house_of("trade").bank_id
    with tenancy.acting(bank, users.job("bench", bank)):
        assert not Order.objects.exclude(status="FILLED").exists()
        return Order.objects.count()


def _python(environ: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], env=os.environ | environ, check=True)
