"""What the main screens share: header, banner, footer, the action table, reading without crashing."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input, Static
from textual.worker import WorkType

from console.domain.safe_text import safe
from console.errors import ConsoleError
from console.tui.actions import action_of
from console.tui.desk import Desk
from console.tui.messages import RowsChanged, StatusChanged
from console.tui.presenters.header_text import Part, banner_text, header_parts
from console.tui.widgets.status_header import Banner, StatusHeader, content_of

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

T = TypeVar("T")


class WorkScreen(Screen[None]):
    """A full screen of the console. Subclasses give the body and re-read on `reload`."""

    NAME: ClassVar[str] = ""
    AUTO_FOCUS = "LineTable"

    @property
    def console_app(self) -> "ConsoleApp":
        return cast("ConsoleApp", self.app)

    @property
    def desk(self) -> Desk:
        return self.console_app.desk

    def compose(self) -> ComposeResult:
        yield StatusHeader()
        yield Banner()
        yield Static("", id="title", markup=False)
        yield Input(placeholder="words that must all occur; esc clears", id="filter")
        yield from self.body()
        yield Footer(show_command_palette=False, compact=True)

    def body(self) -> list[Widget]:
        """The widgets between title and footer."""
        return []

    def on_mount(self) -> None:
        self.query_one("#filter").display = False
        self.tell_status()

    def title_parts(self, parts: list[Part]) -> None:
        """Show the line below the header."""
        self.query_one("#title", Static).update(content_of([(" ", ""), *parts]))

    def tell_status(self) -> None:
        """Redraw header and banner from what is known; reads nothing."""
        desk, view = self.desk, self.desk.program.health.view()
        width = self.app.size.width
        flags = tuple(
            word
            for word, on in ((" DEMO ", desk.program.demo), (" READ-ONLY ", desk.program.read_only))
            if on
        )
        left, right = header_parts(
            view, desk.outbox, tenant=desk.tenant_id, operator=desk.program.operator, flags=flags, width=width
        )
        self.query_one(StatusHeader).say(left, right, width)
        self.query_one(Banner).say(banner_text(view, desk.outbox, desk.now()))

    def on_resize(self) -> None:
        self.tell_status()

    def on_status_changed(self, _: StatusChanged) -> None:
        self.tell_status()
        self.tick()

    def on_rows_changed(self, _: RowsChanged) -> None:
        self.reload()

    def tick(self) -> None:
        """A second has passed."""

    def reload(self) -> None:
        """Rows may have changed: read again what is shown; a reading under way is given up."""
        read: WorkType[None] = self.read
        self.run_worker(read, exclusive=True, group="read")

    async def read(self) -> None:
        """Read what is shown and show it."""

    async def reading(self, read: Callable[[], Awaitable[T]]) -> T | None:
        """Read, or tell what is wrong in the banner and keep what is shown."""
        try:
            return await read()
        except ConsoleError as error:
            self.desk.program.health.database_down(str(error))
            self.tell_status()
            return None

    def complain(self, text: str) -> None:
        """Tell the operator something that needs no answer."""
        self.notify(safe(text, 600), severity="warning", markup=False, timeout=6)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only leaves the acts out; one tenant needs no switcher."""
        if action != "do" or not parameters:
            return True
        if action_of(str(parameters[0])).acts and self.desk.program.read_only:
            return False
        return parameters[0] != "tenants" or len(self.desk.program.tenants) > 1

    def action_do(self, action_id: str) -> None:
        """Run an act of the action table on this screen, or on the app."""
        for owner in (self, self.console_app):
            method = getattr(owner, f"do_{action_id}", None)
            if method is not None:
                method()
                return

    def do_back(self) -> None:
        if self.clear_filter():
            return
        self.app.pop_screen()

    def do_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.display = True
        box.focus()

    def clear_filter(self) -> bool:
        """Close the filter; True when there was one."""
        box = self.query_one("#filter", Input)
        if not box.display:
            return False
        box.display = False
        box.value = ""
        self.focus_body()
        return True

    def focus_body(self) -> None:
        """Give the keys back to the table."""
        for widget in self.query("LineTable"):
            widget.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter":
            event.input.display = bool(event.value)
            self.focus_body()

    def key_escape(self) -> None:
        self.clear_filter()

    @property
    def filter_text(self) -> str:
        return self.query_one("#filter", Input).value
