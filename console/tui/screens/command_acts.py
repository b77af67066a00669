"""What can be done with one command, in the list and in the detail: resend, cancel, copy."""

import json
import shlex
from typing import Any

from textual import work

from console.domain.commands import Command, Phase
from console.domain.safe_text import safe
from console.errors import ConsoleError
from console.tui.desk import Desk
from console.tui.screens.confirm import ConfirmScreen


class CommandActs:
    """Mixed into a screen that has a `current` command."""

    desk: Desk
    app: Any
    notify: Any
    complain: Any
    reload: Any

    def current(self) -> Command | None:
        raise NotImplementedError

    @work(exclusive=True, group="act")
    async def do_retry(self) -> None:
        """Send the settled command again, after a question."""
        command = self.current()
        if command is None:
            return
        if not command.phase.settled:
            self.complain(f"It is still {command.phase}: only a settled command can be sent again.")
            return
        question = f"Send {safe(command.command_type, 60)} to {safe(command.device_id, 60)} again?"
        lines = [f"tenant {safe(self.desk.tenant_id, 40)}; a new command with a new id and the original TTL"]
        if not await self.app.push_screen_wait(ConfirmScreen(question, lines, act="send")):
            return
        program = self.desk.program
        await self._try(
            program.sender.retry(self.desk.tenant_id, command.command_id, program.operator), "sent again"
        )

    @work(exclusive=True, group="act")
    async def do_cancel(self) -> None:
        """Take an unpublished command back, after a question."""
        command = self.current()
        if command is None:
            return
        if command.phase is not Phase.WAITING:
            why = (
                "a published command cannot be recalled"
                if command.phase is Phase.PUBLISHED
                else "it is settled"
            )
            self.complain(f"It is {command.phase}: {why}.")
            return
        question = f"Cancel {safe(command.command_type, 60)} to {safe(command.device_id, 60)}?"
        if not await self.app.push_screen_wait(
            ConfirmScreen(question, ["It has not been published."], act="cancel it")
        ):
            return
        program = self.desk.program
        await self._try(
            program.sender.cancel(self.desk.tenant_id, command.command_id, program.operator), "cancelled"
        )

    async def _try(self, act: Any, done: str) -> None:
        try:
            await act
        except ConsoleError as error:
            self.complain(str(error))
        else:
            self.notify(done, timeout=3, markup=False)
            self.reload()

    def do_copy_id(self) -> None:
        """Copy the id."""
        command = self.current()
        if command is not None:
            self._copy(command.command_id, "the id")

    def do_copy_json(self) -> None:
        """Copy what `show --json` would print of the row."""
        command = self.current()
        if command is not None:
            document = {
                "command_id": command.command_id,
                "device_id": command.device_id,
                "type": command.command_type,
                "phase": command.phase.value,
                "late": command.late,
                "params": command.params_json,
                "ack": command.ack_json,
            }
            self._copy(json.dumps(document), "the command as JSON")

    def do_copy_line(self) -> None:
        """Copy the shell line that sends the same again."""
        command = self.current()
        if command is not None:
            words = [
                "device-console",
                "send",
                command.device_id,
                command.command_type,
                "--params",
                command.params_json,
            ]
            self._copy(safe(shlex.join(words), 4_000), "the shell line")

    def do_utc(self) -> None:
        """Switch between UTC and local time."""
        self.desk.utc = not self.desk.utc
        self.notify(f"times in {'UTC' if self.desk.utc else 'local time'}", timeout=2)
        self.reload()

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(f"copied {what}", timeout=2, markup=False)
