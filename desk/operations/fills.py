"""Executions settled, delivery versus payment, and fills taken back by two people.

All inside the caller's `tenancy.acting`; the clients are locked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Model

import kyc.operations
import kyc.queries
import ledger.operations
import tax.operations
from common import changes, errors, ids, models, outbox, statements, tenancy
from desk import pretrade, queries, states
from desk.models import Fill, Order
from desk.operations import house
from kyc.models import Client
from ledger.operations import NewEntry, Wanted
from tax.operations import Acquired, Disposed

BUST = "fill.bust"
AccountKey = tuple[str, str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Executed:
    """A part of an order, executed at the desk's price."""

    order: Order
    asset: str
    done: pretrade.Execution


def held_of(side: str, asset: str, client_id: UUID) -> AccountKey:
    """Return which account of a client an order takes from: (line, asset, owner)."""
    if side == states.Side.BUY:
        return "client_cash", house.RUB, house.owner(client_id)
    return "client_crypto", asset, house.owner(client_id)


def open_accounts(
    traded: Collection[tuple[UUID, str]], accounts: dict[AccountKey, UUID], at: datetime
) -> None:
    """Add to `accounts` those that clients need to trade coins, opening what is not there yet."""
    wanted = set()
    for client_id, asset in traded:
        wanted.add(held_of(states.Side.BUY, asset, client_id))
        wanted.add(held_of(states.Side.SELL, asset, client_id))
    missing = sorted(wanted - accounts.keys())
    if missing:
        opened = ledger.operations.open_accounts(
            book_id=queries.house().book_id,
            accounts=[Wanted(line, asset, owner) for line, asset, owner in missing],
            at=at,
        )
        accounts.update(zip(missing, opened, strict=True))


def settle(
    executed: Sequence[Executed],
    accounts: Mapping[AccountKey, UUID],
    *,
    at: datetime,
    orders: Sequence[Order] = (),
    events: Sequence[tuple[str, dict[str, Any]]] = (),
    holds: Sequence[UUID] = (),
    kept: Sequence[Model] = (),
    also: Sequence[statements.Change] = (),
    last: Callable[[Callable[[], object]], None] | None = None,
) -> list[Fill]:
    """Write lots, fills, events and, last, the entries that deliver against payment.

    `accounts`: of the clients and of the desk's positions. `orders` are new ones, written with
    their fills, what is `kept` of them and what they change; `events` go before the fills' own.
    `last` is given what posts the entries and ends the transaction; else they are posted at once.

    Raises: INVENTORY_SHORT or INSUFFICIENT_FUNDS if somebody was first; LOTS_SHORT.
    """
    rows = [_fill(each, at) for each in executed]
    made = list(zip(executed, rows, strict=True))
    told = [("desk.order_filled", _told(row, row.order)) for row in rows]
    new = orders, rows, outbox.rows([*events, *told], at), kept
    lots = [_lot(each, row, at) for each, row in made]
    tax.operations.record_fills(fills=lots, rows=new, also=also)
    if made:
        found = queries.house({each.asset for each in executed})
        entries = [_entry(each, row, accounts, found, at) for each, row in made]

        def post(*, ends: bool = False) -> None:
            asked: dict[str, Any] = {"book_id": found.book_id, "holds": holds, "ends": ends}
            if len(entries) == 1:
                ledger.operations.post_entry(entry=entries[0], **asked)
            else:
                ledger.operations.post_entries(entries=entries, **asked)

        if last is None:
            post()
        else:
            last(partial(post, ends=True))
    return rows


def propose_bust(*, fill: Fill, reason: str, at: datetime) -> models.Proposal:
    """Ask a second person to take a fill back, as if it had never been.

    Raises: FILL_BUSTED; ALREADY_PROPOSED.
    """
    _refuse_busted(fill)
    return changes.propose(
        kind=BUST, subject=changes.subject_of(fill), payload={}, reason=reason, at=at
    )


@changes.decides(BUST, scope="fills:bust")
def bust_fill(proposal: models.Proposal, at: datetime) -> dict[str, Any]:
    """Take a fill back: its entry, its lots and its use of the limit. The order stays as it is.

    Raises: FILL_BUSTED; FILL_SPENT; INSUFFICIENT_FUNDS or INVENTORY_SHORT if what it brought is
    gone.
    """
    fill = Fill.objects.select_related("order").get(pk=UUID(proposal.subject.partition(":")[2]))
    order = fill.order
    kyc.queries.lock_clients([order.client_id])
    if not Fill.objects.filter(pk=fill.pk, busted_at__isnull=True).update(busted_at=at):
        _refuse_busted(fill)
        raise errors.Refused("FILL_BUSTED", {"fill": ids.show(Fill.id_prefix, fill.pk)})
    if order.side == states.Side.BUY:
        cost = fill.notional_rub + fill.fee_rub
        kyc.operations.use_limit(uses={order.client_id: -cost}, year=order.limit_year)
    tax.operations.undo_fill(fill_id=fill.pk, at=at)
    outbox.emit("desk.fill_busted", _told(fill, order), at)
    mirror = ledger.operations.reverse_entry(
        entry_id=fill.entry_id, at=at, reason=f"bust: {proposal.reason}"
    )
    return {"fill": ids.show(Fill.id_prefix, fill.pk), "entry": ids.show("ent", mirror.id)}


def _refuse_busted(fill: Fill) -> None:
    if fill.busted_at is not None:
        raise errors.Refused("FILL_BUSTED", {"fill": ids.show(Fill.id_prefix, fill.pk)})


def _fill(each: Executed, at: datetime) -> Fill:
    return Fill(
        bank_id=tenancy.acting_bank(),
        order=each.order,
        quantity=each.done.quantity,
        price_rub=each.done.price_rub,
        notional_rub=each.done.cost.notional_rub,
        fee_rub=each.done.cost.fee_rub,
        entry_id=ids.new(),
        at=at,
    )


def _lot(each: Executed, row: Fill, at: datetime) -> Acquired | Disposed:
    whose = each.order.client_id, each.asset, row.pk, at, row.quantity
    if each.order.side == states.Side.BUY:
        return Acquired(*whose, each.done.cost.to_pay_rub)
    return Disposed(*whose, each.done.cost.proceeds_rub)


def _entry(
    each: Executed,
    row: Fill,
    accounts: Mapping[AccountKey, UUID],
    found: queries.House,
    at: datetime,
) -> NewEntry:
    who, cost = house.owner(each.order.client_id), each.done.cost
    buys = each.order.side == states.Side.BUY
    coins = row.quantity if buys else -row.quantity
    roubles = cost.notional_rub if buys else -cost.notional_rub
    lines: list[tuple[UUID, Decimal]] = [
        (accounts["client_cash", house.RUB, who], roubles + cost.fee_rub),
        (found.accounts["currency_position", house.RUB], -roubles),
        (found.accounts["fees", house.RUB], -cost.fee_rub),
        (found.accounts["position", each.asset], coins),
        (accounts["client_crypto", each.asset, who], -coins),
    ]
    return NewEntry(
        "trade",
        at,
        [line for line in lines if line[1]],
        ref=ids.show(Fill.id_prefix, row.pk),
        id=row.entry_id,
    )


def _told(row: Fill, order: Order) -> dict[str, Any]:
    return {
        "fill": ids.show(Fill.id_prefix, row.pk),
        "order": ids.show(Order.id_prefix, order.pk),
        "client": ids.show(Client.id_prefix, order.client_id),
        "side": str(order.side),
        "quantity": f"{row.quantity:f}",
        "notional_rub": f"{row.notional_rub:f}",
    }
