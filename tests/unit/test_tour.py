"""The tour: each step until it is done, once, and only where something may be sent to try it."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.runtime.preferences import Preferences
from console.services.kept_word import KeptWord
from console.tui.state.tour import Tour, tour_of

STEPS = {"1": "enter", "2": "c writes", "3": "y send", "4": "e says why", "5": "? all keys"}


def tour(path: Path | None = None) -> Tour:
    return Tour(KeptWord(path, "tour"), is_on=True)


def do(one: Tour, step: str) -> None:
    if step == "1":
        one.opened()
    elif step == "3":
        one.sent()
    else:
        action = {"2": "compose", "4": "explain", "5": "help"}[step]
        assert not one.takes(action, is_first=True)


@pytest.mark.parametrize("order", list(permutations("12345")))
def test_a_step_stands_there_until_it_is_done_in_whatever_order(order: tuple[str, ...]) -> None:
    """Without it the tour asks for what was just done, or holds up who is ahead of it."""
    one, left = tour(), set(order)
    for step in order:
        first = min(left)
        words = one.words("devices", is_first=False)
        assert words.startswith(f"New here?  {first} of 5   ")
        assert STEPS[first] in words
        assert "esc" not in words
        do(one, step)
        left.discard(step)
    assert one.is_over
    assert one.words("devices", is_first=True) == ""
    assert not one.takes("back", is_first=True), "esc is the screen’s again"


def test_the_next_start_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    """Without it each start begins with what everybody knows by then."""
    path = tmp_path / "tour"
    for number, step in enumerate("24135"):
        one = tour(path)
        assert not one.is_over
        do(one, step)
        assert path.read_text().strip() == ("over" if number == 4 else "".join(sorted("24135"[: number + 1])))
    assert tour(path).is_over


def test_esc_ends_it_for_ever_only_where_it_would_not_go_back(tmp_path: Path) -> None:
    """Without it who follows the tour, and goes back, has ended it."""
    path = tmp_path / "tour"
    one = tour(path)
    assert not one.takes("back", is_first=False)
    assert one.words("overview", is_first=True) == (
        "New here?  1 of 5   1 lists the devices, enter opens one   esc ends this"
    )
    assert not path.exists()
    assert one.takes("back", is_first=True)
    assert one.is_over
    assert tour(path).is_over


@pytest.mark.parametrize("kept", ["12345", "over", "9x", "", "\x1b[2J", "11"])
def test_whatever_the_file_holds_a_tour_can_be_made_of_it(tmp_path: Path, kept: str) -> None:
    (tmp_path / "tour").write_text(kept)
    assert tour(tmp_path / "tour").is_over == (kept in {"12345", "over"})


@pytest.mark.parametrize(("changes", "is_on", "writes"), [
    ({}, True, True), ({"demo": False}, False, False), ({"read_only": True}, False, False),
    ({"restricted": True}, True, False), ({"preferences": Preferences()}, False, False),
])  # fmt: skip
def test_only_a_demo_has_one_and_nobody_restricted_leaves_a_file(
    tmp_path: Path, changes: dict[str, Any], *, is_on: bool, writes: bool
) -> None:
    """Without it a tour asks to send something to a real device, or a guest writes on the host."""
    path = tmp_path / "tour"
    program = {
        "demo": True, "read_only": False, "restricted": False, "preferences": replace(Preferences(), tour_file=path),
    }  # fmt: skip
    path.write_text("12")
    if program | changes != program:
        path.unlink()
    one = tour_of(SimpleNamespace(**(program | changes)))  # type: ignore[arg-type]
    assert one.is_over == (not is_on)
    do(one, "5")
    assert path.exists() == writes
