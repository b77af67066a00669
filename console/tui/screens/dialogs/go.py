"""Going to a device, a command or a bulk send by its id, or to a list by its name."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from console.domain.filters.language import Scope, begins_so
from console.domain.text.counts import counted
from console.domain.text.safe import safe, safe_id
from console.errors import ConsoleError
from console.tables.columns import Cell
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import (
    ShowBatch,
    ShowBatches,
    ShowDetail,
    ShowDevices,
    ShowHistory,
    ShowOverview,
    ShowProblems,
)
from console.tui.widgets.text import Lines

_PLACES: dict[str, Callable[[], Message]] = {
    "overview": ShowOverview,
    "devices": ShowDevices,
    "history": lambda: ShowHistory(None),
    "problems": ShowProblems,
    "batches": ShowBatches,
}
_NAMED = 4
_WILD = frozenset('"*?')  # characters with a meaning of their own in a filter
_LEAST = 6  # characters of a command's id needed to search the newer commands for it


class GoDialog(ModalScreen[Message | None]):
    """Returns where to go."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", show=False)]

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self._state = state
        self._status_line = Lines(id="dialog-state")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield Input(
                placeholder="an id or its beginning; or overview, devices, history, problems, batches",
                compact=True,
                max_length=200,
            )
            yield self._status_line

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell("Go to", "strong"),)])
        self._status_line.show(
            [(Cell("enter", "accent"), Cell(" goes   "), Cell("esc", "accent"), Cell(" stays"))]
        )

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        wanted = event.value.strip().removeprefix(":").encode("utf-8", "replace").decode().replace("\x00", "")
        if wanted:
            start(self, partial(self._find, wanted), "find", exclusive=True)

    async def _find(self, wanted: str) -> None:
        try:
            target = await self._target(wanted)
        except ConsoleError as error:
            target = safe(error, 300)
        if isinstance(target, str):
            self._status_line.show([(Cell(target, "warn"),)])
        else:
            self.dismiss(target)

    async def _target(self, wanted: str) -> Message | str:
        """Return what an id or a word names; a sentence if it names nothing.

        Raises:
            ConsoleError: the database did not answer.
        """
        program, tenant = self._state.program, self._state.tenant
        if await program.history.devices(tenant, [wanted]):
            return ShowHistory((wanted,))
        if await program.history.command(tenant, wanted):
            return ShowDetail(wanted)
        if await program.bulk.batch(tenant, wanted):
            return ShowBatch(wanted)
        if wanted in _PLACES:
            return _PLACES[wanted]()
        like = (
            []
            if set(wanted) & _WILD
            else await program.history.device_index(tenant, begins_so("device", wanted, Scope.DEVICES))
        )
        if len(like) == 1:
            return ShowHistory((like[0],))
        place = next((word for word in _PLACES if len(wanted) > 1 and word.startswith(wanted)), None)
        if not like and place is not None:
            return _PLACES[place]()
        begun = None if like else await self._begun_so(wanted)
        if begun is not None:
            return begun
        shown, where = safe(wanted, 60), safe(tenant, 40)
        if like:
            names = ", ".join(safe_id(device, 30) for device in like[:_NAMED])
            more = ", …" if len(like) > _NAMED else ""
            return f"{counted(len(like), 'device')} begin with “{shown}”: {names}{more}"
        return f"There is no device, command or bulk send “{shown}” in {where}."

    async def _begun_so(self, wanted: str) -> Message | str | None:
        """Return the only bulk send or command whose id has this prefix.

        Return a sentence if there are several, or if only the newer ones were searched.
        """
        if len(wanted) < _LEAST or set(wanted) & _WILD:
            return None
        program, tenant = self._state.program, self._state.tenant
        shown = safe(wanted, 60)
        batches = await program.bulk.batches(tenant, 2, wanted=begins_so("id", wanted, Scope.BATCHES))
        if len(batches) == 1:
            return ShowBatch(batches[0].batch_id)
        page = await program.history.commands(tenant, wanted=begins_so("id", wanted, Scope.COMMANDS), limit=2)
        if len(page.commands) == 1:
            return ShowDetail(page.commands[0].command_id)
        if batches or page.commands:
            return f"Several ids begin with “{shown}”: type more characters."
        if page.reached is not None:
            return (
                f"Nothing begins with “{shown}” among the newer commands: for an older one give the whole id."
            )
        return None

    def action_close(self) -> None:
        self.dismiss(None)
