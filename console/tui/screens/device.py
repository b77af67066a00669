"""One device on a screen of its own: what stands beside the list on a wide terminal."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.domain.devices import Device
from console.domain.text.safe import safe_id
from console.tables.columns import Cell
from console.tui.keys.actions import Action, bindings_for
from console.tui.presenters.device_pane import DeviceFacts, device_lines
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.screens.device_beside import FactsReader
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowCompose, ShowHistory
from console.tui.widgets.text import Lines

_GONE = "This device is not in the registry. Press esc to go back."


class DeviceScreen(ConsoleScreen):
    """Shows the device, its answer times, its last ends and commands, and updates them."""

    KIND = "device"

    def __init__(self, state: ConsoleState, device_id: str) -> None:
        super().__init__(state)
        self._device_id = device_id
        self._device: Device | None = None
        self._facts: DeviceFacts | None = None
        self._reader = FactsReader(state)
        self._title = Lines(id="title")
        self._lines = Lines(id="device")
        self._empty = "Reading the device…"

    def body(self) -> Iterable[Widget]:
        return (self._title, self._lines)

    def on_mount(self) -> None:
        self._title.show([(Cell(f" {safe_id(self._device_id, 60)} › Device", "strong"),)])

    async def read(self) -> None:
        state = self.state
        found = await state.program.history.devices(state.tenant, (self._device_id,))
        self._device = found.get(self._device_id)
        self._empty = _GONE
        device = self._device
        self._facts = None if device is None else await self._reader.read(self._device_id, device.own_model)

    def repaint(self) -> None:
        width, height = self._lines.content_size
        now = self.state.clock.now()
        empty = [(Cell(self._empty, "dim"),)]
        device = self._device
        self._lines.show(empty if device is None else device_lines(device, self._facts, now, width, height))

    def _no_device(self) -> str | None:
        return "there is no device here" if self._device is None else None

    def _open(self) -> None:
        self.post_message(ShowHistory((self._device_id,)))

    def _write_command(self) -> None:
        self.post_message(ShowCompose((self._device_id,)))

    def _copy_device(self) -> None:
        copy_text(self, "the device’s id", self._device_id)

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        actions.open_row(_open, _no_device, lambda _: "history"),
        actions.compose(_write_command, _no_device),
        actions.copy_id(_copy_device),
        actions.BATCHES,
        *actions.everywhere(actions.back()),
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)
