"""The accounts of the embedded servers when root starts them: PostgreSQL refuses root, no server needs it.

Each server has an account of its own if the system has enough of them, so that an attacker in the broker
cannot read the database's files. An account `device-console`, if an administrator created one, is preferred
to those of the distribution's servers. The caller of sudo is preferred to all: the data is theirs.

Decided in docs/decisions/0038-an-account-for-each-server.md
"""

import contextlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from console.errors import RefusedError

OWN = "device-console"
POSTGRES = (OWN, "postgres", "daemon", "nobody")
BROKER = (OWN, "mosquitto", "nobody")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The account that a server runs as when the program itself runs as root."""

    name: str
    uid: int
    gid: int


def choose_account(data: Path, usual: tuple[str, ...]) -> ServerUser:
    """Return the account for a server: the owner of its data, the caller of sudo, or a usual account.

    Raises:
        RefusedError: no such account exists.
    """
    candidates = [os.environ.get("SUDO_USER", ""), *usual]
    with contextlib.suppress(OSError):
        candidates.insert(0, account_name(data.stat().st_uid))
    for name in candidates:
        try:
            entry = pwd.getpwnam(name or "root")
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise RefusedError(
        f"PostgreSQL does not run as root, and this system has no user {OWN}, postgres or nobody:"
        " start the program as an ordinary user."
    )


def account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def may_enter(user: ServerUser, path: Path) -> bool:
    """Return whether the permission bits let a user reach a path. Missing folders are created with access."""
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


def nobody_else_may_replace(path: Path) -> bool:
    """Return whether only we and root can replace this folder or what we create in it.

    A folder that others may write to is safe only with the sticky bit: then only owners can replace entries.
    """
    for step in [path, *path.parents]:
        try:
            status = step.stat()
        except FileNotFoundError:
            continue
        is_open = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
        if is_open or status.st_uid not in {0, os.geteuid()}:
            return False
    return True
