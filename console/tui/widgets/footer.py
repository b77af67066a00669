"""The last line: the keys that work now, and why others do not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textual import events

from console.tables.columns import Cell
from console.tui.keys.actions import Action
from console.tui.presenters.cells import Line, fit_parts, line_width
from console.tui.widgets.text import Lines

_SHORT = 26
_GAP = 2


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the footer; `reason` is why it cannot be used now."""

    action: Action[Any]
    label: str
    reason: str | None

    def words(self, *, with_reason: bool = False) -> Line:
        if self.reason is None:
            return (Cell(self.action.shown, "accent"), Cell(f" {self.label}"))
        short = self.reason.split(":")[0]
        why = f" ({short})" if with_reason and len(short) <= _SHORT and " " in short else ""
        return (Cell(f"{self.action.shown} {self.label}{why}", "dim"),)


class KeyBar(Lines):
    """The keys that fit, in a fixed order; help is always shown, reasons if there is room left."""

    def __init__(self, run: Callable[[Action[Any]], object]) -> None:
        super().__init__(id="keys")
        self._run = run
        self._spans: list[tuple[int, int, Action[Any]]] = []

    def show_keys(self, keys: Sequence[Key]) -> None:
        """Show those of these keys that fit."""
        line: Line = (Cell(" "),)
        self._spans = []
        for action, words in laid_out(keys, self.app.size.width):
            start = line_width(line)
            line = (*line, *words, Cell(" " * _GAP))
            self._spans.append((start, line_width(line), action))
        self.show([line[:-1]])

    def show_typing(self) -> None:
        """Show the keys that work while a filter is typed: letters are typed as text then."""
        self._spans = []
        keys = (
            ("enter", "keep the filter"),
            ("esc", "clear it"),
            ("tab", "complete"),
            ("↑", "earlier filters"),
        )
        parts: list[Line] = [(Cell(key, "accent"), Cell(f" {words}")) for key, words in keys]
        self.show([(Cell(" "), *fit_parts(parts, self.app.size.width - 1))])

    def places(self) -> list[tuple[int, Action[Any]]]:
        """Return where each key that is shown begins, and its action."""
        return [(start, action) for start, _, action in self._spans]

    def run(self, action: Action[Any]) -> None:
        """Run an action as a click on its key does."""
        self.call_later(self._run, action)

    def on_click(self, event: events.Click) -> None:
        for start, end, action in self._spans:
            if start <= event.x < end:
                self.run(action)


def laid_out(keys: Sequence[Key], width: int) -> list[tuple[Action[Any], Line]]:
    """Return the keys that fit into this width, with their labels."""
    wanted = sorted((key for key in keys if key.action.footer), key=lambda key: key.action.footer)
    last = [key for key in wanted if key.action.id in {"back", "help"}]
    left = width - 1 + _GAP - sum(line_width(key.words()) + _GAP for key in last)
    chosen: list[Key] = []
    for key in wanted:
        size = line_width(key.words()) + _GAP
        if key not in last and size <= left:
            chosen.append(key)
            left -= size
    found: list[tuple[Action[Any], Line]] = []
    for key in (*chosen, *last):
        more = line_width(key.words(with_reason=True)) - line_width(key.words())
        with_reason = more <= left
        left -= more if with_reason else 0
        found.append((key.action, key.words(with_reason=with_reason)))
    return found
