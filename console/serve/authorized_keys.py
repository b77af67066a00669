"""The file that says which keys are admitted, and as whom. It is read again whenever it has changed."""

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import asyncssh

from console.errors import UsageError

_log = logging.getLogger("console.serve")


class AuthorizedKeys:
    """The keys of one file. A line that cannot be read admits nobody, and is told once, by its number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: object = None
        self._lines: list[asyncssh.SSHAuthorizedKeys] = []

    def check(self) -> None:
        """Read the file at the start.

        Raises:
            UsageError: it cannot be read, others may write it, or no line of it admits anybody.
        """
        fault = self._read()
        if fault:
            raise UsageError(fault)
        if not self._lines:
            raise UsageError(
                f"No line of {self.path} can be used: write one a key, such as "
                'environment="CONSOLE_TENANT=acme",environment="CONSOLE_OPERATOR=kim" ssh-ed25519 AAAA…'
            )

    def options_of(self, key: asyncssh.SSHKey, host: str, address: str) -> Mapping[str, object] | None:
        """Return the options of the first line that admits this key from there; None if none does."""
        if fault := self._read():
            _log.warning("%s", fault)
        for line in self._lines:
            options = line.validate(key, host, address)
            if options is not None:
                return options
        return None

    def _read(self) -> str:
        """Read the file if it has changed; return what is wrong with it, which then admits nobody."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                seen = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode, found.st_uid)
                if seen == self._seen:
                    return ""
                fault = _fault(self.path, found)
                text = "" if fault else file.read().decode("utf-8", "replace")
        except OSError as error:
            self._seen, self._lines = None, []
            return f"The keys in {self.path} cannot be read: {error.strerror}. See CONSOLE_AUTHORIZED_KEYS."
        if fault:
            self._seen, self._lines = None, []
            return fault
        self._seen, self._lines = seen, []
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                self._take(number, line.strip())
        return ""

    def _take(self, number: int, line: str) -> None:
        """Take a line. A character that begins a line for Python could hide another key in a comment."""
        try:
            found = asyncssh.import_authorized_keys(line) if line.splitlines() == [line] else None
        except (ValueError, LookupError, asyncssh.Error):
            found = None
        if found is not None:
            self._lines.append(found)
        else:
            _log.warning("line %d of %s cannot be read as a key: it admits nobody", number, self.path)


def _fault(path: Path, found: os.stat_result) -> str:
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"Others may write {path}, so it admits nobody: run chmod 600 on it."
    if found.st_uid not in {0, os.getuid()}:
        return f"The file {path} belongs to another user, so it admits nobody."
    return ""
