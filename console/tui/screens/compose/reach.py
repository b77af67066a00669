"""Whom an unsent command reaches, as last read from the database."""

import time

from console.domain.batches import Preview
from console.domain.figures import TypeLatency, answered_by
from console.domain.histograms import Histogram
from console.domain.targets import Target
from console.tui.presenters import compose as words
from console.tui.screens.compose.review import BY_NAME
from console.tui.state.console_state import ConsoleState

_DEVICES_PER_S = 200  # limits how often the targets are looked up again: a large fleet less often


class Reach:
    """Counts of the targets, their names where they are few, and why a command may not reach them."""

    def __init__(self, state: ConsoleState, device_ids: tuple[str, ...]) -> None:
        self._state = state
        self._device_ids = device_ids
        self._due = 0.0
        self.command_type = ""
        self.preview: Preview | None = None
        self.targets: tuple[Target, ...] | None = None
        self.notable: list[Target] = []
        self.fault: str | None = None
        self._learned: tuple[TypeLatency, ...] | None = None

    async def read(self, command_type: str) -> None:
        """Look the targets up when that is due, or when the type has changed.

        Raises:
            ConsoleError: the database did not answer.
        """
        if time.monotonic() < self._due and command_type == self.command_type:
            return
        program, tenant = self._state.program, self._state.tenant
        if self._learned is None:
            self._learned = (await program.figures.latency(tenant)).value
        preview = await program.bulk.preview(tenant, self._device_ids, command_type)
        if preview.read_at is not None:
            self._state.clock.observe(preview.read_at)
        if len(self._device_ids) <= BY_NAME:
            self._take_targets(await program.sender.targets(tenant, self._device_ids))
        elif preview.forbidden == preview.total:
            self.fault = "None of these devices can be sent to"
        self.preview, self.command_type = preview, command_type
        self._due = time.monotonic() + len(self._device_ids) / _DEVICES_PER_S

    def answered(self, command_type: str) -> Histogram:
        """Return the learned answer times of a type on the models of these devices."""
        models = self.preview.models if self.preview else frozenset()
        return answered_by(self._learned or (), command_type, models)

    def _take_targets(self, targets: tuple[Target, ...]) -> None:
        self.targets = targets
        self.notable = words.notable(targets)
        many = len(targets) > 1
        self.fault = None if many and any(not t.fault for t in targets) else words.first_fault(targets)
