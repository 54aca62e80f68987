"""What `test_state_machine` tries: steps as tuples of a method's name and what it is given."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

picks = st.integers(0, 5)  # of clients
lately = st.sampled_from([1, 1, 1, 1, 2, 2, 3, 4, 6])  # of rows, counted from the last
mostly = st.sampled_from([True] * 5 + [False])
deposits = st.sampled_from(["1000", "60000", "650000", "9000000"] * 3 + ["0", "0.001"])
payouts = st.sampled_from(["777.77", "10000", "all", "all", "3000000", "all+"] * 3 + ["0", "0.001"])
# "all" is what there is, "limit" what may still be bought for; with a "+", a little more than that.
MODEST = ["0.01 BTC", "0.0123 BTC", "30000.01 RUB", "half RUB", "third RUB"]
COINS = ["all BTC", "half BTC", "third BTC", "third BTC", "0.0123 BTC"]
BOLD = [
    *(f"{size} BTC" for size in ("0.1", "0.7", "all+", "0.00009999", "8.00000001", "0.000000001")),
    *(f"{size} RUB" for size in ("777777.77", "all", "all+", "limit", "limit+", "limit", "0.001")),
]
terms = st.sampled_from(
    [("FOK", ""), ("IOC", "")] * 4
    + [("FOK", "3015000"), ("IOC", "2864250"), ("IOC", "3015000.01")]
    + [(force, limit) for force in ("GTC", "DAY")
       for limit in ("2500000", "2864250", "3015000", "3300000.33")]
)  # fmt: skip
taxes = st.sampled_from(["remit all", "remit all", "remit", "end", "end late", "end too early"])
hows = st.sampled_from(["approve", "refuse", "settle", "settle"])
HOUR = timedelta(hours=1)
waits: st.SearchStrategy[timedelta | str] = st.sampled_from(
    [HOUR, 2 * HOUR, 3 * HOUR] * 2 + [timedelta(seconds=15), "midnight", "midnight", "new year"]
)


@dataclasses.dataclass(frozen=True)
class Line:
    """An order as drawn; what it comes to depends on what there is when it is sent."""

    pick: int
    buys: bool
    size: str
    terms: tuple[str, str]
    quoted: str


def lines(buys: list[bool], sizes: list[str]) -> st.SearchStrategy[Line]:
    quoted = st.sampled_from(["", "", "", "", "now 0.02", "now", "before"])
    return st.builds(Line, picks, st.sampled_from(buys), st.sampled_from(sizes), terms, quoted)


bought = lines([True], MODEST * 4 + BOLD * 2)
sold = lines([False], COINS * 10 + BOLD)
# Of each kind of step how often it is tried, and what it is given. One rule draws them all, for
# Hypothesis leaves out half of the rules in a run, and a bank that never sells bears no tax.
KINDS: dict[str, tuple[int, tuple[st.SearchStrategy[Any], ...]]] = {
    "wait": (6, (waits, mostly)),
    "deposit": (1, (picks, deposits, mostly)),
    "withdraw": (4, (picks, payouts, mostly)),
    "go_on": (4, (lately, hows, st.sampled_from([True, True, True, False]))),
    "trade": (10, (bought | sold,)),
    "place": (
        2,
        (st.lists(lines([True, False], MODEST + COINS + BOLD), min_size=2, max_size=3), mostly),
    ),
    "cancel": (1, (lately,)),
    "bust": (1, (lately,)),
    "see_to_taxes": (2, (taxes,)),
    "restock": (1, (st.sampled_from(["0.05", "0.1", "0.3", "1"]),)),
    "hinder": (1, (st.sampled_from(["freeze", "freeze", "suspend", "halt"]), picks, mostly)),
}
steps = st.sampled_from([name for name in KINDS for _ in range(KINDS[name][0])]).flatmap(
    lambda name: st.tuples(st.just(name), *KINDS[name][1])
)
