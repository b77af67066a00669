"""What this console did: its log, and the command that was sent last."""

from textual import events

from console.tui.screens.base import SHORT, top_screen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.log import LogScreen
from console.tui.state.console_state import ConsoleState
from console.tui.terminal.app import TerminalApp


class LoggedApp(TerminalApp):
    """Opens the log and what was sent last. Pressed twice, a key opens nothing more."""

    state: ConsoleState

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and self.size.height < SHORT:
            self.state.receipts.forget_ended()
        await super().on_event(event)

    def on_show_log(self) -> None:
        if not isinstance(top_screen(self), LogScreen):
            self.push_screen(LogScreen(self.state))

    def on_show_receipt(self) -> None:
        top, newest = top_screen(self), self.state.receipts.newest(self.state.tenant)
        if newest is not None and not (isinstance(top, DetailScreen) and top.command_id == newest):
            self.push_screen(DetailScreen(self.state, newest))
