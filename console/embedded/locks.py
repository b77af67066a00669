"""File locks that end with their holder, because a process that is killed can't clean up."""

import fcntl
import os
from pathlib import Path
from typing import Self


class FileLock:
    """An `flock` on one file; a child that inherits the descriptor keeps it locked after we are gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def try_exclusive(self) -> bool:
        """Take the lock exclusively; return False at once if another process has it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the lock shared; return False at once if another process has it exclusively.

        A conversion from exclusive is not atomic: when it fails, the lock is lost.
        """
        return self._try(fcntl.LOCK_SH)

    def fileno(self) -> int:
        if self._descriptor is None:
            message = f"{self.path} is not locked"
            raise ValueError(message)
        return self._descriptor

    def adopt(self, descriptor: int) -> Self:
        """Take over a lock that the parent process took and passed on."""
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self, kind: int) -> bool:
        while True:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                self.release()
                return False
            if self._still_on_disk(self._descriptor):
                return True
            self.release()

    def _still_on_disk(self, descriptor: int) -> bool:
        """Return whether the locked file is the one that others will open: a reset may have deleted it."""
        try:
            on_disk = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (ours.st_dev, ours.st_ino) == (on_disk.st_dev, on_disk.st_ino)
