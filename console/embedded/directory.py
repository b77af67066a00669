"""The folder of the embedded servers, which each process must be able to find by itself.

Everything lies below `<home>/embedded` and belongs to the account that runs the program. Started by root, the
servers run as other accounts (see `accounts`). They then own their data and socket folders; everything that
root itself reads or writes stays root's. The permissions of existing folders are never widened for them: when
those accounts can't reach the home (below `/root`, say), or when somebody else could replace it, the folder
is `/var/lib/device-console/<digest of the home>`.

Decided in docs/decisions/0005-data-of-root.md
"""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from console.embedded.accounts import (
    BROKER,
    POSTGRES,
    ServerUser,
    account_name,
    choose_account,
    may_enter,
    nobody_else_may_replace,
)
from console.errors import RefusedError

_SYSTEM_PARENT = Path("/var/lib/device-console")
_TEMPORARY = "device-console-"
_SOCKET_PATH_LIMIT = 100  # the kernel's limit is 104 to 108 bytes, and some clients append to it


@dataclass(frozen=True, slots=True)
class EmbeddedDirectory:
    """The folder of one set of embedded servers. Both users are None unless we are root."""

    root: Path
    postgres_user: ServerUser | None
    broker_user: ServerUser | None

    @classmethod
    def default(cls, home: Path) -> "EmbeddedDirectory":
        """Return the folder that belongs to this home. Creates nothing."""
        home = home.expanduser().resolve()
        if os.geteuid() != 0:
            return cls(home / "embedded", None, None)
        inside = cls._of_root(home / "embedded")
        if nobody_else_may_replace(home) and all(may_enter(user, inside.root) for user in inside.users):
            return inside
        return cls._of_root(_SYSTEM_PARENT / _digest(home))

    @classmethod
    def _of_root(cls, root: Path) -> "EmbeddedDirectory":
        return cls(root, choose_account(root / "data", POSTGRES), choose_account(root / "broker", BROKER))

    @property
    def users(self) -> list[ServerUser]:
        return [user for user in (self.postgres_user, self.broker_user) if user is not None]

    @property
    def holders_lock(self) -> Path:
        return self.root / "holders.lock"

    @property
    def supervisor_lock(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "supervisor.log"

    @property
    def postgres_lock(self) -> Path:
        return self.root / "postgres.lock"

    @property
    def postgres_log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def postgres_data(self) -> Path:
        return self.root / "data"

    @property
    def broker_lock(self) -> Path:
        return self.root / "broker.lock"

    @property
    def broker_log(self) -> Path:
        return self.root / "broker.log"

    @property
    def broker_data(self) -> Path:
        return self.root / "broker"

    @property
    def port_file(self) -> Path:
        return self.root / "broker.port"

    @property
    def run_file(self) -> Path:
        return self.root / "run.json"

    def make_socket_folder(self) -> Path:
        """Make a folder for PostgreSQL's socket: inside, unless its path is too long or has a comma.

        A folder elsewhere has a random name: somebody else may have created one with a fixed name before us.

        Raises:
            RefusedError: there is no suitable place, or somebody else's folder is there.
        """
        inside = self.root / "socket"
        if _fits(inside):
            self.make_private(inside, self.postgres_user)
            return inside
        for text in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
            base = Path(text or "/nowhere").resolve()
            if base.is_dir() and _fits(base / f"{_TEMPORARY}12345678") and self._may_use(base):
                folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=base))
                self.make_private(folder, self.postgres_user)
                return folder
        raise RefusedError(
            f"{inside} is too long for a socket, and no temporary folder can be used: choose a shorter home."
        )

    def _may_use(self, base: Path) -> bool:
        user = self.postgres_user
        return nobody_else_may_replace(base) and (user is None or may_enter(user, base))

    def remove_socket_folder(self, folder: Path) -> None:
        """Remove what `make_socket_folder` made elsewhere."""
        if folder.parent == self.root or not folder.name.startswith(_TEMPORARY):
            return
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid in {os.geteuid(), *(user.uid for user in self.users)}:
                shutil.rmtree(folder, ignore_errors=True)  # refuses a symbolic link

    def prepare(self) -> None:
        """Create the folder, or refuse one that belongs to somebody else."""
        mode = 0o700 if self.postgres_user is None else 0o711
        for folder in reversed([self.root, *self.root.parents]):
            try:
                folder.mkdir(mode=mode)
            except FileExistsError:
                continue
            except OSError:
                if folder.is_dir():
                    continue
                raise
            folder.chmod(mode)  # whatever the umask took away
        status = self.root.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise RefusedError(
                f"{self.root} belongs to {account_name(status.st_uid)}: the embedded servers run only for"
                " their owner. Use that account, or another home."
            )

    def make_private(self, folder: Path, user: ServerUser | None) -> None:
        """Create a folder that only this server may enter, or refuse one that somebody else created."""
        owner = os.geteuid() if user is None else user.uid
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {owner, os.geteuid()}:
            raise RefusedError(
                f"{folder} belongs to {account_name(status.st_uid)}: remove it, or use another home."
            )
        if stat.S_IMODE(status.st_mode) & 0o077:
            folder.chmod(0o700)
        if user is not None:
            os.chown(folder, user.uid, user.gid, follow_symlinks=False)

    def write(self, path: Path, text: str) -> None:
        """Replace a file atomically, readable for the servers."""
        unfinished = path.with_name(path.name + ".new")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.chmod(0o600 if self.postgres_user is None else 0o644)
        unfinished.replace(path)

    def write_for(self, path: Path, text: str, user: ServerUser | None) -> None:
        """Replace a file with a secret of this server atomically."""
        unfinished = path.with_name(path.name + ".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        if user is not None:
            os.chown(unfinished, user.uid, user.gid)
        unfinished.replace(path)

    def empty(self) -> None:
        """Delete everything but the locks. The caller holds them."""
        locks = {self.holders_lock, self.supervisor_lock}
        for entry in self.root.iterdir():
            if entry in locks:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / ".s.PGSQL.5432")) <= _SOCKET_PATH_LIMIT and "," not in str(folder)
