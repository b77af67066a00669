"""The receipt: what was sent from here ends before the eyes of whoever sent it, whatever screen they are on."""

from datetime import UTC, datetime, timedelta

import pytest
from textual import events

from console.domain.commands import Command
from console.domain.histograms import Histogram, bucket_of
from console.limits import DEFAULT_TTL
from console.services.reads import History
from console.tui.presenters.cells import line_width
from console.tui.presenters.receipt import Receipt, receipt_line
from console.tui.screens.base import top_screen
from console.tui.screens.detail import DetailScreen
from console.tui.state.messages import DataChanged
from console.tui.state.session_log import MOST, SessionLog
from tests.tui.conftest import Rig, Seen

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ANSWERED = (
    "UPDATE device_commands SET status = 'delivered', published_at = now(), acked_at = now() +"
    """ interval '2.3 seconds', ack_details = '{"status": "ok"}'"""
)


async def _send(rig: Rig, seen: Seen, *devices: str) -> None:
    """Commit commands as a screen does that sent them."""
    state = seen.app.state
    drafts = [rig.program.sender.draft(device, "ping", "{}", DEFAULT_TTL, "alice") for device in devices]
    await rig.program.sender.send("acme", drafts)
    state.log.sent(state.clock.now(), "acme", drafts)
    seen.app.post_message(DataChanged(frozenset({"acme"})))


def _row(seen: Seen) -> list[int]:
    return [at for at, line in enumerate(seen.lines) if line.startswith(" . ")]


async def test_a_command_ends_before_the_eyes_of_whoever_sent_it_on_any_screen(rig: Rig) -> None:
    """Without it one waits on the history of that device, or looks for it later."""
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("New command")
        await seen.type("ping")
        await seen.press("f5")
        await seen.shows("y send")
        await seen.press("y")
        await seen.shows("committed")
        await seen.press("1")
        await seen.shows(" . ○ ping → pump-1  waiting ")
        assert _row(seen) == [22]
        await rig.sql.execute(ANSWERED)
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows(" . ● ping → pump-1  ok 2.30s")
        await seen.press("full_stop", "full_stop")
        await seen.until(lambda: isinstance(seen.app.screen, DetailScreen), "opened the command")
        await seen.press("escape")
        await seen.until(lambda: not isinstance(seen.app.screen, DetailScreen), "opened it once")
        seen.app.post_message(events.Paste("."))
        await seen.pilot.pause()
        assert not isinstance(seen.app.screen, DetailScreen)


async def test_it_never_covers_the_row_of_the_cursor(rig: Rig) -> None:
    """Without it the operator acts on a row that cannot be read."""
    await rig.devices(*(f"pump-{number:02}" for number in range(40)))
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-00")
        await _send(rig, seen, "pump-03")
        await seen.shows(" . ○ ping → pump-03")
        assert _row(seen) == [22]
        await seen.press("G")
        await seen.until(lambda: _row(seen) == [1] and "▌  pump-39" in seen.lines[22], "stood above")
        await seen.press("k")
        await seen.until(lambda: _row(seen) == [22] and "▌  pump-38" in seen.lines[21], "stood below")


async def test_it_covers_no_marked_row_of_the_overview(rig: Rig) -> None:
    await rig.devices("pump-1")
    for number in range(20):
        await rig.command(f"c-{number}", "pump-1", "ping", "missed", published=True, ago_s=60 + number)
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        await _send(rig, seen, "pump-1")
        await seen.press("0")
        await seen.shows("ended per minute", " . ○ ping → pump-1")
        assert _row(seen) == [22]
        for _ in range(3):
            await seen.press("tab")
            if "open command" in seen.lines[23]:
                break
        await seen.shows("enter open command")
        await seen.press(*["down"] * 20)
        await seen.until(lambda: "▌" in seen.lines[22] and _row(seen) == [1], "stood above")


async def test_all_are_read_in_one_query_and_none_when_all_have_ended(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it each hint costs a query for each command that was ever sent."""
    await rig.devices("pump-1", "pump-2", "pump-3", "pump-4", "pump-5")
    asked: list[tuple[str, ...]] = []
    inner = History.reread

    async def reread(self, tenant_id, command_ids):
        asked.append(tuple(command_ids))
        return await inner(self, tenant_id, command_ids)

    async with rig.console(80, 24) as seen:
        await seen.shows("pump-5")
        monkeypatch.setattr(History, "reread", reread)
        await _send(rig, seen, "pump-1", "pump-2", "pump-3", "pump-4", "pump-5")
        await seen.shows("ping → pump-5", "ping → pump-4", "+3")
        await seen.until(lambda: bool(asked), "were read")
        assert {len(ids) for ids in asked} == {5}
        await rig.sql.execute(ANSWERED)
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows("ok 2.30s")
        top = top_screen(seen.app)
        assert top is not None
        await seen.until(lambda: not top._reading, "ended the read")
        asked.clear()
        top.request_read()
        await seen.until(lambda: not top._reading, "ended the read")
        assert asked == []


async def test_on_a_low_screen_what_has_ended_goes_with_the_next_key(rig: Rig) -> None:
    await rig.devices("pump-1", "pump-2")
    async with rig.console(60, 15) as seen:
        await seen.shows("pump-2")
        await _send(rig, seen, "pump-1")
        await seen.shows(" . ○ ping → pump-1")
        await seen.press("j")
        await seen.shows(" . ○ ping → pump-1")
        await rig.sql.execute(ANSWERED)
        seen.app.post_message(DataChanged(frozenset({"acme"})))
        await seen.shows(" . ● ping → pump-1  ok 2.30s")
        await seen.press("k")
        await seen.hides("ping → pump-1")


async def test_a_read_only_console_has_none(reader: Rig) -> None:
    await reader.devices("pump-1")
    async with reader.console(80, 24) as seen:
        await seen.shows("pump-1")
        await seen.press("full_stop")
        await seen.shows("This console is read-only: it sends nothing.")


def _receipt(what: str, since_s: float = 2.1, *, took_s: float | None = None) -> Receipt:
    command = Command("acme", "c", "pump", "reboot", "queued", NOW, NOW + DEFAULT_TTL, published_at=NOW)
    if took_s is not None:
        at = NOW + timedelta(seconds=took_s)
        command = Command(
            "acme", "c", "pump", "reboot", "delivered", NOW, NOW + DEFAULT_TTL, published_at=NOW, acked_at=at,
            ack_status="ok",
        )  # fmt: skip
    usual = [0] * 128
    usual[bucket_of(400)] = 100
    return Receipt(what, command, since_s, Histogram(tuple(usual)))


def _text(shown: list[Receipt], width: int, *, ticks: bool = True) -> str:
    line = receipt_line(shown, width, ".", ticks=ticks)
    assert line_width(line) <= width
    return "".join(cell.text for cell in line)


def test_what_takes_longer_than_nearly_all_is_late_and_a_slow_line_has_no_seconds() -> None:
    one = _receipt("reboot → pump-0017")
    assert _text([one], 80) == " . ◔ reboot → pump-0017  published 2s  late  usual 0.39s"
    assert _text([one], 80, ticks=False) == " . ◔ reboot → pump-0017  published  late  usual 0.39s"
    in_time = _receipt("reboot → pump-0017", 0.2)
    assert _text([in_time], 80) == " . ◔ reboot → pump-0017  published 0s  usual 0.39s"
    ended = _receipt("reboot → pump-0017", 9, took_s=2.3)
    assert _text([ended], 80) == " . ● reboot → pump-0017  ok 2.30s"


def test_as_many_as_fit_stand_in_it_and_the_others_are_counted() -> None:
    many = [_receipt(f"reboot → pump-{number:04}", 0.2) for number in range(7)]
    assert _text(many, 120).count("reboot") == 3
    assert _text(many, 120).endswith("+4")
    assert _text(many, 60).endswith("+6")
    assert _text([_receipt("reboot → " + "p" * 60)], 40) == " . ◔ reboot → ppppp…  published 2s  late"


def test_the_log_keeps_the_newest_only() -> None:
    log = SessionLog()
    for number in range(MOST + 5):
        log.stopped(NOW, "acme", f"b-{number}", "ping", 1)
    assert len(log.of("acme")) == MOST
    assert log.of("acme")[0].batch_id == f"b-{MOST + 4}"
