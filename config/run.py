"""`python -m config.run`: the house's processes together, until one ends or the terminal says so.

Web (granian, WSGI), worker and beat (Celery) and the desk. The same four that `docker-compose.yml`
runs as services; here for one machine, with the embedded servers where the environment names none.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import FrameType

from config import embedded

HOST = "127.0.0.1"
STATIC = Path(__file__).resolve().parent.parent / "staticfiles"  # looked for, even if empty
PATIENCE_S = 10.0  # between asking a process to end and ending it


def main() -> int:
    """Start the servers and the processes, wait, and end all of them together."""
    embedded.ensure()
    STATIC.mkdir(exist_ok=True)
    port = _free_port(int(os.environ.get("PORT", "8000")))
    children = {
        name: subprocess.Popen([sys.executable, *arguments])  # noqa: S603
        for name, arguments in _commands(port).items()
    }
    signal.signal(signal.SIGTERM, _interrupt)
    print(f"Perimeter runs at http://{HOST}:{port}/admin/ and /v1/docs. Ctrl-C ends it.")  # noqa: T201
    status = 0
    try:
        while all(child.poll() is None for child in children.values()):
            time.sleep(0.2)
        ended = ", ".join(name for name, child in children.items() if child.poll() is not None)
        print(f"Ended by itself, so all end: {ended}", file=sys.stderr)  # noqa: T201
        status = 1
    except KeyboardInterrupt:
        pass
    finally:
        _end(children)
    return status


def web(port: int, application: str = "config.wsgi:application") -> list[str]:
    """Return the arguments of `python` that serve a WSGI application."""
    return ["-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port),
            "--workers", "2", "--blocking-threads", "8",  # each keeps a connection
            "--no-access-log", "--log-level", "error", application]  # fmt: skip


def _commands(port: int) -> dict[str, list[str]]:
    celery = ["-m", "celery", "--app", "config", "--quiet"]
    return {
        "web": web(port),
        "worker": [*celery, "worker", "--loglevel", "warning"],
        "beat": [*celery, "beat", "--loglevel", "warning"],
        "desk": ["manage.py", "desk"],
    }  # fmt: skip


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


def _end(children: dict[str, "subprocess.Popen[bytes]"]) -> None:
    for child in children.values():
        child.terminate()
    deadline = time.monotonic() + PATIENCE_S
    for child in children.values():
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
