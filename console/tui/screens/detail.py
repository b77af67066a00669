"""One command in full: timeline, explanation, params and answer."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from console.domain.commands import Command
from console.domain.history import CommandDetail
from console.domain.safe_text import safe
from console.tui.actions import bindings_for
from console.tui.presenters.detail_text import detail_parts
from console.tui.screens.base import WorkScreen
from console.tui.screens.command_acts import CommandActs
from console.tui.widgets.status_header import content_of


class DetailScreen(CommandActs, WorkScreen):
    """Re-reads its command at every hint."""

    NAME = "detail"
    AUTO_FOCUS = "#detail"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("detail"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, command_id: str) -> None:
        super().__init__()
        self._command_id = command_id
        self._detail: CommandDetail | None = None

    def body(self) -> list[Widget]:
        return [VerticalScroll(Static("", id="detail-text", markup=False), id="detail")]

    def on_mount(self) -> None:
        super().on_mount()
        self.title_parts([("Command ", "bold"), (safe(self._command_id, 64), "accent")])
        self.reload()

    def current(self) -> Command | None:
        return self._detail.command if self._detail else None

    async def read(self) -> None:
        """Read the command and its journal again."""
        history, tenant_id = self.desk.program.history, self.desk.tenant_id
        detail = await self.reading(lambda: history.command(tenant_id, self._command_id))
        text = self.query_one("#detail-text", Static)
        if detail is not None:
            self._detail = detail
            self.desk.set_time(detail.read_at)
            text.update(content_of(detail_parts(detail)))
        elif self.desk.program.health.view().database.up:
            text.update("This command does not exist (any more) in this tenant.")

    def tick(self) -> None:
        if self._detail is not None and not self._detail.command.phase.settled:
            at_now = CommandDetail(self._detail.command, self._detail.journal, self.desk.now())
            self.query_one("#detail-text", Static).update(content_of(detail_parts(at_now)))

    def action_scroll(self, step: int) -> None:
        self.query_one("#detail").scroll_relative(y=step, animate=False)
