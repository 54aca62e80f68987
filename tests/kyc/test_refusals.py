"""Every code that refuses what is entered of a client is explained in words."""

from datetime import date

import pytest

import kyc.operations.applications
import kyc.operations.rows
import kyc.operations.suitability
from common import errors
from kyc import identification, refusals
from licensing import rulebooks
from tests.codes import codes_in

_NO_REFUSAL = {"RU_PASSPORT", "FOREIGN_PASSPORT"}
_OF_THE_RULEBOOK = {"RULE_UNKNOWN"}


def test_every_code_has_its_words() -> None:
    modules = (
        identification,
        kyc.operations.applications,
        kyc.operations.rows,
        kyc.operations.suitability,
    )
    found = set[str]().union(*map(codes_in, modules)) - _NO_REFUSAL
    assert found | _OF_THE_RULEBOOK == set(refusals.WORDS)


def test_what_the_rulebook_does_not_say_is_named() -> None:
    with pytest.raises(errors.Refused) as told:
        rulebooks.load(rulebooks.DEFAULT).value("qualified_income_rub", date(2022, 2, 24))
    assert refusals.WORDS[told.value.code].format_map(told.value.facts) == (
        "The rulebook says nothing of qualified_income_rub on 2022-02-24."
    )
