"""The devices screen: what it shows, how it is filtered, marked and left."""

import asyncio
from dataclasses import dataclass

import pytest

from console.store.devices import DeviceStore


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15), (200, 60)])
async def test_every_size_shows_where_i_am_what_is_wrong_and_the_devices(rig, width, height):
    await rig.devices("pump-1", "pump-2")
    await rig.devices("pump-3", link="OFFLINE")
    async with rig.console(width, height) as seen:
        await seen.shows(
            "pump-1", "pump-3", "acme · alice", "pg ok", "mqtt ok", "● online", "○ offline", "? help"
        )
        assert all(len(line) <= width for line in seen.text.splitlines())


async def test_a_terminal_that_is_too_small_gets_a_sentence(rig):
    async with rig.console(80, 24) as seen:
        await seen.pilot.resize_terminal(38, 9)
        await seen.shows("too small")
        await seen.pilot.resize_terminal(80, 24)
        await seen.shows("Devices")


@pytest.mark.slow
async def test_a_terminal_that_was_too_small_for_a_moment_leaves_the_focus_where_it_was(rig):
    """Without it the keys go into a filter that nobody sees, or nowhere."""
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        for keys, there in ((), "table"), (("c",), "type"), (("tab",), "ttl"):
            await seen.press(*keys)
            await seen.until(lambda there=there: seen.app.focused.id == there, f"stands in {there}")
            await seen.pilot.resize_terminal(39, 9)
            await seen.shows("too small")
            assert "pump-1" not in seen.text
            await seen.pilot.resize_terminal(80, 24)
            await seen.hides("too small")
            assert seen.app.focused.id == there


async def test_an_empty_tenant_shows_what_to_do_next(rig):
    async with rig.console(80, 24) as seen:
        await seen.shows("This tenant has no devices yet")


@pytest.mark.slow
async def test_the_filter_narrows_while_typing_and_esc_clears_it(rig):
    await rig.devices("pump-1", "pump-2", "valve-1")
    async with rig.console() as seen:
        await seen.shows("valve-1")
        await seen.press("slash")
        await seen.type("val")
        await seen.hides("pump-1")
        await seen.shows("valve-1", "1 of 3", "enter keep the filter   esc clear it")
        await seen.press("enter", "escape")
        await seen.shows("pump-1", "valve-1")


async def test_a_filter_is_continued_at_its_end_and_earlier_ones_come_back(rig):
    """Without it one backspace deletes the whole filter, and what is marked then is the whole fleet."""
    await rig.devices("pump-1", "pump-2", "valve-1")
    async with rig.console() as seen:
        await seen.shows("valve-1")
        for text in ("valve", "pump-1"):
            await seen.press("slash")
            await seen.type(text)
            await seen.press("enter")
            if text == "valve":
                await seen.press("escape")
        await seen.shows("1 of 3", "pump-1")
        await seen.press("slash", "backspace")
        await seen.shows("2 of 3")
        field = seen.app.focused
        assert field.value == "pump-"
        for key, wanted in (
            ("up", "pump-1"), ("up", "valve"), ("up", "valve"), ("down", "pump-1"), ("down", "pump-"),
        ):  # fmt: skip
            await seen.press(key)
            assert field.value == wanted
        await seen.press("up", "up", "down", "down", "down")
        assert seen.app.focused is not field, "down from what is being typed leaves the bar"
        await seen.press("escape", "H", "slash", "up")
        assert seen.app.focused.value == "", "a filter of devices is none of commands"


async def test_a_filter_without_a_match_says_how_to_leave_it(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("slash")
        await seen.type("nothing")
        await seen.shows("No device matches the filter")


@dataclass
class Steps:
    """Lets a search look at one piece of the fleet after the other."""

    looked: list[list[str]]
    go: asyncio.Semaphore


@pytest.fixture
def steps(rig, monkeypatch):
    found = Steps([], asyncio.Semaphore(0))
    real = DeviceStore.fitting

    async def fitting(store, tenant_id, wanted, device_ids):
        await found.go.acquire()
        found.looked.append(list(device_ids))
        return await real(store, tenant_id, wanted, device_ids)

    monkeypatch.setattr("console.store.devices.DeviceStore.fitting", fitting)
    monkeypatch.setattr("console.services.reads.FIRST_LOOK", 2)
    monkeypatch.setattr("console.services.reads.LOOK", 2)
    return found


async def _fleet_with_misses(rig):
    await rig.devices("pump-1", "pump-2", "pump-3", "pump-4", "pump-5")
    for number in (2, 5):
        await rig.command(f"old-{number}", f"pump-{number}", status="missed", published=True)
    await rig.command("old-3", "pump-3", status="missed", published=True, ago_s=90)
    await rig.command("new-3", "pump-3", status="expired", ago_s=10)


@pytest.mark.slow
async def test_a_search_through_newest_commands_shows_what_it_finds_as_it_finds_it(rig, steps):
    """Without the pieces nothing is shown before the newest command of the last device was read."""
    await _fleet_with_misses(rig)
    async with rig.console() as seen:
        await seen.shows("pump-5")
        await seen.press("slash")
        await seen.type("phase:missed")
        steps.go.release()
        await seen.shows("pump-2", "1 among 2 of 5")
        await seen.hides("pump-1")
        await seen.press("enter", "a")
        await seen.shows("Cannot mark all: the search has looked at 2 of 5 devices")
        steps.go.release()
        await seen.shows("1 among 4 of 5")
        steps.go.release()
        await seen.shows("pump-2", "pump-5", "2 of 5")
        assert steps.looked == [["pump-1", "pump-2"], ["pump-3", "pump-4"], ["pump-5"]]
        await seen.press("a")
        await seen.shows("2 marked")


@pytest.mark.slow
async def test_a_search_again_leaves_what_is_shown_until_it_is_whole(rig, steps):
    """Without the whole list kept, rows at its end come and go with every search."""
    await _fleet_with_misses(rig)
    async with rig.console() as seen:
        await seen.shows("pump-5")
        await seen.press("slash")
        await seen.type("phase:missed")
        for _ in range(4):
            steps.go.release()
        await seen.shows("pump-2", "pump-5", "2 of 5")
        await seen.until(lambda: len(steps.looked) == 4, "the second search has begun")
        await rig.command("new-4", "pump-4", status="missed", published=True, ago_s=1)
        assert "2 of 5" in seen.text
        for _ in range(2):
            steps.go.release()
        await seen.shows("pump-2", "pump-4", "pump-5", "3 of 5")


@pytest.mark.slow
async def test_another_filter_gives_the_search_up(rig, steps):
    """Without it a typed letter waits for a look at every device of the fleet."""
    await _fleet_with_misses(rig)
    async with rig.console() as seen:
        await seen.shows("pump-5")
        await seen.press("slash")
        await seen.type("phase:missed")
        steps.go.release()
        await seen.shows("1 among 2 of 5")
        await seen.press("escape")
        steps.go.release()
        await seen.shows("pump-1", "pump-4", "pump-5")
        assert len(steps.looked) == 2


async def test_marks_are_counted_and_the_cursor_stays_on_its_device(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    async with rig.console() as seen:
        await seen.shows("pump-3")
        await seen.press("a")
        await seen.shows("3 marked")
        await seen.press("escape")
        await seen.hides("3 marked")
        await seen.press("v", "down", "v")
        await seen.shows("2 marked")
        before = next(line for line in seen.lines if "▌" in line)
        assert "pump-2" in before
        await rig.devices("a-new-one")
        rig.program.feed.tell("acme")
        await seen.shows("a-new-one")
        assert "pump-2" in next(line for line in seen.lines if "▌" in line)


@pytest.mark.slow
async def test_a_range_shows_where_it_began_and_is_not_ended_out_of_sight(rig):
    """Without it the second v marks one row, and the operator believes in a range."""
    await rig.devices("pump-1", "pump-2", "valve-1")
    async with rig.console() as seen:
        await seen.shows("valve-1")
        await seen.press("v")
        await seen.shows("▌✓ pump-1", "range from pump-1", "esc give up the range")
        await seen.press("slash")
        await seen.type("valve")
        await seen.press("enter")
        await seen.shows("1 of 3", "1 marked (1 not shown)")
        await seen.press("v")
        await seen.shows("Cannot mark range: the range began at pump-1, which is not shown now")
        await seen.press("escape")
        await seen.hides("marked", "range from")
        assert "1 of 3" in seen.text


@pytest.mark.slow
async def test_marks_are_reported_where_they_are_not_shown_and_esc_does_what_the_footer_says(rig):
    await rig.devices("pump-1", "pump-2", "valve-1")
    async with rig.console() as seen:
        await seen.shows("valve-1")
        await seen.press("a", "slash")
        await seen.type("valve")
        await seen.press("enter")
        await seen.shows("3 marked (2 not shown)", "esc clear filter")
        await seen.press("escape")
        await seen.shows("3 marked", "esc clear marks")
        await seen.hides("not shown")
        await seen.press("escape")
        await seen.hides("marked", "clear marks")


@pytest.mark.slow
async def test_marks_are_gone_when_what_they_were_for_is_sent(rig):
    """Without it the next filter and c reach the devices of the last send, too."""
    await rig.devices("pump-1", "pump-2", "valve-1")
    async with rig.console() as seen:
        await seen.shows("valve-1")
        await seen.press("space", "space", "c")
        await seen.shows("to 2 devices")
        await seen.type("ping")
        await seen.shows("Ready.")
        await seen.press("f5", "y")
        await seen.shows("0 of 2 ended")
        await seen.press("escape")
        await seen.shows("c compose ")
        assert "marked" not in seen.text
        assert "✓" not in seen.text


async def test_a_filter_that_is_left_at_once_works_and_is_seen(rig):
    """Without it the bar goes and the filter comes: rows are missing, and nothing says why."""
    await rig.devices("pump-1", "valve-1")
    async with rig.console() as seen:
        await seen.shows("valve-1")
        await seen.press("slash", "v", "a", "down")
        await seen.shows(" / va", "1 of 2")
        assert seen.app.focused.id == "table"


async def test_sort_shows_trouble_first(rig):
    await rig.devices("pump-1", "pump-2")
    await rig.devices("pump-9", link="OFFLINE")
    async with rig.console() as seen:
        await seen.shows("pump-9")
        await seen.press("greater_than_sign", "s")
        await seen.shows("LINK ↓")
        rows = [line for line in seen.lines if "pump-" in line]
        assert "pump-9" in rows[0]


@pytest.mark.slow
async def test_a_hundred_thousand_devices_stay_usable(rig):
    await rig.sql.execute(
        "INSERT INTO device_registry (tenant_id, device_id, site_id)"
        " SELECT 'acme', 'd-' || lpad(i::text, 6, '0'), 'x' FROM generate_series(1, 20000) i"
    )
    async with rig.console() as seen:
        await seen.shows("20,000")
        await seen.press("G")
        await seen.shows("d-020000")
        await seen.press("g")
        await seen.shows("d-000001")


@pytest.mark.slow
async def test_go_finds_a_device_a_command_or_says_that_there_is_none(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.type("nope")
        await seen.press("enter")
        await seen.shows("There is no device, command or bulk send")
        await seen.press("escape", "colon")
        await seen.type("cmd-1")
        await seen.press("enter")
        await seen.shows("Command › Detail", "cmd-1", "It is committed and waits")


@pytest.mark.slow
async def test_go_finds_bulk_sends_lists_and_the_one_device_that_begins_so(rig):
    from console.limits import DEFAULT_TTL

    await rig.devices("pump-1", "pump-2", "valve-1")
    job = rig.program.bulk.job("ping", "{}", DEFAULT_TTL, "bob", device_ids=["pump-1"], target="all")
    await rig.program.bulk.begin("acme", job)
    await rig.command("0d1f6c7e-4b0a", "valve-1")
    places = {
        "problems": "Problems", "batches": "Bulk sends   1 bulk send", "val": "valve-1 › History",
        job.draft.batch_id: "ping to 1 device", job.draft.batch_id[:8]: "ping to 1 device", "prob": "Problems",
        "0d1f6c": "Command › Detail",
    }  # fmt: skip
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.type("pump")
        await seen.shows("▌ device    pump-1", "pump-2")
        await seen.press("down", "enter")
        await seen.shows("pump-2 › History")
        await seen.press("escape")
        await seen.press("colon")
        seen.app.screen.focused.value = "??????"
        await seen.press("enter")
        await seen.shows("There is no device, command or bulk send “??????”")
        await seen.press("escape")
        for word, there in places.items():
            await seen.press("colon")
            seen.app.screen.focused.value = word
            await seen.press("enter")
            await seen.shows(there)
            await seen.press("escape")
            await seen.shows("● 3 online")


async def test_problems_since_the_last_look_are_counted_on_the_first_screen(rig, monkeypatch):
    """Without it nobody looks: a problem shows only to those who press p."""
    monkeypatch.setattr("console.tui.lists.new_problems._EVERY_S", 0.0)
    await rig.devices("pump-1")

    async def happens(kind):
        await rig.sql.execute(
            "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
            " VALUES ('acme', $1, 'pump-1', 'x', 'said so')",
            kind,
        )

    await happens("late ack")
    async with rig.console() as seen:
        await seen.shows("pump-1", "● 1 online")
        await seen.until(lambda: seen.app.state.problems_seen, "looked")
        assert "new problem" not in seen.text
        await happens("forged ack")
        rig.program.feed.tell("acme")
        await seen.shows("! 1 new problem: p")
        await seen.press("p")
        await seen.shows("! forged ack")
        await seen.press("escape")
        await seen.shows("● 1 online")
        await seen.hides("new problem")


@pytest.mark.slow
async def test_another_tenant_is_chosen_from_a_list(rig):
    from dataclasses import replace

    rig.program = replace(rig.program, tenants=("acme", "globex"))
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("t")
        await seen.shows("Globex")
        await seen.press("down", "enter")
        await seen.shows("globex · alice", "This tenant has no devices yet")


@pytest.mark.slow
async def test_read_only_has_no_acts_at_all(reader):
    await reader.devices("pump-1")
    await reader.command("cmd-1", "pump-1")
    async with reader.console(120, 100) as seen:
        await seen.shows("READ-ONLY", "pump-1")
        assert "compose" not in seen.text
        await seen.press("c")
        await seen.press("enter")
        await seen.shows("History", "waiting")
        assert "cancel" not in seen.lines[-1]
        await seen.press("x", "r", "question_mark")
        await seen.shows("Keys")
        assert "Take a waiting command back" not in seen.text
        assert await reader.count() == 1


@pytest.mark.slow
async def test_the_mouse_moves_the_cursor_opens_rows_and_presses_the_footers_keys(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    async with rig.console() as seen:
        await seen.shows("pump-3")
        await seen.pilot.click("#table", offset=(10, 3))
        await seen.until(lambda: any("▌" in line and "pump-3" in line for line in seen.lines), "moved")
        await seen.pilot.click("#keys", offset=(seen.lines[-1].index("compose"), 0))
        await seen.shows("New command   to pump-3")
        await seen.press("escape")
        await seen.shows("DEVICE")
        await seen.pilot.click("#table", offset=(10, 3))
        await seen.shows("pump-3 › History", "No command has been sent here yet. Press c")


@pytest.mark.slow
async def test_the_palette_runs_what_the_table_lists(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("ctrl+p")
        await seen.shows("Do, or go to", "problems  p")
        await seen.type("problems")
        await seen.shows("Problems: unmatched")
        await seen.press("enter")
        await seen.shows("No problems: every answer matched its command")


@pytest.mark.slow
async def test_the_cursor_stays_in_view_when_the_terminal_shrinks_and_when_rows_move(rig):
    """Without it the row that the next key is for is out of sight."""
    await rig.devices(*(f"pump-{n:03}" for n in range(60)))
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-001")
        await seen.press(*"j" * 17)
        await seen.shows("▌  pump-017")
        for width, height in ((60, 15), (40, 10), (80, 24)):
            await seen.pilot.resize_terminal(width, height)
            await seen.shows("▌  pump-017")
        await seen.pilot.resize_terminal(60, 15)
        await rig.devices(*(f"early-{n:03}" for n in range(30)))
        await rig.sql.execute("SELECT device_console.announce('{acme}')")
        await seen.until(lambda: seen.app.screen.query_one("#table").cursor_key == "pump-017", "kept")
        await seen.until(lambda: len(seen.app.screen.query_one("#table").keys) == 90, "listed all")
        await seen.shows("▌  pump-017")
        await seen.press("s")
        await seen.shows("▌  pump-017")
