"""What is written for a frame is what it changes, and a terminal shows the frame after it."""

import random

import pyte
import pytest
from pyte.screens import Char
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Offset, Region, Size
from textual.strip import Strip

from console.tui.terminal.painter import Painter

SIZE, HOME = Size(12, 3), Offset(0, 0)
RED, ON_BLUE, UNDER = Style(color="red"), Style(bgcolor="blue"), Style(underline=True)
STYLES = (Style(), RED, ON_BLUE, UNDER, RED + ON_BLUE, Style(bold=True, color="#112233"), Style(reverse=True))


class Glass:
    """A painter, and a terminal before it."""

    def __init__(self) -> None:
        self.painter = Painter(ColorSystem.TRUECOLOR)
        self.screen = pyte.Screen(SIZE.width, SIZE.height)
        self._stream = pyte.Stream(self.screen)

    def paint(self, *lines: list[tuple[str, Style]]) -> str:
        strips = [Strip([Segment(text, style) for text, style in line]) for line in lines]
        update = LayoutUpdate(
            [[strip.adjust_cell_length(SIZE.width)] for strip in strips], Region(0, 0, *SIZE)
        )
        written = self.painter.paint(update, SIZE, HOME)
        self._stream.feed(written)
        return written

    def cells(self) -> list[list[Char]]:
        return [[self.screen.buffer[y][x] for x in range(SIZE.width)] for y in range(SIZE.height)]


def test_the_same_frame_costs_nothing() -> None:
    glass = Glass()
    assert glass.paint([("age 12s", RED)], [], [])
    assert glass.paint([("age ", RED), ("12s", RED)], [], []) == ""


def test_one_digit_costs_a_move_and_a_digit() -> None:
    glass = Glass()
    glass.paint([("age 12s", Style())], [], [])
    assert glass.paint([("age 13s", Style())], [], []) == "\x1b[1;6H3\x1b[1;1H"


def test_after_forgetting_all_is_written() -> None:
    glass = Glass()
    first = glass.paint([("age 12s", RED)], [("日本", UNDER)], [])
    glass.painter.forget()
    assert glass.paint([("age 12s", RED)], [("日本", UNDER)], []) == first


@pytest.mark.parametrize("seed", range(40))
def test_what_stands_there_is_what_a_fresh_terminal_would_show(seed: int) -> None:
    """Frame upon frame with wide and combined characters: as if each had been painted alone."""
    chance = random.Random(seed)
    glass = Glass()

    def line() -> list[tuple[str, Style]]:
        texts = ("a", "bc", " ", "   ", "日", "e\u0301", "●", "x日y")
        return [(chance.choice(texts), chance.choice(STYLES)) for _ in range(chance.randrange(5))]

    for _ in range(12):
        lines = [line() for _ in range(SIZE.height)]
        glass.paint(*lines)
        fresh = Glass()
        fresh.paint(*lines)
        assert shown(glass) == shown(fresh)


def shown(glass: Glass) -> list[list[tuple[object, ...]]]:
    """What is seen: the ink of a blank is not."""
    return [
        [
            (
                cell.data,
                cell.bg,
                cell.underscore,
                cell.reverse,
                *((cell.fg, cell.bold) if cell.data.strip() else ()),
            )
            for cell in row
        ]
        for row in glass.cells()
    ]
