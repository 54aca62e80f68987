"""The cellar's tables: jurisdictions, banks, assets, people and keys, idempotency, outbox."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models.functions import Now

from common import ids, money, tenancy


class Jurisdiction(models.Model):
    """A state: its regime, its registers, its supervisor and its business clock.

    The clock says: at `clock_wall_at` it was `clock_business_at`, and since then business time
    runs `clock_rate` times as fast as the wall (0 stands still).
    """

    tenancy = tenancy.market(column="id")
    id_prefix = "jur"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    code = models.SlugField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="Europe/Moscow")
    clock_business_at = models.DateTimeField()
    clock_wall_at = models.DateTimeField()
    clock_rate = models.DecimalField(max_digits=10, decimal_places=3, default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(clock_rate__gte=0), name="jurisdiction_clock_not_backwards"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Bank(models.Model):
    """A tenant: the bank whose rows no other bank sees."""

    tenancy = tenancy.bank(grants="SELECT", column="id")
    id_prefix = "bnk"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    jurisdiction = models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")
    code = models.SlugField(max_length=32, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Asset(models.Model):
    """What can be owed: a currency or a coin, with the number of decimals it is kept in."""

    tenancy = tenancy.platform()

    code = models.CharField(primary_key=True, max_length=12)
    name = models.CharField(max_length=100)
    scale = models.PositiveSmallIntegerField()
    is_currency = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(scale__lte=18), name="asset_scale_fits")
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def value(self) -> money.Asset:
        """The frozen value that pure code works with."""
        return money.Asset(self.code, self.scale)


class User(AbstractBaseUser):
    """Somebody who logs in: a bank's staff or client, or (no bank) an officer of the state.

    A user name is unique within its bank; one logs in as `name@bank-code`, for the state
    as `name@gov.jurisdiction-code`.
    """

    tenancy = tenancy.principal()
    id_prefix = "usr"
    last_login = None  # would be written before the bank is known; the audit trail has it

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, null=True, blank=True, related_name="+")
    jurisdiction = models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")
    username = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=32)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name", "role"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bank", "jurisdiction", "username"],
                nulls_distinct=False,
                name="user_name_unique_in_bank",
            )
        ]

    @property
    def status(self) -> str:
        """Whether the user gets in, as changes of it are kept."""
        return "ACTIVE" if self.is_active else "INACTIVE"

    @property
    def is_staff(self) -> bool:
        """Whether the admin lets the user in: everybody but a bank's clients."""
        return self.role != "client"

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Deny: Django's permissions are not used, the admin's pages ask for scopes."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        """Deny, as `has_perm` does."""
        return False


class LoginTries(models.Model):
    """How often a login was tried with a wrong password, from one address or from anywhere.

    Nobody's: the key is an HMAC of login and address, under which no name can be read.
    """

    tenancy = tenancy.platform(grants="SELECT, INSERT, UPDATE, DELETE")

    key = models.CharField(primary_key=True, max_length=64)
    failures = models.PositiveIntegerField()
    last_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = "login tries"

    def __str__(self) -> str:
        return f"{self.failures} until {self.last_at}"


class ApiKey(models.Model):
    """A program's key to the API. Only a hash of the secret is kept."""

    tenancy = tenancy.principal()
    id_prefix = "key"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, null=True, blank=True, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=64))
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyKey(models.Model):
    """The first answer to a command, written in the transaction of its effect."""

    tenancy = tenancy.principal(grants="SELECT, INSERT")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(
        Bank, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    user = models.ForeignKey(
        User, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()  # as it was sent: jsonb would reorder its keys
    recorded_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]


class OutboxEvent(models.Model):
    """Something that happened, written with its effect; the relay gives it its number."""

    tenancy = tenancy.bank(grants="SELECT, INSERT, UPDATE (number)")
    id_prefix = "evt"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(
        Bank, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    topic = models.CharField(max_length=64)
    payload = models.JSONField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=TransactionNow())
    request_id = models.CharField(max_length=64, blank=True, default="")
    number = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "number"], name="outbox_number_once")
        ]
        indexes = [
            models.Index(
                fields=["bank", "id"],
                condition=models.Q(number__isnull=True),
                name="outbox_unnumbered",
            )
        ]

    def __str__(self) -> str:
        return self.topic


class OutboxStream(models.Model):
    """How far a bank's events have been handled by one handler; `handler` '' numbers them."""

    tenancy = tenancy.bank()

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    handler = models.CharField(max_length=200)
    last_number = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "handler"], name="outbox_stream_once")
        ]

    def __str__(self) -> str:
        return self.handler or "numbering"


class Reaction(models.Model):
    """One handler's work on one event, done: the row that makes it happen once."""

    tenancy = tenancy.bank(grants="SELECT, INSERT")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+", db_constraint=False)
    event = models.ForeignKey(OutboxEvent, models.PROTECT, related_name="+", db_constraint=False)
    handler = models.CharField(max_length=200)
    number = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="reaction_once")]


class StatusChange(models.Model):
    """A row's step from one status to the next: who, when, why. Written once."""

    tenancy = tenancy.principal(grants="SELECT, INSERT")
    id_prefix = "chg"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, null=True, related_name="+")
    jurisdiction = models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")
    subject_kind = models.CharField(max_length=8)
    subject_id = models.UUIDField()
    status_from = models.CharField(max_length=32, blank=True)
    status_to = models.CharField(max_length=32)
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=TransactionNow())
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["subject_id", "id"], name="change_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.status_from or 'new'} to {self.status_to}"


class Proposal(models.Model):
    """What one person proposed and another decides. `subject` is `kind:id` of what it is about."""

    tenancy = tenancy.principal()
    id_prefix = "prp"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, null=True, related_name="+")
    jurisdiction = models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=64)
    payload = models.JSONField()
    reason = models.CharField(max_length=500)
    status = models.CharField(
        max_length=8, choices=[(s, s.title()) for s in ("PENDING", "APPROVED", "REJECTED")]
    )
    maker = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    checker = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True)
    result = models.JSONField(null=True)
    recorded_at = models.DateTimeField(db_default=TransactionNow())
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(checker=models.F("maker")), name="proposal_maker_not_checker"
            ),
            models.CheckConstraint(
                condition=models.Q(status="PENDING", checker="", decided_at__isnull=True)
                | (
                    models.Q(status__in=["APPROVED", "REJECTED"], decided_at__isnull=False)
                    & ~models.Q(checker="")
                ),
                name="proposal_decided_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["bank", "jurisdiction", "kind", "subject"],
                condition=models.Q(status="PENDING"),
                nulls_distinct=False,
                name="proposal_waits_once",
            ),
        ]

    def __str__(self) -> str:
        return self.kind.replace("_", " ").replace(".", " ")
