"""Sentences for users keep to the glossary: one word for one thing, and none of the words that it rules out."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

CONSOLE = Path(__file__).parents[2] / "console"
_SQL = re.compile(r"\b(SELECT|UPDATE|INSERT|DELETE|CREATE|WHERE|JOIN|EXISTS)\b|::|\$1")
RULED_OUT = {
    "told": r"\btold\b",
    "is no number": r"(?<![Tt]here )\b(is|are) no (?!longer)\w",
    "is none of": r"\bnone of\b",
    "acts": r"\bacts\b",
    "settled": r"\bsettled\b",
    "word of progress": r"\bwords? of progress\b",
    "twin": r"\btwins?\b",
    "taken back": r"\b(taken|takes|take) back\b(?! from)",
    "batch, but for the shell command": r"(?<!`device-console )(?<!^device-console )\bbatch\b",
}
# what --read-only refuses: "cancel takes commands back" names the effect, and "cancels" the command itself
ALLOWED = {"takes commands back"}


@cache
def sentences(path: Path) -> list[str]:
    """The texts of three words and more in a module that are neither docstrings nor SQL."""
    tree = ast.parse(path.read_text("utf-8"))
    left_out = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in left_out
        and len(node.value.split()) > 2
        and not _SQL.search(node.value)
    ]


@pytest.mark.parametrize("word", RULED_OUT)
def test_no_sentence_has_a_word_that_the_glossary_rules_out(word: str) -> None:
    """Without it the next message brings back the words that a reader has to read twice."""
    found = [
        f"{path.relative_to(CONSOLE)}: {text}"
        for path in sorted(CONSOLE.rglob("*.py"))
        for text in sentences(path)
        if text not in ALLOWED and re.search(RULED_OUT[word], text)
    ]
    assert found == []


def test_the_search_finds_sentences() -> None:
    assert len([text for path in CONSOLE.rglob("*.py") for text in sentences(path)]) > 500
    assert re.search(RULED_OUT["is no number"], "'5x' is no integer")
    assert not re.search(RULED_OUT["is no number"], "there is no device here")
