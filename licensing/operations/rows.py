"""What the operations of the registers share: whose they are, locked rows, rows written once."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model
from stdnum.ru import inn as stdnum_inn
from stdnum.ru import ogrn as stdnum_ogrn

from common import errors, ids, tenancy
from licensing import queries
from licensing.models import Licence, Participant
from licensing.states import LicenceStatus

Row = TypeVar("Row", bound=Model)


def state() -> UUID:
    """Return the jurisdiction that acts; a bug if it is a bank."""
    acting = tenancy.current()
    assert acting.bank_id is None, "the registers are the state's"
    assert acting.jurisdiction_id is not None
    return acting.jurisdiction_id


def licence(licence_id: UUID, *statuses: LicenceStatus) -> Licence:
    """Return a licence, locked, that is in one of these statuses."""
    rows = Licence.objects.select_for_update(of=("self",))
    row = queries.found(rows, licence_id)
    if row.status not in statuses:
        raise errors.Refused(
            "STATUS_CONFLICT",
            {"licence": ids.show(Licence.id_prefix, licence_id), "status": row.status},
        )
    return row


def once(row: Row, code: str, facts: dict[str, Any]) -> Row:
    """Write a new row, or refuse with `code` where it is there already."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise errors.Refused(code, facts) from error
    return row


def refuse_numbers(inn: str, ogrn: str) -> None:
    """Refuse an entity's numbers that have not their digits, or not their keys.

    Raises: INN_INVALID, OGRN_INVALID.
    """
    if not (re.fullmatch("[0-9]{10}", inn) and stdnum_inn.is_valid(inn)):
        raise errors.Refused("INN_INVALID", {"inn": inn})
    if not (re.fullmatch("[0-9]{13}", ogrn) and stdnum_ogrn.is_valid(ogrn)):
        raise errors.Refused("OGRN_INVALID", {"ogrn": ogrn})


def enter(
    *, bank_id: UUID | None, kind: str, legal_name: str, inn: str, ogrn: str, at: datetime
) -> Participant:
    """Enter a participant into the register. Raises: PARTICIPANT_REGISTERED."""
    row = Participant(
        jurisdiction_id=state(),
        bank_id=bank_id,
        kind=kind,
        legal_name=legal_name,
        inn=inn,
        ogrn=ogrn,
        registered_at=at,
    )
    return once(row, "PARTICIPANT_REGISTERED", {"kind": kind, "ogrn": ogrn})


def strike(row: Participant, reason: str, at: datetime) -> Participant:
    """Take a participant off the register: the row stays, and says since when and why."""
    row.removed_at, row.reason = at, reason
    row.save(update_fields=["removed_at", "reason"])
    return row
