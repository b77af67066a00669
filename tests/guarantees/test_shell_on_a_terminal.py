"""What a shell command writes to a terminal holds no control code, whatever rows, arguments and environment hold."""

import asyncio
import json
from asyncio.subprocess import PIPE
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.terminal import terminal
from tests.forks.client import start_program
from tests.guarantees.test_terminal import CONTROLS
from tests.rows import add_command

pytestmark = pytest.mark.mosquitto

HOSTILE = "".join(CONTROLS)
COMMANDS = (
    ("export", "--format", "csv"), ("export", "--format", "jsonl"), ("history",), ("show", "c1"), ("devices",),
    ("doctor",), ("config", "show"), ("history", "--where", f"by:{HOSTILE}"), ("show", HOSTILE),
    ("devices", f"--fresh{HOSTILE}"), (f"--fresh{HOSTILE}",), (f"fresh{HOSTILE}",), ("send", HOSTILE, HOSTILE),
    ("history", "--limit", HOSTILE), ("export", "--output", f"no-folder/{HOSTILE}/x.csv"), ("--tenant", HOSTILE, "devices"),
)  # fmt: skip


@pytest.fixture
async def env(
    access: Access, mosquitto: BrokerProcess, tmp_path: Path, fleet: Fleet, owner: asyncpg.Connection
) -> dict[str, str]:
    await add_command(owner, fleet.acme, "c1", published=True)
    await owner.execute(
        "UPDATE device_commands SET status = 'delivered', acked_at = now(), created_by = $1, ack_details = $2",
        HOSTILE, json.dumps({"status": HOSTILE, HOSTILE: HOSTILE}),
    )  # fmt: skip
    return environment(
        tmp_path, access.url, mosquitto.address, CONSOLE_OPERATOR=HOSTILE, CONSOLE_THEME=HOSTILE
    )


def controls(message: bytes) -> set[str]:
    """What a terminal might obey; a terminal itself puts a carriage return before each new line."""
    text = message.decode().replace("\r\n", "\n")
    return {c for c in text if not c.isprintable() and c != "\n"}


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
async def test_a_terminal_gets_no_control_code_from_any_command(env: dict[str, str], locale: str) -> None:
    """Without the gate before both streams, an export and every message of argparse reach the terminal raw."""
    env |= {"LANG": locale, "LC_ALL": locale}
    del env["CONSOLE_THEME"]
    for arguments in COMMANDS if locale == "C.UTF-8" else COMMANDS[:1] + COMMANDS[9:11]:
        async with terminal(env, *arguments, columns=200) as screen:
            await screen.ended()
            await screen.settled(0.1)
            assert screen.raw, arguments
            assert controls(bytes(screen.raw)) == set(), arguments
            if arguments[0] == "export" and "--format" in arguments:
                assert b"canary" in screen.raw


async def test_the_environment_reaches_no_terminal_raw(env: dict[str, str]) -> None:
    """Without the gate, the name of a wrong setting is followed by whatever it holds."""
    async with terminal(env, "devices") as screen:
        assert await screen.ended() == 2
        assert b"CONSOLE_THEME" in screen.raw
        assert controls(bytes(screen.raw)) == set()


async def test_a_file_and_a_pipe_get_the_bytes_that_the_data_has(env: dict[str, str], tmp_path: Path) -> None:
    """Without the look at what a stream is, another program reads words for control codes."""
    del env["CONSOLE_THEME"]
    process = await start_program(
        "console", "export", "--format", "csv", env=env, cwd=REPOSITORY, stdout=PIPE
    )
    message, _ = await process.communicate()
    assert process.returncode == 0
    assert HOSTILE.encode() in message
    assert message.count(b"\r\n") >= 2
    whole = tmp_path / "out.csv"
    async with terminal(env, "export", "--output", str(whole)) as screen:
        assert await screen.ended() == 0
    assert await asyncio.to_thread(whole.read_bytes) == message
