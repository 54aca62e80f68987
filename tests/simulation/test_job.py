"""The main job as it is run: what it prints is what the rows and the postings say.

Every rouble and every coin is recomputed from postings alone, every count from rows, by SQL that
shares nothing with the job.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from desk import refusals
from simulation.figures import Figures
from tests import houses
from tests.houses import House

DAY = "2022-02-24"
BEGIN, END = "2022-02-23T21:00:00Z", "2022-02-24T21:00:00Z"  # of the Moscow day
# All that refuses, but for what the bill does not know and what refuses withdrawals alone.
CODES = {*refusals.WORDS} - {"ASSET_NOT_FOR_CATEGORY", "ACCOUNT_NOT_OWN", "REVIEW_REFUSED"}
TOLD = """
import dataclasses, django
django.setup()
from simulation import job
found = job.results(job.standing())
def plain(value):
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else str(value)
print({code: {n: plain(v) for n, v in dataclasses.asdict(f).items()} for code, f in found.items()})
"""
TITLES = {"north": "Northern Bank", "volga": "Volga Bank"}
SHOWN = Decimal("0.00000001")  # of a coin, in the table
BANKS = pytest.mark.parametrize("bank", TITLES)
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


def moved(demo: House, bank: str) -> dict[str, Any]:
    """The figures that are amounts, from postings alone."""

    def roubles(line: str, kind: str, sign: int = 0) -> Decimal:
        return posted(demo, bank, line, kind, sign).get("RUB", Decimal(0))

    return {
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


def counted(demo: House, bank: str) -> dict[str, Any]:
    """The figures that are counts, from rows alone."""

    def count(sql: str, *params: object) -> int:
        return int(demo.select(bank, f"SELECT count(*) FROM {sql}", *params)[0][0])

    def by(sql: str, *params: object) -> dict[str, int]:
        return dict(demo.select(bank, sql, *params))

    during = "at >= %s AND at < %s"
    fills = f"desk_fill WHERE {during} AND busted_at IS"
    statuses = f"SELECT status, count(*) FROM {{}} WHERE {during} GROUP BY 1"
    codes = f"SELECT unnest(codes), count(*) FROM desk_order WHERE {during} GROUP BY 1"
    clients = "SELECT {}, count(*) FROM kyc_client WHERE applied_at < %s {} GROUP BY 1"
    let_in = "AND status IN ('OPEN', 'FROZEN')"
    answers = demo.select(
        bank, "SELECT body::json ->> 'code' FROM common_idempotencykey WHERE status = 422"
              " AND body LIKE '%%\"problems\"%%'"
    )  # fmt: skip
    return {
        "clients": by(clients.format("status", ""), END),
        "categories": by(clients.format("category", let_in), END),
        "turned_away": dict(Counter(code for (code,) in answers)),
        "quotes": count(f"desk_quote WHERE {during}", BEGIN, END),
        "orders": by(statuses.format("desk_order"), BEGIN, END),
        "refused_for": by(codes, BEGIN, END),
        "fills": count(f"{fills} NULL", BEGIN, END),
        "busted": count(f"{fills} NOT NULL", BEGIN, END),
        "deposits": count(f"desk_deposit WHERE {during}", BEGIN, END),
        "withdrawals": by(statuses.format("desk_withdrawal"), BEGIN, END),
        "entries": count("ledger_entry WHERE business_date = %s", DAY),
    }


def lines(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the table says of such figures: numbers by section and line."""

    def coins(title: str, name: str) -> dict[str, Decimal]:
        return {
            f"{title}, {asset}": amount.quantize(SHOWN) for asset, amount in found[name].items()
        }

    return {
        "Applications turned away for": found["turned_away"],
        "Clients": found["clients"],
        "Let in": found["categories"],
        "Orders over HTTP": {"all": sum(found["orders"].values()), **found["orders"]},
        "Orders refused for": found["refused_for"],
        "Trades": {
            "quotes": found["quotes"],
            "fills": found["fills"],
            "bust": found["busted"],
            "bought by clients, RUB": found["bought_rub"],
            **coins("bought by clients", "bought"),
            "sold by clients, RUB": found["sold_rub"],
            **coins("sold by clients", "sold"),
            "fees, RUB": found["fees_rub"],
        },
        "Cash": {
            "deposits": found["deposits"],
            "deposited, RUB": found["deposited_rub"],
            **{f"withdrawals {name}": number for name, number in found["withdrawals"].items()},
            "withdrawn, RUB": found["gross_rub"],
            "tax withheld, RUB": found["tax_rub"],
            "paid out, RUB": found["net_rub"],
        },
        "At the close": {
            "owed to clients, RUB": found["client_cash_rub"],
            **coins("owed to clients", "client_coins"),
            **coins("inventory", "inventory"),
            "entries in the books": found["entries"],
        },
    }


def cells(table: str, title: str) -> dict[str, dict[str, Decimal]]:
    """The numbers in a bank's column of the printed table, by section and line; no zeros."""
    (head,) = re.findall(r"^┃.*$", table, re.MULTILINE)
    column = [cell.strip() for cell in head.split("┃")].index(title)
    found: dict[str, dict[str, Decimal]] = {}
    section: dict[str, Decimal] = {}
    for row in re.findall(r"^│.*$", table, re.MULTILINE):
        cut = row.split("│")
        name, number = cut[1].strip(), cut[column].strip().replace(",", "")
        if not cut[1].startswith("   "):  # a space of the table's, two of a line's
            section = found[name] = {}
        elif number and Decimal(number):
            section[name] = Decimal(number)
    return found


@BANKS
def test_every_amount_is_what_the_postings_say(
    demo: House, told: dict[str, dict[str, Any]], bank: str
) -> None:
    assert amounts(told[bank]) == moved(demo, bank)


@BANKS
def test_every_count_is_what_the_rows_say(
    demo: House, told: dict[str, dict[str, Any]], bank: str
) -> None:
    rows = counted(demo, bank)
    assert {name: told[bank][name] for name in rows} == {
        name: {key: str(number) for key, number in said.items()}
        if isinstance(said, dict)
        else str(said)
        for name, said in rows.items()
    }


@BANKS
def test_every_cell_of_the_table_is_what_the_postings_and_the_rows_say(
    demo: House, bank: str
) -> None:
    found = lines(moved(demo, bank) | counted(demo, bank))
    assert cells(houses.table(demo.printed), TITLES[bank]) == {
        section: {name: number for name, number in said.items() if number}
        for section, said in found.items()
    }


def test_the_day_has_the_refusals_that_it_is_to_show(told: dict[str, dict[str, Any]]) -> None:
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
