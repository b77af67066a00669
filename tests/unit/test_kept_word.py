"""The theme that was chosen on the screen: read as one word, replaced as a whole, and only where it may be written."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.runtime.preferences import Preferences
from console.services.kept_word import KeptWord
from console.tui.keys.allowed import keeps_theme, theme_note
from console.tui.look.theme import DARK, first_theme, theme_named, theme_names


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_kept_is_read_again_and_no_other_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "theme"
    assert KeptWord(path, "theme").load() == ""
    assert KeptWord(path, "theme").keep("nord") == ""
    assert KeptWord(path, "theme").keep("light") == ""
    assert KeptWord(path, "theme").load() == "light"
    assert _names(path.parent) == ["theme"]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert (
        KeptWord(tmp_path / "file" / "theme", "theme").keep("nord").startswith("The theme cannot be kept: ")
    )
    (tmp_path / "theme").mkdir()
    assert "cannot be kept" in KeptWord(tmp_path / "theme", "theme").keep("nord")
    assert _names(tmp_path) == ["file", "theme"]
    assert KeptWord(tmp_path / "theme", "theme").load() == ""
    assert KeptWord(None, "theme").keep("nord") == KeptWord(None, "theme").load() == ""


@pytest.mark.parametrize(
    "found", [b"", b"pink\n", b"\xff\xfe", b"no rd", b"\x1b]0;x\x07", b"nord" * 1_000, b"auto"]
)
def test_a_file_of_anything_begins_with_the_dark_theme(tmp_path: Path, found: bytes) -> None:
    (tmp_path / "theme").write_bytes(found)
    assert first_theme("auto", KeptWord(tmp_path / "theme", "theme").load()) == DARK


def test_a_theme_that_is_asked_for_wins_over_the_one_that_was_kept() -> None:
    assert first_theme("light", "nord") == theme_named("light")
    assert first_theme("auto", "nord") == "nord"
    assert {theme_named(name) for name in theme_names()} >= {"nord", DARK}


@pytest.mark.parametrize(("changed", "note"), [
    ({}, "from now on"), ({"restricted": True}, "until you leave"), ({"read_only": True}, "until you leave"),
    ({"preferences": Preferences()}, "until you leave"),
    ({"preferences": Preferences(theme="nord", theme_file=Path("x"))}, "until you leave: CONSOLE_THEME is set"),
])  # fmt: skip
def test_only_a_console_of_the_operators_own_writes_it(changed: dict[str, Any], note: str) -> None:
    """Without it somebody who is served a screen writes a file on the server."""
    own = {"restricted": False, "read_only": False, "preferences": Preferences(theme_file=Path("x"))}
    program: Any = SimpleNamespace(**(own | changed))
    assert theme_note(program) == note
    assert keeps_theme(program) == (note == "from now on")
