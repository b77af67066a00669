"""What is done with the device under the cursor, or with the marked ones."""

from collections.abc import Callable
from typing import Any, Protocol

from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.screens import actions
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.screens.device_marks import DeviceMarks
from console.tui.state.messages import ShowCompose, ShowDevice, ShowHistory
from console.tui.widgets.table import LineTable


class DeviceActs:
    """`no_device` returns why there is no device to act on; None if there is one."""

    def __init__(
        self, screen: ConsoleScreen, table: LineTable, marks: DeviceMarks, no_device: Callable[[], str | None]
    ) -> None:
        self._screen = screen
        self._table = table
        self._marks = marks
        self.no_device = no_device

    @property
    def _device(self) -> str:
        return self._table.cursor_key or ""

    def no_mark(self) -> str | None:
        return self._marks.no_mark()

    def not_known(self) -> str | None:
        return self._marks.not_known

    def marked_or(self, words: str, otherwise: str) -> str:
        """Return a label that counts what is marked, or another one where nothing is."""
        return f"{words} {len(self._marks.keys):,}" if self._marks.keys else otherwise

    def describe(self) -> None:
        self._screen.post_message(ShowDevice(self._device))

    def open(self) -> None:
        self._screen.post_message(ShowHistory((self._device,)))

    def compose(self) -> None:
        devices = tuple(sorted(self._marks.keys)) or (self._device,)
        self._screen.post_message(ShowCompose(devices, self._marks.target, where=self._marks.where))

    def history(self) -> None:
        self._screen.post_message(ShowHistory(tuple(sorted(self._marks.keys)) or None))

    def copy(self) -> None:
        copy_text(self._screen, "the device’s id", self._device)


class HasActs(Protocol):
    """A screen on which that can be done."""

    @property
    def acts(self) -> DeviceActs: ...


OPENING: tuple[Action[Any], ...] = (
    actions.open_row(lambda s: s.acts.open(), lambda s: s.acts.no_device(), lambda _: "history"),
    actions.compose(
        lambda s: s.acts.compose(), lambda s: s.acts.no_mark(),
        lambda s: s.acts.marked_or("compose to", "compose"),
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
