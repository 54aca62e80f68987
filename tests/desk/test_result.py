"""What the desk has made, as an accountant reckons it."""

from decimal import Decimal

from desk import result

D = Decimal
# The worked example of the books: 1 bitcoin bought at 2,900,000; 0.01 sold at 3,000,000, fee 150.
OWN = {
    ("position", "BTC"): D("0.99"),
    ("currency_position", "RUB"): D("-2870000"),
    ("fees", "RUB"): D(150),
}


def test_the_result_is_the_position_revalued_and_fees_less_expenses() -> None:
    prices = {"BTC": D(3_000_000)}
    assert result.exposure_rub(OWN, prices) == D(2_970_000)
    assert result.result_rub(OWN, prices) == D(100_150)
    spent = {**OWN, ("expense", "RUB"): D(50), ("other_income", "RUB"): D(1)}
    assert result.result_rub(spent, prices) == D(100_101)


def test_capital_is_no_profit() -> None:
    paid_in = {**OWN, ("capital", "RUB"): D(10**9)}
    assert result.result_rub(paid_in, {"BTC": D(3_000_000)}) == D(100_150)


def test_a_coin_without_a_price_leaves_the_result_unknown() -> None:
    assert result.result_rub(OWN, {"BTC": None}) is None
    assert result.exposure_rub(OWN, {}) is None
    assert result.result_rub({("position", "BTC"): D(0)}, {}) == 0
