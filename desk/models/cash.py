"""Roubles in and out, between a client's cash and the client's own account in another bank."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from common import ids, tenancy
from desk import states
from desk.models import columns
from kyc.models import BankAccount


class Deposit(models.Model):
    """Roubles that came from the client's own account."""

    tenancy = tenancy.bank(grants="SELECT, INSERT")
    id_prefix = "dep"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank_of_many()
    client = columns.client()
    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount_rub = columns.amount()
    entry_id = models.UUIDField()
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [columns.numbers("deposit_is_number", "amount_rub")]
        indexes = [models.Index(fields=["bank", "client"], name="deposit_by_client")]

    def __str__(self) -> str:
        return f"{self.amount_rub:,.2f} roubles"


class Withdrawal(models.Model):
    """Roubles that leave for the client's own account: gross, the tax withheld, and net.

    `codes` says why a refused one was. While one is in review, `hold_id` reserves the gross.
    """

    tenancy = tenancy.bank()
    id_prefix = "wdr"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank_of_many()
    client = columns.client()
    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    status = models.CharField(max_length=10, choices=states.WithdrawalStatus.choices)
    codes = ArrayField(models.CharField(max_length=32), default=list)
    gross_rub = columns.amount()
    tax_rub = columns.amount(default=Decimal(0))
    net_rub = columns.amount(default=Decimal(0))
    hold_id = models.UUIDField(null=True)
    entry_id = models.UUIDField(null=True)
    settled_entry_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=64)
    decided_by = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            columns.numbers("withdrawal_is_number", "gross_rub", "tax_rub", "net_rub"),
            models.CheckConstraint(
                condition=~models.Q(status__in=["PAID", "SETTLED"])
                | models.Q(
                    gross_rub=models.F("tax_rub") + models.F("net_rub"), entry_id__isnull=False
                ),
                name="withdrawal_adds_up",
            ),
            models.CheckConstraint(
                condition=~models.Q(decided_by=models.F("actor")),
                name="withdrawal_maker_not_checker",
            ),
        ]
        indexes = [
            models.Index(fields=["bank", "client"], name="withdrawal_by_client"),
            models.Index(
                fields=["bank", "id"],
                condition=models.Q(status__in=["IN_REVIEW", "PAID"]),
                name="withdrawal_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gross_rub:,.2f} roubles"


class LargeWithdrawal(Withdrawal):
    """A withdrawal that waits for a second person: a work queue."""

    tenancy = Withdrawal.tenancy

    class Meta:
        proxy = True
        verbose_name = "withdrawal in review"
        verbose_name_plural = "withdrawals in review"
