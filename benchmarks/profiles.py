"""Where a worker's processor time goes, for an answer and for a publication: the functions that take most of it, in percent."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import processes
from benchmarks.answers import answers
from benchmarks.place import Place, Scale
from benchmarks.publications import publish

_SHOWN = 15


async def profile(place: Place, scale: Scale) -> str:
    """Run `scale.pairs` turns of each under the sampler and return both tables."""
    found = []
    for title, is_answers in (("an answer", True), ("a publication", False)):
        samples: Counter[str] = Counter()
        costs = []
        for _ in range(scale.pairs):
            with _profiles(place.folder / "profiles") as folder:
                if is_answers:
                    _, own, _ = await answers(place, scale.rows)
                else:
                    _, own, _ = await publish(place, scale.rows // 4, within_s=60)
                costs.append(own)
                for path in folder.glob("*.txt"):
                    samples.update(read(path.read_text()))
        found.append(f"{title}: {min(costs):.3g} µs of the worker, with the sampler\n{table(samples)}")
    return "\n\n".join(found)


def read(text: str) -> Counter[str]:
    """Samples by function, of what the sampler wrote."""
    return Counter({name: int(count) for count, name in (line.split("\t", 1) for line in text.splitlines())})


def table(samples: Counter[str], shown: int = _SHOWN) -> str:
    """Percent and name of the functions that were met most, and what the packages take together."""
    total = max(1, samples.total())
    packages: Counter[str] = Counter()
    for name, count in samples.items():
        packages[name.split(".", 1)[0]] += count
    lines = [f"{count / total:6.1%}  {name}" for name, count in samples.most_common(shown)]
    lines.append("  ".join(f"{name} {count / total:.0%}" for name, count in packages.most_common(6)))
    return "\n".join([f"{total} samples", *lines])


@contextmanager
def _profiles(folder: Path) -> Iterator[Path]:
    """All workers that are started meanwhile are sampled from their readiness on; each leaves a file there."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    processes.profiles = folder
    try:
        yield folder
    finally:
        processes.profiles = None
