"""Clients opened once and copied into other banks: for tests that need hundreds of banks.

Opening a client takes some seventy statements, copies of several clients take nine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from common import ids, models, tenancy, users
from kyc.models import (
    Attempt,
    BankAccount,
    BeneficialOwner,
    Client,
    Identity,
    Qualification,
    RiskAssessment,
    Screening,
)

_OF_A_CLIENT = (
    Identity, BeneficialOwner, BankAccount, Screening, Attempt, RiskAssessment, Qualification,
)  # fmt: skip


class Copies:
    """What is kept of a bank's clients, and the trail of their statuses."""

    def __init__(self, bank: models.Bank) -> None:
        self.bank_id = bank.pk
        with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
            self.rows: list[Any] = list(Client.objects.order_by("pk"))
            for model in _OF_A_CLIENT:
                self.rows += model._default_manager.order_by("pk")
            self.trail = list(models.StatusChange.objects.order_by("pk"))

    def into(self, bank: models.Bank, client_ids: Sequence[UUID]) -> list[Client]:
        """Copy clients into a bank, in their order."""
        new = {self.bank_id: bank.pk} | {client_id: ids.new() for client_id in client_ids}
        tables: dict[type[Any], list[Any]] = {}
        for row in self.rows:
            if getattr(row, "client_id", row.pk) in new:
                new.setdefault(row.pk, ids.new())
                tables.setdefault(type(row), []).append(_copy(row, new))
        for change in self.trail:
            if change.subject_id in new:
                new[change.pk] = ids.new()
                tables.setdefault(models.StatusChange, []).append(_copy(change, new))
        with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
            for model, copies in tables.items():
                model._default_manager.bulk_create(copies)
            found = Client.objects.in_bulk([new[client_id] for client_id in client_ids])
        return [found[new[client_id]] for client_id in client_ids]


def _copy(row: Any, new: dict[UUID, UUID]) -> Any:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    for name, value in values.items():
        if isinstance(value, UUID):
            values[name] = new.get(value, value)
    copy = type(row)(**values)
    if isinstance(copy, Identity):  # sealed for its row, found again by its bank alone
        copy = type(row)(**values | copy.blinds())
    return copy
