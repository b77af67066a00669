"""One thing is counted in the singular, on the screen and in the shell."""

import re
from pathlib import Path

import pytest

from console.domain.text.counts import counted

ROOT = Path(__file__).parents[2] / "console"
# A number with a noun in the plural behind it, written by hand.
_BY_HAND = re.compile(r"\{(?!counted|[A-Z_]+[:}])[^{}]*\} (devices|commands|rows|problems|batches)\b")


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 devices"), (1, "1 device"), (2, "2 devices"), (12_000, "12,000 devices")]
)
def test_a_count_is_in_the_singular_or_the_plural(count: int, words: str) -> None:
    assert counted(count, "device") == words


def test_a_plural_of_its_own_is_given() -> None:
    assert [counted(n, "batch", "batches") for n in (1, 2)] == ["1 batch", "2 batches"]


def test_no_count_is_written_by_hand() -> None:
    """Without it, "1 devices" comes back with the next sentence."""
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in sorted(ROOT.rglob("*.py"))
        for match in _BY_HAND.finditer(path.read_text("utf-8"))
    ]
    assert found == []
