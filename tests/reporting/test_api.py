"""Reports over HTTP, as a bank's staff and the officers of the state see them."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from common import ids, models, tenancy, users
from reporting.models import ReportFile, ReportRun
from tests.reporting.days import FIRST, SECOND, THIRD, Days

_numbers = itertools.count(1)
DAY = {"report": "daily-register", "first": "2022-02-24", "last": "2022-02-24"}


class Caller:
    """Somebody with a key that may do all that the role may."""

    def __init__(self, house: users.House, role: users.Role) -> None:
        with tenancy.acting(house.bank_id, house.office):
            user = users.create_user(
                username=f"{role.value}{next(_numbers)}".replace("_", "-"),
                name=role.value,
                role=role,
                password="a long walk on the quay",
            )
            now = timezone.now()
            _, key = users.issue_key(
                user_id=user.pk,
                name="robot",
                scopes=users.ROLES[role],
                expires_at=now + timedelta(days=1),
                at=now,
            )
        self.client = Client(headers={"Authorization": f"Bearer {key}"})

    def get(self, path: str, **headers: str) -> HttpResponseBase:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer: HttpResponseBase = self.client.get(f"/v1/{path}", headers=named)
        return answer

    def told(self, path: str, status: int = 200) -> Any:
        answer: Any = self.get(path)
        assert answer.status_code == status, answer.content
        return json.loads(answer.content)

    def post(self, body: dict[str, Any], key: str, status: int = 202) -> Any:
        answer = self.client.post(
            "/v1/report-runs",
            json.dumps(body),
            content_type="application/json",
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == status, answer.content
        return json.loads(answer.content)


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.fixture
def clerk(bank: models.Bank) -> Caller:
    return Caller(users.house_of(bank.code), users.Role.OPERATIONS)


def officer(bank: models.Bank, role: users.Role) -> Caller:
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        code = models.Jurisdiction.objects.get(pk=bank.jurisdiction_id).code
    return Caller(users.house_of(f"gov.{code}"), role)


def test_the_catalogue_says_what_there_is_and_for_whom(clerk: Caller) -> None:
    found = {each["code"]: each for each in clerk.told("reports")}
    assert found["daily-register"]["recipient"] == "supervisor"
    assert found["tax-withheld"]["recipient"] == "tax_authority"
    assert found["daily-register"]["columns"][:2] == ["date", "kind"]


def test_a_report_is_asked_for_made_and_downloaded(traded: Days, clerk: Caller) -> None:
    asked = clerk.post(DAY, key="one")
    assert (asked["status"], asked["progress"]["percent"]) == ("QUEUED", 0)
    assert [each["sha256"] for each in asked["files"]] == [None, None]
    assert clerk.post(DAY, key="one") == asked
    assert clerk.post(DAY, key="two")["id"] == asked["id"]
    traded.make("daily-register", FIRST)
    run = clerk.told(f"report-runs/{asked['id']}")
    assert (run["status"], run["progress"]["percent"], run["progress"]["rows"]) == ("DONE", 100, 6)
    (close,) = run["lineage"]["closes"]
    assert (close["number"], close["business_date"], len(close["head"])) == (1, "2022-02-24", 64)
    file = run["files"][0]
    answer = clerk.get(f"report-files/{file['id']}/content")
    held = content(answer)
    assert (hashlib.sha256(held).hexdigest(), len(held)) == (file["sha256"], file["size"])
    assert answer["ETag"] == f'"{file["sha256"]}"'
    assert answer["Content-Length"] == str(file["size"])
    assert answer["Content-Type"].startswith("text/csv")
    assert file["name"] in answer["Content-Disposition"]
    assert answer["Content-Disposition"].startswith("attachment")
    again = clerk.get(f"report-files/{file['id']}/content", If_None_Match=answer["ETag"])
    assert again.status_code == 304


def test_runs_are_listed_and_filtered(traded: Days, clerk: Caller) -> None:
    for day in (FIRST, SECOND):
        traded.make("daily-register", day)
    traded.request("tax-withheld", FIRST, THIRD)
    assert len(clerk.told("report-runs")["data"]) == 3
    (tax,) = clerk.told("report-runs?report=tax-withheld")["data"]
    assert (tax["status"], tax["progress"]["percent"]) == ("QUEUED", 0)
    page = clerk.told("report-runs?status=DONE&limit=1")
    assert (len(page["data"]), page["has_more"]) == (1, True)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"report": "nothing"}, 422, "REPORT_UNKNOWN"),
        ({"last": "2022-02-25"}, 422, "PERIOD_UNKNOWN"),
        ({"first": "2022-03-01", "last": "2022-03-01"}, 422, "PERIOD_NOT_CLOSED"),
        ({"first": "2022-02-30"}, 400, "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_reported_is_refused(
    traded: Days, clerk: Caller, changed: dict[str, str], status: int, code: str
) -> None:
    assert clerk.post({**DAY, **changed}, key="x", status=status)["code"] == code


def test_a_row_resolves_to_the_records_behind_it(traded: Days, clerk: Caller) -> None:
    run = traded.make("daily-register", FIRST)
    rows = list(csv.DictReader(io.StringIO(traded.bytes_of(run, "csv").decode())))
    path = f"report-runs/{ids.show('rep', run.pk)}/records"
    found = clerk.told(f"{path}?row=2")["records"]
    named = {each["kind"]: each["id"] for each in found}
    assert named == {
        "fil": rows[1]["fill_id"],
        "ord": rows[1]["order_id"],
        "ent": rows[1]["entry_id"],
    }
    assert found[0]["record"]["order_id"] == rows[1]["order_id"]
    assert clerk.told(f"{path}?row=7", status=404)["code"] == "NOT_FOUND"


# --- Whose they are ------------------------------------------------------------------------------


def test_an_officer_reads_what_is_addressed_to_the_office_and_nothing_else(
    traded: Days, bank: models.Bank
) -> None:
    register, tax = traded.make("daily-register", FIRST), traded.make("tax-withheld", FIRST, THIRD)
    for role, own, other in (
        (users.Role.SUPERVISOR, register, tax),
        (users.Role.TAX_AUTHORITY, tax, register),
    ):
        caller = officer(bank, role)
        listed = {each["id"] for each in caller.told("report-runs?limit=200")["data"]}
        assert ids.show("rep", own.pk) in listed
        assert ids.show("rep", other.pk) not in listed
        read = caller.get(f"report-files/{file_of(traded, own.pk)}/content")
        assert content(read) == traded.bytes_of(own, "csv")
        for path in (
            f"report-runs/{ids.show('rep', other.pk)}",
            f"report-files/{file_of(traded, other.pk)}/content",
        ):
            assert caller.told(path, status=404)["code"] == "NOT_FOUND"
    nobody = officer(bank, users.Role.FINANCIAL_INTELLIGENCE)
    assert nobody.told("report-runs")["data"] == []


def file_of(days: Days, run_id: UUID) -> str:
    with days.desk.acting():
        return ids.show("rpf", ReportFile.objects.get(run=run_id, format="csv").pk)


def test_an_officer_of_another_state_reads_nothing(traded: Days, make_state: Any) -> None:
    run = traded.make("daily-register", FIRST)
    state = make_state()
    for role in (users.Role.SUPERVISOR, users.Role.TAX_AUTHORITY):
        caller = Caller(users.house_of(f"gov.{state.code}"), role)
        assert caller.told("report-runs")["data"] == []
        assert caller.get(f"report-files/{file_of(traded, run.pk)}/content").status_code == 404


def test_the_supervisors_role_reads_no_chunk_of_a_report_to_another_office(
    traded: Days, bank: models.Bank
) -> None:
    traded.make("tax-withheld", FIRST, THIRD)
    register = traded.make("daily-register", FIRST)
    with tenancy.acting(None, users.supervisor_of(bank.jurisdiction_id)):
        from reporting.models import FileChunk  # noqa: PLC0415

        of_bank = FileChunk.objects.filter(bank_id=bank.pk)
        assert set(of_bank.values_list("file__run", flat=True)) == {register.pk}


def test_personal_data_are_read_by_those_who_run_reports_alone(
    traded: Days, bank: models.Bank
) -> None:
    tax, register = traded.make("tax-withheld", FIRST), traded.make("daily-register", FIRST)
    house = users.house_of(bank.code)
    for role, status in (
        (users.Role.OPERATIONS, 200),
        (users.Role.COMPLIANCE, 200),
        (users.Role.AUDITOR, 403),
        (users.Role.HEAD_OF_DESK, 403),
    ):
        caller = Caller(house, role)
        assert caller.get(f"report-files/{file_of(traded, tax.pk)}/content").status_code == status
        assert caller.get(f"report-files/{file_of(traded, register.pk)}/content").status_code == 200
    dealer = Caller(house, users.Role.DEALER)
    assert dealer.told("report-runs", status=403)["code"] == "SCOPE_MISSING"


def test_another_banks_run_and_file_are_not_found(traded: Days, make_bank: Any) -> None:
    run = traded.make("daily-register", FIRST)
    other = Caller(users.house_of(make_bank().code), users.Role.OPERATIONS)
    assert other.told(f"report-runs/{ids.show('rep', run.pk)}", status=404)
    assert other.told(f"report-files/{file_of(traded, run.pk)}/content", status=404)
    assert other.told("report-runs")["data"] == []


def test_a_file_that_is_being_made_is_not_there_yet(traded: Days, clerk: Caller) -> None:
    run: ReportRun = traded.request("daily-register", FIRST)
    assert clerk.told(f"report-files/{file_of(traded, run.pk)}/content", status=404)
