"""Lists, and who resembles a party on one."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from common import ids, tenancy
from common.models import Jurisdiction
from kyc import states
from kyc.models import columns
from kyc.models.clients import BeneficialOwner, Client


class WatchList(models.Model):
    """A list of one source as it was last loaded: by what file, and how many it names."""

    tenancy = tenancy.market()
    id_prefix = "lst"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")
    source = models.CharField(max_length=16, choices=states.ListSource.choices)
    version = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    parties = models.PositiveIntegerField()
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "source"], name="list_once_a_source")
        ]

    def __str__(self) -> str:
        return self.get_source_display()


class ListedParty(models.Model):
    """Somebody on a list: `names` as the list writes them, the first one the main.

    `births` are years or days, as far as the list knows them. A party that a newer version leaves
    out is kept, delisted: hits refer to it.
    """

    tenancy = tenancy.market()
    id_prefix = "pty"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")
    source = models.CharField(max_length=16, choices=states.ListSource.choices)
    ref = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=states.PartyKind.choices)
    names = ArrayField(models.CharField(max_length=500))
    births = ArrayField(models.CharField(max_length=10))
    programme = models.CharField(max_length=200, blank=True, default="")
    version = models.PositiveIntegerField()
    delisted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "listed parties"
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "source", "ref"], name="listed_party_once_a_list"
            )
        ]

    def __str__(self) -> str:
        return str(self.names[0]) if self.names else self.ref


class Screening(models.Model):
    """That a client was compared with the lists: with which versions, and how many resembled."""

    tenancy = columns.append_only
    id_prefix = "scr"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    lists = models.JSONField()
    hits = models.PositiveIntegerField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=64)


class ScreeningHit(models.Model):
    """A client, or the owner of one, who resembles a listed party; compliance decides on it."""

    tenancy = tenancy.bank()
    id_prefix = "hit"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    owner = models.ForeignKey(
        BeneficialOwner, models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    party = models.ForeignKey(ListedParty, models.PROTECT, related_name="+")
    listed_name = models.CharField(max_length=500)
    score = models.PositiveSmallIntegerField()
    exact = models.BooleanField()
    birth_agrees = models.BooleanField(null=True)
    status = models.CharField(
        max_length=12, choices=states.HitStatus.choices, default=states.HitStatus.OPEN
    )
    at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=64, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client", "owner", "party"],
                nulls_distinct=False,
                name="hit_once_a_party",
            ),
            models.CheckConstraint(
                condition=models.Q(status=states.HitStatus.OPEN, decided_at__isnull=True)
                | models.Q(
                    status__in=[states.HitStatus.CONFIRMED, states.HitStatus.DISMISSED],
                    decided_at__isnull=False,
                ),
                name="hit_decided_or_open",
            ),
        ]
        indexes = [models.Index(fields=["bank", "status", "id"], name="hit_by_status")]

    def __str__(self) -> str:
        return ids.show(self.id_prefix, self.pk)
