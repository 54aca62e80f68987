"""Roles, logins, API keys: who gets in, and as whom."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth import authenticate, hashers
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection, connections, transaction

from common import errors, models, tenancy, users
from common.tenancy import declarations

pytestmark = pytest.mark.usefixtures("house")

PASSWORD = "a long walk on the quay"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=90)

BANK_ROLES = [role for role in users.Role if role is not users.Role.JOB and role not in users.STATE]


def add(house: users.House, username: str, role: users.Role) -> models.User:
    with tenancy.acting(house.bank_id, house.office):
        return users.create_user(username=username, name="Ann", role=role, password=PASSWORD)


def issue(user: models.User, *scopes: str, expires_at: datetime = LATER) -> tuple[str, str]:
    """Return a new key's prefix and its text."""
    with tenancy.acting(user.bank_id, users.job("office", user.bank_id)):
        key, text = users.issue_key(
            user_id=user.pk, name="robot", scopes=scopes, expires_at=expires_at, at=NOW
        )
    return key.prefix, text


@pytest.fixture
def at_bank(bank: models.Bank) -> users.House:
    return users.house_of(bank.code)


@pytest.fixture
def state(make_state: Callable[[], models.Jurisdiction]) -> users.House:
    return users.house_of(f"gov.{make_state().code}")


# --- Roles ---------------------------------------------------------------------------------------


def test_every_role_has_its_scopes() -> None:
    assert set(users.ROLES) == set(users.Role)


def test_scopes_are_named_subject_and_verb() -> None:
    assert all(re.fullmatch(r"[a-z_]+:[a-z_]+", scope) for scope in users.SCOPES)


def test_the_auditor_reads_all_and_the_supervisor_writes_only_the_states_registers() -> None:
    everything = {scope for scope in users.SCOPES if scope.endswith(":read")}
    assert users.ROLES[users.Role.AUDITOR] == everything
    kept = {"lists:write", "participants:write", "regimes:write"}
    decided = {"licences:decide", "assets:admit"}
    assert users.ROLES[users.Role.SUPERVISOR] == everything | kept | decided


# --- Users ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*sorted(users.STATE), users.Role.JOB])
def test_a_bank_has_no_officer_of_the_state_and_no_job(
    at_bank: users.House, role: users.Role
) -> None:
    with pytest.raises(errors.Refused, match="ROLE_ELSEWHERE"):
        add(at_bank, "ann", role)


@pytest.mark.parametrize("role", [*BANK_ROLES, users.Role.JOB])
def test_the_state_has_no_bank_clerk(state: users.House, role: users.Role) -> None:
    with pytest.raises(errors.Refused, match="ROLE_ELSEWHERE"):
        add(state, "ann", role)


@pytest.mark.parametrize("username", ["", "Ann", "an n", "ann@bank", "-ann", "a" * 65, "анна"])
def test_a_malformed_user_name_is_refused(at_bank: users.House, username: str) -> None:
    with pytest.raises(errors.Refused, match="USERNAME_MALFORMED"):
        add(at_bank, username, users.Role.DEALER)


def test_a_user_name_is_taken_once_in_a_bank(at_bank: users.House) -> None:
    add(at_bank, "ann", users.Role.DEALER)
    with pytest.raises(errors.Refused, match="USERNAME_TAKEN"):
        add(at_bank, "ann", users.Role.AUDITOR)


def test_another_banks_user_name_is_free(
    at_bank: users.House, make_bank: Callable[[], models.Bank]
) -> None:
    add(at_bank, "ann", users.Role.DEALER)
    add(users.house_of(make_bank().code), "ann", users.Role.DEALER)


def test_a_weak_password_is_refused(at_bank: users.House) -> None:
    with (
        pytest.raises(errors.Refused, match="PASSWORD_WEAK"),
        tenancy.acting(at_bank.bank_id, at_bank.office),
    ):
        users.create_user(username="ann", name="Ann", role=users.Role.DEALER, password="password")


@pytest.mark.parametrize("password", ["", PASSWORD])
def test_a_user_without_a_password_logs_in_by_none_and_acts_by_keys(
    at_bank: users.House, bank: models.Bank, password: str
) -> None:
    with tenancy.acting(at_bank.bank_id, at_bank.office):
        client = users.create_user(
            username="ann", name="Ann", role=users.Role.CLIENT, password=None
        )
    assert authenticate(username=f"ann@{bank.code}", password=password) is None
    _, text = issue(client)
    held = users.holder_of(text, at=NOW)
    assert held is not None
    assert held.user_id == client.pk


def test_no_house_of_that_code_is_refused() -> None:
    with pytest.raises(errors.Refused, match="HOUSE_UNKNOWN"):
        users.house_of("nowhere")


# --- Logging in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", BANK_ROLES)
def test_each_role_of_a_bank_logs_in(
    at_bank: users.House, bank: models.Bank, role: users.Role
) -> None:
    ann = add(at_bank, "ann", role)
    assert authenticate(username=f"ann@{bank.code}", password=PASSWORD) == ann


@pytest.mark.parametrize("role", sorted(users.STATE))
def test_each_officer_of_the_state_logs_in(
    make_state: Callable[[], models.Jurisdiction], role: users.Role
) -> None:
    code = f"gov.{make_state().code}"
    ann = add(users.house_of(code), "ann", role)
    assert authenticate(username=f"ann@{code}", password=PASSWORD) == ann


def test_everybody_but_a_client_is_staff(at_bank: users.House) -> None:
    staff = {
        role for role in BANK_ROLES if add(at_bank, f"ann-{role}".replace("_", "-"), role).is_staff
    }
    assert staff == set(BANK_ROLES) - {users.Role.CLIENT}


def test_a_bank_and_a_state_of_one_code_are_told_apart(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    bank = users.register_bank(
        actor=users.supervisor_of(state.pk), code=state.code, name="The state's own"
    )
    officer = add(users.house_of(f"gov.{state.code}"), "ann", users.Role.SUPERVISOR)
    dealer = add(users.house_of(bank.code), "ann", users.Role.DEALER)
    assert authenticate(username=f"ann@gov.{state.code}", password=PASSWORD) == officer
    assert authenticate(username=f"ann@{bank.code}", password=PASSWORD) == dealer


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("ann@{bank}", "another password"),
        ("ann@{other}", PASSWORD),
        ("ann@gov.{bank}", PASSWORD),
        ("ann", PASSWORD),
        ("bob@{bank}", PASSWORD),
        ("@{bank}", PASSWORD),
        ("ann@", PASSWORD),
        ("' OR true --@{bank}", PASSWORD),
    ],
)
def test_a_wrong_login_or_password_finds_nobody(
    at_bank: users.House,
    bank: models.Bank,
    make_bank: Callable[[], models.Bank],
    login: str,
    password: str,
) -> None:
    add(at_bank, "ann", users.Role.DEALER)
    shown = login.format(bank=bank.code, other=make_bank().code)
    assert authenticate(username=shown, password=password) is None


def test_an_inactive_user_is_nobody(at_bank: users.House, bank: models.Bank) -> None:
    add(at_bank, "ann", users.Role.DEALER)
    with tenancy.acting(at_bank.bank_id, at_bank.office):
        models.User.objects.filter(username="ann").update(is_active=False)
    assert authenticate(username=f"ann@{bank.code}", password=PASSWORD) is None


def test_an_unknown_name_costs_one_hash_as_a_wrong_password_does(
    at_bank: users.House, bank: models.Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(at_bank, "ann", users.Role.DEALER)
    hashed: list[str] = []
    hasher = type(hashers.get_hasher())

    def counted(name: str) -> None:
        method = getattr(hasher, name)

        def count(*args: object) -> object:
            hashed.append(name)
            return method(*args)

        monkeypatch.setattr(hasher, name, count)

    counted("encode")
    counted("verify")
    authenticate(username=f"ann@{bank.code}", password="wrong")
    authenticate(username=f"nobody@{bank.code}", password="wrong")
    assert hashed == ["verify", "encode"]


# --- API keys ------------------------------------------------------------------------------------


def test_a_key_acts_for_its_user_with_the_scopes_it_was_given(at_bank: users.House) -> None:
    ann = add(at_bank, "ann", users.Role.OPERATIONS)
    _, text = issue(ann, "ledger:read")
    actor = users.holder_of(text, at=NOW)
    assert actor is not None
    assert (actor.user_id, actor.bank_id, actor.role) == (ann.pk, ann.bank_id, "operations")
    assert actor.scopes == {"ledger:read"}
    assert actor.label == users.actor_of(ann).label


def test_a_key_gets_no_scope_that_its_users_role_lacks(at_bank: users.House) -> None:
    ann = add(at_bank, "ann", users.Role.DEALER)
    with pytest.raises(errors.Refused, match="SCOPE_NOT_HELD"):
        issue(ann, "ledger:read", "ledger:close")


def test_a_key_loses_what_its_users_role_has_lost(at_bank: users.House) -> None:
    ann = add(at_bank, "ann", users.Role.OPERATIONS)
    _, text = issue(ann, "ledger:read", "ledger:close")
    with tenancy.acting(at_bank.bank_id, at_bank.office):
        models.User.objects.filter(pk=ann.pk).update(role=users.Role.DEALER)
    actor = users.holder_of(text, at=NOW)
    assert actor is not None
    assert actor.scopes == {"ledger:read"}


def test_a_key_is_issued_for_time_to_come(at_bank: users.House) -> None:
    with pytest.raises(errors.Refused, match="EXPIRY_PAST"):
        issue(add(at_bank, "ann", users.Role.DEALER), expires_at=NOW)


def test_another_banks_user_gets_no_key_from_here(
    at_bank: users.House, make_bank: Callable[[], models.Bank]
) -> None:
    ann = add(at_bank, "ann", users.Role.DEALER)
    other = users.house_of(make_bank().code)
    with (
        pytest.raises(errors.Refused, match="USER_UNKNOWN"),
        tenancy.acting(other.bank_id, other.office),
    ):
        users.issue_key(user_id=ann.pk, name="robot", scopes=(), expires_at=LATER, at=NOW)


def test_the_secret_is_kept_nowhere(at_bank: users.House) -> None:
    prefix, text = issue(add(at_bank, "ann", users.Role.DEALER))
    secret = text.removeprefix(f"sk_{prefix}_")
    with tenancy.acting(at_bank.bank_id, at_bank.office):
        (row,) = models.ApiKey.objects.filter(prefix=prefix).values()
    assert secret not in repr(row)
    assert row["secret_sha256"] == hashlib.sha256(secret.encode()).hexdigest()


def test_an_expired_key_is_nobodys(at_bank: users.House) -> None:
    _, text = issue(add(at_bank, "ann", users.Role.DEALER))
    assert users.holder_of(text, at=LATER - timedelta(microseconds=1)) is not None
    assert users.holder_of(text, at=LATER) is None


def test_a_revoked_key_is_nobodys_and_stays_revoked_as_it_was(at_bank: users.House) -> None:
    prefix, text = issue(add(at_bank, "ann", users.Role.DEALER))
    for at in (NOW, LATER):
        with tenancy.acting(at_bank.bank_id, at_bank.office):
            key_id = models.ApiKey.objects.get(prefix=prefix).pk
            revoked = users.revoke_key(key_id=key_id, at=at)
    assert revoked.revoked_at == NOW
    assert users.holder_of(text, at=NOW) is None


def test_an_inactive_users_key_is_nobodys(at_bank: users.House) -> None:
    ann = add(at_bank, "ann", users.Role.DEALER)
    _, text = issue(ann)
    with tenancy.acting(at_bank.bank_id, at_bank.office):
        models.User.objects.filter(pk=ann.pk).update(is_active=False)
    assert users.holder_of(text, at=NOW) is None


def test_another_secret_or_another_keys_secret_is_nobodys(at_bank: users.House) -> None:
    ann = add(at_bank, "ann", users.Role.DEALER)
    (one, text), (two, _) = issue(ann), issue(ann)
    secret = text.removeprefix(f"sk_{one}_")
    for wrong in (f"sk_{two}_{secret}", text[:-1] + ("A" if text[-1] != "A" else "B")):
        assert users.holder_of(wrong, at=NOW) is None


@pytest.mark.parametrize(
    "text", ["", "sk_", "sk_ab_cd", "Bearer x", "sk_" + "0" * 16 + "_" + "é" * 43]
)
def test_a_malformed_key_is_nobodys(text: str) -> None:
    assert users.holder_of(text, at=NOW) is None


# --- Before a bank is known ----------------------------------------------------------------------


def drop() -> None:
    """Let the server end this process's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        other.close()


def test_a_key_is_looked_up_though_the_database_has_dropped_the_connection(
    at_bank: users.House,
) -> None:
    _, text = issue(add(at_bank, "ann", users.Role.DEALER))
    drop()
    actor = users.holder_of(text, at=NOW)
    assert actor is not None
    assert actor.bank_id == at_bank.bank_id


def test_a_look_up_is_not_asked_again_inside_a_transaction(bank: models.Bank) -> None:
    def ask() -> None:
        with transaction.atomic():
            drop()
            users.house_of(bank.code)

    with pytest.raises(OperationalError):
        ask()
    assert users.house_of(bank.code).bank_id == bank.pk


def test_no_user_and_no_key_is_seen_outside_a_bank(at_bank: users.House) -> None:
    issue(add(at_bank, "ann", users.Role.DEALER))
    assert not models.User.objects.filter(bank__isnull=False).exists()
    assert not models.ApiKey.objects.filter(bank__isnull=False).exists()


def test_the_application_gains_nothing_by_the_lookups_setting(at_bank: users.House) -> None:
    issue(add(at_bank, "ann", users.Role.DEALER))
    with connection.cursor() as cursor:
        cursor.execute("SET perimeter.lookup = 'on'")
        try:
            cursor.execute("SELECT count(*) FROM common_user WHERE bank_id IS NOT NULL")
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT count(*) FROM common_apikey WHERE bank_id IS NOT NULL")
            assert cursor.fetchone() == (0,)
        finally:
            cursor.execute("RESET perimeter.lookup")


def test_a_supervisor_keeps_the_officers_and_keys_of_the_own_state_alone(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    one, two = (users.house_of(f"gov.{make_state().code}") for _ in range(2))
    ann = add(one, "ann", users.Role.TAX_AUTHORITY)
    with tenancy.acting(None, one.office):
        users.issue_key(user_id=ann.pk, name="robot", scopes=(), expires_at=LATER, at=NOW)
    for house, seen in ((one, 1), (two, 0)):
        with tenancy.acting(None, house.office):
            assert models.User.objects.count() == seen
            assert models.ApiKey.objects.count() == seen
            assert models.User.objects.update(name="Anne") == seen


@pytest.mark.parametrize(
    "call", ["perimeter_house('a')", "perimeter_login('a', 'b')", "perimeter_api_key('a')"]
)
def test_the_lookups_are_the_applications_alone(call: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {call}")
        cursor.execute("SET ROLE perimeter_supervisor")
        try:
            with pytest.raises(ProgrammingError, match="permission denied for function"):
                cursor.execute(f"SELECT * FROM {call}")
        finally:
            cursor.execute("RESET ROLE")


def test_the_check_of_the_role_finds_an_owner_and_not_the_application(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tenancy.check_role(None, databases=["default"]) == []
    monkeypatch.setattr(declarations, "connection", connections["owner"])
    (found,) = tenancy.check_role(None, databases=["default"])
    assert found.id == "perimeter.E002"
    assert tenancy.check_role(None, databases=["owner"]) == []


# --- By hand -------------------------------------------------------------------------------------


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().split()


def test_adduser_makes_a_login_and_addkey_a_key(bank: models.Bank) -> None:
    login = f"ann@{bank.code}"
    shown, password = run("adduser", login, "--role", "operations", "--generate")
    ann = authenticate(username=login, password=password)
    assert isinstance(ann, models.User)
    assert users.actor_of(ann).label == shown
    (text,) = run("addkey", login, "--name", "robot", "--scope", "ledger:read")
    actor = users.holder_of(text, at=NOW)
    assert actor is not None
    assert actor.user_id == ann.pk


def test_adduser_reads_the_password_from_a_pipe(
    bank: models.Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{PASSWORD}\n"))
    run("adduser", f"ann@{bank.code}", "--role", "auditor")
    assert authenticate(username=f"ann@{bank.code}", password=PASSWORD) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ("adduser", "ann@nowhere", "--role", "dealer", "--generate"),
        ("adduser", "ann@{bank}", "--role", "supervisor", "--generate"),
        ("addkey", "nobody@{bank}", "--name", "robot"),
    ],
)
def test_a_command_says_what_is_wrong(bank: models.Bank, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"HOUSE_UNKNOWN|ROLE_ELSEWHERE|no user"):
        run(*(argument.format(bank=bank.code) for argument in arguments))
