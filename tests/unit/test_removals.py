"""The table of removals points at what is there: each mechanism once, each test by a name that exists."""

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
    ("outcome", "told"),
    [
        ("", None),
        ('<error message="failed on setup with no server">text</error>', None),
        ('<failure message="assert 1 == 2">text</failure>', "assert 1 == 2"),
        ('<failure message="Failed: Timeout (&gt;120.0s)">text</failure>', "Failed: Timeout (>120.0s)"),
    ],
)
def test_only_a_test_that_was_run_can_have_noticed(outcome, told):
    """Without the difference, a fixture that cannot work any more counts as a proof."""
    assert (
        failure_of(f"<testsuites><testsuite><testcase>{outcome}</testcase></testsuite></testsuites>") == told
    )
