"""What fills the fields: recent commands, the operator's favourites, and an editor of their own."""

from datetime import timedelta
from typing import Protocol

from console.domain.text.safe import safe
from console.domain.ttl import ttl_text, within_range
from console.errors import ConsoleError
from console.limits import DEFAULT_TTL
from console.services.favourites import Saved
from console.tui.keys.actions import ON_SCREEN_ONLY, Action
from console.tui.keys.allowed import no_program
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.compose.fields import ComposeFields
from console.tui.screens.dialogs.pick import PickDialog
from console.tui.state.background import start
from console.tui.terminal.editor import edit_text


class Recall:
    """Fills the fields of a screen from earlier commands, and keeps their contents as a favourite."""

    def __init__(self, screen: ConsoleScreen, fields: ComposeFields) -> None:
        self._screen = screen
        self._fields = fields

    def pick(self) -> None:
        """Let the operator choose a recent command or a favourite."""
        start(self._screen, self._offer, "pick", exclusive=True)

    async def _offer(self) -> None:
        state, lately = self._screen.state, list[Saved]()
        try:
            recent = await state.program.history.recent_commands(state.tenant)
            lately = [
                Saved(kind, params, ttl_text(within_range(timedelta(seconds=ttl_s))))
                for kind, params, ttl_s in recent
            ]
        except ConsoleError as error:
            self._screen.say(str(error), "bad")
        kept = state.program.favourites.load(state.tenant)
        self._screen.app.push_screen(PickDialog(kept, lately), self._picked)

    def _picked(self, saved: Saved | None) -> None:
        if saved is not None:
            self._fields.fill(saved)

    def toggle_favourite(self) -> None:
        """Add this command to the favourites, or remove it if it is one."""
        state, say = self._screen.state, self._screen.say
        if self._fields.fault:
            say("Only a command that can be sent can be a favourite.", "warn")
            return
        try:
            kept = state.program.favourites.toggle(state.tenant, self._fields.content())
        except OSError as error:
            say(f"The favourites cannot be written: {safe(error.strerror or error, 200)}.", "bad")
            return
        say("Added to the favourites: f7 lists them." if kept else "Removed from the favourites.")

    def edit_params(self) -> None:
        """Edit the params in the operator's own editor, where one may be started."""
        if no_program(self._screen.state.program) is not None:
            return
        start(self._screen, self._edit_params, "editor", exclusive=True)

    async def _edit_params(self) -> None:
        try:
            text = await edit_text(self._screen.app, self._fields.params.text, ".json")
        except OSError as error:
            self._screen.say(f"Not edited: {safe(error.strerror or error, 200)}.", "warn")
            return
        self._fields.params.load(text)
        self._screen.refresh(layout=True)

    def empty(self) -> None:
        """Empty the form."""
        self._fields.fill(Saved("", "{}", ttl_text(DEFAULT_TTL)))
        self._fields.type.focus()


class HasRecall(Protocol):
    """A screen with fields to fill."""

    @property
    def recall(self) -> Recall: ...


PICK: Action[HasRecall] = Action(
    "pick", "f7", "recent", "Fill the form from a recent command or a favourite",
    "device-console favourites --recent", lambda s: s.recall.pick(), footer=4, priority=True,
)  # fmt: skip
EMPTY: Action[HasRecall] = Action(
    "empty", "ctrl+n", "empty", "Empty the form: a new command", ON_SCREEN_ONLY,
    lambda s: s.recall.empty(), footer=8, priority=True,
)  # fmt: skip
FAVOURITE: Action[HasRecall] = Action(
    "favourite", "f6", "favourite", "Add this command to the favourites, or remove it",
    "device-console favourites --keep TYPE", lambda s: s.recall.toggle_favourite(), footer=5, priority=True,
)  # fmt: skip
EDITOR: Action[HasRecall] = Action(
    "editor", "f4", "$EDITOR", "Edit the params in your own editor",
    "device-console send DEVICE TYPE --params -", lambda s: s.recall.edit_params(), footer=6, priority=True,
    barred=no_program,
)  # fmt: skip
