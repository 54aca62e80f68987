"""What a client may buy: the test, the rating of risk, the qualification."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from common import ids, tenancy
from kyc import states
from kyc.models import columns
from kyc.models.clients import Client


class Attempt(models.Model):
    """A sitting of the investor test. The questions follow from `seed`, `pool` and `drawn`.

    `drawn`: how many of each difficulty, then `questions` their codes in the order asked. `answers`
    holds what the client chose; what is right is in the code alone.
    """

    tenancy = tenancy.bank()
    id_prefix = "att"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    number = models.PositiveSmallIntegerField()
    seed = models.CharField(max_length=32)
    pool = models.CharField(max_length=64)
    drawn = models.JSONField()
    questions = ArrayField(models.CharField(max_length=32))
    pass_mark = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=8, choices=states.AttemptStatus.choices, default=states.AttemptStatus.DRAWN
    )
    answers = models.JSONField(null=True)
    correct = models.PositiveSmallIntegerField(null=True)
    at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["client"],
                condition=models.Q(status=states.AttemptStatus.DRAWN),
                name="attempt_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}"


class RiskAssessment(models.Model):
    """What risk a client was rated at, and by which reasons."""

    tenancy = columns.append_only
    id_prefix = "rsk"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    rating = models.CharField(max_length=8, choices=states.Risk.choices)
    reasons = ArrayField(models.CharField(max_length=64))
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=64)


class Qualification(models.Model):
    """Why a person was taken for a qualified investor: the ground, the sum shown and the mark."""

    tenancy = columns.append_only
    id_prefix = "qlf"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    ground = models.CharField(max_length=16)
    shown_rub = models.DecimalField(max_digits=38, decimal_places=18)
    required_rub = models.DecimalField(max_digits=38, decimal_places=18)
    reason = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    shown_rub__gte=models.F("required_rub"),
                    shown_rub__lt=columns.TOO_MUCH,
                    required_rub__gt=0,
                ),
                name="qualification_shown_suffices",
            )
        ]
