"""The last hour, day or week at a glance: what ended how, the fleet, the worst, the newest commands.

Decided in docs/decisions/0088-the-overview.md
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.domain.figures import MinuteTotals
from console.domain.overview import MINUTE, Overview, Range
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.keys.places import Place
from console.tui.presenters.overview import overview_lines
from console.tui.presenters.overview_view import Tile, View, clock, tile_heads
from console.tui.screens import actions
from console.tui.screens.base import FIRST_SCREEN, LEAST, ConsoleScreen
from console.tui.screens.live import LiveScreen
from console.tui.screens.overview_ends import BadEnds
from console.tui.screens.overview_reads import FIGURES_EVERY_S, OverviewReads
from console.tui.screens.overview_tiles import Tiles
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowFleet
from console.tui.widgets.text import Lines


class OverviewScreen(ConsoleScreen):
    """Shows figures that the workers count; it counts nothing itself."""

    KIND = "overview"
    READS_HEADLINE = False

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._body = Lines(id="overview")
        self._reads = OverviewReads(state, lambda: self.app.size.width)
        self._ends = BadEnds(self, self._reads)
        self._tiles = Tiles()
        self.cursor: datetime | None = None

    def body(self) -> Iterable[Widget]:
        return (self._body,)

    def on_mount(self) -> None:
        self._body.can_focus = True
        self._body.focus()
        self.set_interval(FIGURES_EVERY_S, self.request_read)  # no hint says that something was counted

    async def read(self) -> None:
        await self._reads.read(self.repaint)

    def repaint(self) -> None:
        width, height = self.app.size
        if self._reads.figures is None or width < LEAST[0] or height < LEAST[1]:
            return
        view = self._view(self._reads.figures)
        self.cursor = view.cursor
        self._tiles.keep(view, self._extent)
        self._body.show(overview_lines(view, *self._extent, self.state.zone))

    def _view(self, figures: Overview) -> View:
        """Return what is drawn; a cursor that the chart has left behind stands on its first column."""
        now, tiles, reads = self.state.clock.now(), self._tiles, self._reads
        view = View(
            figures, now, reads.newest, reads.counts, reads.fleet, self.cursor, reads.span, tiles.tile,
            tiles.chosen, reads.problems, reads.more_problems, reads.awaited,
        )  # fmt: skip
        first = view.columns(self.app.size.width)[0].minute
        return view if self.cursor is None or self.cursor >= first else replace(view, cursor=first)

    # Actions

    def action_move(self, by: int) -> None:
        """Move the cursor by a column; the first press stands on the newest one."""
        if self._reads.figures is None:
            return
        view = self._view(self._reads.figures)
        shown = view.columns(self.app.size.width)
        at = shown[-1].minute if self.cursor is None else self.cursor + by * view.step
        self.cursor = max(shown[0].minute, min(shown[-1].minute, at))
        self._tiles.leave()
        self._show_cursor()

    def _show_cursor(self) -> None:
        self.repaint()
        self.refresh_chrome()

    def action_reach(self, by: int) -> None:
        """Show a longer or a shorter time."""
        ranges = list(Range)
        place = ranges.index(self._reads.range) + by
        if not 0 <= place < len(ranges):
            self.say("A week is the longest." if by > 0 else "The hour is the shortest.")
            return
        self._reads.reach(ranges[place])
        self.cursor = None
        start(self, self._read_range, "range")  # of its own: a read that takes long must not hold it up
        self._show_cursor()

    async def _read_range(self) -> None:
        try:
            await self._reads.read_span()
        except ConsoleError as error:
            self.say(safe(error, 300), "bad")
        if self.is_active:
            self._show_cursor()

    def _reach_label(self) -> str:
        return "hour/day/week"

    @property
    def _column(self) -> MinuteTotals | None:
        """The column under the cursor."""
        if self._reads.figures is None or self.cursor is None:
            return None
        shown = self._view(self._reads.figures).columns(self.app.size.width)
        return next((one for one in shown if one.minute == self.cursor), None)

    @property
    def _extent(self) -> tuple[int, int]:
        """The columns and rows that the tiles have."""
        width, height = self.app.size
        return width, max(1, self._body.size.height or height - 3)

    def own_places(self) -> list[Place]:
        """Return where the tiles begin; the chart is where the focus is."""
        x, y = self._body.region.offset
        heads = tile_heads(self._body.plain.split("\n"))
        return [Place(x + at, y + row, partial(self._go_to, tile)) for tile, (at, row) in heads.items()]

    def _go_to(self, tile: Tile) -> None:
        if self._reads.figures is not None:
            self._tiles.go_to(tile, self._view(self._reads.figures), self._extent)
            self._show_cursor()

    def _words(self) -> str:
        return self._tiles.words

    def action_tile(self, by: int) -> None:
        """Go to the next tile."""
        if self._reads.figures is not None:
            self._tiles.go(by, self._view(self._reads.figures), self._extent)
            self._show_cursor()

    def action_row(self, by: int) -> None:
        """Mark the next row of the tile."""
        if self._reads.figures is not None:
            self._tiles.move(by, self._view(self._reads.figures), self._extent)
            self._show_cursor()

    def _at(self, column: MinuteTotals | None) -> str:
        """Write when a column begins."""
        step = MINUTE if self._reads.span is None else self._reads.span.step
        return "" if column is None else clock(column.minute, step, self.state.zone)

    def _no_ends(self) -> str | None:
        figures, column = self._reads.figures, self._column
        if figures is not None and self._tiles.tile is not Tile.CHART:
            return self._tiles.why_not(self._view(figures), self._extent)
        return self._ends.none_in(column, figures, self._at(column))

    def _open(self) -> None:
        figures, column = self._reads.figures, self._column
        if figures is not None and self._tiles.tile is Tile.WORST:
            self._open_group(self._view(figures))
        elif self._tiles.tile is not Tile.CHART:
            self.post_message(self._tiles.opens())
        elif column is not None and figures is not None:
            self._ends.open_column(column, figures, self._at(column))

    def _open_group(self, view: View) -> None:
        group, since = self._tiles.group(view, self._extent), view.groups_from
        if group is not None and since is not None:
            self._ends.open_group(group, since, clock(since, view.step, self.state.zone))

    def _no_bad(self) -> str | None:
        return self._ends.none_at_all()

    def _open_bad(self) -> None:
        self._ends.open_all()

    def _back(self) -> None:
        if self._tiles.leave():
            self._show_cursor()
        elif self.cursor is not None:
            self.cursor = None
            self._show_cursor()
        elif self.state.overview_first:
            self.say(FIRST_SCREEN)
        else:
            self.leave()

    @property
    def goes_back(self) -> bool:
        return self._back_label() != "back" or not self.state.overview_first

    def _back_label(self) -> str:
        if self._tiles.tile is not Tile.CHART:
            return "chart"
        return "back" if self.cursor is None else "whole chart"

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        Action("open", "enter", "open", "Open what ended badly in the column, or the marked row",
               "device-console history --where FILTER", _open, _no_ends, footer=10,
               label_now=_words),
        Action("tile", "tab", "tile", "Go on to the fleet, worst, newest, problems; ↑ ↓ mark a row",
               ON_SCREEN_ONLY, lambda s: s.action_tile(1), footer=15),
        Action("bad", "exclamation_mark", "open all not ok",
               "Open all that ended badly in two hours, a day, a week",
               "device-console history --where FILTER", _open_bad, _no_bad, footer=11, shown_as="!"),
        Action("earlier", "left", "minute", "Move the cursor to the column before", ON_SCREEN_ONLY,
               lambda s: s.action_move(-1), footer=12, shown_as="← →"),
        Action("later", "right", "later", "Move the cursor to the column after", ON_SCREEN_ONLY,
               lambda s: s.action_move(1), shown_as="→"),
        Action("longer", "right_square_bracket", "longer", "Show the day, then the week", ON_SCREEN_ONLY,
               lambda s: s.action_reach(1), footer=13, shown_as="[ ]", label_now=_reach_label),
        Action("shorter", "left_square_bracket", "shorter", "Show the day, then the hour", ON_SCREEN_ONLY,
               lambda s: s.action_reach(-1), shown_as="["),
        Action("fleet", "F", "fleet", "The fleet on a whole screen, a cell a device",
               "device-console devices", lambda s: s.post_message(ShowFleet()), footer=14),
        Action("live", "l", "live", "The newest commands on a whole screen, as they come",
               "device-console tail", lambda s: s.app.push_screen(LiveScreen(s.state)), footer=16),
        actions.BATCHES,
        actions.PROBLEMS,
        *actions.everywhere(actions.back(_back, _back_label)),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(KIND, ACTIONS),
        Binding("shift+tab", "tile(-1)", show=False),
        Binding("up,k", "row(-1)", show=False),
        Binding("down,j", "row(1)", show=False),
        Binding("home", "move(-1000)", show=False),
        Binding("end", "move(1000)", show=False),
    ]
