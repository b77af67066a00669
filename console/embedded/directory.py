"""Where the embedded servers keep everything, because each process must find the same place by itself.

Everything lies below `<home>/embedded` and belongs to the account that runs the program. PostgreSQL refuses
to run as root: started by root, the servers run as the caller of sudo, else as `postgres`, else as `nobody`.
They then own their data and socket folders; everything that root itself reads or writes stays root's. No
existing folder is ever opened up for them: when that account can't reach the home (below `/root`, say), the
place becomes `/var/lib/device-console/<digest of the home>`.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from console.errors import RefusedError

_SYSTEM_PARENT = Path("/var/lib/device-console")
_SOCKET_PATH_LIMIT = 100  # the kernel's limit is 104 to 108 bytes, and some clients append to it


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The account that the servers run as when the program itself runs as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class EmbeddedDirectory:
    """The folder of one set of embedded servers. `server_user` is None unless we are root."""

    root: Path
    server_user: ServerUser | None

    @classmethod
    def default(cls, home: Path) -> "EmbeddedDirectory":
        """Find the folder that belongs to this home. Creates nothing."""
        home = home.expanduser().resolve()
        if os.geteuid() != 0:
            return cls(home / "embedded", None)
        inside = cls(home / "embedded", _server_user(home / "embedded"))
        if inside.server_user is None or may_enter(inside.server_user, inside.root):
            return inside
        root = _SYSTEM_PARENT / _digest(home)
        return cls(root, _server_user(root))

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

    @property
    def socket_folder(self) -> Path:
        """Where PostgreSQL's socket lies: inside, unless clients can't take so long a path or a comma."""
        inside = self.root / "socket"
        if _fits(inside) and "," not in str(inside):
            return inside
        name = f"device-console-{os.geteuid()}-{_digest(self.root)}"
        bases = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir())
        for base in (Path(text) for text in bases if text):
            usable = base.is_dir() and (self.server_user is None or may_enter(self.server_user, base))
            if usable and _fits(base / name) and "," not in str(base):
                return base / name
        return Path("/tmp") / name  # noqa: S108 - its owner is checked before use

    def prepare(self) -> None:
        """Create the folder for ourselves, or refuse one that belongs to somebody else."""
        mode = 0o700 if self.server_user is None else 0o711
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
                f"{self.root} belongs to {_account(status.st_uid)}: the embedded servers run only for their"
                " owner. Use that account, or another home."
            )

    def make_private(self, folder: Path) -> None:
        """Create a folder that only the servers may enter, or refuse one that somebody else put there."""
        owner = os.geteuid() if self.server_user is None else self.server_user.uid
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {owner, os.geteuid()}:
                raise RefusedError(
                    f"{folder} belongs to {_account(status.st_uid)}: remove it, or use another home."
                ) from None
        if self.server_user is not None:
            os.chown(folder, self.server_user.uid, self.server_user.gid, follow_symlinks=False)

    def write(self, path: Path, text: str) -> None:
        """Replace a file as a whole, readable for the servers."""
        unfinished = path.with_name(path.name + ".new")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.chmod(0o600 if self.server_user is None else 0o644)
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
        if self.socket_folder.parent != self.root and self.socket_folder.exists():
            self.make_private(self.socket_folder)
            shutil.rmtree(self.socket_folder)


def may_enter(user: ServerUser, path: Path) -> bool:
    """Tell from the permission bits whether a user gets to a path. What is missing we create open enough."""
    for step in [path, *path.parents]:
        try:
            status = step.stat()
        except FileNotFoundError:
            continue
        if status.st_uid == user.uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid == user.gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def _server_user(root: Path) -> ServerUser:
    """Choose whom the servers run as: whoever owns the data already, else the usual candidates."""
    candidates: list[str | None] = [os.environ.get("SUDO_USER"), "postgres", "nobody"]
    with contextlib.suppress(OSError):
        candidates.insert(0, _account((root / "data").stat().st_uid))
    for name in candidates:
        try:
            entry = pwd.getpwnam(name or "root")
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise RefusedError(
        "PostgreSQL does not run as root, and this system has neither a user postgres nor nobody:"
        " start the program as an ordinary user."
    )


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / ".s.PGSQL.5432")) <= _SOCKET_PATH_LIMIT
