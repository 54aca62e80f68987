"""The state's registers: under which regime it is, who takes part, what may be sold."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from common import changes, clock, errors, ids, models, tenancy
from licensing import queries, rulebooks
from licensing.models import AdmittedAsset, Participant, Regime
from licensing.operations import rows

ADMISSION = "asset_admission"


def set_regime(*, overlay: str, valid_from: date, at: datetime) -> Regime:
    """Put the jurisdiction under a regime from a Moscow day on.

    Only the first regime may begin on a day that has begun: what was law then stays.

    Raises: OVERLAY_UNKNOWN; RULE_UNKNOWN if the overlay says nothing of that day; REGIME_BACKDATED;
    REGIME_SET (that day has one).
    """
    if overlay not in rulebooks.OVERLAYS:
        raise errors.Refused("OVERLAY_UNKNOWN", {"overlay": overlay})
    facts = {"valid_from": valid_from.isoformat()}
    row = Regime(
        jurisdiction_id=rows.state(),
        overlay=overlay,
        valid_from=valid_from,
        actor=tenancy.current().actor.label,
        at=at,
    )
    queries.title_of(row)  # an overlay has its title from the day on which it begins to speak
    earlier = queries.regimes().filter(valid_from__lt=valid_from)
    if valid_from <= clock.business_date(at) and earlier.exists():
        raise errors.Refused("REGIME_BACKDATED", facts)
    return rows.once(row, "REGIME_SET", facts)


def register_participant(
    *, kind: str, legal_name: str, inn: str, ogrn: str, at: datetime
) -> Participant:
    """Enter a participant that is no bank of the house into the register.

    Raises: INN_INVALID, OGRN_INVALID, KIND_NOT_LICENSED, PARTICIPANT_REGISTERED.
    """
    rows.refuse_numbers(inn, ogrn)
    book = queries.rulebook_of(rows.state(), at)
    if kind not in book.value("participant_kinds", clock.business_date(at)):
        raise errors.Refused("KIND_NOT_LICENSED", {"kind": kind, "regime": book.regime})
    return rows.enter(bank_id=None, kind=kind, legal_name=legal_name, inn=inn, ogrn=ogrn, at=at)


def remove_participant(*, participant_id: UUID, reason: str, at: datetime) -> Participant:
    """Take a participant that is no bank of the house off the register, saying why.

    Raises: NOT_FOUND; PARTICIPANT_REMOVED; PARTICIPANT_LICENSED: a bank leaves with its licence.
    """
    found = Participant.objects.select_for_update(of=("self",))
    row = queries.found(found, participant_id)
    facts = {"participant": ids.show(Participant.id_prefix, participant_id)}
    if row.removed_at is not None:
        raise errors.Refused("PARTICIPANT_REMOVED", facts)
    if row.bank_id is not None:
        raise errors.Refused("PARTICIPANT_LICENSED", facts)
    return rows.strike(row, reason, at)


def propose_admission(*, asset: str, reason: str, at: datetime) -> models.Proposal:
    """Propose to admit an asset to what may be sold; a second officer decides.

    Raises: ASSET_UNKNOWN, ASSET_BARRED, ASSET_ADMITTED, ALREADY_PROPOSED.
    """
    _refuse_asset(asset, at)
    return changes.propose(
        kind=ADMISSION, subject=f"asset:{asset}", payload={"asset": asset}, reason=reason, at=at
    )


@changes.decides(ADMISSION, scope="assets:admit")
def admit_asset(proposal: models.Proposal, at: datetime) -> dict[str, Any]:
    """Admit the asset that was proposed. Raises: ASSET_BARRED, ASSET_ADMITTED."""
    asset = proposal.payload["asset"]
    _refuse_asset(asset, at)
    row = AdmittedAsset(
        jurisdiction_id=rows.state(), asset_id=asset, admitted_at=at, reason=proposal.reason
    )
    rows.once(row, "ASSET_ADMITTED", {"asset": asset})
    return {"admitted_asset": ids.show(AdmittedAsset.id_prefix, row.pk)}


def withdraw_asset(*, asset: str, reason: str, at: datetime) -> AdmittedAsset:
    """Take an asset off the register: nothing more of it is sold. Raises: ASSET_NOT_ADMITTED."""
    found = AdmittedAsset.objects.select_for_update(of=("self",))
    row = found.filter(asset_id=asset, withdrawn_at__isnull=True).first()
    if row is None:
        raise errors.Refused("ASSET_NOT_ADMITTED", {"asset": asset})
    row.withdrawn_at, row.reason = at, reason
    row.save(update_fields=["withdrawn_at", "reason"])
    return row


def _refuse_asset(asset: str, at: datetime) -> None:
    row = models.Asset.objects.filter(pk=asset, is_currency=False).first()
    if row is None:
        raise errors.Refused("ASSET_UNKNOWN", {"asset": asset})
    book = queries.rulebook_of(rows.state(), at)
    if asset in book.value("assets_barred", clock.business_date(at)):
        raise errors.Refused("ASSET_BARRED", {"asset": asset, "regime": book.regime})
    if AdmittedAsset.objects.filter(asset_id=asset, withdrawn_at__isnull=True).exists():
        raise errors.Refused("ASSET_ADMITTED", {"asset": asset})
