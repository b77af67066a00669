"""Problems by kind: how many, of which devices, and that the worst kind has the first row."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.domain.events import Problem, ProblemKind
from console.domain.problem_groups import ProblemGroup, problem_groups
from console.domain.text.ascii import to_ascii
from console.tui.presenters.cells import Line, line_width
from console.tui.presenters.overview_view import Tile
from console.tui.presenters.problem_tile import MOST_KINDS, problem_lines
from tests.unit.test_overview import view

NOW = datetime(2026, 3, 1, 11, 15, tzinfo=UTC)
DAY = timedelta(days=1)


def problem(kind: ProblemKind, device: str, ago: timedelta | None = timedelta(0)) -> Problem:
    return Problem("acme", kind, device, "c-1", "", last_at=None if ago is None else NOW - ago)


def text(line: Line) -> str:
    return "".join(cell.text for cell in line)


def test_problems_of_a_day_are_counted_by_kind_and_name_their_devices() -> None:
    """Without it three forged answers are a number that nobody can look into."""
    late, forged = ProblemKind.LATE_ACK, ProblemKind.FORGED_ACK
    found = problem_groups(
        [
            problem(forged, "pump-2"),
            problem(late, "pump-9", DAY),
            problem(late, "pump-1"),
            problem(late, "pump-9"),
            problem(late, ""),
            problem(late, "old", DAY + timedelta(microseconds=1)),
            problem(ProblemKind.LINK, "broker", None),
        ],
        NOW - DAY,
    )
    assert found == (ProblemGroup(late, 4, ("pump-9", "pump-1")), ProblemGroup(forged, 1, ("pump-2",)))
    assert problem_groups([], NOW) == ()


@pytest.mark.parametrize("width", [40, 58, 80, 120])
def test_the_worst_kind_has_the_first_row_and_no_row_is_too_wide(width: int) -> None:
    """Without it a forged answer is below fourteen late ones, or not to be seen."""
    groups = (
        ProblemGroup(ProblemKind.LATE_ACK, 14, ("pump-1", "pump-2", "pump-3", "pump-4", "pump-5")),
        ProblemGroup(ProblemKind.UNKNOWN_ACK, 3, ()),
        ProblemGroup(ProblemKind.ODD_ACK, 2, ("x" * 90,)),
        ProblemGroup(ProblemKind.DUPLICATE_ACK, 2, ("x",)),
        ProblemGroup(ProblemKind.FORGED_ACK, 1, ("\x1b[2Jpump",)),
    )
    seen = replace(view(), problems=groups, tile=Tile.PROBLEMS, chosen="late ack")
    lines = [text(line) for line in problem_lines(seen, width)]
    assert len(lines) == 1 + MOST_KINDS
    assert lines[0].startswith(" problems   22 in 24 h")
    assert [line.split("!")[1].split()[0] for line in lines[1:]] == ["forged", "unknown", "late", "odd"]
    assert "\x1b" not in "".join(lines)
    assert [line[0] for line in lines] == [" ", " ", " ", "▌", " "]
    assert all(line_width(line) <= width for line in problem_lines(seen, width))
    assert width < 58 or "14   pump-1, pump-2, pump-3 +2" in lines[3]
    assert "?" not in to_ascii("".join(lines).replace("␛", ""))
    assert "22+ in 24 h" in text(problem_lines(replace(seen, more_problems=True), width)[0])
    assert problem_lines(view(), width) == []
