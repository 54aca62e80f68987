"""What is traded, and the prices that were given."""

from django.db import models

from common import ids, money, tenancy
from common.models import Asset, Bank
from desk import states
from desk.models import columns


class Instrument(models.Model):
    """A coin against the rouble, as the bank's desk trades it: prices, fees and bounds."""

    tenancy = tenancy.bank()
    id_prefix = "ins"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    code = models.CharField(max_length=16)
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    spread_bps = models.PositiveIntegerField()
    fee_bps = models.PositiveIntegerField()
    min_quantity = columns.amount()
    max_quantity = columns.amount()
    tick_rub = columns.amount()
    status = models.CharField(
        max_length=8,
        choices=states.InstrumentStatus.choices,
        default=states.InstrumentStatus.OPEN,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "code"], name="instrument_code_once"),
            columns.numbers("instrument_is_number", "min_quantity", "max_quantity", "tick_rub"),
            models.CheckConstraint(
                condition=models.Q(
                    min_quantity__gt=0,
                    max_quantity__gte=models.F("min_quantity"),
                    tick_rub__gt=0,
                    spread_bps__lt=10_000,
                    fee_bps__lt=10_000,
                ),
                name="instrument_has_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=states.InstrumentStatus.values),
                name="instrument_status_known",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def coin(self) -> money.Asset:
        """What is traded against the rouble."""
        return self.asset.value


class Quote(models.Model):
    """Two prices that the desk holds to until they expire, for `quantity` at most.

    Without one for as much as an order may be.
    """

    tenancy = tenancy.bank(grants="SELECT, INSERT")
    id_prefix = "quo"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank_of_many()
    instrument = models.ForeignKey(
        Instrument, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    client = columns.client()
    quantity = columns.amount(null=True)
    bid_rub = columns.amount()
    ask_rub = columns.amount()
    mid_rub = columns.amount()
    source = models.CharField(max_length=64)
    at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            columns.numbers("quote_is_number", "quantity", "bid_rub", "ask_rub", "mid_rub")
        ]
        indexes = [models.Index(fields=["bank", "client"], name="quote_by_client")]

    def __str__(self) -> str:
        return f"{self.bid_rub:,.2f} / {self.ask_rub:,.2f}"

    @property
    def coin(self) -> money.Asset:
        """What is quoted."""
        return self.instrument.coin
