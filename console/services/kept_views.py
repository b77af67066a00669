"""The operator's views of the list of devices: a small file of their own, by tenant.

Decided in docs/decisions/0064-saved-views.md
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.domain.views import MOST, View, named, view_item, view_of

VERSION = 1
_MOST_BYTES = 1_000_000
Tenants = dict[str, dict[str, Any]]
Change = Callable[[dict[str, Any]], object]


class KeptViews:
    """Reads and writes the file. One that cannot be read counts as empty and is not overwritten.

    Without a path, or where nothing may be written, changes last as long as the program. So does a change
    that could not be written, until it is written with the next one.
    """

    def __init__(self, path: Path | None = None, *, writes: bool = True) -> None:
        self._path = path
        self._writes = writes and path is not None
        self._unwritten: list[tuple[str, Change]] = []
        self._is_readable = True
        self.note = ""  # why views are missing that were kept

    @property
    def are_kept(self) -> bool:
        """Whether a change outlasts the program."""
        return self._writes and self._is_readable and not self._unwritten

    def load(self, tenant_id: str) -> tuple[View, ...]:
        """Return the tenant's views by name; `note` says then why some are missing, or nothing."""
        views, skipped = self._views(tenant_id)
        if skipped:
            are = "view is" if skipped == 1 else "views are"
            self.note = f"{skipped} kept {are} of another version of this program, and left alone."
        return views

    def active(self, tenant_id: str) -> View | None:
        """Return the view that was taken last, if it is still there."""
        name = self._all().get(tenant_id, {}).get("active")
        return named(self.load(tenant_id), name) if isinstance(name, str) else None

    def keep(self, tenant_id: str, view: View) -> str:
        """Add a view, in place of one of the same name, as the active one; return why not, or nothing."""
        if view_of(view_item(view)) is None:
            return "This filter cannot be kept: it is too long, or has control characters."
        others = [one for one in self._views(tenant_id)[0] if named((one,), view.name) is None]
        if len(others) >= MOST:
            return f"{MOST} views are kept already: delete one first."

        def put(own: dict[str, Any]) -> None:
            _replace(own, view.name, view_item(view))
            own["active"] = view.name

        return self._change(tenant_id, put)

    def delete(self, tenant_id: str, name: str) -> str:
        """Remove a view; return why it could not be, or nothing."""
        return self._change(tenant_id, lambda own: _replace(own, name, None))

    def activate(self, tenant_id: str, name: str) -> str:
        """Remember which view was taken last, none for an empty name; return why not, or nothing."""
        return self._change(tenant_id, lambda own: own.update(active=name))

    def _views(self, tenant_id: str) -> tuple[tuple[View, ...], int]:
        items = self._all().get(tenant_id, {}).get("views")
        items = items if isinstance(items, list) else []
        found = [view for view in map(view_of, items) if view is not None]
        return tuple(sorted(found, key=lambda view: view.name.casefold()))[:MOST], len(items) - len(found)

    def _change(self, tenant_id: str, change: Change) -> str:
        everything = self._all()
        change(everything.setdefault(tenant_id, {}))
        text = json.dumps({"version": VERSION, "tenants": everything}, ensure_ascii=True, indent=1)
        if len(text) > _MOST_BYTES:
            return "The views would fill more than a megabyte: delete one, or shorten a filter."
        self._unwritten.append((tenant_id, change))
        if self._path is None or not (self._writes and self._is_readable):
            return ""
        try:
            _write(self._path, text)
        except OSError as error:
            return f"The view cannot be kept: {error.strerror or 'the file cannot be written'}."
        self._unwritten.clear()
        return ""

    def _all(self) -> Tenants:
        """Return what stands in the file, with the changes that are not written."""
        everything = self._read()
        for tenant_id, change in self._unwritten:
            change(everything.setdefault(tenant_id, {}))
        return everything

    def _read(self) -> Tenants:
        if self._path is None:
            return {}
        self._is_readable, self.note = True, ""
        found: object = None
        try:
            if self._path.stat().st_size <= _MOST_BYTES:
                found = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            found = None
        is_ours = isinstance(found, dict) and found.get("version") == VERSION
        tenants = found.get("tenants") if is_ours and isinstance(found, dict) else None
        if not isinstance(tenants, dict):
            self._is_readable = False
            self.note = f"The views in {self._path.name} cannot be read: it is damaged or of another version."
            return {}
        return {name: own for name, own in tenants.items() if isinstance(own, dict)}


def _replace(own: dict[str, Any], name: str, item: dict[str, object] | None) -> None:
    """Put an item in place of the one of this name; what is of another version stays as it is."""
    before = own.get("views")
    views = [one for one in before if not _is_called(one, name)] if isinstance(before, list) else []
    own["views"] = views if item is None else [*views, item]


def _is_called(item: object, name: str) -> bool:
    view = view_of(item)
    return view is not None and named((view,), name) is not None


def _write(path: Path, text: str) -> None:
    """Write a new file and replace the old one by it atomically: a crash loses nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, made = tempfile.mkstemp(dir=path.parent, prefix=".views-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
