"""What an operator has set reaches the front ends as it was read, and one rule says where logs go."""

from pathlib import Path

from console.runtime.preferences import Preferences, preferences
from console.settings import Settings
from console.tui.application.crash import write_crash


def test_the_settings_travel_as_they_are() -> None:
    settings = Settings(home=Path("/srv/console"), theme="nord", mouse=False, keys={"help": "f2"})
    found = preferences(settings)
    assert (found.theme, found.mouse, found.keys) == ("nord", False, {"help": "f2"})
    assert found.log_folder == settings.log_folder == Path("/srv/console/log")
    assert found.favourites_file == settings.favourites_file


def test_a_report_goes_where_the_log_is(tmp_path: Path) -> None:
    path = write_crash(ValueError("x"), tmp_path / "log")
    assert path is not None
    assert path.parent == tmp_path / "log"


def test_without_a_folder_nothing_is_written() -> None:
    assert Preferences().log_folder is None
    assert write_crash(ValueError("x"), None) is None


def test_two_crashes_of_one_second_have_two_reports(tmp_path: Path) -> None:
    """Without a number, the second console that crashes in a second overwrites the report of the first."""
    paths = {write_crash(ValueError(str(number)), tmp_path) for number in range(3)}
    assert sorted(tmp_path.iterdir()) == sorted(path for path in paths if path)
    assert len(paths) == 3
