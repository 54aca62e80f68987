"""What a perimeter refuses, in its order of precedence; and how much a bank may hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from common import ids
from licensing import perimeter, rulebooks
from licensing.perimeter import Perimeter

NARROWED: Mapping[str, Any] = {"non_qualified_assets": frozenset({"BTC"})}
NOTHING: Mapping[str, Any] = {
    "activities": frozenset(),
    "categories": frozenset(),
    "assets": frozenset(),
    "non_qualified_assets": frozenset(),
}
SOLD: Mapping[str, str] = {"activity": "purchase", "asset": "LTC", "category": "NON_QUALIFIED"}
GRANTED = Perimeter(
    rulebook=rulebooks.load(rulebooks.DEFAULT),
    licence_id=ids.new(),
    licence_status="GRANTED",
    version=2,
    activities=frozenset({"cash", "custody", "exchange"}),
    categories=frozenset({"LEGAL_ENTITY", "NON_QUALIFIED", "QUALIFIED"}),
    assets=frozenset({"BTC", "LTC"}),
    non_qualified_assets=None,
    exposure_base="own_funds",
    exposure_limit_rub=Decimal(1),
)


@pytest.mark.parametrize(
    ("changed", "asked", "codes"),
    [
        ({}, {}, []),
        ({"licence_status": None}, {}, ["LICENCE_MISSING"]),
        ({"licence_status": "SUSPENDED"}, {}, ["LICENCE_SUSPENDED"]),
        ({"licence_status": "REVOKED"}, {}, ["LICENCE_REVOKED"]),
        ({"activities": frozenset({"cash", "exchange"})}, {}, ["ACTIVITY_NOT_PERMITTED"]),
        ({"activities": frozenset({"cash", "custody"})}, {}, ["ACTIVITY_NOT_PERMITTED"]),
        ({"activities": frozenset({"custody", "exchange"})}, {}, []),
        ({}, {"asset": "XRP"}, ["ASSET_NOT_ADMITTED"]),
        (NARROWED, {}, ["ASSET_NOT_FOR_CATEGORY"]),
        (NARROWED, {"asset": "BTC"}, []),
        (NARROWED, {"category": "QUALIFIED"}, []),
        (NARROWED, {"category": "LEGAL_ENTITY"}, []),
        (NARROWED, {"asset": None}, []),
        (NARROWED, {"asset": "XRP"}, ["ASSET_NOT_ADMITTED", "ASSET_NOT_FOR_CATEGORY"]),
        ({"categories": frozenset({"QUALIFIED"})}, {}, ["CATEGORY_NOT_PERMITTED"]),
        (
            NOTHING,
            {},
            [
                "ACTIVITY_NOT_PERMITTED",
                "ASSET_NOT_ADMITTED",
                "ASSET_NOT_FOR_CATEGORY",
                "CATEGORY_NOT_PERMITTED",
            ],
        ),
        (
            {**NOTHING, "licence_status": None},
            {},
            ["LICENCE_MISSING", "ASSET_NOT_ADMITTED", "ASSET_NOT_FOR_CATEGORY"],
        ),
    ],
)
def test_a_perimeter_refuses_by_its_codes_in_their_order(
    changed: Mapping[str, Any], asked: Mapping[str, Any], codes: list[str]
) -> None:
    seen = dataclasses.replace(GRANTED, **changed)
    assert seen.refusals(**{**SOLD, **asked}) == codes


@pytest.mark.parametrize("status", [None, "GRANTED", "SUSPENDED", "REVOKED"])
def test_clients_are_let_out_whatever_the_licence(status: str | None) -> None:
    seen = dataclasses.replace(GRANTED, **NOTHING, licence_status=status)
    assert seen.refusals(activity="cash_out", category="NON_QUALIFIED") == []


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (None, ["LICENCE_MISSING"]),
        ("GRANTED", []),
        ("SUSPENDED", ["LICENCE_SUSPENDED"]),
        ("REVOKED", []),
    ],
)
def test_a_client_sells_any_coin_that_is_held_whatever_the_category(
    status: str | None, codes: list[str]
) -> None:
    exchange = {**NOTHING, "activities": frozenset({"exchange"}), "licence_status": status}
    seen = dataclasses.replace(GRANTED, **exchange)
    assert seen.refusals(**{**SOLD, "activity": "sale"}) == codes


def test_a_client_sells_where_the_licence_permits_exchange() -> None:
    seen = dataclasses.replace(GRANTED, activities=frozenset({"cash", "custody"}))
    assert seen.refusals(**{**SOLD, "activity": "sale"}) == ["ACTIVITY_NOT_PERMITTED"]


@pytest.mark.parametrize(
    ("own", "share", "base", "limit"),
    [
        (None, "1", "2000000000", "2000000000.00"),
        (None, "0.01", "2000000000", "20000000.00"),
        (None, "0.01", "999.99", "9.99"),
        ("5000000", "0.01", "2000000000", "5000000"),
        ("50000000", "0.01", "2000000000", "20000000.00"),
        ("50000000", "0", "2000000000", "0.00"),
    ],
)
def test_the_exposure_is_the_regime_s_share_or_less_by_the_licence(
    own: str | None, share: str, base: str, limit: str
) -> None:
    granted = None if own is None else Decimal(own)
    found = perimeter.exposure_limit(granted, Decimal(share), Decimal(base))
    assert found == Decimal(limit)


@pytest.mark.parametrize(
    ("said", "assets"), [("all", None), ((), frozenset()), (("BTC",), frozenset({"BTC"}))]
)
def test_all_narrows_nothing_and_a_list_narrows_to_itself(said: Any, assets: Any) -> None:
    assert perimeter.narrowed(said) == assets
