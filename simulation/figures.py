"""What happened in a bank on some days, in figures: counts of rows, and amounts of money and coins.

Read from what the apps keep (orders, fills, withdrawals, the trial balance); a test recomputes each
amount from the postings alone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

import ledger.queries
from common import clock, tenancy
from common.models import IdempotencyKey
from desk.models import Deposit, Fill, Order, Quote, Withdrawal
from kyc.models import Client
from simulation.house import Bank

_ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """A bank's days. Roubles, but for what is by coin; counts by status or by code.

    `turned_away` counts what applications were refused for, as long as those answers are kept;
    `refused_for` what orders were: one refused by two rules counts in both. Balances are those at
    the end of the last day.
    """

    clients: Mapping[str, int]
    categories: Mapping[str, int]
    turned_away: Mapping[str, int]
    quotes: int
    orders: Mapping[str, int]
    refused_for: Mapping[str, int]
    fills: int
    busted: int
    bought_rub: Decimal
    sold_rub: Decimal
    fees_rub: Decimal
    bought: Mapping[str, Decimal]
    sold: Mapping[str, Decimal]
    deposits: int
    deposited_rub: Decimal
    withdrawals: Mapping[str, int]
    gross_rub: Decimal
    tax_rub: Decimal
    net_rub: Decimal
    client_cash_rub: Decimal
    client_coins: Mapping[str, Decimal]
    inventory: Mapping[str, Decimal]
    entries: int


def of(bank: Bank, first: date, last: date) -> Figures:
    """Return the figures of a bank's business days from `first` to `last`, which are closed."""
    begin, end = clock.midnight(first), clock.midnight(last + timedelta(days=1))
    during = Q(at__gte=begin, at__lt=end)
    with tenancy.acting(bank.id, bank.office, snapshot=True):
        clients = Client.objects.filter(applied_at__lt=end)
        fills = Fill.objects.filter(during, busted_at__isnull=True)
        paid = Withdrawal.objects.filter(during, status__in=["PAID", "SETTLED"])
        payouts = _sums(paid, "gross_rub", "tax_rub", "net_rub")
        bought = fills.filter(order__side="BUY")
        sold = fills.filter(order__side="SELL")
        deposits = Deposit.objects.filter(during)
        trial = _balances(last)
        book_id = ledger.queries.main_book()
        closes = ledger.queries.closes(book_id).filter(business_date__range=(first, last))
        return Figures(
            clients=_by(clients, "status"),
            categories=_by(clients.filter(status__in=["OPEN", "FROZEN"]), "category"),
            turned_away=_turned_away(),
            quotes=Quote.objects.filter(during).count(),
            orders=_by(Order.objects.filter(during), "status"),
            refused_for=_refused_for(Order.objects.filter(during)),
            fills=fills.count(),
            busted=Fill.objects.filter(during, busted_at__isnull=False).count(),
            bought_rub=_sums(bought, "notional_rub")["notional_rub"],
            sold_rub=_sums(sold, "notional_rub")["notional_rub"],
            fees_rub=_sums(fills, "fee_rub")["fee_rub"],
            bought=_coins(bought),
            sold=_coins(sold),
            deposits=deposits.count(),
            deposited_rub=_sums(deposits, "amount_rub")["amount_rub"],
            withdrawals=_by(Withdrawal.objects.filter(during), "status"),
            **payouts,
            client_cash_rub=trial.get(("client_cash", "RUB"), _ZERO),
            client_coins=_of_line(trial, "client_crypto"),
            inventory=_of_line(trial, "position"),
            entries=sum(each.last_number - each.first_number + 1 for each in closes),
        )


def _by(rows: QuerySet[Any], column: str) -> dict[str, int]:
    counted = rows.order_by(column).values_list(column).annotate(Count("pk"))
    return dict(counted)


def _sums(rows: QuerySet[Any], *columns: str) -> dict[str, Decimal]:
    found = rows.aggregate(**{f"total_{column}": Sum(column) for column in columns})
    return {column: found[f"total_{column}"] or _ZERO for column in columns}


def _coins(fills: QuerySet[Fill]) -> dict[str, Decimal]:
    column = "order__instrument__asset"
    return dict(fills.order_by(column).values_list(column).annotate(Sum("quantity")))


def _refused_for(orders: QuerySet[Order]) -> dict[str, int]:
    found: dict[str, int] = {}
    for codes in orders.filter(status="REJECTED").values_list("codes", flat=True):
        for code in codes:
            found[code] = found.get(code, 0) + 1
    return dict(sorted(found.items()))


def _turned_away() -> dict[str, int]:
    """Count the kept answers that refused an application, by the rule."""
    rows = IdempotencyKey.objects.filter(key__endswith="/apply", status=422)
    found: dict[str, int] = {}
    for body in rows.values_list("body", flat=True):
        code = json.loads(body)["code"]
        found[code] = found.get(code, 0) + 1
    return dict(sorted(found.items()))


def _balances(on: date) -> dict[tuple[str, str], Decimal]:
    rows = ledger.queries.trial_balance(ledger.queries.main_book(), on)
    return {(row.line, row.asset): row.balance for row in rows}


def _of_line(trial: Mapping[tuple[str, str], Decimal], line: str) -> dict[str, Decimal]:
    found = {asset: amount for (each, asset), amount in trial.items() if each == line}
    return dict(sorted(found.items()))
