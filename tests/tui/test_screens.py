"""The console as its operators use it: keys in, text out, on a real database."""

import json
import subprocess
import sys
from dataclasses import replace

import asyncpg
import pytest

from console.domain.acks import Acknowledgement, LateAck
from console.domain.events import Problem, ProblemKind
from console.store.pool import Database
from console.store.settlement import SettlementStore
from console.tui.actions import ACTIONS, bindings_for
from tests.conftest import Fleet
from tests.rows import add_devices, row_of
from tests.tui.conftest import OpenScreen, read_only

HOSTILE = "\x1b[31mred\x1b]52;c;ZXZpbA==\x07\u202e[@click=app.quit]x[/]"
SIZES = [(80, 24), (120, 40), (60, 15), (200, 60)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_devices_screen_says_the_essential_at_every_size(
    open_screen: OpenScreen, some_history: None, size: tuple[int, int]
) -> None:
    async with open_screen(size=size) as screen:
        text = await screen.sees(
            "acme", "pg ok 2ms", "mqtt ok v5", "Devices 5", "DEVICE", "pump-5", "○ ping waiting"
        )
        lines = text.split("\n")
        assert len(lines) == size[1]
        assert max(len(line) for line in lines) <= size[0]


@pytest.mark.parametrize("size", SIZES)
async def test_the_history_screen_says_the_essential_at_every_size(
    open_screen: OpenScreen, some_history: None, size: tuple[int, int]
) -> None:
    async with open_screen(size=size) as screen:
        await screen.press("H")
        text = await screen.sees(
            "History acme", "○ waiting", "◔ published", "✕ failed", "◍ missed", "pump-1", "59m"
        )
        assert text.index("○ waiting") < text.index("◔ published") < text.index("◍ missed")
        assert ("delay_s" in await screen.sees("TTL LEFT")) == (size[0] >= 100)


async def test_an_ack_appears_without_a_key(
    open_screen: OpenScreen, some_history: None, database: Database
) -> None:
    async with open_screen() as screen:
        await screen.press("enter")
        await screen.sees("◔ published")
        ack = Acknowledgement("acme", "pump-1", "c-published", '{"status":"ok","details":null}')
        await SettlementStore(database).acknowledge([ack], [], LateAck.ACCEPT)
        screen.app.desk.program.feed.tell("acme")
        await screen.sees("● ok")
        await screen.no_longer_sees("◔ published")


async def test_a_command_is_composed_reviewed_and_sent(
    open_screen: OpenScreen, owner: asyncpg.Connection
) -> None:
    async with open_screen() as screen:
        await screen.press("c")
        await screen.sees("New command to pump-1", "The command type is empty")
        await screen.type("ping")
        await screen.sees("ready", "tenant/acme/device/pump-1/commands")
        await screen.press("ctrl+s")
        await screen.sees("Send ping to 1 device of acme?", "cannot be recalled", "y  send")
        await screen.press("y", "y")
        await screen.sees("queued for 1 device")
    rows = await owner.fetch("SELECT * FROM device_commands")
    assert [(r["device_id"], r["command_type"], r["status"], r["created_by"]) for r in rows] == [
        ("pump-1", "ping", "queued", "alice")
    ]


async def test_enter_in_the_question_means_cancel_and_the_draft_stays(
    open_screen: OpenScreen, owner: asyncpg.Connection
) -> None:
    async with open_screen() as screen:
        await screen.press("c")
        await screen.type("ping")
        await screen.press("f5")
        await screen.sees("Send ping to 1 device")
        await screen.press("enter")
        await screen.no_longer_sees("Send ping to 1 device")
        await screen.press("escape")
        await screen.sees("Devices 5")
        await screen.press("c")
        await screen.sees("New command", "ping")
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


async def test_a_dangerous_type_wants_the_count_typed(
    open_screen: OpenScreen, owner: asyncpg.Connection
) -> None:
    async with open_screen() as screen:
        await screen.press("space", "space", "c")
        await screen.sees("New command to 2 devices")
        await screen.type("reboot")
        await screen.press("ctrl+s")
        await screen.sees("Send reboot to 2 devices of acme?", "Type 2 and press enter", "pump-1, pump-2")
        await screen.press("y", "enter")
        assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0
        await screen.press("2", "enter")
        await screen.sees("queued for 2 devices")
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 2


async def test_invalid_params_are_named_with_their_place_and_nothing_is_sent(
    open_screen: OpenScreen, owner: asyncpg.Connection
) -> None:
    async with open_screen() as screen:
        await screen.press("c")
        await screen.type("ping")
        params = screen.app.screen.query_one("#params")
        params.load_text('{"a": }')  # type: ignore[attr-defined]
        await screen.sees("not JSON: Expecting value at line 1, column 7")
        await screen.press("ctrl+s")
        await screen.sees("Not yet:")
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


async def test_a_pasted_newline_never_sends(open_screen: OpenScreen, owner: asyncpg.Connection) -> None:
    async with open_screen() as screen:
        await screen.press("c")
        await screen.type("ping")
        await screen.press("enter", "enter")
        await screen.sees("New command")
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


async def test_resend_and_cancel_ask_first_and_give_a_reason_when_they_cannot(
    open_screen: OpenScreen, some_history: None, owner: asyncpg.Connection
) -> None:
    async with open_screen() as screen:
        await screen.press("enter")
        await screen.sees("◍ missed")
        await screen.press("r")
        await screen.sees("It is still waiting")
        await screen.press("j", "x")
        await screen.sees("cannot be recalled")
        await screen.press("k", "x")
        await screen.sees("Cancel ping to pump-1?")
        await screen.press("y")
        await screen.sees("⊘ cancelled")
        await screen.press("r")
        await screen.sees("Send ping to pump-1 again?")
        await screen.press("y")
        await screen.sees("○ waiting")
    assert (await row_of(owner, "c-waiting"))["status"] == "expired"
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 5


async def test_the_detail_tells_the_time_line_and_why(open_screen: OpenScreen, some_history: None) -> None:
    async with open_screen() as screen:
        await screen.press("H")
        await screen.sees("✕ failed")
        await screen.press("G", "enter")
        await screen.sees(
            "The device answered 'error' after 0.25s",
            "created by platform",
            "answered failed",
            "+0.25 s",
            "busy",
        )
        await screen.press("escape")
        await screen.press("k", "enter")
        await screen.sees("The broker took it; the device did not answer within its TTL")


async def test_the_filter_narrows_and_escape_widens(open_screen: OpenScreen) -> None:
    async with open_screen() as screen:
        await screen.press("slash")
        await screen.type("pump-4")
        await screen.sees("1 match", "pump-4")
        await screen.no_longer_sees("pump-2 ")
        await screen.press("enter", "escape")
        await screen.sees("pump-2")


async def test_history_pages_without_an_end(
    open_screen: OpenScreen, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, created_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'type-' || n, now() - n * interval '1 second' FROM generate_series(1, 350) n"
    )
    async with open_screen() as screen:
        await screen.press("H")
        await screen.sees("100+ commands")
        for _ in range(6):
            await screen.press("G")
            await screen.pilot.pause()
        await screen.sees("350 commands")
        await screen.press("G")
        await screen.sees("type-350")


async def test_hostile_text_is_shown_and_does_nothing(
    open_screen: OpenScreen, owner: asyncpg.Connection, database: Database, fleet: Fleet
) -> None:
    """Without safe() the escape and the markup would reach the terminal and Textual."""
    await add_devices(owner, "acme", [f"a{HOSTILE}"])
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, command_params, created_by,"
        " status, acked_at, published_at, ack_details) VALUES ('acme', 'evil', $1, $1, $2, $1, 'delivered', now(), now(), $3)",
        f"a{HOSTILE}", json.dumps({HOSTILE: HOSTILE}), json.dumps({"status": HOSTILE, "details": {"x": HOSTILE}}),
    )  # fmt: skip
    problem = Problem("acme", ProblemKind.MALFORMED_ACK, HOSTILE, HOSTILE, HOSTILE)
    await SettlementStore(database).record([problem])
    async with open_screen(size=(120, 40)) as screen:
        for keys, word in (
            (["home"], "red"),
            (["enter"], "History a"),
            (["enter"], "answered failed"),
            (["escape", "p"], "malformed"),
        ):
            await screen.press(*keys)
            text = await screen.sees(word, "␛")
            assert not set(text) & set("\x1b\x07\u202e\x9b")
            assert screen.app.is_running


async def test_problems_are_listed(open_screen: OpenScreen, database: Database, fleet: Fleet) -> None:
    problem = Problem("acme", ProblemKind.FORGED_ACK, "pump-2", "c1", "the command belongs to another device")
    await SettlementStore(database).record([problem, problem])
    async with open_screen() as screen:
        await screen.press("p")
        await screen.sees("Problems 1", "forged ack", "2", "pump-2", "belongs to another")


async def test_read_only_removes_the_acts(open_screen: OpenScreen, some_history: None) -> None:
    async with open_screen(change=read_only) as screen:
        text = await screen.sees("READ-ONLY", "sort")
        assert "compose" not in text
        await screen.press("c", "enter")
        text = await screen.sees("History pump-1", "copy id")
        assert "resend" not in text
        await screen.press("x", "r")
        assert "Cancel ping" not in screen.text()


async def test_help_lists_every_action(open_screen: OpenScreen) -> None:
    async with open_screen(size=(120, 60)) as screen:
        await screen.press("question_mark")
        await screen.sees(*(action.help for action in ACTIONS))


async def test_a_link_that_is_down_is_told_in_words_and_nothing_closes(open_screen: OpenScreen) -> None:
    async with open_screen() as screen:
        screen.app.desk.program.health.broker_down("The broker at x:1 does not answer (refused).", 9)
        await screen.sees("mqtt DOWN", "retry in", "does not answer (refused).")
        screen.app.desk.program.health.broker_up()
        await screen.sees("mqtt ok")


async def test_a_lost_database_keeps_what_is_shown_and_blocks_sending_with_the_reason(
    open_screen: OpenScreen, database: Database
) -> None:
    async with open_screen() as screen:
        await screen.press("c")
        await screen.type("ping")
        await screen.sees("ready")
        await database.close()
        await screen.press("ctrl+s")
        await screen.sees("Send ping")
        await screen.press("y")
        await screen.sees("Nothing typed is lost", "ping")
        await screen.press("escape")
        await screen.sees("pump-1", "pg DOWN", "What you see may be old")


async def test_the_tenant_can_be_switched_and_nothing_of_the_other_stays(
    open_screen: OpenScreen, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await add_devices(owner, "rival", ["rival-only"])
    async with open_screen() as screen:
        await screen.press("t")
        await screen.sees("Switch to which tenant?", "rival")
        await screen.press("down", "enter")
        await screen.sees("Devices 6", "rival-only")
        assert screen.text().lstrip().startswith("rival")


async def test_go_to_finds_devices_and_commands(open_screen: OpenScreen, some_history: None) -> None:
    async with open_screen() as screen:
        await screen.press("colon")
        await screen.type("pump-3")
        await screen.press("enter")
        await screen.sees("History pump-3", "no command yet")
        await screen.press("colon")
        await screen.type("c-missed")
        await screen.press("enter")
        await screen.sees("Command c-missed")
        await screen.press("escape", "colon")
        await screen.type("nothing")
        await screen.press("enter")
        await screen.sees("Nothing has the id nothing")


async def test_one_tenant_needs_no_switcher(open_screen: OpenScreen) -> None:
    async with open_screen(change=lambda p: replace(p, tenants=("acme",))) as screen:
        await screen.press("t")
        await screen.pilot.pause()
        assert "Switch" not in screen.text()


def test_every_action_is_bound_where_it_says_and_has_words() -> None:
    for action in ACTIONS:
        assert action.help
        assert action.label
        for screen in action.screens:
            assert any(binding.id == f"{screen}.{action.id}" for binding in bindings_for(screen))


def test_the_headless_path_never_loads_textual() -> None:
    code = (
        "import sys, console.headless.sweep, console.headless.twins, console.cli.run;"
        "sys.exit(any(name.split('.')[0] in {'textual', 'rich'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
