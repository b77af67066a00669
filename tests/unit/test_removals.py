"""The table of removals points at what is there: each mechanism once, each test by a name that exists."""

from pathlib import Path

import pytest

from tests.removals import all_removals

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("removal", all_removals(), ids=lambda r: f"{r.guarantee} {r.mechanism}"[:60])
def test_each_mechanism_stands_once_where_the_table_says_and_has_its_test(removal):
    assert (ROOT / removal.file).read_text().count(removal.old) == 1
    file, _, name = removal.test.partition("::")
    assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text()
