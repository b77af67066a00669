"""A view of the list of devices under a name: its filter, order, columns and groups.

Decided in docs/decisions/0064-saved-views.md
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.domain.device_groups import GroupBy
from console.domain.devices import DeviceOrder, Sort
from console.domain.filters.language import MOST_LENGTH

MOST = 50
LONGEST_NAME = 40
_MOST_COLUMNS = 100
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # neither a database nor a terminal takes these


@dataclass(frozen=True, slots=True)
class View:
    """`filter` is as it was typed; `columns` are None by default, as `group` is without groups."""

    name: str
    filter: str = ""
    sort: Sort = field(default_factory=Sort)
    columns: frozenset[str] | None = None
    group: GroupBy | None = None

    def shows_as(self, other: "View") -> bool:
        """Return whether both show the same, whatever their names are."""
        return (self.filter, self.sort, self.columns, self.group) == (
            other.filter, other.sort, other.columns, other.group,
        )  # fmt: skip


def name_fault(name: str) -> str:
    """Return why a view cannot be called so; empty if it can."""
    if not name.strip():
        return "Give the view a name."
    if len(name) > LONGEST_NAME:
        return f"A name has at most {LONGEST_NAME} characters."
    if not name.isprintable():
        return "A name has letters, digits, spaces and signs only."
    return ""


def view_item(view: View) -> dict[str, object]:
    """Return the view as it is written to a file."""
    return {
        "name": view.name,
        "filter": view.filter,
        "sort": view.sort.by.value,
        "reverse": view.sort.reverse,
        "columns": None if view.columns is None else sorted(view.columns),
        "group": None if view.group is None else view.group.value,
    }


def view_of(item: object) -> View | None:
    """Read a view; None for what is no view, or is one with an order or groups that are not known here."""
    if not isinstance(item, Mapping):
        return None
    name, text, reverse = item.get("name"), item.get("filter"), item.get("reverse", False)
    if not (isinstance(name, str) and isinstance(text, str) and isinstance(reverse, bool)):
        return None
    if name_fault(name) or len(text) > MOST_LENGTH or _UNFIT.search(text):
        return None
    try:
        sort = Sort(DeviceOrder(str(item.get("sort"))), reverse)
        by = None if item.get("group") is None else GroupBy(str(item["group"]))
        return View(name.strip(), text, sort, _columns(item.get("columns")), by)
    except ValueError:
        return None


def _columns(found: object) -> frozenset[str] | None:
    if found is None:
        return None
    if not isinstance(found, list) or len(found) > _MOST_COLUMNS:
        raise ValueError(found)
    return frozenset(map(str, found))


def named(views: tuple[View, ...], name: str) -> View | None:
    """Return the view of this name, whatever its case."""
    wanted = name.strip().casefold()
    return next((view for view in views if view.name.casefold() == wanted), None)


def view_words(view: View) -> str:
    """Describe what a view holds: ``site:turku link:online, by recent, grouped by site``."""
    parts = [view.filter.strip() or "all devices"]
    if view.sort != Sort():
        parts.append(f"by {view.sort.by.value}{' reversed' if view.sort.reverse else ''}")
    if view.group is not None:
        parts.append(f"grouped by {view.group.value}")
    if view.columns is not None:
        parts.append(f"{len(view.columns | {DeviceOrder.DEVICE.value})} columns")
    return ", ".join(parts)
