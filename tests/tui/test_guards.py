"""What stands between a key and many devices: the same question before every send, and no target that lies."""

import asyncio
import json

import pytest

from console.errors import BrokerUnreachableError, Cause
from console.limits import DEFAULT_TTL


async def _settled_batch(rig, kind, answered=()):
    """A batch of bob's to three pumps, of which those failed; the others got nothing."""
    ids = ["pump-1", "pump-2", "pump-3"]
    job = rig.program.bulk.job(kind, "{}", DEFAULT_TTL, "bob", device_ids=ids, target="all")
    await rig.program.bulk.begin("acme", job)
    await rig.program.bulk._table.insert("acme", job.draft, list(answered), [None] * len(answered))
    await rig.sql.execute(
        "UPDATE device_commands SET status = 'delivered', published_at = now(), acked_at = now(), ack_details = $1",
        json.dumps({"status": "error"}),
    )


async def _compose(seen):
    await seen.press("c")
    await seen.type("reboot")
    await seen.shows("Ready.")
    await seen.press("f5")


async def _retry(seen):
    await seen.press("enter")
    await seen.shows("◍ missed")
    await seen.press("G", "r")


async def _batch(seen, key):
    await seen.press("b")
    await seen.shows("Bulk sends   1 bulk send")
    await seen.press("enter")
    await seen.shows("✕ 1 failed")
    await seen.press(key)


async def _retry_batch(seen):
    await _batch(seen, "r")


async def _resume(seen):
    await _batch(seen, "R")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asks", "whom", "typed", "count"),
    [
        (_compose, "pump-1", "the end of its id, mp-1", 1),
        (_retry, "pump-1", "the end of its id, mp-1", 1),
        (_retry_batch, "pump-1", "the end of its id, mp-1", 1),
        (_resume, "2 devices", "the count, 2", 2),
    ],
)
async def test_every_way_to_send_a_dangerous_type_tells_all_and_wants_something_typed(
    rig, asks, whom, typed, count
):
    """Without one place that asks, r and y reboot at once what compose would not."""
    await rig.devices("pump-1", "pump-2", "pump-3", link="OFFLINE")
    if asks in {_retry_batch, _resume}:
        await _settled_batch(rig, "reboot", ["pump-1"])
    await rig.command("old", "pump-1", "reboot", "missed", published=True, ago_s=7_200)
    for pump in ("pump-1", "pump-3"):
        await rig.command(f"open-{pump}", pump, "set_interval", ago_s=12)
    rig.program.health.broker_down(BrokerUnreachableError(cause=Cause.REFUSED), 3)
    before = await rig.count()
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-3")
        await asks(seen)
        await seen.shows(
            "reboot", f"{whom} of acme", "ttl 1h", "offline", "set_interval by bob, ", "The broker is down",
            "reboot interrupts or changes the device", "cannot be recalled", f"Type {typed}, to unlock",
        )  # fmt: skip
        await seen.press("y")
        await seen.shows(f"First type {typed.rpartition(', ')[2]}.")
        assert await rig.count() == before
        await seen.press(*typed.rpartition(", ")[2], "y")
        await seen.hides("to unlock")
        await seen.until(lambda: not [w for w in seen.app.workers if w.group != "feed"], "was sent")
    assert await rig.count() == before + count


@pytest.mark.slow
async def test_a_filter_that_says_more_than_it_does_marks_nothing(rig):
    """Without it a typo widens a bulk send, and the record names a filter that was never applied."""
    await rig.devices("pump-1")
    await rig.devices("pump-2", link="OFFLINE")
    async with rig.console() as seen:
        await seen.shows("pump-2")
        await seen.press("slash")
        await seen.type("site:lyon -status:ofline")
        await seen.press("enter")
        await seen.shows("2 of 2")
        await seen.press("a")
        await seen.shows("Cannot mark all: a part of the filter is not applied: status: is one of online")
        assert "marked" not in seen.text
        await seen.press("space", "space", "c")
        await seen.shows("to 2 devices")
        assert seen.app.screen.flow.target == "2 marked devices"
        assert seen.app.screen.where == "device:pump-1,pump-2"


@pytest.mark.slow
async def test_the_shell_line_of_a_filtered_send_names_the_filter_or_says_that_it_cannot(rig):
    await rig.devices(*(f"pump-{number:03}" for number in range(300)))
    async with rig.console() as seen:
        await seen.shows("pump-001")
        await seen.press("slash")
        await seen.type("site:lyon")
        await seen.press("enter")
        await seen.shows("300 of 300")
        await seen.press("a", "c")
        await seen.shows("to 300 devices")
        await seen.type("ping")
        await seen.press("f8")
        wanted = "device-console --tenant acme send --where site:lyon ping --ttl 3600s --yes"
        await seen.until(lambda: seen.app.clipboard == wanted, "copied the line")
        await seen.press("escape", "space", "c")
        await seen.shows("to 299 devices")
        await seen.type("ping")
        await seen.press("f8")
        await seen.shows("Cannot copy shell line: a shell line cannot name so many")


async def test_a_line_that_could_not_be_sent_is_not_copied(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c", "f8")
        await seen.shows("Cannot copy shell line: ")
        assert seen.app.clipboard == ""


async def test_nothing_is_exported_under_a_filter_that_says_more_than_it_does(rig):
    """Without it a typo writes all there is into a file that is named after a part."""
    await rig.devices("pump-1")
    await rig.command("cmd-1", "pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("H", "slash")
        await seen.type("phase:mised")
        await seen.press("enter", "w")
        await seen.shows("Cannot export: a part of the filter is not applied: phase: is one of")


async def test_a_question_that_comes_late_is_not_put_over_something_else(rig, monkeypatch):
    """Without it a dialog opens under the keys for another one."""
    await rig.devices("pump-1")
    await rig.command("old", "pump-1", "ping", "missed", published=True)
    bulk, gate, asked = rig.program.bulk, asyncio.Event(), asyncio.Event()
    preview = bulk.preview

    async def slow(*arguments):
        asked.set()
        await gate.wait()
        return await preview(*arguments)

    monkeypatch.setattr(bulk, "preview", slow)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("◍ missed")
        await seen.press("r")
        await asked.wait()
        await seen.press("question_mark")
        await seen.shows("Keys")
        gate.set()
        await seen.until(lambda: not [w for w in seen.app.workers if w.group == "ask"], "looked up")
        await seen.press("escape")
        await seen.shows("The question was not shown, because another screen was opened")
        assert "Send ping" not in seen.text
