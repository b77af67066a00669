"""The dialog before an act: what was begun goes to its end, and only a key that was meant counts."""

import asyncio
import time

import pytest
from textual import events

from console.domain.danger import Typed
from console.errors import DatabaseUnreachableError
from console.limits import DEFAULT_TTL
from console.tables.columns import Cell
from console.tui.screens.dialogs.confirm import Question, ask
from console.tui.screens.dialogs.text import TextDialog


@pytest.fixture
def held(rig, monkeypatch):
    """A database that takes a command only when it is let to; `held.error` is what it says instead."""
    store, gate = rig.program.sender._store, asyncio.Event()
    insert = store.insert

    async def slow(*arguments):
        await gate.wait()
        return await insert(*arguments)

    monkeypatch.setattr(store, "insert", slow)
    return gate


async def _sending(seen):
    await seen.shows("pump-1")
    await seen.press("c")
    await seen.type("ping")
    await seen.shows("Ready.")
    await seen.press("f5")
    await seen.shows("Send ping to pump-1")
    await seen.press("y")
    await seen.shows("Working…")


@pytest.mark.slow
async def test_a_stop_that_is_left_half_way_still_takes_back_what_waits(rig, monkeypatch):
    """Without it q ends the stop between "stopped" and what was to be taken back, and nobody is told."""
    await rig.devices("pump-1", "pump-2", "pump-3")
    table, gate, stop = rig.program.bulk._table, asyncio.Event(), rig.program.bulk._table.stop

    async def slow(*arguments):
        await gate.wait()
        return await stop(*arguments)

    monkeypatch.setattr(table, "stop", slow)
    async with rig.console() as seen:
        await seen.shows("pump-3")
        await seen.press("a", "c")
        await seen.type("ping")
        await seen.shows("Ready.")
        await seen.press("f5", "y")
        await seen.shows("○ 3 waiting")
        await seen.press("x")
        await seen.shows("Stop ping to 3 devices")
        await seen.press("y")
        await seen.shows("Working…")
        await seen.press("q")
        await seen.shows("It is under way and cannot be stopped")
        await seen.press("q")
        await seen.hides("Stop ping to 3 devices")
        gate.set()
        await seen.shows("Stopped: 3 commands cancelled", "⊘ 3 cancelled")


@pytest.mark.slow
async def test_a_send_that_is_left_half_way_is_shown_as_unknown_and_then_as_sent(rig, held):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await _sending(seen)
        await seen.press("escape", "escape")
        await seen.shows("It may be sent already", "tries the same again")
        assert "nothing is sent before that" not in seen.text
        held.set()
        await seen.shows("pump-1 › History", "1 command committed")
        assert await rig.count() == 1


@pytest.mark.slow
async def test_a_send_whose_sheet_is_left_too_is_reported_where_the_operator_is(rig, held):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await _sending(seen)
        await seen.press("escape", "escape", "escape")
        await seen.shows("Devices   1")
        held.set()
        await seen.shows("1 command committed.")
        await seen.press("c")
        await seen.shows("New command   to pump-1", "Not ready")


@pytest.mark.slow
async def test_a_send_that_fails_behind_the_operators_back_is_reported_as_unknown(rig, monkeypatch):
    await rig.devices("pump-1", "pump-2")
    gate = asyncio.Event()

    async def gone(*_):
        await gate.wait()
        raise DatabaseUnreachableError("The database does not answer (gone).")

    monkeypatch.setattr(rig.program.sender._store, "insert", gone)
    async with rig.console() as seen:
        await _sending(seen)
        await seen.press("escape", "escape")
        gate.set()
        await seen.shows("does not answer (gone). Whether it was stored is unknown", "It may be sent already")
        await seen.press("escape", "c")
        await seen.shows("This is your draft from before.", "It may be sent already")
        await seen.press("escape", "down", "c")
        await seen.shows("to pump-2", "The draft you confirmed before may have been sent")


@pytest.mark.slow
async def test_a_batchs_retry_of_unknown_outcome_is_the_same_batch_the_next_time(rig, monkeypatch):
    """Without it r and y after a lost answer sends all of it twice."""
    await rig.devices("pump-1")
    job = rig.program.bulk.job("ping", "{}", DEFAULT_TTL, "bob", device_ids=["pump-1"], target="all")
    await rig.program.bulk.begin("acme", job)
    await rig.program.bulk.run("acme", job)
    await rig.sql.execute("UPDATE device_commands SET status = 'missed', published_at = now()")
    table, begun = rig.program.bulk._table, []
    begin = table.begin

    async def answer_lost(tenant_id, draft, *targets):
        await begin(tenant_id, draft, *targets)
        begun.append(draft.batch_id)
        if len(begun) == 1:
            raise DatabaseUnreachableError("The database does not answer (gone).")

    monkeypatch.setattr(table, "begin", answer_lost)
    async with rig.console() as seen:
        await seen.press("b")
        await seen.shows("Bulk sends   1 bulk send")
        await seen.press("enter")
        await seen.shows("◍ 1 missed")
        for _ in range(2):
            await seen.press("r")
            await seen.shows("Send ping again to pump-1")
            await seen.press("y")
            await seen.until(lambda: begun, "begun")
            if len(begun) == 1:
                await seen.shows("does not answer (gone).")
                await seen.press("escape")
                await seen.hides("Send ping again")
        await seen.shows("retry of", "○ 1 waiting")
    assert len(begun) == 2
    assert len(set(begun)) == 1


@pytest.mark.slow
async def test_the_end_of_an_act_waits_for_what_lies_over_its_dialog(rig, held):
    """Without it the end of the send closes what lies there, and the dialog says Working for ever."""
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await _sending(seen)
        asking = seen.app.screen
        await seen.press("ctrl+p")
        assert seen.app.screen is asking, "a dialog has its own keys"
        over = TextDialog("over it", "text")
        seen.app.push_screen(over)
        held.set()
        await seen.until(lambda: not [w for w in seen.app.workers if w.group == "act"], "sent")
        await seen.pilot.pause()
        assert seen.app.screen is over
        await seen.press("escape")
        await seen.shows("pump-1 › History", "1 command committed")


@pytest.mark.parametrize("typed", ["", "3"])
async def test_a_key_typed_before_the_question_was_there_does_not_count(rig, typed):
    """Without it the second of two quick keys says yes to what nobody has read."""
    done: list[object] = []

    async def act(_):
        done.append(1)
        return "done"

    async with rig.console() as seen:
        early = time.monotonic()
        question = Question(
            "Really?", ((Cell("so"),),), "do it", typed=Typed("the count", typed) if typed else None
        )
        ask(seen.app.screen, question, act, done.append)
        await seen.shows("Really?")
        await seen.pilot.pause()
        for key in (*typed, "y"):
            event = events.Key(key, key)
            event.time = early
            seen.app.post_message(event)
        await seen.shows("typed before this question could be read")
        assert not done
        await seen.press(*typed, "y")
        await seen.until(lambda: done == [1, "done"], "was done")


@pytest.mark.slow
async def test_enter_behind_the_typed_number_tells_how_to_go_on_and_cancels_only_then(rig):
    """Without it the habit of ending a number with enter throws the question away, and the next y goes into the sheet."""
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.type("reboot")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("Type the end of its id, mp-1, to unlock")
        await seen.press("m", "enter")
        await seen.shows("First type mp-1.")
        await seen.press(*"p-1", "enter")
        await seen.hides("Type the end of its id, mp-1, to unlock")
        await seen.shows("New command")
        await seen.press("f5")
        await seen.shows("Type the end of its id, mp-1, to unlock")
        await seen.type("mp-1")
        await seen.press("enter")
        await seen.shows("y confirms, enter again cancels.")
        await seen.press("y")
        await seen.shows("1 command committed")
