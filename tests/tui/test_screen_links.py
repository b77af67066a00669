"""When something is down: a sentence, no crash, no lost work."""

import asyncio
from dataclasses import replace

import pytest

from console.errors import BrokerUnreachableError, Cause, DatabaseUnreachableError
from console.runtime.preferences import Preferences
from console.services.feed import Feed
from console.tui.application.bridge import carry


async def test_a_broker_that_is_down_is_reported_in_one_sentence(rig):
    await rig.devices("pump-1")
    await rig.program.sender.send("acme", [rig.program.sender.draft("pump-1", "ping")])
    rig.program.health.broker_down(BrokerUnreachableError(cause=Cause.REFUSED), 3)
    async with rig.console() as seen:
        await seen.shows("mqtt DOWN", "Broker unreachable: connection refused.", "1 command waits")
        rig.program.health.broker_up(detail="v5")
        await seen.hides("Broker unreachable")


@pytest.mark.slow
async def test_a_database_that_is_down_blocks_sending_but_not_composing(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        rig.program.health.database_down(DatabaseUnreachableError(cause=Cause.REFUSED), 3)
        await seen.shows("pg DOWN", "sending is blocked", "pump-1")
        await seen.press("c")
        await seen.type("ping")
        await seen.shows("the database is down")


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_no_row_moves_when_a_link_goes_down_and_comes_back(rig, size):
    await rig.devices("pump-1")
    async with rig.console(*size) as seen:
        await seen.shows("pump-1")
        before = next(n for n, line in enumerate(seen.lines) if "pump-1" in line)
        rig.program.health.broker_down(BrokerUnreachableError(cause=Cause.REFUSED), 3)
        await seen.shows("Broker unreachable: connection refused.")
        assert "pump-1" in seen.lines[before]
        rig.program.health.broker_up(detail="v5")
        await seen.hides("Broker unreachable")
        assert "pump-1" in seen.lines[before]


async def test_offers_go_when_the_filter_is_left(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("slash")
        await seen.type("site:ly")
        await seen.shows("tab takes the first")
        await seen.press("enter")
        await seen.hides("tab takes the first")


async def test_a_failed_read_is_reported_and_tried_again_by_itself(rig, monkeypatch):
    await rig.devices("pump-1")
    history, broken = rig.program.history, True
    counts = history.device_counts

    async def flaky(tenant_id):
        if broken:
            raise DatabaseUnreachableError("The database does not answer (gone).")
        return await counts(tenant_id)

    async with rig.console() as seen:
        await seen.shows("pump-1")
        monkeypatch.setattr(history, "device_counts", flaky)
        rig.program.feed.tell(None)
        await seen.shows("The database does not answer (gone).", "pump-1")
        broken = False
        await seen.hides("The database does not answer")


async def test_the_header_names_the_sweep_and_the_demo(rig):
    rig.program = replace(rig.program, demo=True)
    rig.program.health.sweep = "elsewhere"
    async with rig.console(80, 24) as seen:
        await seen.shows("sweep elsewhere", "DEMO")


async def test_the_first_hint_is_carried_at_once_and_a_storm_becomes_one_message():
    feed, posted = Feed(), []
    arrived = {1: asyncio.Event(), 2: asyncio.Event()}

    def post(message):
        posted.append(message)
        arrived[len(posted)].set()

    task = asyncio.create_task(carry(feed, post, quiet_s=0.05))
    await asyncio.sleep(0)
    feed.tell("acme")
    await asyncio.wait_for(arrived[1].wait(), 1)
    for _ in range(1_000):
        feed.tell("acme")
        feed.tell("globex")
    await asyncio.wait_for(arrived[2].wait(), 1)
    task.cancel()
    assert len(posted) == 2
    assert posted[1].concerns("globex")


async def test_pauses_between_messages_grow_while_hints_keep_coming(monkeypatch):
    """Without it, every change would wait a tenth of a second behind its own second hint."""
    feed, pauses, ended = Feed(), [], asyncio.Event()

    async def sleep(seconds):
        pauses.append(round(seconds, 3))
        if len(pauses) <= 5:
            feed.tell("acme")
        if len(pauses) == 6:
            asyncio.get_running_loop().call_soon(feed.tell, "acme")
        if len(pauses) == 7:
            ended.set()

    monkeypatch.setattr("console.tui.application.bridge.asyncio.sleep", sleep)
    task = asyncio.create_task(carry(feed, lambda _: None, quick_s=0.03, quiet_s=0.1))
    feed.tell("acme")
    asyncio.get_running_loop().call_soon(feed.tell, "acme")
    await asyncio.wait_for(ended.wait(), 5)
    task.cancel()
    assert pauses == [0.03, 0.03, 0.045, 0.068, 0.1, 0.1, 0.03]


async def test_a_crash_leaves_one_line_and_a_report_without_locals(rig, tmp_path, capsys):
    rig.program = replace(rig.program, preferences=Preferences(log_folder=tmp_path / "log"))
    with pytest.raises(RuntimeError, match="boom"):  # noqa: PT012
        async with rig.console(80, 24) as seen:

            def explode():
                secret = "s3cret-" + "local"
                raise RuntimeError("boom" if secret else "")

            seen.app.call_later(explode)
            await seen.until(lambda: seen.app.return_code == 1, "crashed")
    report = next((tmp_path / "log").iterdir()).read_text()
    assert "boom" in report
    assert "s3cret-local" not in report
