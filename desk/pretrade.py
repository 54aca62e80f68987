"""What becomes of an order, before anything is written: refused by which rules, or filled and how.

Pure: a context of what was read and locked, and the order, in; a `Plan` out. `decide` folds each
plan into the context, so that a list's later lines see what the earlier ones took.

Refusals come in their order of precedence: the licence's (`licensing.perimeter`), the client's
(`kyc.standing`), INSTRUMENT_HALTED, QUANTITY_OUT_OF_BOUNDS, QUOTE_USED or QUOTE_EXPIRED,
PRICE_UNAVAILABLE, INSUFFICIENT_FUNDS, INVENTORY_SHORT, PRICE_NOT_REACHED.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from desk import pricing
from kyc import standing as kyc_standing
from kyc.standing import Standing
from licensing.perimeter import PURCHASE, SALE, Perimeter

BUY, SELL = "BUY", "SELL"
Refusal = tuple[str, dict[str, Any]]
_ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """An order as it was sent: by `quantity` or by `amount_rub`, the fee of a purchase in it."""

    client_id: UUID
    client_order_id: str
    instrument: str
    side: str
    kind: str
    time_in_force: str
    quantity: Decimal | None = None
    amount_rub: Decimal | None = None
    limit_price_rub: Decimal | None = None
    quote_id: UUID | None = None

    @property
    def buys(self) -> bool:
        """Whether the client buys."""
        return self.side == BUY

    @property
    def rests(self) -> bool:
        """Whether what is not executed at once waits."""
        return self.time_in_force in ("GTC", "DAY")


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """An instrument as orders are judged on it; `scale` is its coin's decimals."""

    id: UUID
    code: str
    asset: str
    scale: int
    spread_bps: int
    fee_bps: int
    min_quantity: Decimal
    max_quantity: Decimal
    tick_rub: Decimal
    is_open: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Quoted:
    """A quote that is good: its prices, and for how much at most, where the client said."""

    price: pricing.TwoWay
    quantity: Decimal | None = None


@dataclasses.dataclass(slots=True)
class Context:
    """What orders are judged on; the running figures change as plans are folded in.

    `prices` by instrument, None where the market has none; `quotes` by id, or why one is not good.
    `cash`, `coins` and `inventory` are free of what is held; `used_rub` is of the year's limit.
    """

    on: date
    perimeter: Perimeter
    standings: Mapping[UUID, Standing]
    prices: Mapping[str, pricing.TwoWay | None]
    quotes: dict[UUID, Quoted | str]
    cash: dict[UUID, Decimal]
    coins: dict[tuple[UUID, str], Decimal]
    inventory: dict[str, Decimal]
    used_rub: dict[UUID, Decimal]


@dataclasses.dataclass(frozen=True, slots=True)
class Execution:
    """A quantity executed at the desk's price."""

    quantity: Decimal
    price_rub: Decimal
    cost: pricing.Cost


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of an order. A purchase that rests reserves `reserved_rub`, fee included."""

    status: str
    quantity: Decimal
    refusals: tuple[Refusal, ...] = ()
    execution: Execution | None = None
    resting: Decimal = _ZERO
    reserved_rub: Decimal = _ZERO

    @property
    def filled(self) -> Decimal:
        """How much is executed at once."""
        return self.execution.quantity if self.execution else _ZERO


def decide(context: Context, ask: Ask, terms: Terms) -> Plan:
    """Return what becomes of an order, and fold it into the context."""
    terms = _as_quoted(context, ask, terms)
    seen = _look(context, ask)
    quantity = _quantity(ask, terms, seen.judged_rub)
    plan = _plan(context, ask, terms, quantity, seen)
    refusals = _refusals(context, ask, terms, plan, seen)
    if refusals:
        return Plan("REJECTED", quantity, tuple(refusals))
    _fold(context, ask, terms, plan)
    return plan


def reached(side: str, limit_price_rub: Decimal, price: pricing.TwoWay) -> bool:
    """Say whether the desk's price is as good as an order's limit, or better."""
    if side == BUY:
        return price.ask_rub <= limit_price_rub
    return price.bid_rub >= limit_price_rub


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """The desk's price, None where there is none, and whether it reaches the order's limit.

    `judged_rub` is the price that amounts are reckoned at: the desk's, or else the limit.
    `refused` says why there is no price.
    """

    desk_rub: Decimal | None
    reached: bool
    judged_rub: Decimal | None
    refused: str = ""


def _as_quoted(context: Context, ask: Ask, terms: Terms) -> Terms:
    """Return the instrument's terms; at a quote, no more than it is for is sold or bought."""
    quote = context.quotes[ask.quote_id] if ask.quote_id is not None else ""
    if isinstance(quote, str) or quote.quantity is None:
        return terms
    return dataclasses.replace(terms, max_quantity=quote.quantity)


def _look(context: Context, ask: Ask) -> _Seen:
    if ask.quote_id is None:
        two_way = context.prices[ask.instrument] or "PRICE_UNAVAILABLE"
    else:
        quote = context.quotes[ask.quote_id]
        two_way = quote if isinstance(quote, str) else quote.price
    if isinstance(two_way, str):
        return _Seen(None, False, ask.limit_price_rub, two_way)
    desk_rub = two_way.ask_rub if ask.buys else two_way.bid_rub
    limit = ask.limit_price_rub
    good = limit is None or reached(ask.side, limit, two_way)
    return _Seen(desk_rub, good, desk_rub if good else limit)


def _quantity(ask: Ask, terms: Terms, price: Decimal | None) -> Decimal:
    """Return what the order comes to in coins; 0 if by an amount for which there is no price."""
    if ask.quantity is not None:
        return ask.quantity
    assert ask.amount_rub is not None
    if not price:
        return _ZERO
    return pricing.quantity_for(ask.amount_rub, price, terms.fee_bps, terms.scale, buys=ask.buys)


def _plan(context: Context, ask: Ask, terms: Terms, quantity: Decimal, seen: _Seen) -> Plan:
    """Return what would become of the order if no rule refused it."""
    if not _in_bounds(terms, quantity):
        return Plan("REJECTED", quantity)
    now = quantity if seen.reached else _ZERO
    if ask.buys and ask.time_in_force != "FOK":
        now = min(now, max(context.inventory.get(terms.asset, _ZERO), _ZERO))
    execution = None
    if now:
        assert seen.desk_rub is not None
        cost = pricing.cost(now, seen.desk_rub, terms.fee_bps)
        execution = Execution(now, seen.desk_rub, cost)
    rest = quantity - now
    if not rest or not ask.rests:
        return Plan("CANCELED" if rest else "FILLED", quantity, execution=execution)
    assert ask.limit_price_rub is not None
    reserved = pricing.cost(rest, ask.limit_price_rub, terms.fee_bps).to_pay_rub
    return Plan(
        "PARTIALLY_FILLED" if now else "NEW",
        quantity,
        execution=execution,
        resting=rest,
        reserved_rub=reserved if ask.buys else _ZERO,
    )


def _in_bounds(terms: Terms, quantity: Decimal) -> bool:
    return terms.min_quantity <= quantity <= terms.max_quantity


def _refusals(context: Context, ask: Ask, terms: Terms, plan: Plan, seen: _Seen) -> list[Refusal]:
    client, book = context.standings[ask.client_id], context.perimeter.rulebook
    takes = _asks_rub(plan, terms, seen) if ask.buys else _ZERO
    used = context.used_rub[ask.client_id]
    licence: dict[str, Any] = {"asset": terms.asset, "category": client.category}
    limits: dict[str, Any] = {}
    if takes:
        limit = kyc_standing.limit_rub(client, book, context.on)
        limits = {"limit_rub": limit, "used_rub": used, "cost_rub": takes}
    permitted = context.perimeter.refusals(
        activity=PURCHASE if ask.buys else SALE, asset=terms.asset, category=client.category
    )
    found: list[Refusal] = [(code, licence) for code in permitted]
    for code in kyc_standing.refusals(client, book, context.on, takes, used):
        found.append((code, limits))
    if not terms.is_open:
        found.append(("INSTRUMENT_HALTED", {"instrument": terms.code}))
    if seen.judged_rub is not None or ask.quantity is not None:
        found += _out_of_bounds(terms, plan)
    if seen.refused and not ask.rests:
        found.append((seen.refused, {"instrument": terms.code}))
    found += _not_covered(context, ask, terms, plan, takes, seen)
    if seen.desk_rub is not None and not seen.reached and not ask.rests:
        found.append(("PRICE_NOT_REACHED", {"limit_price_rub": ask.limit_price_rub}))
    return found


def _out_of_bounds(terms: Terms, plan: Plan) -> list[Refusal]:
    worthless = plan.execution is not None and not plan.execution.cost.notional_rub
    if _in_bounds(terms, plan.quantity) and not worthless:
        return []
    facts = {"quantity": plan.quantity, "min": terms.min_quantity, "max": terms.max_quantity}
    return [("QUANTITY_OUT_OF_BOUNDS", facts)]


def _not_covered(
    context: Context, ask: Ask, terms: Terms, plan: Plan, takes: Decimal, seen: _Seen
) -> list[Refusal]:
    """Return INSUFFICIENT_FUNDS and INVENTORY_SHORT."""
    found: list[Refusal] = []
    if ask.buys:
        asset, needed, free = "RUB", takes, context.cash.get(ask.client_id, _ZERO)
    else:
        asset, needed = terms.asset, plan.quantity
        free = context.coins.get((ask.client_id, asset), _ZERO)
    if needed > free:
        found.append(("INSUFFICIENT_FUNDS", {"asset": asset, "needed": needed, "free": free}))
    there = context.inventory.get(terms.asset, _ZERO)
    nothing = plan.status == "CANCELED" and not plan.filled
    if ask.buys and seen.reached and (plan.filled > there or nothing):
        found.append(("INVENTORY_SHORT", {"asset": terms.asset}))
    return found


def _asks_rub(plan: Plan, terms: Terms, seen: _Seen) -> Decimal:
    """Return what a purchase is judged on: what it takes, or where it takes nothing the whole."""
    takes = _takes_rub(plan)
    if takes or seen.judged_rub is None:
        return takes
    return pricing.cost(plan.quantity, seen.judged_rub, terms.fee_bps).to_pay_rub


def _takes_rub(plan: Plan) -> Decimal:
    executed = plan.execution.cost.to_pay_rub if plan.execution else _ZERO
    return executed + plan.reserved_rub


def _fold(context: Context, ask: Ask, terms: Terms, plan: Plan) -> None:
    key = (ask.client_id, terms.asset)
    done = plan.filled
    if ask.quote_id is not None:
        context.quotes[ask.quote_id] = "QUOTE_USED"
    if ask.buys:
        takes = _takes_rub(plan)
        context.cash[ask.client_id] = context.cash.get(ask.client_id, _ZERO) - takes
        context.used_rub[ask.client_id] += takes
        context.coins[key] = context.coins.get(key, _ZERO) + done
        context.inventory[terms.asset] = context.inventory.get(terms.asset, _ZERO) - done
        return
    context.coins[key] -= plan.filled + plan.resting
    context.inventory[terms.asset] = context.inventory.get(terms.asset, _ZERO) + done
    if plan.execution:
        proceeds = plan.execution.cost.proceeds_rub
        context.cash[ask.client_id] = context.cash.get(ask.client_id, _ZERO) + proceeds
