"""Where the cursor stands: its row, its column and what is in that row, after each way to move it."""

import pytest
from textual.widgets import Input

from tests.tui.conftest import Rig, Seen

CURSOR = "▌"
FIRST = 4  # below header, title and headings
FILTERED = FIRST + 1  # the bar of the filter takes a row


async def stands(seen: Seen, row: int, *words: str) -> None:
    """Wait until the only cursor is in the first column of this row, and the row holds these words."""

    def there() -> bool:
        marks = [(y, line.index(CURSOR)) for y, line in enumerate(seen.lines) if CURSOR in line]
        return marks == [(row, 0)] and all(word in seen.lines[row] for word in words)

    await seen.until(there, f"stood in row {row} at {words}")


async def types_at(seen: Seen, name: str, column: int, row: int) -> None:
    """Wait until what is typed goes into this field; an empty one has its cursor a column before its text ends."""

    def there() -> bool:
        box = seen.app.screen.focused
        return isinstance(box, Input) and (box.id or "") == name and box.cursor_screen_offset == (column, row)

    await seen.until(there, f"typed into {name} at {column}, {row}")


def place_of(seen: Seen, word: str) -> tuple[int, int]:
    """Column and row of a word that stands on the screen once."""
    ((row, line),) = [(y, line) for y, line in enumerate(seen.lines) if word in line]
    return line.index(word), row


async def _commands(rig: Rig) -> None:
    await rig.devices("pump-1", "pump-2")
    await rig.devices("pump-3", link="OFFLINE")
    for number, device in enumerate(("pump-1", "pump-2", "pump-3"), 1):
        await rig.command(
            f"c-{number}", device, "ping", "missed", ago_s=5_000 + 3_600 * number, published=True
        )


async def test_keys_move_the_cursor_of_the_devices_by_rows(rig: Rig) -> None:
    await _commands(rig)
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("j")
        await stands(seen, FIRST + 1, "pump-2")
        await seen.press("G")
        await stands(seen, FIRST + 2, "pump-3")
        await seen.press("down")
        await stands(seen, FIRST + 2, "pump-3")
        await seen.press("k")
        await stands(seen, FIRST + 1, "pump-2")
        await seen.press("g")
        await stands(seen, FIRST, "pump-1")


async def test_a_sort_and_a_filter_leave_the_cursor_on_its_device(rig: Rig) -> None:
    """Without it the next command goes to the device that has come into the row."""
    await _commands(rig)
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("G")
        await stands(seen, FIRST + 2, "pump-3")
        await seen.press("greater_than_sign", "s")
        await stands(seen, FIRST, "pump-3", "offline")
        await seen.press("less_than_sign", "s")
        await stands(seen, FIRST + 2, "pump-3")
        await seen.press("slash")
        box = seen.app.screen.focused
        assert isinstance(box, Input)
        box.value = "-pump-1"  # at once: "-pump" on the way there would hide all
        await seen.press("enter")
        await stands(seen, FILTERED + 1, "pump-3")
        await seen.press("escape")
        await stands(seen, FIRST + 2, "pump-3")


async def test_back_from_a_history_returns_to_the_same_row(rig: Rig) -> None:
    await _commands(rig)
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("j")
        await stands(seen, FIRST + 1, "pump-2")
        await seen.press("enter")
        await seen.shows("pump-2 › History")
        await seen.press("escape")
        await stands(seen, FIRST + 1, "pump-2")


async def test_a_new_command_does_not_move_the_cursor_of_a_history_to_another(rig: Rig) -> None:
    """Without it retry and cancel are for the command that has come into the row."""
    await _commands(rig)
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("H")
        await stands(seen, FIRST, "pump-1", "2h")
        await seen.press("j")
        await stands(seen, FIRST + 1, "pump-2", "3h")
        await rig.command("c-4", "pump-1", "reboot")
        rig.program.feed.tell("acme")
        await stands(seen, FIRST + 2, "pump-2", "3h")
        await seen.press("enter")
        await seen.shows("Command › Detail", "c-2")
        await seen.press("escape")
        await stands(seen, FIRST + 2, "pump-2", "3h")


async def test_a_detail_begins_at_its_top_and_scrolls_by_lines(rig: Rig) -> None:
    await _commands(rig)
    async with rig.console(60, 15) as seen:  # so low that nothing stands between header and title
        await stands(seen, FIRST - 1, "pump-1")
        await seen.press("H")
        await stands(seen, FIRST - 1, "pump-1")
        await seen.press("enter")
        await seen.shows("Command › Detail", "to pump-1")
        column, row = place_of(seen, "ping   ")
        assert (column, row) == (2, 3)
        whom = place_of(seen, "to pump-1")
        await seen.press("down")
        await seen.until(
            lambda: place_of(seen, "to pump-1") == (whom[0], whom[1] - 1), "scrolled by one line"
        )
        assert "ping   " not in seen.lines[3]


@pytest.mark.slow
async def test_the_lists_of_bulk_sends_and_problems_keep_their_row(rig: Rig) -> None:
    await _commands(rig)
    await rig.sql.execute(
        """
        INSERT INTO device_console.batches
            (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, created_by, created_at)
        VALUES ('acme', 'b-new', 'ping', '{}', 3600, 'all', 2, 'alice', now() - interval '1 hour'),
               ('acme', 'b-old', 'reboot', '{}', 3600, 'all', 1, 'bob', now() - interval '2 hours');
        INSERT INTO device_console.batch_members VALUES ('acme', 'b-old', 'c-1');
        INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, last_at)
        VALUES ('acme', 'forged ack', 'pump-2', 'x-1', 'new', now() - interval '1 hour'),
               ('acme', 'late ack', 'pump-3', 'x-2', 'old', now() - interval '2 hours')
        """
    )
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("b")
        await stands(seen, FIRST, "ping", "alice")
        await seen.press("j")
        await stands(seen, FIRST + 1, "reboot", "bob")
        await seen.press("enter")
        await seen.shows("reboot to 1 device", "missed")
        await stands(seen, place_of(seen, "FOR EXAMPLE")[1] + 1, "pump-1")
        await seen.press("escape")
        await stands(seen, FIRST + 1, "reboot", "bob")
        await seen.press("escape", "p")
        await stands(seen, FIRST, "forged ack", "pump-2")
        await seen.press("j")
        await stands(seen, FIRST + 1, "late ack", "pump-3")
        await seen.press("enter")
        await seen.shows("first", "last")
        await seen.press("escape")
        await stands(seen, FIRST + 1, "late ack", "pump-3")


async def test_typing_a_command_goes_from_field_to_field(rig: Rig) -> None:
    await _commands(rig)
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("c")
        await seen.shows("New command")
        await types_at(seen, "type", 10, 3)
        await seen.type("ping")
        await types_at(seen, "type", 14, 3)
        await seen.press("tab")
        await seen.until(lambda: getattr(seen.app.screen.focused, "id", "") == "ttl", "left the type")
        assert seen.app.screen.focused is not None
        assert (seen.app.screen.focused.region.x, seen.app.screen.focused.region.y) == (9, 4)
        await seen.press("shift+tab")
        await types_at(seen, "type", 14, 3)


@pytest.mark.slow
async def test_going_to_an_id_is_typed_in_the_dialog_and_esc_leaves_the_cursor(rig: Rig) -> None:
    await _commands(rig)
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("j", "colon")
        await seen.shows("Go to")
        column, row = place_of(seen, "Go to")
        await seen.type("pump-3")
        await types_at(seen, "", column + len("pump-3") + 1, row + 1)
        await seen.press("escape")
        await stands(seen, FIRST + 1, "pump-2")
        await seen.press("colon")
        await seen.shows("Go to")
        await seen.type("pump-3")
        await seen.press("enter")
        await seen.shows("pump-3 › History")
        await stands(seen, FIRST + 1, "ping")  # below the line of the device


async def test_a_question_shows_its_keys_at_its_foot_and_what_is_typed_where_it_asks(rig: Rig) -> None:
    await _commands(rig)
    async with rig.console(80, 24) as seen:
        await stands(seen, FIRST, "pump-1")
        await seen.press("a", "c")
        await seen.shows("to 3 devices")
        await seen.type("reboot")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("Type the count, 3, to unlock: ▏")
        column, row = place_of(seen, "Type the count")
        title = place_of(seen, "Send reboot to 3 devices")
        assert column == title[0]
        assert place_of(seen, "y send") == (column, row + 2)
        assert place_of(seen, "enter cancel")[1] == row + 2
        caret = place_of(seen, "▏")
        assert caret == (column + len("Type the count, 3, to unlock: "), row)
        await seen.press("3")
        await seen.until(lambda: place_of(seen, "▏") == (caret[0] + 1, row), "typed at the question")
        await seen.press("enter", "escape")
        await seen.shows("New command")
        await types_at(seen, "type", 16, 3)
