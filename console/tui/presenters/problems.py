"""The row of one problem."""

from datetime import datetime

from console.domain.events import Problem, ProblemKind
from console.domain.text.durations import coarse_age
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell, Column, Tone

COLUMNS = (
    Column("age", "AGE", 5, right=True),
    Column("kind", "PROBLEM", 17),
    Column("device", "DEVICE", 10, most=32, rank=1),
    Column("count", "TIMES", 5, right=True),
    Column("detail", "WHAT", 18, most=90),
    Column("command", "COMMAND", 13, most=36, rank=3),
)
_TONES: dict[ProblemKind, Tone] = {
    ProblemKind.FORGED_ACK: "bad",
    ProblemKind.CONFLICTING_ACK: "bad",
    ProblemKind.UNROUTABLE: "bad",
    ProblemKind.REFUSED_PUBLISH: "bad",
    ProblemKind.LATE_ACK: "",
    ProblemKind.DUPLICATE_ACK: "dim",
    ProblemKind.ODD_ACK: "dim",
}


def tone_of(kind: ProblemKind) -> Tone:
    """Return how bad problems of a kind are."""
    return _TONES.get(kind, "warn")


def problem_key(problem: Problem) -> str:
    return f"{problem.kind}\x1f{problem.device_id}\x1f{problem.key}"


def problem_whom(problem: Problem) -> list[str]:
    """Name what a problem is about: a link, or a device and the command that it claims."""
    if problem.kind is ProblemKind.LINK:
        return [f"link     {problem.device_id}"]
    command = f"{problem.command_id} (unknown)" if problem.command_id else "none"
    return [f"device   {problem.device_id or 'none'}", f"command  {command}"]


def problem_cells(problem: Problem, now: datetime) -> dict[str, Cell]:
    """Make every cell of a problem's row, by column."""
    link = problem.kind is ProblemKind.LINK  # of which the link's name stands where others have a device
    return {
        "age": Cell(coarse_age(now - problem.last_at) if problem.last_at else "–"),
        "kind": Cell(f"! {problem.kind.value}", tone_of(problem.kind)),
        "device": Cell("–", "dim") if link else Cell(safe_id(problem.device_id) or "–"),
        "count": Cell(f"{problem.count:,}"),
        "detail": Cell(safe(f"{problem.device_id}: {problem.detail}" if link else problem.detail)),
        "command": Cell(safe(problem.command_id) or "–", "dim"),
    }
