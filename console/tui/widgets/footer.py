"""The last line: the keys that work here and now, and why another one does not."""

from collections.abc import Callable, Sequence

from textual import events

from console.tui.actions import Action
from console.tui.presenters.cells import Cell, Line, line_width
from console.tui.widgets.text import Lines

_SHORT = 26


class KeyBar(Lines):
    """What fits, in the table's order; help always stays."""

    def __init__(self, run: Callable[[Action], object]) -> None:
        super().__init__(id="keys")
        self._run = run
        self._spans: list[tuple[int, int, Action]] = []

    def refresh_from(
        self, actions: Sequence[Action], reason: Callable[[str], str | None], labels: dict[str, str]
    ) -> None:
        width = self.app.size.width
        wanted = sorted((a for a in actions if a.footer), key=lambda a: a.footer)
        last = [a for a in wanted if a.id in {"back", "help"}]
        line: Line = (Cell(" "),)
        self._spans = []
        room = width - sum(line_width(_words(a, None, labels)) + 2 for a in last)
        for action in [*(a for a in wanted if a not in last), *last]:
            words = _words(action, reason(action.id), labels)
            start = line_width(line)
            if start + line_width(words) + 2 > (width + 2 if action in last else room):
                continue
            line = (*line, *words, Cell("  "))
            self._spans.append((start, line_width(line), action))
        self.show([line])

    def show_typing(self) -> None:
        """While a filter is typed, letters are letters."""
        self._spans = []
        self.show(
            [(Cell(" enter", "accent"), Cell(" keep the filter  "), Cell("esc", "accent"), Cell(" clear it"))]
        )

    def on_click(self, event: events.Click) -> None:
        for start, end, action in self._spans:
            if start <= event.x < end:
                self.call_later(self._run, action)


def _words(action: Action, reason: str | None, labels: dict[str, str]) -> Line:
    label = labels.get(action.id, action.label)
    if reason is not None:
        short = reason.split(":")[0]
        why = f" ({short})" if len(short) <= _SHORT and " " in short else ""
        return (Cell(f"{action.shown} {label}{why}", "dim"),)
    return (Cell(action.shown, "accent"), Cell(f" {label}"))
