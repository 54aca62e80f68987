from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import ids

uuids = st.uuids(version=None)
SHOWN = ids.show("ord", UUID(int=2**128 - 1))


@given(uuids)
def test_shown_id_is_read_back(value: UUID) -> None:
    assert ids.parse("ord", ids.show("ord", value)) == value


@given(uuids, uuids)
def test_shown_ids_sort_as_their_uuids(a: UUID, b: UUID) -> None:
    assert (ids.show("ord", a) < ids.show("ord", b)) == (a < b)


def test_new_ids_are_version_7_and_sort_by_birth() -> None:
    born = [ids.new() for _ in range(100)]
    assert {value.version for value in born} == {7}
    assert born == sorted(born)


def test_the_largest_id_begins_with_7() -> None:
    assert SHOWN == "ord_7" + "z" * 25


@pytest.mark.parametrize("text", ["", "or_", "ORD" + SHOWN[3:], "cli" + SHOWN[3:], " " + SHOWN])
def test_wrong_prefix_is_named(text: str) -> None:
    with pytest.raises(ids.BadId, match="begins with ord_"):
        ids.parse("ord", text)


@pytest.mark.parametrize(
    "text",
    [
        "ord_",
        SHOWN + "\n",
        SHOWN + "0",
        SHOWN[:-1],
        SHOWN.upper().replace("ORD", "ord"),
        SHOWN.replace("7", "8"),
        *(SHOWN[:-1] + letter for letter in "ilou-_ ٣１\x00"),
        "ord_" + SHOWN,
        "ord_ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
)
def test_another_spelling_of_an_id_is_refused(text: str) -> None:
    with pytest.raises(ids.BadId, match="26 characters"):
        ids.parse("ord", text)
