"""The charts of how cost grows, and the points that they are drawn from, which a later run may add to."""

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.svg import chart

FOLDER = ROOT / "docs" / "performance"
Points = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: the name of its file, and what its axes say."""

    name: str
    title: str
    x_label: str
    y_label: str


SWEEP = Chart("sweep", "A sweep of 20,000 commands", "commands in history", "µs a command")
ANSWERS = Chart("answers", "20,000 answers", "commands in history", "µs an answer")
PUBLISH = Chart("publish", "Publications of 2,000 commands", "commands in history", "µs a publication")
CLAIM = Chart("claim", "A claim of 100 commands", "commands that wait, a device each", "ms")
PAGE = Chart("page", "A page of 50 commands", "commands in history", "ms")
DEPTH = Chart("depth", "5,000 publications", "commands that wait for one device", "µs a publication")
FLEET = Chart("fleet", "The screen's first row", "devices", "ms after the start")


def keep(drawn: Chart, points: Points, folder: Path = FOLDER) -> None:
    """Keep the points of a chart in ``growth.json``, in place of older ones at the same sizes, and draw it."""
    folder.mkdir(exist_ok=True)
    path = folder / "growth.json"
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    lines = kept.setdefault(drawn.name, {})
    for line, measured in points.items():
        lines[line] = sorted((dict(lines.get(line, ())) | dict(measured)).items())
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
    svg = chart(drawn.title, drawn.x_label, drawn.y_label, list(lines.items()))
    (folder / f"{drawn.name}.svg").write_text(svg, "utf-8")
