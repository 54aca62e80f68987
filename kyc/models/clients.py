"""Clients and who they are. The row that orders lock is small; the data are sealed."""

from collections.abc import Iterator
from decimal import Decimal

from django.db import models

from common import ids, tenancy
from common.models import User
from kyc import sealing, states
from kyc.models import columns
from kyc.sealing import SealedField


class Client(models.Model):
    """A client, as every order locks it: status, category, and what of the year's limit is used.

    `limit_used_rub` counts the purchases of the Moscow year `limit_year`; another year's is zero.
    `status_reason` is the code of why a client is refused, frozen or closed.
    """

    tenancy = tenancy.bank()
    id_prefix = "cli"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank()
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
                condition=models.Q(limit_used_rub__gte=0, limit_used_rub__lt=columns.TOO_MUCH),
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
            columns.known("status", states.ClientStatus, "client_status_known"),
            columns.known("test_status", states.InvestorTest, "client_test_status_known"),
            columns.known("residency", states.Residency, "client_residency_known"),
            columns.known("risk", states.Risk, "client_risk_known"),
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
    bank = columns.bank()
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

    tenancy = columns.append_only
    id_prefix = "ben"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = columns.bank()
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
    bank = columns.bank()
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
