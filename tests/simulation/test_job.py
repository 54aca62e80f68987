"""The main job as it is run: what it prints is what the rows and the postings say.

Every rouble and every coin is recomputed from postings alone, every count from rows, by SQL that
shares nothing with the job.
"""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from simulation.figures import Figures
from tests import houses
from tests.houses import House

DAY = "2022-02-24"
BEGIN, END = "2022-02-23T21:00:00Z", "2022-02-24T21:00:00Z"  # of the Moscow day
CODES = {
    "ASSET_NOT_ADMITTED", "CATEGORY_NOT_PERMITTED", "CLIENT_FROZEN", "CLIENT_NOT_OPEN",
    "INSTRUMENT_HALTED", "INSUFFICIENT_FUNDS", "INVENTORY_SHORT", "LICENCE_MISSING",
    "LICENCE_SUSPENDED", "LIMIT_EXCEEDED", "PRICE_NOT_REACHED", "PRICE_UNAVAILABLE",
    "QUANTITY_OUT_OF_BOUNDS", "QUOTE_EXPIRED", "TEST_REQUIRED",
}  # fmt: skip
TOLD = """
import dataclasses, django
django.setup()
from simulation import job
found = job.results(job.standing())
def plain(value):
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else str(value)
print({code: {n: plain(v) for n, v in dataclasses.asdict(f).items()} for code, f in found.items()})
"""
BANKS = pytest.mark.parametrize("bank", ["north", "volga"])
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def told(demo: House) -> dict[str, dict[str, Any]]:
    """What the job's own function returns, as text, by bank."""
    run = subprocess.run(
        [sys.executable, "-c", TOLD],
        cwd=houses.CHECKOUT,
        env=demo.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = ast.literal_eval(run.stdout)
    return found


def amounts(found: dict[str, Any]) -> dict[str, Any]:
    """The figures that are amounts, as numbers; a coin of which there is nothing is left out."""
    kinds = {field.name: str(field.type) for field in dataclasses.fields(Figures)}
    numbers: dict[str, Any] = {}
    for name, kind in kinds.items():
        if kind == "Decimal":
            numbers[name] = Decimal(found[name])
        elif kind == "Mapping[str, Decimal]":
            coins = {asset: Decimal(text) for asset, text in found[name].items()}
            numbers[name] = {asset: amount for asset, amount in coins.items() if amount}
    return numbers


def posted(demo: House, bank: str, line: str, kind: str, sign: int = 0) -> dict[str, Decimal]:
    """Sum an account line's postings of the day by asset, of entries that nobody reversed."""
    rows = demo.select(
        bank,
        "SELECT a.asset_id, sum(p.amount) FROM ledger_posting p"
        "  JOIN ledger_account a ON a.id = p.account_id JOIN ledger_entry e ON e.id = p.entry_id"
        " WHERE a.line = %s AND e.kind = %s AND p.business_date = %s"
        "   AND (%s = 0 OR sign(p.amount) = %s)"
        "   AND NOT EXISTS (SELECT FROM ledger_entry r WHERE r.reverses_id = e.id)"
        " GROUP BY a.asset_id",
        *(line, kind, DAY, sign, sign),
    )
    return {asset: abs(amount) for asset, amount in rows if amount}


def left(demo: House, bank: str, line: str) -> dict[str, Decimal]:
    """Sum all postings on a line up to the day's end, by asset; what is owed is positive."""
    rows = demo.select(
        bank,
        "SELECT a.asset_id, -sum(p.amount) FROM ledger_posting p"
        "  JOIN ledger_account a ON a.id = p.account_id"
        " WHERE a.line = %s AND p.business_date <= %s GROUP BY a.asset_id",
        *(line, DAY),
    )
    return {asset: amount for asset, amount in rows if amount}


@BANKS
def test_every_amount_is_what_the_postings_say(
    demo: House, told: dict[str, dict[str, Any]], bank: str
) -> None:
    def roubles(line: str, kind: str, sign: int = 0) -> Decimal:
        return posted(demo, bank, line, kind, sign).get("RUB", Decimal(0))

    assert amounts(told[bank]) == {
        "bought_rub": roubles("currency_position", "trade", -1),
        "sold_rub": roubles("currency_position", "trade", 1),
        "fees_rub": roubles("fees", "trade"),
        "bought": posted(demo, bank, "position", "trade", 1),
        "sold": posted(demo, bank, "position", "trade", -1),
        "deposited_rub": roubles("segregated_nostro", "deposit"),
        "gross_rub": roubles("client_cash", "withdrawal"),
        "tax_rub": roubles("tax_payable", "withdrawal"),
        "net_rub": roubles("payouts_in_flight", "withdrawal"),
        "client_cash_rub": left(demo, bank, "client_cash")["RUB"],
        "client_coins": left(demo, bank, "client_crypto"),
        "inventory": left(demo, bank, "position"),
    }


@BANKS
def test_every_count_is_what_the_rows_say(
    demo: House, told: dict[str, dict[str, Any]], bank: str
) -> None:
    def count(sql: str, *params: object) -> str:
        return str(demo.select(bank, f"SELECT count(*) FROM {sql}", *params)[0][0])

    def by(sql: str, *params: object) -> dict[str, str]:
        return {name: str(number) for name, number in demo.select(bank, sql, *params)}

    found, during = told[bank], "at >= %s AND at < %s"
    assert found["quotes"] == count(f"desk_quote WHERE {during}", BEGIN, END)
    assert found["deposits"] == count(f"desk_deposit WHERE {during}", BEGIN, END)
    fills = f"desk_fill WHERE {during} AND busted_at IS"
    assert found["fills"] == count(f"{fills} NULL", BEGIN, END)
    assert found["busted"] == count(f"{fills} NOT NULL", BEGIN, END)
    assert found["entries"] == count("ledger_entry WHERE business_date = %s", DAY)
    for name, table in (("orders", "desk_order"), ("withdrawals", "desk_withdrawal")):
        sql = f"SELECT status, count(*) FROM {table} WHERE {during} GROUP BY 1"
        assert found[name] == by(sql, BEGIN, END)
    sql = f"SELECT unnest(codes), count(*) FROM desk_order WHERE {during} GROUP BY 1"
    assert found["refused_for"] == by(sql, BEGIN, END)
    sql = "SELECT {}, count(*) FROM kyc_client WHERE applied_at < %s {} GROUP BY 1"
    assert found["clients"] == by(sql.format("status", ""), END)
    let_in = "AND status IN ('OPEN', 'FROZEN')"
    assert found["categories"] == by(sql.format("category", let_in), END)
    answers = demo.select(
        bank, "SELECT body::json ->> 'code' FROM common_idempotencykey WHERE status = 422"
              " AND body LIKE '%%\"problems\"%%'"
    )  # fmt: skip
    assert found["turned_away"] == {
        code: str(number) for code, number in Counter(code for (code,) in answers).items()
    }


def test_the_day_has_every_kind_of_refusal(told: dict[str, dict[str, Any]]) -> None:
    assert set(told["north"]["refused_for"]) | set(told["volga"]["refused_for"]) == CODES


def test_the_day_has_resting_orders_executed_busts_tax_and_large_payouts(
    demo: House, told: dict[str, dict[str, Any]]
) -> None:
    north = told["north"]
    assert int(north["busted"]) == 1
    assert Decimal(north["tax_rub"]) > 0
    rested = demo.select(
        "north",
        "SELECT count(*) FROM desk_fill f JOIN desk_order o ON o.id = f.order_id WHERE f.at > o.at"
        " AND f.at < %s", END,
    )  # fmt: skip
    assert rested[0][0] > 0
    decided = demo.select(
        "north", "SELECT status FROM desk_withdrawal WHERE hold_id IS NOT NULL OR decided_by <> ''"
    )
    assert sorted(status for (status,) in decided) == ["REFUSED", "SETTLED"]
    reasons = demo.select("north", "SELECT DISTINCT status_reason FROM kyc_client")
    assert {"LISTED", "PAPERS_DOUBTFUL", "SUSPICION"} <= {reason for (reason,) in reasons}


def test_a_second_run_says_what_is_there_and_prints_the_same_table(demo: House) -> None:
    first = houses.table(demo.printed)
    demo.run("-m", "config.demo", SERVE="0", DAYS="2", PORT=str(demo.port + 1))
    last = demo.printed.rpartition("There already: SEED=1 CLIENTS=45 DAYS=1")[2]
    assert "There already: the days up to 2022-02-24, closed in both banks." in last
    assert "invariants hold in 2 banks." in last
    assert houses.table(last) == first
