"""The books over REST. All of it reads; the one command closes a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import api, clock, errors, ids, money, tenancy
from common.api import problems
from ledger import chart, operations, queries
from ledger.api import serializers as out
from ledger.models import Account

Row = TypeVar("Row", bound=Model)
Field = serializers.Field[Any, Any, Any, Any]

READ: Mapping[str, str | None] = {"GET": "ledger:read"}

# What a parameter is called: the column it is asked of, and how it is read.
_ACCOUNT_FILTERS: Mapping[str, tuple[str, Field]] = {
    "book": ("book_id", api.IdField("bok")),
    "line": ("line", serializers.ChoiceField(list(chart.LINES))),
    "asset": ("asset_id", api.TextField(max_length=12)),
    "owner": ("owner", api.TextField(max_length=64)),
}
_ENTRY_FILTERS: Mapping[str, tuple[str, Field]] = {
    "book": ("book_id", api.IdField("bok")),
    "account": ("account_id", api.IdField("acc")),
    "business_date": ("business_date", api.DateField()),
    "kind": ("kind", api.TextField(max_length=32)),
    "ref": ("ref", api.TextField(max_length=64)),
}


class Books(api.View):
    """The books of the bank; a supervisor's, of all banks of the jurisdiction."""

    scope: ClassVar = READ
    pagination_class = api.CursorPages

    @extend_schema(operation_id="list_books", responses=out.BookOut(many=True))
    def get(self, request: Request) -> Response:
        """List the books."""
        return self.page(queries.books(), out.BookOut)


class OneBook(api.View):
    """One book."""

    scope: ClassVar = READ

    @extend_schema(operation_id="get_book", responses=out.BookOut)
    def get(self, request: Request, book_id: str) -> Response:
        """Return a book."""
        return Response(out.BookOut(_found(queries.books(), "bok", book_id)).data)


class TrialBalance(api.View):
    """The trial balance of a book's business day."""

    scope: ClassVar = READ
    parameters = ("date",)

    @extend_schema(
        operation_id="get_trial_balance",
        parameters=[
            api.described(
                "date",
                api.DateField(),
                description="The business day; the open one unless given.",
            )
        ],
        responses=out.TrialBalanceOut,
    )
    def get(self, request: Request, book_id: str) -> Response:
        """Return the trial balance of a business day up to the open one."""
        book = _found(queries.books(), "bok", book_id)
        on = api.parameter(request, "date", api.DateField()) or book.open_date
        if on > book.open_date:
            raise _invalid("date", f"The open business day is {book.open_date}.")
        assets = queries.assets()
        lines = []
        for row in queries.trial_balance(book.id, on):
            line, asset = chart.LINES[row.line], assets[row.asset]
            lines.append(
                {
                    "line": row.line,
                    "title": line.title,
                    "section": line.section.value,
                    "asset": row.asset,
                    "debit": money.Money(row.debit, asset),
                    "credit": money.Money(row.credit, asset),
                    "balance": money.Money(row.balance, asset),
                }
            )
        shown = {
            "book_id": book.id,
            "bank_id": book.bank_id,
            "date": on,
            "closed": on < book.open_date,
            "lines": lines,
        }
        return Response(out.TrialBalanceOut(shown).data)


class Closes(api.View):
    """The closed days of a book."""

    scope: ClassVar = {"GET": "ledger:read", "POST": "ledger:close"}
    pagination_class = api.CursorPages
    idempotent = True

    @extend_schema(operation_id="list_closes", responses=out.CloseOut(many=True))
    def get(self, request: Request, book_id: str) -> Response:
        """List the closed days, the latest first."""
        book = _found(queries.books(), "bok", book_id)
        return self.page(queries.closes(book.id), out.CloseOut)

    @extend_schema(
        operation_id="close_day",
        request=out.CloseIn,
        responses={
            201: out.CloseOut,
            (422, errors.CONTENT_TYPE): OpenApiResponse(
                problems.ProblemOut,
                description="Kept under the key: DAY_NOT_OPEN, the day is not the open one;"
                " INVENTORY_SHORT, own funds cannot cover what is due.",
                examples=[
                    OpenApiExample(
                        "Another day is open",
                        problems.example(
                            422,
                            "DAY_NOT_OPEN",
                            "Day not open: date 2022-02-24, open_date 2022-02-25.",
                        ),
                    )
                ],
            ),
        },
    )
    def post(self, request: Request, book_id: str) -> Any:
        """Sweep what is due, seal the open business day and open the next one."""
        asked = out.CloseIn(data=request.data)
        asked.is_valid(raise_exception=True)
        book = _found(queries.books(), "bok", book_id)
        jurisdiction_id = tenancy.current().jurisdiction_id
        assert jurisdiction_id is not None
        at = clock.now(jurisdiction_id, timezone.now())
        try:
            with transaction.atomic():
                close = operations.close_day(
                    book_id=book.id, business_date=asked.validated_data["business_date"], at=at
                )
        except errors.Refused as refusal:
            return errors.refused(request, [refusal])  # an outcome, kept under the key
        return Response(out.CloseOut(close).data, status=201)


class ManualEntries(api.View):
    """Entries that no operation makes."""

    scope: ClassVar = {"POST": "ledger:write"}
    idempotent = True

    @extend_schema(
        operation_id="propose_manual_entry",
        request=out.ManualEntryIn,
        responses={
            202: out.ManualEntryOut,
            **api.refusals(
                "ENTRY_EMPTY, LINE_UNKNOWN, CLIENTS_LINE, ASSET_UNKNOWN, LINE_NOT_FOR_ASSET,"
                " ACCOUNT_TWICE, AMOUNT_INVALID, ENTRY_UNBALANCED; ALREADY_PROPOSED (409)."
            ),
        },
    )
    def post(self, request: Request, book_id: str) -> Any:
        """Ask a second person to post an entry on the house's own accounts."""
        said = self.said(out.ManualEntryIn, request)
        book = _found(queries.books(), "bok", book_id)
        lines = [operations.Line(**line) for line in said["lines"]]

        def effect(at: datetime) -> Response:
            proposed = operations.propose_entry(
                book_id=book.pk, lines=lines, reason=said["reason"], at=at
            )
            return Response(out.ManualEntryOut({"proposal_id": proposed.pk}).data, status=202)

        return self.outcome(request, effect)


class Accounts(api.View):
    """The accounts of the books, with their balances."""

    scope: ClassVar = READ
    parameters = tuple(_ACCOUNT_FILTERS)
    pagination_class = api.CursorPages

    @extend_schema(
        operation_id="list_accounts",
        parameters=[
            api.described("book", api.IdField("bok"), description="Of this book."),
            OpenApiParameter("line", enum=list(chart.LINES), description="On this line."),
            OpenApiParameter("asset", description="In this asset: its code."),
            OpenApiParameter("owner", description="Of this client, as `owner` shows it."),
        ],
        responses=out.AccountOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List accounts with their balances, the latest opened first."""
        return self.page(queries.accounts(**_filters(request, _ACCOUNT_FILTERS)), out.AccountOut)


class OneAccount(api.View):
    """One account."""

    scope: ClassVar = READ

    @extend_schema(operation_id="get_account", responses=out.AccountOut)
    def get(self, request: Request, account_id: str) -> Response:
        """Return an account with its balance."""
        return Response(out.AccountOut(_found(queries.accounts(), "acc", account_id)).data)


class Statement(api.View):
    """The statement of one account."""

    scope: ClassVar = READ
    parameters = ("from", "to")
    pagination_class = api.CursorPages

    @extend_schema(
        operation_id="get_statement",
        parameters=[
            api.described(
                "from", api.DateField(), required=True, description="The first business day."
            ),
            api.described(
                "to", api.DateField(), required=True, description="The last business day."
            ),
            OpenApiParameter("limit", api.LIMIT, description="How many lines."),
            api.described(
                "cursor", api.IdField("cur"), description="The `next_cursor` of the page before."
            ),
        ],
        responses=out.StatementOut,
    )
    def get(self, request: Request, account_id: str) -> Response:
        """Return an account's lines over a span of business days, page by page."""
        account = _found(queries.accounts(), "acc", account_id)
        start, end = (_required(request, name, api.DateField()) for name in self.parameters)
        if start > end:
            raise _invalid("from", "The span ends before it begins.")
        after = api.parameter(request, "cursor", api.IdField("cur"))
        limit = api.page_limit(request)
        try:
            found = queries.statement(account, start, end, after=after, limit=limit)
        except errors.Refused:
            raise _invalid("cursor", "It is not of this statement.") from None
        return Response(out.StatementOut(_statement(account, found)).data)


class Entries(api.View):
    """The journal."""

    scope: ClassVar = READ
    parameters = tuple(_ENTRY_FILTERS)
    pagination_class = api.CursorPages

    @extend_schema(
        operation_id="list_entries",
        parameters=[
            api.described("book", api.IdField("bok"), description="Of this book."),
            api.described(
                "account", api.IdField("acc"), description="With a posting on this account."
            ),
            api.described(
                "business_date", api.DateField(), description="Booked to this business day."
            ),
            OpenApiParameter("kind", description="Of this kind: `trade`, `sweep`, `reversal`, …"),
            OpenApiParameter("ref", description="Of this order, payout, …: as `ref` shows it."),
        ],
        responses=out.EntryOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """List entries without their postings, the latest first."""
        return self.page(queries.entries(**_filters(request, _ENTRY_FILTERS)), out.EntryOut)


class OneEntry(api.View):
    """One entry of the journal."""

    scope: ClassVar = READ

    @extend_schema(operation_id="get_entry", responses=out.EntryWithPostingsOut)
    def get(self, request: Request, entry_id: str) -> Response:
        """Return an entry with its postings and, if there is one, what reverses it."""
        entry = _found(queries.entries_with_postings(), "ent", entry_id)
        return Response(out.EntryWithPostingsOut(entry).data)


def _statement(account: Account, found: queries.Statement) -> dict[str, Any]:
    asset = account.asset.value

    def amount(value: Decimal) -> money.Money:
        return money.Money(value, asset)

    last = found.lines[-1].posting.entry_id if found.more else None
    return {
        "account_id": account.id,
        "bank_id": account.bank_id,
        "asset": asset.code,
        "from": found.start,
        "to": found.end,
        "opening": amount(found.opening),
        "closing": amount(found.closing),
        "data": [
            {
                "posting": line.posting,
                "amount": amount(line.posting.amount),
                "balance": amount(line.balance),
            }
            for line in found.lines
        ],
        "has_more": found.more,
        "next_cursor": ids.show("cur", last) if last else None,
    }


def _found(rows: QuerySet[Row], prefix: str, shown: str) -> Row:
    """Return the row that a path names; what is another's is not there.

    Raises: NOT_FOUND.
    """
    row = rows.filter(pk=api.path_id(prefix, shown)).first()
    if row is None:
        raise errors.Refused("NOT_FOUND")
    return row


def _filters(request: Request, fields: Mapping[str, tuple[str, Field]]) -> dict[str, Any]:
    """Return the filters that a query asks for, by column."""
    asked = {
        column: api.parameter(request, name, field) for name, (column, field) in fields.items()
    }
    return {column: value for column, value in asked.items() if value is not None}


def _required(request: Request, name: str, field: Field) -> Any:
    value = api.parameter(request, name, field)
    if value is None:
        raise errors.Malformed("PARAMETER_REQUIRED", "Send it.", parameter=name)
    return value


def _invalid(name: str, detail: str) -> errors.Malformed:
    return errors.Malformed("PARAMETER_INVALID", detail, parameter=name)
