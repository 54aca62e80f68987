"""Orders that rest: executed when the price comes, ended when their time is over.

What the desk's own process does; each order in a transaction of its own.
"""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import kyc.operations
import kyc.queries
import ledger.operations
import ledger.queries
import licensing.queries
from common import changes, clock, errors, ids, tenancy, users
from desk import pretrade, pricing, queries, states
from desk.models import Instrument, Order
from desk.operations import fills, house, orders
from kyc import standing as kyc_standing
from licensing.perimeter import PURCHASE, SALE

logger = logging.getLogger(__name__)

_ZERO = Decimal(0)


def work_orders(wall_at: datetime) -> None:
    """Execute or expire what is due of every bank's resting orders."""
    for bank_id in queries.busy_banks():
        job = users.job("desk", bank_id)
        with tenancy.acting(bank_id, job) as acting:
            assert acting.jurisdiction_id is not None
            at = clock.now(acting.jurisdiction_id, wall_at)
            due = due_orders(at)
        for order_id in due:
            try:
                with tenancy.acting(bank_id, job):
                    work_order(order_id=order_id, at=at)
            except errors.Refused as refusal:  # somebody was first: the next round sees
                logger.info("Order %s rests on: %s", order_id, refusal.code)


def due_orders(at: datetime) -> list[UUID]:
    """Return the acting bank's resting orders that have run out or whose price has come."""
    rows = Order.objects.filter(status__in=states.RESTING).order_by("id")
    waiting = list(rows.values_list("id", "instrument_id", "side", "limit_price_rub", "expires_at"))
    prices = _prices({instrument_id for _, instrument_id, *_ in waiting}, at)
    due = []
    for order_id, instrument_id, side, limit, expires_at in waiting:
        assert expires_at is not None
        price = prices.get(instrument_id)
        reached = price is not None and pretrade.reached(side, limit, price)
        if reached or expires_at <= at:
            due.append(order_id)
    return due


def work_order(*, order_id: UUID, at: datetime) -> Order:
    """Execute what can be executed of a resting order, or expire it; in the caller's transaction.

    While the bank may not trade or the client is not open, the order waits.

    Raises: INVENTORY_SHORT if somebody was first.
    """
    order = Order.objects.select_related("instrument__asset").get(pk=order_id)
    standing = kyc.queries.lock_clients([order.client_id])[order.client_id]
    order.refresh_from_db(fields=["status", "hold_id", "reserved_limit_rub", "filled_quantity"])
    if order.status not in states.RESTING:
        return order
    assert order.expires_at is not None
    if order.expires_at <= at:
        return orders.end_order(order, states.OrderStatus.EXPIRED, at)
    terms = queries.terms(order.instrument)
    perimeter = licensing.queries.perimeter(tenancy.acting_bank(), at)
    refusals = perimeter.refusals(
        activity=PURCHASE if order.side == states.Side.BUY else SALE,
        asset=terms.asset,
        category=standing.category,
    ) + kyc_standing.refusals(standing, perimeter.rulebook, clock.business_date(at), _ZERO, _ZERO)
    price = queries.two_way(terms, at)
    if refusals or price is None or not terms.is_open:
        return order
    assert order.limit_price_rub is not None
    if pretrade.reached(order.side, order.limit_price_rub, price):
        _execute(order, terms, price, at)
    return order


def _execute(order: Order, terms: pretrade.Terms, price: pricing.TwoWay, at: datetime) -> None:
    """Execute as much of a resting order of a locked client as the inventory has."""
    buys, owner = order.side == states.Side.BUY, house.owner(order.client_id)
    free = ledger.queries.free(
        book_id=queries.house([terms.asset]).book_id,
        lines=["client_cash", "client_crypto", "position"],
        owners=[owner, ""],
    )
    quantity = left = order.ordered_quantity - order.filled_quantity
    if buys:
        quantity = min(left, max(free["position", terms.asset, ""][1], _ZERO))
    if not quantity:
        return
    price_rub = price.ask_rub if buys else price.bid_rub
    cost = pricing.cost(quantity, price_rub, terms.fee_bps)
    if not cost.notional_rub:  # less than a kopeck's worth: nothing is given away
        return
    hold, reserved, rest = order.hold_id, order.reserved_limit_rub, left - quantity
    reserve = _ZERO
    if buys:
        assert order.limit_price_rub is not None
        cost = cost.within(reserved)
        at_limit = pricing.cost(rest, order.limit_price_rub, terms.fee_bps).to_pay_rub
        reserve = min(at_limit, reserved - cost.to_pay_rub)
    again = ids.new() if rest and (reserve or not buys) else None
    changes.move(
        order,
        to=states.OrderStatus.PARTIALLY_FILLED if rest else states.OrderStatus.FILLED,
        transitions=states.ORDER_TRANSITIONS,
        at=at,
        filled_quantity=order.filled_quantity + quantity,
        reserved_limit_rub=reserve,
        hold_id=again,
    )
    if buys:
        used = cost.to_pay_rub + reserve - reserved  # what the better price leaves is released
        kyc.operations.use_limit(uses={order.client_id: used}, year=order.limit_year)
    accounts = {key: account for key, (account, _) in free.items()}
    fills.open_accounts([(order.client_id, terms.asset)], accounts, at)
    done = pretrade.Execution(quantity, price_rub, cost)
    holds = [hold] if hold is not None else []
    fills.settle([fills.Executed(order, terms.asset, done)], accounts, at=at, holds=holds)
    if again is not None:
        ledger.operations.place_hold(
            hold_id=again,
            account_id=accounts[fills.held_of(order.side, terms.asset, order.client_id)],
            amount=reserve if buys else rest,
            at=at,
            ref=ids.show(Order.id_prefix, order.pk),
        )


def _prices(instrument_ids: set[UUID], at: datetime) -> dict[UUID, pricing.TwoWay]:
    rows = Instrument.objects.select_related("asset").filter(
        pk__in=instrument_ids, status=states.InstrumentStatus.OPEN
    )
    found = {row.pk: queries.two_way(queries.terms(row), at) for row in rows}
    return {key: price for key, price in found.items() if price is not None}
