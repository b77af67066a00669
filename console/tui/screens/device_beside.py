"""The device under the cursor, beside the list where there is room."""

import time
from typing import Protocol

from textual.timer import Timer

from console.domain.device_groups import value_of
from console.domain.devices import Device
from console.domain.figures import TypeLatency
from console.errors import ConsoleError
from console.tables.columns import Cell
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.lists.device_rows import DeviceRows
from console.tui.lists.group_rows import GroupRows
from console.tui.presenters.device_groups import group_lines
from console.tui.presenters.device_pane import DeviceFacts, device_lines
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowNotice
from console.tui.widgets.table import LineTable
from console.tui.widgets.text import Lines

ROOM = 150  # columns from which on the list leaves room for it
_LEAST, _LIST = 40, 72  # columns of the pane, and those that the list keeps
_STEP = 4
_DELAY_S = 0.08  # nothing is read while the cursor is moving
_COMMANDS = 20
_LEARNED_S = 30.0  # what has been learned changes slowly


class FactsReader:
    """Reads what is shown of a device besides its row."""

    def __init__(self, state: ConsoleState) -> None:
        self._state = state
        self._learned: dict[str, tuple[float, tuple[TypeLatency, ...]]] = {}

    async def read(self, device_id: str, model: str) -> DeviceFacts:
        """Read the device's newest commands, and how fast its model answers.

        Raises:
            ConsoleError: the database did not answer.
        """
        program, tenant = self._state.program, self._state.tenant
        page = await program.history.commands(tenant, device_ids=(device_id,), limit=_COMMANDS)
        return DeviceFacts(device_id, page.commands, await self._latencies(model))

    async def _latencies(self, model: str) -> tuple[TypeLatency, ...]:
        read_at, found = self._learned.get(model, (0.0, ()))
        if not read_at or time.monotonic() - read_at > _LEARNED_S:
            found = (await self._state.program.figures.latency(self._state.tenant, model=model)).value
            self._learned[model] = (time.monotonic(), found)
        return found


class DeviceBeside(Lines):
    """Shows the device under the cursor of `table`; what is not in its row is read when the cursor rests."""

    def __init__(self, state: ConsoleState, rows: DeviceRows, groups: GroupRows, table: LineTable) -> None:
        super().__init__(id="device-pane")
        self._groups = groups
        self._state = state
        self._rows = rows
        self._table = table
        self._reader = FactsReader(state)
        self._facts: DeviceFacts | None = None
        self._timer: Timer | None = None

    def _cursor(self) -> Device | None:
        return self._rows.get(self._table.cursor_key)

    @property
    def has_room(self) -> bool:
        """Whether the terminal is wide enough for list and pane."""
        return self.app.size.width >= ROOM

    async def read(self) -> None:
        """Read the device under the cursor; nothing where there is no room.

        Raises:
            ConsoleError: the database did not answer.
        """
        device = self._cursor()
        if not self.has_room or device is None:
            self._facts = None
        else:
            facts = await self._reader.read(device.device_id, device.own_model)
            now = self._cursor()
            if now is None or now.device_id != device.device_id:
                return  # whoever moved the cursor reads again
            self._facts = facts
        self.paint()

    def paint(self) -> None:
        """Show what is known, with times as of now."""
        if not self.has_room:
            return
        device, (width, height) = self._cursor(), self.content_size
        now, value, by = self._state.clock.now(), value_of(self._table.cursor_key), self._groups.by
        if value is not None and by is not None:
            read_only = self._state.program.read_only
            self.show(group_lines(by, value, self._groups.group(value), width, read_only=read_only))
            return
        words = "Reading the device…" if self._table.keys else "No device is selected."
        empty = [(Cell(words, "dim"),)]
        self.show(empty if device is None else device_lines(device, self._facts, now, width, height))

    def fill(self) -> None:
        """Take the width that is wanted; read at once if there is room now and nothing was read before."""
        self.display = self.has_room
        if self.has_room:
            wanted = self._state.device_pane or self.app.size.width * 36 // 100
            self.styles.width = max(_LEAST, min(wanted, self.app.size.width - _LIST))
            if self._facts is None:
                self._read_now()

    def resize(self, steps: int) -> None:
        """Make it wider, or narrower with a negative number."""
        most = self.app.size.width - _LIST
        self._state.device_pane = max(_LEAST, min(self.outer_size.width + steps * _STEP, most))
        self.fill()

    def follow_cursor(self) -> None:
        """Show the row under the cursor now, and read the rest as soon as the cursor rests."""
        if not self.has_room:
            return
        self.paint()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_DELAY_S, self._read_now)

    def on_resize(self) -> None:
        self.paint()

    def _read_now(self) -> None:
        if self.screen.is_active:
            start(self, self._try_to_read, "device", exclusive=True)

    async def _try_to_read(self) -> None:
        try:
            await self.read()
        except ConsoleError as error:
            self.post_message(ShowNotice(str(error), "bad"))


class HasPane(Protocol):
    """A screen with such a pane."""

    @property
    def pane(self) -> DeviceBeside: ...


def _no_pane(screen: HasPane) -> str | None:
    return None if screen.pane.has_room else f"the pane is shown from {ROOM} columns on"


PANE: tuple[Action[HasPane], ...] = (
    Action(
        "wider", "plus", "widen the pane", "Make the pane of the device wider", ON_SCREEN_ONLY,
        lambda s: s.pane.resize(1), _no_pane, shown_as="+",
    ),
    Action(
        "narrower", "underscore", "narrow the pane", "Make the pane of the device narrower", ON_SCREEN_ONLY,
        lambda s: s.pane.resize(-1), _no_pane, shown_as="_",
    ),
)  # fmt: skip
