"""The key by which clients know this server: made at the first start, in a file that only its owner reads."""

import os
from pathlib import Path

import asyncssh

from console.errors import UsageError

NAME = "ssh_host_ed25519_key"


def host_key(folder: Path) -> asyncssh.SSHKey:
    """Return the host's key; make it if there is none yet.

    Raises:
        UsageError: the file cannot be read or written, or holds no key.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = asyncssh.generate_private_key("ssh-ed25519")
        try:
            _write(path, made.export_private_key())
        except FileExistsError:
            made = asyncssh.import_private_key(path.read_bytes())
    except OSError as error:
        raise UsageError(f"The host key {path} cannot be used: {error.strerror}.") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise UsageError(
            f"The host key {path} cannot be read ({error}): move it away to get a new one."
        ) from None
    else:
        return made


def _write(path: Path, data: bytes) -> None:
    """Write a new file completely, or not at all; two processes that start at once end with one key.

    Raises:
        FileExistsError: there is one already.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
