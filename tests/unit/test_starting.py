"""The line of a cold start: which of how many steps, for how long, and nothing left of it."""

import os
import termios
from enum import Enum
from io import StringIO

import pytest

from console.cli import starting
from console.cli.output_filter import TerminalStream
from console.cli.starting import StartingLine
from tests.waiting import until


class Step(Enum):
    FIRST = "the first"
    SECOND = "the sec\x1bond and longer"
    THIRD = "3"


async def test_each_step_is_written_over_the_last_one_and_goes_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it the first start of the demo is silent for half a minute."""
    monkeypatch.setattr(starting, "QUICK_S", 0)
    monkeypatch.setattr(starting, "_TICK_S", 1.01)
    terminal = StringIO()
    line = StartingLine(TerminalStream(terminal))
    line.begin(Step.FIRST)

    async def ticked() -> bool:
        return "   1s" in terminal.getvalue()

    await until(ticked)
    line.begin(Step.SECOND)
    line.begin(Step.THIRD)
    line.end()
    said = terminal.getvalue()
    first, second, third = (f"starting {n} of 3   {words}" for n, words in (
        (1, "the first"), (2, "the sec␛ond and longer"), (3, "3"),
    ))  # fmt: skip
    assert said.split("\r") == [
        "", first, f"{first}   1s", second, f"{third}{' ' * (len(second) - len(third))}", " " * len(third), "",
    ]  # fmt: skip
    line.end()
    assert terminal.getvalue() == said
    assert "\x1b" not in said


@pytest.mark.parametrize(("columns", "room"), [(40, 39), (200, 70), (0, 70)])
def test_a_line_is_cut_to_what_a_narrow_terminal_has_room_for(columns: int, room: int) -> None:
    """Without it the line wraps, and each second leaves one more row of it on the screen."""
    master, slave = os.openpty()
    terminal = StringIO()
    terminal.fileno = lambda: slave  # type: ignore[method-assign]
    try:
        termios.tcsetwinsize(slave, (24, columns))
        line = TerminalStream(terminal)
        line.show_over("starting 2 of 4   " + "word " * 20)
        line.show_over("")
    finally:
        os.close(master)
        os.close(slave)
    assert [len(part) for part in terminal.getvalue().split("\r")] == [0, room, room, 0]


async def test_a_quick_start_says_nothing() -> None:
    terminal = StringIO()
    line = StartingLine(TerminalStream(terminal))
    for step in Step:
        line.begin(step)
    line.end()
    assert terminal.getvalue() == ""


async def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a log of errors has lines that are no errors."""
    monkeypatch.setattr(starting, "QUICK_S", 0)
    file = StringIO()
    line = StartingLine(file)
    line.begin(Step.FIRST)
    line._show()
    line.end()
    assert file.getvalue() == ""
