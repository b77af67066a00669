"""docs/licences.md is that of the lock, and nothing is shipped under a licence that was not chosen."""

import re
from importlib.metadata import PackageNotFoundError, version

import pytest

from release.licences import EXCEPTIONS, PAGE, is_allowed, licence, locked, main

ROWS = {
    row[0]: row[1:]
    for row in re.findall(
        r"^\| ([\w.-]+) \| (\d\S*) \| ([^|]+) \| ([^|]*) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
}


def test_every_package_of_the_lock_is_listed_in_its_version() -> None:
    assert {name: row[0] for name, row in ROWS.items()} == locked(), "run: python -m release.licences"
    assert len(ROWS) >= 30


@pytest.mark.parametrize("name", locked())
def test_the_licence_is_the_packages_own_and_allowed(name: str) -> None:
    _version, listed, brought_by = ROWS[name]
    assert is_allowed(name, listed)
    assert brought_by
    try:
        same = version(name) == locked()[name]
    except PackageNotFoundError:  # it is for another platform
        return
    assert not same or licence(name) == listed


def test_copyleft_comes_only_with_an_extra_that_is_asked_for() -> None:
    assert {name: ROWS[name][2] for name in EXCEPTIONS} == {"asyncssh": "`ssh`"}


@pytest.mark.parametrize(
    ("package", "expression", "allowed"),
    [
        ("x", "MIT", True),
        ("x", "EPL-2.0 OR BSD-3-Clause", True),
        ("x", "MIT AND GPL-3.0-only", False),
        ("x", "MIT AND Apache-2.0", True),
        ("x", "EPL-2.0 OR GPL-2.0-or-later", False),
        ("asyncssh", "EPL-2.0 OR GPL-2.0-or-later", True),
        ("asyncssh", "GPL-3.0-only", False),
        ("x", "unknown", False),
    ],
)
def test_which_licences_are_allowed(package: str, expression: str, allowed: bool) -> None:
    assert is_allowed(package, expression) is allowed


def test_the_page_is_written_whole(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """As it is committed, where the packages are those of the lock."""
    if any(_version_here(name) != wanted for name, wanted in locked().items()):
        pytest.skip("needs the packages of the lock")
    monkeypatch.setattr("release.licences.PAGE", tmp_path / "page")
    main()
    assert (tmp_path / "page").read_text("utf-8") == PAGE.read_text("utf-8")


def _version_here(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
