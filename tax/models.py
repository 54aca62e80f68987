"""Lots, disposals, each client's tax year, what was withheld and what was remitted."""

from decimal import Decimal

from django.db import models
from django.db.models.functions import Now

from common import ids, money, tenancy
from common.models import Asset, Bank
from kyc.models import Client

_TOO_MUCH = Decimal("1e20")  # what no amount reaches; NaN, which PostgreSQL sorts last, is above it


def _bank() -> "models.ForeignKey[Bank, Bank]":
    return models.ForeignKey(
        Bank, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )


def _client() -> "models.ForeignKey[Client, Client]":
    return models.ForeignKey(
        Client, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )


def _asset() -> "models.ForeignKey[Asset, Asset]":
    return models.ForeignKey(Asset, models.PROTECT, related_name="+", db_index=False)


def _amount() -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(max_digits=38, decimal_places=18)


def _numbers(name: str, *fields: str) -> models.CheckConstraint:
    """Each is zero or more, and a number."""
    holds = models.Q()
    for field in fields:
        holds &= models.Q((f"{field}__gte", 0), (f"{field}__lt", _TOO_MUCH))
    return models.CheckConstraint(condition=holds, name=name)


class Lot(models.Model):
    """What one fill acquired, at what cost (the fee in it), and what of it is left.

    `fill_id` is the desk's; `undone_at` says that the fill was bust.
    """

    tenancy = tenancy.bank()
    id_prefix = "lot"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    client = _client()
    asset = _asset()
    fill_id = models.UUIDField()
    acquired_at = models.DateTimeField()
    quantity = _amount()
    cost_rub = _amount()
    quantity_left = _amount()
    cost_left_rub = _amount()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "fill_id"], name="lot_one_a_fill"),
            _numbers("lot_is_number", "quantity", "cost_rub", "quantity_left", "cost_left_rub"),
            models.CheckConstraint(
                condition=models.Q(
                    quantity_left__lte=models.F("quantity"), cost_left_rub__lte=models.F("cost_rub")
                ),
                name="lot_left_is_of_it",
            ),
        ]
        indexes = [
            models.Index(
                fields=["client", "asset", "acquired_at", "id"],
                condition=models.Q(quantity_left__gt=0),
                name="lot_open_by_age",
            ),
            models.Index(fields=["bank", "client"], name="lot_by_client"),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} of {self.acquired_at:%Y-%m-%d}"

    @property
    def coin(self) -> money.Asset:
        """What it is of."""
        return self.asset.value


class Disposal(models.Model):
    """What one fill disposed of: proceeds (less the fee), the lots' cost, and the result."""

    tenancy = tenancy.bank()
    id_prefix = "dis"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    client = _client()
    asset = _asset()
    fill_id = models.UUIDField()
    at = models.DateTimeField()
    year = models.PositiveSmallIntegerField()
    quantity = _amount()
    proceeds_rub = _amount()
    cost_rub = _amount()
    result_rub = _amount()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "fill_id"], name="disposal_one_a_fill"),
            _numbers("disposal_is_number", "quantity", "proceeds_rub", "cost_rub"),
            models.CheckConstraint(
                condition=models.Q(
                    result_rub=models.F("proceeds_rub") - models.F("cost_rub"),
                ),
                name="disposal_result_adds_up",
            ),
        ]
        indexes = [models.Index(fields=["bank", "client", "year"], name="disposal_by_client")]

    def __str__(self) -> str:
        return f"{self.asset_id} on {self.at:%Y-%m-%d}"

    @property
    def coin(self) -> money.Asset:
        """What it is of."""
        return self.asset.value


class DisposalSlice(models.Model):
    """What a disposal took from one lot."""

    tenancy = tenancy.bank(grants="SELECT, INSERT")

    id = models.BigAutoField(primary_key=True)
    bank = _bank()
    disposal = models.ForeignKey(
        Disposal, models.PROTECT, related_name="slices", db_constraint=False
    )
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="+", db_constraint=False)
    quantity = _amount()
    cost_rub = _amount()

    class Meta:
        constraints = [_numbers("slice_is_number", "quantity", "cost_rub")]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.lot}"


class TaxYear(models.Model):
    """A client's calendar year (Moscow): what was realised, what was withheld of it.

    `over_withheld_rub`, after a later loss, is owed to the client until tax falls due again;
    `not_withheld_rub` is told to the tax service by `notice_date`.
    """

    tenancy = tenancy.bank()
    id_prefix = "txy"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    client = _client()
    year = models.PositiveSmallIntegerField()
    realised_rub = _amount()
    withheld_rub = models.DecimalField(max_digits=38, decimal_places=18, default=Decimal(0))
    over_withheld_rub = models.DecimalField(max_digits=38, decimal_places=18, default=Decimal(0))
    not_withheld_rub = models.DecimalField(max_digits=38, decimal_places=18, default=Decimal(0))
    notice_date = models.DateField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "client", "year"], name="tax_year_once"),
            _numbers("tax_year_is_number", "withheld_rub", "over_withheld_rub", "not_withheld_rub"),
            models.CheckConstraint(
                condition=models.Q(realised_rub__lt=_TOO_MUCH), name="tax_year_realised_is_number"
            ),
        ]

    def __str__(self) -> str:
        return str(self.year)


class Remittance(models.Model):
    """Tax that went to the budget."""

    tenancy = tenancy.bank(grants="SELECT, INSERT")
    id_prefix = "rem"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    amount_rub = _amount()
    entry_id = models.UUIDField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [_numbers("remittance_is_number", "amount_rub")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d}"


class Withholding(models.Model):
    """Tax withheld once, with all that it was computed from. `entry_id` is the ledger's."""

    tenancy = tenancy.bank(grants="SELECT, INSERT, UPDATE (remittance_id)")
    id_prefix = "whd"

    class Kind(models.TextChoices):
        PAYOUT = "PAYOUT", "At a payout"
        YEAR_END = "YEAR_END", "After the year's end"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    client = _client()
    year = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    residency = models.CharField(max_length=16)
    base_rub = _amount()
    cumulative_rub = _amount()
    withheld_before_rub = _amount()
    payout_rub = _amount()  # at the year's end: the roubles that there were
    withheld_rub = _amount()
    regime = models.CharField(max_length=32)
    payout_ref = models.CharField(max_length=64, blank=True)
    entry_id = models.UUIDField()
    remit_by = models.DateField()
    remittance = models.ForeignKey(
        Remittance, models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            _numbers(
                "withholding_is_number",
                "cumulative_rub",
                "withheld_before_rub",
                "payout_rub",
                "withheld_rub",
            ),
            models.CheckConstraint(
                condition=models.Q(base_rub__lt=_TOO_MUCH, withheld_rub__gt=0),
                name="withholding_of_something",
            ),
        ]
        indexes = [
            models.Index(fields=["bank", "client", "year"], name="withholding_by_client"),
            models.Index(
                fields=["bank", "remit_by"],
                condition=models.Q(remittance__isnull=True),
                name="withholding_to_remit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.withheld_rub:,.2f} roubles"
