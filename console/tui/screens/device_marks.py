"""Marks on the list of devices: the targets of the next command."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from console.domain.device_groups import devices_of, value_of
from console.domain.filters.language import Filter
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.lists.group_rows import GroupRows
from console.tui.screens.base import ConsoleScreen
from console.tui.state.background import start
from console.tui.widgets.filtered_list import FilteredList


class LookUp(NamedTuple):
    """What is said of a look-up of devices, by what it is for."""

    waits: str
    none: str
    left_out: str


FOR_MARKS = LookUp("the marks are being looked up: wait for them", "Nothing is marked", "not marked")
FOR_COMMAND = LookUp(
    "the devices of the group are being looked up: wait for them", "Nothing is composed", "left out"
)


class DeviceMarks:
    """The marks and the range that is being marked; marks stay when the filter changes.

    `on_change` is called when they change.
    """

    def __init__(
        self,
        screen: ConsoleScreen,
        filtered: FilteredList,
        listed: GroupRows,
        on_change: Callable[[], None],
        no_device: Callable[[], str | None],
        not_all: Callable[[], str | None],
    ) -> None:
        """`no_device` returns why there is nothing to mark, `not_all` why the list is not complete yet."""
        self._screen = screen
        self._filtered = filtered
        self._listed = listed
        self._on_change = on_change
        self._no_device = no_device
        self._not_all = not_all
        self._range_is_new = False
        self._looks_up: LookUp | None = None
        self.range_start: str | None = None

    @property
    def keys(self) -> frozenset[str]:
        return self._filtered.table.marks.keys

    @property
    def unseen(self) -> int:
        """How many are marked that the filter does not show."""
        holds, in_group = self._filtered.table.holds, self._listed.holds
        return sum(not (holds(key) or in_group(key)) for key in self.keys) if self._filtered.text else 0

    @property
    def where(self) -> str:
        """The filter, if exactly the devices that it finds are marked; otherwise empty."""
        means_it = bool(self._filtered.text) and not self._filtered.parsed.faults
        return self._filtered.text if means_it and self._are_all_shown else ""

    @property
    def target(self) -> str:
        """Describe the marked devices as a target; empty when nothing is marked."""
        if self._are_all_shown and not self._filtered.text:
            return f"all {counted(len(self.keys), 'device')}"
        return self.where or (counted(len(self.keys), "marked device") if self.keys else "")

    @property
    def _are_all_shown(self) -> bool:
        return bool(self.keys) and self.keys == set(self._listed.ids)

    @property
    def _group(self) -> str | None:
        """The value of the group under the cursor; None on a device."""
        return value_of(self._filtered.table.cursor_key)

    # Why something cannot be done

    @property
    def not_known(self) -> str | None:
        """Why nothing can be done with the marks now; None if it can."""
        return self._looks_up.waits if self._looks_up is not None else None

    def no_mark(self) -> str | None:
        """Return why nothing can be marked, or sent to what is marked; None if it can."""
        return self._no_device() or self.not_known

    def no_toggle(self) -> str | None:
        """Return why what is under the cursor, a device or a group, cannot be marked; None if it can."""
        return self.no_mark() if self._group is None else self.no_mark_all()

    def no_mark_all(self) -> str | None:
        """Return why the devices that the filter shows cannot all be marked; None if they can."""
        return self._no_device() or self._not_all() or self.not_known or self._filtered.filter_fault

    def no_range(self) -> str | None:
        """Return why a range can neither begin nor end here; None if it can."""
        reason = self.no_mark()
        if reason is not None:
            return reason
        if self._group is not None:
            return "a range begins and ends at a device, and here is a group"
        start_key = self.range_start
        if start_key is not None and not self._filtered.table.holds(start_key):
            return f"the range began at {safe(start_key, 40)}, which is not shown now: esc gives it up"
        return None

    # Marking

    def toggle(self) -> None:
        """Mark or unmark the device or the group under the cursor, and go to the next row."""
        key, group = self._filtered.table.cursor_key, self._group
        if group is not None:
            self.with_sendable(set(self._listed.members(group)), self._toggle_shown)
            self._filtered.table.action_move(1)
        elif key is not None:
            self._filtered.table.marks.toggle([key])
            self._filtered.table.action_move(1)
            self._on_change()

    def begin_or_end_range(self) -> None:
        """Begin a range at the cursor, or mark all from its beginning to here."""
        table = self._filtered.table
        key = table.cursor_key
        if key is None:
            return
        if self.range_start is None:
            self.range_start, self._range_is_new = key, key not in table.marks
            table.marks.add([key])
        else:
            table.marks.add(devices_of(table.between(self.range_start, key)))
            self.range_start = None
        self._on_change()

    def give_up_range(self) -> bool:
        """Abandon a range that was begun; return False when there is none."""
        if self.range_start is None:
            return False
        if self._range_is_new:
            self._filtered.table.marks.remove([self.range_start])
        self.range_start = None
        self._on_change()
        return True

    def clear(self) -> bool:
        """Remove all marks; return False when there are none."""
        if not self.keys:
            return False
        self.unmark(tuple(self.keys))
        return True

    def unmark(self, device_ids: tuple[str, ...]) -> None:
        """Remove these marks."""
        self._filtered.table.marks.remove(device_ids)
        self._on_change()

    def mark_all(self) -> None:
        """Mark all that the filter shows, or unmark them."""
        self.with_sendable(set(self._listed.ids), self._toggle_shown)

    def with_sendable(
        self, shown: set[str], do: Callable[[set[str]], object], words: LookUp = FOR_MARKS
    ) -> None:
        """Do it with those of the shown devices to which something can be sent, looked up if need be."""
        wanted = self._filtered.parsed
        if wanted.shows_decommissioned or "group" in wanted.keys:
            self._looks_up = words
            self._screen.refresh_chrome()
            start(
                self._screen, partial(self._do_when_known, wanted, shown, do, words), "mark", exclusive=True
            )
        else:
            do(shown)

    async def _do_when_known(
        self, wanted: Filter, shown: set[str], do: Callable[[set[str]], object], words: LookUp
    ) -> None:
        """Look them up; until that ends, the old marks are set and actions on them are refused."""
        try:
            await self._look_up(wanted, shown, do, words)
        finally:
            self._looks_up = None
            self._screen.refresh_chrome()

    async def _look_up(
        self, wanted: Filter, shown: set[str], do: Callable[[set[str]], object], words: LookUp
    ) -> None:
        """Do it with the devices that the filter shows, except decommissioned ones.

        Do nothing if a group is unknown: devices that it was to exclude would be among them.
        """
        state, say = self._screen.state, self._screen.say
        tenant = state.tenant
        try:
            found = await state.program.history.filter_notes(tenant, wanted)
            sendable = await state.program.history.sendable_index(tenant, wanted)
        except ConsoleError as error:
            say(str(error), "bad")
            return
        fault = next((note.sentence for note in found if note.is_fault), "")
        if fault:
            say(f"{words.none}: {safe(fault, 300)}", "warn")
            return
        left = len(shown.difference(sendable))
        if left:
            say(
                f"{counted(left, 'decommissioned device')} {words.left_out}: nothing can be sent there.",
                "warn",
            )
        do(shown & set(sendable))

    def _toggle_shown(self, shown: set[str]) -> None:
        self._filtered.table.marks.toggle(shown)
        self._on_change()


class HasMarks(Protocol):
    """A screen with marks."""

    @property
    def marks(self) -> DeviceMarks: ...


MARKING: tuple[Action[HasMarks], ...] = (
    Action(
        "mark", "space", "mark", "Mark or unmark the device, or all of a group", ON_SCREEN_ONLY,
        lambda s: s.marks.toggle(), lambda s: s.marks.no_toggle(), footer=14,
    ),
    Action(
        "mark_range", "v", "mark range", "Begin to mark a range; a second v ends it", ON_SCREEN_ONLY,
        lambda s: s.marks.begin_or_end_range(), lambda s: s.marks.no_range(),
    ),
    Action(
        "mark_all", "a", "mark all", "Mark all that the filter shows, or unmark them", ON_SCREEN_ONLY,
        lambda s: s.marks.mark_all(), lambda s: s.marks.no_mark_all(),
    ),
)  # fmt: skip
