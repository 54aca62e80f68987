"""Lists as their publishers write them, loaded whole or not at all, by the supervisor alone."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from common import errors, models, tenancy, users
from kyc import lists, operations, queries
from kyc.lists import Party
from kyc.models import ListedParty, WatchList
from tests.kyc.clients import AT

UN = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-02-27T00:00:09.554Z">
  <INDIVIDUALS>
    <INDIVIDUAL>
      <DATAID>1</DATAID><FIRST_NAME>IVAR</FIRST_NAME><SECOND_NAME>NORDVALE</SECOND_NAME>
      <UN_LIST_TYPE>TEST</UN_LIST_TYPE>
      <NAME_ORIGINAL_SCRIPT>Ивар Нордвале</NAME_ORIGINAL_SCRIPT>
      <INDIVIDUAL_ALIAS><ALIAS_NAME>Ivar North</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_DATE_OF_BIRTH><YEAR>1971</YEAR></INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH><DATE>1972-05-06</DATE></INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH>
        <FROM_YEAR>1980</FROM_YEAR><TO_YEAR>1981</TO_YEAR>
      </INDIVIDUAL_DATE_OF_BIRTH>
    </INDIVIDUAL>
  </INDIVIDUALS>
  <ENTITIES>
    <ENTITY><DATAID>2</DATAID><FIRST_NAME>NORDVALE TRADE</FIRST_NAME></ENTITY>
  </ENTITIES>
</CONSOLIDATED_LIST>
"""
_PERSON = (
    '37,"NORDVALE, Ivar","individual","TEST",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,'
    "\"DOB 06 May 1972; alt. DOB circa 1971; a.k.a. 'NORTH, Ivar'; nationality Utopia.\""
)
SDN = [
    '36,"NORDVALE AIR",-0- ,"TEST",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ',
    _PERSON,
    '38,"GREY BITTERN","vessel","TEST",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ',
    "\x1a",
]
ALT = ['37,12,"aka","NORDWALE, I.",-0- ']


@pytest.fixture
def state(make_state: Callable[[], models.Jurisdiction]) -> models.Jurisdiction:
    return make_state()


def load(state: models.Jurisdiction, *parties: Party) -> WatchList:
    with tenancy.acting(None, users.supervisor_of(state.id)):
        return operations.load_list(source="un", parties=parties, at=AT)


def listed(state: models.Jurisdiction) -> dict[str, tuple[str, bool]]:
    """Who was ever listed, by number: the main name, and whether still on the list."""
    with tenancy.acting(None, users.supervisor_of(state.id)):
        return {
            party.ref: (party.names[0], party.delisted_at is None)
            for party in ListedParty.objects.filter(jurisdiction=state)
        }


def test_the_uns_list_is_read() -> None:
    person, firm = lists.read_un(io.BytesIO(UN.encode()))
    assert person == Party(
        ref="1",
        kind="PERSON",
        names=("IVAR NORDVALE", "Ивар Нордвале", "Ivar North"),
        births=("1971", "1972-05-06", "1980", "1981"),
        programme="TEST",
    )
    assert (firm.kind, firm.names) == ("ENTITY", ("NORDVALE TRADE",))


def test_ofacs_lists_are_read() -> None:
    firm, person, ship = lists.read_ofac(SDN, ALT)
    assert (firm.kind, ship.kind) == ("ENTITY", "OTHER")
    assert person == Party(
        ref="37",
        kind="PERSON",
        names=("NORDVALE, Ivar", "NORDWALE, I.", "NORTH, Ivar"),
        births=("1971", "1972-05-06"),
        programme="TEST",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<CONSOLIDATED_LIST>",
        "<OTHER/>",
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><CONSOLIDATED_LIST/>',
        "<CONSOLIDATED_LIST><INDIVIDUAL><DATAID>1</DATAID></INDIVIDUAL></CONSOLIDATED_LIST>",
    ],
)
def test_what_is_no_list_of_the_un_is_refused(text: str) -> None:
    with pytest.raises(lists.ListMalformed):
        list(lists.read_un(io.BytesIO(text.encode())))


@pytest.mark.parametrize("lines", [["1,2"], ["x" + "," * 11]])
def test_what_is_no_list_of_ofac_is_refused(lines: list[str]) -> None:
    with pytest.raises(lists.ListMalformed):
        list(lists.read_ofac(lines, []))


def test_a_newer_version_adds_changes_and_delists(state: models.Jurisdiction) -> None:
    one, two = Party("1", "PERSON", ("One",)), Party("2", "PERSON", ("Two",))
    first = load(state, one, two)
    assert (first.version, first.parties) == (1, 2)
    second = load(state, Party("2", "PERSON", ("Second",)), Party("3", "PERSON", ("Three",)))
    assert (second.version, second.parties) == (2, 2)
    assert listed(state) == {"1": ("One", False), "2": ("Second", True), "3": ("Three", True)}
    load(state, one)
    assert listed(state)["1"] == ("One", True)


def test_a_party_of_two_parts_of_a_list_is_one(state: models.Jurisdiction) -> None:
    load(state, Party("1", "PERSON", ("One",)), Party("1", "PERSON", ("Uno", "One")))
    with tenancy.acting(None, users.supervisor_of(state.id)):
        [party] = ListedParty.objects.filter(jurisdiction=state)
        assert party.names == ["One", "Uno"]


def test_an_empty_list_is_refused(state: models.Jurisdiction) -> None:
    load(state, Party("1", "PERSON", ("One",)))
    with pytest.raises(errors.Refused, match="LIST_EMPTY"):
        load(state)
    assert listed(state)["1"] == ("One", True)


def test_a_bank_reads_the_lists_of_its_state_and_writes_none(
    state: models.Jurisdiction, bank: models.Bank
) -> None:
    load(state, Party("1", "PERSON", ("One",)))
    own = users.register_bank(
        actor=users.supervisor_of(state.id), code=f"of{state.code}", name="Own"
    )
    for reader, seen in ((own, 1), (bank, 0)):
        with tenancy.acting(reader.id, users.job("tests", reader.id)):
            assert ListedParty.objects.filter(source="un").count() == seen
    with tenancy.acting(own.id, users.job("tests", own.id)):
        with pytest.raises(DatabaseError), transaction.atomic():
            ListedParty.objects.update(kind="OTHER")
        assert queries.list_versions(state.id) == {"un": 1}


# --- The command ----------------------------------------------------------------------------------


def loadlist(state: models.Jurisdiction, source: str, *path: object) -> str:
    out = io.StringIO()
    arguments = ["--jurisdiction", state.code, "--source", source, *map(str, path)]
    call_command("loadlist", *arguments, stdout=out)
    return out.getvalue()


def test_the_fictional_list_ships(state: models.Jurisdiction) -> None:
    assert loadlist(state, "fictional") == "Fictional list, version 1: 12.\n"
    assert listed(state)["F-101"] == ("OOO Severnaya Pristan Treyd", True)


def test_a_list_is_loaded_from_its_file(state: models.Jurisdiction, tmp_path: Path) -> None:
    packed = tmp_path / "un.xml.gz"
    packed.write_bytes(gzip.compress(UN.encode()))
    assert loadlist(state, "un", packed) == "UN Security Council, version 1: 2.\n"
    (tmp_path / "ofac_sdn.csv").write_text("\n".join(SDN))
    (tmp_path / "ofac_alt.csv.gz").write_bytes(gzip.compress("\n".join(ALT).encode()))
    assert loadlist(state, "ofac", tmp_path) == "OFAC, version 1: 3.\n"


@pytest.mark.parametrize("broken", [UN[:-40], "", UN.replace("<DATAID>2</DATAID>", "")])
def test_a_broken_file_changes_nothing(
    state: models.Jurisdiction, tmp_path: Path, broken: str
) -> None:
    file = tmp_path / "un.xml"
    file.write_text(UN)
    loadlist(state, "un", file)
    before = listed(state)
    file.write_text(broken)
    with pytest.raises(CommandError, match="Nothing was loaded"):
        loadlist(state, "un", file)
    assert listed(state) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--source", "un"], "Say where"),
        (["--source", "un", "/nowhere/at/all"], "Nothing was loaded"),
        (["--source", "ofac", "/nowhere/at/all"], "sdn"),
    ],
)
def test_a_missing_file_is_told(
    state: models.Jurisdiction, arguments: list[str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("loadlist", "--jurisdiction", state.code, *arguments)


def test_an_unknown_jurisdiction_is_told(house: Any) -> None:
    with pytest.raises(CommandError, match="HOUSE_UNKNOWN"):
        call_command("loadlist", "--jurisdiction", "atlantis", "--source", "fictional")
