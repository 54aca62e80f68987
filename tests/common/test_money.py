import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import money

RUB = money.Asset("RUB", 2)
BTC = money.Asset("BTC", 8)

NOT_AMOUNTS = [
    "",
    " ",
    " 1",
    "1 ",
    "1\n",
    "+5",
    "-1",
    "-0",
    "1e3",
    "1E+2",
    "007",
    "00",
    "01.5",
    "1_000",
    "1,5",
    "1.",
    ".5",
    "1.2.3",
    "0x10",
    "NaN",
    "Infinity",
    "١٢٣",
    "１２３",
    "1\u200f",
    "\u202e1",
    "1\x00",
    "9" * 21,
    "9" * 40,
    "0." + "1" * 19,
]

amounts = st.decimals(
    min_value=Decimal(-(10**20) + 1), max_value=Decimal(10**20 - 1), places=8, allow_nan=False
)

small = st.decimals(min_value=-(10**15), max_value=10**15, places=8)


@pytest.mark.parametrize("text", NOT_AMOUNTS)
def test_malformed_amount_is_refused(text: str) -> None:
    with pytest.raises(money.BadAmount):
        money.parse_amount(text)


@pytest.mark.parametrize("text", ["0", "0.0", "1", "10", "1.50", "9" * 20 + "." + "9" * 18])
def test_amount_is_read_with_every_digit(text: str) -> None:
    assert str(money.parse_amount(text)) == text


def test_sign_is_read_only_where_asked() -> None:
    assert money.parse_amount("-1.5", signed=True) == Decimal("-1.5")
    with pytest.raises(money.BadAmount):
        money.parse_amount("-1.5")


@pytest.mark.parametrize("text", ["-0", "-0.00", "+1", "--1", "-", "-01", "- 1", "-1\n"])
def test_signed_amount_is_as_strict(text: str) -> None:
    with pytest.raises(money.BadAmount):
        money.parse_amount(text, signed=True)


@given(amounts)
def test_what_is_shown_is_read_back(amount: Decimal) -> None:
    text = money.show(amount, 8)
    assert money.parse_amount(text, signed=True) == amount
    assert money.show(money.parse_amount(text, signed=True), 8) == text


@pytest.mark.parametrize(
    ("amount", "scale", "shown"),
    [
        (Decimal("1E-8"), 8, "0.00000001"),
        (Decimal("1E+3"), 2, "1000.00"),
        (Decimal("-0"), 2, "0.00"),
        (Decimal("1.500000000000000000"), 2, "1.50"),
        (Decimal("7"), 0, "7"),
    ],
)
def test_amount_is_shown_at_its_scale_without_exponent(
    amount: Decimal, scale: int, shown: str
) -> None:
    assert money.show(amount, scale) == shown


def test_showing_never_rounds() -> None:
    with pytest.raises(money.BadAmount):
        money.show(Decimal("1.005"), 2)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+20", "-1E+20"])
def test_money_is_finite_and_fits_its_column(text: str) -> None:
    with pytest.raises(money.BadAmount):
        money.Money(Decimal(text), BTC)


def test_money_has_no_more_decimals_than_its_asset() -> None:
    assert money.Money(Decimal("0.010"), RUB).amount == Decimal("0.01")
    with pytest.raises(money.BadAmount):
        money.Money(Decimal("0.001"), RUB)


@pytest.mark.parametrize(
    "zero",
    [
        money.Money(Decimal("-0"), RUB),
        -money.Money(Decimal(0), RUB),
        money.Money(Decimal(1), RUB) - money.Money(Decimal(1), RUB),
    ],
)
def test_zero_money_has_no_sign(zero: money.Money) -> None:
    assert not zero.amount.is_signed()
    assert not zero


def test_assets_do_not_mix() -> None:
    rub, btc = money.Money(Decimal(1), RUB), money.Money(Decimal(1), BTC)
    assert rub != btc
    for mix in (
        lambda: rub + btc,
        lambda: rub - btc,
        lambda: rub < btc,
        lambda: rub <= btc,
        lambda: rub > btc,
        lambda: rub >= btc,
    ):
        with pytest.raises(TypeError, match="RUB and BTC"):
            mix()


def test_money_of_one_asset_is_ordered() -> None:
    one, two = money.Money(Decimal(1), RUB), money.Money(Decimal(2), RUB)
    assert one < two
    assert one <= two
    assert two > one
    assert two >= one
    assert not one > one
    assert str(one) == "1.00 RUB"


@given(small, small, small)
def test_sums_do_not_depend_on_their_order(a: Decimal, b: Decimal, c: Decimal) -> None:
    x, y, z = (money.Money(amount, BTC) for amount in (a, b, c))
    assert (x + y) + z == x + (y + z)
    assert x + y - y == x


def test_a_narrow_context_of_the_thread_changes_nothing() -> None:
    large = Decimal("12345678901234567890.123456789012345678")
    coin = money.Asset("COIN", 18)
    with decimal.localcontext(decimal.Context(prec=3)):
        doubled = money.Money(large, coin) + money.Money(large, coin)
        assert money.show(doubled.amount, 18) == "24691357802469135780.246913578024691356"
        assert f"{money.round_half_up(large, 2):f}" == "12345678901234567890.12"


def test_exact_arithmetic_refuses_to_round() -> None:
    with pytest.raises(decimal.Inexact):
        money.EXACT.divide(Decimal(1), Decimal(3))
    nines = Decimal("9" * 20 + "." + "9" * 18)
    assert money.EXACT.multiply(nines, nines) == Decimal(int("9" * 38) ** 2).scaleb(
        -36, context=money.EXACT
    )


@pytest.mark.parametrize(
    ("text", "half_up", "half_even", "down", "up"),
    [
        ("2.5", "3", "2", "2", "3"),
        ("-2.5", "-3", "-2", "-2", "-3"),
        ("3.5", "4", "4", "3", "4"),
        ("0.4", "0", "0", "0", "1"),
        ("-0.4", "0", "0", "0", "-1"),
        ("7", "7", "7", "7", "7"),
    ],
)
def test_each_rounding_does_what_its_name_says(
    text: str, half_up: str, half_even: str, down: str, up: str
) -> None:
    modes = (money.round_half_up, money.round_half_even, money.round_down, money.round_up)
    assert [str(mode(Decimal(text), 0)) for mode in modes] == [half_up, half_even, down, up]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1E+57"])
def test_only_amounts_are_rounded(text: str) -> None:
    with pytest.raises(money.BadAmount):
        money.round_down(Decimal(text), 2)
