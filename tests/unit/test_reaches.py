"""No file of the screen reaches into another's private attributes, and Textual's are used in one room."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import textual.app
import textual.dom
import textual.message_pump
import textual.screen
import textual.widget
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import Input, TextArea

ROOT = Path(__file__).parents[2]
TUI = ROOT / "console" / "tui"
OWN = {"self", "cls"}
ALLOWED = {"os._exit": "documented by Python: ends a process whose terminal keeps it from ending in order"}
SET_BY_TEXTUAL = {
    name
    for module in (textual.app, textual.dom, textual.message_pump, textual.screen, textual.widget)
    for name in re.findall(r"self\.(_\w+)\s*(?::[^=\n]+)?=", inspect.getsource(module))
}


def _files(*, terminal: bool) -> list[Path]:
    room = TUI / "terminal"
    return [path for path in sorted(TUI.rglob("*.py")) if terminal or room not in path.parents]


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _reaches(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and _is_private(node.attr)):
            continue
        owner = node.value
        is_own = isinstance(owner, ast.Name) and owner.id in OWN
        is_super = isinstance(owner, ast.Call) and ast.unparse(owner.func) == "super"
        if not is_own and not is_super and ast.unparse(node) not in ALLOWED:
            yield ast.unparse(node)


def test_no_file_reaches_into_the_private_attributes_of_another() -> None:
    """Without it, a class can only be changed after reading every other one."""
    found = {
        f"{path.relative_to(TUI)}: {reach}"
        for path in _files(terminal=False)
        for reach in _reaches(ast.parse(path.read_text("utf-8")))
    }
    assert found == set()


def test_a_reach_is_found() -> None:
    assert list(_reaches(ast.parse("self._a = other._b; super()._c; self._d._e; os._exit(0); cls._f"))) == [
        "other._b",
        "self._d._e",
    ]


def test_private_modules_of_textual_are_imported_for_the_terminal_only() -> None:
    private = {
        f"{path.relative_to(TUI)}: {name}"
        for path in _files(terminal=False)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual")
        for name in (*(node.module or "").split("."), *(alias.name for alias in node.names))
        if _is_private(name)
    }
    assert private == set()


def _classes(path: Path) -> Iterator[type]:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for value in vars(module).values():
        if inspect.isclass(value) and value.__module__ == module.__name__:
            yield value


def test_no_class_uses_or_covers_a_private_name_that_textual_gives_it() -> None:
    """Without it, a method of ours may take the place of one that Textual needs: `_compose` did once."""
    of_textual = {name for base in (App, Screen, MessagePump, Input, TextArea) for name in dir(base)}
    taken = {name for name in of_textual | SET_BY_TEXTUAL if _is_private(name)}
    found = {
        f"{owner.__name__}.{name}"
        for path in _files(terminal=False)
        for owner in _classes(path)
        if issubclass(owner, MessagePump)
        for name in set(re.findall(r"(?:self\.|def )(_\w+)", inspect.getsource(owner))) & taken
        if _is_private(name)
    }
    assert found == set()
