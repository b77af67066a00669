"""Every key, made from the same table that makes the bindings; what is typed searches it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from console.domain.text.safe import safe
from console.tables.columns import Cell
from console.tui.keys.actions import Action
from console.tui.presenters.cells import Line, fit_parts
from console.tui.presenters.help import help_lines, sections
from console.tui.screens.dialogs.scrolling import ScrollingDialog
from console.tui.widgets.text import Lines

_MOST_LETTERS = 40


class HelpDialog(ScrollingDialog, inherit_bindings=False):
    """`groups` are the actions of each screen under its name, in the order in which they are shown.

    `is_demo`: it says what is invented.

    Letters are what is searched, so none of them scrolls or closes; esc clears the search first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_or_close", show=False),
        Binding("enter,f1", "close", show=False),
        Binding("tab", "shell", show=False),
        Binding("backspace", "rub", show=False),
        Binding("ctrl+c", "screen.copy_text", show=False),
    ]

    def __init__(self, groups: Sequence[tuple[str, Sequence[Action[Any]]]], *, is_demo: bool = False) -> None:
        super().__init__("Keys")
        self._sections = sections(groups, is_demo=is_demo)
        self._searched = ""
        self._with_shell = False

    def lines(self, width: int) -> Sequence[Line]:
        """Return what has the searched words, wrapped."""
        found = help_lines(self._sections, width, self._searched, shell=self._with_shell)
        return found or [(Cell("No key, word or filter has all of that: esc clears the search.", "warn"),)]

    def show_head(self) -> None:
        """Show what is searched beside the title, and the keys at the foot."""
        head: Line = (Cell("Keys", "strong"),)
        if self._searched:
            head = (*head, Cell("   search ", "dim"), Cell(f"{safe(self._searched, 60)}▏", "accent"))
        self.query_one("#dialog-title", Lines).show([head, ()])
        back = "clear the search" if self._searched else "close"
        shell = "hide shell commands" if self._with_shell else "shell commands"
        keys = (("letters", "search"), ("tab", shell), ("esc", back), ("↑ ↓", "scroll"))
        parts: list[Line] = [(Cell(key, "accent"), Cell(f" {words}")) for key, words in keys]
        self.query_one("#dialog-foot", Lines).show([(), fit_parts(parts, max(20, self.size.width - 4))])

    def _search(self, text: str) -> None:
        self._searched = text[:_MOST_LETTERS]
        self.query_one(VerticalScroll).scroll_home(animate=False)
        self.show_head()
        self.wrap()

    def on_key(self, event: events.Key) -> None:
        """Search for what is typed; a question mark closes while nothing is."""
        if event.character is None or not event.is_printable:
            return
        event.stop()
        if event.character == "?" and not self._searched:
            self.action_close()
        elif event.character.strip() or self._searched:
            self._search(self._searched + event.character)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        words = " ".join(event.text.split())
        self._search(self._searched + "".join(one for one in words if one.isprintable()))

    def action_rub(self) -> None:
        """Take the last letter back."""
        self._search(self._searched[:-1])

    def action_shell(self) -> None:
        """Show the shell commands too, or hide them."""
        self._with_shell = not self._with_shell
        self.show_head()
        self.wrap()

    def action_clear_or_close(self) -> None:
        """Clear the search; without one, close."""
        if self._searched:
            self._search("")
        else:
            self.action_close()
