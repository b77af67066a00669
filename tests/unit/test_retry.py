"""What a lost database costs: who tries again how often stands in one table."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from console import retry
from console.errors import DatabaseUnreachableError, InvalidInputError
from console.retry import Retry

ROOT = Path(__file__).parents[2] / "console"
AT_ONCE = Retry(0.0, 0.0, attempts=3)


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.left, self.calls = failures, 0
        self.error = error or DatabaseUnreachableError("gone")

    async def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


async def test_it_is_tried_again_until_the_database_answers() -> None:
    act = Flaky(2)
    assert await AT_ONCE.run(act) == "done"
    assert act.calls == 3


async def test_it_is_given_up_after_so_many_attempts() -> None:
    act = Flaky(9)
    with pytest.raises(DatabaseUnreachableError):
        await AT_ONCE.run(act)
    assert act.calls == 3


async def test_without_a_number_it_is_tried_for_as_long_as_it_is_wanted() -> None:
    act = Flaky(50)
    with pytest.raises(DatabaseUnreachableError):
        await Retry(0.0, 0.0).run(act, gives_up=lambda _: act.calls == 20)
    assert act.calls == 20


async def test_what_trying_again_does_not_mend_is_not_tried_again() -> None:
    act = Flaky(1, InvalidInputError("no"))
    with pytest.raises(InvalidInputError):
        await AT_ONCE.run(act)
    assert act.calls == 1


def test_the_waits_double_are_jittered_and_bounded() -> None:
    for failures, longest in ((0, 0.2), (1, 0.4), (4, 3.2), (9, 5.0), (10_000, 5.0)):
        waits = [retry.LINKS.delay_s(failures) for _ in range(50)]
        assert all(longest / 2 <= wait <= longest for wait in waits)
    assert len(set(waits)) > 1


def test_nobody_has_a_policy_of_their_own() -> None:
    """A loop that sleeps behind `except DatabaseUnreachableError` is one more policy."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        lines = path.read_text("utf-8").splitlines()
        for line, after in pairwise([*lines, ""]):
            if "except DatabaseUnreachableError" in line and re.search(r"\.sleep\(|continue$", after):
                found.append(f"{path.relative_to(ROOT)}: {line.strip()}")
    assert found == []
