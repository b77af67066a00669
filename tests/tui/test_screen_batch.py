"""Sending to many: preview, typed count, progress, groups of equal answers, stop, retry, export, and the way back."""

import asyncio
import json

import pytest

from console.errors import DatabaseUnreachableError
from console.limits import DEFAULT_TTL
from console.services.favourites import Favourites, Saved


async def _to_all(seen, kind="ping", count=3):
    await seen.shows(f"pump-{count}")
    await seen.press("a", "c")
    await seen.shows(f"to {count} devices")
    await seen.type(kind)
    await seen.shows("Ready.")
    await seen.press("f5")
    await seen.shows(f"Send {kind} to {count} devices of acme?")


async def _answered(rig, device, status, details):
    await rig.sql.execute(
        "UPDATE device_commands SET status = 'delivered', published_at = now(), acked_at = now(), ack_details = $2"
        " WHERE device_id = $1",
        device, json.dumps({"status": status, "details": details}),
    )  # fmt: skip
    rig.program.feed.tell("acme")


@pytest.mark.slow
async def test_a_bulk_send_shows_its_progress_and_groups_equal_answers(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("ping to 3 devices", "0 of 3 ended", "○ 3 waiting")
        await _answered(rig, "pump-1", "ok", {"fw": "1.4"})
        await _answered(rig, "pump-2", "ok", {"fw": "1.4"})
        await _answered(rig, "pump-3", "error", {"code": "busy"})
        await seen.shows("3 of 3 ended", "● 2 ok", "✕ 1 failed", "STATUS", "FW", "CODE", "pump-1, pump-2")
        await seen.press("escape", "b")
        await seen.shows("Bulk sends   1 bulk send", "all 3 devices", "● 2 ✕ 1", "✓ done")
        await seen.press("enter")
        await seen.shows("3 of 3 ended")


@pytest.mark.slow
async def test_who_got_a_command_is_not_marked_for_the_next_one(rig):
    """Without it, the next command goes to them once more."""
    await rig.devices("pump-1", "pump-2", "pump-3")
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("○ 3 waiting")
        await seen.press("escape")
        await seen.shows("Devices   3", "c compose")
        assert seen.app.screen.marks.keys == frozenset()


@pytest.mark.slow
async def test_a_group_is_the_next_target_and_its_commands_are_one_key_away(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("○ 3 waiting")
        for pump in ("pump-1", "pump-3"):
            await _answered(rig, pump, "ok", {})
        await seen.shows("● 2 ok")
        await seen.press("g", "enter")
        await seen.shows(": ping ok › History", "batch:", "phase:ok", "2 match")
        await seen.press("escape")
        await seen.shows("2 of 3 ended")
        await seen.press("c")
        await seen.shows("New command   to 2 devices", "pump-1", "pump-3")


@pytest.mark.slow
async def test_a_stop_takes_back_what_waits_and_only_failures_are_retried(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("○ 3 waiting")
        await _answered(rig, "pump-1", "error", {})
        await seen.shows("✕ 1 failed")
        await seen.press("x")
        await seen.shows("Stop ping to 3 devices of acme?")
        await seen.press("y")
        await seen.shows("2 commands cancelled before", "⊘ 2 cancelled", "stopped by alice")
        await seen.press("r")
        await seen.shows("Send ping again to pump-1 of acme?", "Only to those that failed")
        await seen.press("y")
        await seen.shows("ping to 1 device", "retry of")
        assert await rig.count() == 4


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15)])
async def test_who_got_nothing_is_named_and_is_the_next_target(rig, width, height):
    """Without it 185 of 240 got nothing, and nobody can say which."""
    names = [f"pump-{number}" for number in range(1, 8)]
    await rig.devices(*names)
    job = rig.program.bulk.job("ping", "{}", DEFAULT_TTL, "bob", device_ids=[*names, "gone"], target="all")
    await rig.program.bulk.begin("acme", job)
    await rig.program.bulk._table.insert("acme", job.draft, ["pump-2"], [None])
    await rig.program.bulk.stop("acme", job.draft.batch_id, "bob")
    async with rig.console(width, height) as seen:
        await seen.shows("pump-7")
        await seen.press("b")
        await seen.shows("⊘ 1 · 7", "⊘ stopped by bob")
        await seen.press("enter")
        await seen.shows("8 got nothing: pump-1, pump-3, pump-4", "· stopped", "· refused")
        await seen.press("j", "enter")
        await seen.shows("6 devices got nothing: it was stopped before their turn", *names[2:5])
        await seen.press("escape", "j", "c")
        await seen.shows("they cannot be sent to")
        await seen.press("k", "c")
        await seen.shows("New command   to 6 devices")


@pytest.mark.slow
async def test_the_list_of_bulk_sends_is_counted_where_it_is_seen(rig):
    """Without the window a list of any length counts what nobody looks at."""
    await rig.devices("pump-1")
    for number in range(40):
        job = rig.program.bulk.job(
            "ping", "{}", DEFAULT_TTL, "bob", device_ids=["pump-1"], target=f"n {number}"
        )
        await rig.program.bulk.begin("acme", job)
        await rig.program.bulk.run("acme", job)
    counted = []
    outcomes = rig.program.bulk._table.outcomes

    async def count(tenant_id, batch_ids):
        counted.extend(batch_ids)
        return await outcomes(tenant_id, batch_ids)

    rig.program.bulk._table.outcomes = count
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("b")
        await seen.shows("40 bulk sends", "◔ running, 1 open")
        await seen.hides("…  ")
        assert len(set(counted)) < 30
        await seen.press("G")
        await seen.shows("n 0")
        await seen.hides("…  ")
        assert len(set(counted)) > 30


@pytest.mark.slow
async def test_the_rest_of_a_batch_is_sent_on_request(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    job = rig.program.bulk.job(
        "ping", "{}", DEFAULT_TTL, "bob", device_ids=["pump-1", "pump-2", "pump-3"], target="all"
    )
    await rig.program.bulk.begin("acme", job)
    await rig.program.bulk._table.insert("acme", job.draft, ["pump-2"], [None])  # and here bob's console dies
    async with rig.console() as seen:
        await seen.shows("pump-3")
        await seen.press("b")
        await seen.shows("Bulk sends   1 bulk send")
        await seen.press("enter")
        await seen.shows("○ 1 waiting", "2 without a command: R sends to them")
        await seen.press("R")
        await seen.shows("Send the rest: ping to 2 devices of acme?", "pump-1, pump-3", "ttl 1h")
        await seen.press("y")
        await seen.shows("○ 3 waiting")
        await seen.hides("without a command")
        await seen.press("R")
        await seen.shows("Cannot send the rest: nothing is left to send.")
        assert await rig.count() == 3


async def test_the_rest_is_offered_without_those_that_cannot_be_sent_to(rig):
    """Without it R promises a command to a device that is gone, each time anew."""
    await rig.devices("pump-1", "pump-2", "pump-3")
    job = rig.program.bulk.job(
        "ping", "{}", DEFAULT_TTL, "bob", device_ids=["pump-1", "pump-2", "pump-3"], target="all"
    )
    await rig.program.bulk.begin("acme", job)
    await rig.program.bulk._table.insert("acme", job.draft, ["pump-2"], [None])
    await rig.sql.execute("UPDATE device_registry SET decommissioned_at = now() WHERE device_id = 'pump-3'")
    async with rig.console() as seen:
        await seen.shows("pump-2", "1 decommissioned hidden")
        await seen.press("b")
        await seen.shows("Bulk sends   1 bulk send")
        await seen.press("enter")
        await seen.shows("1 cannot be sent to   1 without a command: R sends to them")
        await seen.press("R")
        await seen.shows("Send the rest: ping to pump-1 of acme?")
        await seen.press("y")
        await seen.shows("○ 2 waiting", "1 cannot be sent to")
        await seen.hides("without a command")


@pytest.mark.slow
async def test_a_group_shows_its_very_commands_and_esc_leads_back_to_the_batch(rig):
    """Without it all that failed alike or not is shown, and the next esc shows the tenant's, ready for an r."""
    await rig.devices("pump-1", "pump-2", "pump-3", "pump-4")
    everyone = ["pump-1", "pump-2", "pump-3"]
    job = rig.program.bulk.job("ping", "{}", DEFAULT_TTL, "bob", device_ids=everyone, target="all")
    await rig.program.bulk.begin("acme", job)
    await rig.program.bulk.run("acme", job)
    await rig.command("other", "pump-4", "reboot")
    for device, code in (("pump-1", "busy"), ("pump-2", "busy"), ("pump-3", "low_battery")):
        await rig.sql.execute(
            "UPDATE device_commands SET status = 'delivered', published_at = now(), acked_at = now(), ack_details = $2"
            " WHERE device_id = $1",
            device, json.dumps({"status": "error", "details": {"code": code}}),
        )  # fmt: skip
    async with rig.console() as seen:
        await seen.shows("pump-4")
        await seen.press("b")
        await seen.shows("Bulk sends   1 bulk send")
        await seen.press("enter")
        await seen.shows("low_battery", "busy")
        await seen.press("j", "enter")
        await seen.shows(f"Bulk send {job.draft.batch_id[:8]}: ping failed › History", "1 match", "pump-3")
        await seen.press("slash")
        await seen.type(" nothing")
        await seen.press("enter")
        await seen.shows("No command matches the filter.")
        await seen.press("escape")
        await seen.shows("1 match", "pump-3")
        await seen.press("w")
        await seen.shows("Export", f"batch-{job.draft.batch_id[:8]}-")
        await seen.press("escape", "slash", "ctrl+u", "enter")
        await seen.shows("pump-3 › History", "DEVICE")
        await seen.hides("ping failed › History")
        await seen.press("escape")
        await seen.shows("low_battery", "busy", "3 of 3 ended")


@pytest.mark.slow
async def test_what_is_sent_from_a_filtered_history_is_seen(rig):
    """Without a history of its own the new command is hidden by the filter, and r is for the old one."""
    await rig.devices("pump-1")
    await rig.command("old-1", "pump-1", "flush", "missed", ago_s=7_200, published=True)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter", "slash")
        await seen.type("phase:missed")
        await seen.press("enter")
        await seen.shows("1 match")
        await seen.press("c")
        await seen.type("blink")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("Send blink to pump-1")
        await seen.press("y")
        await seen.until(
            lambda: any(line.lstrip().startswith("▌") and "blink" in line for line in seen.lines), "moved"
        )
        await seen.press("escape")
        await seen.shows("1 match", "phase:missed")


@pytest.mark.slow
async def test_the_preview_tells_what_is_in_flight_and_who_gets_nothing(rig):
    await rig.devices("pump-1", "pump-2", "pump-3")
    await rig.devices("pump-4", link="OFFLINE")
    await rig.command("old", "pump-1", "reboot", ago_s=12)
    async with rig.console() as seen:
        await seen.shows("pump-4")
        await seen.press("a", "c")
        await seen.shows("New command   to 4 devices")
        await rig.sql.execute(
            "UPDATE device_registry SET decommissioned_at = now() WHERE device_id = 'pump-2'"
        )
        await seen.type("reboot")
        await seen.shows(
            "● 2 online, ○ 1 offline (pump-4)",
            "1 gets nothing: not registered",
            "In flight already to 1 device",
        )
        await seen.press("f5")
        await seen.shows(
            "3 devices get it once a dispatcher runs",
            "○ 1 offline (pump-4): the one offline misses it",
            "! 1 gets nothing: not registered, decommissioned",
            "reboot by",
            "Type the count, 4, to unlock",
        )
        await seen.press("4", "y")
        await seen.shows("reboot to 4 devices", "○ 3 waiting", "1 cannot be sent to")
        await seen.press("R")
        await seen.shows("Cannot send the rest: the 1 without a command cannot be sent to.")


@pytest.mark.slow
async def test_an_unknown_outcome_is_begun_again_as_the_same_batch(rig, monkeypatch):
    await rig.devices("pump-1", "pump-2", "pump-3")
    table = rig.program.bulk._table
    begin, calls = table.begin, []

    async def answer_lost(tenant_id, draft, *targets):
        await begin(tenant_id, draft, *targets)
        calls.append(draft.batch_id)
        if len(calls) == 1:
            raise DatabaseUnreachableError("The database does not answer (gone).")

    monkeypatch.setattr(table, "begin", answer_lost)
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("does not answer", "nothing is done twice")
        await seen.press("escape", "f5")
        await seen.shows("Send ping to 3")
        await seen.press("y")
        await seen.shows("○ 3 waiting")
        assert len(calls) == 2
        assert len(set(calls)) == 1
        assert await rig.count() == 3


@pytest.mark.slow
async def test_leaving_in_the_middle_of_a_bulk_send_asks_once(rig, monkeypatch):
    await rig.devices("pump-1", "pump-2", "pump-3")
    table, go = rig.program.bulk._table, asyncio.Event()
    insert = table.insert

    async def slow(*arguments):
        await go.wait()
        return await insert(*arguments)

    monkeypatch.setattr(table, "insert", slow)
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("sending 0 of 3")
        await seen.press("q")
        await seen.shows("Still sending 0 of 3: q again quits, and R on its screen sends the rest later.")
        go.set()
        await seen.shows("○ 3 waiting")


@pytest.mark.slow
async def test_ctrl_q_and_ctrl_c_warn_of_what_is_under_way_too(rig, monkeypatch):
    """Without it ctrl+q breaks a bulk send off without a word."""
    await rig.devices("pump-1", "pump-2", "pump-3")
    table, go = rig.program.bulk._table, asyncio.Event()
    begin = table.begin

    async def slow(*arguments):
        await go.wait()
        return await begin(*arguments)

    monkeypatch.setattr(table, "begin", slow)
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("Working…")
        await seen.press("ctrl+q")
        await seen.shows("What you confirmed is still under way: ctrl+q again quits")
        go.set()
        await seen.shows("○ 3 waiting")
        await seen.press("ctrl+c")
        await seen.shows("ctrl+q leaves the console, ctrl+z suspends it")
        await seen.press("ctrl+q")
        await seen.until(lambda: seen.app.return_code == 0, "left")


@pytest.mark.slow
async def test_a_whole_filtered_history_is_exported_and_no_file_is_overwritten(rig, tmp_path):
    await rig.devices("pump-1")
    for number in range(5):
        await rig.command(f"c{number}", "pump-1", "ping" if number else "reboot")
    path = tmp_path / "out.jsonl"
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("H", "slash")
        await seen.type("type:ping")
        await seen.press("enter", "w")
        await seen.shows("Export all that matches type:ping")
        seen.app.screen.focused.value = str(tmp_path / "out.txt")  # typing forty keys twice takes long
        await seen.press("enter")
        await seen.shows("must end in .csv, .json or .jsonl")
        seen.app.screen.focused.value = str(path)
        await seen.press("enter")
        await seen.shows("4 commands written to")
        assert {json.loads(line)["command_id"] for line in path.read_text().splitlines()} == {
            f"c{n}" for n in range(1, 5)
        }
        before = path.read_bytes()
        await seen.press("w")
        seen.app.screen.focused.value = str(path)
        await seen.press("enter")
        await seen.shows("That file exists")
        assert path.read_bytes() == before


async def test_recent_commands_and_favourites_fill_the_sheet(rig, tmp_path):
    from dataclasses import replace

    rig.program = replace(rig.program, favourites=Favourites(tmp_path / "mine" / "favourites.json"))
    await rig.devices("pump-1")
    await rig.command("old", "pump-1", "flush_buffer")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.type("ping")
        await seen.press("f6")
        await seen.shows("Added to the favourites")
        await seen.press("f7")
        await seen.shows("Recent commands and favourites", "★", "flush_buffer")
        await seen.press("j", "enter")
        await seen.hides("Recent commands and favourites")
        await seen.until(lambda: seen.app.screen.fields.type.value == "flush_buffer", "was filled in")
    assert rig.program.favourites.load("acme") == (Saved("ping", "{}", "1h"),)
    assert rig.program.favourites.load("globex") == ()


@pytest.mark.slow
async def test_a_command_is_edited_and_sent_again_beside_the_draft(rig):
    await rig.devices("pump-1")
    await rig.command("old", "pump-1", "flush_buffer", "missed", published=True)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.type("half a dra")
        await seen.press("escape")
        await seen.press("enter", "E")
        await seen.shows("New command", "flush_buffer", "Ready.")
        await seen.press("f5")
        await seen.shows("Send flush_buffer to pump-1")
        await seen.press("y")
        await seen.shows("1 command committed")
        await seen.press("c")
        await seen.shows("New command", "half a dra")


async def test_the_operators_own_editor_changes_the_params_and_a_failing_one_does_not(
    rig, tmp_path, monkeypatch
):
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf \'{"delay_s": 5}\' > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setattr("textual.app.App.suspend", _no_suspend)
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c", "f4")
        await seen.until(lambda: seen.app.screen.fields.params.text == '{"delay_s": 5}', "took the text")
        editor.write_text('#!/bin/sh\nprintf x > "$1"; exit 3\n')
        await seen.press("f4")
        await seen.shows("Not edited", "ended with 3")
        assert seen.app.screen.fields.params.text == '{"delay_s": 5}'
        monkeypatch.setenv("EDITOR", "/no/such/editor")
        await seen.press("f4")
        await seen.shows("the editor '/no/such/editor' was not found")


def _no_suspend(app):
    """A test has no terminal to lend."""
    from contextlib import nullcontext

    del app
    return nullcontext()


async def test_a_bulk_send_that_is_deleted_while_it_is_open_leaves_a_sentence(rig):
    """Without it, its last state stands there as if it still were so."""
    await rig.devices("pump-1", "pump-2", "pump-3")
    async with rig.console() as seen:
        await _to_all(seen)
        await seen.press("y")
        await seen.shows("○ 3 waiting")
        for table in ("device_console.batch_members", "device_console.batches"):
            await rig.sql.execute(f"DELETE FROM {table}")
        rig.program.feed.tell("acme")
        await seen.shows("This bulk send does not exist any more. Press esc to go back.")
        await seen.hides("○ 3 waiting")
