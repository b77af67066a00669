"""A cell, which is text with a tone, and a column that makes one of each row.

Decided in docs/decisions/0053-columns-for-screen-and-shell.md
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")
Tone: TypeAlias = Literal["", "ok", "calm", "bad", "warn", "live", "dim", "strong", "accent", "phases"]


class Cell(NamedTuple):
    """Text that is already safe, and what it means.

    `more` follows the text without a tone and is cut first; `end` stands at the right edge and is never cut.
    The tone `phases`: each character is the symbol of a phase, in the tone of that phase.
    """

    text: str
    tone: Tone = ""
    more: str = ""
    end: str = ""

    @property
    def plain(self) -> str:
        """The whole text, for a line that has no edge."""
        return " ".join(part for part in (self.text, self.more, self.end) if part)


NOTHING = Cell("–", "dim")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `width` is its least, `most` what it may grow to; the highest `rank` is dropped first.

    `arrow` is the direction in which a list is sorted by it. `extra`: shown where there is room to spare.
    `strip`: one symbol a command, the newest at the right edge; it has its least width or its most, and
    `short` is its title where it has its least.
    """

    key: str
    title: str
    width: int
    right: bool = False
    most: int = 0
    rank: int = 0
    arrow: str = "↑"
    extra: bool = False
    strip: bool = False
    short: str = ""


@dataclass(frozen=True, slots=True)
class ColumnOf(Column, Generic[T]):
    """A column with the function that makes its cell; `optional`: left out if no row has a value."""

    cell: Callable[[T, datetime], Cell] = lambda _row, _now: NOTHING
    optional: bool = False


def cells_of(columns: tuple[ColumnOf[T], ...], row: T, now: datetime) -> dict[str, Cell]:
    """Make every cell of a row, by column."""
    return {column.key: column.cell(row, now) for column in columns}
