"""What the overview draws, whatever the size: the values of its tiles, and how wide the left ones are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from console.domain.commands import Command
from console.domain.devices import Device, DeviceCounts
from console.domain.figures import MinuteTotals
from console.domain.overview import MINUTE, Overview, Range, Span
from console.domain.problem_groups import ProblemGroup
from console.tui.presenters.charts import GUTTER

WIDE = 118  # columns from which what happened last stands beside the rest
_LEFT, _LEAST_LEFT, _LIVE = 78, 60, 60
_MOST_MINUTES = 120


class Tile(StrEnum):
    """A part of the overview that enter acts on; the order is that of the tab key."""

    CHART = "chart"
    FLEET = "fleet"
    WORST = "worst"
    NEWEST = "newest"
    PROBLEMS = "problems"


_HEADS = {  # how the first line of a tile begins, after the cell of its mark
    Tile.FLEET: re.compile(r"(?:^|│ ).(?=fleet )"),
    Tile.WORST: re.compile(r"(?:^|│ ).(?=worst )"),
    Tile.NEWEST: re.compile(r"(?:^|│ ).(?=\d\d:\d\d:\d\d )"),
    Tile.PROBLEMS: re.compile(r"(?:^|│ ).(?=problems )"),
}


def tile_heads(lines: Sequence[str]) -> dict[Tile, tuple[int, int]]:
    """Return where each tile but the chart begins in what is drawn, by column and row."""
    found: dict[Tile, tuple[int, int]] = {}
    for row, line in enumerate(lines):
        for tile, head in _HEADS.items():
            if tile not in found and (there := head.search(line)):
                found[tile] = there.end() - 1, row
    return found


@dataclass(frozen=True, slots=True)
class View:
    """What is drawn. `fleet` is None where it has too many devices to draw; `span` is a day or a week."""

    figures: Overview
    now: datetime
    newest: Sequence[Command] = ()
    counts: DeviceCounts | None = None
    fleet: Sequence[Device] | None = None
    cursor: datetime | None = None
    span: Span | None = None
    tile: Tile = Tile.CHART
    chosen: str = ""  # the id of a row of this tile
    problems: Sequence[ProblemGroup] = ()
    more_problems: bool = False  # than were read
    awaited: Range | None = None  # what is being read, while the hour stands

    @property
    def step(self) -> timedelta:
        """How long a column of the chart is."""
        return MINUTE if self.span is None else self.span.step

    @property
    def groups_from(self) -> datetime | None:
        """Since when the worst are counted."""
        return self.figures.groups_from if self.span is None else self.span.groups_from

    def columns(self, width: int) -> tuple[MinuteTotals, ...]:
        """Return what the chart shows on a screen of this width: a day, a week, or minutes."""
        room = minutes_shown(width)
        return self.figures.columns(room) if self.span is None else self.span.columns()[-room:]


def minutes_shown(width: int) -> int:
    """Return for how many columns a chart has room on a screen of this width."""
    return max(10, min(_MOST_MINUTES, left_of(width) - GUTTER - 1))


def left_of(width: int) -> int:
    """Return how many columns the chart and the tiles below it have."""
    return max(_LEAST_LEFT, min(_LEFT, width - _LIVE)) if width >= WIDE else width


def clock(moment: datetime, step: timedelta, zone: tzinfo | None) -> str:
    """Write when a column begins: with its date in a day or a week, whose hours may be those of another."""
    return f"{moment.astimezone(zone):{'%H:%M' if step == MINUTE else '%a %d %H:%M'}}"
