"""The worst: the names of which the largest share was not ok, in a line or with a bar each."""

from collections.abc import Sequence
from datetime import tzinfo

from console.domain.figures import GroupKind, GroupTotals
from console.domain.overview import worst_of
from console.domain.text.safe import safe
from console.tables.columns import Cell
from console.tui.presenters.cells import Line, fit_text, line_width
from console.tui.presenters.newest import cut, marked
from console.tui.presenters.overview_view import Tile, View, clock


def group_id(group: GroupTotals) -> str:
    """Return the id of a row of the worst."""
    return f"{group.kind}:{group.name}"


def worst_names(view: View, width: int, rows: int) -> tuple[GroupTotals, ...]:
    """Return the names of which the largest share was not ok, as many as there is room for."""
    groups = view.figures.groups if view.span is None else view.span.groups
    found = worst_of(groups, max(rows, 3))
    if rows > 1:
        return found[:rows]
    fit = next((n for n in range(len(found), 0, -1) if line_width(_names(found[:n], "")) <= width), 0)
    return found[:fit]


def _names(found: Sequence[GroupTotals], chosen: str) -> Line:
    """Name the worst in one line."""
    line: list[Cell] = [Cell(" worst", "strong")]
    for group in found:
        name = f"{_called(group.kind)}{safe(group.name, 24)} {group.ended.ratio:.0%}"
        line += [Cell("  ▌" if group_id(group) == chosen else "   ", "accent"), Cell(name, "warn")]
    return tuple(line)


def worst_lines(view: View, width: int, rows: int, zone: tzinfo | None) -> list[Line]:
    """Draw the worst, since the hour that is named; the chosen one is marked."""
    found = worst_names(view, width, rows)
    begin = view.groups_from
    chosen = view.chosen if view.tile is Tile.WORST else ""
    if not found:
        return []
    if rows == 1:
        return [_names(found, chosen)]
    since = f" since {clock(begin, view.step, zone)}" if begin else ""
    lines: list[Line] = [(Cell(" worst", "strong"), Cell(f"   not ok of all that ended{since}", "dim"))]
    for group in found:
        name, kind, ratio = fit_text(safe(group.name, 24), 24), group.kind.value, group.ended.ratio
        of = f"{group.ended.bad:,} of {group.ended.total:,}"
        bar = "█" * round(ratio * 20) or "▏"
        words = Cell(f"   {kind:<6} {name} {of:>13} {ratio:>4.0%}  ")
        drawn: Line = (Cell(bar, "warn"), Cell("░" * (20 - len(bar)), "dim"))
        has_room = line_width((words, *drawn)) <= width
        line = cut((words, *(drawn if has_room else ())), width)
        lines.append(marked(line, here=group_id(group) == chosen))
    return lines


def _called(kind: GroupKind) -> str:
    return "fw " if kind is GroupKind.FW else "by " if kind is GroupKind.SENDER else ""
