"""The table of removals points at what is there: each mechanism once, each test by a name that exists."""

import ast
from pathlib import Path

import pytest

from tests.removals import all_removals
from tests.removals.__main__ import failure_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("removal", all_removals(), ids=lambda r: f"{r.guarantee} {r.mechanism}"[:60])
def test_each_mechanism_stands_once_where_the_table_says_and_has_its_test(removal):
    assert (ROOT / removal.file).read_text().count(removal.old) == 1
    file, _, name = removal.test.partition("::")
    assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text()


@pytest.mark.parametrize(
    ("outcome", "reported"),
    [
        ("", None),
        ('<error message="failed on setup with no server">text</error>', None),
        ('<failure message="assert 1 == 2">text</failure>', "assert 1 == 2"),
        ('<failure message="Failed: Timeout (&gt;120.0s)">text</failure>', "Failed: Timeout (>120.0s)"),
    ],
)
def test_only_a_test_that_was_run_can_have_noticed(outcome, reported):
    """Without the difference, a fixture that cannot work any more counts as a proof."""
    assert (
        failure_of(f"<testsuites><testsuite><testcase>{outcome}</testcase></testsuite></testsuites>")
        == reported
    )


def cases_of(path: Path) -> dict[str, str]:
    """The tests of a file, and what their docstrings say."""
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_every_test_of_a_guarantee_says_what_happens_without_its_mechanism():
    """Without that line, nobody knows what a test would have to notice."""
    named: dict[str, set[str]] = {}
    for removal in all_removals():
        file, _, name = removal.test.partition("::")
        named.setdefault(file, set()).add(name.partition("[")[0])
    for path in (ROOT / "tests" / "guarantees").glob("test_*.py"):
        named.setdefault(str(path.relative_to(ROOT)), set()).update(cases_of(path))
    silent = [
        f"{file}::{name}"
        for file, names in named.items()
        for name in names
        if not cases_of(ROOT / file)[name].startswith("Without ")
    ]
    assert silent == []
