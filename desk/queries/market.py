"""Instruments, prices and quotes, as other files read them. All inside `tenancy.acting`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from django.utils.module_loading import import_string

import kyc.queries
from common import errors, ids, statements, users
from common.models import Asset
from desk import pricing
from desk.market import Market, Price
from desk.models import Instrument, Order, Quote
from desk.pretrade import Terms
from desk.states import InstrumentStatus, OrderStatus


@cache
def _market(dotted_path: str) -> Market:
    return cast(Market, import_string(dotted_path)())


def price(asset: str, at: datetime) -> Price:
    """Return the middle of the market that the settings name. Raises: PRICE_UNAVAILABLE."""
    return _market(settings.MARKET_BACKEND).price(asset, at)


def two_way(terms: Terms, at: datetime) -> pricing.TwoWay | None:
    """Return the desk's prices now; None where the market has none."""
    try:
        mid = price(terms.asset, at).mid_rub
    except errors.Refused:
        return None
    return pricing.two_way(mid, terms.spread_bps, terms.tick_rub)


def instruments() -> QuerySet[Instrument]:
    """Return the acting bank's instruments."""
    return Instrument.objects.select_related("asset").order_by("code")


def instrument_by_id(instrument_id: UUID) -> Instrument:
    """Return an instrument. Raises: NOT_FOUND."""
    row = instruments().filter(pk=instrument_id).first()
    if row is None:
        shown = ids.show(Instrument.id_prefix, instrument_id)
        raise errors.Refused("NOT_FOUND", {"instrument": shown})
    return row


def instruments_by_code(codes: Collection[str]) -> dict[str, Instrument]:
    """Return the instruments of these codes. Raises: INSTRUMENT_UNKNOWN."""
    rows = [_instrument(values) for values in statements.rows(_BY_CODE, [list(codes)])]
    found = {row.code: row for row in rows}
    for code in codes:
        if code not in found:
            raise errors.Refused("INSTRUMENT_UNKNOWN", {"instrument": code})
    return found


_COLUMNS = [field.attname for field in Instrument._meta.concrete_fields]
_ASSET = [field.attname for field in Asset._meta.concrete_fields]
_BY_CODE = (
    f"SELECT i.{', i.'.join(_COLUMNS)}, a.{', a.'.join(_ASSET)}"  # noqa: S608 (names of the models)
    " FROM desk_instrument i JOIN common_asset a ON a.code = i.asset_id WHERE i.code = ANY (%s)"
)


def _instrument(values: Sequence[Any]) -> Instrument:
    row = Instrument.from_db(DEFAULT_DB_ALIAS, _COLUMNS, values[: len(_COLUMNS)])
    row.asset = Asset.from_db(DEFAULT_DB_ALIAS, _ASSET, values[len(_COLUMNS) :])
    return row


def terms(row: Instrument) -> Terms:
    """Return an instrument as orders are judged on it."""
    return Terms(
        id=row.pk,
        code=row.code,
        asset=row.asset_id,
        scale=row.asset.scale,
        spread_bps=row.spread_bps,
        fee_bps=row.fee_bps,
        min_quantity=row.min_quantity,
        max_quantity=row.max_quantity,
        tick_rub=row.tick_rub,
        is_open=row.status == InstrumentStatus.OPEN,
    )


def quotes_for(actor: users.Actor) -> QuerySet[Quote]:
    """Return the quotes that somebody may see: a client one's own."""
    return Quote.objects.filter(client__in=kyc.queries.clients_for(actor))


def used_quotes(quote_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of a client's quotes that an order was accepted at."""
    orders = Order.objects.filter(quote_id__in=list(quote_ids))
    accepted = orders.exclude(status=OrderStatus.REJECTED)
    return {used for used in accepted.values_list("quote_id", flat=True) if used is not None}


def quoted(quote_ids: Iterable[UUID]) -> dict[UUID, Quote]:
    """Return quotes by their ids, those that there are."""
    return Quote.objects.select_related("instrument").in_bulk(list(quote_ids))
