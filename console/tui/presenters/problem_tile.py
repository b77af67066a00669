"""The tile of the overview with the problems of a day by kind, those that are worst first."""

from collections.abc import Sequence

from console.domain.problem_groups import ProblemGroup
from console.domain.text.safe import safe_id
from console.tables.columns import Cell
from console.tui.presenters.cells import Line, fit_text
from console.tui.presenters.newest import cut, marked
from console.tui.presenters.overview_view import Tile, View
from console.tui.presenters.problems import tone_of

MOST_KINDS = 4
_NAMES = 3
_KIND, _COUNT = 17, 5  # columns


def problems_shown(view: View) -> tuple[ProblemGroup, ...]:
    """Return the kinds that have a row: bad ones first, then those with most problems."""
    order = ("bad", "warn", "", "dim")
    groups = sorted(view.problems, key=lambda group: order.index(tone_of(group.kind)))
    return tuple(groups[:MOST_KINDS])


def problem_lines(view: View, width: int) -> list[Line]:
    """Draw the kinds with their devices; nothing where there is no problem."""
    shown = problems_shown(view)
    if not shown:
        return []
    count = sum(group.count for group in view.problems)
    least = f"{count:,}{'+' if view.more_problems else ''}"
    head = (Cell(" problems", "strong"), Cell(f"   {least} in 24 h", "dim"))
    chosen = view.chosen if view.tile is Tile.PROBLEMS else ""
    lines: list[Line] = [cut(head, width)]
    for group in shown:
        line = (
            Cell(f"   {fit_text(f'! {group.kind.value}', _KIND)}", tone_of(group.kind)),
            Cell(f"{group.count:>{_COUNT},}   {_named(group.names)}"),
        )
        lines.append(marked(cut(line, width), here=group.kind.value == chosen))
    return lines


def _named(names: Sequence[str]) -> str:
    """``pump-1, pump-2, pump-3 +4``."""
    rest = f" +{len(names) - _NAMES:,}" if len(names) > _NAMES else ""
    return ", ".join(safe_id(name, 20) for name in names[:_NAMES]) + rest
