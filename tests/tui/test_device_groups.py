"""Grouping the devices: group rows with their sums, folding, marks and commands to a group."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from console.domain.device_groups import DeviceGroups, GroupBy, group_key
from console.domain.devices import DeviceCounts, Sort
from console.domain.filters.language import Filter
from console.tui.lists.group_rows import GroupRows
from console.tui.screens.compose.screen import ComposeScreen
from console.tui.screens.devices import DevicesScreen
from console.tui.state.console_state import ConsoleState
from tests.tui.conftest import Rig, Seen
from tests.tui.test_device_columns import heads


def rows(seen: Seen) -> list[str]:
    """The rows of the list by their first word, a group with the symbol before it."""
    found = []
    for line in seen.lines[3:-1]:
        lead, words = line[1:2], line[3:].split()
        if words and not line.startswith(" / ") and (lead in "▸▾" or "-" in words[0]):
            found.append(f"{lead.strip().replace('✓', '')}{words[0]}")
    return found


def composed(seen: Seen) -> tuple[str, tuple[str, ...]]:
    """The filter that stands for the devices, and the devices."""
    screen = seen.app.screen
    assert isinstance(screen, ComposeScreen)
    return screen.where, screen.device_ids


async def fleet(rig: Rig) -> None:
    """Two at lyon, one of them missed a command; b is offline at arles and has one in flight; e is nowhere."""
    await rig.devices("pump-a", "pump-c", "pump-e")
    await rig.devices("pump-b", link="OFFLINE")
    await rig.sql.execute(
        "UPDATE device_registry SET site_id = 'arles' WHERE device_id = 'pump-b';"
        "UPDATE device_registry SET site_id = '', fw_version = '2' WHERE device_id = 'pump-e'"
    )
    await rig.command("c1", "pump-c", "ping", "missed", ago_s=9_000, published=True)
    await rig.command(
        "c2", "pump-a", "ping", "delivered", ago_s=9_000, published=True, ack='{"status": "ok"}'
    )
    await rig.command("c3", "pump-b", "ping", "queued", ago_s=2_705, published=True)


async def by_site(seen: Seen) -> None:
    """Group by site, from the device under the cursor."""
    await seen.until(lambda: "LAST COMMAND" in heads(seen), "read")
    await seen.press("i")
    await seen.shows("Group the devices", "firmware")
    await seen.press("enter")
    await seen.shows("by site")
    await seen.hides("Group the devices")


async def listed(seen: Seen, *wanted: str) -> None:
    await seen.until(lambda: rows(seen) == list(wanted), f"listed {wanted}")


async def test_each_group_has_its_sums_and_the_cursor_keeps_its_device(rig: Rig) -> None:
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await seen.press("j", "j")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        arles, lyon, nowhere = (next(line for line in seen.lines if f"{lead}{name}" in line)
                                for lead, name in (("▸ ", "arles"), ("▾ ", "lyon"), ("▸ ", "no site")))  # fmt: skip
        assert "○ 1" in arles
        assert " 1 " in arles[40:], "what is in flight"
        assert "● 2" in lyon
        assert "◍◍◍◍◍◍●●●●●●" in lyon, "half of the last ends are bad, and they come first"
        assert "◍ 1 missed" in lyon
        assert "50 % not ok" in lyon
        assert "············" in nowhere, "no command, and so no ok"
        assert "SITE" not in heads(seen), "the groups say it"
        cursor = next(line for line in seen.lines if line.startswith("▌"))
        assert "pump-c" in cursor
        await seen.press("i")
        await seen.shows("Group the devices")
        await seen.press("j", "j", "j", "j", "enter")
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        assert "pump-c" in next(line for line in seen.lines if line.startswith("▌"))


async def test_arrows_and_enter_fold_and_unfold(rig: Rig) -> None:
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("j", "left")
        await listed(seen, "▸arles", "▸lyon", "▸no")
        assert "lyon" in next(line for line in seen.lines if line.startswith("▌")), "it is on the group now"
        await seen.shows("enter unfold")
        await seen.press("right")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("right")
        await seen.until(
            lambda: any(line.startswith("▌  pump-a") for line in seen.lines), "went to the first"
        )
        await seen.press("right")
        await seen.shows("Cannot unfold: no group is under the cursor.")
        await seen.press("g", "enter")
        await listed(seen, "▾arles", "pump-b", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("left")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("left")
        await listed(seen, "▸arles", "▸lyon", "▸no")


async def test_a_filter_and_an_order_hold_within_the_groups(rig: Rig) -> None:
    """Without it the sums of a filtered list are those of another."""
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("less_than_sign", "less_than_sign", "s")  # by the last ends
        await listed(seen, "▾lyon", "pump-c", "pump-a", "▸arles", "▸no")
        await seen.press("s")
        await listed(seen, "▸arles", "▸no", "▾lyon", "pump-a", "pump-c")
        await seen.press("slash")
        await seen.type("-pump-c -pump-b")
        await seen.press("enter")
        await listed(seen, "▾lyon", "pump-a", "▸no")
        await seen.until(
            lambda: "● 1 " in next(line for line in seen.lines if "▾ lyon" in line), "summed up anew"
        )
        await seen.shows("2 of 4")
        await seen.press("escape")
        await listed(seen, "▸arles", "▸no", "▾lyon", "pump-a", "pump-c")


async def test_a_group_is_marked_and_composed_to_as_a_filter(rig: Rig) -> None:
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("k")
        await seen.shows("c compose to 2")
        await seen.press("c")
        await seen.shows("New command   to 2 devices")
        assert composed(seen) == ("site:lyon", ("pump-a", "pump-c"))
        await seen.press("escape")
        await seen.shows("by site")
        await seen.press("space")
        await seen.shows("2 marked", "✓ 2 of 2")
        await seen.press("k", "space")
        await seen.hides("2 marked")
        await seen.press("G", "space")
        await seen.shows("1 marked")
        await seen.press("escape", "c")
        await seen.shows("New command   to pump-e")
        assert composed(seen) == ("device:pump-e", ("pump-e",)), "no term finds a group without a site"


@pytest.mark.parametrize(("keys", "says"), [
    ("d", "Cannot device: a group is under the cursor: → shows its devices."),
    ("y", "Cannot copy device id: a group is under the cursor"),
    ("v", "Cannot mark range: a range begins and ends at a device, and here is a group."),
])  # fmt: skip
async def test_what_is_for_one_device_says_why_not_for_a_group(rig: Rig, keys: str, says: str) -> None:
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("g", keys)
        await seen.shows(says)


async def test_marking_all_marks_what_is_folded_too(rig: Rig) -> None:
    """Without it `a` and `c` send to fewer devices than the title counts."""
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.press("a")
        await seen.shows("4 marked", "compose to 4")


async def test_what_is_looked_at_in_a_large_fleet_is_said(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.services.reads.SORTED_AT_MOST", 1)
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await seen.shows("last ends of 1 only")


async def test_what_ended_badly_is_seen_where_no_device_in_view_had_a_command(rig: Rig) -> None:
    """Without it the columns of commands are left out, and a group that missed them looks well."""
    await rig.devices(*(f"quiet-{number:03}" for number in range(260)))
    await rig.devices("z-pump")
    await rig.sql.execute("UPDATE device_registry SET site_id = 'turku' WHERE device_id = 'z-pump'")
    await rig.command("c1", "z-pump", "ping", "missed", ago_s=9_000, published=True)
    async with rig.console(120, 20) as seen:
        await seen.until(lambda: "MODEL" in heads(seen), "read")
        assert "LAST COMMAND" not in heads(seen)
        await seen.press("i")
        await seen.shows("Group the devices")
        await seen.press("enter")
        await seen.until(lambda: "LAST COMMAND" in heads(seen), "shows what ended")
        await seen.press("left")
        await seen.shows("▸ turku", "◍ 1 missed", "100 % not ok")


async def test_a_device_that_comes_later_is_in_its_group_at_once(rig: Rig) -> None:
    """Without it it is in no row until the sums are read again."""
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await rig.devices("pump-d")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "pump-d", "▸no")


@pytest.mark.slow
async def test_the_group_stands_beside_the_list_where_there_is_room(rig: Rig) -> None:
    await fleet(rig)
    async with rig.console(160, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await seen.press("k")
        await seen.shows("2 devices  ● 2", "last ended  ◍ 1 missed", "50 % not ok", "c composes to the group")


async def test_sums_are_shown_only_for_the_devices_that_they_are_of(rig: Rig) -> None:
    """Without it a filter's groups show another's links, or a device that has just come is in no row."""
    await fleet(rig)
    state = ConsoleState(rig.program, "acme")
    state.device_group = GroupBy.SITE
    rows = GroupRows(state)
    rows.take(["pump-a", "pump-c"])
    assert rows.waits
    await rows.read(every=False)
    assert (rows.waits, rows.is_due) == (False, False)
    assert rows.rows(Sort(), None) == [group_key("lyon")]
    assert rows.group("lyon") is not None
    rows.ask()
    assert rows.group("lyon") is None, "of which devices it will be is not known"
    assert rows.is_due
    rows.take(["pump-a"])
    assert not rows.waits, "it can be parted already"
    rows.take(["pump-a", "pump-b"])
    assert rows.waits, "where the new one belongs is not known"
    await rows.read(every=False)
    assert not rows.waits
    assert rows.group("arles") is not None
    state.device_group = None
    assert rows.rows(Sort(), None) == ["pump-a", "pump-b"]
    assert not rows.waits


async def with_one_gone(rig: Rig) -> None:
    """The same devices; at lyon and at arles one more each, which is not in service."""
    await fleet(rig)
    await rig.devices("pump-x", "pump-y")
    await rig.sql.execute(
        "UPDATE device_registry SET decommissioned_at = now() - interval '1 h' WHERE device_id = 'pump-x';"
        "UPDATE device_registry SET site_id = 'arles' WHERE device_id = 'pump-y'"
    )


async def every_device_by_site(seen: Seen) -> None:
    """Group all by site, those that are decommissioned too, and stand on lyon."""
    await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e", "pump-y")
    await by_site(seen)
    await seen.press("left", "slash")
    await seen.type("state:decommissioned,active")
    await seen.press("enter")
    await listed(seen, "▸arles", "▸lyon", "▸no")
    await seen.shows("6 of 6")
    await seen.press("g", "j")
    await seen.until(lambda: "lyon" in next(line for line in seen.lines if line[:1] == "▌"), "on lyon")


def held_look_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Hold each look-up of what can be sent to until the event is set."""
    history, go_on = rig.program.history, asyncio.Event()
    real = history.sendable_index

    async def slow(tenant: str, wanted: Filter) -> list[str]:
        await go_on.wait()
        return list(await real(tenant, wanted))

    monkeypatch.setattr(history, "sendable_index", slow)
    return go_on


async def test_composing_to_a_group_does_not_speak_of_marking(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it somebody who marked nothing is told what was not marked."""
    await with_one_gone(rig)
    async with rig.console(120, 40) as seen:
        await every_device_by_site(seen)
        go_on = held_look_up(rig, monkeypatch)
        await seen.press("c", "c")
        await seen.shows("Cannot compose: the devices of the group are being looked up: wait for them.")
        below = seen.app.screen
        go_on.set()
        await seen.shows("New command   to 2 devices")
        await seen.press("escape")
        await seen.until(lambda: seen.app.screen is below, "went back")
        await seen.press("slash")
        await seen.type(" -group:nowhere")
        await seen.press("enter")
        await listed(seen, "▸arles", "▸lyon", "▸no")
        await seen.press("c")
        await seen.shows("Nothing is composed: There is no group “nowhere”")


async def test_a_group_without_those_that_are_decommissioned_says_so(rig: Rig) -> None:
    await with_one_gone(rig)
    async with rig.console(120, 40) as seen:
        await every_device_by_site(seen)
        await rig.sql.execute("UPDATE device_registry SET decommissioned_at = now() WHERE site_id = 'lyon'")
        await seen.press("c")
        await seen.shows("3 decommissioned devices left out: nothing can be sent there.")


@pytest.mark.parametrize(("key", "cursor"), [("k", "arles"), ("j", "no site")])
async def test_the_group_at_which_c_was_pressed_is_composed_to(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, key: str, cursor: str
) -> None:
    """Without it the devices of one group get a command under another's name."""
    await with_one_gone(rig)
    async with rig.console(120, 40) as seen:
        await every_device_by_site(seen)
        go_on = held_look_up(rig, monkeypatch)
        await seen.press("c", key)
        await seen.until(lambda: cursor in next(line for line in seen.lines if line[:1] == "▌"), "moved")
        go_on.set()
        await seen.shows("New command   to 2 devices")
        assert composed(seen)[1] == ("pump-a", "pump-c")
        screen = seen.app.screen
        assert isinstance(screen, ComposeScreen)
        assert screen.flow.target == "2 devices of lyon"


async def test_a_device_under_the_cursor_does_not_keep_the_group_from_its_command(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the key does nothing, and says nothing."""
    await with_one_gone(rig)
    async with rig.console(120, 40) as seen:
        await every_device_by_site(seen)
        await seen.press("right")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "pump-x", "▸no")
        go_on = held_look_up(rig, monkeypatch)
        await seen.press("c", "j")
        await seen.until(lambda: "pump-a" in next(line for line in seen.lines if line[:1] == "▌"), "moved")
        go_on.set()
        await seen.shows("New command   to 2 devices")


async def test_a_group_is_not_composed_to_over_another_screen(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it what is typed into that screen goes into a command."""
    await with_one_gone(rig)
    async with rig.console(120, 40) as seen:
        await every_device_by_site(seen)
        go_on, below = held_look_up(rig, monkeypatch), seen.app.screen
        assert isinstance(below, DevicesScreen)
        await seen.press("c", "question_mark")
        await seen.until(lambda: seen.app.screen is not below, "shows the help")
        over = seen.app.screen
        go_on.set()
        await seen.until(lambda: below.marks.not_known is None, "looked up")
        await seen.pilot.pause()
        assert seen.app.screen is over
        await seen.press("escape")
        await seen.shows("another screen was opened: press the key again.")


@contextmanager
def held_groups(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Event]:
    """Hold each read of the groups until the event is set, or all is over."""
    history, go_on = rig.program.history, asyncio.Event()
    real = history.device_groups

    async def slow(tenant: str, by: GroupBy, ids: Sequence[str] | None = None) -> DeviceGroups:
        await go_on.wait()
        return await real(tenant, by, ids)

    monkeypatch.setattr(history, "device_groups", slow)
    try:
        yield go_on
    finally:
        go_on.set()


def why_not(seen: Seen) -> str | None:
    """Why nothing can be composed now."""
    screen = seen.app.screen
    assert isinstance(screen, DevicesScreen)
    return screen.acts.no_compose()


async def test_nothing_is_done_with_the_rows_of_another_filter(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a command goes to fewer devices than the filter of its shell line finds."""
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await seen.press("slash")
        await seen.type("-pump-c")
        await seen.press("enter")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "▸no")
        await seen.shows("3 of 4")
        with held_groups(rig, monkeypatch):
            await seen.press("g", "j", "escape")
            await seen.until(lambda: why_not(seen) == "the groups are still being read", "listed all")
            await seen.press("c")
            await seen.shows("Cannot compose: the groups are still being read.")
            await seen.press("a")
            await seen.shows("Cannot mark all: the groups are still being read.")
            await seen.press("space")
            await seen.shows("Cannot mark: the groups are still being read.")
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        await seen.hides("still being read")
        await seen.press("c")
        await seen.shows("New command   to 2 devices")
        assert composed(seen) == ("site:lyon", ("pump-a", "pump-c"))


async def test_an_old_group_says_why_nothing_is_composed_to_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the key does nothing on a row of the grouping before, and says nothing."""
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        with held_groups(rig, monkeypatch):
            await seen.press("i")
            await seen.shows("Group the devices")
            await seen.press("j", "enter")
            await seen.shows("by model")
            await seen.until(lambda: why_not(seen) == "the groups are still being read", "grouped otherwise")
            await seen.press("g", "c")
            await seen.shows("Cannot compose: the groups are still being read.")


async def test_the_groups_of_a_filter_are_not_read_for_the_devices_of_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the sums of the filter before stand there for ten seconds as those of this one."""
    await fleet(rig)
    async with rig.console(120, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await listed(seen, "▸arles", "▾lyon", "pump-a", "pump-c", "▸no")
        history, go_on, asked = rig.program.history, asyncio.Event(), asyncio.Event()
        counts, groups, read_of = history.device_counts, history.device_groups, []

        async def slow(tenant: str) -> DeviceCounts:
            asked.set()
            await go_on.wait()
            return await counts(tenant)

        async def noted(tenant: str, by: GroupBy, ids: Sequence[str] | None = None) -> DeviceGroups:
            read_of.append(ids)
            return await groups(tenant, by, ids)

        monkeypatch.setattr(history, "device_counts", slow)
        monkeypatch.setattr(history, "device_groups", noted)
        await asked.wait()
        read_of.clear()
        await seen.press("slash")
        await seen.type("-pump-c")
        await seen.press("enter")
        await seen.shows("not applied yet")
        go_on.set()
        await listed(seen, "▸arles", "▾lyon", "pump-a", "▸no")
        await seen.until(lambda: bool(read_of), "read the groups")
        assert read_of[0] is not None
        assert "pump-c" not in read_of[0]


async def test_a_mark_that_the_filter_hides_is_counted_as_hidden_at_once(rig: Rig) -> None:
    """Without it a mark is called shown as long as the groups of the filter before are known."""
    await fleet(rig)
    state = ConsoleState(rig.program, "acme")
    state.device_group = GroupBy.SITE
    rows = GroupRows(state)
    rows.take(["pump-a", "pump-c"])
    await rows.read(every=False)
    rows.take(["pump-a"])
    assert rows.holds("pump-a")
    assert not rows.holds("pump-c")


async def test_a_read_only_console_is_not_told_to_compose(reader: Rig) -> None:
    """Without it the pane names a key that does not exist there."""
    await fleet(reader)
    async with reader.console(160, 40) as seen:
        await listed(seen, "pump-a", "pump-b", "pump-c", "pump-e")
        await by_site(seen)
        await seen.press("k")
        await seen.shows("2 devices  ● 2", "50 % not ok", "space marks the group")
        assert "compose" not in seen.text
        await seen.press("space")
        await seen.shows("2 marked")


class Counted(frozenset[str]):
    """Marks that count how often one asks whether a device is marked."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


async def test_the_marks_of_a_group_are_counted_once_until_they_change(rig: Rig) -> None:
    """Without it each repaint looks at every device of each group in view."""
    await fleet(rig)
    state = ConsoleState(rig.program, "acme")
    state.device_group = GroupBy.SITE
    rows = GroupRows(state)
    rows.take(["pump-a", "pump-c", "pump-b"])
    await rows.read(every=False)
    rows.rows(Sort(), None)
    marks = Counted({"pump-a", "pump-c"})
    for _ in range(3):
        assert rows.cells("lyon", marks)["device"].end == "✓ 2 of 2"
        rows.rows(Sort(), None)
    assert marks.asked == 2
    assert rows.cells("lyon", Counted({"pump-a"}))["device"].end == "✓ 1 of 2", "the marks changed"
    rows.take(["pump-a", "pump-b"])
    rows.rows(Sort(), None)
    assert rows.cells("lyon", marks)["device"].end == "✓ 1 of 1", "the devices changed"


async def test_the_devices_are_parted_once_for_each_list(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it each fold of one group looks up every device of the fleet."""
    await fleet(rig)
    state, parted = ConsoleState(rig.program, "acme"), []
    state.device_group = GroupBy.SITE
    rows, real = GroupRows(state), DeviceGroups.members

    def counted(groups: DeviceGroups, ids: Sequence[str]) -> dict[str, list[str]]:
        parted.append(tuple(ids))
        return real(groups, ids)

    monkeypatch.setattr(DeviceGroups, "members", counted)
    rows.take(["pump-a"])
    await rows.read(every=False)
    rows.rows(Sort(), None)
    rows.unfold("lyon")
    assert rows.rows(Sort(), None) == [group_key("lyon"), "pump-a"]
    assert parted == [("pump-a",)]
    rows.take(["pump-a", "pump-c"])
    await rows.read(every=False)
    assert rows.rows(Sort(), None) == [group_key("lyon"), "pump-a", "pump-c"]


@pytest.mark.parametrize(("takes_s", "rests_s"), [(0.1, 10.0), (1.0, 30.0), (9.0, 60.0)])
async def test_groups_that_take_long_are_read_less_often(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, takes_s: float, rests_s: float
) -> None:
    """Without it a database with a large fleet reads groups half of its time."""
    await fleet(rig)
    state, now = ConsoleState(rig.program, "acme"), [100.0]
    state.device_group = GroupBy.SITE
    real = rig.program.history.device_groups

    async def slow(tenant: str, by: GroupBy, ids: Sequence[str] | None = None) -> DeviceGroups:
        now[0] += takes_s
        return await real(tenant, by, ids)

    monkeypatch.setattr(rig.program.history, "device_groups", slow)
    monkeypatch.setattr("console.tui.lists.group_rows.time", SimpleNamespace(monotonic=lambda: now[0]))
    rows = GroupRows(state)
    rows.take(["pump-a"])
    await rows.read(every=False)
    now[0] += rests_s - 0.01
    assert not rows.is_due
    now[0] += 0.02
    assert rows.is_due
