"""Sentences are for people: what the program does next follows from values, never from the words of a message."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "console"
MESSAGES = {"error", "exc", "exception", "message", "reason", "sentence", "detail", "last_error", "held_up"}
SEARCHES = {
    "startswith", "endswith", "partition", "rpartition", "split", "find", "index", "count", "removeprefix", "removesuffix",
    "match", "search", "fullmatch", "sub",
}  # fmt: skip
# Reviewed: nothing but words tells these.
ALLOWED = {
    ("store/driver_words.py", "NO_TLS in str(error)"): "asyncpg has no type for it",
    ("store/driver_words.py", "DIED_UNDER_IT in str(error)"): "asyncpg has no type for it",
    ("store/driver_words.py", "words in str(error)"): "asyncpg and PgBouncer have no code for it",
    ("store/driver_words.py", "POOLED_BY_STATEMENT in str(error)"): "PgBouncer has no code for it",
    ("tui/widgets/footer.py", "self.reason.split(':')"): "the footer has room for the first clause only",
    ("domain/link_causes.py", "_SEVERAL.match(str(error))"): "asyncio quotes the numbers in words",
}


def is_message(node: ast.expr) -> bool:
    """Whether this is what an error says, by the name that it goes by."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"str", "repr", "safe"}
    ):
        return bool(node.args) and is_message(node.args[0])
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"lower", "strip"}
    ):
        return is_message(node.func.value)
    if isinstance(node, ast.Attribute):
        return node.attr in MESSAGES
    return isinstance(node, ast.Name) and node.id in MESSAGES


def decisions(tree: ast.AST) -> Iterator[ast.expr]:
    """Whatever looks for words in a message."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            if is_message(node.comparators[0]):
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asked = (node.func.value, *node.args)
            if node.func.attr in SEARCHES and any(map(is_message, asked)):
                yield node


def found_in(source: str) -> list[str]:
    return [ast.unparse(node) for node in decisions(ast.parse(source))]


@pytest.mark.parametrize(
    "source",
    [
        "'142' in str(error)", "'broker' in str(error).lower()", "error.args[0]; UNKNOWN in command.last_error",
        "CAUSE.search(link.error)", "str(error).startswith('The')", "entry.detail.partition(':')", "re.sub(A, '', reason)",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_is_for(source: str) -> None:
    assert found_in(source)


def test_no_decision_is_made_from_the_words_of_a_message() -> None:
    found = {
        (str(path.relative_to(ROOT)), text)
        for path in sorted(ROOT.rglob("*.py"))
        for text in found_in(path.read_text("utf-8"))
    }
    assert found == set(ALLOWED)
