"""The first line: where the operator is, and how the links are."""

from console.tui.presenters.header import header_line
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.text import Lines


class HeaderBar(Lines):
    """The header; repaints only when its text changed."""

    def refresh_from(self, state: ConsoleState) -> None:
        width = self.app.size.width
        self.show([header_line(state.identity, state.program.health.view(), state.outbox, width)])
