"""Going to a device or a command by its id."""

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from console.domain.safe_text import safe
from console.errors import ConsoleError
from console.tui.background import start
from console.tui.desk import Desk
from console.tui.messages import ShowDetail, ShowHistory
from console.tui.presenters.cells import Cell
from console.tui.widgets.text import Lines


class GoDialog(ModalScreen[Message | None]):
    """Gives back where to go."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", show=False)]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._state = Lines(id="dialog-state")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield Input(placeholder="device id or command id", compact=True, max_length=200)
            yield self._state

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell("Go to", "strong"),)])
        self._state.show([(Cell("enter", "accent"), Cell(" goes   "), Cell("esc", "accent"), Cell(" stays"))])

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        wanted = event.value.strip().encode("utf-8", "replace").decode().replace("\x00", "")
        if wanted:
            start(self, partial(self._find, wanted), "find", exclusive=True)

    async def _find(self, wanted: str) -> None:
        history, tenant = self._desk.program.history, self._desk.tenant
        try:
            if await history.devices(tenant, [wanted]):
                self.dismiss(ShowHistory((wanted,)))
            elif await history.command(tenant, wanted):
                self.dismiss(ShowDetail(wanted))
            else:
                text = f"There is no device and no command “{safe(wanted, 60)}” in {safe(tenant, 40)}."
                self._state.show([(Cell(text, "warn"),)])
        except ConsoleError as error:
            self._state.show([(Cell(safe(error, 300), "bad"),)])

    def action_close(self) -> None:
        self.dismiss(None)
