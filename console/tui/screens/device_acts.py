"""What is done with the device under the cursor, or with the marked ones."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from console.domain.device_groups import filter_of
from console.domain.text.counts import counted
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.lists.group_rows import GroupRows
from console.tui.presenters.device_groups import group_name
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.screens.device_grouping import DeviceGrouping
from console.tui.screens.device_marks import FOR_COMMAND, DeviceMarks
from console.tui.state.messages import ShowCompose, ShowDevice, ShowHistory
from console.tui.widgets.filtered_list import FilteredList


class _Group(NamedTuple):
    """A group as it was when the key was pressed: the cursor may move while its devices are looked up."""

    name: str
    members: frozenset[str]
    where: str


class DeviceActs:
    """`no_row` returns why there is no row to act on; None if there is one."""

    def __init__(
        self,
        screen: ConsoleScreen,
        filtered: FilteredList,
        rows: GroupRows,
        grouping: DeviceGrouping,
        marks: DeviceMarks,
        no_row: Callable[[], str | None],
    ) -> None:
        self._screen = screen
        self._filtered = filtered
        self._rows = rows
        self._grouping = grouping
        self._marks = marks
        self.no_row = no_row

    @property
    def _device(self) -> str:
        return self._filtered.table.cursor_key or ""

    def no_device(self) -> str | None:
        """Return why there is no device under the cursor; None if there is one."""
        if self._grouping.at is not None:
            return "a group is under the cursor: → shows its devices"
        return self.no_row()

    def no_compose(self) -> str | None:
        """Return why nothing can be composed now; None if it can."""
        return self._marks.no_mark_all() if self._to_group else self._marks.no_mark()

    @property
    def _to_group(self) -> bool:
        return self._grouping.at is not None and not self._marks.keys

    def not_known(self) -> str | None:
        return self._marks.not_known

    def marked_or(self, words: str, otherwise: str) -> str:
        """Return a label that counts what is marked, or another one where nothing is."""
        return f"{words} {len(self._marks.keys):,}" if self._marks.keys else otherwise

    def describe(self) -> None:
        self._screen.post_message(ShowDevice(self._device))

    @property
    def open_label(self) -> str:
        return "history" if self._grouping.at is None else self._grouping.turn_label

    @property
    def compose_label(self) -> str:
        if self._to_group:
            return f"compose to {len(self._rows.members(self._grouping.at or '')):,}"
        return self.marked_or("compose to", "compose")

    def open(self) -> None:
        """Open the device's history; fold or unfold a group."""
        if self._grouping.at is not None:
            self._grouping.turn()
            return
        self._screen.post_message(ShowHistory((self._device,)))

    def compose(self) -> None:
        """Compose to the marked devices, to the group under the cursor, or to the device there."""
        value, found = self._grouping.at, self._rows.found
        if value is not None and found is not None and self._to_group:
            members, filtered = frozenset(self._rows.members(value)), self._filtered
            term = "" if filtered.parsed.faults else filter_of(found, value)
            where = f"{filtered.text} {term}".strip() if term else ""
            group = _Group(group_name(found.by, value), members, where)
            self._marks.with_sendable(set(members), partial(self._compose_to, group), FOR_COMMAND)
            return
        devices = tuple(sorted(self._marks.keys)) or (self._device,)
        self._screen.post_message(ShowCompose(devices, self._marks.target, where=self._marks.where))

    def _compose_to(self, group: _Group, devices: set[str]) -> None:
        """Compose to these of the group; its filter stands for them if it finds exactly them."""
        if devices and self._screen.still_here():
            where = group.where if devices == group.members else ""
            target = where or f"{counted(len(devices), 'device')} of {group.name}"
            self._screen.post_message(ShowCompose(tuple(sorted(devices)), target, where=where))

    def history(self) -> None:
        self._screen.post_message(ShowHistory(tuple(sorted(self._marks.keys)) or None))

    def copy(self) -> None:
        copy_text(self._screen, "the device’s id", self._device)


class HasActs(Protocol):
    """A screen on which that can be done."""

    @property
    def acts(self) -> DeviceActs: ...


OPENING: tuple[Action[Any], ...] = (
    actions.open_row(lambda s: s.acts.open(), lambda s: s.acts.no_row(), lambda s: s.acts.open_label),
    actions.compose(
        lambda s: s.acts.compose(), lambda s: s.acts.no_compose(), lambda s: s.acts.compose_label
    ),
)  # fmt: skip
ACTING: tuple[Action[HasActs], ...] = (
    Action(
        "tenant_history", "H", "all history", "History of the marked devices, or of the tenant",
        "device-console history", lambda s: s.acts.history(), lambda s: s.acts.not_known(), footer=17,
        label_now=lambda s: s.acts.marked_or("history of", "all history"),
    ),
    Action(
        "copy_device", "y", "copy device id", "Copy the id of the device", ON_SCREEN_ONLY,
        lambda s: s.acts.copy(), lambda s: s.acts.no_device(),
    ),
    Action(
        "describe", "d", "device", "What is known of the device, and its last commands", ON_SCREEN_ONLY,
        lambda s: s.acts.describe(), lambda s: s.acts.no_device(), footer=18,
    ),
)  # fmt: skip
