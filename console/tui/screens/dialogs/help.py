"""Every key, made from the same table that makes the bindings."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from console.tables.columns import Cell
from console.tui.keys.actions import Action
from console.tui.presenters.help import help_lines
from console.tui.widgets.text import Lines


class HelpDialog(ModalScreen[None]):
    """`groups` are the actions of each screen under its name, in the order in which they are shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter,f1", "close", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, groups: Sequence[tuple[str, Sequence[Action[Any]]]]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-wide"):
            yield Lines(id="dialog-title")
            with VerticalScroll():
                yield Lines(id="dialog-text")
            yield Lines(id="dialog-foot")

    def on_mount(self) -> None:
        self.query_one("#dialog-title", Lines).show([(Cell("Keys", "strong"),), ()])
        foot = (Cell("↑ ↓", "accent"), Cell(" scroll   "), Cell("esc", "accent"), Cell(" close"))
        self.query_one("#dialog-foot", Lines).show([(), foot])
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._wrap)

    def _wrap(self) -> None:
        width = self.query_one(VerticalScroll).scrollable_content_region.width
        self.query_one("#dialog-text", Lines).show(help_lines(self._groups, width))

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_close(self) -> None:
        self.dismiss(None)
