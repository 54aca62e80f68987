"""What `manage.py verify` proves of tax, one function a rule; each names the row that breaks it.

Each runs inside one bank's read-only snapshot. Lots and years are recomputed from slices and
disposals; withholdings from the rule and the rulebook; the ledger is asked for the entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection

from common import clock, ids
from licensing import rulebooks
from tax import queries, withholding
from tax.models import Disposal, Lot, Remittance, TaxYear, Withholding

Violation = tuple[str, str]


def lots_are_left_what_was_not_taken() -> Iterator[Violation]:
    for lot, left, cost_left, due, cost_due in _rows(
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
    for disposal, quantity, cost, sliced, sliced_cost in _rows(
        "SELECT d.id, d.quantity, d.cost_rub, coalesce(sum(s.quantity), 0),"
        "       coalesce(sum(s.cost_rub), 0)"
        "  FROM tax_disposal d LEFT JOIN tax_disposalslice s ON s.disposal_id = d.id"
        " GROUP BY d.id HAVING d.quantity <> coalesce(sum(s.quantity), 0)"
        "     OR d.cost_rub <> coalesce(sum(s.cost_rub), 0)"
    ):
        shown = ids.show(Disposal.id_prefix, disposal)
        yield shown, f"is of {quantity} at {cost}, its slices of {sliced} at {sliced_cost}"
    for disposal, lot in _rows(
        "SELECT d.id, l.id FROM tax_disposalslice s JOIN tax_disposal d ON d.id = s.disposal_id"
        "  JOIN tax_lot l ON l.id = s.lot_id"
        " WHERE (d.client_id, d.asset_id) <> (l.client_id, l.asset_id) OR l.acquired_at > d.at"
    ):
        shown = ids.show(Disposal.id_prefix, disposal)
        yield shown, f"takes from {ids.show(Lot.id_prefix, lot)}, which it could not"


def years_are_the_sum_of_their_rows() -> Iterator[Violation]:
    for client, year, realised, withheld, results, sums in _rows(
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


def withholdings_follow_the_rule() -> Iterator[Violation]:
    rows = Withholding.objects.order_by("id").select_related("client")
    for row in rows.iterator():
        on = clock.business_date(row.at)
        rules = queries.Rules(rulebooks.load(row.regime), on)
        year_end = row.kind == Withholding.Kind.YEAR_END
        scale = rules.scale(
            kind=row.client.kind,
            residency=row.residency,
            on=date(row.year, 12, 31) if year_end else on,
        )
        if scale is None:
            yield (
                ids.show(Withholding.id_prefix, row.pk),
                "nothing is to be withheld of this client",
            )
            continue
        compute = {"base_rub": row.base_rub, "withheld_before_rub": row.withheld_before_rub}
        due = (
            withholding.at_year_end(**compute, available_rub=row.payout_rub, scale=scale)
            if year_end
            else withholding.at_payout(**compute, payout_rub=row.payout_rub, scale=scale)
        )
        if (row.cumulative_rub, row.withheld_rub) != (due.cumulative_rub, due.withheld_rub):
            shown = ids.show(Withholding.id_prefix, row.pk)
            yield shown, f"withheld {row.withheld_rub}, by the rule {due.withheld_rub}"


def what_was_withheld_and_remitted_is_in_the_books() -> Iterator[Violation]:
    for prefix, table, amount, sign in (
        (Withholding.id_prefix, "tax_withholding", "withheld_rub", -1),
        (Remittance.id_prefix, "tax_remittance", "amount_rub", 1),
    ):
        for row, stated, posted in _rows(
            f"SELECT t.id, t.{amount}, coalesce(sum(p.amount), 0) * %s"  # noqa: S608 (constants)
            f"  FROM {table} t LEFT JOIN (ledger_posting p JOIN ledger_account a"
            "        ON a.id = p.account_id AND a.line = 'tax_payable') ON p.entry_id = t.entry_id"
            f" GROUP BY t.id HAVING t.{amount} <> coalesce(sum(p.amount), 0) * %s",
            [sign, sign],
        ):
            yield ids.show(prefix, row), f"is of {stated}, its entry posts {posted}"
    for row, amount, withheld in _rows(
        "SELECT r.id, r.amount_rub, coalesce(sum(w.withheld_rub), 0) FROM tax_remittance r"
        "  LEFT JOIN tax_withholding w ON w.remittance_id = r.id"
        " GROUP BY r.id HAVING r.amount_rub <> coalesce(sum(w.withheld_rub), 0)"
    ):
        yield ids.show(Remittance.id_prefix, row), f"remits {amount}, withheld was {withheld}"


INVARIANTS = (
    lots_are_left_what_was_not_taken,
    disposals_are_the_sum_of_their_slices,
    years_are_the_sum_of_their_rows,
    withholdings_follow_the_rule,
    what_was_withheld_and_remitted_is_in_the_books,
)


def _rows(sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
