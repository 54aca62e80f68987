"""Clients and what is known of them. The row that orders lock is small; the data are sealed."""

from collections.abc import Iterator
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from common import ids, tenancy
from common.models import Bank, Jurisdiction, User
from kyc import sealing, states
from kyc.sealing import SealedField

_TOO_MUCH = Decimal("1e20")  # what no amount reaches; NaN, which PostgreSQL sorts last, is above it
_append_only = tenancy.bank(grants="SELECT, INSERT")


def _bank() -> "models.ForeignKey[Bank, Bank]":
    return models.ForeignKey(Bank, models.PROTECT, related_name="+")


def _known(field: str, choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q((f"{field}__in", choices.values)), name=name)


class Client(models.Model):
    """A client, as every order locks it: status, category, and what of the year's limit is used.

    `limit_used_rub` counts the purchases of the Moscow year `limit_year`; another year's is zero.
    `status_reason` is the code of why a client is refused, frozen or closed.
    """

    tenancy = tenancy.bank()
    id_prefix = "cli"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_constraint=False)
    kind = models.CharField(max_length=8, choices=states.ClientKind.choices)
    status = models.CharField(
        max_length=12, choices=states.ClientStatus.choices, default=states.ClientStatus.APPLIED
    )
    category = models.CharField(max_length=16, choices=states.Category.choices)
    test_status = models.CharField(
        max_length=8, choices=states.InvestorTest.choices, default=states.InvestorTest.NONE
    )
    residency = models.CharField(max_length=16, choices=states.Residency.choices)
    risk = models.CharField(max_length=8, choices=states.Risk.choices, default=states.Risk.MEDIUM)
    status_reason = models.CharField(max_length=32, blank=True, default="")
    limit_year = models.PositiveSmallIntegerField(default=0)
    limit_used_rub = models.DecimalField(max_digits=38, decimal_places=18, default=Decimal(0))
    applied_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    review_date = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank", "user"], name="client_one_a_user"),
            models.CheckConstraint(
                condition=models.Q(limit_used_rub__gte=0, limit_used_rub__lt=_TOO_MUCH),
                name="client_limit_used_is_number",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind=states.ClientKind.ENTITY, category=states.Category.LEGAL_ENTITY
                )
                | models.Q(
                    kind=states.ClientKind.PERSON,
                    category__in=[states.Category.NON_QUALIFIED, states.Category.QUALIFIED],
                ),
                name="client_category_fits_kind",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=[s.value for s in states.LET_IN])
                | models.Q(opened_at__isnull=False, review_date__isnull=False),
                name="client_open_since_a_day",
            ),
            _known("status", states.ClientStatus, "client_status_known"),
            _known("test_status", states.InvestorTest, "client_test_status_known"),
            _known("residency", states.Residency, "client_residency_known"),
            _known("risk", states.Risk, "client_risk_known"),
        ]
        indexes = [
            models.Index(fields=["bank", "status", "id"], name="client_by_status"),
            models.Index(fields=["bank", "review_date"], name="client_by_review_date"),
        ]

    def __str__(self) -> str:
        return ids.show(self.id_prefix, self.pk)


class Application(Client):
    """A client who has not been decided on: what compliance works through."""

    tenancy = Client.tenancy

    class Meta:
        proxy = True


class Identity(models.Model):
    """Who a client is: personal data sealed in the columns, found again by blind indexes.

    Of an entity `legal_name`, `inn` and `ogrn`; of a person the rest. `identified_at` is when the
    bank saw the papers.
    """

    tenancy = tenancy.bank()

    client = models.OneToOneField(
        Client, models.PROTECT, primary_key=True, related_name="identity", db_constraint=False
    )
    bank = _bank()
    surname = SealedField()
    given_name = SealedField()
    patronymic = SealedField()
    legal_name = SealedField()
    birth_date = SealedField()
    birth_place = SealedField()
    inn = SealedField()
    snils = SealedField()
    ogrn = SealedField()
    document_number = SealedField()
    document_issued = SealedField()
    document_expires = SealedField()
    department_code = SealedField()
    mrz = SealedField()
    address = SealedField()
    phone = SealedField()
    email = SealedField()
    document_kind = models.CharField(max_length=16, blank=True, choices=states.Document.choices)
    country = models.CharField(max_length=2)
    is_pep = models.BooleanField(default=False)
    inn_blind = models.CharField(max_length=64, blank=True, default="")
    snils_blind = models.CharField(max_length=64, blank=True, default="")
    ogrn_blind = models.CharField(max_length=64, blank=True, default="")
    document_blind = models.CharField(max_length=64, blank=True, default="")
    identified_at = models.DateTimeField(null=True)
    identified_by = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(
                fields=["bank", f"{what}_blind"],
                condition=~models.Q((f"{what}_blind", "")),
                name=f"identity_{what}_once_in_bank",
            )
            for what in ("inn", "snils", "ogrn", "document")
        ]

    def blinds(self) -> dict[str, str]:
        """Return the blind indexes, by column, that the sealed texts have."""
        texts = {
            "inn": self.inn,
            "snils": self.snils,
            "ogrn": self.ogrn,
            "document": self.document_number and f"{self.country}{self.document_number}",
        }
        return {
            f"{what}_blind": sealing.blind(what, text, bank_id=self.bank_id)
            for what, text in texts.items()
        }

    def unseal_all(self) -> bool:
        """Hold every text open, to be sealed anew when saved; say if an older key sealed one."""
        older = False
        for field in self._meta.local_fields:
            if isinstance(field, sealing.SealedField):
                held = self.__dict__[field.attname]
                older |= not isinstance(held, str) and not sealing.is_current(bytes(held))
                setattr(self, field.attname, getattr(self, field.attname))
        return older

    def wrongs(self) -> Iterator[str]:
        """Say what is wrong with the seals and the blind indexes."""
        try:
            for field in self._meta.local_fields:
                if isinstance(field, sealing.SealedField):
                    getattr(self, field.attname)
            for column, blind in self.blinds().items():
                if getattr(self, column) != blind:
                    yield f"{column} is not of what is sealed"
        except sealing.Unsealable as wrong:
            yield str(wrong)


class BeneficialOwner(models.Model):
    """A person behind a legal entity, with the share held, in percent."""

    tenancy = _append_only
    id_prefix = "ben"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    name = SealedField()
    birth_date = SealedField()
    country = models.CharField(max_length=2)
    share_percent = models.DecimalField(max_digits=6, decimal_places=3)
    is_pep = models.BooleanField(default=False)
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(share_percent__gt=0, share_percent__lte=100),
                name="owner_share_is_percent",
            )
        ]


class BankAccount(models.Model):
    """A client's own rouble account in another bank: whence roubles come and whither they go."""

    tenancy = tenancy.bank()
    id_prefix = "bac"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    bic = models.CharField(max_length=9)
    number = models.CharField(max_length=20)
    bank_name = models.CharField(max_length=200, blank=True, default="")
    added_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bank", "bic", "number"],
                condition=models.Q(closed_at__isnull=True),
                name="bank_account_of_one_client",
            )
        ]

    def __str__(self) -> str:
        return f"…{self.number[-4:]} at {self.bic}"


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

    tenancy = _append_only
    id_prefix = "scr"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
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
    bank = _bank()
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


class Attempt(models.Model):
    """A sitting of the investor test. The questions follow from `seed`, `pool` and `drawn`.

    `drawn`: how many of each difficulty, then `questions` their codes in the order asked. `answers`
    holds what the client chose; what is right is in the code alone.
    """

    tenancy = tenancy.bank()
    id_prefix = "att"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
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

    tenancy = _append_only
    id_prefix = "rsk"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_constraint=False)
    rating = models.CharField(max_length=8, choices=states.Risk.choices)
    reasons = ArrayField(models.CharField(max_length=64))
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=64)


class Qualification(models.Model):
    """Why a person was taken for a qualified investor: the ground, the sum shown and the mark."""

    tenancy = _append_only
    id_prefix = "qlf"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = _bank()
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
                    shown_rub__lt=_TOO_MUCH,
                    required_rub__gt=0,
                ),
                name="qualification_shown_suffices",
            )
        ]
