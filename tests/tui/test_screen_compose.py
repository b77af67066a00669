"""Sending: from the sheet through the dialog to a committed row, and nowhere else."""

import pytest
from textual import events

from console.errors import DatabaseUnreachableError
from console.tui.widgets.fields import ParamsArea


async def _opened(seen, kind="ping"):
    await seen.shows("pump-1")
    await seen.press("c")
    await seen.shows("New command", "Not ready")
    await seen.type(kind)
    await seen.shows("Ready.", "tenant/acme/device/")


@pytest.mark.slow
async def test_a_command_is_sent_with_review_and_y_and_shows_up_live(rig):
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await _opened(seen)
        await seen.press("ctrl+s")
        await seen.shows("Send ping to pump-1 of acme?", "cannot be recalled")
        assert await rig.count() == 0
        await seen.press("y", "y")
        await seen.shows("pump-1 › History", "○ waiting")
        assert await rig.count() == 1
        assert await rig.sql.fetchval("SELECT created_by FROM device_commands") == "alice"


@pytest.mark.slow
async def test_enter_in_the_dialog_cancels_and_the_draft_stays(rig):
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await _opened(seen)
        await seen.press("f5")
        await seen.shows("Send ping to")
        await seen.press("enter")
        await seen.hides("Send ping to")
        await seen.press("escape")
        await seen.shows("DEVICE")
        await seen.press("c")
        await seen.shows("New command", "ping", "Ready.")
        assert await rig.count() == 0


@pytest.mark.slow
async def test_wrong_json_is_reported_with_line_and_column_and_blocks_the_send(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await _opened(seen)
        await seen.press("tab", "tab")
        await seen.type("{x}")
        await seen.shows("The params are not JSON", "line 1, column")
        await seen.press("f5")
        await seen.shows("Cannot review and send")
        await seen.press("left", "backspace")
        await seen.shows("Ready.")
        assert "Cannot review" not in seen.text, "a refusal stands over a sheet that is fine"


@pytest.mark.slow
async def test_a_command_that_is_typed_is_not_changed_by_going_down(rig):
    """Without it reboot becomes ping on the way to the next field."""
    await rig.devices("pump-1")
    await rig.command("old-1", "pump-1", "ping", ago_s=60)
    await rig.command("old-2", "pump-1", "flush", ago_s=50)
    async with rig.console() as seen:
        await _opened(seen, "reboot")
        await seen.press("down")
        assert (seen.app.screen.fields.type.value, seen.app.focused.id) == ("reboot", "ttl")
        await seen.press("shift+tab")
        seen.app.screen.fields.type.value = ""
        for key, wanted in ("down", "flush"), ("down", "ping"), ("up", "flush"):
            await seen.press(key)
            assert seen.app.screen.fields.type.value == wanted
        await seen.press("tab", "shift+tab", "down")
        assert (seen.app.screen.fields.type.value, seen.app.focused.id) == ("flush", "ttl")


@pytest.mark.slow
async def test_a_draft_that_comes_back_is_called_one_and_an_edit_is_kept_apart(rig):
    """Without it an edit is lost on esc, and the command for one device stands there for another."""
    await rig.devices("pump-1", "pump-2")
    await rig.command("old-1", "pump-1", "flush")
    async with rig.console() as seen:
        await _opened(seen)
        assert "your draft" not in seen.text
        await seen.press("escape", "down", "c")
        await seen.shows("New command   to pump-2", "An unsent draft for pump-1 is kept", "Not ready")
        await seen.press("escape", "up", "c")
        await seen.shows("New command   to pump-1", "This is your draft from before: it was not sent. ctrl+n")
        await seen.type("re")
        assert seen.app.screen.fields.type.value == "re", "what is typed replaces the type of a draft"
        await seen.press("ctrl+n")
        assert seen.app.screen.fields.type.value == ""
        await seen.press("escape", "down", "c")
        await seen.shows("New command   to pump-2", "Not ready")
        assert "unsent draft" not in seen.text
        await seen.press("escape", "up", "enter")
        await seen.shows("flush")
        await seen.press("E")
        await seen.shows("Ready.")
        assert "your draft" not in seen.text
        await seen.press("end")
        await seen.type("_all")
        await seen.press("escape", "E")
        await seen.shows("flush_all", "This is your draft from before")


_LISTED = """
    INSERT INTO template_commands (template_id, command_key, display_name, description, sort_order) VALUES
    (1, 'reboot', 'Reboot', 'Restarts the device', 1), (1, 'set_valve', 'Valve', 'Moves a valve', 2),
    (1, 'set_interval', 'Interval', 'How often it reports', 3), (1, 'reset', 'Reset', 'Forgets all', 4);
    UPDATE device_registry SET template_id = 1
"""


@pytest.mark.slow
async def test_enter_takes_the_type_that_is_marked_and_nothing_else(rig):
    """Without it what is shown beside the cursor is not what is sent."""
    await rig.devices("pump-1")
    await rig.sql.execute(_LISTED)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("models take")
        field = seen.app.screen.fields.type
        await seen.type("set")
        await seen.shows(
            "3 of 4 fit “set”: enter takes the marked", "▌set_valve", "How often it reports", " reset"
        )
        await seen.press("down", "enter")
        await seen.hides("fit “set”")
        assert (field.value, seen.app.focused.id) == ("set_interval", "ttl")
        await seen.press("shift+tab")
        field.value = "reb"
        await seen.shows("▌reboot", "! Restarts the device")
        await seen.press("up")
        await seen.shows("enter takes what you typed")
        await seen.press("enter")
        assert (field.value, seen.app.focused.id) == ("reb", "ttl")
        await seen.shows(
            "Unknown type: no model of these devices lists reb; is reboot meant?", "ctrl+s or f5"
        )
        assert "Ready." not in seen.text
        await seen.press("f5")
        await seen.shows("Send reb to pump-1")


@pytest.mark.slow
async def test_a_type_that_is_mistyped_is_never_ready_also_without_a_catalogue(rig):
    """Without it rebot is "Ready.", and the device does not know it."""
    await rig.devices("pump-1")
    await rig.command("old-1", "pump-1", "reboot", ago_s=60)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("recent  reboot")
        await seen.type("rebot")
        await seen.shows("Unknown type: rebot was not sent here lately; is reboot meant?")
        assert "Ready." not in seen.text
        seen.app.screen.fields.type.value = "calibrate"
        await seen.shows("Ready.")


@pytest.mark.slow
async def test_a_wrong_ttl_blocks_the_send(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await _opened(seen)
        await seen.press("tab")
        await seen.type("x")
        await seen.shows("is not a TTL")


@pytest.mark.slow
async def test_a_dangerous_type_wants_the_count_typed(rig):
    await rig.devices("pump-1", "pump-2")
    async with rig.console() as seen:
        await seen.shows("pump-2")
        await seen.press("a", "c")
        await seen.shows("to 2 devices")
        await seen.type("reboot")
        await seen.press("f5")
        await seen.shows("Send reboot to 2 devices of acme?", "Type the count, 2, to unlock")
        await seen.press("y")
        await seen.shows("First type 2.")
        await seen.press("3", "y")
        assert await rig.count() == 0
        await seen.press("backspace", "2", "y")
        await seen.shows("reboot to 2 devices", "0 of 2 ended", "○ 2 waiting")
        assert await rig.count() == 2


async def test_a_paste_with_a_newline_never_sends(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await _opened(seen, "pi")
        seen.app.screen.focused.post_message(events.Paste("ng\nreboot\n"))
        await seen.shows("ping")
        await seen.press("f5")
        await seen.shows("Send ping to")
        assert await rig.count() == 0


@pytest.mark.slow
async def test_an_unknown_outcome_is_sent_again_with_the_same_ids(rig, monkeypatch):
    await rig.devices("pump-1")
    store = rig.program.sender._store
    insert, calls = store.insert, []

    async def answer_lost(tenant_id, drafts):
        written = await insert(tenant_id, drafts)
        calls.append([draft.command_id for draft in drafts])
        if len(calls) <= 3:
            raise DatabaseUnreachableError("The database does not answer (gone).")
        return written

    monkeypatch.setattr(store, "insert", answer_lost)
    async with rig.console() as seen:
        await _opened(seen)
        await seen.press("f5")
        await seen.shows("Send ping to")
        await seen.press("y")
        await seen.shows("The database does not answer", "nothing is done twice")
        await seen.press("escape", "f5")
        await seen.shows("Send ping to")
        await seen.press("y")
        await seen.shows("1 command committed")
        assert await rig.count() == 1
        assert len({tuple(ids) for ids in calls}) == 1


@pytest.mark.slow
async def test_a_decommissioned_device_is_refused_in_place(rig):
    await rig.devices("pump-1")
    await rig.sql.execute("UPDATE device_registry SET decommissioned_at = now() - interval '1 day'")
    async with rig.console() as seen:
        await seen.shows("1 decommissioned hidden")
        await seen.press("slash")
        await seen.type("device:pump-1")
        await seen.press("enter")
        await seen.shows("⊘ decommissioned")
        await seen.press("c")
        await seen.type("ping")
        await seen.shows("is decommissioned")
        await seen.press("f5")
        await seen.shows("Cannot review and send")


@pytest.mark.slow
async def test_offline_targets_are_counted_and_named(rig):
    await rig.devices("pump-1")
    await rig.devices("pump-2", link="OFFLINE")
    async with rig.console() as seen:
        await seen.shows("pump-2")
        await seen.press("a", "c")
        await seen.type("ping")
        await seen.shows("! ● 1 online, ○ 1 offline (pump-2): the one offline misses it unless")
        await seen.press("f5")
        await seen.shows("! ● 1 online, ○ 1 offline (pump-2)")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15)])
async def test_what_will_happen_is_said_in_sentences_and_the_worst_stands_in_the_dialog(rig, width, height):
    """Without it 41 devices that do not answer get the same once more."""
    await rig.devices(*(f"pump-{number}" for number in range(5)))
    await rig.sql.execute(
        """
        INSERT INTO device_console.recent_ends
        SELECT 'acme', 'e-' || n, now() - interval '3 minutes', 'missed', 'pump-' || n, '', '', '', 'ping', '', NULL, ''
        FROM generate_series(0, 3) n;
        INSERT INTO device_console.type_latency VALUES ('acme', 'ping', 'PX', 40, array_fill(0, ARRAY[36]) || 40)
        """
    )
    rig.program.health.dispatch = "on"
    async with rig.console(width, height) as seen:
        await seen.shows("pump-4")
        await seen.press("a", "c")
        await seen.type("ping")
        worst = "! Of these 5, 4 missed ping in the last hour"
        await seen.shows("5 devices are sent it as soon as you confirm.", worst, "Ready.")
        lines = seen.text.split("\n")
        places = [
            place for place, line in enumerate(lines) if "5 devices are sent it" in line or worst in line
        ]
        assert "Ready." in "".join(lines[places[1] :]), "the verdict stands below what will happen"
        if height == 24:
            await seen.shows("What will happen", "95 % of the answers to ping come within 0.47s")
        await seen.press("f5")
        await seen.shows(
            "Send ping to 5 devices of acme?", "5 devices are sent it as soon as you confirm.", worst
        )


@pytest.mark.slow
async def test_the_dialog_is_whole_on_the_smallest_terminal(rig):
    await rig.devices("pump-1", "pump-2", link="OFFLINE")
    async with rig.console(42, 10) as seen:
        await seen.shows("pump-1")
        await seen.press("a", "c")
        await seen.type("reboot")
        await seen.press("f5")
        await seen.shows("Send reboot to 2 devices", "Type the count, 2, to unlock", "y send", "enter cancel")


@pytest.mark.slow
async def test_a_read_that_ends_after_its_screen_was_left_draws_nothing(rig):
    """Without that look an operator who leaves at the wrong moment sees the console crash."""
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("New command   to pump-1")
        left = seen.app.screen
        drawn = []
        left.repaint = lambda: drawn.append(1)
        await left._read_once()
        assert drawn
        drawn.clear()
        await seen.press("escape")
        await seen.shows("Devices   1")
        await left._read_once()
        assert not drawn


@pytest.mark.slow
@pytest.mark.parametrize("clicked", [False, True])
async def test_what_is_pasted_into_fresh_params_takes_their_place(rig, clicked):
    """Without the selection the braces that stand there are left around it: {{"n": 1}}."""
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("New command")
        await seen.press("tab", "tab")
        area = seen.app.screen.focused
        assert isinstance(area, ParamsArea)
        if clicked:
            await seen.pilot.click(area, offset=(1, 0))
        area.post_message(events.Paste('{"n": 1}'))
        await seen.until(lambda: area.text == '{"n": 1}', "took the place of what stood there")
        area.post_message(events.Paste("\n"))
        await seen.until(lambda: area.text == '{"n": 1}\n', "put the second behind the first")
        area.select_all()
        area.post_message(events.Paste("[]"))
        await seen.until(lambda: area.text == "[]", "took the place of what was selected")


async def test_what_is_typed_into_fresh_params_takes_their_place(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("New command")
        await seen.press("tab", "tab")
        area = seen.app.screen.focused
        await seen.type('{"n":2}')
        await seen.until(lambda: area.text == '{"n":2}', "took it as typed")
