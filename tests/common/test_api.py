"""What the API's edge takes and refuses: bodies, fields, queries, pages."""

import contextlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from common import api, errors, ids, models, money, tenancy, users
from tests.common import caller, edge_urls

pytestmark = pytest.mark.urls("tests.common.edge_urls")

ACCOUNT = ids.show("acc", UUID(int=1))


@pytest.fixture(scope="module")
def clerk(make_bank: Callable[[], models.Bank]) -> caller.Caller:
    return caller.Caller(make_bank())


def short(value: object) -> str:
    """Name a test's case without its two megabytes."""
    return repr(value)[:40]


# --- Bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code", "named"),
    [
        (b'{"name": 1, "name": 2}', 400, "JSON_KEY_TWICE", '"name"'),
        (b'{"lines": [{"a/b": 1, "a/b": 2}]}', 400, "JSON_KEY_TWICE", "/lines/0/a~1b"),
        (b'{"n\\u0061me": 1, "name": 2}', 400, "JSON_KEY_TWICE", "/name"),
        (b"[" * 10_000, 400, "JSON_TOO_DEEP", "32"),
        (b'{"a":' * 10_000, 400, "JSON_TOO_DEEP", "32"),
        (b'{"anything":' + b"[" * 32 + b"]" * 32 + b"}", 400, "JSON_TOO_DEEP", "32"),
        (b'"' + b'\\"' * 500_000, 400, "JSON_MALFORMED", "Unterminated"),
        (b'{"name": "' + b"x" * 2 * 1024 * 1024 + b'"}', 413, "BODY_TOO_LARGE", "1048576"),
        (b'{"name": "a\\u0000b"}', 400, "JSON_CHARACTER_REFUSED", "/name"),
        (b'{"anything": [0, "\\ud800"]}', 400, "JSON_CHARACTER_REFUSED", "/anything/1"),
        (b'{"anything": {"\\udfff": 1}}', 400, "JSON_CHARACTER_REFUSED", "/anything/\\udfff"),
        (b'{"name": "a\x00b"}', 400, "JSON_MALFORMED", "control character"),
        (b'{"name": "\xff"}', 400, "BODY_NOT_UTF8", "byte 10"),
        (b'{"name": "\xed\xa0\x80"}', 400, "BODY_NOT_UTF8", "byte 10"),
        ('{"name": "a"}'.encode("utf-16"), 400, "BODY_NOT_UTF8", "byte 0"),
        (b'\xef\xbb\xbf{"name": "a"}', 400, "JSON_MALFORMED", "BOM"),
        (b'{"anything": NaN}', 400, "JSON_NUMBER_REFUSED", "/anything"),
        (b'{"anything": -Infinity}', 400, "JSON_NUMBER_REFUSED", "/anything"),
        (b'{"anything": 1e400}', 400, "JSON_NUMBER_REFUSED", "/anything"),
        (b'{"anything": 1e-400}', 400, "JSON_NUMBER_REFUSED", "/anything"),
        (b'{"anything": 1e99999999999999999999}', 400, "JSON_NUMBER_REFUSED", "38 digits"),
        (b'{"anything": ' + b"9" * 5000 + b"}", 400, "JSON_NUMBER_REFUSED", "/anything"),
        (b'{"anything": 0.' + b"1" * 100_000 + b"}", 400, "JSON_NUMBER_REFUSED", "/anything"),
        (b"[]", 400, "JSON_NOT_AN_OBJECT", "object"),
        (b'"name"', 400, "JSON_NOT_AN_OBJECT", "object"),
        (b"null", 400, "JSON_NOT_AN_OBJECT", "object"),
        (b"{'name': 1}", 400, "JSON_MALFORMED", "line 1, column 2"),
        (b'{"name": 01}', 400, "JSON_MALFORMED", "column 11"),
        (b'{"name": "a"} {}', 400, "JSON_MALFORMED", "Extra data"),
        (b'{"name": "a",}', 400, "JSON_MALFORMED", "column"),
        (b"%7B%7D", 400, "JSON_MALFORMED", "Expecting value"),
    ],
    ids=short,
)
def test_a_body_that_is_no_plain_json_is_refused_by_name(
    clerk: caller.Caller, body: bytes, status: int, code: str, named: str
) -> None:
    response = clerk.post(body)
    told = caller.problem(response)
    assert (told["status"], told["code"]) == (status, code)
    assert named in json.dumps(told["errors"]).replace('\\"', '"')


def test_depth_and_size_are_taken_up_to_their_limits() -> None:
    deep = b'{"a":' * api.MAX_DEPTH + b"1" + b"}" * api.MAX_DEPTH
    assert api.read_json(deep)
    wide = b'{"a":"' + b"[" * (api.MAX_BODY - 8) + b'"}'
    assert len(wide) == api.MAX_BODY
    assert api.read_json(wide)
    with pytest.raises(errors.Malformed, match="BODY_TOO_LARGE"):
        api.read_json(wide + b" ")


def test_numbers_keep_every_digit() -> None:
    read = api.read_json(b'{"a": 123456789012345678.12345678, "b": -9007199254740993, "c": -1e3}')
    assert read == {
        "a": Decimal("123456789012345678.12345678"),
        "b": -9007199254740993,
        "c": Decimal(-1000),
    }


storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**37), 10**37) | storable,
    lambda inner: st.lists(inner) | st.dictionaries(storable, inner),
    max_leaves=20,
)


@given(st.dictionaries(storable, plain), st.booleans())
def test_plain_json_is_read_as_everybody_reads_it(value: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert api.read_json(body) == value


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0d8e19.-tf ').map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(errors.Malformed):
        assert isinstance(api.read_json(body), dict)


# --- Bodies of undeclared length -----------------------------------------------------------------


def call(clerk: caller.Caller, body: io.BytesIO, **environ: Any) -> tuple[int, dict[str, Any]]:
    """Write a note by WSGI, without a length unless one is given; return status and document."""
    statuses: list[str] = []

    def start_response(status: str, _headers: Any, _exc_info: Any = None) -> Any:
        statuses.append(status)

    request = RequestFactory().generic("POST", "/v1/notes", b"{}", "application/json")
    sent = request.environ | {
        "HTTP_AUTHORIZATION": f"Bearer {clerk.key}",
        "HTTP_IDEMPOTENCY_KEY": str(ids.new()),
        "CONTENT_LENGTH": "",
        "wsgi.input": body,
        **environ,
    }
    chunks = api.bounded(WSGIHandler())(sent, start_response)
    return int(statuses[0][:3]), json.loads(b"".join(chunks))


TERMINATED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


def test_a_body_of_undeclared_length_is_read(clerk: caller.Caller) -> None:
    status, answer = call(clerk, io.BytesIO(b'{"name": "chunked"}'), **TERMINATED)
    assert (status, answer["name"]) == (201, "chunked")


def test_a_body_of_undeclared_length_is_read_to_the_limit_only(clerk: caller.Caller) -> None:
    long = io.BytesIO(b" " * 3 * api.MAX_BODY)
    status, told = call(clerk, long, **TERMINATED)
    assert (status, told["code"]) == (413, "BODY_TOO_LARGE")
    assert long.tell() == api.MAX_BODY + 1


def test_a_length_is_asked_for_where_the_server_does_not_end_the_body(
    clerk: caller.Caller,
) -> None:
    status, told = call(clerk, io.BytesIO(b"{}"), HTTP_TRANSFER_ENCODING="chunked")
    assert (status, told["code"]) == (411, "LENGTH_REQUIRED")


@pytest.mark.parametrize("length", [str(api.MAX_BODY + 1), "9" * 5000], ids=short)
def test_a_declared_length_beyond_the_limit_is_refused_unread(
    clerk: caller.Caller, length: str
) -> None:
    body = io.BytesIO(b"{}")
    status, told = call(clerk, body, CONTENT_LENGTH=length)
    assert (status, told["code"]) == (413, "BODY_TOO_LARGE")
    assert body.tell() == 0


# --- Fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount", 1, "NOT_A_STRING"),
        ("amount", 1.5, "NOT_A_STRING"),
        ("amount", True, "NOT_A_STRING"),
        ("amount", [], "NOT_A_STRING"),
        *(
            ("amount", text, "MALFORMED")
            for text in (
                *("1e3", "1E+2", "-0", "-1", "+5", "007", "1_000", "1,5", " 1 ", "1\n", "", "NaN"),
                *("١٢٣", "１２３", "9" * 40, "0." + "1" * 19, "1\u200f", "\u202e1", "Infinity"),
            )
        ),
        ("amount", "0.123456789", "MALFORMED"),
        ("amount", "1.000000000", "MALFORMED"),
        ("amount", None, "NULL"),
        ("change", "-0.00", "MALFORMED"),
        ("account", 1, "NOT_A_STRING"),
        ("account", ACCOUNT.upper(), "MALFORMED"),
        ("account", ids.show("ord", UUID(int=1)), "MALFORMED"),
        ("account", str(UUID(int=1)), "MALFORMED"),
        ("at", 1645693200, "NOT_A_STRING"),
        *(
            ("at", text, "MALFORMED")
            for text in (
                *("2022-02-24", "2022-02-24T09:00:00", "2022-02-24 09:00:00Z", "20220224T090000Z"),
                *("2022-02-30T09:00:00Z", "2022-02-24T25:00:00Z", "2022-02-24T09:00:00+25:00"),
                *("0001-01-01T00:00:00+01:00", "2022-02-24T09:00:00Z\n", "２022-02-24T09:00:00Z"),
                *("2022-02-24T09:00:60Z", "2022-02-24T09:00:00.1234567Z", "0000-01-01T00:00:00Z"),
            )
        ),
        ("name", 7, "INVALID"),
        ("name", True, "INVALID"),
        ("name", "", "BLANK"),
        *(
            ("name", f"a{hidden}b", "HIDDEN_CHARACTER")
            for hidden in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
        ),
        *(
            ("name", f"a{control}", "HIDDEN_CHARACTER")
            for control in "\x01\t\n\r\x1f\x7f\x85\u2028"
        ),
        *(
            ("name", f"a{unseen}b", "HIDDEN_CHARACTER")
            for unseen in "\u00ad\u034f\u115f\u200b\u200c\u200d\u2060\u2800\u3164\ufe0f\ufeff\uffa0"
            "\ufff9\ue000\uffff\U000e0041\U000e0100\U0010ffff"
        ),
        *(
            ("person", name, "MIXED_SCRIPTS")
            for name in ("Пeтров", "Aнна", "Οlga", "Smith-Пeтров", "А\u0301nna", "Ivanοv")
        ),
        *(("person", name, "ODD_LETTER") for name in ("Ａnna", "𝐀nna", "ﬁona", "Mª")),
        ("person", "Anna\u202e", "HIDDEN_CHARACTER"),
        ("person", " \u00a0 ", "BLANK"),
        *(("count", value, "INVALID") for value in ("1", "1_0", "١", "1.0", 1.5, True, "")),
        ("count", [], "INVALID"),
        ("count", -1, "MIN_VALUE"),
        ("count", 10**30, "MAX_VALUE"),
        *(("agreed", value, "INVALID") for value in ("true", "yes", "on", "1", "", 1, 0)),
        ("agreed", None, "NULL"),
        ("unheard", "of", "UNKNOWN_FIELD"),
    ],
)
def test_a_field_that_says_what_it_must_not_is_named(
    clerk: caller.Caller, field: str, value: Any, code: str
) -> None:
    [entry] = caller.problem(clerk.post({field: value}))["errors"]
    assert (entry["pointer"], entry["code"]) == (f"/{field}", code)


def test_an_unknown_field_is_told_beside_what_is_wrong_with_the_others(
    clerk: caller.Caller,
) -> None:
    said = {"unheard": "of", "amount": 1, "lines": [{"amount": "1", "odd": 1}, {}]}
    told = caller.problem(clerk.post(said))["errors"]
    assert {(each["pointer"], each["code"]) for each in told} == {
        ("/unheard", "UNKNOWN_FIELD"),
        ("/amount", "NOT_A_STRING"),
        ("/lines/0/odd", "UNKNOWN_FIELD"),
        ("/lines/1/amount", "REQUIRED"),
    }


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  Мария-Анна   О’Нил ", "Мария-Анна О’Нил"),
        ("Анна\u00a0Мария", "Анна Мария"),
        ("Пе\u0308тр", "Пётр"),
        ("ООО «Ромашка-Trade» №5", "ООО «Ромашка-Trade» №5"),
        ("Иван IV", "Иван IV"),
        ("Jean-François Ÿ", "Jean-François Ÿ"),
        ("น้ำ", "น้ำ"),
        ("Ἀλέξανδρος", "Ἀλέξανδρος"),
        ("山田 たろう", "山田 たろう"),
    ],
)
def test_a_name_is_kept_as_it_reads(clerk: caller.Caller, sent: str, kept: str) -> None:
    assert json.loads(clerk.post({"person": sent}).content)["person"] == kept


def test_amounts_ids_and_times_come_back_as_they_went_in(clerk: caller.Caller) -> None:
    said = {
        "name": "Мария-Анна О’Нил",
        "amount": "0.10000000",
        "change": "-12.5",
        "at": "2022-02-24T12:00:00.5+03:00",
    }
    answer = json.loads(clerk.post(said).content)
    assert answer["name"] == said["name"]
    assert answer["amount"] == "0.10000000"
    assert answer["change"] == "-12.5"
    assert answer["at"] == "2022-02-24T09:00:00.500000Z"
    assert answer["fee"] == "0.00000001"


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        (api.AmountField(scale=2), Decimal("1E+3"), "1000.00"),
        (api.AmountField(), Decimal("1E-8"), "0.00000001"),
        (api.AmountField(), money.Money(Decimal(5), money.Asset("BTC", 8)), "5.00000000"),
        (api.IdField("acc"), UUID(int=1), ACCOUNT),
        (api.TimestampField(), datetime(2022, 2, 24, 9, tzinfo=UTC), "2022-02-24T09:00:00Z"),
    ],
)
def test_a_value_is_shown_in_its_one_way(
    field: serializers.Field[Any, Any, Any, Any], value: Any, shown: str
) -> None:
    assert field.to_representation(value) == shown


def test_an_id_is_read_as_its_uuid() -> None:
    assert api.IdField("acc").run_validation(ACCOUNT) == UUID(int=1)


# --- Queries and pages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        *(
            (f"limit={text}", "PARAMETER_INVALID", "limit")
            for text in ("0", "-1", "201", "1e2", "", "010", "%D9%A1", "1_0", "9" * 5000, "5%0A")
        ),
        *(
            (f"cursor={text}", "PARAMETER_INVALID", "cursor")
            for text in ("", "x", "cur_", ACCOUNT, ids.show("cur", UUID(int=1)).upper())
        ),
        ("topic=a%E2%80%AEb", "PARAMETER_INVALID", "topic"),
        ("topic=" + "x" * 9, "PARAMETER_INVALID", "topic"),
        ("limt=5", "PARAMETER_UNKNOWN", "limt"),
        ("format=json", "PARAMETER_UNKNOWN", "format"),
        ("limit=5&limit=6", "PARAMETER_TWICE", "limit"),
        ("topic=%FF", "QUERY_NOT_UTF8", None),
        ("topic=a%00b", "QUERY_NOT_UTF8", None),
    ],
    ids=short,
)
def test_a_query_that_says_what_it_must_not_is_refused_by_name(
    clerk: caller.Caller, query: str, code: str, parameter: str | None
) -> None:
    told = caller.problem(clerk.send("GET", f"/v1/notes?{query}"))
    assert (told["status"], told["code"]) == (400, code)
    assert told["errors"][0].get("parameter") == parameter


def test_a_command_takes_no_query_that_it_does_not_know(clerk: caller.Caller) -> None:
    response = clerk.send("POST", "/v1/notes?dry_run=1", b"{}", Idempotency_Key="dry run")
    assert caller.problem(response)["code"] == "PARAMETER_UNKNOWN"


@pytest.fixture
def reader(bank: models.Bank) -> caller.Caller:
    """Somebody whose bank has seven events."""
    with tenancy.acting(bank.id, users.job("tests", bank.id)):
        for _ in range(7):
            models.OutboxEvent.objects.create(
                bank_id=bank.id, topic="seven", payload={}, at=edge_urls.AT
            )
    return caller.Caller(bank)


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 8, 200])
def test_pages_hold_every_row_once_the_newest_first(reader: caller.Caller, limit: int) -> None:
    seen, query = [], f"?limit={limit}"
    while True:
        page = json.loads(reader.send("GET", f"/v1/notes{query}").content)
        assert list(page) == ["data", "has_more", "next_cursor"]
        assert len(page["data"]) <= limit
        assert page["has_more"] == (page["next_cursor"] is not None)
        seen += [row["id"] for row in page["data"]]
        assert page["has_more"] == (len(seen) < 7)
        if not page["has_more"]:
            break
        query = f"?limit={limit}&cursor={page['next_cursor']}"
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 7


def test_a_filter_is_read_by_its_field(reader: caller.Caller) -> None:
    found = json.loads(reader.send("GET", "/v1/notes?topic=seven").content)
    missed = json.loads(reader.send("GET", f"/v1/notes?topic={quote('семь')}").content)
    assert (len(found["data"]), len(missed["data"])) == (7, 0)


def test_another_banks_row_is_not_found(reader: caller.Caller, clerk: caller.Caller) -> None:
    [row] = json.loads(reader.send("GET", "/v1/notes?limit=1").content)["data"]
    assert reader.send("GET", f"/v1/notes/{row['id']}").status_code == 200
    told = caller.problem(clerk.send("GET", f"/v1/notes/{row['id']}"))
    assert (told["status"], told["code"]) == (404, "NOT_FOUND")


def test_a_head_is_a_get_without_its_body(reader: caller.Caller) -> None:
    response = reader.send("HEAD", "/v1/notes")
    assert (response.status_code, response.content) == (200, b"")


# --- The OpenAPI document -------------------------------------------------------------------------


def test_the_document_describes_fields_pages_and_keys() -> None:
    generator: Any = SchemaGenerator
    document = generator(urlconf=edge_urls).get_schema(request=None, public=True)
    schemas, notes = document["components"]["schemas"], document["paths"]["/v1/notes"]
    amount, account = (schemas["NoteIn"]["properties"][name] for name in ("amount", "account"))
    assert amount == {"type": "string", "pattern": f"^{money.PATTERN}$", "example": "1.00000000"}
    assert account["example"].startswith("acc_")
    assert {each["name"] for each in notes["post"]["parameters"]} == {"Idempotency-Key"}
    assert {each["name"] for each in notes["get"]["parameters"]} == {"topic", "limit", "cursor"}
    page = schemas["PaginatedNoteOutList"]
    assert page["required"] == ["data", "has_more", "next_cursor"]
