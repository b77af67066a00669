"""A dialog of text that scrolls."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from console.tables.columns import Cell
from console.tui.presenters.cells import Line
from console.tui.widgets.text import Lines


class ScrollingDialog(ModalScreen[None]):
    """Shows `lines` under a title. It closes on esc, enter or q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._heading = title

    def lines(self, width: int) -> Sequence[Line]:
        """Return the text, wrapped to this width if it is to be wrapped."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-wide"):
            yield Lines(id="dialog-title")
            with VerticalScroll():
                yield Lines(id="dialog-text")
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self.show_head()
        self.query_one(VerticalScroll).focus()

    def show_head(self) -> None:
        """Show the title, and the keys at the foot."""
        self.query_one("#dialog-title", Lines).show([(Cell(self._heading, "strong"),), ()])
        foot = (Cell("↑ ↓", "accent"), Cell(" scroll   "), Cell("esc", "accent"), Cell(" close"))
        self.query_one("#dialog-foot", Lines).show([(), foot])

    def on_resize(self) -> None:
        self.show_head()
        self.call_after_refresh(self.wrap)

    def wrap(self) -> None:
        """Write the text for the present width."""
        width = self.query_one(VerticalScroll).scrollable_content_region.width
        self.query_one("#dialog-text", Lines).show(self.lines(width))

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_close(self) -> None:
        self.dismiss(None)
