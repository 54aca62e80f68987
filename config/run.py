"""`python -m config.run`: the house's processes together, until one ends or the terminal says so.

Web (granian, WSGI), worker and beat (Celery) and the desk. The same four that `docker-compose.yml`
runs as services; here for one machine, with the embedded servers where the environment names none.
`config.demo` runs them around the main job.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from types import FrameType

from config import embedded

HOST = "127.0.0.1"
STATIC = Path(__file__).resolve().parent.parent / "staticfiles"  # looked for, even if empty
PATIENCE_S = 10.0  # between asking a process to end and ending it

Children = dict[str, "subprocess.Popen[bytes]"]


def main() -> int:
    """Start the servers and the processes, wait, and end all of them together."""
    port = prepare()
    children: Children = {}
    try:
        start(children, commands(port))
        print(f"Perimeter runs at {address(port)}/admin/ and /v1/docs. Ctrl-C ends it.")  # noqa: T201
        return watch(children)
    finally:
        end(children)


def prepare() -> int:
    """Start the servers that the environment leaves to us; return the port to serve at."""
    embedded.ensure()
    STATIC.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)
    return _free_port(int(os.environ.get("PORT", "8000")))


def address(port: int) -> str:
    """Return where the web answers."""
    return f"http://{HOST}:{port}"


def web(port: int, application: str = "config.wsgi:application") -> list[str]:
    """Return the arguments of `python` that serve a WSGI application."""
    return ["-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port),
            "--workers", "2", "--blocking-threads", "8",  # each keeps a connection
            "--workers-kill-timeout", "5",  # or one that hangs would outlive the others
            "--no-access-log", "--log-level", "error", application]  # fmt: skip


def commands(port: int) -> dict[str, list[str]]:
    """Return the arguments of `python` by the process's name."""
    celery = ["-m", "celery", "--app", "config", "--quiet"]
    return {
        "web": web(port),
        "worker": [*celery, "worker", "--loglevel", "warning"],
        "beat": [*celery, "beat", "--loglevel", "warning"],
        "desk": ["manage.py", "desk"],
    }  # fmt: skip


def start(children: Children, wanted: Mapping[str, list[str]]) -> None:
    """Start processes and add them to `children`."""
    for name, arguments in wanted.items():
        children[name] = subprocess.Popen([sys.executable, *arguments])  # noqa: S603


def watch(children: Children, until: Iterable[str] = ()) -> int:
    """Wait until one ends: return 0 at Ctrl-C, the status of one of `until`, else 1, saying who."""
    try:
        while all(child.poll() is None for child in children.values()):
            time.sleep(0.1)
    except KeyboardInterrupt:
        return 0
    ended = {name: child.returncode for name, child in children.items() if child.poll() is not None}
    if ended.keys() <= set(until):
        return max(ended.values())
    print(f"Ended by itself, so all end: {', '.join(ended)}", file=sys.stderr)  # noqa: T201
    return 1


def end(children: Children) -> None:
    """Ask all to end, and end those that do not."""
    for child in children.values():
        child.terminate()
    deadline = time.monotonic() + PATIENCE_S
    for child in children.values():
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _free_port(wanted: int) -> int:
    """Return the port, or the next that nobody holds: a taken one is not fought over."""
    for port in range(wanted, wanted + 100):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise SystemExit(f"no free port from {wanted} to {wanted + 99}; set PORT")


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
