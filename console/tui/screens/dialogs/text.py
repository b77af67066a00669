"""A text to read, select and copy by hand: the fallback of every copy, and the rest of a cut cell."""

from collections.abc import Sequence

from console.domain.text.safe import safe_block
from console.tables.columns import Cell
from console.tui.presenters.cells import Line
from console.tui.screens.dialogs.scrolling import ScrollingDialog


class TextDialog(ScrollingDialog):
    """Shows a text as it is, made safe."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self._text = text

    def lines(self, width: int) -> Sequence[Line]:
        """Return the text; the widget wraps it, so that a selection contains no added line breaks."""
        del width
        return [(Cell(line),) for line in safe_block(self._text, 20_000).split("\n")]
