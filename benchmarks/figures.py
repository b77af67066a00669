"""From samples to rows: paired ratios, their median and spread, and whether a goal is met. Values only, no server."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured. `floor` names what stands beside it; "" where nothing does.

    Judged by the goal is the ratio ours/floor, or `absolute` what was measured itself. `bound` is what the short
    form holds: worse than that fails it. It is one on the ratio wherever there is a floor, since a busy machine
    slows both. `at_most`: smaller is better.
    """

    name: str
    unit: str
    floor: str = ""
    goal: float | None = None
    bound: float | None = None
    at_most: bool = False
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn of a pair; `count` is how many events are behind it."""

    ours: float
    floor: float | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `low` and `high` are the spread of what the goal judges, over the pairs."""

    figure: Figure
    ours: float
    floor: float | None
    ratio: float | None
    value: float
    low: float
    high: float
    pairs: int
    count: int

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        return reaches(self.value, self.figure.goal, at_most=self.figure.at_most)

    @property
    def holds(self) -> bool:
        """Whether the short form's bound is kept."""
        return reaches(self.held, self.figure.bound, at_most=self.figure.at_most) is not False

    @property
    def held(self) -> float:
        """What the bound is about: the ratio, else the value."""
        return self.value if self.ratio is None else self.ratio


def reaches(value: float, wanted: float | None, *, at_most: bool) -> bool | None:
    """Whether a value is as good as wanted, or better; None if nothing is wanted."""
    if wanted is None:
        return None
    return value <= wanted if at_most else value >= wanted


def row_of(figure: Figure, samples: Sequence[Sample]) -> Row:
    """Make a row of the pairs: the median of the paired ratios, and not the ratio of two medians."""
    judged = [ratio(sample) if not figure.absolute else sample.ours for sample in samples]
    floors = [sample.floor for sample in samples if sample.floor is not None]
    ratios = [ratio(sample) for sample in samples] if floors else []
    return Row(
        figure, statistics.median(sample.ours for sample in samples), statistics.median(floors) if floors else None,
        statistics.median(ratios) if ratios else None,
        statistics.median(judged), min(judged), max(judged), len(samples), sum(sample.count for sample in samples),
    )  # fmt: skip


def ratio(sample: Sample) -> float:
    """Ours by the floor of the same pair.

    Raises:
        ValueError: there is no floor, or it is 0.
    """
    if not sample.floor:
        raise ValueError("a ratio needs a floor")
    return sample.ours / sample.floor


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def worse(rows: Iterable[Row]) -> list[Row]:
    """The rows that break their bound."""
    return [row for row in rows if not row.holds]


def replaced(rows: Sequence[Row], again: Sequence[Row]) -> list[Row]:
    """The rows, with those that were measured once more in the place of the first ones that broke their bound."""
    newer = {row.figure.name: row for row in again}
    return [row if row.holds else newer.get(row.figure.name, row) for row in rows]


def document(rows: Iterable[Row]) -> list[Mapping[str, object]]:
    """The rows for JSON."""
    return [
        {
            "figure": row.figure.name, "unit": row.figure.unit, "ours": row.ours, "floor": row.floor,
            "floor_is": row.figure.floor or None, "ratio": row.ratio, "value": row.value,
            "spread": [row.low, row.high], "pairs": row.pairs, "count": row.count, "goal": row.figure.goal,
            "at_most": row.figure.at_most, "met": row.met, "bound": row.figure.bound, "holds": row.holds,
        }
        for row in rows
    ]  # fmt: skip


def as_json(rows: Iterable[Row]) -> str:
    return json.dumps(document(rows), indent=1, ensure_ascii=False) + "\n"


def short(value: float | None) -> str:
    """A number in three digits, larger ones whole with separators."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


_HEAD = ("figure", "ours", "floor", "", "spread", "pairs", "n", "goal", "met", "bound")
_TEXTS = {0, 8}


def table(rows: Iterable[Row]) -> str:
    """All rows under a heading, numbers to the right."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in _TEXTS else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(rows: Iterable[Row]) -> str:
    """The same as a table of Markdown, with the floors' names."""
    head = "| figure | ours | floor | ratio | spread | goal | met |\n|---|---|---|---|---|---|---|\n"
    lines = []
    for row in rows:
        figure, cells = row.figure, _cells(row)
        floor = f"{cells[2]} {figure.floor}" if figure.floor else "–"
        told = [
            figure.name,
            cells[1],
            floor,
            *(cell or "–" for cell in (cells[3], cells[4], cells[7], cells[8])),
        ]
        lines.append(f"| {' | '.join(told)} |")
    return head + "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    figure = row.figure
    sign = "≤ " if figure.at_most else "≥ "
    return (
        figure.name,
        f"{short(row.ours)} {figure.unit}".strip(),
        short(row.floor) if row.floor is not None else "",
        "" if row.ratio is None else f"× {short(row.ratio)}",
        f"{short(row.low)}–{short(row.high)}",
        str(row.pairs),
        f"{row.count:,}",
        "" if figure.goal is None else f"{sign}{'' if figure.absolute else '× '}{short(figure.goal)}",
        {None: "", True: "yes", False: "no"}[row.met],
        "" if figure.bound is None else f"{sign}{'' if row.ratio is None else '× '}{short(figure.bound)}",
    )
