"""Personal data in the columns: opened in their own row alone, found in their own bank alone."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from common import errors, ids, models, tenancy, users
from kyc import operations, queries, sealing
from kyc.models import Identity
from tests.kyc import clients

ROW = ids.new()
HERE: dict[str, Any] = {"table": "kyc_identity", "column": "inn", "row": ROW}


def key(letter: bytes) -> str:
    return base64.urlsafe_b64encode(letter * 32).decode().rstrip("=")


def test_what_is_sealed_opens_again_and_is_never_sealed_alike() -> None:
    one, two = sealing.seal("500100732259", **HERE), sealing.seal("500100732259", **HERE)
    assert one != two
    assert sealing.unseal(one, **HERE) == sealing.unseal(two, **HERE) == "500100732259"
    assert b"500100732259" not in one
    assert sealing.seal("", **HERE) == b""
    assert sealing.unseal(b"", **HERE) == ""


@pytest.mark.parametrize(
    "elsewhere", [{"table": "kyc_beneficialowner"}, {"column": "snils"}, {"row": ids.new()}]
)
def test_a_seal_opens_nowhere_else(elsewhere: dict[str, Any]) -> None:
    sealed = sealing.seal("500100732259", **HERE)
    with pytest.raises(sealing.Unsealable):
        sealing.unseal(sealed, **(HERE | elsewhere))


def test_a_changed_byte_is_noticed() -> None:
    sealed = sealing.seal("500100732259", **HERE)
    for place in range(len(sealed)):
        forged = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(sealing.Unsealable):
            sealing.unseal(forged, **HERE)


def test_an_older_key_opens_and_the_newest_seals(settings: Any) -> None:
    bank = ids.new()
    settings.SEALING_KEYS = [key(b"a")]
    old, index = sealing.seal("Anna", **HERE), sealing.blind("inn", "1", bank_id=bank)
    settings.SEALING_KEYS = [key(b"b"), key(b"a")]
    assert sealing.unseal(old, **HERE) == "Anna"
    assert not sealing.is_current(old)
    assert sealing.is_current(sealing.seal("Anna", **HERE))
    assert sealing.blind("inn", "1", bank_id=bank) == index
    settings.SEALING_KEYS = [key(b"b")]
    with pytest.raises(sealing.Unsealable):
        sealing.unseal(old, **HERE)


@pytest.mark.parametrize("keys", [[], ["short"], ["not base64!" * 5]])
def test_without_a_good_key_nothing_is_sealed(settings: Any, keys: list[str]) -> None:
    settings.SEALING_KEYS = keys
    with pytest.raises(ImproperlyConfigured):
        sealing.seal("Anna", **HERE)


def test_a_blind_index_is_of_its_kind_and_its_bank() -> None:
    bank, other = ids.new(), ids.new()
    found = {
        sealing.blind("inn", "1", bank_id=bank),
        sealing.blind("snils", "1", bank_id=bank),
        sealing.blind("inn", "2", bank_id=bank),
        sealing.blind("inn", "1", bank_id=other),
    }
    assert len(found) == 4
    assert sealing.blind("inn", "", bank_id=bank) == ""


def test_no_personal_datum_stands_in_the_table_as_text(
    bank: models.Bank, staff: users.Actor
) -> None:
    said = clients.with_mrz(clients.person())
    clients.apply(bank, said)
    with tenancy.acting(bank.id, staff), connection.cursor() as cursor:
        cursor.execute("SELECT encode(convert_to(i::text, 'UTF8'), 'escape') FROM kyc_identity i")
        [(text,)] = cursor.fetchall()
        cursor.execute("SELECT string_agg(e.payload::text, '') FROM common_outboxevent e")
        [(events,)] = cursor.fetchall()
        [identity] = Identity.objects.all()
        assert queries.person_of(identity) == said
    hexed = (said.surname.encode().hex(), said.inn.encode().hex(), said.inn, said.email)
    for datum in (*hexed, said.paper.number, said.birth_date.isoformat()):
        assert datum not in text
        assert datum not in events


def test_a_person_is_a_banks_client_once(
    bank: models.Bank, make_bank: Callable[[], models.Bank]
) -> None:
    said = clients.person()
    clients.apply(bank, said)
    other = make_bank()
    clients.apply(other, said)  # another bank's client may be ours too, and nobody is told
    for again in (
        clients.person(inn=said.inn),
        clients.person(snils=said.snils),
        clients.person(paper={"number": said.paper.number}),
    ):
        with pytest.raises(errors.Refused, match="CLIENT_EXISTS") as told:
            clients.apply(bank, again)
        assert told.value.facts == {}


def test_who_sees_data_finds_a_client_by_a_number(
    bank: models.Bank, make_bank: Callable[[], models.Bank]
) -> None:
    said = clients.person()
    client = clients.apply(bank, said)
    clients.apply(make_bank(), said)
    for role, found in ((users.Role.COMPLIANCE, [client.pk]), (users.Role.DEALER, [])):
        actor = users.Actor("usr_x", role, bank.id, bank.jurisdiction_id)
        with tenancy.acting(bank.id, actor):
            clients_found = queries.find(actor, "inn", said.inn)
            assert [each.pk for each in clients_found] == found
            assert not queries.find(actor, "snils", said.inn).exists()


def test_a_seal_moved_to_another_row_does_not_open(bank: models.Bank, staff: users.Actor) -> None:
    one, two = clients.apply(bank), clients.apply(bank)
    with tenancy.acting(bank.id, staff):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE kyc_identity SET inn = (SELECT inn FROM kyc_identity WHERE client_id = %s)"
                " WHERE client_id = %s",
                [one.pk, two.pk],
            )
        with pytest.raises(sealing.Unsealable):
            _ = Identity.objects.get(pk=two.pk).inn


def test_all_is_sealed_anew_under_a_newer_key(
    bank: models.Bank, staff: users.Actor, settings: Any
) -> None:
    said = clients.person()
    client = clients.apply(bank, said)
    old, new = settings.SEALING_KEYS[0], key(b"n")
    settings.SEALING_KEYS = [new, old]
    with tenancy.acting(bank.id, staff):
        assert operations.reseal_identities() == 1
        assert operations.reseal_identities() == 0
        identity = Identity.objects.get(pk=client.pk)
        assert sealing.is_current(bytes(identity.__dict__["inn"]))
        assert queries.person_of(identity) == said
        assert list(identity.wrongs()) == []
