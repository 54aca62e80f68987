"""What `manage.py verify` proves of tax, one function a rule; each names the row that breaks it.

Each runs inside one bank's read-only snapshot. Disposals are closed again from the lots, years
summed from disposals; withholdings, and what of a year is too much or missing, are reckoned by the
rulebook; the ledger is asked for the entries. That a payout bears its tax is the desk's to prove.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common import ids, statements
from tax import lots, queries, withholding
from tax.models import Disposal, Lot, Remittance, TaxYear, Withholding

Violation = tuple[str, str]


def lots_are_left_what_was_not_taken() -> Iterator[Violation]:
    for lot, left, cost_left, due, cost_due in statements.rows(
        "SELECT l.id, l.quantity_left, l.cost_left_rub,"
        "  CASE WHEN l.undone_at IS NULL THEN l.quantity - coalesce(s.quantity, 0) ELSE 0 END,"
        "  CASE WHEN l.undone_at IS NULL THEN l.cost_rub - coalesce(s.cost, 0) ELSE 0 END"
        " FROM tax_lot l LEFT JOIN ("
        "   SELECT s.lot_id, sum(s.quantity) AS quantity, sum(s.cost_rub) AS cost"
        "     FROM tax_disposalslice s JOIN tax_disposal d ON d.id = s.disposal_id"
        "    WHERE d.undone_at IS NULL GROUP BY s.lot_id) AS s ON s.lot_id = l.id"
    ):
        if (left, cost_left) != (due, cost_due):
            shown = ids.show(Lot.id_prefix, lot)
            yield shown, f"has {left} left at {cost_left}, its slices leave {due} at {cost_due}"


def disposals_are_the_sum_of_their_slices() -> Iterator[Violation]:
    for disposal, quantity, cost, sliced, sliced_cost in statements.rows(
        "SELECT d.id, d.quantity, d.cost_rub, coalesce(sum(s.quantity), 0),"
        "       coalesce(sum(s.cost_rub), 0)"
        "  FROM tax_disposal d LEFT JOIN tax_disposalslice s ON s.disposal_id = d.id"
        " GROUP BY d.id HAVING d.quantity <> coalesce(sum(s.quantity), 0)"
        "     OR d.cost_rub <> coalesce(sum(s.cost_rub), 0)"
    ):
        shown = ids.show(Disposal.id_prefix, disposal)
        yield shown, f"is of {quantity} at {cost}, its slices of {sliced} at {sliced_cost}"


def disposals_close_lots_first_in_first_out() -> Iterator[Violation]:
    """Close each client's lots again in the order of recording, that of the ids.

    The times need not be in that order: a sale may have waited behind a later purchase.
    """
    recorded = statements.rows(
        """
        SELECT client_id, asset_id, id, acquired_at, quantity, cost_rub,
               NULL::uuid[], NULL::numeric[], NULL::numeric[]
          FROM tax_lot WHERE undone_at IS NULL
         UNION ALL
        SELECT d.client_id, d.asset_id, d.id, d.at, d.quantity, 0,
               array_agg(s.lot_id ORDER BY s.id), array_agg(s.quantity ORDER BY s.id),
               array_agg(s.cost_rub ORDER BY s.id)
          FROM tax_disposal d JOIN tax_disposalslice s ON s.disposal_id = d.id
         WHERE d.undone_at IS NULL GROUP BY d.id
         ORDER BY 1, 2, 3
        """
    )
    for _, group in itertools.groupby(recorded, key=lambda row: row[:2]):
        held: list[tuple[datetime, lots.OpenLot]] = []
        for _, _, row, at, quantity, cost, *slices in group:
            if slices[0] is None:
                bisect.insort(held, (at, lots.OpenLot(row, quantity, cost)), key=_age)
                continue
            try:
                closed = lots.close([lot for _, lot in held], quantity)
            except lots.LotsShort as short:
                yield ids.show(Disposal.id_prefix, row), f"sells {short.missing} more than the lots"
                break
            due = [(each.lot_id, each.quantity, each.cost_rub) for each in closed]
            if due != list(zip(*slices, strict=True)):
                yield ids.show(Disposal.id_prefix, row), "does not close the lots that came first"
                break
            held = [(of, lot) for of, lot in held if lot.quantity_left]


def _age(held: tuple[datetime, lots.OpenLot]) -> tuple[datetime, UUID]:
    return held[0], held[1].id


def years_are_the_sum_of_their_rows() -> Iterator[Violation]:
    for client, year, realised, withheld, results, sums in statements.rows(
        "SELECT coalesce(y.client_id, d.client_id), coalesce(y.year, d.year), y.realised_rub,"
        "       y.withheld_rub, coalesce(d.result, 0), coalesce(w.withheld, 0)"
        "  FROM tax_taxyear y"
        "  FULL JOIN (SELECT client_id, year, sum(result_rub) AS result FROM tax_disposal"
        "              WHERE undone_at IS NULL GROUP BY client_id, year) d"
        "    ON d.client_id = y.client_id AND d.year = y.year"
        "  LEFT JOIN (SELECT client_id, year, sum(withheld_rub) AS withheld FROM tax_withholding"
        "              GROUP BY client_id, year) w"
        "    ON w.client_id = y.client_id AND w.year = y.year"
        " WHERE y.id IS NULL OR y.realised_rub <> coalesce(d.result, 0)"
        "    OR y.withheld_rub <> coalesce(w.withheld, 0)"
    ):
        shown = f"{TaxYear.__name__} {year} of {ids.show('cli', client)}"
        yield shown, f"says {realised} and {withheld}, its rows {results} and {sums}"


def what_was_withheld_too_much_is_said() -> Iterator[Violation]:
    """A year says what was withheld beyond its tax, by the rule that it was last withheld by."""
    years = TaxYear.objects.order_by("id").exclude(withheld_rub=0, over_withheld_rub=0)
    last = {(row.client_id, row.year): row for row in Withholding.objects.order_by("id").iterator()}
    for row in years.iterator():
        due, by = Decimal(0), last.get((row.client_id, row.year))
        if by is not None:
            scale = queries.rules_of(by).scale(kind="PERSON", residency=by.residency)
            tax = withholding.tax_on(row.realised_rub, scale) if scale else row.withheld_rub
            due = max(row.withheld_rub - tax, Decimal(0))
        if row.over_withheld_rub != due:
            shown = ids.show(TaxYear.id_prefix, row.pk)
            yield shown, f"says {row.over_withheld_rub} too much, by the rule {due}"


def what_could_not_be_withheld_is_said() -> Iterator[Violation]:
    """A year that was ended says what of its tax is missing; no other one does."""
    years = TaxYear.objects.order_by("id").select_related("client")
    rules = {
        year: queries.rules_of_year(year) for year in set(years.values_list("year", flat=True))
    }
    for row in years.iterator():
        due = Decimal(0)
        if row.closed_at is not None or row.notice_date is not None:
            scale = rules[row.year].scale(kind=row.client.kind, residency=row.client.residency)
            tax = withholding.tax_on(row.realised_rub, scale) if scale else row.withheld_rub
            due = max(tax - row.withheld_rub, Decimal(0))
        shown = ids.show(TaxYear.id_prefix, row.pk)
        if row.not_withheld_rub != due:
            yield shown, f"says {row.not_withheld_rub} is missing, by the rule {due}"
        if (row.notice_date is not None) != (due > 0):
            yield shown, f"misses {due}, of which notice is given by {row.notice_date}"


def withholdings_follow_the_rule() -> Iterator[Violation]:
    rows = Withholding.objects.order_by("id").select_related("client")
    for row in rows.iterator():
        rules = queries.rules_of(row)
        ended = row.kind == Withholding.Kind.YEAR_END
        so_far = withholding.YearSoFar(
            row.year,
            ended,
            row.base_rub,
            row.withheld_before_rub,
            rules.scale(kind=row.client.kind, residency=row.residency),
            row.regime,
        )
        due = so_far.due(row.payout_rub)
        if (row.cumulative_rub, row.withheld_rub) != (due.cumulative_rub, due.withheld_rub):
            shown = ids.show(Withholding.id_prefix, row.pk)
            yield shown, f"withheld {row.withheld_rub}, by the rule {due.withheld_rub}"


def what_was_withheld_and_remitted_is_in_the_books() -> Iterator[Violation]:
    for prefix, table, amount, sign in (
        (Withholding.id_prefix, "tax_withholding", "withheld_rub", -1),
        (Remittance.id_prefix, "tax_remittance", "amount_rub", 1),
    ):
        for row, stated, posted in statements.rows(
            # An entry may carry what is withheld of two years: the last of its rows is named.
            f"""
            SELECT t.id, t.amount, coalesce(p.amount, 0) * %s
              FROM (SELECT entry_id, max(id::text)::uuid AS id, sum({amount}) AS amount
                      FROM {table} GROUP BY entry_id) t
              LEFT JOIN (
                SELECT p.entry_id, sum(p.amount) AS amount FROM ledger_posting p
                  JOIN ledger_account a ON a.id = p.account_id AND a.line = 'tax_payable'
                 GROUP BY p.entry_id) p ON p.entry_id = t.entry_id
             WHERE t.amount <> coalesce(p.amount, 0) * %s
            """,  # noqa: S608 (constants)
            [sign, sign],
        ):
            yield ids.show(prefix, row), f"is of {stated}, its entry posts {posted}"
    for row, amount, withheld in statements.rows(
        "SELECT r.id, r.amount_rub, coalesce(sum(w.withheld_rub), 0) FROM tax_remittance r"
        "  LEFT JOIN tax_withholding w ON w.remittance_id = r.id"
        " GROUP BY r.id HAVING r.amount_rub <> coalesce(sum(w.withheld_rub), 0)"
    ):
        yield ids.show(Remittance.id_prefix, row), f"remits {amount}, withheld was {withheld}"


INVARIANTS = (
    lots_are_left_what_was_not_taken,
    disposals_are_the_sum_of_their_slices,
    disposals_close_lots_first_in_first_out,
    years_are_the_sum_of_their_rows,
    what_was_withheld_too_much_is_said,
    what_could_not_be_withheld_is_said,
    withholdings_follow_the_rule,
    what_was_withheld_and_remitted_is_in_the_books,
)
