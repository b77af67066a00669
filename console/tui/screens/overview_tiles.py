"""Which tile of the overview enter acts on, and which row of it: a row keeps its mark while others come."""

from collections.abc import Sequence

from textual.message import Message

from console.domain.figures import GroupTotals
from console.domain.filters.values import quoted
from console.tui.presenters.overview import newest_shown, problems_there, worst_shown
from console.tui.presenters.overview_view import Tile, View
from console.tui.presenters.worst import group_id
from console.tui.state.messages import ShowDetail, ShowFleet, ShowProblems

_WORDS = {
    Tile.CHART: "open", Tile.FLEET: "open the fleet", Tile.WORST: "its not ok", Tile.NEWEST: "open command",
    Tile.PROBLEMS: "its problems",
}  # fmt: skip


class Tiles:
    """`rows` of a tile are ids: of a name that is among the worst, of a command."""

    def __init__(self) -> None:
        self.tile = Tile.CHART
        self.chosen = ""
        self._at = 0  # its place when it was last seen

    @property
    def words(self) -> str:
        """What enter does."""
        return _WORDS[self.tile]

    def _rows(self, tile: Tile, view: View, size: tuple[int, int]) -> Sequence[str]:
        if tile is Tile.WORST:
            return [group_id(group) for group in worst_shown(view, *size)]
        if tile is Tile.NEWEST:
            return [command.command_id for command in newest_shown(view, *size)]
        if tile is Tile.PROBLEMS:
            return [group.kind.value for group in problems_there(view, *size)]
        return ["fleet"] if tile is Tile.CHART or view.counts is not None else []

    def go_to(self, tile: Tile, view: View, size: tuple[int, int]) -> None:
        """Go to this tile, if it has something to open."""
        if rows := self._rows(tile, view, size):
            self.tile = tile
            self._mark(rows, 0)

    def go(self, by: int, view: View, size: tuple[int, int]) -> None:
        """Go to the next tile that has something to open, or to the one before."""
        tiles = list(Tile)
        for step in range(1, len(tiles) + 1):
            tile = tiles[(tiles.index(self.tile) + by * step) % len(tiles)]
            if self._rows(tile, view, size):
                self.go_to(tile, view, size)
                return

    def move(self, by: int, view: View, size: tuple[int, int]) -> None:
        """Mark the next row of the tile."""
        rows = self._rows(self.tile, view, size)
        at = rows.index(self.chosen) if self.chosen in rows else self._at - (by > 0)
        self._mark(rows, max(0, min(len(rows) - 1, at + by)))

    def _mark(self, rows: Sequence[str], at: int) -> None:
        self._at, self.chosen = at, rows[at] if rows else ""

    def keep(self, view: View, size: tuple[int, int]) -> None:
        """Remember where the marked row stands now: if it goes, the next key marks what took its place."""
        rows = self._rows(self.tile, view, size)
        if self.chosen in rows:
            self._at = rows.index(self.chosen)

    def leave(self) -> bool:
        """Go back to the chart; return whether another tile was marked."""
        was, self.tile, self.chosen = self.tile, Tile.CHART, ""
        return was is not Tile.CHART

    def why_not(self, view: View, size: tuple[int, int]) -> str | None:
        """Return why there is nothing to open in this tile; None if there is."""
        is_there = self.chosen in self._rows(self.tile, view, size)
        return None if is_there else "that row is gone: tab marks another"

    def group(self, view: View, size: tuple[int, int]) -> GroupTotals | None:
        """Return the name among the worst that is marked, None if none is."""
        shown = worst_shown(view, *size) if self.tile is Tile.WORST else ()
        return next((group for group in shown if group_id(group) == self.chosen), None)

    def opens(self) -> Message:
        """Return what goes to the fleet, to the problems of the marked kind, or to the marked command."""
        if self.tile is Tile.PROBLEMS:
            return ShowProblems(f"kind:{quoted(self.chosen)} age<1d")
        return ShowFleet() if self.tile is Tile.FLEET else ShowDetail(self.chosen)
