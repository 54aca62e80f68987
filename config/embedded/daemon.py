"""What PostgreSQL and Redis have in common as daemons: start once, recover, stop, kill.

A server is known by its processes' working folder and program, read from /proc: a pid file alone
may name a stranger, who must never be waited for or killed. The kernel says " (deleted)" of what
was removed: the folder under a server that a removed checkout left running, which would take away
the next one's socket when it ends; the program once its wheel was replaced.
"""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from config.embedded.home import EmbeddedError, Home

START_TIMEOUT_S = 120  # crash recovery included
STOP_TIMEOUT_S = 30


@dataclass(frozen=True)
class Server(ABC):
    """Run one server in its home."""

    home: Home

    name: ClassVar[str]
    program: ClassVar[str]
    socket_name: ClassVar[str]
    pid_file: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def ensure(self) -> None:
        """Start the server unless it runs, and return when it is ready for the application.

        Raises: EmbeddedError, with the end of the server's log if it would not start.
        """
        if not sys.platform.startswith("linux"):
            raise EmbeddedError("the embedded servers need Linux. Set DATABASE_URL and REDIS_URL")
        with self.home.locked():
            if self.home.is_new:
                self.kill()  # before its folder goes
            self.home.prepare()
            if self.pid is not None and not self.socket.exists():
                self.end()  # the temporary folder was emptied: it hears nobody any more
            if self.pid is None:
                self.kill()  # whoever still holds the data: a dead parent's children
                self._forget()
                self._start()
            self._become_ready()

    def stop(self) -> None:
        """Stop the server in an orderly way, and return when its last process has ended."""
        with self.home.locked():
            self.end()

    def kill(self) -> None:
        """Kill the server with all its processes at once, as a power cut would."""

        def gone() -> bool:
            # The parent first, lest it should replace a killed child.
            for pid in sorted(self.processes(), key=lambda pid: pid != self.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not self.processes()

        if not _within(STOP_TIMEOUT_S, gone):
            raise EmbeddedError(f"{self.name} cannot be killed: processes {self.processes()}")

    def running(self) -> bool:
        """Tell whether the server accepts connections now."""
        return self.socket.exists() and self._answers()

    @property
    def pid(self) -> int | None:
        """Return the main process's id, or None if there is none, whatever the pid file says."""
        try:
            pid = int((self.data / self.pid_file).read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return pid if pid in self.processes() else None

    def processes(self) -> list[int]:
        """List the ids of this server's processes, the main one and its children."""
        found = []
        for process in Path("/proc").iterdir():
            with suppress(OSError):  # ended meanwhile, or somebody else's
                is_here = process.name.isdecimal() and _led_to(process / "cwd") == self.data
                if is_here and _led_to(process / "exe").name == self.program:
                    found.append(int(process.name))
        return found

    @property
    def data(self) -> Path:
        """Return the data folder, which is also the working folder of every process."""
        return self.home.state / self.name

    @property
    def log(self) -> Path:
        """Return the server's log."""
        return self.home.state / f"{self.name}.log"

    @property
    def socket(self) -> Path:
        """Return the socket on which the server listens; it has no port."""
        return self.home.private / self.socket_name

    @abstractmethod
    def _start(self) -> None:
        """Start the daemon, detached; it need not be ready yet."""

    @abstractmethod
    def _answers(self) -> bool:
        """Ask at the socket."""

    def _forget(self) -> None:
        """Remove a dead server's pid file and socket."""
        (self.data / self.pid_file).unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def _become_ready(self) -> None:
        ended = not _within(START_TIMEOUT_S, lambda: self.running() or not self.processes())
        if ended or not self.running():
            raise EmbeddedError(f"{self.name} does not accept connections.\n{self._log_tail()}")

    def end(self) -> None:
        """Do as `stop` does, for one who holds the lock."""
        if (pid := self.pid) is not None:
            os.kill(pid, self.stop_signal)
            _within(STOP_TIMEOUT_S, lambda: not self.processes())
        self.kill()

    def _run(self, program: Path, *arguments: str, cwd: Path) -> str:
        """Run a program as the servers' user, in a bare environment, and return its words."""
        root = os.geteuid() == 0
        user = self.home.user
        try:
            ran = subprocess.run(  # noqa: S603 (our own programs, no shell)
                [program, *arguments],
                cwd=cwd,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                umask=0o077,
                user=user.pw_uid if root else None,
                group=user.pw_gid if root else None,
                extra_groups=[] if root else None,
            )
        except OSError as error:
            raise EmbeddedError(f"{program} cannot be run: {error}") from error
        if ran.returncode:
            raise EmbeddedError(f"{program.name} failed.\n{ran.stdout.strip()}\n{self._log_tail()}")
        return ran.stdout

    def _log_tail(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-15:]
        except OSError:
            return ""
        return "\n".join([f"The end of {self.log}:", *lines])


def _led_to(link: Path) -> Path:
    """Return where a link of /proc leads, or led."""
    return Path(str(link.readlink()).removesuffix(" (deleted)"))


def _within(seconds: float, done: Callable[[], bool]) -> bool:
    """Wait until it is done; False if it is not in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
