"""What stands under the fields of an order, a fill, a withdrawal, and of the client behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

import tax.queries
from common import clock, tenancy
from common.admin.shown import badge, link, link_to
from desk import queries, refusals
from desk.models import Deposit, Fill, Order, Withdrawal
from kyc.models import Client
from ledger.admin.shown import RUB, Table, also, changes_of, figure, money_of, words
from ledger.models import Entry, Hold

ORDER = {
    "NEW": "info",
    "PARTIALLY_FILLED": "warning",
    "FILLED": "success",
    "CANCELED": "",
    "REJECTED": "danger",
    "EXPIRED": "",
}
SIDE = {"BUY": "info", "SELL": "warning"}
WITHDRAWAL = {"IN_REVIEW": "warning", "PAID": "info", "SETTLED": "success", "REFUSED": "danger"}
LATEST = 10


class ByCode(admin.SimpleListFilter):
    """Orders that a rule refused."""

    title, parameter_name = "refused because", "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, words(code)) for code in refusals.WORDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(codes__contains=[self.value()]) if self.value() else queryset


@display(description="Side", ordering="side")
def side(page: Any, row: Order) -> Any:
    """Show what the client does, and how: at the market, or at which limit."""
    how = "market" if row.limit_price_rub is None else f"limit {row.limit_price_rub:,.2f}"
    badged = badge(row.get_side_display(), SIDE[row.side])
    return format_html('{}<span class="shown-second">{}</span>', badged, how)


@display(description="Status", ordering="status")
def order_status(page: Any, row: Order) -> Any:
    """Show the status, and what refused the order."""
    badged = badge(row.get_status_display(), ORDER[row.status])
    if not row.codes:
        return badged
    return format_html('{}<span class="shown-second">{}</span>', badged, codes_in_short(page, row))


@display(description="Refused because", ordering="codes")
def codes_in_short(page: Any, row: Any) -> Any:
    """Show the codes in a list; what they mean is told where one points."""
    if not row.codes:
        return "–"
    shown = ((refusals.in_words([code]), words(code)) for code in row.codes)
    return format_html_join(", ", '<span class="shown-code" title="{}">{}</span>', shown)


@display(description="Refused because")
def why(page: Any, row: Any) -> Any:
    """Show each code with what it means."""
    shown = ((refusals.in_words([code]), code) for code in row.codes)
    return format_html_join("", '<p>{} <span class="ledger-code">{}</span></p>', shown) or "–"


@display(description="Hold")
def hold(page: Any, row: Any) -> Any:
    """Link to what the row reserves now."""
    return link_to(Hold, row.hold_id)


def of_order(row: Order) -> list[Table]:
    """Tell an order: what was executed, what that meant for tax, and how its status changed."""
    fills = list(queries.fills_for(tenancy.current().actor).filter(order_id=row.pk).order_by("id"))
    return [_fills(fills), *_lots([fill.pk for fill in fills]), changes_of(row)]


def of_fill(row: Fill) -> list[Table]:
    """Tell a fill: the lots that it made or closed."""
    return list(_lots([row.pk]))


def of_withdrawal(row: Withdrawal) -> list[Table]:
    """Tell a withdrawal: how its tax was reckoned, and how its status changed."""
    tables = [changes_of(row)]
    actor = tenancy.current().actor
    if "tax:read" not in actor.scopes:
        return tables
    found = tax.queries.withholdings_for(actor).filter(entry_id__in=[row.entry_id])
    return [
        Table(
            "Tax withheld",
            (
                "Withholding",
                "Year",
                "Year's base",
                "Tax on it",
                "Withheld before",
                "Withheld now",
                "To remit by",
            ),
            [
                (
                    link(each),
                    each.year,
                    _roubles(each.base_rub),
                    _roubles(each.cumulative_rub),
                    _roubles(each.withheld_before_rub),
                    _roubles(each.withheld_rub),
                    each.remit_by,
                )
                for each in found
            ],
            frozenset({"Year's base", "Tax on it", "Withheld before", "Withheld now"}),
            "No tax fell due.",
        ),
        *tables,
    ]


@also(Client)
def of_client(row: Client) -> list[Table]:
    """Tell what a client has, and did last."""
    if row.opened_at is None:  # who was never let in has nothing and did nothing
        return []
    actor = tenancy.current().actor
    tables = [_positions(row)] if "orders:read" in actor.scopes and actor.bank_id else []
    if "orders:read" in actor.scopes:
        orders = queries.orders_for(actor).filter(client_id=row.pk).order_by("-id")[:LATEST]
        tables.append(_orders(orders))
    if "cash:read" in actor.scopes:
        tables.append(_cash(row))
    if "tax:read" in actor.scopes:
        tables.append(_years(row))
    return tables


# --- The tables ----------------------------------------------------------------------------------


def _fills(fills: Sequence[Fill]) -> Table:
    return Table(
        "Fills",
        ("Fill", "At", "Quantity", "Price", "Notional", "Fee", "Entry", "Stands"),
        [
            (
                link(fill),
                fill.at,
                figure(money_of(fill.quantity, fill.coin)),
                _roubles(fill.price_rub),
                _roubles(fill.notional_rub),
                _roubles(fill.fee_rub),
                link_to(Entry, fill.entry_id),
                badge("bust", "danger") if fill.busted_at else badge("stands", "success"),
            )
            for fill in fills
        ],
        frozenset({"Quantity", "Price", "Notional", "Fee"}),
        "Nothing was executed.",
    )


def _lots(fill_ids: Sequence[UUID]) -> list[Table]:
    """Return the lots that fills acquired and the disposals that they were, where one may see."""
    actor = tenancy.current().actor
    if not fill_ids or "tax:read" not in actor.scopes:
        return []
    lots = tax.queries.lots_for(actor).filter(fill_id__in=fill_ids).select_related("asset")
    sold = tax.queries.disposals_for(actor).filter(fill_id__in=fill_ids).select_related("asset")
    rows: list[tuple[Any, ...]] = [
        (
            link(lot),
            "lot acquired",
            figure(money_of(lot.quantity, lot.coin)),
            _roubles(lot.cost_rub),
            "–",
            "–",
        )
        for lot in lots
    ]
    rows += [
        (
            link(each),
            "lots disposed of",
            figure(money_of(each.quantity, each.coin)),
            _roubles(each.cost_rub),
            _roubles(each.proceeds_rub),
            _roubles(each.result_rub),
        )
        for each in sold
    ]
    figures = ("Quantity", "Cost, fee in it", "Proceeds, less the fee", "Result")
    return [Table("For tax", ("ID", "What", *figures), rows, frozenset(figures))]


def _positions(row: Client) -> Table:
    acting = tenancy.current()
    assert acting.jurisdiction_id is not None
    at = clock.now(acting.jurisdiction_id, timezone.now())
    cash = queries.free_cash(row.pk)[1]
    rows: list[tuple[Any, ...]] = [("RUB", _roubles(cash), _roubles(cash), "", "", "")]
    rows += [
        (
            each.asset,
            figure(money_of(each.quantity, each.coin)),
            figure(money_of(each.free, each.coin)),
            _roubles(each.average_cost_rub),
            _roubles(each.value_rub),
            _roubles(each.unrealised_rub),
        )
        for each in queries.positions(row.pk, at)
    ]
    figures = ("Has", "Free of it", "Average cost", "Would bring now", "Gain or loss")
    return Table("What the client has", ("Asset", *figures), rows, frozenset(figures))


def _orders(orders: QuerySet[Order]) -> Table:
    return Table(
        "Latest orders",
        ("Order", "At", "Instrument", "Side", "Status", "Ordered", "Filled", "Refused because"),
        [
            (
                link(each),
                each.at,
                each.instrument,
                badge(each.get_side_display(), SIDE[each.side]),
                badge(each.get_status_display(), ORDER[each.status]),
                figure(money_of(each.ordered_quantity, each.coin)),
                figure(money_of(each.filled_quantity, each.coin)),
                codes_in_short(None, each),
            )
            for each in orders
        ],
        frozenset({"Ordered", "Filled"}),
        "Never ordered.",
    )


def _cash(row: Client) -> Table:
    actor = tenancy.current().actor
    came = queries.deposits_for(actor).filter(client_id=row.pk).order_by("-id")[:LATEST]
    left = queries.withdrawals_for(actor).filter(client_id=row.pk).order_by("-id")[:LATEST]
    moves: list[Deposit | Withdrawal] = [*came, *left]
    return Table(
        "Latest roubles in and out",
        ("ID", "At", "What", "Gross", "Tax", "Net", "Status"),
        [
            (
                link(each),
                each.at,
                "paid out",
                _roubles(each.gross_rub),
                _roubles(each.tax_rub),
                _roubles(each.net_rub),
                badge(each.get_status_display(), WITHDRAWAL[each.status]),
            )
            if isinstance(each, Withdrawal)
            else (link(each), each.at, "paid in", _roubles(each.amount_rub), "", "", "")
            for each in sorted(moves, key=lambda each: each.at, reverse=True)[:LATEST]
        ],
        frozenset({"Gross", "Tax", "Net"}),
        "No rouble came or left.",
    )


def _years(row: Client) -> Table:
    years = tax.queries.years_for(tenancy.current().actor).filter(client_id=row.pk)
    return Table(
        "Tax years",
        ("ID", "Year", "Realised", "Withheld", "Withheld too much", "Could not be withheld"),
        [
            (
                link(each),
                each.year,
                *(
                    _roubles(amount)
                    for amount in (
                        each.realised_rub,
                        each.withheld_rub,
                        each.over_withheld_rub,
                        each.not_withheld_rub,
                    )
                ),
            )
            for each in years.order_by("-year")
        ],
        frozenset({"Realised", "Withheld", "Withheld too much", "Could not be withheld"}),
        "Nothing was realised.",
    )


def _roubles(amount: Any) -> Any:
    return figure(money_of(amount, RUB))
