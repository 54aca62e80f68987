"""Tax by itself: what beat asks for."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from common import tenancy
from tax import operations

logger = logging.getLogger(__name__)


@shared_task(name="tax.work_due")
def work_due() -> None:
    """Do what each bank's tax has due; a bank that fails does not stop the others."""
    for bank_id in tenancy.bank_ids():
        try:
            operations.work_due(bank_id=bank_id, wall_at=timezone.now())
        except Exception:
            logger.exception("Tax of bank %s stays undone for now", bank_id)
