"""Orders taken in, and orders ended by their clients. All inside the caller's `tenancy.acting`.

Lock order: clients by id (their limits with them), then lots, then the ledger's accounts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Model

import kyc.operations
import kyc.queries
import ledger.operations
import ledger.queries
import licensing.queries
from common import changes, clock, errors, ids, money, outbox, statements, tenancy
from desk import pretrade, pricing, queries, states
from desk.models import Instrument, Order, Quote
from desk.operations import fills, house
from desk.pretrade import Ask, Context, Plan, Quoted, Terms
from kyc.models import Client
from kyc.standing import Standing, used_rub

_LOST = ("INVENTORY_SHORT", "INSUFFICIENT_FUNDS")
_ONCE = "order_once_a_client"


@dataclasses.dataclass(frozen=True, slots=True)
class Placed:
    """An order as it was kept, and what refused it, in order of precedence."""

    order: Order
    refusals: tuple[errors.Refused, ...]


def place_orders(
    *,
    asks: Sequence[Ask],
    at: datetime,
    keep: Callable[[Sequence[Placed]], Model] | None = None,
    overtaken: bool = False,
) -> list[Placed]:
    """Take orders in, in their order, each judged on what the ones before it left.

    1. The clients are locked; with them their limits, lots and free balances stand still.
    2. What cannot be an order is refused whole: an unknown client, instrument or quote, too many
       decimals, a `client_order_id` that was used.
    3. Each order is decided (`pretrade`): refused by rules, which is an outcome and kept, or
       executed against the desk's inventory, or resting with what it needs reserved.
    4. All of it is written, with the row that `keep` makes of it, and the ledger last. The desk's
       inventory is not locked before, nor is an order's id looked up. Whoever was first at either
       has us overtaken: once more then, with the balances locked and the ids looked up before.

    Who gives a `keep` has nothing to do after: the entries are posted by the message that commits,
    at the end of `tenancy.acting`, which may then raise Overtaken too.

    Raises: NOT_FOUND; CLIENT_ORDER_ID_TAKEN; INSTRUMENT_UNKNOWN; AMOUNT_TOO_FINE; Overtaken,
    but not if told so.
    """
    standings = _locked({ask.client_id for ask in asks})
    _refuse_repeats(asks)
    at = _in_the_limits_year(at, standings)
    instruments = queries.instruments_by_code({ask.instrument for ask in asks})
    terms = {code: queries.terms(row) for code, row in instruments.items()}
    for ask in asks:
        _refuse_too_fine(ask, terms[ask.instrument])
    perimeter = licensing.queries.perimeter(tenancy.acting_bank(), at)
    quotes = _quotes(asks, at)
    if overtaken:
        _refuse_taken(asks)
    context, accounts = _context(asks, terms, standings, perimeter, quotes, at, lock=overtaken)
    plans = [pretrade.decide(context, ask, terms[ask.instrument]) for ask in asks]

    def last(post: Callable[[], object]) -> None:
        tenancy.at_the_end(_races(overtaken)(post))

    with _races(overtaken):
        return _write(
            asks, plans, instruments, standings, context, accounts, at, keep, last if keep else None
        )


def cancel_order(*, order: Order, at: datetime) -> Order:
    """End an order that rests: what it reserved is free again.

    Raises: STATUS_CONFLICT if it rests no more.
    """
    _locked({order.client_id})
    return end_order(order, states.OrderStatus.CANCELED, at)


def end_order(order: Order, to: states.OrderStatus, at: datetime) -> Order:
    """End a resting order of a locked client, as cancelled or expired.

    Raises: STATUS_CONFLICT.
    """
    order.refresh_from_db(fields=["status", "hold_id", "reserved_limit_rub", "filled_quantity"])
    hold, reserved = order.hold_id, order.reserved_limit_rub
    changes.move(
        order,
        to=to,
        transitions=states.ORDER_TRANSITIONS,
        at=at,
        hold_id=None,
        reserved_limit_rub=Decimal(0),
    )
    if reserved:
        kyc.operations.use_limit(uses={order.client_id: -reserved}, year=order.limit_year)
    outbox.emit("desk.order_ended", _told(order), at)
    if hold is not None:
        ledger.operations.void_holds(holds=[hold], at=at)
    return order


# --- What orders are judged on -------------------------------------------------------------------


def _locked(client_ids: set[UUID]) -> Mapping[UUID, Standing]:
    standings = kyc.queries.lock_clients(client_ids)
    for client_id in client_ids:
        if client_id not in standings:
            shown = ids.show(Client.id_prefix, client_id)
            raise errors.Refused("NOT_FOUND", {"client": shown})
    return standings


def _in_the_limits_year(at: datetime, standings: Mapping[UUID, Standing]) -> datetime:
    """Return `at`, or the New Year that came while the clients' locks were waited for.

    A limit's counter of a year that is past is gone.
    """
    year = max(standing.limit_year for standing in standings.values())
    return at if year <= clock.business_date(at).year else clock.midnight(date(year, 1, 1))


def _refuse_repeats(asks: Sequence[Ask]) -> None:
    """Refuse an id of the client's own that stands twice in a list."""
    seen = set()
    for ask in asks:
        key = ask.client_id, ask.client_order_id
        if key in seen:
            raise _taken(ask.client_order_id)
        seen.add(key)


@contextmanager
def _races(overtaken: bool) -> Iterator[None]:
    """Say that we were overtaken, if somebody was first, and once."""
    try:
        yield
    except (errors.Refused, IntegrityError) as error:
        if overtaken or not _was_first(error):
            raise
        raise errors.Overtaken from error


def _was_first(error: errors.Refused | IntegrityError) -> bool:
    """Say whether somebody was first, at what is short or with an id."""
    if isinstance(error, errors.Refused):
        return error.code in _LOST
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) == _ONCE


def _refuse_taken(asks: Sequence[Ask]) -> None:
    """Refuse an id that an order of before has, of a client who is locked."""
    taken = statements.rows(
        "SELECT a.own FROM unnest(%s::uuid[], %s::text[]) AS a (client, own)"
        " JOIN desk_order AS o ON o.client_id = a.client AND o.client_order_id = a.own LIMIT 1",
        [[ask.client_id for ask in asks], [ask.client_order_id for ask in asks]],
    )
    for (own,) in taken:
        raise _taken(own)


def _taken(own: str) -> errors.Refused:
    return errors.Refused("CLIENT_ORDER_ID_TAKEN", {"client_order_id": own})


def _refuse_too_fine(ask: Ask, terms: Terms) -> None:
    for field, amount, scale in (
        ("quantity", ask.quantity, terms.scale),
        ("amount_rub", ask.amount_rub, pricing.KOPECKS),
        ("limit_price_rub", ask.limit_price_rub, pricing.KOPECKS),
    ):
        if amount is not None and not money.fits(amount, scale):
            facts = {"field": field, "decimals": scale, "client_order_id": ask.client_order_id}
            raise errors.Refused("AMOUNT_TOO_FINE", facts)


def _quotes(asks: Sequence[Ask], at: datetime) -> dict[UUID, Quoted | str]:
    """Return the quotes that the orders refer to; for one that is not good the code that says why.

    A quote is good for one order.
    """
    wanted = [(ask.quote_id, ask) for ask in asks if ask.quote_id is not None]
    if not wanted:
        return {}
    named = {quote_id for quote_id, _ in wanted}
    rows, used = queries.quoted(named), queries.used_quotes(named)
    found: dict[UUID, Quoted | str] = {}
    for quote_id, ask in wanted:
        row = rows.get(quote_id)
        whose = row and (row.client_id, row.instrument.code)
        if row is None or whose != (ask.client_id, ask.instrument):
            shown = ids.show(Quote.id_prefix, quote_id)
            raise errors.Refused("NOT_FOUND", {"quote": shown})
        if quote_id in used:
            found[quote_id] = "QUOTE_USED"
        elif row.expires_at <= at:
            found[quote_id] = "QUOTE_EXPIRED"
        else:
            found[quote_id] = Quoted(pricing.TwoWay(row.bid_rub, row.ask_rub), row.quantity)
    return found


_Accounts = dict[tuple[str, str, str], UUID]


def _context(
    asks: Sequence[Ask],
    terms: Mapping[str, Terms],
    standings: Mapping[UUID, Standing],
    perimeter: Any,
    quotes: Mapping[UUID, Quoted | str],
    at: datetime,
    *,
    lock: bool,
) -> tuple[Context, _Accounts]:
    on = clock.business_date(at)
    owners = {house.owner(client_id): client_id for client_id in standings}
    book_id = queries.house([each.asset for each in terms.values()]).book_id
    lines = ["client_cash", "client_crypto", "position"]
    free = ledger.queries.free(book_id=book_id, lines=lines, owners=[*owners, ""])
    if lock:
        known = [account for account, _ in free.values()]
        ledger.operations.lock_balances(book_id=book_id, accounts=known)
        free = ledger.queries.free(book_id=book_id, lines=lines, owners=[*owners, ""])
    context = Context(
        on=on,
        perimeter=perimeter,
        standings=standings,
        prices={code: queries.two_way(each, at) for code, each in terms.items()},
        quotes=dict(quotes),
        cash={owners[o]: left for (line, _, o), (_, left) in free.items() if line == "client_cash"},
        coins={
            (owners[o], asset): left
            for (line, asset, o), (_, left) in free.items()
            if line == "client_crypto"
        },
        inventory={
            asset: left for (line, asset, _), (_, left) in free.items() if line == "position"
        },
        used_rub={key: used_rub(standing, on.year) for key, standing in standings.items()},
    )
    return context, {key: account for key, (account, _) in free.items()}


# --- What is written -----------------------------------------------------------------------------


def _write(
    asks: Sequence[Ask],
    plans: Sequence[Plan],
    instruments: Mapping[str, Instrument],
    standings: Mapping[UUID, Standing],
    context: Context,
    accounts: _Accounts,
    at: datetime,
    keep: Callable[[Sequence[Placed]], Model] | None,
    last: Callable[[Callable[[], object]], None] | None,
) -> list[Placed]:
    rows = [
        _row(ask, plan, instruments[ask.instrument], context, at)
        for ask, plan in zip(asks, plans, strict=True)
    ]
    taken = list(zip(rows, asks, plans, strict=True))
    executed = [
        fills.Executed(row, row.instrument.asset_id, plan.execution)
        for row, _, plan in taken
        if plan.execution is not None
    ]
    traded = {(each.order.client_id, each.asset) for each in executed}
    fills.open_accounts(traded, accounts, at)
    resting = [(row, ask, plan) for row, ask, plan in taken if plan.resting]
    for row, _, _ in resting:
        row.hold_id = ids.new()
    used = {
        client_id: context.used_rub[client_id] - used_rub(standing, context.on.year)
        for client_id, standing in standings.items()
    }
    changed = {client_id: amount for client_id, amount in used.items() if amount}
    limits = [kyc.operations.using_limit(uses=changed, year=context.on.year)] if changed else []
    placed = [Placed(row, _refused(row, plan)) for row, _, plan in taken]
    events = [("desk.order_placed", _told(row)) for row in rows]
    kept = [keep(placed)] if keep else []
    if resting:  # what they reserve is held after the entries
        last = None
    fills.settle(
        executed, accounts, at=at, orders=rows, events=events, kept=kept, also=limits, last=last
    )
    for row, ask, plan in resting:
        assert row.hold_id is not None
        asset = row.instrument.asset_id
        ledger.operations.place_hold(
            hold_id=row.hold_id,
            account_id=accounts[fills.held_of(ask.side, asset, ask.client_id)],
            amount=plan.reserved_rub if ask.buys else plan.resting,
            at=at,
            ref=ids.show(Order.id_prefix, row.pk),
        )
    return placed


def _row(ask: Ask, plan: Plan, instrument: Instrument, context: Context, at: datetime) -> Order:
    acting = tenancy.current()
    return Order(
        bank_id=tenancy.acting_bank(),
        client_id=ask.client_id,
        instrument=instrument,
        client_order_id=ask.client_order_id,
        side=ask.side,
        kind=ask.kind,
        time_in_force=ask.time_in_force,
        quantity=ask.quantity,
        amount_rub=ask.amount_rub,
        limit_price_rub=ask.limit_price_rub,
        quote_id=ask.quote_id,
        status=plan.status,
        codes=[code for code, _ in plan.refusals],
        ordered_quantity=plan.quantity,
        filled_quantity=plan.filled,
        reserved_limit_rub=plan.reserved_rub,
        limit_year=context.on.year,
        licence_id=context.perimeter.licence_id,
        licence_version=context.perimeter.version,
        actor=acting.actor.label,
        request_id=acting.request_id,
        at=at,
        expires_at=_expires_at(ask, context.on),
    )


def _expires_at(ask: Ask, on: date) -> datetime | None:
    """Return when a resting order ends: a limit counts in a year, so none goes beyond one."""
    if not ask.rests:
        return None
    last = on if ask.time_in_force == "DAY" else date(on.year, 12, 31)
    return clock.midnight(last + timedelta(days=1))


def _refused(row: Order, plan: Plan) -> tuple[errors.Refused, ...]:
    shown = ids.show(Order.id_prefix, row.pk)
    return tuple(errors.Refused(code, {"order": shown, **facts}) for code, facts in plan.refusals)


def _told(row: Order) -> dict[str, Any]:
    return {
        "order": ids.show(Order.id_prefix, row.pk),
        "client": ids.show(Client.id_prefix, row.client_id),
        "status": str(row.status),
        "codes": list(row.codes),
    }
