"""A text to read, select and copy by hand: the fallback of every copy, and the rest of a cut cell."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from console.domain.text.safe import safe_block
from console.tables.columns import Cell
from console.tui.widgets.text import Lines


class TextDialog(ModalScreen[None]):
    """Closes on esc, enter or q."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "close", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title_text = title
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-wide"):
            yield Lines(id="dialog-title")
            with VerticalScroll():
                yield Lines(id="dialog-text")
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell(self._title_text, "strong"),), ()])
        lines = safe_block(self._text, 20_000).split("\n")
        self.query_one("#dialog-text", Lines).show([(Cell(line),) for line in lines])
        self.query_one("#dialog-foot", Lines).show([(), (Cell("esc", "accent"), Cell(" close"))])
        self.query_one(VerticalScroll).focus()

    def action_close(self) -> None:
        self.dismiss(None)
