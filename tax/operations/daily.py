"""What tax has to do by itself as the days of business go by, for one bank."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

import ledger.queries
from common import clock, errors, ids, tenancy, users
from common.models import Bank
from tax import queries
from tax.operations.remittances import remit_tax
from tax.operations.year_ends import withhold_year_end

logger = logging.getLogger(__name__)

CLIENTS_AT_ONCE = 500  # so many are locked at a time


def work_due(*, bank_id: UUID, wall_at: datetime) -> None:
    """Do what a bank's tax has due by its jurisdiction's day; done again, it does nothing.

    1. Each year that is over and not closed is ended, some clients a transaction.
    2. What is to be remitted by that day is.

    A refusal is logged and the step tried again at the next call: the segregated nostro may lack
    the tax until the sweep.
    """
    job = users.job("tax", bank_id)
    with tenancy.acting(bank_id, job) as acting:
        assert acting.jurisdiction_id is not None
        at = clock.now(acting.jurisdiction_id, wall_at)
        on = clock.business_date(at)
        years = queries.years_to_end(on)
        remits = queries.unremitted(on).exists()
        if not years and not remits:
            return
        book_id = ledger.queries.main_book()
    shown = ids.show(Bank.id_prefix, bank_id)
    for year in years:
        try:
            _end_year(bank_id, job, book_id, year, at)
        except errors.Refused as refusal:
            logger.warning("Year %s of %s is not ended: %s", year, shown, refusal.detail)
    if remits:
        try:
            with tenancy.acting(bank_id, job):
                remit_tax(book_id=book_id, until=on, at=at)
        except errors.Refused as refusal:
            logger.warning("Tax of %s waits to be remitted: %s", shown, refusal.detail)


def _end_year(bank_id: UUID, job: users.Actor, book_id: UUID, year: int, at: datetime) -> None:
    ended = True
    while ended:
        with tenancy.acting(bank_id, job):
            ended = bool(withhold_year_end(book_id=book_id, year=year, at=at, most=CLIENTS_AT_ONCE))
