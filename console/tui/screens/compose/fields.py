"""The sheet that is filled in: its fields, and what helps to fill them."""

from datetime import timedelta

from textual.widgets import Input

from console.domain.commands import type_fault
from console.domain.text.safe import safe
from console.domain.ttl import ttl_text, typed_ttl, within_range
from console.errors import ConsoleError
from console.services.favourites import Saved
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.dialogs.pick import PickDialog
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState, Sheet
from console.tui.terminal.editor import edit_text
from console.tui.widgets.fields import ParamsArea, TypeInput


class SheetAids(ConsoleScreen):
    """Fields with recent commands, favourites and the operator's own editor."""

    def __init__(self, state: ConsoleState, sheet: Sheet) -> None:
        super().__init__(state)
        self._sheet = sheet
        self._type = TypeInput(sheet.command_type, id="type")
        self._ttl = Input(sheet.ttl, compact=True, max_length=20, id="ttl")
        self._params = ParamsArea(sheet.params, compact=True, id="params", show_line_numbers=False)

    @property
    def _lifetime(self) -> timedelta | None:
        """What is typed, once it is a TTL that is allowed."""
        return typed_ttl(self._ttl.value)

    def action_pick(self) -> None:
        start(self, self._pick, "pick", exclusive=True)

    async def _pick(self) -> None:
        try:
            recent = await self.state.program.history.recent_commands(self.state.tenant)
        except ConsoleError as error:
            self.say(str(error), "bad")
            recent = ()
        lately = [
            Saved(kind, params, ttl_text(within_range(timedelta(seconds=ttl_s))))
            for kind, params, ttl_s in recent
        ]
        kept = self.state.program.favourites.load(self.state.tenant)
        self.app.push_screen(PickDialog(kept, lately), self._picked)

    def _picked(self, saved: Saved | None) -> None:
        if saved is not None:
            self._type.value, self._ttl.value = saved.command_type, saved.ttl
            self._params.load_text(saved.params)

    def action_favourite(self) -> None:
        params_fault = self.state.program.sender.params_fault(self._params.text)
        if type_fault(self._type.value) or params_fault or self._lifetime is None:
            self.say("Only a command that could be sent can be a favourite.", "warn")
            return
        saved = Saved(self._type.value, self._params.text, self._ttl.value.strip())
        try:
            kept = self.state.program.favourites.toggle(self.state.tenant, saved)
        except OSError as error:
            self.say(f"The favourites cannot be written: {safe(error.strerror or error, 200)}.", "bad")
            return
        self.say("Kept among the favourites: f7 finds it." if kept else "No favourite any more.")

    def action_editor(self) -> None:
        start(self, self._edit_params, "editor", exclusive=True)

    async def _edit_params(self) -> None:
        try:
            text = await edit_text(self.app, self._params.text, ".json")
        except OSError as error:
            self.say(f"Not edited: {safe(error.strerror or error, 200)}.", "warn")
            return
        self._params.load_text(text)
        self.refresh(layout=True)
