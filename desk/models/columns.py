"""The columns that the desk's tables share."""

from decimal import Decimal
from typing import Any

from django.db import models

from common.models import Bank
from kyc.models import Client

TOO_MUCH = Decimal("1e20")  # what no amount reaches; NaN, which PostgreSQL sorts last, is above it


def bank_of_many() -> "models.ForeignKey[Bank, Bank]":
    """The bank of a row in a large table: found by wider indexes."""
    return models.ForeignKey(
        Bank, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )


def client() -> "models.ForeignKey[Client, Client]":
    """Whose row it is."""
    return models.ForeignKey(
        Client, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )


def amount(**options: Any) -> "models.DecimalField[Any, Any]":
    """An amount of money or of a coin."""
    return models.DecimalField(max_digits=38, decimal_places=18, **options)


def numbers(name: str, *fields: str) -> models.CheckConstraint:
    """Hold that each is zero or more, and a number, where it is there."""
    holds = models.Q()
    for field in fields:
        holds &= models.Q((f"{field}__gte", 0), (f"{field}__lt", TOO_MUCH))
    return models.CheckConstraint(condition=holds, name=name)
