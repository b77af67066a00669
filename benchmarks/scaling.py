"""Two and four workers beside one: what several give, or take, where they share the processors with all else."""

from collections import defaultdict

from benchmarks.answers import answers
from benchmarks.figures import Figure, Sample
from benchmarks.place import Place, Scale
from benchmarks.publications import publish

_ONE = "one worker"
_COUNTS = (2, 4)
FIGURES = tuple(
    Figure(f"{what}, {count} workers", "rows/s", _ONE, 0.9, 0.3)
    for what in ("answers", "publications")
    for count in _COUNTS
)
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    rows = scale.part(0.2)
    for _ in range(scale.pairs):
        one, _, _ = await answers(place, rows)
        for count in _COUNTS:
            several, _, _ = await answers(place, rows, count=count)
            found[f"answers, {count} workers"].append(Sample(several, one, rows))
        one, _, _ = await publish(place, rows, within_s=60)
        for count in _COUNTS:
            several, _, _ = await publish(place, rows, within_s=60, count=count)
            found[f"publications, {count} workers"].append(Sample(several, one, rows))
    return found
