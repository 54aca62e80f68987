"""What `manage.py verify` finds when tax was forged or forgotten, and that it names the row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

import ledger.queries
import tax.operations
from common import ids, models
from common.ids import show
from desk import invariants as desk_invariants
from desk.models import Withdrawal
from kyc.models import Client
from tax import invariants
from tax.models import Disposal, DisposalSlice, Lot, Remittance, TaxYear, Withholding
from tax.operations import Withheld
from tests.desk.desks import Desk, open_desk
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.faults.forgery import verify
from tests.kyc.test_planted import Run, forging

FEBRUARY = datetime(2023, 2, 1, 9, 0, tzinfo=UTC)


class Kept:
    """A bank with Anna, of whom too much was withheld, and Boris, of whom something is missing."""

    def __init__(self, bank: models.Bank) -> None:
        self.bank, self.desk = bank, open_desk(bank)
        self.anna = self.gained("2000000")
        self.desk.withdraw(self.anna, "10000", at=RISEN_AT)
        self.desk.withdraw(self.anna, "100000", at=RISEN_AT)
        self.desk.sell(self.anna, at=RISEN_AT, quantity="0.1")
        self.desk.buy(self.anna, at=RISEN_AT, quantity="0.2")
        self.desk.sell(self.anna, at=RISEN_AT, quantity="0.2")  # the spread and the fees are lost
        self.boris = self.gained("600000")
        with self.desk.acting():
            book_id = ledger.queries.main_book()
            tax.operations.remit_tax(book_id=book_id, until=date(2022, 12, 31), at=RISEN_AT)
            tax.operations.withhold_year_end(book_id=book_id, year=2022, at=FEBRUARY)

    def gained(self, roubles: str) -> Client:
        """Return a client who bought twice at the low and sold the first half at the high."""
        client = self.desk.client(roubles, category="QUALIFIED")
        for _ in "ab":
            self.desk.buy(client, at=FALLEN_AT, quantity="0.1")
        self.desk.sell(client, at=RISEN_AT, quantity="0.1")
        return client

    def year(self, client: Client) -> TaxYear:
        with self.desk.acting():
            return TaxYear.objects.get(client=client)

    def first(self, client: Client) -> Withholding:
        with self.desk.acting():
            return Withholding.objects.filter(client=client).order_by("id")[0]


def a_lot_that_cost_less(run: Run, kept: Kept) -> str:
    with kept.desk.acting():
        lot = Lot.objects.filter(client=kept.boris).order_by("id")[1]
    run("UPDATE tax_lot SET cost_left_rub = cost_left_rub - 1 WHERE id = %s", lot.pk)
    return show("lot", lot.pk)


def a_disposal_that_cost_more(run: Run, kept: Kept) -> str:
    with kept.desk.acting():
        disposal = Disposal.objects.get(client=kept.boris)
    run(
        "UPDATE tax_disposal SET cost_rub = cost_rub + 1, result_rub = result_rub - 1"
        " WHERE id = %s",
        disposal.pk,
    )
    return show("dis", disposal.pk)


def a_later_lot_closed_first(run: Run, kept: Kept) -> str:
    """Both lots are alike, so that all sums stay right."""
    with kept.desk.acting():
        taken = DisposalSlice.objects.get(disposal__client=kept.boris)
        first, second = Lot.objects.filter(client=kept.boris).order_by("id")
    run("UPDATE tax_disposalslice SET lot_id = %s WHERE id = %s", second.pk, taken.pk)
    left = "UPDATE tax_lot SET quantity_left = %s, cost_left_rub = %s WHERE id = %s"
    run(left, first.quantity, first.cost_rub, first.pk)
    run(left, 0, 0, second.pk)
    return show("dis", taken.disposal_id)


def a_year_that_realised_more(run: Run, kept: Kept) -> str:
    run(
        "UPDATE tax_taxyear SET realised_rub = realised_rub + 1 WHERE client_id = %s", kept.boris.pk
    )
    return f"TaxYear 2022 of {show('cli', kept.boris.pk)}"


def less_withheld_too_much(run: Run, kept: Kept) -> str:
    row = kept.year(kept.anna)
    assert row.over_withheld_rub > 1
    run("UPDATE tax_taxyear SET over_withheld_rub = over_withheld_rub - 1 WHERE id = %s", row.pk)
    return show("txy", row.pk)


def nothing_missing(run: Run, kept: Kept) -> str:
    row = kept.year(kept.boris)
    assert row.not_withheld_rub > 0
    run("UPDATE tax_taxyear SET not_withheld_rub = 0, notice_date = NULL WHERE id = %s", row.pk)
    return show("txy", row.pk)


def no_notice(run: Run, kept: Kept) -> str:
    row = kept.year(kept.boris)
    run("UPDATE tax_taxyear SET notice_date = NULL WHERE id = %s", row.pk)
    return show("txy", row.pk)


def a_rouble_less_withheld(run: Run, kept: Kept) -> str:
    row = kept.first(kept.anna)
    run("UPDATE tax_withholding SET withheld_rub = withheld_rub - 1 WHERE id = %s", row.pk)
    return show("whd", row.pk)


def another_residency(run: Run, kept: Kept) -> str:
    row = kept.first(kept.anna)
    run("UPDATE tax_withholding SET residency = 'NON_RESIDENT' WHERE id = %s", row.pk)
    return show("whd", row.pk)


def more_remitted(run: Run, kept: Kept) -> str:
    with kept.desk.acting():
        remittance = Remittance.objects.get()
    run("UPDATE tax_remittance SET amount_rub = amount_rub + 1 WHERE id = %s", remittance.pk)
    return show("rem", remittance.pk)


def a_base_that_is_false(run: Run, kept: Kept) -> str:
    """A kopeck of the base changes no tax: only who adds up the sales anew sees it."""
    row = kept.first(kept.anna)
    run("UPDATE tax_withholding SET base_rub = base_rub - 0.01 WHERE id = %s", row.pk)
    return row.payout_ref


def a_withholding_of_another_payout(run: Run, kept: Kept) -> str:
    row = kept.first(kept.anna)
    run("UPDATE tax_withholding SET payout_ref = '' WHERE id = %s", row.pk)
    return row.payout_ref


PLANTS: dict[Callable[[Run, Kept], str], str] = {
    a_lot_that_cost_less: "lots_are_left_what_was_not_taken",
    a_disposal_that_cost_more: "disposals_are_the_sum_of_their_slices",
    a_later_lot_closed_first: "disposals_close_lots_first_in_first_out",
    a_year_that_realised_more: "years_are_the_sum_of_their_rows",
    less_withheld_too_much: "what_was_withheld_too_much_is_said",
    nothing_missing: "what_could_not_be_withheld_is_said",
    no_notice: "what_could_not_be_withheld_is_said",
    a_rouble_less_withheld: "withholdings_follow_the_rule",
    another_residency: "withholdings_follow_the_rule",
    more_remitted: "what_was_withheld_and_remitted_is_in_the_books",
    a_base_that_is_false: "payouts_bear_their_tax",
    a_withholding_of_another_payout: "payouts_bear_their_tax",
}
# What no other rule would have seen.
ALONE = {a_later_lot_closed_first, less_withheld_too_much, nothing_missing, a_base_that_is_false}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_forged_tax_is_named(bank: models.Bank, plant: Callable[[Run, Kept], str]) -> None:
    kept = Kept(bank)
    assert verify(bank.code) == ""
    with forging(bank) as run:
        named = plant(run, kept)
    complaints = verify(bank.code)
    rule = PLANTS[plant].replace("_", " ")
    assert f"{bank.code}: {rule}: {named}: " in complaints, complaints
    if plant in ALONE:
        accused = [line for line in complaints.splitlines() if line.startswith(f"{bank.code}: ")]
        assert all(line.startswith(f"{bank.code}: {rule}: ") for line in accused), complaints


def test_every_rule_of_tax_has_a_plant() -> None:
    rules = {rule.__name__ for rule in invariants.INVARIANTS}
    assert set(PLANTS.values()) == rules | {desk_invariants.payouts_bear_their_tax.__name__}


def test_a_bank_that_forgets_to_withhold_is_named(
    bank: models.Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books and the withdrawal agree that nothing was withheld; the sales do not."""

    def forget(*, payout_rub: Decimal, **_: object) -> Withheld:
        return Withheld(payout_rub, ())

    kept = Kept(bank)
    desk = Desk(bank)
    with monkeypatch.context() as fault:
        fault.setattr(tax.operations, "withhold_at_payout", forget)
        cleo = kept.gained("1000000")
        forgotten: Withdrawal = desk.withdraw(cleo, "50000", at=RISEN_AT)
    assert forgotten.tax_rub == 0
    shown = ids.show(Withdrawal.id_prefix, forgotten.pk)
    complaints = verify(bank.code)
    assert f"{bank.code}: payouts bear their tax: {shown}: nothing, by the rule " in complaints
