"""Small plots of a history: how long answers took and how commands ended, oldest left, newest right."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median

from console.domain.commands import Command, Phase
from console.domain.spans import age, latency
from console.tui.presenters.cells import Cell, Line, Tone

BARS = "▁▂▃▄▅▆▇█"
_GOOD = frozenset({Phase.OK})
_ENDED = (Phase.OK, Phase.FAILED, Phase.MISSED, Phase.EXPIRED)
_LEAST = 5


def sparkline(values: Sequence[float | None]) -> str:
    """One character for each value, the highest as a full bar; a space where there is none."""
    known = [value for value in values if value is not None]
    top = max(known, default=0.0)
    if top <= 0:
        return "".join(" " if value is None else BARS[0] for value in values)
    last = len(BARS) - 1
    return "".join(" " if v is None else BARS[min(last, round(v / top * last))] for v in values)


def plots_line(commands: Iterable[Command], width: int) -> Line:
    """Latency and outcomes over the time that is loaded; empty when there is too little to see."""
    ended = sorted((c for c in commands if c.phase in _ENDED), key=lambda c: c.created_at)
    if len(ended) < _LEAST or width < 60:
        return ()
    count = 16 if width < 100 else 28
    buckets = _buckets(ended, count)
    took = [c.latency.total_seconds() for c in ended if c.latency is not None]
    waits = [_median([c.latency.total_seconds() for c in b if c.latency is not None]) for b in buckets]
    bad = [None if not b else sum(c.phase not in _GOOD for c in b) / len(b) for b in buckets]
    share = sum(c.phase not in _GOOD for c in ended) / len(ended)
    span = age(ended[-1].created_at - ended[0].created_at)
    cells = [Cell(" answer time ", "dim"), Cell(sparkline(waits), "accent")]
    if took:
        took.sort()
        half = latency(timedelta(seconds=took[len(took) // 2]))
        most = latency(timedelta(seconds=took[len(took) * 95 // 100]))
        cells.append(Cell(f" p50 {half}  p95 {most}", "dim"))
    tone: Tone = "warn" if share > 0 else "ok"
    cells += [Cell("   not ok ", "dim"), Cell(sparkline(bad), tone), Cell(f" {share:.0%}", tone)]
    cells.append(Cell(f"   over {span}", "dim"))
    return tuple(cells)


def _buckets(ended: Sequence[Command], count: int) -> list[list[Command]]:
    """The commands by time, in equal spans."""
    first = ended[0].created_at
    whole = max(1e-6, (ended[-1].created_at - first).total_seconds())
    buckets: list[list[Command]] = [[] for _ in range(count)]
    for command in ended:
        place = int((command.created_at - first).total_seconds() / whole * count)
        buckets[min(count - 1, place)].append(command)
    return buckets


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
