"""The fleet as cells on a whole screen: how the last command of each device ended, or its link."""

import asyncio
from collections.abc import Iterable
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from console.domain.devices import Device, DeviceCounts
from console.domain.text.counts import counted
from console.tables.columns import Cell
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.presenters.fleet import fleet_counts, legend
from console.tui.presenters.fleet_map import (
    CELL,
    HEAD,
    Row,
    device_line,
    fleet_rows,
    map_lines,
    moved,
    nearest,
    next_bad,
    place_of,
)
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose, ShowHistory
from console.tui.widgets.text import Lines

MOST_DEVICES = 5_000  # a larger fleet is listed, not drawn
_EVERY_S = 5.0
_REST = 20  # times as long as reading took
_PIECE = 500  # devices read at once


class _Cells(Lines):
    """The cells; a click stands on one."""

    ALLOW_SELECT = False

    class Clicked(Message):
        def __init__(self, x: int, y: int) -> None:
            super().__init__()
            self.x, self.y = x, y

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Clicked(event.x, event.y))


class FleetScreen(ConsoleScreen):
    """Cells in the order of site and id, so that a device keeps its place while others change."""

    KIND = "fleet"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._title, self._cells, self._line = Lines(id="title"), _Cells(id="fleet"), Lines(id="cell")
        self._devices: dict[str, Device] = {}
        self._counts: DeviceCounts | None = None
        self._rows: tuple[Row, ...] = ()
        self._marks: set[str] = set()
        self._cursor = ""
        self._top = 0
        self._due = 0.0

    def body(self) -> Iterable[Widget]:
        return (self._title, self._cells, self._line)

    def on_mount(self) -> None:
        self._cells.can_focus = True
        self._cells.focus()
        self.set_interval(_EVERY_S, self.request_read)

    async def read(self) -> None:
        """Read the devices piece by piece, and rest a multiple of the time that took."""
        clock, history, tenant = (
            asyncio.get_running_loop().time,
            self.state.program.history,
            self.state.tenant,
        )
        began = clock()
        if began < self._due:
            return
        page = await history.commands(tenant, limit=1)
        self.state.clock.observe(page.read_at)
        self._counts = counts = await history.device_counts(tenant)
        found: dict[str, Device] = {}
        if counts.total <= MOST_DEVICES:
            ids = await history.device_index(tenant)
            for at in range(0, len(ids), _PIECE):
                found |= await history.devices(tenant, ids[at : at + _PIECE])
        self._devices = found
        self._marks &= found.keys()
        self._lay_out(anew=True)  # what can be done is told by the rows
        self._due = clock() + max(_EVERY_S / 2, _REST * (clock() - began))

    def on_resize(self) -> None:
        self._rows = ()

    def _lay_out(self, *, anew: bool = False) -> None:
        """Make the rows again where devices or the width have changed.

        The cursor stays on its device, and the device in its line of the screen; if the device is gone, the
        cursor goes to the next one.
        """
        before = self._rows
        if not self._devices:
            self._rows = ()
        elif anew or not before:
            self._rows = fleet_rows(self._devices, self.app.size.width)
            self._cursor = nearest(before or self._rows, self._cursor, self._devices)
            if before:
                self._top += place_of(self._rows, self._cursor)[0] - place_of(before, self._cursor)[0]

    def repaint(self) -> None:
        self._lay_out()
        width, height = self.app.size.width, max(1, self._cells.size.height)
        row, _ = place_of(self._rows, self._cursor)
        self._top = max(row - height + 1, min(self._top, row, max(0, len(self._rows) - height)))
        if self._counts is not None:
            self._title.show(
                [fleet_counts(self._counts, tuple(self._devices.values()), width), legend(width)]
            )
        shown = self._rows[self._top : self._top + height]
        lines = map_lines(shown, self._devices, self._cursor, self._marks)
        empty = "" if self._counts is None else self._no_device() or ""
        self._cells.show(lines or [(Cell(f" {empty[:1].upper()}{empty[1:]}", "dim"),)])
        now = self.state.clock.now()
        self._line.show([device_line(self._devices.get(self._cursor), len(self._marks), now, width)])

    @property
    def cursor_row(self) -> int:
        """The line that says what the cursor stands on."""
        return self._line.region.y

    # Moving

    def action_walk(self, across: int, down: int) -> None:
        self._stand_on(moved(self._rows, self._cursor, across, down))

    def _stand_on(self, device_id: str) -> None:
        self._cursor = device_id
        self.repaint()
        self.refresh_chrome()

    def on__cells_clicked(self, event: _Cells.Clicked) -> None:
        """Stand on the cell under the pointer."""
        number, place = self._top + event.y, (event.x - HEAD) // CELL
        if number < len(self._rows) and 0 <= place < len(self._rows[number].device_ids):
            self._stand_on(self._rows[number].device_ids[place])

    def _bad(self, by: int) -> None:
        found = next_bad(self._rows, self._devices, self._cursor, by)
        if found is None:
            self.say("No other device’s last command ended badly.")
        else:
            self._stand_on(found)

    # Why something cannot be done

    def _no_device(self) -> str | None:
        if self._counts is not None and self._counts.total > MOST_DEVICES:
            return f"more than {MOST_DEVICES:,} devices are listed, not drawn: 1 lists them"
        return None if self._devices else "there is no device here"

    # Actions

    def unmark(self, device_ids: Iterable[str]) -> None:
        """Take the marks off devices that have got their command."""
        self._marks.difference_update(device_ids)

    def _mark(self) -> None:
        self._marks ^= {self._cursor}
        self._stand_on(self._cursor)

    def _open(self) -> None:
        self.post_message(ShowHistory((self._cursor,)))

    def _compose_to(self) -> None:
        marked = tuple(sorted(self._marks))
        target = f"{len(marked):,} marked {counted(len(marked), 'device').split()[-1]}" if marked else ""
        self.post_message(ShowCompose(marked or (self._cursor,), target))

    def _compose_label(self) -> str:
        return f"compose to {len(self._marks):,}" if self._marks else "compose"

    def _copy(self) -> None:
        copy_text(self, "the device’s id", self._cursor)

    def _back(self) -> None:
        if self._marks:
            self._marks.clear()
            self._stand_on(self._cursor)
        else:
            self.leave()

    def _back_label(self) -> str:
        return "clear marks" if self._marks else "back"

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open, _no_device, lambda _: "history"),
        actions.compose(_compose_to, _no_device, _compose_label),
        Action("mark", "space", "mark", "Mark or unmark the device", ON_SCREEN_ONLY, _mark, _no_device,
               footer=12),
        Action("next_bad", "n", "go to the next not ok", "Go to the next device that is not ok",
               ON_SCREEN_ONLY, lambda s: s.action_bad(1), _no_device, footer=13,
               label_now=lambda _: "next not ok"),
        Action("last_bad", "N", "go to the last not ok", "Go to the one before", ON_SCREEN_ONLY,
               lambda s: s.action_bad(-1), _no_device),
        actions.copy_id(_copy, _no_device),
        actions.BATCHES,
        actions.PROBLEMS,
        *actions.everywhere(actions.back(_back, _back_label)),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(KIND, ACTIONS),
        Binding("left", "walk(-1, 0)", show=False),
        Binding("right", "walk(1, 0)", show=False),
        Binding("up,k", "walk(0, -1)", show=False),
        Binding("down,j", "walk(0, 1)", show=False),
        Binding("pageup", "walk(0, -10)", show=False),
        Binding("pagedown", "walk(0, 10)", show=False),
        Binding("home,g", "walk(-100000, 0)", show=False),
        Binding("end,G", "walk(100000, 0)", show=False),
    ]

    def action_bad(self, by: int) -> None:
        """Go to the next device that is not ok, or to the one before."""
        self._bad(by)
