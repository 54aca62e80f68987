"""What `manage.py verify` finds when the books were forged, and that it names the row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from common import models
from common.ids import show
from ledger import invariants, operations
from ledger.operations import NewEntry
from tests.faults.forgery import Run, change, delete, forging, move, seal_again, sign, verify
from tests.ledger.books import AT, DAY, Books

ANNA, BORIS = "client_cash:cli_anna", "client_cash:cli_boris"


class Kept:
    """Books with two closed days and an open one, whose rows a forger asks for by name."""

    def __init__(self, books: Books) -> None:
        self.accounts, self.book = books.accounts, books.book_id
        self.first = self._deposit(books, ANNA, "100")
        mistake = self._deposit(books, BORIS, "7")
        with books.acting():
            self.reversal = operations.reverse_entry(entry_id=mistake, at=AT, reason="mistyped").id
            anna = books.accounts[ANNA]
            self.hold = operations.place_hold(account_id=anna, amount=Decimal(10), at=AT)
            close = operations.close_day(book_id=self.book, business_date=DAY, at=AT)
            self.first_close = close.id
        self.second = self._deposit(books, ANNA, "5")
        self.last_sealed = self._deposit(books, BORIS, "6")
        with books.acting():
            day = DAY + timedelta(1)
            self.last_close = operations.close_day(book_id=self.book, business_date=day, at=AT).id
            self.cut = operations.take_cut(book_id=self.book, at=AT).id
        self.open = self._deposit(books, BORIS, "3")

    @staticmethod
    def _deposit(books: Books, account: str, amount: str) -> UUID:
        return books.post("deposit", ("segregated_nostro", amount), (account, f"-{amount}")).id


Plant = Callable[[Run, Kept], str]
Rule = Callable[[], Iterator[invariants.Violation]]


# --- The plants: each forges and returns how the row is named ------------------------------------


def a_posting_changed(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_posting SET amount = amount + 1 WHERE entry_id = %s AND line = 1", kept.open)
    return show("ent", kept.open)


def a_balance_off_by_the_smallest_unit(run: Run, kept: Kept) -> str:
    account = kept.accounts[ANNA]
    run("UPDATE ledger_balance SET balance = balance + 1e-18 WHERE account_id = %s", account)
    return show("acc", account)


def an_unbalanced_entry_well_signed(run: Run, kept: Kept) -> str:
    capital = kept.accounts["capital"]
    entry = NewEntry("capital", AT, []).id
    run(
        "INSERT INTO ledger_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', %s)"
        " )).* FROM ledger_entry e WHERE e.id = %s", entry, kept.open)  # fmt: skip
    run(
        "INSERT INTO ledger_posting (bank_id, entry_id, line, account_id, asset_id, amount,"
        " business_date) SELECT bank_id, id, 1, %s, 'RUB', -1, business_date FROM ledger_entry"
        " WHERE id = %s", capital, entry)  # fmt: skip
    sign(run, entry)
    return show("ent", entry)


def two_postings_and_both_balances_changed(run: Run, kept: Kept) -> str:
    change(run, kept.open, by="1")
    return show("ent", kept.open)


def the_same_in_a_closed_day_and_signed(run: Run, kept: Kept) -> str:
    change(run, kept.second, by="1")
    sign(run, kept.second)
    return show("ent", kept.second)


def the_same_and_the_day_sealed_again(run: Run, kept: Kept) -> str:
    change(run, kept.second, by="1")
    sign(run, kept.second)
    run("UPDATE ledger_snapshot SET debit = debit + 1, balance = balance + 1 WHERE close_id = %s"
        " AND debit > 0", kept.last_close)  # fmt: skip
    run("UPDATE ledger_snapshot SET credit = credit + 1, balance = balance + 1 WHERE close_id = %s"
        " AND account_id = %s", kept.last_close, kept.accounts[ANNA])  # fmt: skip
    run(
        "UPDATE ledger_dayclose c SET trial_balance = (SELECT jsonb_agg(jsonb_build_object("
        " 'line', line, 'asset', asset_id, 'debit', trim_scale(debit)::text, 'credit',"
        " trim_scale(credit)::text, 'balance', trim_scale(balance)::text) ORDER BY line, asset_id)"
        " FROM ledger_trial_balance(c.book_id, c.business_date)) WHERE id = %s", kept.last_close
    )  # fmt: skip
    seal_again(run, kept.last_close)
    return show("cls", kept.last_close)


def an_entry_of_a_closed_day_deleted(run: Run, kept: Kept) -> str:
    delete(run, kept.first)
    return show("ent", kept.first)


def the_last_entry_of_a_closed_day_cut_off(run: Run, kept: Kept) -> str:
    delete(run, kept.last_sealed)
    return show("ent", kept.last_sealed)


def the_same_with_its_link(run: Run, kept: Kept) -> str:
    delete(run, kept.last_sealed)
    run("DELETE FROM ledger_chainlink WHERE entry_id = %s", kept.last_sealed)
    return show("cls", kept.last_close)


def the_same_and_the_shorter_day_sealed_again(run: Run, kept: Kept) -> str:
    delete(run, kept.last_sealed)
    seal_again(run, kept.last_close)
    return show("cls", kept.last_close)


def the_last_closed_day_cut_off_whole(run: Run, kept: Kept) -> str:
    """With its close, its snapshots and all that came after it; the book stands at it again."""
    for entry in (kept.open, kept.last_sealed, kept.second):
        delete(run, entry)
    for table in ("ledger_chainlink", "ledger_snapshot"):
        run(f"DELETE FROM {table} WHERE close_id = %s", kept.last_close)
    run("DELETE FROM ledger_dayclose WHERE id = %s", kept.last_close)
    run("UPDATE ledger_book SET open_date = open_date - 1 WHERE id = %s", kept.book)
    return show("cls", kept.last_close)


def the_first_closed_day_taken_out(run: Run, kept: Kept) -> str:
    run("DELETE FROM ledger_dayclose WHERE id = %s", kept.first_close)
    return show("cls", kept.last_close)


def the_head_of_a_close_changed(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_dayclose SET head = sha256(head) WHERE id = %s", kept.first_close)
    return show("cls", kept.first_close)


def a_link_of_the_chain_changed(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_chainlink SET link = sha256(link) WHERE entry_id = %s", kept.second)
    return show("ent", kept.second)


def a_sealed_digest_changed(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_chainlink SET digest = sha256(digest) WHERE entry_id = %s", kept.second)
    return show("ent", kept.second)


def an_entry_moved_into_a_closed_day(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_entry SET business_date = %s WHERE id = %s", DAY, kept.open)
    run("UPDATE ledger_posting SET business_date = %s WHERE entry_id = %s", DAY, kept.open)
    sign(run, kept.open)
    return show("ent", kept.open)


def an_entry_moved_to_a_day_that_never_opened(run: Run, kept: Kept) -> str:
    day = date(2023, 1, 1)
    run("UPDATE ledger_entry SET business_date = %s WHERE id = %s", day, kept.open)
    run("UPDATE ledger_posting SET business_date = %s WHERE entry_id = %s", day, kept.open)
    sign(run, kept.open)
    return show("bok", kept.book)


def a_reversal_of_something_else(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_entry SET reverses_id = %s WHERE id = %s", kept.first, kept.open)
    sign(run, kept.open)
    return show("ent", kept.open)


def a_reversal_of_a_part(run: Run, kept: Kept) -> str:
    change(run, kept.reversal, by="1")
    sign(run, kept.reversal)
    return show("ent", kept.reversal)


def an_entry_without_postings(run: Run, kept: Kept) -> str:
    for posting, account, amount in run(
        "DELETE FROM ledger_posting WHERE entry_id = %s RETURNING id, account_id, -amount",
        kept.open,
    ):
        move(run, account, str(amount), posting)
    sign(run, kept.open)
    return show("ent", kept.open)


def postings_without_an_entry(run: Run, kept: Kept) -> str:
    run("DELETE FROM ledger_entry WHERE id = %s", kept.open)
    return f"posting {run('SELECT max(id) FROM ledger_posting')[0][0]}"


def a_running_balance_changed(run: Run, kept: Kept) -> str:
    rows = run(
        "UPDATE ledger_posting SET balance_after = balance_after + 1 WHERE entry_id = %s"
        " AND line = 1 RETURNING id", kept.open)  # fmt: skip
    sign(run, kept.open)
    return f"posting {rows[0][0]}"


def one_side_of_the_book_heavier(run: Run, kept: Kept) -> str:
    an_unbalanced_entry_well_signed(run, kept)
    return show("bok", kept.book)


def clients_money_among_the_banks_own(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_posting SET account_id = %s WHERE entry_id = %s AND account_id = %s",
        kept.accounts["own_nostro"], kept.second, kept.accounts["segregated_nostro"])  # fmt: skip
    return show("cls", kept.last_close)


def two_postings_in_another_asset(run: Run, kept: Kept) -> str:
    rows = run(
        "UPDATE ledger_posting SET asset_id = 'USD' WHERE entry_id = %s RETURNING id", kept.open
    )
    sign(run, kept.open)
    return f"posting {rows[0][0]}"


def an_account_kept_as_another_kind(run: Run, kept: Kept) -> str:
    account = kept.accounts["fees"]
    run("UPDATE ledger_account SET line = 'client_cash', owner = 'cli_c' WHERE id = %s", account)
    return show("acc", account)


def an_account_overdrawn(run: Run, kept: Kept) -> str:
    account = kept.accounts[ANNA]
    run("UPDATE ledger_hold SET amount = 1000 WHERE id = %s", kept.hold)
    run("UPDATE ledger_balance SET held = 1000 WHERE account_id = %s", account)
    return show("acc", account)


def a_holds_amount_changed(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_hold SET amount = amount - 1 WHERE id = %s", kept.hold)
    return show("acc", kept.accounts[ANNA])


def a_hold_voided_without_an_end(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_hold SET status = 'VOIDED' WHERE id = %s", kept.hold)
    run("UPDATE ledger_balance SET held = 0 WHERE account_id = %s", kept.accounts[ANNA])
    return show("hld", kept.hold)


def a_snapshots_balance_changed(run: Run, kept: Kept) -> str:
    return _snapshot(run, kept, "UPDATE ledger_snapshot SET balance = balance + 1")


def a_snapshots_turnovers_changed(run: Run, kept: Kept) -> str:
    change = "UPDATE ledger_snapshot SET debit = debit + 1, credit = credit + 1"
    return _snapshot(run, kept, change)


def _snapshot(run: Run, kept: Kept, change: str) -> str:
    account = kept.accounts[ANNA]
    rows = run(f"{change} WHERE account_id = %s AND close_id = %s RETURNING id",
               account, kept.last_close)  # fmt: skip
    return f"snapshot {rows[0][0]}"


def a_snapshot_deleted(run: Run, kept: Kept) -> str:
    account = kept.accounts[ANNA]
    run("DELETE FROM ledger_snapshot WHERE account_id = %s", account)
    return show("acc", account)


def a_trial_balance_changed(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_dayclose SET trial_balance = jsonb_set(trial_balance, '{0,debit}', '\"1\"')"
        " WHERE id = %s", kept.last_close)  # fmt: skip
    return show("cls", kept.last_close)


def a_cut_changed(run: Run, kept: Kept) -> str:
    run("UPDATE ledger_cut SET low_txid = low_txid + 1 WHERE id = %s", kept.cut)
    return show("cut", kept.cut)


PLANTS: dict[Plant, Rule] = {
    a_posting_changed: invariants.every_entry_says_what_it_said,
    a_balance_off_by_the_smallest_unit: invariants.balances_are_the_sum_of_their_postings,
    an_unbalanced_entry_well_signed: invariants.every_entry_balances_in_every_asset,
    two_postings_and_both_balances_changed: invariants.every_entry_says_what_it_said,
    the_same_in_a_closed_day_and_signed: invariants.links_seal_their_entries,
    the_same_and_the_day_sealed_again: invariants.closes_are_what_was_announced,
    an_entry_of_a_closed_day_deleted: invariants.closed_days_are_whole,
    the_last_entry_of_a_closed_day_cut_off: invariants.closed_days_are_whole,
    the_same_with_its_link: invariants.closed_days_are_whole,
    the_same_and_the_shorter_day_sealed_again: invariants.closes_are_what_was_announced,
    the_last_closed_day_cut_off_whole: invariants.closes_are_what_was_announced,
    the_first_closed_day_taken_out: invariants.the_chain_of_closes_verifies,
    the_head_of_a_close_changed: invariants.the_chain_of_closes_verifies,
    a_link_of_the_chain_changed: invariants.links_seal_their_entries,
    a_sealed_digest_changed: invariants.links_seal_their_entries,
    an_entry_moved_into_a_closed_day: invariants.closed_days_are_whole,
    an_entry_moved_to_a_day_that_never_opened: invariants.the_chain_of_closes_verifies,
    a_reversal_of_something_else: invariants.reversals_mirror_their_originals,
    a_reversal_of_a_part: invariants.reversals_mirror_their_originals,
    an_entry_without_postings: invariants.every_entry_balances_in_every_asset,
    postings_without_an_entry: invariants.every_entry_balances_in_every_asset,
    a_running_balance_changed: invariants.running_balances_follow_their_postings,
    two_postings_in_another_asset: invariants.postings_agree_with_their_account_and_entry,
    an_account_kept_as_another_kind: invariants.accounts_are_kept_as_the_chart_says,
    one_side_of_the_book_heavier: invariants.debit_equals_credit_in_each_asset,
    clients_money_among_the_banks_own: invariants.due_is_zero_at_each_close,
    an_account_overdrawn: invariants.no_balance_is_overdrawn,
    a_holds_amount_changed: invariants.holds_are_what_is_held,
    a_hold_voided_without_an_end: invariants.holds_are_what_is_held,
    a_snapshots_balance_changed: invariants.snapshots_and_trial_balances_recompute,
    a_snapshots_turnovers_changed: invariants.snapshots_and_trial_balances_recompute,
    a_snapshot_deleted: invariants.snapshots_and_trial_balances_recompute,
    a_trial_balance_changed: invariants.snapshots_and_trial_balances_recompute,
    a_cut_changed: invariants.cuts_follow_each_other,
}


# --- The tests -----------------------------------------------------------------------------------


@pytest.fixture
def kept(books: Books) -> Kept:
    return Kept(books)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_verify_fails_and_names_the_row(bank: models.Bank, kept: Kept, plant: Plant) -> None:
    assert verify(bank.code) == ""
    with forging(bank.id) as run:
        row = plant(run, kept)
    rule = PLANTS[plant].__name__.replace("_", " ")
    assert f"{bank.code}: {rule}: {row}: " in verify(bank.code)


def test_every_invariant_of_the_books_is_seen_to_fail() -> None:
    assert set(PLANTS.values()) == set(invariants.INVARIANTS)


TEXTS = {
    "kind": "'gift'",
    "value_date": "value_date - 1",
    "at": "at - interval '1 microsecond'",
    "recorded_at": "recorded_at - interval '1 microsecond'",
    "txid": "txid + 1",
    "actor": "'usr_somebody'",
    "reason": "'no reason'",
    "request_id": "'req_another'",
    "ref": "'ord_another'",
}


@pytest.mark.parametrize("column", TEXTS)
def test_verify_fails_where_what_an_entry_says_was_changed(
    bank: models.Bank, kept: Kept, column: str
) -> None:
    with forging(bank.id) as run:
        run(f"UPDATE ledger_entry SET {column} = {TEXTS[column]} WHERE id = %s", kept.open)
    assert show("ent", kept.open) in verify(bank.code)


def test_a_forger_who_changes_nothing_is_not_accused(bank: models.Bank, kept: Kept) -> None:
    """The meter's zero: signing and sealing again what is true is no violation."""
    with forging(bank.id) as run:
        change(run, kept.open, by="0")
        sign(run, kept.open)
        seal_again(run, kept.last_close)
    assert verify(bank.code) == ""


def test_verify_of_ten_thousand_entries_takes_seconds(bank: models.Bank, books: Books) -> None:
    """Ten days of a thousand entries: a rule that is quadratic in either shows itself."""
    for day in range(10):
        with books.acting():
            for _ in range(10):
                lines = ("segregated_nostro", "1"), (ANNA, "-1")
                entries = [books.entry("deposit", *lines) for _ in range(100)]
                operations.post_entries(book_id=books.book_id, entries=entries)
            operations.close_day(book_id=books.book_id, business_date=DAY + timedelta(day), at=AT)
    began = time.monotonic()
    assert verify(bank.code) == ""
    took_s = time.monotonic() - began
    print(f"verify took {took_s:.2f} s")  # noqa: T201 (a measurement)
    assert took_s < 15
