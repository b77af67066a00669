"""Saved views of the devices: saved under a name, taken, deleted after a question, and restored at the next start."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.domain.device_groups import GroupBy
from console.domain.devices import DeviceOrder, Sort
from console.domain.filters.language import EVERY_DEVICE, Filter
from console.domain.views import View
from console.errors import DatabaseUnreachableError
from console.runtime.preferences import Preferences
from console.runtime.wiring import wire_program
from console.serve.identity import Identity
from console.serve.run import _programs
from console.services import kept_views
from console.services.kept_views import KeptViews
from console.store.access import Access
from console.store.pool import Database
from console.tui.widgets.filter_bar import FilterBar
from tests.tui.conftest import Rig, Seen
from tests.tui.test_device_columns import heads
from tests.tui.test_device_groups import by_site, fleet, listed

NIGHT = View("night shift", "-pump-c", Sort(DeviceOrder.LINK), None, GroupBy.SITE)


def keeping(rig: Rig, folder: Path, *, writes: bool = True) -> KeptViews:
    """Give the console a file for its views."""
    views = KeptViews(folder / "views.json", writes=writes)
    rig.program = replace(rig.program, views=views)
    return views


async def _named(seen: Seen, name: str) -> None:
    await seen.press("V")
    await seen.shows("Views", "takes it")
    await seen.press("s")
    await seen.shows("enter saves under this name")
    await seen.type(name)
    await seen.press("enter")


async def test_what_is_shown_is_saved_under_a_name_and_comes_back(rig: Rig, tmp_path: Path) -> None:
    await fleet(rig)
    views = keeping(rig, tmp_path)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await seen.press("slash")
        await seen.type("-pump-c")
        await seen.press("enter")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "▸no")
        await seen.press("greater_than_sign", "s")
        await seen.until(lambda: "LINK ↓" in heads(seen), "sorted")
        await _named(seen, "night shift")
        await seen.shows(
            "“night shift” is saved.", "✓  night shift", "-pump-c, by link, grouped by site", " 3 "
        )
        await seen.press("escape")
        await seen.shows("view: night shift")
        await seen.hides("changed")
        await seen.press("escape")  # clears the filter
        await seen.shows("view: night shift, changed")
    assert views.load("acme") == (NIGHT,)
    keeping(rig, tmp_path)
    async with rig.console(120, 40) as seen:
        await listed(seen, "▸arles", "▸lyon", "▸no")
        await seen.shows("view: night shift", "by site", "3 of 4")
        assert "LINK ↓" in heads(seen)


async def test_a_view_is_taken_from_the_list_and_left_again(rig: Rig, tmp_path: Path) -> None:
    await fleet(rig)
    views = keeping(rig, tmp_path)
    views.keep("acme", View("lyon", "site:lyon", columns=frozenset({"model"})))
    views.keep("acme", NIGHT)
    views.activate("acme", "")
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await seen.press("V")
        await seen.shows("lyon", "site:lyon, 2 columns", " 2 ")
        await seen.press("enter")
        await listed(seen, "pump-a", "pump-c")
        await seen.shows("view: lyon")
        assert "LINK" not in heads(seen)
        await seen.press("V")
        await seen.shows("no view")
        await seen.press("G", "enter")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "▸no")
        await seen.press("V")
        await seen.shows("no view")
        await seen.press("g", "enter")
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await seen.hides("view:", "by site")
    assert views.active("acme") is None


async def test_a_view_is_deleted_after_a_question(rig: Rig, tmp_path: Path) -> None:
    await fleet(rig)
    views = keeping(rig, tmp_path)
    views.keep("acme", NIGHT)
    async with rig.console(120, 40) as seen:
        await seen.shows("view: night shift")
        await seen.press("V")
        await seen.shows("no view", "night shift")
        await seen.press("x")  # on "no view" there is nothing to delete
        await seen.press("j", "x")
        await seen.shows("Delete the view “night shift”", "No device and no command is touched.")
        await seen.press("escape")
        await seen.hides("Delete the view")
        assert views.load("acme") == (NIGHT,)
        await seen.press("x")
        await seen.shows("Delete the view “night shift”")
        await seen.press("y")
        await seen.shows("“night shift” is deleted.", "No view is saved yet.")
        await seen.press("escape")
        await seen.hides("view:")
    assert views.load("acme") == ()


async def test_another_view_is_replaced_only_after_a_question(rig: Rig, tmp_path: Path) -> None:
    """Without it a name that was forgotten costs a view, or an enter that was held."""
    await fleet(rig)
    views = keeping(rig, tmp_path)
    views.keep("acme", NIGHT)
    views.activate("acme", "")
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await _named(seen, "Night Shift")
        await seen.shows(
            "Replace the view “night shift”", "now   -pump-c, by link, grouped by site", "then  all devices"
        )
        await seen.press(*["enter"] * 7)  # each other one asks
        assert views.load("acme") == (NIGHT,)
        await seen.shows("enter saves under this name")
        await seen.press("enter")
        await seen.shows("Replace the view “night shift”")
        await seen.press("y")
        await seen.shows("“Night Shift” is saved.", "✓  Night Shift")
        await seen.press("escape", "V", "s")
        await seen.press("ctrl+u", "enter")
        await seen.shows("Give the view a name.")
    assert views.load("acme") == (View("Night Shift"),)


async def test_a_view_that_is_refused_is_not_the_one_that_is_shown(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the title names a view as it is shown, and the file has another one."""
    await fleet(rig)
    views = keeping(rig, tmp_path)
    views.keep("acme", NIGHT)
    async with rig.console(120, 40) as seen:
        await seen.shows("view: night shift")
        monkeypatch.setattr(kept_views, "_MOST_BYTES", (tmp_path / "views.json").stat().st_size + 5)
        await seen.press("slash")
        await seen.type(" -pump-a -pump-b")
        await seen.press("enter")
        await seen.shows("view: night shift, changed")
        await seen.press("V")
        await seen.shows("takes it")
        await seen.press("s", "enter")
        await seen.shows("The views would fill more than a megabyte: delete one, or shorten a filter.")
        await seen.press("escape")
        await seen.shows("view: night shift, changed")
    assert views.load("acme") == (NIGHT,)


async def test_a_count_that_fails_is_a_sign_and_the_other_views_are_counted(rig: Rig, tmp_path: Path) -> None:
    """Without it one slow filter leaves all views behind it without a number."""
    await fleet(rig)
    views = keeping(rig, tmp_path)
    for name in ("a", "b", "c"):
        views.keep("acme", View(name, f"-pump-{name}"))
    count = rig.program.history.device_count

    async def failing(tenant_id: str, wanted: Filter = EVERY_DEVICE) -> int:
        if "pump-b" in wanted.text:
            raise DatabaseUnreachableError("it took too long")
        return await count(tenant_id, wanted)

    rig.program.history.device_count = failing  # type: ignore[method-assign]
    async with rig.console(120, 40) as seen:
        await seen.shows("view: c")
        await seen.press("V")
        await seen.shows("it took too long")
        await seen.until(
            lambda: [_count_of(seen, name) for name in ("no", "a", "b", "c")] == ["4", "3", "?", "3"],
            "counted",
        )


async def test_a_view_that_is_saved_anew_has_no_old_count(rig: Rig, tmp_path: Path) -> None:
    """Without it the number of the old filter stands beside the new one, for good if it cannot be counted."""
    await fleet(rig)
    keeping(rig, tmp_path).keep("acme", View("lyon", "site:lyon"))
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-c")
        await seen.press("slash")
        await seen.type(" pump-a")
        await seen.press("enter")
        await listed(seen, "pump-a")
        await seen.press("V")
        await seen.until(lambda: _count_of(seen, "lyon") == "2", "counted")
        count, may = rig.program.history.device_count, asyncio.Event()

        async def later(tenant_id: str, wanted: Filter = EVERY_DEVICE) -> int:
            await may.wait()
            return await count(tenant_id, wanted)

        rig.program.history.device_count = later  # type: ignore[method-assign]
        await seen.press("s", "enter")
        await seen.shows("“lyon” is saved.", "site:lyon pump-a")
        assert _count_of(seen, "lyon") == "…"
        may.set()
        await seen.until(lambda: _count_of(seen, "lyon") == "1", "counted again")


def _count_of(seen: Seen, name: str) -> str:
    """The number in the row of a view."""
    rows = [line.translate(dict.fromkeys(map(ord, "✓│▌"), " ")).split() for line in seen.lines]
    return next((row[-1] for row in rows if row and row[0] == name), "")


async def test_a_view_is_gone_to_by_its_name(rig: Rig, tmp_path: Path) -> None:
    await fleet(rig)
    keeping(rig, tmp_path).keep("acme", NIGHT)
    rig.program.views.activate("acme", "")
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await seen.press("H")
        await seen.shows("All devices › History")
        await seen.press("colon")
        await seen.shows("Go to")
        await seen.type("view nig")
        await seen.shows("night shift", "grouped by site")
        await seen.press("enter")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "▸no")
        await seen.shows("view: night shift")


async def test_a_console_that_may_write_nothing_takes_views_and_keeps_none(rig: Rig, tmp_path: Path) -> None:
    await fleet(rig)
    keeping(rig, tmp_path).keep("acme", NIGHT)
    before = (tmp_path / "views.json").read_bytes()
    keeping(rig, tmp_path, writes=False)
    async with rig.console(120, 40) as seen:
        await listed(seen, "▸arles", "▸lyon", "▸no")
        await _named(seen, "other")
        await seen.shows("“other” is saved.", "kept until you leave")
    assert (tmp_path / "views.json").read_bytes() == before


async def test_who_is_served_a_screen_has_a_file_of_the_own_key_and_a_guest_none(
    rig: Rig, tmp_path: Path
) -> None:
    """Without it those who share the server's account change each other's views."""
    opened: Any = SimpleNamespace(program=rig.program, for_reading=lambda: rig.program)
    settings: Any = SimpleNamespace(home_folder=tmp_path)
    alice = Identity(("acme",), "alice", read_only=False, fingerprint="a")
    make = _programs(opened, settings)
    assert make(alice).views.keep("acme", NIGHT) == ""
    assert make(alice).views.load("acme") == (NIGHT,)
    for other in (replace(alice, fingerprint="b"), replace(alice, is_guest=True)):
        assert make(other).views.load("acme") == ()
        assert make(other).views.keep("acme", NIGHT) == ""
    files = {path.name for path in (tmp_path / "served").iterdir()}
    assert len(files) == 2, "of the two keys, and none of the guest"
    looking = make(replace(alice, read_only=True)).views
    assert looking.load("acme") == (NIGHT,)
    looking.delete("acme", NIGHT.name)
    assert make(alice).views.load("acme") == (NIGHT,)


async def test_a_restricted_console_neither_reads_nor_writes_the_file(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    KeptViews(path).keep("acme", NIGHT)
    before = path.read_bytes()
    access = Access(str(rig.program.tenants[0]))
    for restricted in (False, True):
        program = wire_program(
            Database(access), tenants=("acme",), operator="alice", restricted=restricted,
            preferences=Preferences(views_file=path),
        )  # fmt: skip
        assert (program.views.load("acme") == ()) == restricted
        if restricted:
            program.views.keep("acme", View("other"))
    assert path.read_bytes() == before


async def test_a_filter_that_no_terminal_takes_is_neither_restored_nor_drawn(
    rig: Rig, tmp_path: Path
) -> None:
    """Without it a file that was changed by hand ends the console at each start."""
    await fleet(rig)
    views = keeping(rig, tmp_path)
    views.keep("acme", View("night", "pump-a"))
    path = tmp_path / "views.json"
    path.write_text(path.read_text().replace("pump-a", "pump-a\\ud800"))
    async with rig.console(120, 40) as seen:
        await seen.shows("1 kept view is of another version of this program, and left alone.")
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        seen.app.screen.query_one(FilterBar).put("pump-a\ud800")
        await seen.shows("/ pump-a?")


async def test_a_damaged_file_is_said_and_the_list_begins_as_by_default(rig: Rig, tmp_path: Path) -> None:
    await fleet(rig)
    (tmp_path / "views.json").write_text("{")
    keeping(rig, tmp_path)
    async with rig.console(120, 40) as seen:
        await seen.shows("The views in views.json cannot be read: it is damaged or of another version.")
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_the_list_of_views_fits_a_small_terminal(
    rig: Rig, tmp_path: Path, size: tuple[int, int]
) -> None:
    await fleet(rig)
    keeping(rig, tmp_path).keep("acme", NIGHT)
    async with rig.console(*size) as seen:
        await seen.shows("by site")
        await seen.press("V")
        await seen.shows("night shift", "DEVICES", "enter", "esc")
