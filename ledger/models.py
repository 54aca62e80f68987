"""The books' tables. Nothing here is written but by the definer functions in `ledger/sql/`."""

import functools
import operator
from decimal import Decimal

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from common import ids, tenancy
from common.models import Asset, Bank
from ledger import chart, states

_read_only = tenancy.bank(grants="SELECT")
_TOO_MUCH = Decimal("1e20")  # what no amount reaches; NaN, which PostgreSQL sorts last, is above it


def _amount() -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(max_digits=38, decimal_places=18)


def _bank_of_many() -> "models.ForeignKey[Bank, Bank]":
    """The bank of a row in a large table: tied by the composite keys, found by wider indexes."""
    return models.ForeignKey(
        Bank, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )


def _on_the_chart() -> models.Q:
    """A line is kept as the chart says, whoever opens the account."""
    return functools.reduce(
        operator.or_,
        (
            models.Q(line=line.code, control=line.control.value, normal=int(line.side))
            for line in chart.LINES.values()
        ),
    )


class Book(models.Model):
    """A bank's set of books. `open_date` is the one business day that entries book to."""

    tenancy = _read_only
    id_prefix = "bok"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    code = models.SlugField(max_length=32)
    open_date = models.DateField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "code"], name="book_code_unique_in_bank")
        ]

    def __str__(self) -> str:
        return self.code


class Account(models.Model):
    """An account: a line of the chart, an asset and, on clients' lines, whose it is.

    `owner` is an opaque `kind_id` of an upper app. `shard` splits a house account that is hot.
    """

    tenancy = _read_only
    id_prefix = "acc"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, models.PROTECT, related_name="+")
    line = models.CharField(
        max_length=32, choices=[(line.code, line.title) for line in chart.LINES.values()]
    )
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    owner = models.CharField(max_length=64, blank=True, default="")
    shard = models.PositiveSmallIntegerField(default=0)
    control = models.CharField(max_length=8, choices=[(c.value, c.value) for c in chart.Control])
    normal = models.SmallIntegerField(choices=[(s.value, s.name.lower()) for s in chart.Side])
    scale = models.PositiveSmallIntegerField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["book", "line", "asset", "owner", "shard"], name="account_once"
            ),
            models.CheckConstraint(name="account_fits_the_chart", condition=_on_the_chart()),
        ]
        indexes = [models.Index(fields=["bank", "owner"], name="account_by_owner")]

    def __str__(self) -> str:
        return f"{self.get_line_display()} {self.asset_id} {self.owner}".strip()


class Balance(models.Model):
    """The running balance of an account that has one, on its normal side; `held` is reserved."""

    tenancy = _read_only

    account = models.OneToOneField(
        Account, models.PROTECT, primary_key=True, related_name="balance"
    )
    bank = _bank_of_many()
    house = models.BooleanField()
    normal = models.SmallIntegerField()
    balance = _amount()
    held = _amount()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="ledger_balance_not_overdrawn",
                condition=models.Q(
                    balance__gte=models.F("held"), held__gte=0, balance__lt=_TOO_MUCH
                ),
            )
        ]


class Entry(models.Model):
    """A journal entry: what happened, when, by whom and why. Balances in every asset.

    `business_date` is the open day it is booked to, `value_date` the day it counts for; `txid`
    the transaction that wrote it; `digest` the SHA-256 of all that the entry says.
    """

    tenancy = tenancy.bank(grants="SELECT", guarded=["book"])
    id_prefix = "ent"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank_of_many()
    book = models.ForeignKey(
        Book, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=32)
    business_date = models.DateField()
    value_date = models.DateField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=64)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    ref = models.CharField(max_length=64, blank=True)
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    txid = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(
                fields=["reverses"],
                condition=models.Q(reverses__isnull=False),
                name="entry_reversed_once",
            )
        ]
        indexes = [
            models.Index(fields=["book", "business_date", "id"], name="entry_by_day"),
            BrinIndex(fields=["txid"], name="entry_by_txid"),  # written in this order
            models.Index(fields=["ref"], condition=~models.Q(ref=""), name="entry_by_ref"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.business_date}"


class Posting(models.Model):
    """One amount on one account: debit positive. `id` orders an account's own postings.

    `balance_after` is the account's running balance where it has one. Nobody looks a posting up by
    `id`, so the table has no index of it alone: eight writers would meet on its last page.
    """

    tenancy = tenancy.bank(grants="SELECT", guarded=["account", "entry"])

    id = models.BigAutoField(primary_key=True)
    bank = _bank_of_many()
    entry = models.ForeignKey(
        Entry, models.PROTECT, related_name="postings", db_constraint=False, db_index=False
    )
    line = models.SmallIntegerField()
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    asset = models.ForeignKey(
        Asset, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount = _amount()
    balance_after = models.DecimalField(max_digits=38, decimal_places=18, null=True)
    business_date = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "account"], name="posting_account_once_an_entry"
            ),
            models.CheckConstraint(
                condition=models.Q(~models.Q(amount=0), amount__lt=_TOO_MUCH)
                & models.Q(balance_after__lt=_TOO_MUCH),
                name="posting_is_number",
            ),
        ]
        indexes = [
            models.Index(
                fields=["bank", "account", "business_date", "id"], name="posting_by_account"
            )
        ]


class Hold(models.Model):
    """A part of an account's balance that is reserved until it is posted, voided or expires."""

    tenancy = _read_only
    id_prefix = "hld"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_constraint=False)
    amount = _amount()
    status = models.CharField(max_length=8, choices=states.HoldStatus.choices)
    ref = models.CharField(max_length=64, blank=True)
    actor = models.CharField(max_length=64)
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=64, blank=True)
    entry = models.ForeignKey(
        Entry, models.PROTECT, null=True, related_name="+", db_constraint=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="hold_positive"),
            models.CheckConstraint(
                condition=models.Q(status__in=states.HoldStatus.values), name="hold_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["bank", "expires_at"],
                condition=models.Q(status=states.HoldStatus.PENDING),
                name="hold_pending_by_expiry",
            )
        ]

    def __str__(self) -> str:
        return f"Hold {self.ref}".strip()


class DayClose(models.Model):
    """A business day, closed: its entries are numbers `first_number` to `last_number` of the book.

    `head` = SHA-256 over the day's last link and all that the close says; the next chain begins
    with it. `trial_balance`: rows of line, asset, debit, credit, balance (decimal strings).
    """

    tenancy = _read_only
    id_prefix = "cls"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, models.PROTECT, related_name="+", db_constraint=False)
    number = models.PositiveIntegerField()
    business_date = models.DateField()
    first_number = models.BigIntegerField()
    last_number = models.BigIntegerField()
    trial_balance = models.JSONField()
    head = models.BinaryField(max_length=32)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "number"], name="close_number_once"),
            models.UniqueConstraint(fields=["book", "business_date"], name="close_day_once"),
        ]

    def __str__(self) -> str:
        return str(self.business_date)


class ChainLink(models.Model):
    """An entry's place in the sealed book: its number, its digest then, and the chain so far."""

    tenancy = _read_only

    id = models.BigAutoField(primary_key=True)
    bank = _bank_of_many()
    close = models.ForeignKey(DayClose, models.PROTECT, related_name="+", db_constraint=False)
    number = models.BigIntegerField()
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+", db_constraint=False)
    digest = models.BinaryField(max_length=32)
    link = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["close", "number"], name="link_number_once")]


class Snapshot(models.Model):
    """An account at the close of a day in which it moved: the day's turnovers, and the balance."""

    tenancy = _read_only

    id = models.BigAutoField(primary_key=True)
    bank = _bank_of_many()
    close = models.ForeignKey(DayClose, models.PROTECT, related_name="+", db_constraint=False)
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    business_date = models.DateField()
    debit = _amount()
    credit = _amount()
    balance = _amount()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "business_date"], name="snapshot_once_a_day")
        ]


class Cut(models.Model):
    """A cut through the stream of entries: those with `low_txid <= txid < high_txid`."""

    tenancy = _read_only
    id_prefix = "cut"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, models.PROTECT, related_name="+", db_constraint=False)
    number = models.PositiveIntegerField()
    low_txid = models.BigIntegerField()
    high_txid = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["book", "number"], name="cut_number_once")]

    def __str__(self) -> str:
        return f"Cut {self.number}"
