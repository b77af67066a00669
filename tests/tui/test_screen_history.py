"""History and detail: live, paged, explained; retry and cancel with their reasons."""

import json
import time

import pytest


async def test_an_ack_in_the_database_appears_without_a_key(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", published=True)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("◔ published")
        await rig.sql.execute(
            "UPDATE device_commands SET status = 'delivered', acked_at = now(),"
            """ ack_details = '{"status": "ok", "details": null}' WHERE command_id = 'cmd-1'"""
        )
        rig.program.feed.tell("acme")
        await seen.shows("● ok")


async def test_the_remaining_ttl_counts_down_by_itself(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", ago_s=10)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("59m 4")
        first = next(line for line in seen.lines if "59m 4" in line)
        await seen.until(lambda: first not in seen.lines, "counted down")


@pytest.mark.slow
async def test_history_pages_without_an_end(rig):
    await rig.devices("pump-1")
    await rig.sql.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, created_at, expires_at)"
        " SELECT 'acme', 'c-' || i, 'pump-1', 'type-' || i, now() - make_interval(secs => i), now()"
        " + interval '1 hour' FROM generate_series(1, 650) i"
    )
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("H")
        await seen.shows("type-1 ", "200 commands so far")
        for wanted in ("400", "600", "650"):
            await seen.press("G")
            await seen.shows(f"{wanted} commands")
        await seen.press("G")
        await seen.shows("type-650")


async def test_the_history_filter_asks_the_server(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", "reboot", "missed", published=True)
    await rig.command("cmd-2", "pump-1", "flush")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("enter", "f")
        await seen.type("missed")
        await seen.hides("flush")
        await seen.shows("◍ missed", "1 match")


async def test_a_waiting_command_is_cancelled_with_y_and_kept_with_enter(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1")
    await rig.take_over("cmd-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("○ waiting")
        await seen.press("x")
        await seen.shows("Cancel ping to pump-1 of acme?")
        await seen.press("enter")
        await seen.hides("Cancel ping to pump-1")
        await seen.press("x")
        await seen.press("y")
        await seen.shows("⊘ cancelled")
        await seen.shows("alice cancelled it before it")


@pytest.mark.slow
async def test_a_cancel_tells_when_the_device_may_have_it_already(rig):
    """Without it an attempt that the broker left unanswered is told as never published."""
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1")
    await rig.take_over("cmd-1")
    await rig.sql.execute(
        "INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome, detail) VALUES ('acme', 'cmd-1', 'attempt',"
        " 1, 'unknown', 'The broker sent no PUBACK within 10 s.')"
    )
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("○ waiting")
        await seen.press("x")
        await seen.shows(
            "Cancel ping to pump-1 of acme?", "not confirmed by the broker", "the device may have it"
        )
        await seen.press("y")
        await seen.shows("it will not be published again", "⊘ cancelled")
        await seen.shows("alice cancelled it before the broker")


async def test_the_cursor_goes_to_what_was_just_sent(rig):
    """Without it the next r or x is for the command that the cursor stood on before."""
    await rig.devices("pump-1")
    await rig.command("old-1", "pump-1", "flush", "missed", ago_s=7_200, published=True)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("▌ ", "◍ missed")
        await seen.press("c")
        await seen.type("blink")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("Send blink to pump-1")
        await seen.press("y")
        await seen.until(
            lambda: any(line.lstrip().startswith("▌") and "blink" in line for line in seen.lines), "moved"
        )


async def test_a_published_command_says_why_it_cannot_be_cancelled_or_retried(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", published=True)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("x cancel")
        await seen.press("x")
        await seen.shows("Cannot cancel: already published.")
        await seen.press("r")
        await seen.shows("Cannot retry: still published")


@pytest.mark.slow
async def test_a_retry_is_a_new_command_linked_to_the_old_one(rig):
    await rig.devices("pump-1")
    await rig.command("old-1", "pump-1", status="missed", published=True, ago_s=7200)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("◍ missed")
        await seen.press("r")
        await seen.shows("Send ping to pump-1 of acme again?", "cannot be recalled")
        await seen.press("y")
        await seen.shows("Sent again as", "○ waiting")
        await seen.press("g")
        await seen.shows("retry of  old-1")
        assert await rig.count() == 2


async def test_an_expired_command_is_explained_without_saying_never_sent(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", status="expired", ago_s=7200)
    await rig.sql.execute(
        "INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome, detail)"
        " VALUES ('acme', 'cmd-1', 'unsent', 3, 'refused', 'quota exceeded')"
    )
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("1 command", "expired")
        await seen.press("enter")
        await seen.shows("No broker confirmed it before the deadline: after 3 attempts")
        assert "never sent" not in seen.text


HOSTILE = "\x1b]52;c;aGk=\x07\x1b[31m\u202e[@click=app.quit]x[/]\x9b2J"


@pytest.mark.slow
async def test_hostile_text_of_a_device_is_shown_harmless_everywhere(rig):
    import json

    await rig.devices(HOSTILE)
    ack = json.dumps({"status": HOSTILE, "details": {"x": HOSTILE}})
    await rig.command("cmd-1", HOSTILE, HOSTILE, "delivered", published=True, ack=ack)
    await rig.sql.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
        " VALUES ('acme', 'malformed ack', $1, $1, $1)",
        HOSTILE,
    )
    async with rig.console(120, 40) as seen:
        await seen.shows("␛]52")
        for keys in ("enter", "enter", "escape", "c", "escape", "escape", "p", "enter", "escape"):
            await seen.press(keys)
            await seen.pilot.pause(0.1)
            assert not any(bad in seen.text for bad in ("\x1b", "\x07", "\u202e", "\x9b"))
        assert seen.app.return_code is None


async def test_problems_are_listed_filtered_and_read_in_full(rig):
    await rig.sql.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, count) VALUES"
        " ('acme', 'forged ack', 'pump-9', 'x', 'an answer for a command of pump-1', 3),"
        " ('acme', 'unknown ack', 'pump-8', 'y', 'no such command', 1)"
    )
    async with rig.console(80, 24) as seen:
        await seen.press("p")
        await seen.shows("! forged ack", "! unknown ack", "pump-9")
        await seen.press("slash")
        await seen.type("forged")
        await seen.hides("unknown ack")
        await seen.press("enter", "enter")
        await seen.shows("an answer for a command of pump-1", "times    3")


async def test_a_command_is_copied_as_id_json_and_shell_line(rig, monkeypatch):
    monkeypatch.delenv("TMUX", raising=False)
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", "reboot")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("○ waiting")
        await seen.press("y")
        await seen.shows("Copied the id: cmd-1")
        assert seen.app.clipboard == "cmd-1"
        await seen.press("Y")
        await seen.until(lambda: '"type": "reboot"' in seen.app.clipboard, "copied JSON")
        await seen.press("C")
        wanted = "device-console --tenant acme send pump-1 reboot --ttl 3600s"
        await seen.until(lambda: seen.app.clipboard == wanted, "copied the shell line")
        seen.app.copy_to_clipboard("something else")
        await seen.press("C")
        await seen.shows("Copied: the shell line", "esc close")
        assert seen.app.clipboard == wanted


@pytest.mark.slow
async def test_all_that_a_detail_shows_can_be_taken_away_and_what_is_not_there_is_refused(rig, monkeypatch):
    monkeypatch.delenv("TMUX", raising=False)
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", "reboot", "delivered", published=True, ack='{"status": "ok"}')
    await rig.command("cmd-2", "pump-1", "reboot")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("y")
        await seen.until(lambda: seen.app.clipboard == "pump-1", "copied the device's id")
        await seen.press("enter", "G")
        for key, wanted in ("D", "pump-1"), ("A", '{"status": "ok"}'), ("S", "The device answered ok"):
            seen.app.copy_to_clipboard("")
            await seen.press(key)
            await seen.until(lambda wanted=wanted: wanted in seen.app.clipboard, f"copied {wanted}")
        await seen.press("g", "A")
        await seen.shows("Cannot copy answer: the device has not answered.")
        await seen.press("ctrl+p")
        await seen.type("copy")
        await seen.shows("copy device id  D", "copy answer  A", "copy explanation  S")


async def test_a_second_copy_copies_whatever_the_clipboard_holds_meanwhile(rig, monkeypatch):
    """Without it y says Copied, and another text is pasted."""
    now = [100.0]
    monkeypatch.setattr("console.tui.screens.clipboard.monotonic", lambda: now[0])
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        for after_s in (0, 60):
            now[0] += after_s
            seen.app.copy_to_clipboard("something else")
            await seen.press("y")
            await seen.until(lambda: seen.app.clipboard == "pump-1", "copied")
            assert "esc close" not in seen.text


async def test_a_problem_of_a_link_has_no_id_to_copy_and_its_instants_are_in_my_zone(rig, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    await rig.sql.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, last_at) VALUES"
        " ('acme', 'unroutable', 'pump-9', '', 'no topic can carry it', '2026-01-01 20:00:00+00')"
    )
    async with rig.console() as seen:
        seen.app.copy_to_clipboard("mine")
        await seen.press("p")
        await seen.shows("unroutable")
        await seen.press("y")
        await seen.shows("Cannot copy id: this problem is not about a command")
        assert seen.app.clipboard == "mine"
        await seen.press("enter")
        await seen.shows("2026-01-01 20:00:00 UTC", "command  none")
        await seen.press("escape", "u", "enter")
        await seen.shows("2026-01-02 05:00:00 JST")
    monkeypatch.delenv("TZ")
    time.tzset()


async def test_marked_devices_share_one_history(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    for place in (1, 2, 3):
        await rig.command(f"cmd-{place}", f"pump-{place}")
    async with rig.console() as seen:
        await seen.shows("pump-3")
        await seen.press("space", "space", "H")
        await seen.shows("2 devices › History", "2 commands")


async def test_the_detail_comes_beside_the_history_when_the_terminal_grows(rig):
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("○ waiting")
        assert "timeline" not in seen.text
        await seen.pilot.resize_terminal(120, 30)
        await seen.shows("timeline (UTC)", "It is committed and waits")


@pytest.mark.slow
async def test_a_filter_that_is_not_open_takes_no_key(rig):
    """Without it a key in the first moment of a screen is typed into a filter that nobody sees, and hides every row."""
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("○ waiting")
        field = seen.app.screen.query_one("#filter")
        assert not field.can_focus
        await seen.press("slash")
        await seen.type("ping")
        await seen.shows("/ ping", "1 match")
        assert field.has_focus


@pytest.mark.slow
async def test_progress_and_a_later_answer_are_shown_in_the_list_and_reported(rig):
    """Without them, a device at work looks silent, and an ok behind a failure is only among the problems."""
    await rig.devices("pump-1", "pump-2")
    await rig.command("cmd-1", "pump-1", published=True)
    await rig.command(
        "cmd-2", "pump-2", status="delivered", published=True, ack='{"status": "error", "details": null}'
    )
    entry = (
        "INSERT INTO device_console.journal (tenant_id, command_id, kind, detail) VALUES ('acme', $1, $2, $3)"
    )
    await rig.sql.execute(entry, "cmd-1", "progress", '{"status":"downloading","details":{"percent":40}}')
    await rig.sql.execute(entry, "cmd-2", "conflict", '{"status":"ok","details":null}')
    async with rig.console() as seen:
        await seen.shows("◑ in progress", "✕ failed, then ok")
        await seen.press("H")
        await seen.shows("◑ in progress", "✕ failed, then ok", "◑ 1 in progress")
        await seen.press("/")
        await seen.type("phase:in_progress")
        await seen.press("enter")
        await seen.shows("◑ in progress")
        await seen.hides("✕ failed")
        await seen.press("e")
        await seen.shows("“downloading”", '"percent":40')


async def test_a_command_that_is_deleted_while_it_is_open_leaves_a_sentence(rig):
    """Without it, an empty screen looks like a fault of the terminal."""
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1", "reboot", "missed", published=True)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("◍ missed")
        await seen.press("enter")
        await seen.shows("Command › Detail", "reboot")
        await rig.sql.execute("DELETE FROM device_commands")
        rig.program.feed.tell("acme")
        await seen.shows("This command has been deleted meanwhile. Press esc to go back.")
        await seen.press("escape")
        await seen.hides("reboot")


async def test_a_command_far_down_that_is_deleted_leaves_the_list(rig):
    """Without it, a row stands there that cannot be opened."""
    await rig.devices("pump-1")
    await rig.sql.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, created_at, expires_at)"
        " SELECT 'acme', 'c-' || i, 'pump-1', 'type-' || i, now() - make_interval(secs => i), now()"
        " + interval '1 hour' FROM generate_series(1, 250) i"
    )
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("H")
        await seen.shows("type-1 ", "200 commands so far")
        await seen.press("G")
        await seen.shows("250 commands")
        await seen.press("G")
        await seen.shows("type-250", "type-249")
        await rig.sql.execute("DELETE FROM device_commands WHERE command_id = 'c-249'")
        rig.program.feed.tell("acme")
        await seen.hides("type-249")
        assert "type-250" in str(seen.lines)


async def _flushes(rig):
    """Eight flushes of one pump, of which the third and the sixth from the newest on failed; another pump's ok."""
    await rig.devices("pump-1", "pump-2")
    for number in range(8):
        bad = number in {2, 5}
        ack = (
            {"status": "error", "details": {"code": "busy"}}
            if bad
            else {"status": "ok", "details": {"kb": 212}}
        )
        await rig.command(
            f"c-{number}",
            "pump-1",
            "flush",
            "delivered",
            ago_s=60 * (number + 1),
            published=True,
            ack=json.dumps(ack),
        )
    await rig.sql.execute(
        "UPDATE device_commands SET command_params = jsonb_build_object('max_kb', CASE command_id WHEN 'c-2' THEN 1024 ELSE 256 END)"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15)])
async def test_the_strip_shows_what_failed_and_n_goes_there(rig, width, height):
    """Without it, what failed is looked for page by page."""
    await _flushes(rig)
    async with rig.console(width, height) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("pump-1 › History", "●●✕●●✕●●")
        await seen.press("n")
        assert seen.app.screen.chosen.command_id == "c-2"
        await seen.press("n")
        assert seen.app.screen.chosen.command_id == "c-5"
        await seen.press("n")
        await seen.shows("No older command failed")
        assert seen.app.screen.chosen.command_id == "c-5"
        await seen.press("N")
        assert seen.app.screen.chosen.command_id == "c-2"
        if height == 24:
            mark = next(line for line in seen.lines if "▴3m" in line)
            strip = next(line for line in seen.lines if "●●✕" in line)
            assert strip[mark.index("▴")] == "✕", "the mark stands below the command under the cursor"


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15)])
async def test_two_commands_are_compared_with_the_last_ok_or_with_the_marked_one(rig, width, height):
    """Without it, what was different this time is found by reading two answers in turn."""
    await _flushes(rig)
    async with rig.console(width, height) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("pump-1 › History", "✕ failed")
        await seen.press("n", "d")
        await seen.shows(
            "pump-1 › Compare   with the last flush before it", "4m ago", "3m ago", "● ok", "✕ failed"
        )
        lines = [line.rstrip("▕█ ").split() for line in seen.lines]  # without the scroll bar
        assert ["params", "max_kb", "256", "1024", "←"] in lines
        assert ["code", "–", "busy", "←"] in lines
        assert (
            "attempts"
            not in seen.text.replace("of type, device, ttl", "")
            .split("= shows all")[0]
            .split("values the same")[0]
        )
        await seen.press("=")
        await seen.shows("device")
        await seen.press("escape", "G", "space", "g", "d")
        await seen.shows("with the marked command", "8m ago", "1m ago", "Nothing differs")
        await seen.press("escape", "escape")
        await seen.shows("pump-1 › History")
        assert seen.app.screen.marked is None, "esc first unmarks"


@pytest.mark.slow
async def test_a_comparison_without_a_second_command_says_what_to_do(rig):
    await rig.devices("pump-1")
    await rig.command("c-1", "pump-1", "flush", "missed", published=True)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("◍ missed")
        await seen.press("d")
        await seen.shows("No earlier flush to this device ended ok: mark another with space.")
        await rig.command(
            "c-0", "pump-1", "flush", "delivered", ago_s=90, published=True, ack='{"status": "ok"}'
        )
        await seen.press("d")
        await seen.shows("Compare   with the last flush")
        await rig.sql.execute("DELETE FROM device_commands WHERE command_id = 'c-0'")
        rig.program.feed.tell("acme")
        await seen.shows("One of the two commands does not exist any more.")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
async def test_a_detail_shows_those_like_it_and_the_brackets_walk_through_the_device(rig, width, height):
    """Without it, whether a device is slow today is found by opening one command after another."""
    await _flushes(rig)
    await rig.command(
        "c-old", "pump-1", "ping", "delivered", ago_s=3_600, published=True, ack='{"status": "ok"}'
    )
    await rig.command("other", "pump-2", "flush", "missed", ago_s=30, published=True)
    await rig.sql.execute(
        "UPDATE device_commands SET acked_at = published_at + interval '0.3 s' WHERE acked_at IS NOT NULL"
    )
    await rig.sql.execute(
        "UPDATE device_commands SET acked_at = published_at + interval '9 s' WHERE command_id = 'c-0'"
    )
    async with rig.console(width, height) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("pump-1 › History")
        await seen.press("enter")
        await seen.shows(
            "like it   2m ago ● ok 0.30s", "3m ago ✕ failed busy", "usually   within", "this one took"
        )
        await seen.press("]")
        await seen.shows("it is the newest command of the device")
        for command_id in ("c-1", "c-2", "c-3", "c-4", "c-5", "c-6", "c-7", "c-old"):
            await seen.press("[")
            await seen.shows(command_id)
            await seen.until(lambda: seen.app.screen._around is not None, "looked around")
        await seen.hides("like it")
        await seen.press("[")
        await seen.shows("it is the oldest command of the device")
        await seen.press("]")
        await seen.shows("c-7")
        await seen.until(lambda: seen.app.screen._around is not None, "looked around")
        await seen.press("d")
        await seen.shows("No earlier flush to this device ended ok")
        await seen.press("]")
        await seen.shows("c-6")
        await seen.until(lambda: seen.app.screen._around is not None, "looked around")
        await seen.press("d")
        await seen.shows("pump-1 › Compare   with the last flush", "Nothing differs")
