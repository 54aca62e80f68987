"""How the books' pages show things: figures in columns, links, tables under a row's fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common import ids, models, money
from common.admin import ReadOnlyAdmin
from ledger import chart, queries
from ledger.models import DayClose

TEMPLATE = "ledger/admin_tables.html"


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table under a row's fields; `figures` names the columns that are right-aligned."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    figures: frozenset[str] = frozenset()
    nothing: str = "None."


class LedgerAdmin(ReadOnlyAdmin):
    """A page of the books. `exact` names the columns in which the search finds a whole value."""

    scope, section = "ledger:read", "Ledger"
    exact: ClassVar[Sequence[str]] = ()
    change_form_outer_after_template: Any = TEMPLATE

    class Media:
        css: ClassVar = {"all": ("ledger/admin.css",)}

    def tables(self, row: Any) -> list[Table]:
        """Return the tables under the row's fields."""
        return []

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Name the bank to whom sees several."""
        shown = tuple(super().get_list_display(request))
        user = request.user
        several = isinstance(user, models.User) and user.bank_id is None
        return (*shown, "bank") if several else shown

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("bank")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows by their shown id, or by a whole value that an index can find."""
        prefix = getattr(self.model, "id_prefix", None)
        if not search_term or (prefix and search_term.startswith(f"{prefix}_")):
            return super().get_search_results(request, queryset, search_term)
        found = Q()
        for column in self.exact:
            found |= Q((column, search_term))
        try:
            return queryset.filter(found), False
        except ValidationError:  # no value of such a column: not a day, for one
            return queryset.none(), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {**(extra_context or {}), "tables": self.tables(row) if row else []}
        return super().change_view(request, object_id, form_url, context)


def trial_table(title: str, lines: Sequence[queries.TrialLine]) -> Table:
    """Return a trial balance in the order of the chart."""
    assets, order = queries.assets(), list(chart.LINES)
    rows: list[tuple[Any, ...]] = []
    before = ""
    for row in sorted(lines, key=lambda row: (order.index(row.line), row.asset)):
        asset, line = assets[row.asset], chart.LINES[row.line]
        figures = [money.Money(each, asset) for each in (row.debit, row.credit, row.balance)]
        above = chart.LINES[before].section if before else None
        section = "" if line.section is above else line.section.value.capitalize()
        rows.append((section, line.title, row.asset, *map(figure, figures)))
        before = row.line
    return Table(
        title,
        ("Section", "Line", "Asset", "Debit", "Credit", "Balance"),
        rows,
        frozenset({"Debit", "Credit", "Balance"}),
        "The book has no accounts yet.",
    )


def entries_of(close: DayClose) -> SafeString:
    count = close.last_number - close.first_number + 1
    return format_html('<span class="ledger-amount">{}</span>', f"{count:,}")


def money_of(amount: Decimal | None, asset: money.Asset) -> money.Money | None:
    return None if amount is None else money.Money(amount, asset)


def figure(amount: money.Money | None) -> SafeString:
    """Write an amount at its asset's scale, thousands apart; a dash where there is none."""
    if amount is None:
        return format_html('<span class="ledger-amount">{}</span>', "–")
    sign = "negative" if amount.amount < 0 else "zero" if amount.amount == 0 else ""
    return format_html('<span class="ledger-amount {}">{}</span>', sign, f"{amount.amount:,f}")


def sides(amount: money.Money) -> tuple[str, str]:
    """Return a signed amount as debit and credit, one of them empty."""
    return (figure(amount), "") if amount.amount > 0 else ("", figure(-amount))


def code(text: str) -> SafeString:
    return format_html('<span class="ledger-code">{}</span>', text)


def link(row: Any) -> SafeString:
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        url(row),
        ids.show(row.id_prefix, row.pk),
    )


def url(row: Any) -> str:
    return reverse(f"admin:ledger_{row._meta.model_name}_change", args=[row.pk])


def day_of(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
