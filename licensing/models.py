"""The state's registers, which its banks read; and what a bank writes to the state."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from common import ids, tenancy
from common.models import Asset, Bank, Jurisdiction
from licensing import states

_TOO_MUCH = Decimal("1e20")  # what no amount reaches; NaN, which PostgreSQL sorts last, is above it


def _jurisdiction() -> "models.ForeignKey[Jurisdiction, Jurisdiction]":
    return models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")


def _codes() -> "ArrayField[list[str], list[str]]":
    return ArrayField(models.CharField(max_length=32), default=list)


class Regime(models.Model):
    """From a Moscow day on the jurisdiction is under the regime of a rulebook's overlay."""

    tenancy = tenancy.market(grants="SELECT, INSERT")
    id_prefix = "reg"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = _jurisdiction()
    overlay = models.CharField(max_length=32)
    valid_from = models.DateField()
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "valid_from"], name="regime_one_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.overlay} from {self.valid_from}"


class Application(models.Model):
    """A bank's application for a licence, as it was sent. Written once, by the bank."""

    tenancy = tenancy.bank(grants="SELECT, INSERT")
    id_prefix = "lap"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()  # the bank's first, second: two at once are one too many
    kind = models.CharField(max_length=32, choices=states.ParticipantKind.choices)
    legal_name = models.CharField(max_length=200)
    inn = models.CharField(max_length=12)
    ogrn = models.CharField(max_length=15)
    banking_licence = models.CharField(max_length=16, choices=states.BankingLicence.choices)
    own_funds_rub = models.DecimalField(max_digits=38, decimal_places=18)
    head_name = models.CharField(max_length=200)
    head_convicted = models.BooleanField()
    owner_offshore = models.BooleanField()
    activities = _codes()
    categories = _codes()
    plan = models.TextField(max_length=5000)
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(own_funds_rub__gte=0, own_funds_rub__lt=_TOO_MUCH),
                name="application_funds_are_number",
            ),
            models.UniqueConstraint(fields=["bank", "number"], name="application_once_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.legal_name}: {self.get_kind_display()}"


class Participant(models.Model):
    """A professional participant in the state's register; `bank` where it is one of the house.

    A bank stands there from the grant of its licence to the end of it.
    """

    tenancy = tenancy.market()
    id_prefix = "par"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = _jurisdiction()
    bank = models.ForeignKey(Bank, models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=32, choices=states.ParticipantKind.choices)
    legal_name = models.CharField(max_length=200)
    inn = models.CharField(max_length=12)
    ogrn = models.CharField(max_length=15)
    registered_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="")  # why it was removed

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "kind", "ogrn"],
                condition=models.Q(removed_at__isnull=True),
                name="participant_once_a_kind",
            )
        ]

    def __str__(self) -> str:
        return self.legal_name


class Licence(models.Model):
    """A licence, from the application that the state took up. `version` counts its changes."""

    tenancy = tenancy.market()
    id_prefix = "lic"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = _jurisdiction()
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    participant = models.ForeignKey(
        Participant, models.PROTECT, null=True, blank=True, related_name="+"
    )
    application_id = models.UUIDField(unique=True)  # the bank's row, which the state does not own
    status = models.CharField(max_length=16, choices=states.LicenceStatus.choices)
    activities = _codes()
    categories = _codes()
    conditions = models.TextField(blank=True, default="")
    exposure_limit_rub = models.DecimalField(max_digits=38, decimal_places=18, null=True)
    granted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0)
    acknowledged_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bank"],
                condition=models.Q(status__in=[s.value for s in states.ALIVE]),
                name="licence_one_alive_a_bank",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=[s.value for s in states.EVER_GRANTED])
                | models.Q(granted_at__isnull=False, participant__isnull=False),
                name="licence_granted_once",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=states.LicenceStatus.values),
                name="licence_status_known",
            ),
        ]

    def __str__(self) -> str:
        return f"Licence of {self.bank}"


class Question(models.Model):
    """What the state asks about an application."""

    tenancy = tenancy.market(grants="SELECT, INSERT")
    id_prefix = "que"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = _jurisdiction()
    licence = models.ForeignKey(Licence, models.PROTECT, related_name="+")
    text = models.TextField(max_length=2000)
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.text[:60]


class Answer(models.Model):
    """What the bank answers. A question has one answer, written once."""

    tenancy = tenancy.bank(grants="SELECT, INSERT")
    id_prefix = "ans"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    question_id = models.UUIDField()  # the state's row
    text = models.TextField(max_length=5000)
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "question_id"], name="answer_one_a_question")
        ]

    def __str__(self) -> str:
        return self.text[:60]


class AdmittedAsset(models.Model):
    """An asset in the register of what may be sold, from its admission to its withdrawal."""

    tenancy = tenancy.market()
    id_prefix = "adm"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = _jurisdiction()
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    admitted_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "asset"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="asset_admitted_once",
            )
        ]

    def __str__(self) -> str:
        return self.asset_id
