"""Small plots of a history: how long answers took and how commands ended, oldest left, newest right."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median

from console.domain.commands import Command, Phase
from console.domain.text.durations import age, latency
from console.tables.columns import Cell
from console.tui.presenters.cells import Line, line_width

BARS = "▁▂▃▄▅▆▇█"
_GOOD = frozenset({Phase.OK})
_ENDED = (Phase.OK, Phase.FAILED, Phase.MISSED, Phase.EXPIRED)
_LEAST = 5


def sparkline(values: Sequence[float | None], top: float | None = None) -> str:
    """Draw one character for each value: a full bar for `top` or the highest, a space for None."""
    full = top if top is not None else max((v for v in values if v is not None), default=0.0)
    if full <= 0:
        return "".join(" " if value is None else BARS[0] for value in values)
    last = len(BARS) - 1
    return "".join(" " if v is None else BARS[min(last, round(v / full * last))] for v in values)


def plots_line(commands: Iterable[Command], width: int) -> Line:
    """Plot latency and outcomes over the loaded time: the fullest version that fits.

    Empty when there is too little to see, or when all happened at once.
    """
    ended = sorted((c for c in commands if c.phase in _ENDED), key=lambda c: c.created_at)
    if len(ended) < _LEAST or ended[0].created_at == ended[-1].created_at:
        return ()
    for count, level in ((28, 0), (28, 1), (16, 1), (16, 2), (10, 2), (10, 3)):
        buckets = _buckets(ended, count)
        line = (Cell(" "), *_waits(ended, buckets, level), *_outcomes(ended, buckets, level))
        if line_width(line) <= width:
            return line if sum(bool(bucket) for bucket in buckets) > 1 else ()
    return ()


def _waits(ended: Sequence[Command], buckets: Sequence[Sequence[Command]], level: int) -> Line:
    """Plot how long answers took: a bar is the median of its share of the time.

    A dot where commands ended without an answer, a space where none ended.
    """
    took = sorted(_took(ended))
    if not took:
        return ()
    half, most = took[len(took) // 2], took[len(took) * 95 // 100]
    medians = [median(_took(bucket)) if _took(bucket) else None for bucket in buckets]
    known = sorted(value for value in medians if value is not None)
    drawn = sparkline(medians, known[(len(known) - 1) * 95 // 100])
    bars = "".join("·" if bar == " " and bucket else bar for bar, bucket in zip(drawn, buckets, strict=True))
    words = "" if level >= 3 else f" p50 {latency(timedelta(seconds=half))}"
    words += "" if level >= 2 else f"  p95 {latency(timedelta(seconds=most))}"
    name = "answer time " if level < 2 else "answers "
    return (
        Cell(name, "dim"),
        Cell(bars, "accent"),
        Cell(f"{words}   ", "dim"),
    )


def _outcomes(ended: Sequence[Command], buckets: Sequence[Sequence[Command]], level: int) -> Line:
    """Plot the share that did not end well: a dot for none, a space where nothing ended."""
    cells = [Cell("not ok ", "dim")]
    for bucket in buckets:
        share = _share(bucket)
        cells.append(Cell(sparkline([share], 1.0), "warn") if share else Cell("·" if bucket else " ", "dim"))
    share = _share(ended)
    percent = f"{share:.0%}" if not 0 < share < 0.01 else "<1%"
    cells.append(Cell(f" {percent}", "warn" if share else "dim"))
    if level < 1:
        cells.append(Cell(f"   over {age(ended[-1].created_at - ended[0].created_at)}", "dim"))
    return tuple(cells)


def _took(commands: Sequence[Command]) -> list[float]:
    return [c.latency.total_seconds() for c in commands if c.latency is not None]


def _share(commands: Sequence[Command]) -> float:
    return sum(c.phase not in _GOOD for c in commands) / len(commands) if commands else 0.0


def _buckets(ended: Sequence[Command], count: int) -> list[list[Command]]:
    """Divide the commands into equal spans of time."""
    first = ended[0].created_at
    whole = max(1e-6, (ended[-1].created_at - first).total_seconds())
    buckets: list[list[Command]] = [[] for _ in range(count)]
    for command in ended:
        place = int((command.created_at - first).total_seconds() / whole * count)
        buckets[min(count - 1, place)].append(command)
    return buckets
