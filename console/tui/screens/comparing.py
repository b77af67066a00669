"""Comparing the command under the cursor: with the marked one, or with the last that ended ok."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from console.domain.commands import Command
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.screens.base import ConsoleScreen
from console.tui.state.background import start
from console.tui.state.messages import ShowDiff


class Comparing:
    """Finds the other command; `marked` returns the id of the one that the operator has marked."""

    def __init__(
        self,
        screen: ConsoleScreen,
        chosen: Callable[[], Command | None],
        marked: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._screen = screen
        self._chosen = chosen
        self._marked = marked

    def no_command(self) -> str | None:
        return "there is no command here" if self._chosen() is None else None

    def compare(self) -> None:
        """Open the comparison with the marked command, or with the last ok of its type on its device."""
        command, marked = self._chosen(), self._marked()
        if command is None:
            return
        if marked is not None and marked != command.command_id:
            self._screen.post_message(ShowDiff(command.command_id, marked, "with the marked command"))
        else:
            start(self._screen, partial(self._with_last_ok, command), "diff", exclusive=True)

    async def _with_last_ok(self, command: Command) -> None:
        state, kind = self._screen.state, safe(command.command_type, 40)
        try:
            found = await state.program.history.like(state.tenant, command, 1, only_ok=True)
        except ConsoleError as error:
            self._screen.say(str(error), "bad")
            return
        if not self._screen.is_active:
            return
        if found:
            other = f"with the last {kind} before it that ended ok"
            self._screen.post_message(ShowDiff(command.command_id, found[0].command_id, other))
        else:
            self._screen.say(f"No earlier {kind} to this device ended ok: mark another with space.")


class HasComparing(Protocol):
    """A screen with one command under the cursor."""

    @property
    def comparing(self) -> Comparing: ...


DIFF: Action[HasComparing] = Action(
    "diff", "d", "diff",
    "Compare the command with the marked one, or with the last of its type that ended ok", ON_SCREEN_ONLY,
    lambda s: s.comparing.compare(), lambda s: s.comparing.no_command(), footer=16,
)  # fmt: skip
