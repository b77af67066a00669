"""The log of a session: what this console did, how it stands, and the shell line that does the same."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual import events

from console.limits import DEFAULT_TTL
from console.tui.screens.batch import BatchScreen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.log import LogScreen
from tests.tui.conftest import Rig, Seen

LINE = "device-console --tenant acme send pump-1 ping --ttl 3600s"


async def _send(seen: Seen, kind: str = "ping") -> None:
    await seen.press("c")
    await seen.shows("New command")
    await seen.type(kind)
    await seen.press("f5")
    await seen.shows("y send")
    await seen.press("y")
    await seen.shows("› History", kind)


async def test_what_was_sent_stands_in_it_with_its_end_and_its_line(rig: Rig) -> None:
    """Without it nobody can say an hour later what was done from here, nor do it again in a script."""
    await rig.devices("pump-1")
    async with rig.console(160, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("at")
        await seen.shows("What this console did", "has sent, cancelled and exported nothing so far")
        await seen.press("y")
        await seen.shows("Cannot copy shell line: nothing was done here so far")
        await seen.press("escape")
        await _send(seen)
        await seen.press("at")
        await seen.shows("1 entry", "ping → pump-1", "○ waiting", LINE)
        await rig.sql.execute(
            "UPDATE device_commands SET status = 'delivered', published_at = now(), acked_at = now() +"
            """ interval '2.3 seconds', ack_details = '{"status": "ok"}'"""
        )
        seen.app.screen.request_read()  # type: ignore[attr-defined]
        await seen.shows("● ok 2.30s")
        await seen.press("y")
        await seen.until(lambda: seen.app.clipboard == LINE, "copied the line")
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, DetailScreen), "opened the command")


async def test_retries_cancels_and_bulk_sends_stand_in_it(rig: Rig) -> None:
    await rig.devices("pump-1", "pump-2")
    await rig.command("old", "pump-1", "ping", "missed", published=True, ago_s=7_200)
    async with rig.console(160, 40) as seen:
        await seen.shows("pump-2")
        await seen.press("enter")
        await seen.shows("◍ missed")
        await seen.press("G", "r")
        await seen.shows("y send")
        await seen.press("y")
        await seen.shows("Sent again as")
        await seen.press("g", "x")
        await seen.shows("y cancel it")
        await seen.press("y")
        await seen.shows("Cancelled:")
        await seen.press("escape", "a", "c")
        await seen.shows("to 2 devices")
        await seen.type("ping")
        await seen.press("f5")
        await seen.shows("y send")
        await seen.press("y")
        await seen.until(lambda: isinstance(seen.app.screen, BatchScreen), "opened the bulk send")
        await seen.press("x")
        await seen.shows("y stop it")
        await seen.press("y")
        await seen.shows("Stopped")
        await seen.press("at")
        await seen.shows(
            "stop bulk send ping", "2 commands cancelled", "bulk send ping to 2", "● 2 committed",
            "send --where device:pump-1,pump-2 ping --ttl 3600s --yes",
            "cancel ping → pump-1", "⊘ cancelled", "retry ping → pump-1", "retry old --yes",
        )  # fmt: skip
        await seen.press("j", "enter")
        await seen.until(lambda: isinstance(seen.app.screen, BatchScreen), "opened the bulk send")


async def test_an_export_stands_in_it_and_opens_nothing(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await rig.devices("pump-1")
    await rig.command("c-1", "pump-1")
    async with rig.console(200, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("enter")
        await seen.shows("○ waiting")
        await seen.press("w")
        await seen.shows("Export")
        await seen.press("enter")
        await seen.shows("1 command written to")
        await seen.press("at")
        await seen.shows(
            "export to commands-pump-1-", "● 1 command written", "export pump-1 --format csv --output"
        )
        await seen.press("enter")
        await seen.shows("an export is a file")
        assert isinstance(seen.app.screen, LogScreen)


async def test_its_key_twice_opens_it_once_and_a_paste_opens_nothing(rig: Rig) -> None:
    """Without it esc has to be pressed as often as the key."""
    await rig.devices("pump-1")
    async with rig.console(80, 24) as seen:
        await seen.shows("pump-1")
        seen.app.post_message(events.Paste("@@.."))
        await seen.pilot.pause()
        assert len(seen.app.screen_stack) == 2
        await seen.press("at", "at")
        await seen.shows("What this console did")
        assert len(seen.app.screen_stack) == 3


async def test_nothing_of_another_tenant_and_no_control_code_stands_in_it(rig: Rig) -> None:
    rig = replace(rig, program=replace(rig.program, tenants=("acme", "globex")))
    async with rig.console(200, 24) as seen:
        state = seen.app.state
        for tenant in ("globex", "acme"):
            draft = state.program.sender.draft(
                f"pump-{tenant}\x1b[31m", "ping\x07", "{}", DEFAULT_TTL, "alice"
            )
            state.log.sent(state.clock.now(), tenant, [draft])
        await seen.press("at")
        await seen.shows("1 entry", "→ pump-acme")
        assert "globex" not in seen.text
        assert not {"\x1b", "\x07"} & set(seen.text)
