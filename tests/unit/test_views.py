"""Saved views: written and read again, and a file of anything at all is a sentence and no views."""

import json
from pathlib import Path
from typing import Any

import pytest

from console.domain.device_groups import GroupBy
from console.domain.devices import DeviceOrder, Sort
from console.domain.views import MOST, View, name_fault, named, view_item, view_of, view_words
from console.services.kept_views import KeptViews
from console.tui.screens.dialogs.choices import only, views
from console.tui.state.choices import Kind

NIGHT = View(
    "night shift", "site:turku link:online", Sort(DeviceOrder.RECENT, reverse=True), frozenset({"link", "fw"}), GroupBy.SITE
)  # fmt: skip
PLAIN = View("all")


@pytest.mark.parametrize("view", [NIGHT, PLAIN])
def test_a_view_is_read_as_it_was_written(view: View) -> None:
    assert view_of(json.loads(json.dumps(view_item(view)))) == view


@pytest.mark.parametrize("change", [
    {"name": ""}, {"name": " "}, {"name": "x" * 41}, {"name": "a\x1b[m"}, {"name": 4}, {"filter": None}, {"filter": "x" * 2_001},
    {"filter": "a\ud800"}, {"filter": "a\x00"}, {"filter": "a\x1b[m"}, {"filter": "a\x9bm"},
    {"sort": "colour"}, {"sort": None}, {"reverse": 1}, {"group": "colour"}, {"group": ["site"]}, {"columns": "link"},
    {"columns": ["x"] * 101},
])  # fmt: skip
def test_what_is_no_view_or_one_of_another_version_is_none(change: dict[str, Any]) -> None:
    assert view_of(view_item(NIGHT) | change) is None


def test_anything_else_is_no_view() -> None:
    found: tuple[object, ...] = (None, [], "night", 4)
    assert [view_of(item) for item in found] == [None] * 4
    assert name_fault("night shift") == ""


def test_a_view_says_what_it_holds() -> None:
    assert view_words(NIGHT) == "site:turku link:online, by recent reversed, grouped by site, 3 columns"
    assert view_words(PLAIN) == "all devices"
    assert view_words(View("x", sort=Sort(DeviceOrder.SEEN))) == "all devices, by seen"
    assert NIGHT.shows_as(View("other", NIGHT.filter, NIGHT.sort, NIGHT.columns, NIGHT.group))
    assert not NIGHT.shows_as(PLAIN)


def test_a_name_is_the_same_in_any_case() -> None:
    assert named((PLAIN, NIGHT), " Night Shift ") is NIGHT
    assert named((PLAIN,), "night") is None


def test_views_are_kept_by_tenant_and_the_last_one_is_known(tmp_path: Path) -> None:
    path = tmp_path / "new" / "views.json"
    kept = KeptViews(path)
    assert kept.keep("acme", NIGHT) == kept.keep("acme", PLAIN) == kept.keep("beta", PLAIN) == ""
    again = KeptViews(path)
    assert again.load("acme") == (PLAIN, NIGHT)
    assert again.load("beta") == (PLAIN,)
    assert again.load("gamma") == ()
    assert again.active("acme") == PLAIN
    assert again.activate("acme", "night shift") == ""
    assert KeptViews(path).active("acme") == NIGHT
    assert again.delete("acme", "night shift") == ""
    assert KeptViews(path).active("acme") is None
    assert KeptViews(path).load("acme") == (PLAIN,)
    assert [one.name for one in path.parent.iterdir()] == ["views.json"]


def test_a_view_takes_the_place_of_one_with_its_name(tmp_path: Path) -> None:
    kept = KeptViews(tmp_path / "views.json")
    kept.keep("acme", NIGHT)
    kept.keep("acme", View("Night Shift"))
    assert kept.load("acme") == (View("Night Shift"),)


def test_there_are_so_many_and_no_more(tmp_path: Path) -> None:
    kept = KeptViews(tmp_path / "views.json")
    for number in range(MOST):
        kept.keep("acme", View(f"view {number}"))
    assert kept.keep("acme", PLAIN) == f"{MOST} views are kept already: delete one first."
    assert kept.keep("acme", View("view 3", "lyon")) == "", "one of them may be replaced"


@pytest.mark.parametrize("text", ["a\ud800", "a\tb", "x" * 2_001])
def test_a_filter_that_could_not_be_read_again_is_not_kept(text: str) -> None:
    """Without it a view is said to be saved and is gone."""
    kept = KeptViews()
    fault = kept.keep("acme", View("night", text))
    assert fault == "This filter cannot be kept: it is too long, or has control characters."
    assert kept.load("acme") == ()
    assert kept.keep("acme", View("night", "\u6771\u4eac\u3000\xe9")) == ""
    assert kept.load("acme")[0].filter == "\u6771\u4eac\u3000\xe9"


def test_a_file_never_becomes_too_large_to_be_read(tmp_path: Path) -> None:
    """Without it one view too many takes them all away, and none can be deleted any more."""
    path = tmp_path / "views.json"
    kept, long = KeptViews(path), "\N{GRINNING FACE}" * 2_000  # 12 bytes each, as it is written
    faults = [
        kept.keep(f"tenant {number}", View(f"view {n}", long)) for number in range(2) for n in range(25)
    ]
    assert faults[0] == ""
    assert faults[-1] == "The views would fill more than a megabyte: delete one, or shorten a filter."
    assert path.stat().st_size <= 1_000_000
    again = KeptViews(path)
    assert len(again.load("tenant 0")) + len(again.load("tenant 1")) == faults.count("")
    assert again.are_kept
    assert again.delete("tenant 0", "view 3") == ""
    assert again.keep("tenant 0", View("view 26", long)) == ""


def test_what_is_refused_is_not_shown_either_where_nothing_is_written() -> None:
    kept, long = KeptViews(), "\N{GRINNING FACE}" * 2_000
    faults = [
        kept.keep(f"tenant {number}", View(f"view {n}", long)) for number in range(2) for n in range(25)
    ]
    assert len(kept.load("tenant 0")) + len(kept.load("tenant 1")) == faults.count("") < 50


@pytest.mark.parametrize("found", [
    b"", b"{", b"[]", b"\xff", b'{"version": 2, "tenants": {}}', b'{"tenants": {}}', b'{"version": 1, "tenants": []}',
    b"[" * 100_000, b" " * 1_000_001,
])  # fmt: skip
def test_a_damaged_file_is_a_sentence_counts_as_empty_and_stays(tmp_path: Path, found: bytes) -> None:
    """Without it a console does not start, or a newer version's views are lost."""
    path = tmp_path / "views.json"
    path.write_bytes(found)
    kept = KeptViews(path)
    assert kept.load("acme") == ()
    assert kept.active("acme") is None
    assert kept.note == "The views in views.json cannot be read: it is damaged or of another version."
    assert not kept.are_kept
    assert kept.keep("acme", PLAIN) == ""
    assert kept.load("acme") == (PLAIN,), "until the program ends"
    assert path.read_bytes() == found


@pytest.mark.parametrize(
    "own", [None, [], {"views": None}, {"views": {}, "active": 3}, {"views": [None, 3], "active": "x"}]
)
def test_a_tenant_of_anything_has_no_views(tmp_path: Path, own: object) -> None:
    path = tmp_path / "views.json"
    path.write_text(json.dumps({"version": 1, "tenants": {"acme": own}}))
    kept = KeptViews(path)
    assert kept.load("acme") == ()
    assert kept.active("acme") is None
    assert kept.keep("acme", PLAIN) == ""
    assert KeptViews(path).load("acme") == (PLAIN,)


def test_a_view_of_another_version_is_left_out_and_left_alone(tmp_path: Path) -> None:
    path, newer = tmp_path / "views.json", view_item(NIGHT) | {"group": "colour"}
    path.write_text(json.dumps({"version": 1, "tenants": {"acme": {"views": [newer, view_item(PLAIN)]}}}))
    kept = KeptViews(path)
    assert kept.load("acme") == (PLAIN,)
    assert kept.note == "1 kept view is of another version of this program, and left alone."
    assert kept.delete("acme", "all") == ""
    assert json.loads(path.read_text())["tenants"]["acme"]["views"] == [newer]


def test_where_nothing_may_be_written_views_last_as_long_as_the_program(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    KeptViews(path).keep("acme", NIGHT)
    before = path.read_bytes()
    for kept in (KeptViews(path, writes=False), KeptViews(None)):
        assert not kept.are_kept
        assert kept.keep("acme", PLAIN) == ""
        assert PLAIN in kept.load("acme")
        assert kept.active("acme") == PLAIN
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["views.json"]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "views.json").mkdir()
    assert "cannot be read" in _note(KeptViews(tmp_path / "views.json"))
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    kept = KeptViews(tmp_path / "gone" / "views.json")
    assert kept.keep("acme", PLAIN).startswith("The view cannot be kept: ")
    assert kept.load("acme") == (PLAIN,), "until the program ends"
    (tmp_path / "own").mkdir()
    kept = KeptViews(tmp_path / "own" / "views.json")
    assert kept.keep("acme", PLAIN) == ""
    (tmp_path / "own" / "views.json").unlink()
    (tmp_path / "own").rmdir()
    (tmp_path / "own").touch()
    assert kept.load("acme") == ()


def test_what_could_not_be_written_is_written_with_the_next_view_and_takes_nothing_from_another_session(
    tmp_path: Path,
) -> None:
    """Without it one full disk makes this session write its old views over those of all others."""
    path = tmp_path / "own" / "views.json"
    kept, other = KeptViews(path), KeptViews(path)
    path.parent.symlink_to(tmp_path / "nowhere")
    assert kept.keep("acme", NIGHT).startswith("The view cannot be kept: ")
    assert not kept.are_kept
    path.parent.unlink()
    assert other.keep("acme", PLAIN) == ""
    assert kept.load("acme") == (PLAIN, NIGHT)
    assert not kept.are_kept
    assert kept.keep("acme", View("later")) == ""
    assert kept.are_kept
    assert KeptViews(path).load("acme") == (PLAIN, View("later"), NIGHT)
    assert other.delete("acme", "later") == ""
    assert kept.load("acme") == (PLAIN, NIGHT)


def _note(kept: KeptViews) -> str:
    kept.load("acme")
    return kept.note


def test_a_view_is_found_by_the_beginning_of_a_word_and_after_the_word_view() -> None:
    kept = (NIGHT, PLAIN)
    for text, found in (
        ("ni", ["night shift"]),
        ("SHI", ["night shift"]),
        ("view n", ["night shift"]),
        ("ift", []),
        ("view", []),
    ):
        assert [one.id for one in views(text, kept)] == found, text
    (choice,) = views("night shift", kept)
    assert (choice.kind, choice.note) == (Kind.VIEW, view_words(NIGHT))
    assert only("night shift", [choice]) is choice
