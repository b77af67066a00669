"""The list above what is typed after `:`, one row marked."""

from collections.abc import Sequence

from console.tables.columns import Cell
from console.tui.presenters.cells import Line, fit_parts, fit_text

KIND, _NAME = 10, 28
_KEYS = (("enter", "opens the marked"), ("↑ ↓", "mark"), ("tab", "fill in"), ("esc", "stay"))


def first_row(mark: int, count: int, rows: int) -> int:
    """Return which row is on top, so that the marked one is in view."""
    return max(0, min(mark - rows // 2, count - rows))


def rows_of(rows: Sequence[tuple[str, str, str]], mark: int, most: int, width: int) -> list[Line]:
    """Draw kind, name and note of the rows around the marked one; none is marked below zero."""
    top = first_row(mark, len(rows), most)
    name_width = max(8, min(_NAME, width - KIND - 14)) if width < 72 else max(_NAME, width // 3)
    lines: list[Line] = []
    for place in range(top, min(len(rows), top + most)):
        kind, name, note = rows[place]
        is_marked = place == mark
        lines.append((
            Cell("▌ " if is_marked else "  ", "accent"),
            Cell(fit_text(kind, KIND), "dim"),
            Cell(fit_text(name, name_width), "strong" if is_marked else ""),
            Cell(f" {fit_text(note, max(0, width - KIND - name_width - 4))}", "" if is_marked else "dim"),
        ))  # fmt: skip
    return lines


def go_title(head: str, count: int, shown: int, note: str, width: int) -> Line:
    """Say what the list is, and how many rows it has below the last one that is drawn."""
    parts: list[Line] = [(Cell(f" {head}", "strong"),)]
    if note:
        parts.append((Cell(note, "warn"),))
    if count > shown:
        parts.append((Cell(f"{count - shown} more below", "dim"),))
    return fit_parts(parts, width)


def go_keys(width: int) -> Line:
    """Write the keys of the list over the footer, whose keys are letters meanwhile."""
    parts: list[Line] = [(Cell(key, "accent"), Cell(f" {words}")) for key, words in _KEYS]
    return (Cell(" "), *fit_parts(parts, width - 1))
