"""Clients and what is known of them, by subject."""

from kyc.models.clients import Application, BankAccount, BeneficialOwner, Client, Identity
from kyc.models.screening import ListedParty, Screening, ScreeningHit, WatchList
from kyc.models.suitability import Attempt, Qualification, RiskAssessment

__all__ = [
    "Application",
    "Attempt",
    "BankAccount",
    "BeneficialOwner",
    "Client",
    "Identity",
    "ListedParty",
    "Qualification",
    "RiskAssessment",
    "Screening",
    "ScreeningHit",
    "WatchList",
]
