"""The database's clock decides; ours only waits. A wall clock of this machine, a day off, must change nothing."""

import ast
from pathlib import Path

import pytest

CONSOLE = Path(__file__).parents[2] / "console"
DECIDING = ("services", "runtime", "mqtt", "wire", "domain")
WALL_CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
               ("time", "time_ns"), ("time", "gmtime"), ("time", "localtime")}  # fmt: skip


def wall_clocks_of(source: str) -> list[int]:
    """The lines that read a wall clock."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in WALL_CLOCKS
    ]


@pytest.mark.parametrize("layer", DECIDING)
def test_nothing_that_decides_reads_a_wall_clock(layer: str) -> None:
    """Without this rule, a machine whose clock is a day off settles commands a day early."""
    files = list((CONSOLE / layer).rglob("*.py"))
    assert files
    assert [(path.name, line) for path in files for line in wall_clocks_of(path.read_text("utf-8"))] == []


def test_the_search_finds_one() -> None:
    assert wall_clocks_of("import time\nx = time.time()") == [2]
    assert wall_clocks_of("from datetime import datetime\n\ny = datetime.now()") == [3]
