"""Every screen as a grid of text at four sizes or more: what an operator sees, line by line.

``CONSOLE_UPDATE_GRIDS=1 ./test tests/tui/test_grids.py`` writes them anew; look at each difference.
"""

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from console.errors import BrokerUnreachableError, Cause, DatabaseUnreachableError
from console.tui.screens.dialogs.tenants import TenantsDialog
from console.tui.screens.dialogs.text import TextDialog
from tests.tui.conftest import Rig, Seen

FOLDER = Path(__file__).parent / "grids"
SIZES = ((80, 24), (120, 40), (60, 15), (200, 60))
MORE_SIZES = {"grouped": ((160, 45),)}
_MOVING = re.compile(
    r"(?<=commands-acme-)[-0-9]+|(?<=expires_at\":\")[-0-9]+|-\d\d-\d\d(?=T)|\b\d{4}-\d\d-\d\d\b|\d\d:\d\d:\d\d(\.\d{3})?|\b\d+m \d\ds\b|\b\d+\.\d\ds\b|\+\d+ ms|[0-9a-f]{8}-[0-9a-f-]{1,27}"
    r"|\b\d\d(?= \(in )|retry of [0-9a-f]{8}|\b\d{1,2}s ago|(?<=DOWN )\d+s|(?<=for )\d+s|(?<=refused\) for )\d+s"
)

_CATALOGUE = """
    INSERT INTO template_commands VALUES (1, 'set_interval', 'Set interval', '{"type": "object", "properties":
    {"interval_s": {"type": "integer", "minimum": 1, "maximum": 3600}, "mode": {"enum": ["fast", "slow"]}},
    "required": ["interval_s"]}', NULL);
    UPDATE device_registry SET template_id = 1
"""


def still(text: str) -> str:
    """The same grid with what depends on the clock and on chance replaced, character by character."""
    text = re.sub(r"\d{4}-\d\d-\d\d (?=\d\d:)", "", text)  # a date stands there when it is not today
    return _MOVING.sub(lambda match: re.sub(r"[0-9a-f]", "#", match.group()), text)


async def _world(rig: Rig) -> None:
    """Three pumps with a history of every phase, a batch, and problems; ages stay the same for half a minute."""
    await rig.devices("pump-0017", "pump-0018", "valve-0003")
    await rig.devices("pump-0021", link="STALE")
    await rig.devices("pump-0024", link="OFFLINE")
    await rig.sql.execute(
        """
        UPDATE device_state SET last_seen_at = now() - interval '100 minutes';
        INSERT INTO device_tags VALUES ('acme', 'pump-0017', 'critical');
        UPDATE device_registry SET fw_version = '1.4.2', site_id = 'porto' WHERE device_id = 'valve-0003'
        """
    )
    for command_id, device, kind, status, ago_s, published, ack in (
        (
            "c-ok",
            "pump-0017",
            "ping",
            "delivered",
            5_500,
            True,
            '{"status": "ok", "details": {"rtt_ms": 12}}',
        ),
        (
            "c-failed",
            "pump-0018",
            "flush_buffer",
            "delivered",
            9_100,
            True,
            '{"status": "error", "details": {"code": "busy"}}',
        ),
        ("c-missed", "pump-0021", "ping", "missed", 90_500, True, None),
        ("c-expired", "pump-0024", "set_interval", "expired", 180_500, False, None),
        ("c-open", "pump-0017", "reboot", "queued", 2_705, True, None),
        ("c-waits", "valve-0003", "ping", "queued", 2_710, False, None),
    ):
        await rig.command(command_id, device, kind, status, ago_s=ago_s, published=published, ack=ack)
    await rig.sql.execute(
        """
        INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, last_at) VALUES
            ('acme', 'forged ack', 'pump-0021', 'c-ok', 'pump-0021 answered for pump-0017', now() - interval '100 minutes'),
            ('acme', 'late ack', 'pump-0018', 'c-failed', 'answered after the deadline', now() - interval '3 hours');
        INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, created_by, created_at)
        VALUES ('acme', '5b0c9a52-0000-4000-8000-000000000001', 'ping', '{}', 3600, 'site:lyon', 4, 'alice', now() - interval '100 minutes');
        INSERT INTO device_console.batch_members
        SELECT 'acme', '5b0c9a52-0000-4000-8000-000000000001', command_id FROM device_commands WHERE command_id IN ('c-ok', 'c-failed', 'c-missed');
        INSERT INTO device_console.batch_targets VALUES
            ('acme', '5b0c9a52-0000-4000-8000-000000000001', '{pump-0017,pump-0018,pump-0021,pump-0024}')
        """
    )


def _fill(seen: Seen, text: str) -> None:
    """At once: each letter may filter on a slow machine."""
    box = seen.app.screen.focused
    assert isinstance(box, Input)
    box.value = text


async def _devices(seen: Seen) -> None:
    await seen.press("slash")
    _fill(seen, "pump")
    await seen.press("enter")
    await seen.shows("4 of 5")
    await seen.press("space")
    await seen.shows("1 marked")


async def _history(seen: Seen) -> None:
    await seen.press("H")
    await seen.shows("All devices › History")


async def _device_history(seen: Seen) -> None:
    await seen.press("enter")
    await seen.shows("pump-0017 › History", "reboot")


async def _detail(seen: Seen) -> None:
    await _history(seen)
    await seen.press("G", "colon")
    await seen.type("c-open")
    await seen.press("enter")
    await seen.shows("timeline", "answer")


def _for_a_week(seen: Seen) -> None:
    """A deadline of tomorrow bears a date and one of today does not: in the last hour of a day 1h is tomorrow."""
    seen.app.screen.query_one("#ttl", Input).value = "7d"


async def _diff(seen: Seen) -> None:
    await _history(seen)
    await seen.press("G", "k", "space", "k", "d")
    await seen.shows("Compare", "with the marked command", "busy")


async def _compose(seen: Seen) -> None:
    await seen.press("a", "c")
    await seen.shows("to 5 devices")
    _for_a_week(seen)
    await seen.type("reboot")
    await seen.shows("Ready.", "In flight already")


async def _confirm(seen: Seen) -> None:
    await _compose(seen)
    await seen.press("f5")
    await seen.shows("Type the count, 5, to unlock")


async def _batches(seen: Seen) -> None:
    await seen.press("b")
    await seen.shows("1 bulk send", "site:lyon")


async def _batch(seen: Seen) -> None:
    await _batches(seen)
    await seen.press("enter")
    await seen.shows("3 of 4 ended", "busy")


async def _problems(seen: Seen) -> None:
    await seen.press("p")
    await seen.shows("forged ack")


async def _help(seen: Seen) -> None:
    await seen.press("question_mark")
    await seen.shows("Keys")


async def _export(seen: Seen) -> None:
    await _history(seen)
    await seen.press("w")
    await seen.shows("Export")


async def _hint(seen: Seen) -> None:
    await seen.press("slash")
    _fill(seen, "site:lyon colour:red")
    await seen.shows("There is no key", "4 of 5")


async def _broker_down(seen: Seen) -> None:
    seen.app.state.program.health.broker_down(BrokerUnreachableError(cause=Cause.REFUSED))
    await seen.shows("Broker unreachable")


async def _database_down(seen: Seen) -> None:
    seen.app.state.program.health.database_down(DatabaseUnreachableError(cause=Cause.REFUSED))
    await seen.shows("Database unreachable")


async def _tenants(seen: Seen) -> None:
    seen.app.push_screen(TenantsDialog(seen.app.state))
    await seen.shows("Tenants", "Acme")


async def _fleet(seen: Seen) -> None:
    await seen.press("0")
    await seen.shows("ended per minute")
    await seen.press("F")
    await seen.shows("[◔]")
    await seen.press("n")
    await seen.shows("[✕]")


async def _go(seen: Seen) -> None:
    await seen.press("colon")
    await seen.shows("Go to")
    await seen.type("pump-00")
    await seen.shows("pump-0017")


async def _palette(seen: Seen) -> None:
    await seen.press("ctrl+p")
    await seen.shows("Do, or go to", "Mark all that the filter shows")


async def _pick(seen: Seen) -> None:
    await seen.press("c")
    await seen.shows("New command")
    _for_a_week(seen)
    await seen.press("f7")
    await seen.shows("Recent commands", "set_interval")


async def _text(seen: Seen) -> None:
    await seen.press("p")
    await seen.shows("forged ack")
    problem = (
        "an answer for a command that nobody sent\n\ndevice   pump-0018\ncommand  c-9 (unknown)\ntimes    3"
    )
    seen.app.push_screen(TextDialog("unknown ack", problem))
    await seen.shows("nobody sent")


async def _form(seen: Seen) -> None:
    await seen.press("c")
    await seen.shows("New command")
    _for_a_week(seen)
    await seen.type("set_interval")
    await seen.shows("interval_s", "is required")


async def _cancel(seen: Seen) -> None:
    await _history(seen)
    await seen.press("j", "x")
    await seen.shows("Cancel ping", "reason")


async def _read_only(seen: Seen) -> None:
    await seen.shows("READ-ONLY", "pump-0024")


async def _live(seen: Seen) -> None:
    await seen.press("0")
    await seen.shows("ended per minute")
    await seen.press("l")
    await seen.shows(" Live   the newest on top")
    await seen.press("down", "down")
    await seen.shows("▌")


async def _device(seen: Seen) -> None:
    await seen.press("d")
    await seen.shows("pump-0017 › Device", "1 of 2 ok")


async def _log(seen: Seen) -> None:
    await _compose(seen)
    await seen.press("f5")
    await seen.shows("Type the count, 5, to unlock")
    await seen.press("5", "y")
    await seen.shows("0 of 5 ended")
    await seen.press("at")
    await seen.shows("What this console did", "5 committed", "outbox 5")


async def _grouped(seen: Seen) -> None:
    await seen.press("i")
    await seen.shows("Group the devices")
    await seen.press("enter")
    await seen.shows("by site", "▾ lyon", "not ok")


async def _grouping(seen: Seen) -> None:
    await seen.press("i")
    await seen.shows("Group the devices")


async def _views(seen: Seen) -> None:
    await _grouped(seen)
    await seen.press("V", "s")
    await seen.type("night shift")
    await seen.press("enter")
    await seen.shows("is saved", "until you leave")
    counted = re.compile(r"grouped by site +5 ")
    await seen.until(lambda: counted.search(seen.text) is not None, "counted its devices")


async def _nothing(seen: Seen) -> None:
    await seen.shows("pump-0024")


SCREENS: dict[str, Callable[[Seen], Awaitable[None]]] = {
    "first": _nothing, "devices": _devices, "history": _history, "device-history": _device_history, "detail": _detail,
    "diff": _diff,
    "compose": _compose, "confirm": _confirm, "batches": _batches, "batch": _batch, "problems": _problems,
    "help": _help, "export": _export, "hint": _hint, "broker-down": _broker_down, "database-down": _database_down,
    "tenants": _tenants, "go": _go, "fleet": _fleet, "palette": _palette, "pick": _pick, "text": _text, "form": _form,
    "cancel": _cancel, "read-only": _read_only, "device": _device, "log": _log, "live": _live,
    "grouped": _grouped, "grouping": _grouping, "views": _views,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_looks_as_it_did(rig: Rig, name: str) -> None:
    await _world(rig)
    if name == "read-only":
        rig.program = replace(rig.program, read_only=True)
    if name == "form":
        await rig.sql.execute(_CATALOGUE)
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-0017", "5 ", "reboot")
        await seen.hides("reading")  # what a dialog covers is read no further
        await SCREENS[name](seen)
        for width, height in (*SIZES, *MORE_SIZES.get(name, ())):
            await seen.pilot.resize_terminal(width, height)
            _compare(FOLDER / f"{name}-{width}x{height}.txt", await _settled(seen), width, height)


async def _settled(seen: Seen) -> str:
    """The grid once two looks in a row, each after all messages, are the same."""
    looks = [""]

    def same() -> bool:
        looks.append(still(seen.text))
        return looks[-1] == looks[-2]

    await seen.pilot.pause()
    await seen.until(same, "came to rest")
    return looks[-1]


def _compare(path: Path, text: str, width: int, height: int) -> None:
    lines = text.split("\n")
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    grid = "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
    if os.environ.get("CONSOLE_UPDATE_GRIDS"):
        path.write_text(grid, "utf-8")
        return
    assert path.exists(), f"there is no {path.name}: write it with CONSOLE_UPDATE_GRIDS=1"
    assert grid == path.read_text("utf-8"), f"{path.name} looks otherwise now"
