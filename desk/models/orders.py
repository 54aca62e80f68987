"""Orders and their fills."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from common import ids, money, tenancy
from desk import states
from desk.models import columns
from desk.models.market import Instrument


class Order(models.Model):
    """A client's order, accepted or rejected; `codes` says why a rejected one was.

    Asked for by `quantity` or by `amount_rub`; `ordered_quantity` is what that came to. While it
    rests, `hold_id` reserves it in the ledger, and `reserved_limit_rub` in the client's limit.
    """

    tenancy = tenancy.bank()
    id_prefix = "ord"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank_of_many()
    client = columns.client()
    instrument = models.ForeignKey(
        Instrument, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    client_order_id = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=states.Side.choices)
    kind = models.CharField(max_length=6, choices=states.OrderKind.choices)
    time_in_force = models.CharField(max_length=3, choices=states.TimeInForce.choices)
    quantity = columns.amount(null=True)
    amount_rub = columns.amount(null=True)
    limit_price_rub = columns.amount(null=True)
    quote_id = models.UUIDField(null=True)
    status = models.CharField(max_length=16, choices=states.OrderStatus.choices)
    codes = ArrayField(models.CharField(max_length=32), default=list)
    ordered_quantity = columns.amount()
    filled_quantity = columns.amount(default=Decimal(0))
    hold_id = models.UUIDField(null=True)
    reserved_limit_rub = columns.amount(default=Decimal(0))
    limit_year = models.PositiveSmallIntegerField()
    licence_id = models.UUIDField(null=True)
    licence_version = models.PositiveIntegerField()
    actor = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bank", "client", "client_order_id"], name="order_once_a_client"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    filled_quantity__gte=0,
                    filled_quantity__lte=models.F("ordered_quantity"),
                    ordered_quantity__lt=columns.TOO_MUCH,
                    reserved_limit_rub__gte=0,
                    reserved_limit_rub__lt=columns.TOO_MUCH,
                ),
                name="order_filled_within",
            ),
            models.CheckConstraint(
                condition=models.Q(status="REJECTED") ^ models.Q(codes=[]),
                name="order_rejected_for_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["bank", "instrument", "id"],
                condition=models.Q(status__in=[s.value for s in states.RESTING]),
                name="order_resting",
            ),
            BrinIndex(fields=["at"], name="order_by_day"),  # written in about this order
        ]

    def __str__(self) -> str:
        return ids.show(self.id_prefix, self.pk)

    @property
    def coin(self) -> money.Asset:
        """What is bought or sold."""
        return self.instrument.asset.value


class Fill(models.Model):
    """A part of an order executed against the desk's inventory, settled in the same transaction."""

    tenancy = tenancy.bank(grants="SELECT, INSERT, UPDATE (busted_at)")
    id_prefix = "fil"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank_of_many()
    order = models.ForeignKey(Order, models.PROTECT, related_name="fills", db_constraint=False)
    quantity = columns.amount()
    price_rub = columns.amount()
    notional_rub = columns.amount()
    fee_rub = columns.amount()
    entry_id = models.UUIDField()
    at = models.DateTimeField()
    busted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            columns.numbers("fill_is_number", "quantity", "price_rub", "notional_rub", "fee_rub"),
            models.UniqueConstraint(fields=["bank", "entry_id"], name="fill_one_an_entry"),
        ]
        indexes = [BrinIndex(fields=["at"], name="fill_by_day")]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} at {self.price_rub:,.2f}"

    @property
    def coin(self) -> money.Asset:
        """What was bought or sold."""
        return self.order.coin
