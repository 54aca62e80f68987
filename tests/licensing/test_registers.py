"""The state's registers: regimes, participants, admitted assets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from common import errors, models, tenancy, users
from licensing import operations, queries
from licensing.models import Licence, Participant
from tests.conftest import AT
from tests.licensing.licences import BEFORE, applied, grant, licensed, numbered, officer, under

QUAY = {"kind": "EXCHANGE_OPERATOR", "legal_name": "Quay Exchange JSC", "inn": "7799000012"}


@pytest.fixture
def maker(bank: models.Bank) -> users.Actor:
    under(bank.jurisdiction_id, assets=())
    return officer(bank.jurisdiction_id, "maker")


def entered(maker: users.Actor, **changed: Any) -> Participant:
    """Enter an operator that is no bank, by its number."""
    with tenancy.acting(None, maker):
        number = Participant.objects.count()
        said = QUAY | {"ogrn": numbered(f"10277{number:07}")} | changed
        return operations.register_participant(**said, at=BEFORE)


def standing(bank: models.Bank) -> list[Participant]:
    """The bank's rows in the register that are not removed."""
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        rows = queries.participants().filter(bank_id=bank.pk, removed_at__isnull=True)
        return list(rows)


# --- Participants --------------------------------------------------------------------------------


def test_a_bank_stands_in_the_register_from_its_grant_to_the_end_of_its_licence(
    bank: models.Bank, maker: users.Actor
) -> None:
    sent = applied(bank)
    with tenancy.acting(None, maker):
        licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
    assert standing(bank) == []
    grant(licence)
    (row,) = standing(bank)
    assert (row.kind, row.legal_name, row.ogrn) == (sent.kind, sent.legal_name, sent.ogrn)
    with tenancy.acting(None, maker):
        operations.suspend_licence(licence_id=licence.pk, reason="late", at=AT)
    assert standing(bank) == [row]
    with tenancy.acting(None, maker):
        operations.revoke_licence(licence_id=licence.pk, reason="again", at=AT)
        row.refresh_from_db()
    assert standing(bank) == []
    assert (row.removed_at, row.reason) == (AT, "again")


def test_who_is_refused_never_stood_in_the_register(bank: models.Bank, maker: users.Actor) -> None:
    sent = applied(bank)
    with tenancy.acting(None, maker):
        licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
        operations.refuse_application(licence_id=licence.pk, reason="no", at=BEFORE)
        assert not Participant.objects.filter(bank_id=bank.pk).exists()
        assert Licence.objects.get(pk=licence.pk).participant is None


def test_who_was_revoked_may_come_back_as_a_new_line(bank: models.Bank, maker: users.Actor) -> None:
    first = licensed(bank)
    with tenancy.acting(None, maker):
        operations.revoke_licence(licence_id=first.pk, reason="late", at=BEFORE)
    licensed(bank)
    assert len(standing(bank)) == 1
    with tenancy.acting(None, maker):
        assert Participant.objects.filter(bank_id=bank.pk).count() == 2


def test_a_participant_that_is_no_bank_is_entered_and_removed(maker: users.Actor) -> None:
    row = entered(maker)
    assert (row.bank_id, row.removed_at) == (None, None)
    with tenancy.acting(None, maker):
        gone = operations.remove_participant(participant_id=row.pk, reason="asked to", at=AT)
    assert (gone.removed_at, gone.reason) == (AT, "asked to")
    assert entered(maker, ogrn=row.ogrn).pk != row.pk


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"inn": "7799000013"}, "INN_INVALID"),
        ({"ogrn": "1027700000999"}, "OGRN_INVALID"),
        ({"kind": "BROKER"}, "KIND_NOT_LICENSED"),
        ({"inn": "7799000013", "ogrn": "1", "kind": "BROKER"}, "INN_INVALID"),
        ({"ogrn": "1", "kind": "BROKER"}, "OGRN_INVALID"),
    ],
)
def test_who_cannot_be_a_participant_is_not_entered(
    maker: users.Actor, changed: dict[str, Any], code: str
) -> None:
    with pytest.raises(errors.Refused, match=code):
        entered(maker, **changed)


def test_a_participant_stands_once_a_kind(maker: users.Actor) -> None:
    row = entered(maker)
    with pytest.raises(errors.Refused, match="PARTICIPANT_REGISTERED"):
        entered(maker, ogrn=row.ogrn)
    assert entered(maker, ogrn=row.ogrn, kind="P2P_OPERATOR").pk != row.pk


def test_a_bank_is_not_granted_what_another_stands_in_the_register_as(
    bank: models.Bank, maker: users.Actor
) -> None:
    sent = applied(bank)
    with tenancy.acting(None, maker):
        licence = operations.acknowledge(application_id=sent.pk, at=BEFORE)
    entered(maker, kind="ORGANISER", ogrn=sent.ogrn)
    with pytest.raises(errors.Refused, match="PARTICIPANT_REGISTERED"):
        grant(licence)
    with tenancy.acting(None, maker):
        assert Licence.objects.get(pk=licence.pk).status == "COMPLETE"


def test_a_bank_leaves_the_register_with_its_licence_alone(
    bank: models.Bank, maker: users.Actor
) -> None:
    licensed(bank)
    (row,) = standing(bank)
    with pytest.raises(errors.Refused, match="PARTICIPANT_LICENSED"), tenancy.acting(None, maker):
        operations.remove_participant(participant_id=row.pk, reason="no", at=AT)


def test_who_has_left_does_not_leave_again(maker: users.Actor) -> None:
    row = entered(maker)
    with tenancy.acting(None, maker):
        operations.remove_participant(participant_id=row.pk, reason="asked to", at=BEFORE)
    with pytest.raises(errors.Refused, match="PARTICIPANT_REMOVED"), tenancy.acting(None, maker):
        operations.remove_participant(participant_id=row.pk, reason="asked to", at=AT)


# --- Admitted assets -----------------------------------------------------------------------------


def test_an_asset_counts_from_its_admission_to_its_withdrawal(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    bank = users.register_bank(
        actor=users.supervisor_of(state.pk), code=f"{state.code}b", name="Bank"
    )
    under(state.pk, assets=("BTC", "ETH"))
    with tenancy.acting(None, officer(state.pk, "maker")):
        operations.withdraw_asset(asset="ETH", reason="thin", at=AT)
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        assert queries.perimeter(bank.pk, AT - dt.timedelta(seconds=1)).assets == {"BTC", "ETH"}
        assert queries.perimeter(bank.pk, AT).assets == {"BTC"}
        assert queries.perimeter(bank.pk, BEFORE - dt.timedelta(days=1)).assets == set()


@pytest.mark.parametrize(
    ("asset", "code"),
    [("RUB", "ASSET_UNKNOWN"), ("DOGE", "ASSET_UNKNOWN"), ("XMR", "ASSET_BARRED")],
)
def test_what_may_not_be_sold_is_not_admitted(asset: str, code: str, maker: users.Actor) -> None:
    with pytest.raises(errors.Refused, match=code), tenancy.acting(None, maker):
        operations.propose_admission(asset=asset, reason="", at=BEFORE)


# --- Regimes -------------------------------------------------------------------------------------


def test_the_regime_is_the_last_that_began(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    actor = officer(state.pk, "maker")
    with pytest.raises(errors.Refused, match="RULE_UNKNOWN"), tenancy.acting(None, actor):
        queries.rulebook_of(state.pk, AT)
    with tenancy.acting(None, actor):
        operations.set_regime(overlay="minfin-2022", valid_from=dt.date(2022, 1, 1), at=BEFORE)
        operations.set_regime(overlay="law-2025", valid_from=dt.date(2025, 1, 1), at=BEFORE)
        # 2025 begins in Moscow three hours before it does in Greenwich.
        eve = dt.datetime(2024, 12, 31, 20, 59, 59, tzinfo=dt.UTC)
        assert queries.rulebook_of(state.pk, eve).regime == "minfin-2022"
        assert queries.rulebook_of(state.pk, eve + dt.timedelta(seconds=1)).regime == "law-2025"


@pytest.mark.parametrize(
    ("overlay", "valid_from", "code"),
    [
        ("law-1999", dt.date(2026, 1, 1), "OVERLAY_UNKNOWN"),
        ("law-2025", dt.date(2024, 12, 31), "RULE_UNKNOWN"),
        ("minfin-2022", dt.date(2022, 1, 1), "REGIME_SET"),
        ("cbr-ban-2022", dt.date(2022, 1, 2), "REGIME_BACKDATED"),
        ("cbr-ban-2022", AT.date(), "REGIME_BACKDATED"),
        ("cbr-ban-2022", AT.date() + dt.timedelta(days=1), None),
    ],
)
def test_what_was_law_on_a_day_that_has_begun_stays(
    make_state: Callable[[], models.Jurisdiction],
    overlay: str,
    valid_from: dt.date,
    code: str | None,
) -> None:
    state = make_state()
    under(state.pk, assets=())
    maker = officer(state.pk, "maker")
    if code is None:
        with tenancy.acting(None, maker):
            operations.set_regime(overlay=overlay, valid_from=valid_from, at=AT)
        return
    with pytest.raises(errors.Refused, match=code), tenancy.acting(None, maker):
        operations.set_regime(overlay=overlay, valid_from=valid_from, at=AT)
