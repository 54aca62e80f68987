"""How the books' pages show things: figures in columns, links, tables under a row's fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from common import clock, ids, models, money
from common.admin import ReadOnlyAdmin
from common.admin.shown import badge, name_people, who
from ledger import chart, queries
from ledger.models import DayClose

TEMPLATE = "ledger/admin_tables.html"
RUB = money.Asset("RUB", 2)
_DECIMALS = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table under a row's fields; `figures` names the columns that are right-aligned."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    figures: frozenset[str] = frozenset()
    nothing: str = "None."

    def lines(self) -> Iterator[list[tuple[Any, bool]]]:
        """Yield the rows, each cell with whether it is a figure."""
        for row in self.rows:
            columns = (column in self.figures for column in self.columns)
            yield list(zip(row, columns, strict=True))


Told = Callable[[Any], list[Table]]
_above: dict[type[Model], list[Told]] = {}


def also(model: type[Model]) -> Callable[[Told], Told]:
    """Register what an upper floor tells on the page of a row of a lower one."""

    def register(function: Told) -> Told:
        _above.setdefault(model, []).append(function)
        return function

    return register


def _told_above(row: Any) -> Iterator[Table]:
    for function in _above.get(row._meta.concrete_model, ()):
        yield from function(row)


def changes_of(row: Any) -> Table:
    """Return the steps of a row from status to status: who, when, why."""
    steps = list(
        models.StatusChange.objects.filter(subject_kind=row.id_prefix, subject_id=row.pk).order_by(
            "id"
        )
    )
    name_people(steps)
    return Table(
        "Changes",
        ("At", "From", "To", "By", "Reason"),
        [
            (
                each.at,
                words(each.status_from) or "new",
                badge(words(each.status_to)),
                who(each, each.actor),
                each.reason or "–",
            )
            for each in steps
        ],
        nothing="It has the status that it began with.",
    )


def words(code: str) -> str:
    """Write a code as words: `IN_REVIEW` as "In review"."""
    return code.replace("_", " ").capitalize()


class Days(RangeDateFilter):
    """Rows of a span of Moscow days, both included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        since, until = (self._day(end) for end in ("from", "to"))
        if since is not None:
            queryset = queryset.filter((f"{self.field_path}__gte", clock.midnight(since)))
        if until is not None:
            after = clock.midnight(until + timedelta(days=1))
            queryset = queryset.filter((f"{self.field_path}__lt", after))
        return queryset

    def _day(self, end: str) -> date | None:
        try:
            asked = self.used_parameters.get(f"{self.parameter_name}_{end}", "")
            return date.fromisoformat(str(asked))
        except ValueError:  # no day, or none that there is
            return None


class LedgerAdmin(ReadOnlyAdmin):
    """A page of the books. `exact` names the columns in which the search finds a whole value.

    `totals`: titles and columns of roubles that are summed under a list, over all that it finds.
    """

    scope, section = "ledger:read", "Ledger"
    exact: ClassVar[Sequence[str]] = ()
    totals: ClassVar[Mapping[str, str]] = {}
    list_after_template: Any = "ledger/admin_totals.html"
    change_form_outer_after_template: Any = TEMPLATE

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
            value: Any = search_term
            if column.endswith("_id"):
                value = _id_in(search_term)
            if value is not None:
                found |= Q((column, value))
        try:
            return (queryset.filter(found) if found else queryset.none()), False
        except ValidationError:  # no value of such a column: not a day, for one
            return queryset.none(), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        answer = super().changelist_view(request, extra_context)
        context = getattr(answer, "context_data", None)  # a redirect has none
        if context and self.totals:
            found = context["cl"].queryset.order_by()
            sums = found.aggregate(*(Sum(column) for column in self.totals.values()))
            context["totals"] = [
                (title, figure(money_of(sums[f"{column}__sum"], RUB)))
                for title, column in self.totals.items()
            ]
        return answer

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        tables = [] if row is None else [*_told_above(row), *self.tables(row)]
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "tables": tables}
        )


def _id_in(text: str) -> UUID | None:
    """Return the UUID that a text is, as people see it (`cli_…`) or plainly."""
    try:
        return ids.parse(text.partition("_")[0], text)
    except ids.BadId:
        pass
    try:
        return UUID(text)
    except ValueError:
        return None


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
    """Write an amount at its asset's scale, thousands apart; a dash where there is none.

    Of more than eight decimals those are left out that are zero.
    """
    if amount is None:
        return format_html('<span class="ledger-amount">{}</span>', "–")
    sign = "negative" if amount.amount < 0 else "zero" if amount.amount == 0 else ""
    text = f"{amount.amount:,f}"
    whole, _, decimals = text.partition(".")
    if len(decimals) > _DECIMALS:
        text = f"{whole}.{decimals[:_DECIMALS]}{decimals[_DECIMALS:].rstrip('0')}"
    return format_html('<span class="ledger-amount {}">{}</span>', sign, text)


def roubles(column: str, title: str) -> Any:
    """Return a page's column of roubles."""

    @display(description=title, ordering=column)
    def shown(page: Any, row: Any) -> SafeString:
        return figure(money_of(getattr(row, column), RUB))

    return shown


def coins(column: str, title: str) -> Any:
    """Return a page's column of the row's coin."""

    @display(description=title, ordering=column)
    def shown(page: Any, row: Any) -> SafeString:
        return figure(money_of(getattr(row, column), row.coin))

    return shown


def sides(amount: money.Money) -> tuple[str, str]:
    """Return a signed amount as debit and credit, one of them empty."""
    return (figure(amount), "") if amount.amount > 0 else ("", figure(-amount))


def code(text: str) -> SafeString:
    return format_html('<span class="ledger-code">{}</span>', text)


def day_of(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
