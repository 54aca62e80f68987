"""A licence's statuses and the ways between them, as data."""

from django.db import models


class LicenceStatus(models.TextChoices):
    """Where a licence is, from the application that was taken up to its end."""

    ACKNOWLEDGED = "ACKNOWLEDGED", "Acknowledged"
    COMPLETE = "COMPLETE", "Complete"
    GRANTED = "GRANTED", "Granted"
    REFUSED = "REFUSED", "Refused"
    SUSPENDED = "SUSPENDED", "Suspended"
    REVOKED = "REVOKED", "Revoked"


_S = LicenceStatus
LICENCE_TRANSITIONS = {
    _S.ACKNOWLEDGED.value: frozenset({_S.COMPLETE.value, _S.REFUSED.value}),
    _S.COMPLETE.value: frozenset({_S.GRANTED.value, _S.REFUSED.value}),
    _S.GRANTED.value: frozenset({_S.SUSPENDED.value, _S.REVOKED.value}),
    _S.SUSPENDED.value: frozenset({_S.GRANTED.value, _S.REVOKED.value}),
    _S.REFUSED.value: frozenset[str](),
    _S.REVOKED.value: frozenset[str](),
}
ALIVE = (_S.ACKNOWLEDGED, _S.COMPLETE, _S.GRANTED, _S.SUSPENDED)
EVER_GRANTED = (_S.GRANTED, _S.SUSPENDED, _S.REVOKED)


class ParticipantKind(models.TextChoices):
    """The kinds of professional participants that the laws name. Source: RU22-LIC, RU26-BILL-03."""

    ORGANISER = "ORGANISER", "Organiser of the exchange system (a bank)"
    EXCHANGE_OPERATOR = "EXCHANGE_OPERATOR", "Operator of a traditional exchange"
    P2P_OPERATOR = "P2P_OPERATOR", "Operator of a P2P exchange"
    DEPOSITORY = "DEPOSITORY", "Digital depository"
    EXCHANGER = "EXCHANGER", "Exchanger"
    BROKER = "BROKER", "Broker"
    TRUST_MANAGER = "TRUST_MANAGER", "Trust manager"


class BankingLicence(models.TextChoices):
    """The licence of the Bank of Russia that the applicant holds."""

    UNIVERSAL = "UNIVERSAL", "Universal"
    BASIC = "BASIC", "Basic"
    NONE = "NONE", "None"
