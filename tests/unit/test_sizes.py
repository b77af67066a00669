"""No module and no function is longer than a reader can hold in mind."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40
# Longer by one step of one protocol exchange, which would only be torn apart.
LONGER = {"console/mqtt/publisher.py publish"}


def modules() -> list[Path]:
    return sorted((ROOT / "console").rglob("*.py"))


def functions(path: Path) -> list[tuple[str, int]]:
    """Name and number of lines of each function in a module, nested ones too."""
    return [
        (f"{path.relative_to(ROOT)} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_module_is_longer_than_its_limit() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text("utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}


def test_no_function_is_longer_than_its_limit() -> None:
    lengths = dict(function for path in modules() for function in functions(path))
    assert len(lengths) > 1_000, "the search finds the functions"
    long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION}
    assert {name: lines for name, lines in long.items() if name not in LONGER} == {}
