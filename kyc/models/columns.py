"""What several tables of clients share: the bank's column, what is known, what is only added."""

from decimal import Decimal

from django.db import models

from common import tenancy
from common.models import Bank

TOO_MUCH = Decimal("1e20")  # what no amount reaches; NaN, which PostgreSQL sorts last, is above it
append_only = tenancy.bank(grants="SELECT, INSERT")


def bank() -> "models.ForeignKey[Bank, Bank]":
    """Whose client it is about."""
    return models.ForeignKey(Bank, models.PROTECT, related_name="+")


def known(field: str, choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    """Refuse what is none of the choices."""
    return models.CheckConstraint(condition=models.Q((f"{field}__in", choices.values)), name=name)
