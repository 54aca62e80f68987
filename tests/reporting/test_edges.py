"""Reports in the admin, from a terminal and in `manage.py verify`, each forgery named."""

from __future__ import annotations

import itertools
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse

from common import ids, models, tenancy, users
from reporting import invariants
from reporting.models import ReportFile, ReportRun
from tests.reporting.days import FIRST, SECOND, THIRD, Days

_numbers = itertools.count(1)
LIST = "/admin/reporting/reportrun/"


def session(days: Days, role: users.Role) -> Client:
    bank = days.desk.bank
    with tenancy.acting(bank.pk, users.job("office", bank.pk)):
        user = users.create_user(
            username=f"user{next(_numbers)}", name="Ann", role=role, password="a long walk home"
        )
    client = Client()
    with tenancy.acting(bank.pk, users.job("tests", bank.pk)):
        client.force_login(models.User.objects.get(pk=user.pk))
    return client


def ran(*arguments: str) -> str:
    out = StringIO()
    call_command("report", *arguments, stdout=out)
    return out.getvalue()


# --- The admin -----------------------------------------------------------------------------------


def test_the_page_of_a_run_shows_progress_lineage_and_downloads(traded: Days) -> None:
    run = traded.make("daily-register", FIRST)
    clerk = session(traded, users.Role.OPERATIONS)
    assert ids.show("rep", run.pk) in clerk.get(LIST).content.decode()
    page = clerk.get(f"{LIST}{run.pk}/change/").content.decode()
    assert '<progress max="100" value="100"' in page
    assert run.closes[0]["head"] in page
    with traded.desk.acting():
        file = ReportFile.objects.get(run=run, format="xml")
    there = reverse("admin:reporting_reportfile_content", args=[file.pk])
    assert f'href="{there}"' in page
    answer: Any = clerk.get(there)
    assert b"".join(answer.streaming_content) == traded.bytes_of(run, "xml")
    dealer = session(traded, users.Role.DEALER)
    assert dealer.get(there).status_code == 403
    assert dealer.get(LIST).status_code == 403


def test_a_report_is_run_from_the_admin_by_whoever_may(traded: Days) -> None:
    action = reverse("admin:reporting_reportrun_run_report")
    said = {
        "report": "daily-register",
        "first": "2022-02-25",
        "last": "2022-02-25",
        "_form_submitted": "True",
    }
    auditor = session(traded, users.Role.AUDITOR)
    assert auditor.post(action, said).status_code == 403
    with traded.desk.acting():
        assert not ReportRun.objects.exists()
    clerk = session(traded, users.Role.OPERATIONS)
    clerk.post(action, said)
    with traded.desk.acting():
        run = ReportRun.objects.get()
        assert (run.first_date, run.status, run.actor[:4]) == (SECOND, "QUEUED", "usr_")
        assert LogEntry.objects.filter(object_id=str(run.pk)).exists()
    clerk.post(action, {**said, "first": "2022-03-25", "last": "2022-03-25"})
    assert "Not run. Period not closed" in clerk.get(LIST).content.decode()


def test_personal_data_are_not_downloaded_by_the_auditor(traded: Days) -> None:
    run = traded.make("tax-withheld", FIRST)
    with traded.desk.acting():
        file = ReportFile.objects.get(run=run, format="csv")
    there = reverse("admin:reporting_reportfile_content", args=[file.pk])
    assert session(traded, users.Role.AUDITOR).get(there).status_code == 302
    assert session(traded, users.Role.COMPLIANCE).get(there).status_code == 200


# --- A terminal ----------------------------------------------------------------------------------


def test_a_report_is_run_listed_and_shown_from_a_terminal(traded: Days) -> None:
    code = traded.desk.bank.code
    assert "daily-register" in ran("list")
    said = ran("run", "daily-register", "--bank", code, "--first", "2022-02-24")
    assert "DONE, 100 %, 6 rows" in said
    with traded.desk.acting():
        run = ReportRun.objects.get()
        digests = ReportFile.objects.values_list("sha256", flat=True)
        assert all(digest in said for digest in digests)
    shown = ids.show("rep", run.pk)
    assert "100 %" in ran("list", "--bank", code)
    assert run.closes[0]["head"] in ran("show", shown, "--bank", code)
    again = ran("run", "daily-register", "--bank", code, "--first", "2022-02-24")
    assert shown in again


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "daily-register", "--first", "2022-03-01"), "Period not closed"),
        (("run", "nothing", "--first", "2022-02-24"), "Report unknown"),
        (("show", "rep_1"), "26 characters"),
    ],
)
def test_a_refusal_is_told_on_the_terminal(
    traded: Days, arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        ran(*arguments, "--bank", traded.desk.bank.code)


# --- verify --------------------------------------------------------------------------------------


def broken(days: Days) -> list[str]:
    """The rules that are broken in the bank."""
    with tenancy.acting(days.bank_id, days.actor, snapshot=True):
        return [rule.__name__ for rule in invariants.INVARIANTS if list(rule())]


def forge(days: Days, *statements: str) -> None:
    """Change rows as one who may switch the triggers off."""
    tables = ("reporting_filechunk", "reporting_reportfile")
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('perimeter.bank', %s, true)", [str(days.bank_id)])
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount > 0, statement
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_sound_reports_break_no_rule(traded: Days) -> None:
    traded.make("daily-register", FIRST)
    traded.make("tax-withheld", FIRST, THIRD)
    traded.request("daily-register", SECOND)
    assert broken(traded) == []
    call_command("verify", "--bank", traded.desk.bank.code, stdout=StringIO())


_FIRST_CHUNK = "(SELECT min(id) FROM reporting_filechunk WHERE part = 1)"
_OVER = "UPDATE reporting_filechunk SET content = overlay(content PLACING 'x'::bytea FROM 9)"
_REHASH = (
    "UPDATE reporting_reportfile f SET sha256 = (SELECT encode(sha256(string_agg(content, ''::bytea"
    " ORDER BY part, number)), 'hex') FROM reporting_filechunk c WHERE c.file_id = f.id)"
    " WHERE sha256 <> ''"
)


@pytest.mark.parametrize(
    ("statements", "rules"),
    [
        (
            (f"{_OVER} WHERE id = {_FIRST_CHUNK}",),
            ["files_are_what_their_digests_say"],
        ),
        (  # a forger who hashes again
            (f"{_OVER} WHERE id = {_FIRST_CHUNK}", _REHASH),
            ["latest_reports_are_the_same_when_made_again"],
        ),
        (
            (
                """UPDATE reporting_reportrun
                      SET closes = jsonb_set(closes, '{0,head}', to_jsonb(repeat('0', 64)))""",
            ),
            [
                "latest_reports_are_the_same_when_made_again",
                "runs_are_cut_at_closes_that_stand",
            ],
        ),
        (
            ("UPDATE reporting_reportpart SET status = 'WAITING' WHERE number = 1",),
            ["what_is_made_is_counted"],
        ),
        (
            ("UPDATE reporting_reportrun SET status = 'RUNNING'",),
            ["what_is_made_is_counted"],
        ),
        (  # a fill that is taken out of the day
            (
                "UPDATE desk_fill SET fee_rub = fee_rub + 1",
            ),
            ["latest_reports_are_the_same_when_made_again"],
        ),
    ],
)  # fmt: skip
def test_a_forgery_is_named(traded: Days, statements: tuple[str, ...], rules: list[str]) -> None:
    traded.make("daily-register", FIRST)
    forge(traded, *statements)
    assert broken(traded) == rules


def test_recomputing_ends_where_it_would_take_too_long(
    traded: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    traded.make("daily-register", FIRST)
    forge(traded, "UPDATE desk_fill SET fee_rub = fee_rub + 1")
    monkeypatch.setattr(invariants, "RECOMPUTED_ROWS", 2)
    assert broken(traded) == []
