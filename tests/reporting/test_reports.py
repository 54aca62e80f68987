"""What the two reports say, against SQL that knows nothing of them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from common import errors, ids, models, users
from desk.reports import DailyRegister
from kyc import operations as kyc
from reporting import queries
from reporting.models import ReportFile, ReportRun
from tax.reports import TaxWithheld
from tests.reporting import xsd
from tests.reporting.days import DAY, FIRST, SECOND, THIRD, Days

# Independently: each entry of the day that a fill or its reversal booked, by way of the ledger.
BOOKED = """
    SELECT perimeter_id('ent', e.id), perimeter_id('fil', f.id), e.reverses_id IS NOT NULL,
           f.quantity, f.price_rub, f.notional_rub, f.fee_rub
      FROM ledger_chainlink AS k JOIN ledger_dayclose AS d ON d.id = k.close_id
      JOIN ledger_entry AS e ON e.id = k.entry_id
      LEFT JOIN ledger_entry AS r ON r.id = e.reverses_id
      JOIN desk_fill AS f ON f.entry_id IN (e.id, r.id)
     WHERE d.business_date = %(day)s ORDER BY k.number
"""
WITHHELD = """
    SELECT perimeter_id('ent', e.id), -p.amount
      FROM ledger_chainlink AS k JOIN ledger_dayclose AS d ON d.id = k.close_id
      JOIN ledger_entry AS e ON e.id = k.entry_id
      JOIN ledger_posting AS p ON p.entry_id = e.id AND p.amount < 0
      JOIN ledger_account AS a ON a.id = p.account_id AND a.line = 'tax_payable'
     WHERE d.business_date BETWEEN %(first)s AND %(last)s ORDER BY k.number
"""


def rows_of(held: bytes) -> list[dict[str, str]]:
    """A CSV file's rows, which RFC 4180 ends with CRLF."""
    assert held.endswith(b"\r\n")
    assert held.count(b"\n") == held.count(b"\r\n")
    return list(csv.DictReader(io.StringIO(held.decode(), newline="")))


def elements_of(held: bytes, name: str) -> list[dict[str, str]]:
    """The attributes of an XML file's elements of that name."""
    tree = ElementTree.fromstring(held)  # noqa: S314
    return [dict(each.attrib) for each in tree.iter() if each.tag.rpartition("}")[2] == name]


# --- The daily register --------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "kinds"), [
    (FIRST, ["FILL"] * 5 + ["BUST"]), (SECOND, ["FILL", "BUST"]), (THIRD, ["FILL"]),
])  # fmt: skip
def test_the_register_of_a_day_holds_every_fill_and_bust_of_its_close_once(
    traded: Days, day: date, kinds: list[str]
) -> None:
    rows = rows_of(traded.bytes_of(traded.make("daily-register", day), "csv"))
    assert [row["kind"] for row in rows] == kinds
    told = [
        (row["entry_id"], row["fill_id"], row["kind"] == "BUST",
         *(Decimal(row[name]) for name in ("quantity", "price_rub", "notional_rub", "fee_rub")))
        for row in rows
    ]  # fmt: skip
    assert told == traded.rows(BOOKED, {"day": day})
    assert {row["date"] for row in rows} == {day.isoformat()}


def test_every_fill_is_in_exactly_one_register_and_every_bust_too(traded: Days) -> None:
    rows = [
        row
        for day in (FIRST, SECOND, THIRD)
        for row in rows_of(traded.bytes_of(traded.make("daily-register", day), "csv"))
    ]
    fills = sorted(ids.show("fil", fill.pk) for fill in traded.desk.fills())
    assert sorted(row["fill_id"] for row in rows if row["kind"] == "FILL") == fills
    busts = [row for row in rows if row["kind"] == "BUST"]
    assert [bust["date"] for bust in busts] == [FIRST.isoformat(), SECOND.isoformat()]
    for bust in busts:
        (filled,) = [row for row in rows if row["entry_id"] == bust["reverses_entry_id"]]
        assert (filled["date"], filled["kind"]) == (FIRST.isoformat(), "FILL")
        assert filled["fill_id"] == bust["fill_id"]


def test_a_fill_belongs_to_the_day_that_its_entry_was_booked_to_and_not_to_its_timestamp(
    traded: Days,
) -> None:
    rows = rows_of(traded.bytes_of(traded.make("daily-register", SECOND), "csv"))
    late = rows[0]
    assert (late["kind"], late["date"]) == ("FILL", "2022-02-25")
    assert late["at"].startswith("2022-02-24T15:00:00")


@pytest.mark.parametrize("report", ["daily-register", "tax-withheld"])
def test_both_formats_hold_the_same_rows(traded: Days, report: str) -> None:
    run = traded.make(report, FIRST)
    rows = rows_of(traded.bytes_of(run, "csv"))
    element = queries.report_of(run).element
    found = elements_of(traded.bytes_of(run, "xml"), element)
    assert rows
    assert found == [{name: cell for name, cell in row.items() if cell} for row in rows]


def test_a_clients_category_is_that_of_the_fills_moment(days: Days) -> None:
    desk = days.desk
    anna = desk.client("9000000")
    desk.buy(anna, quantity="0.1")
    days.close(FIRST)
    before = days.bytes_of(days.make("daily-register", FIRST), "csv")
    with desk.acting():
        kyc.qualify_client(
            client_id=anna.pk, ground="PROPERTY", shown_rub=Decimal(10**9), reason="seen",
            at=traded_at(SECOND),
        )  # fmt: skip
    desk.buy(anna, at=traded_at(SECOND), quantity="0.1")
    days.close(SECOND)
    after = rows_of(days.bytes_of(days.make("daily-register", SECOND), "csv"))
    assert [row["category"] for row in rows_of(before)] == ["NON_QUALIFIED"]
    assert [row["category"] for row in after] == ["QUALIFIED"]
    assert recomputed(days, FIRST) == hashlib.sha256(before).hexdigest()


def traded_at(day: date) -> Any:
    from tests.kyc.clients import AT  # noqa: PLC0415

    return AT + (day - FIRST)


def recomputed(days: Days, day: date) -> str:
    """The digest that the day's CSV register has when it is made again."""
    with days.desk.acting():
        run = ReportRun.objects.get(report="daily-register", first_date=day)
        file = ReportFile.objects.select_related("run").get(run=run, format="csv")
        return queries.recomputed(file)


@pytest.mark.parametrize("report", ["daily-register", "tax-withheld"])
def test_a_report_is_the_same_to_the_byte_when_made_again_though_life_went_on(
    traded: Days, report: str
) -> None:
    run = traded.make(report, FIRST)
    desk = traded.desk
    (sold,) = [f for f in desk.fills() if f.at.hour == 15 and f.quantity == Decimal("0.1")]
    sells_later = [f for f in desk.fills() if f.at.day == 26]
    for fill in [*sells_later, sold]:
        desk.bust(fill, at=traded_at(THIRD) + DAY)
    with desk.acting():
        for file in ReportFile.objects.select_related("run").filter(run=run):
            assert queries.recomputed(file) == file.sha256


def test_the_registers_totals_are_the_sums_of_its_rows(traded: Days) -> None:
    held = traded.bytes_of(traded.make("daily-register", FIRST), "xml")
    sums: dict[tuple[str, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for row in elements_of(held, "transaction"):
        key = (row["kind"], row["side"], row["asset"])
        added = [Decimal(1), *(Decimal(row[n]) for n in ("quantity", "notional_rub", "fee_rub"))]
        sums[key] = [a + b for a, b in zip(sums[key], added, strict=True)]
    totals = {
        (each["kind"], each["side"], each["asset"]): [
            Decimal(each[name]) for name in ("rows", "quantity", "notional_rub", "fee_rub")
        ]
        for each in elements_of(held, "total")
    }
    assert totals == sums


# --- Tax withheld --------------------------------------------------------------------------------


def test_the_tax_report_holds_every_withholding_of_the_period_once(traded: Days) -> None:
    rows = rows_of(traded.bytes_of(traded.make("tax-withheld", FIRST, THIRD), "csv"))
    told = [(row["entry_id"], Decimal(row["withheld_rub"])) for row in rows]
    assert told == traded.rows(WITHHELD, {"first": FIRST, "last": THIRD})
    assert len(told) == 2
    one = rows_of(traded.bytes_of(traded.make("tax-withheld", THIRD), "csv"))
    assert one == rows[1:]


def test_the_tax_reports_totals_by_day_of_remittance_are_those_of_the_postings(
    traded: Days,
) -> None:
    held = traded.bytes_of(traded.make("tax-withheld", FIRST, THIRD), "xml")
    posted = dict(traded.rows(WITHHELD, {"first": FIRST, "last": THIRD}))
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in elements_of(held, "withholding"):
        sums[row["remit_by"]] += posted[row["entry_id"]]
    totals = {t["remit_by"]: Decimal(t["withheld_rub"]) for t in elements_of(held, "total")}
    assert totals == sums
    assert sum(sums.values()) == sum(posted.values())


def test_the_tax_service_is_told_the_inn_and_it_is_kept_that_it_was(traded: Days) -> None:
    rows = rows_of(traded.bytes_of(traded.make("tax-withheld", FIRST, THIRD), "csv"))
    assert all(len(row["inn"]) == 12 for row in rows)
    with traded.desk.acting():
        events = models.OutboxEvent.objects.filter(topic="reporting.personal_data_written")
        told = [event.payload for event in events]
    assert {each["recipient"] for each in told} == {"tax_authority"}
    assert [each["rows"] for each in told] == [2, 2]


def test_the_register_names_no_person(traded: Days) -> None:
    names = {column.name for column in DailyRegister.columns}
    assert not names & {"inn", "name", "surname", "birth_date", "address"}
    assert (DailyRegister.personal, TaxWithheld.personal) == (False, True)
    assert DailyRegister.recipient is users.Role.SUPERVISOR
    assert TaxWithheld.recipient is users.Role.TAX_AUTHORITY


# --- Which periods there are ---------------------------------------------------------------------


@pytest.mark.parametrize(("report", "first", "last", "code"), [
    ("daily-register", FIRST, SECOND, "PERIOD_UNKNOWN"),
    ("tax-withheld", SECOND, FIRST, "PERIOD_UNKNOWN"),
    ("tax-withheld", date(2021, 1, 1), date(2022, 2, 24), "PERIOD_UNKNOWN"),
    ("daily-register", SECOND, SECOND, "PERIOD_NOT_CLOSED"),
    ("tax-withheld", FIRST, SECOND, "PERIOD_NOT_CLOSED"),
    ("daily-register", date(2022, 2, 23), date(2022, 2, 23), "PERIOD_NOT_CLOSED"),
    ("nothing", FIRST, FIRST, "REPORT_UNKNOWN"),
])  # fmt: skip
def test_a_report_is_refused(days: Days, report: str, first: date, last: date, code: str) -> None:
    days.close(FIRST)
    with pytest.raises(errors.Refused) as refused:
        days.request(report, first, last)
    assert refused.value.code == code


def test_a_bank_without_a_desk_has_nothing_to_report(bank: models.Bank) -> None:
    from tests.desk.desks import Desk  # noqa: PLC0415

    empty = Days(Desk(bank))
    with pytest.raises(errors.Refused, match="DESK_NOT_OPEN"):
        empty.request("daily-register", FIRST)
    with empty.desk.acting():
        assert (DailyRegister().due(), TaxWithheld().due()) == ([], [])


def test_a_month_is_due_when_its_last_business_day_is_closed(days: Days) -> None:
    month = date(2022, 2, 1), date(2022, 2, 28)
    for number in range(24, 29):
        with days.desk.acting():
            assert TaxWithheld().due() == []
        days.close(date(2022, 2, number))
    with days.desk.acting():
        assert [(each.first, each.last) for each in TaxWithheld().due()] == [month]
        assert len(DailyRegister().due()) == 5


# --- The files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("report", ["daily-register", "tax-withheld"])
def test_a_file_fits_its_schema_and_the_schema_refuses_what_does_not(
    traded: Days, report: str
) -> None:
    run = traded.make(report, FIRST)
    definition, held = queries.report_of(run), traded.bytes_of(run, "xml")
    assert xsd.faults(definition.schema, held) == []
    for right, wrong in (
        (b'withheld_rub="1190.00"' if report == "tax-withheld" else b'fee_rub="2148.19"',
         b'fee_rub="2148.190"'),
        (b'kind="', b'kin="'),
        (b"<rows>\n", b"<rows>\n<stray/>\n"),
        (b"</closes>", b"</closes><closes/>"),
        (b'version="1" bank', b'version="2" bank'),
    ):  # fmt: skip
        assert right in held, right
        assert xsd.faults(definition.schema, held.replace(right, wrong, 1)), wrong
