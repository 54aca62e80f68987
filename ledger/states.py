"""The states of what the books keep, and the ways between them, as data."""

from django.db import models


class HoldStatus(models.TextChoices):
    """A hold's life: reserved, then spent, let go or run out."""

    PENDING = "PENDING", "Pending"
    POSTED = "POSTED", "Posted"
    VOIDED = "VOIDED", "Voided"
    EXPIRED = "EXPIRED", "Expired"


HOLD_TRANSITIONS = {
    HoldStatus.PENDING: frozenset({HoldStatus.POSTED, HoldStatus.VOIDED, HoldStatus.EXPIRED}),
    HoldStatus.POSTED: frozenset[HoldStatus](),
    HoldStatus.VOIDED: frozenset[HoldStatus](),
    HoldStatus.EXPIRED: frozenset[HoldStatus](),
}
