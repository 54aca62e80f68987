"""Instruments, quotes, and the coins and the capital that the desk trades with.

All run inside the caller's `tenancy.acting`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

import kyc.queries
import ledger.operations
import ledger.queries
import licensing.queries
from common import changes, errors, ids, money, outbox, tenancy
from desk import pricing, queries, states
from desk.models import Instrument, Quote
from desk.operations import house
from desk.pretrade import Terms
from desk.queries import House
from ledger.operations import NewEntry
from ledger.queries import assets
from licensing.perimeter import EXCHANGE

QUOTE_LASTS = timedelta(seconds=15)
_RUB = house.RUB


def create_instrument(
    *,
    asset: str,
    spread_bps: int,
    fee_bps: int,
    min_quantity: Decimal,
    max_quantity: Decimal,
    tick_rub: Decimal,
    at: datetime,
) -> Instrument:
    """Open a coin against the rouble for trading, with its accounts; its code is `BTC-RUB`.

    Raises: ASSET_UNKNOWN; NOT_A_COIN; BOUNDS_INVALID; INSTRUMENT_EXISTS.
    """
    coin = assets().get(asset)
    if coin is None:
        raise errors.Refused("ASSET_UNKNOWN", {"asset": asset})
    if asset == _RUB:
        raise errors.Refused("NOT_A_COIN", {"asset": asset})
    unit = Decimal(1).scaleb(-coin.scale)
    bounds = {"min_quantity": min_quantity, "max_quantity": max_quantity, "tick_rub": tick_rub}
    if min_quantity < unit or max_quantity < min_quantity or tick_rub < pricing.KOPECK:
        raise errors.Refused("BOUNDS_INVALID", bounds)
    house.opened(at, [asset])
    row = Instrument(
        bank_id=tenancy.acting_bank(),
        code=f"{asset}-{_RUB}",
        asset_id=asset,
        spread_bps=spread_bps,
        fee_bps=fee_bps,
        **bounds,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise errors.Refused("INSTRUMENT_EXISTS", {"instrument": row.code}) from error
    changes.keep(row, before="", at=at)
    return row


def halt_instrument(*, instrument_id: UUID, reason: str, at: datetime) -> Instrument:
    """Stop trading in an instrument; resting orders stay, and can be cancelled.

    Raises: NOT_FOUND; STATUS_CONFLICT.
    """
    return _move(instrument_id, states.InstrumentStatus.HALTED, reason, at)


def reopen_instrument(*, instrument_id: UUID, reason: str, at: datetime) -> Instrument:
    """Trade in a halted instrument again. Raises: NOT_FOUND; STATUS_CONFLICT."""
    return _move(instrument_id, states.InstrumentStatus.OPEN, reason, at)


def give_quote(
    *, client_id: UUID, instrument: str, at: datetime, quantity: Decimal | None = None
) -> Quote:
    """Name a client two prices that the desk holds to for `QUOTE_LASTS` of business time.

    For as much as `quantity`, or as the instrument's largest order.

    Raises: NOT_FOUND; INSTRUMENT_UNKNOWN; AMOUNT_TOO_FINE; QUANTITY_OUT_OF_BOUNDS;
    INSTRUMENT_HALTED; PRICE_UNAVAILABLE.
    """
    kyc.queries.standing(client_id)
    terms = queries.terms(queries.instruments_by_code([instrument])[instrument])
    if quantity is not None:
        _refuse_out_of_bounds(quantity, terms)
    if not terms.is_open:
        raise errors.Refused("INSTRUMENT_HALTED", {"instrument": instrument})
    price = queries.price(terms.asset, at)
    prices = pricing.two_way(price.mid_rub, terms.spread_bps, terms.tick_rub)
    return Quote.objects.create(
        bank_id=tenancy.acting_bank(),
        instrument_id=terms.id,
        client_id=client_id,
        quantity=quantity,
        bid_rub=prices.bid_rub,
        ask_rub=prices.ask_rub,
        mid_rub=price.mid_rub,
        source=price.source,
        at=at,
        expires_at=at + QUOTE_LASTS,
    )


def buy_stock(*, instrument_id: UUID, quantity: Decimal, at: datetime) -> NewEntry:
    """Buy coins for the desk's inventory on the venue, at the middle of the market, from own funds.

    The desk's positions are locked meanwhile: two purchases do not exceed the licence's exposure
    limit together. A client's sale raises the inventory too, and is not refused for it: clients
    are let out, and the desk sells what is too much.

    Raises: NOT_FOUND; AMOUNT_INVALID; the licence's refusals; PRICE_UNAVAILABLE; EXPOSURE_EXCEEDED;
    INVENTORY_SHORT if own roubles are short.
    """
    terms = queries.terms(queries.instrument_by_id(instrument_id))
    value = _value(terms, quantity, at)
    perimeter = licensing.queries.perimeter(tenancy.acting_bank(), at)
    for code in perimeter.refusals(activity=EXCHANGE, asset=terms.asset):
        raise errors.Refused(code, {"asset": terms.asset})
    exposure = value + _exposure_rub(house.opened(at, [terms.asset]), at)
    limit = perimeter.exposure_limit_rub
    if limit is not None and exposure > limit:
        raise errors.Refused("EXPOSURE_EXCEEDED", {"limit_rub": limit, "exposure_rub": exposure})
    return _trade_stock(terms, quantity, value, at, "bought")


def sell_stock(*, instrument_id: UUID, quantity: Decimal, at: datetime) -> NewEntry:
    """Sell coins of the desk's inventory on the venue, at the middle of the market.

    Whatever the licence: a bank winds down. Raises: NOT_FOUND; AMOUNT_INVALID; PRICE_UNAVAILABLE;
    INVENTORY_SHORT.
    """
    terms = queries.terms(queries.instrument_by_id(instrument_id))
    value = _value(terms, quantity, at)
    return _trade_stock(terms, -quantity, -value, at, "sold")


def _refuse_out_of_bounds(quantity: Decimal, terms: Terms) -> None:
    if not money.fits(quantity, terms.scale):
        facts = {"field": "quantity", "decimals": terms.scale}
        raise errors.Refused("AMOUNT_TOO_FINE", facts)
    if not terms.min_quantity <= quantity <= terms.max_quantity:
        bounds = {"min": terms.min_quantity, "max": terms.max_quantity}
        raise errors.Refused("QUANTITY_OUT_OF_BOUNDS", {"quantity": quantity, **bounds})


def _value(terms: Terms, quantity: Decimal, at: datetime) -> Decimal:
    value = pricing.cost(quantity, queries.price(terms.asset, at).mid_rub, 0).notional_rub
    whole = money.fits(quantity, terms.scale) and money.fits(value, pricing.KOPECKS)
    if not value or not whole:
        raise errors.Refused("AMOUNT_INVALID", {"quantity": quantity, "decimals": terms.scale})
    return value


def _exposure_rub(found: House, at: datetime) -> Decimal:
    """Lock the desk's positions, and return what its coins are worth."""
    positions = [account for (line, _), account in found.accounts.items() if line == "position"]
    ledger.operations.lock_balances(book_id=found.book_id, accounts=positions)
    held = ledger.queries.free(book_id=found.book_id, lines=["position"])
    return sum(
        (
            pricing.cost(quantity, queries.price(asset, at).mid_rub, 0).notional_rub
            for (_, asset, _), (_, quantity) in held.items()
            if quantity
        ),
        Decimal(0),
    )


def _trade_stock(
    terms: Terms, coins: Decimal, roubles: Decimal, at: datetime, verb: str
) -> NewEntry:
    found = house.opened(at, [terms.asset])
    entry = NewEntry(
        "venue_trade",
        at,
        [
            (found.accounts["own_custody", terms.asset], coins),
            (found.accounts["position", terms.asset], -coins),
            (found.accounts["currency_position", _RUB], roubles),
            (found.accounts["own_nostro", _RUB], -roubles),
        ],
        reason=f"{abs(coins).normalize():f} {terms.asset} {verb} on the venue",
        ref=ids.show(Instrument.id_prefix, terms.id),
    )
    ledger.operations.post_entry(book_id=found.book_id, entry=entry)
    return entry


def pay_in_capital(*, amount_rub: Decimal, at: datetime) -> NewEntry:
    """Let the owners' roubles come in, for the desk to trade with. Raises: AMOUNT_INVALID."""
    found = house.opened(at)
    entry = NewEntry(
        "capital",
        at,
        [
            (found.accounts["own_nostro", _RUB], amount_rub),
            (found.accounts["capital", _RUB], -amount_rub),
        ],
        reason="capital paid in",
    )
    ledger.operations.post_entry(book_id=found.book_id, entry=entry)
    return entry


def _move(
    instrument_id: UUID, to: states.InstrumentStatus, reason: str, at: datetime
) -> Instrument:
    row = queries.instrument_by_id(instrument_id)
    changes.move(row, to=to, transitions=states.INSTRUMENT_TRANSITIONS, at=at, reason=reason)
    told = {"instrument": row.code, "status": str(row.status)}
    outbox.emit("desk.instrument_moved", told, at)
    return row
