"""Orders, fills and positions, as other files read them. All inside `tenancy.acting`."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

import kyc.queries
import ledger.queries
import tax.queries
from common import clock, errors, ids, money, statements, users
from desk import pricing
from desk.models import Fill, Order
from desk.queries import books, market
from kyc.models import Client


@dataclasses.dataclass(frozen=True, slots=True)
class Position:
    """What a client has of a coin, what it cost (fees in it), and what it would bring now.

    `value_rub` and `unrealised_rub` are None where the market has no price.
    """

    coin: money.Asset
    quantity: Decimal
    free: Decimal
    cost_rub: Decimal
    average_cost_rub: Decimal
    value_rub: Decimal | None
    unrealised_rub: Decimal | None

    @property
    def asset(self) -> str:
        """The coin's code."""
        return self.coin.code


def orders_for(actor: users.Actor) -> QuerySet[Order]:
    """Return the orders that somebody may see: a client one's own, others all of the bank."""
    orders = Order.objects.select_related("instrument__asset")
    return orders.filter(client__in=kyc.queries.clients_for(actor))


def order_for(*, actor: users.Actor, order_id: UUID) -> Order:
    """Return an order that the actor may see. Raises: NOT_FOUND."""
    order = orders_for(actor).filter(pk=order_id).first()
    if order is None:
        raise errors.Refused("NOT_FOUND", {"order": ids.show(Order.id_prefix, order_id)})
    return order


def fills_for(actor: users.Actor) -> QuerySet[Fill]:
    """Return the fills that somebody may see."""
    fills = Fill.objects.select_related("order__instrument__asset")
    return fills.filter(order__client__in=kyc.queries.clients_for(actor))


def fill_for(*, actor: users.Actor, fill_id: UUID) -> Fill:
    """Return a fill that the actor may see. Raises: NOT_FOUND."""
    fill = fills_for(actor).filter(pk=fill_id).first()
    if fill is None:
        raise errors.Refused("NOT_FOUND", {"fill": ids.show(Fill.id_prefix, fill_id)})
    return fill


def positions(client_id: UUID, at: datetime) -> list[Position]:
    """Return a client's coins, valued at the price at which the desk would buy them."""
    owner = ids.show(Client.id_prefix, client_id)
    book_id = books.book_of(client_id)
    if book_id is None:  # nothing was ever bought
        return []
    free = ledger.queries.free(book_id=book_id, lines=["client_crypto"], owners=[owner])
    whose = Client.objects.filter(pk=client_id).values("bank_id")
    bids = {
        row.asset_id: prices.bid_rub
        for row in market.instruments().filter(bank__in=whose)
        if (prices := market.two_way(market.terms(row), at)) is not None
    }
    coins = ledger.queries.assets()
    return [
        _position(
            coins[asset], quantity, cost, free["client_crypto", asset, owner][1], bids.get(asset)
        )
        for asset, (quantity, cost) in tax.queries.position_cost(client_id).items()
    ]


def realised_rub(client_id: UUID, at: datetime) -> Decimal:
    """Return what a client has realised in the year."""
    return tax.queries.realised(client_id, clock.business_date(at).year)


def _position(
    coin: money.Asset, quantity: Decimal, cost: Decimal, free: Decimal, bid: Decimal | None
) -> Position:
    value = None if bid is None else pricing.cost(quantity, bid, 0).notional_rub
    return Position(
        coin=coin,
        quantity=quantity,
        free=free,
        cost_rub=cost,
        average_cost_rub=(cost / quantity).quantize(pricing.KOPECK),
        value_rub=value,
        unrealised_rub=None if value is None else value - cost,
    )


# --- What the desk's own process works on --------------------------------------------------------


def busy_banks() -> list[UUID]:
    """Return the banks with orders that rest or payouts in flight; before a bank is set."""
    return [row[0] for row in statements.rows("SELECT bank_id FROM desk_busy_banks()")]
