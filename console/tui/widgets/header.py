"""The first line: where the operator is, and how the links are."""

from dataclasses import replace

from console.tui.presenters.header import header_line
from console.tui.state.console_state import ConsoleState
from console.tui.terminal.frames import easel_of
from console.tui.widgets.text import Lines


class HeaderBar(Lines):
    """The header; repaints only when its text changed."""

    def refresh_from(self, state: ConsoleState) -> None:
        width, easel = self.app.size.width, easel_of(self.app)
        identity = replace(state.identity, quiet=easel is not None and easel.is_quiet)
        self.show([header_line(identity, state.program.health.view(), state.outbox, width)])
