"""The database's clock decides; ours only waits. A wall clock of this machine, a day off, must change nothing."""

import ast
from pathlib import Path

import pytest

CONSOLE = Path(__file__).parents[2] / "console"
LAYERS = sorted(path.name for path in CONSOLE.iterdir() if path.is_dir() and any(path.rglob("*.py")))
WALL_CLOCKS = {
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    *(f"time.{name}" for name in ("time", "time_ns", "gmtime", "localtime", "ctime", "asctime", "clock_gettime")),
    "datetime.date.today", "email.utils.localtime", "uuid.uuid1",
}  # fmt: skip
# what may show, name or admit by the wall clock, and decides nothing about a command
DISPLAY_ONLY = {
    "shell/batches.py _batches", "shell/devices.py _devices", "shell/history.py _history", "shell/problems.py _problems",
    "serve/door.py whom",  # the end of a key's time, which sshd reads by its clock, too
    "simulator/device.py _utc_now",  # the clock of a device, which is not ours
    "store/commands.py _page",  # of an empty page
    "tui/application/crash.py write_crash", "tui/state/console_state.py now", "tui/presenters/times.py zone_words", "tui/screens/dialogs/export.py _stem",
    "worker/metrics.py _state",  # an instant for Prometheus, which compares it with its own clock
}  # fmt: skip


class Search(ast.NodeVisitor):
    """Collects the functions that name a wall clock, however it was imported."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._inside = ["the module"]
        self.found: list[str] = []

    def visit_Import(self, node: ast.Import) -> None:
        for name in node.names:
            self._names[name.asname or name.name.partition(".")[0]] = (
                name.name if name.asname else name.name.partition(".")[0]
            )

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for name in node.names:
            self._names[name.asname or name.name] = f"{node.module}.{name.name}"

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._inside.append(node.name)
        self.generic_visit(node)
        self._inside.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name of ast

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._look(node)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._look(node)

    def _look(self, node: ast.expr) -> None:
        if self._path(node) in WALL_CLOCKS:
            self.found.append(self._inside[-1])

    def _path(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return f"{self._path(node.value)}.{node.attr}"
        return self._names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def wall_clocks_of(source: str) -> list[str]:
    """The functions that read a wall clock."""
    search = Search()
    search.visit(ast.parse(source))
    return search.found


def readers_in(layer: str) -> set[str]:
    files = list((CONSOLE / layer).rglob("*.py"))
    return {
        f"{path.relative_to(CONSOLE).as_posix()} {function}"
        for path in files
        for function in wall_clocks_of(path.read_text("utf-8"))
    }


@pytest.mark.parametrize("layer", LAYERS)
def test_nothing_but_what_only_shows_reads_a_wall_clock(layer: str) -> None:
    """Without this rule, a machine whose clock is a day off settles commands a day early."""
    assert readers_in(layer) == {reader for reader in DISPLAY_ONLY if reader.startswith(f"{layer}/")}


@pytest.mark.parametrize(
    "source",
    [
        "import time\nx = time.time()",
        "import time as t\nx = t.time_ns()",
        "from time import time\nx = time()",
        "from time import time as instant\nx = instant()",
        "from datetime import datetime\ny = datetime.now()",
        "import datetime\ny = datetime.datetime.now(datetime.UTC)",
        "import datetime as dt\ny = dt.date.today()",
        "from datetime import datetime as D\ny = field(default_factory=D.utcnow)",
    ],
)
def test_the_search_finds_a_wall_clock_however_it_was_imported(source: str) -> None:
    assert wall_clocks_of(source) == ["the module"]


@pytest.mark.parametrize("source", ["import time\ntime.monotonic()", "row.time", "now()", "x.datetime.now"])
def test_the_search_finds_nothing_else(source: str) -> None:
    assert wall_clocks_of(source) == []
