"""Holds: what is reserved is not spent by others, and ends once: posted, voided or expired."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from common import errors, ids, models, users
from ledger import operations
from ledger.states import HOLD_TRANSITIONS, HoldStatus
from tests.ledger.books import AT, Books, open_books, run_at_once

pytestmark = pytest.mark.usefixtures("proven")

CASH, NOSTRO = "client_cash:cli_anna", "segregated_nostro"
SOON = AT + timedelta(minutes=1)
LATER = AT + timedelta(hours=1)
ROUNDS = 40


@pytest.fixture
def funded(books: Books) -> Books:
    """Anna and Boris have 100 roubles each."""
    books.deposit("cli_anna", "100.00")
    books.deposit("cli_boris", "100.00")
    return books


def spend(books: Books, amount: str, *holds: UUID) -> None:
    """Let Anna's roubles go, spending the holds."""
    books.post("payout", (CASH, amount), (NOSTRO, f"-{amount}"), holds=holds)


def void(books: Books, *holds: UUID) -> int:
    with books.acting():
        return operations.void_holds(holds=holds, at=LATER)


def expire(books: Books) -> int:
    with books.acting():
        return operations.expire_holds(at=LATER)


ENDS: dict[HoldStatus, Callable[[Books, UUID], object]] = {
    HoldStatus.POSTED: lambda books, hold: spend(books, "40.00", hold),
    HoldStatus.VOIDED: void,
    HoldStatus.EXPIRED: lambda books, _: expire(books),
}


def test_every_end_of_a_hold_is_tried_here() -> None:
    assert HOLD_TRANSITIONS[HoldStatus.PENDING] == ENDS.keys()
    assert not any(HOLD_TRANSITIONS[end] for end in ENDS)


@pytest.mark.parametrize("status", ENDS)
def test_a_hold_reserves_until_it_ends(funded: Books, status: HoldStatus) -> None:
    hold = funded.hold(CASH, "40.00", expires_at=LATER)
    placed = funded.hold_row(hold)
    assert (placed.status, placed.ended_at, placed.ended_by) == (HoldStatus.PENDING, None, "")
    assert funded.balance(CASH) == 100
    assert funded.held(CASH) == 40

    ENDS[status](funded, hold)

    ended = funded.hold_row(hold)
    assert ended.status == status
    assert ended.ended_at == (AT if status is HoldStatus.POSTED else LATER)
    assert ended.ended_by == "job:tests"
    assert (ended.entry_id is not None) == (status is HoldStatus.POSTED)
    assert funded.held(CASH) == 0
    assert funded.balance(CASH) == (60 if status is HoldStatus.POSTED else 100)


@pytest.mark.parametrize("status", ENDS)
def test_a_hold_that_has_ended_ends_no_more(funded: Books, status: HoldStatus) -> None:
    hold = funded.hold(CASH, "40.00", expires_at=LATER)
    pending = funded.hold(CASH, "5.00")
    ENDS[status](funded, hold)
    payout = funded.entry("payout", (CASH, "1.00"), (NOSTRO, "-1.00"))
    both = [pending, hold]

    for end in (
        partial(operations.void_holds, holds=both, at=LATER),
        partial(operations.post_entry, book_id=funded.book_id, entry=payout, holds=both),
        partial(operations.post_entries, book_id=funded.book_id, entries=[payout], holds=both),
    ):
        refused = funded.refusal(end)
        assert (refused.code, refused.facts) == (
            "HOLD_NOT_PENDING",
            {"hold": ids.show("hld", hold)},
        )
    assert expire(funded) == 0


def test_what_is_held_is_not_spent_by_others(funded: Books) -> None:
    hold = funded.hold(CASH, "40.00")
    more = funded.entry("payout", (CASH, "60.01"), (NOSTRO, "-60.01"))

    for attempt in (
        partial(operations.post_entry, book_id=funded.book_id, entry=more),
        partial(operations.post_entries, book_id=funded.book_id, entries=[more]),
        partial(
            operations.place_hold,
            account_id=funded.accounts[CASH],
            amount=Decimal("60.01"),
            at=AT,
        ),
    ):
        refused = funded.refusal(attempt)
        assert refused.code == "INSUFFICIENT_FUNDS"
        assert Decimal(refused.facts["available"]) == 60

    spend(funded, "60.00")
    spend(funded, "40.00", hold)
    assert funded.balance(CASH) == 0


def test_what_an_entry_leaves_of_its_hold_is_free_again(funded: Books) -> None:
    hold, other = funded.hold(CASH, "40.00"), funded.hold(CASH, "50.00")

    spend(funded, "15.00", hold)

    assert funded.balance(CASH) == 85
    assert funded.held(CASH) == 50
    assert funded.hold_row(hold).amount == 40
    assert funded.hold_row(other).status == HoldStatus.PENDING
    spend(funded, "35.00")


def test_an_entry_may_take_its_holds_and_what_is_free_beside_them(funded: Books) -> None:
    holds = [funded.hold(CASH, "30.00"), funded.hold(CASH, "50.00")]

    spend(funded, "100.00", *holds)

    assert funded.balance(CASH) == 0
    assert funded.held(CASH) == 0


def test_a_refused_entry_leaves_its_holds_pending(funded: Books) -> None:
    hold = funded.hold(CASH, "40.00")
    more = funded.entry("payout", (CASH, "100.01"), (NOSTRO, "-100.01"))

    refused = funded.refusal(
        partial(operations.post_entry, book_id=funded.book_id, entry=more, holds=[hold])
    )

    assert refused.code == "INSUFFICIENT_FUNDS"
    assert Decimal(refused.facts["available"]) == 100
    assert funded.hold_row(hold).status == HoldStatus.PENDING


def test_a_hold_expires_at_its_instant_and_not_before(funded: Books) -> None:
    moment = timedelta(microseconds=1)
    holds = [
        funded.hold(CASH, "1.00", expires_at=at) for at in (LATER - moment, LATER, LATER + moment)
    ]
    holds.append(funded.hold(CASH, "1.00"))

    assert expire(funded) == 2

    found = [funded.hold_row(hold).status for hold in holds]
    assert found == ["EXPIRED", "EXPIRED", "PENDING", "PENDING"]
    assert funded.held(CASH) == 2


def test_a_hold_that_has_run_out_is_not_spent_and_not_placed(funded: Books) -> None:
    hold = funded.hold(CASH, "1.00", expires_at=LATER)
    late = funded.entry("payout", (CASH, "1.00"), (NOSTRO, "-1.00"), at=LATER)

    for attempt in (
        partial(operations.post_entry, book_id=funded.book_id, entry=late, holds=[hold]),
        partial(operations.post_entries, book_id=funded.book_id, entries=[late], holds=[hold]),
        partial(
            operations.place_hold,
            account_id=funded.accounts[CASH],
            amount=Decimal("1.00"),
            at=LATER,
            expires_at=LATER,
        ),
    ):
        assert funded.refusal(attempt).code == "HOLD_EXPIRED"
    assert funded.hold_row(hold).status == HoldStatus.PENDING


def test_expiry_takes_the_oldest_first_up_to_its_limit(funded: Books) -> None:
    holds = [funded.hold(CASH, "1.00", expires_at=AT + timedelta(minutes=n)) for n in (3, 1, 2)]

    with funded.acting():
        assert operations.expire_holds(at=LATER, limit=2) == 2

    assert [funded.hold_row(hold).status for hold in holds] == ["PENDING", "EXPIRED", "EXPIRED"]


REFUSED = """
    nobodys                   1         ACCOUNT_UNKNOWN
    another_banks             1         ACCOUNT_UNKNOWN
    fees                      1         ACCOUNT_UNKNOWN
    client_cash:cli_anna      0         AMOUNT_INVALID
    client_cash:cli_anna      -1        AMOUNT_INVALID
    client_cash:cli_anna      0.001     AMOUNT_INVALID
    client_cash:cli_anna      NaN       AMOUNT_INVALID
    client_cash:cli_anna      Infinity  AMOUNT_INVALID
    client_cash:cli_anna      1e20      AMOUNT_INVALID
    client_cash:cli_anna      100.01    INSUFFICIENT_FUNDS
    own_nostro                0.01      INVENTORY_SHORT
"""


@pytest.mark.parametrize("row", REFUSED.strip().splitlines())
def test_a_hold_that_breaks_a_rule_is_refused(
    funded: Books, make_bank: Callable[[], models.Bank], row: str
) -> None:
    name, amount, code = row.split()
    other = make_bank()
    theirs = open_books(other.id, users.job("tests", other.id))
    accounts = {"nobodys": uuid4(), "another_banks": theirs.accounts[CASH], **funded.accounts}

    refused = funded.refusal(
        partial(operations.place_hold, account_id=accounts[name], amount=Decimal(amount), at=AT)
    )

    assert refused.code == code
    assert refused.facts["account"] == ids.show("acc", accounts[name])


def test_a_hold_of_another_bank_is_not_there(
    funded: Books, make_bank: Callable[[], models.Bank]
) -> None:
    other = make_bank()
    theirs = open_books(other.id, users.job("tests", other.id))
    theirs.deposit("cli_anna", "1.00")
    hold = theirs.hold(CASH, "1.00")

    refused = funded.refusal(partial(operations.void_holds, holds=[hold], at=AT))

    shown = ids.show("hld", hold)
    assert (refused.code, refused.facts) == ("HOLD_NOT_PENDING", {"hold": shown})


def test_a_hold_is_either_spent_or_expired_however_they_race(funded: Books) -> None:
    outcomes: set[str] = set()

    def spend_it(hold: UUID) -> None:
        try:
            spend(funded, "0.50", hold)
        except errors.Refused as refusal:
            if refusal.code != "HOLD_NOT_PENDING":
                raise

    for number in range(ROUNDS):
        hold = funded.hold(CASH, "1.00", expires_at=LATER)
        before = funded.balance(CASH)
        both = [partial(spend_it, hold), partial(expire, funded)]
        run_at_once(*(both if number % 2 else reversed(both)))  # each is the first in its turn
        status = funded.hold_row(hold).status
        spent = Decimal("0.50") if status == HoldStatus.POSTED else Decimal(0)
        assert funded.balance(CASH) == before - spent
        outcomes.add(status)

    assert funded.held(CASH) == 0
    assert outcomes == {HoldStatus.POSTED, HoldStatus.EXPIRED}


def test_expiry_and_entries_lock_in_one_order(funded: Books) -> None:
    """Entries over two accounts while holds on both expire, the later account's first."""
    boris = "client_cash:cli_boris"
    first, second = sorted((CASH, boris), key=lambda name: funded.accounts[name])

    def post_many() -> None:
        for n in range(ROUNDS):
            funded.post("move", (CASH, str((-1) ** n)), (boris, str(-((-1) ** n))))

    def expire_many() -> None:
        for _ in range(ROUNDS):
            funded.hold(first, "0.01", expires_at=LATER)
            funded.hold(second, "0.01", expires_at=SOON)
            expire(funded)

    run_at_once(post_many, post_many, expire_many)

    assert funded.held(CASH) == funded.held(boris) == 0
