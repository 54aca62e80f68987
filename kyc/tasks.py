"""Screening by itself: what beat asks for, and what `screenclients` does at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from common import clock, errors, ids, tenancy, users
from kyc import operations, queries
from kyc.models import Client

logger = logging.getLogger(__name__)

TURN_S = 30.0  # so long a turn takes; what is left is the next one's


@shared_task(name="kyc.screen_outdated")
def screen_outdated() -> None:
    """Screen the clients whose screening is outdated, bank by bank, for a turn.

    A bank that fails does not stop the others.
    """
    ends = time.monotonic() + TURN_S
    for bank_id in tenancy.bank_ids():
        try:
            for _ in screen_bank(bank_id):
                if time.monotonic() > ends:
                    return
        except Exception:
            logger.exception("Clients of bank %s wait for the next screening", bank_id)


def screen_bank(bank_id: UUID) -> Iterator[int | None]:
    """Screen a bank's clients whose screening is outdated, each in a transaction of its own.

    Yields of each how many likenesses are to be judged, None where it failed, which the log tells.
    """
    job = users.job("screening", bank_id)
    with tenancy.acting(bank_id, job):
        at = clock.acting_now(timezone.now())
        outdated = list(queries.outdated_screenings(at).values_list("pk", flat=True))
    for client_id in outdated:
        shown = ids.show(Client.id_prefix, client_id)
        try:
            with tenancy.acting(bank_id, job):
                at = clock.acting_now(timezone.now())
                hits = len(operations.rescreen_client(client_id=client_id, at=at))
        except errors.Refused as refusal:
            logger.warning("%s is not screened: %s", shown, refusal.detail)
            yield None
        except Exception:
            logger.exception("%s is not screened", shown)
            yield None
        else:
            yield hits
