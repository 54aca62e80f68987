"""A business day of the desk at a glance. All inside `tenancy.acting`.

Each is one statement for all the banks that the acting one sees: a bank sees itself, the supervisor
those of the jurisdiction. Days are Moscow's.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import ledger.queries
import licensing.queries
from common import clock, errors, money, statements
from desk import result
from desk.queries import market

_ZERO = Decimal(0)
_HOUR = timedelta(hours=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Turnover:
    """What clients bought or sold (`side`) of a bank in an hour of the day, 0 to 23."""

    bank_id: UUID
    hour: int
    side: str
    fills: int
    notional_rub: Decimal
    fee_rub: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """The orders that a bank took in on a day, and those of them that it refused."""

    bank_id: UUID
    orders: int
    refused: int


@dataclasses.dataclass(frozen=True, slots=True)
class Flow:
    """Roubles that came in (`kind` "deposit") or that clients asked for, by what became of it."""

    bank_id: UUID
    kind: str
    count: int
    gross_rub: Decimal
    tax_rub: Decimal
    net_rub: Decimal


@dataclasses.dataclass(frozen=True, slots=True)
class Coin:
    """The desk's inventory of a coin; no price and no value where the market has none."""

    coin: money.Asset
    quantity: Decimal
    price_rub: Decimal | None
    value_rub: Decimal | None


@dataclasses.dataclass(frozen=True, slots=True)
class HouseDay:
    """A bank's own account of a day.

    `results_rub` is the profit or loss since midnight at the end of each hour that has begun.
    `limit_rub` is how much exposure the licence and the regime allow; None without a licence.
    """

    bank_id: UUID
    inventory: tuple[Coin, ...]
    results_rub: tuple[Decimal | None, ...]
    exposure_rub: Decimal | None
    capital_rub: Decimal
    limit_rub: Decimal | None


def turnover(on: date) -> list[Turnover]:
    """Return what was executed on a day and stands, by hour and side."""
    rows = _rows(
        """
        SELECT f.bank_id, floor(extract(epoch FROM f.at - %(begin)s) / 3600)::int AS hour, o.side,
               count(*), sum(f.notional_rub), sum(f.fee_rub)
          FROM desk_fill f JOIN desk_order o ON o.id = f.order_id
         WHERE f.at >= %(begin)s AND f.at < %(end)s AND f.busted_at IS NULL
         GROUP BY f.bank_id, hour, o.side ORDER BY hour, o.side
        """,
        on,
    )
    return [Turnover(*row) for row in rows]


def taken(on: date) -> list[Taken]:
    """Return how many orders came in on a day, and how many of them were refused."""
    rows = _rows(
        "SELECT bank_id, count(*), count(*) FILTER (WHERE status = 'REJECTED') FROM desk_order"
        " WHERE at >= %(begin)s AND at < %(end)s GROUP BY bank_id",
        on,
    )
    return [Taken(*row) for row in rows]


def refusals(on: date) -> dict[str, int]:
    """Return how often each code refused an order of the day, the most frequent first."""
    rows = _rows(
        "SELECT code, count(*) FROM desk_order, unnest(codes) AS code"
        " WHERE at >= %(begin)s AND at < %(end)s AND status = 'REJECTED'"
        " GROUP BY code ORDER BY count(*) DESC, code",
        on,
    )
    return dict(rows)


def flows(on: date) -> list[Flow]:
    """Return the roubles that came in, and the withdrawals asked for on a day by their status."""
    rows = _rows(
        """
        SELECT bank_id, 'deposit', count(*), sum(amount_rub), 0, sum(amount_rub)
          FROM desk_deposit WHERE at >= %(begin)s AND at < %(end)s GROUP BY bank_id
         UNION ALL
        SELECT bank_id, status, count(*), sum(gross_rub), sum(tax_rub), sum(net_rub)
          FROM desk_withdrawal WHERE at >= %(begin)s AND at < %(end)s GROUP BY bank_id, status
        """,
        on,
    )
    return [Flow(*row) for row in rows]


def house_days(on: date, at: datetime) -> dict[UUID, HouseDay]:
    """Return by bank its inventory, exposure and result of a day, as far as it is over at `at`."""
    begin = clock.midnight(on)
    until = min(at, begin + 24 * _HOUR)
    opening = ledger.queries.own_balances(on - timedelta(days=1))
    moves = ledger.queries.own_moves(on)
    coins = ledger.queries.assets()
    traded = {asset for _, line, asset in opening if line == result.POSITION}
    traded |= {move.asset for move in moves if move.line == result.POSITION}
    ends = [min(begin + (hour + 1) * _HOUR, until) for hour in range(_hours(begin, until))]
    prices = [{asset: _price(asset, moment) for asset in traded} for moment in [begin, *ends]]
    found = {}
    for bank_id in sorted({key[0] for key in opening} | {move.bank_id for move in moves}):
        own = defaultdict(
            Decimal, {key[1:]: amount for key, amount in opening.items() if key[0] == bank_id}
        )
        before, results = result.result_rub(own, prices[0]), []
        for hour, then in enumerate(prices[1:]):
            for move in moves:
                if (move.bank_id, move.hour) == (bank_id, hour):
                    own[move.line, move.asset] += move.amount
            now = result.result_rub(own, then)
            results.append(None if now is None or before is None else now - before)
        found[bank_id] = HouseDay(
            bank_id,
            tuple(_inventory(own, prices[-1], coins)),
            tuple(results),
            result.exposure_rub(own, prices[-1]),
            own["capital", result.RUB],
            _limit_rub(bank_id, at),
        )
    return found


def _limit_rub(bank_id: UUID, at: datetime) -> Decimal | None:
    try:
        return licensing.queries.perimeter(bank_id, at).exposure_limit_rub
    except errors.Refused:  # no regime then
        return None


def _inventory(
    own: result.Balances, prices: result.Prices, coins: Mapping[str, money.Asset]
) -> Iterator[Coin]:
    for (line, asset), quantity in sorted(own.items()):
        if line == result.POSITION:
            price = prices[asset]
            yield Coin(coins[asset], quantity, price, None if price is None else quantity * price)


def _hours(begin: datetime, until: datetime) -> int:
    """Return how many hours of the day have begun."""
    return max(0, -((begin - until) // _HOUR)) if until > begin else 0


def _price(asset: str, at: datetime) -> Decimal | None:
    try:
        return market.price(asset, at).mid_rub
    except errors.Refused:
        return None


def _rows(sql: str, on: date) -> list[tuple[Any, ...]]:
    day = {"begin": clock.midnight(on), "end": clock.midnight(on + timedelta(days=1))}
    return statements.rows(sql, day)
