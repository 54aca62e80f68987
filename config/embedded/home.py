"""Where an embedded server lives: its data, its sockets, its programs, and the user it runs as.

Nothing here starts a process. `daemon.py` does, and `postgres.py` and `redis.py` say how.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

SOCKET_PATH_BYTES = 107  # sockaddr_un holds no more
LONGEST_SOCKET = ".s.PGSQL.5432.lock"
NOT_COPIED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "__pycache__")


class EmbeddedError(RuntimeError):
    """Say why the embedded servers cannot run here."""


@dataclass(frozen=True)
class Home:
    """Name the places of one private pair of servers; `root` is the checkout they serve."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())

    @classmethod
    def of_checkout(cls) -> "Home":
        """Return the home of the checkout that this file is part of."""
        return cls(Path(__file__).parents[2])

    @property
    def user(self) -> pwd.struct_passwd:
        """Return whom the servers run as: oneself; `nobody` for root, whom PostgreSQL refuses."""
        uid = os.geteuid()
        try:
            return pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
        except KeyError:
            raise EmbeddedError(
                f"PostgreSQL cannot run here: user {uid or 'nobody'} is not in the user database"
            ) from None

    @property
    def marker(self) -> Path:
        """Return the folder in the checkout that says it has servers; usually also their state."""
        return self.root / ".perimeter"

    @property
    def state(self) -> Path:
        """Return the folder of data and logs: in the checkout, if its user can enter that."""
        return self.marker if reaches(self.user, self.root) else self.private

    @property
    def private(self) -> Path:
        """Return the folder of sockets, outside the checkout for the sake of a short path.

        Chosen by TMPDIR at first and then remembered, lest a shell with another TMPDIR should look
        elsewhere for the same servers.
        """
        name = f"perimeter-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]}"
        with suppress(OSError):
            remembered = self._remembered.readlink()
            # A copied checkout brings its original's memory along: the name tells.
            if remembered.name == name and remembered.parent.is_dir():
                return remembered
        for temp in (os.environ.get("TMPDIR") or "/tmp", "/tmp"):  # noqa: S108 (checked below)
            folder = Path(temp).resolve() / name
            fits = len(os.fsencode(folder / LONGEST_SOCKET)) <= SOCKET_PATH_BYTES
            if fits and folder.parent.is_dir() and reaches(self.user, folder.parent):
                return folder
        raise EmbeddedError(
            f"no temporary folder is short enough for a socket: {folder} leaves no room in "
            f"{SOCKET_PATH_BYTES} bytes. Set TMPDIR to a shorter one"
        )

    @property
    def is_new(self) -> bool:
        """Tell whether nothing was started here yet: a removed checkout left what is in private."""
        return not self._remembered.is_symlink() or self._remembered.readlink() != self.private

    @property
    def _remembered(self) -> Path:
        return self.marker / "private"

    def prepare(self) -> None:
        """Make the folders, private to the servers' user. Call it under the lock."""
        private, is_new = self.private, self.is_new
        self.own(self.marker)
        self.own(private)
        if is_new:
            shutil.rmtree(private)
            self.own(private)
            self._remembered.unlink(missing_ok=True)
            self._remembered.symlink_to(private)

    def own(self, folder: Path) -> Path:
        """Make the folder and give it to the servers' user, or refuse one that others can touch."""
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise EmbeddedError(f"{folder} is not a folder of its own. Remove it, then try again")
        if status.st_uid not in {os.geteuid(), self.user.pw_uid}:
            raise EmbeddedError(
                f"{folder} belongs to user {status.st_uid}, not to {self.user.pw_name}. "
                "Whoever started the servers there must also stop them and clean"
            )
        if status.st_mode & 0o077:
            raise EmbeddedError(f"{folder} is open to others. Check what is in it, then remove it")
        if status.st_uid != self.user.pw_uid:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)
        return folder

    def programs(self, distribution: str, *folders: str) -> Path:
        """Return where the servers' user finds these folders of an installed wheel.

        That is site-packages; or a copy in the private folder, if site-packages is closed to the
        user. The wheel's package is not imported: both wheels do things when they are.
        """
        try:
            wheel = metadata.distribution(distribution)
        except metadata.PackageNotFoundError:
            raise EmbeddedError(
                f"{distribution} is not installed. Install requirements.lock, or name servers of "
                "your own in DATABASE_URL and REDIS_URL"
            ) from None
        site = Path(str(wheel.locate_file(""))).resolve()
        if all(reaches(self.user, site / folder) for folder in folders):
            return site
        copy = self.private / f"{distribution}-{wheel.version}"
        if not copy.exists():
            partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self.private))
            for folder in folders:
                shutil.copytree(site / folder, partial / folder, ignore=NOT_COPIED)
            for path in (partial, *partial.rglob("*")):
                os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)
            partial.rename(copy)
        return copy

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the checkout's own folder locked: one process at a time starts, stops or cleans."""
        folder = os.open(self.root, os.O_RDONLY)  # not inherited by what is started meanwhile
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            # Said aloud, for a process forked by another thread holds the descriptor too.
            fcntl.flock(folder, fcntl.LOCK_UN)
            os.close(folder)

    def remove(self) -> None:
        """Remove every trace of the servers, which must have ended. Call it under the lock."""
        # Only what a start would accept as its own; the memory of `private` goes last.
        for folder in (self.private, self.marker):
            if os.path.lexists(folder):
                shutil.rmtree(self.own(folder))


def reaches(user: pwd.struct_passwd, folder: Path) -> bool:
    """Tell whether the user, in no group but his own, may pass every folder down to this one."""
    for step in (folder, *folder.parents):
        status = step.stat()
        if status.st_uid == user.pw_uid:
            passes = stat.S_IXUSR
        elif status.st_gid == user.pw_gid:
            passes = stat.S_IXGRP
        else:
            passes = stat.S_IXOTH
        if not status.st_mode & passes:
            return False
    return True
