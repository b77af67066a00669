"""Every key, made from the same table that makes the bindings."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from console.tui.keys.actions import Action
from console.tui.presenters.cells import Line
from console.tui.presenters.help import help_lines
from console.tui.screens.dialogs.scrolling import ScrollingDialog


class HelpDialog(ScrollingDialog):
    """`groups` are the actions of each screen under its name, in the order in which they are shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1", "close", show=False)]

    def __init__(self, groups: Sequence[tuple[str, Sequence[Action[Any]]]]) -> None:
        super().__init__("Keys")
        self._groups = groups

    def lines(self, width: int) -> Sequence[Line]:
        """Return the keys of each screen, wrapped."""
        return help_lines(self._groups, width)
