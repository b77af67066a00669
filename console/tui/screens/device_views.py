"""Views of the list of devices: taken from a list, saved under a name, and restored at the next start.

Decided in docs/decisions/0064-saved-views.md
"""

from collections.abc import Callable
from typing import Protocol

from console.domain.text.safe import safe
from console.domain.views import LONGEST_NAME, View, named
from console.tui.keys.actions import Action
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.device_sort import DeviceSort
from console.tui.screens.dialogs.views import ViewsDialog
from console.tui.widgets.filtered_list import FilteredList


class DeviceViews:
    """`on_change` is called when the list is to show something else."""

    def __init__(
        self,
        screen: ConsoleScreen,
        filtered: FilteredList,
        sorting: DeviceSort,
        on_change: Callable[[], object],
    ) -> None:
        self._screen = screen
        self._state = screen.state
        self._filtered = filtered
        self._sorting = sorting
        self._on_change = on_change

    @property
    def label(self) -> str:
        """Name the view that is shown: ``view: night shift``, and whether it was changed since."""
        view = self._state.view
        if view is None:
            return ""
        changed = "" if view.shows_as(self._current(view.name)) else ", changed"
        return f"view: {safe(view.name, LONGEST_NAME)}{changed}"

    def begin(self) -> None:
        """Take the view that was taken last, as the program starts or the tenant is another one."""
        views, tenant = self._state.program.views, self._state.tenant
        self._state.view = None
        active = views.active(tenant)
        if active is not None:
            self._put(active)
        if views.note:
            self._screen.call_after_refresh(self._screen.say, views.note, "warn")

    def show(self, text: str, view: str) -> None:
        """Filter by this text, if there is one, or take the view of this name."""
        if text:
            self._filtered.put_filter(text)
        found = named(self._state.program.views.load(self._state.tenant), view) if view else None
        if found is not None:
            self.take(found)
        elif view:
            self._screen.say(f"There is no view “{safe(view, LONGEST_NAME)}” any more.", "warn")

    def take(self, view: View) -> None:
        """Show the devices as the view says."""
        fault = self._state.program.views.activate(self._state.tenant, view.name)
        self._put(view)
        self._on_change()
        if fault:
            self._screen.say(fault, "warn")

    def choose(self) -> None:
        """List the views."""
        dialog = ViewsDialog(self._state, self._current, self._saved)
        self._screen.app.push_screen(dialog, self._chosen)

    def _chosen(self, view: View | None) -> None:
        if view is not None:
            self.take(view)

    def _saved(self, view: View) -> None:
        self._state.view = view

    def _current(self, name: str) -> View:
        state = self._state
        return View(
            name, self._filtered.text.strip(), state.device_sort, state.device_columns, state.device_group
        )  # fmt: skip

    def _put(self, view: View) -> None:
        state = self._state
        state.view = view if view.name else None
        state.device_sort, state.device_columns, state.device_group = view.sort, view.columns, view.group
        self._sorting.chosen = view.sort.by
        if self._filtered.text != view.filter:
            self._filtered.put_filter(view.filter)


class HasViews(Protocol):
    """A screen with such views."""

    @property
    def views(self) -> DeviceViews: ...


VIEWING: tuple[Action[HasViews], ...] = (
    Action(
        "views", "V", "views", "Saved views: filter, order, columns and groups under a name",
        "device-console devices --view NAME", lambda s: s.views.choose(), footer=20,
    ),
)  # fmt: skip
