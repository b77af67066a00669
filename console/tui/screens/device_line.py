"""The line of one device above its history: what it is, and behind which gateway."""

import time

from console.domain.devices import Device
from console.tui.presenters.devices import place_line
from console.tui.screens.base import SHORT
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.text import Lines

_EVERY_S = 5.0


class DeviceLine(Lines):
    """The line; hidden where several devices are shown, and on a short terminal."""

    def __init__(self, state: ConsoleState, device_id: str | None) -> None:
        super().__init__(id="place")
        self._state = state
        self._device_id = device_id
        self._device: Device | None = None
        self._due = 0.0
        self.display = False

    async def read(self) -> None:
        """Read the device, at long intervals: what is shown of it hardly changes.

        Raises:
            ConsoleError: the database did not answer.
        """
        if self._device_id is None or time.monotonic() < self._due:
            return
        found = await self._state.program.history.devices(self._state.tenant, (self._device_id,))
        self._due = time.monotonic() + _EVERY_S
        self._device = found.get(self._device_id)
        self.paint()

    def paint(self) -> None:
        """Show what was read, in the current width."""
        width, height = self.app.size
        self.show([place_line(self._device, width)] if self._device else [])
        self.display = self._device is not None and height >= SHORT
