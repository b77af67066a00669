"""The operator's favourite commands: a small file of their own, by tenant."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from console.domain.commands import params_fault, type_fault
from console.domain.ttl import typed_ttl_fault

MOST = 50
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Saved:
    """A command without a device. `ttl` is as it was typed, for example 10m."""

    command_type: str
    params: str
    ttl: str


class Favourites:
    """Reads and writes the file. One that cannot be read counts as empty and is not overwritten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readable = True

    def load(self, tenant_id: str) -> tuple[Saved, ...]:
        """Return the tenant's favourites, newest first."""
        found = self._all().get(tenant_id)
        if not isinstance(found, list):
            return ()
        saved = [_saved(item) for item in found]
        return tuple(item for item in saved if item is not None)[:MOST]

    def toggle(self, tenant_id: str, command: Saved) -> bool:
        """Add a favourite, or remove it if it is one already; return whether it is one now.

        Raises:
            OSError: the file cannot be read or written; nothing is changed.
        """
        everything = self._all()
        self._check_readable()
        before = self.load(tenant_id)
        keep = command not in before
        after: Sequence[Saved] = (command, *before)[:MOST] if keep else [s for s in before if s != command]
        everything[tenant_id] = [{"type": s.command_type, "params": s.params, "ttl": s.ttl} for s in after]
        self._write(everything)
        return keep

    def _check_readable(self) -> None:
        if not self._readable:
            raise OSError(None, f"the file {self._path} is not a file of favourites")

    def _all(self) -> dict[str, object]:
        self._readable = True
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                return self._unreadable()
            found = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        return self._unreadable()

    def _unreadable(self) -> dict[str, object]:
        self._readable = False
        return {}

    def _write(self, everything: dict[str, object]) -> None:
        """Write a new file and replace the old one by it atomically: a crash loses nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=self._path.parent, prefix=".favourites-")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(everything, file, ensure_ascii=True, indent=1)
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


class NoFavourites(Favourites):
    """Nothing is kept, for those of whom nothing is known."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def load(self, tenant_id: str) -> tuple[Saved, ...]:
        del tenant_id
        return ()

    def toggle(self, tenant_id: str, command: Saved) -> bool:
        del tenant_id, command
        raise OSError(None, "favourites of guests are not kept")


def _saved(item: object) -> Saved | None:
    if not isinstance(item, dict):
        return None
    kind, params, ttl = item.get("type"), item.get("params"), item.get("ttl")
    if not (isinstance(kind, str) and isinstance(params, str) and isinstance(ttl, str)):
        return None
    if type_fault(kind) or params_fault(params) or typed_ttl_fault(ttl):
        return None
    return Saved(kind, params, ttl)
