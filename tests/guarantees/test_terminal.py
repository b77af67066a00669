"""Nothing that stands in the database or comes from the environment reaches the terminal as a control code."""

import asyncio
import itertools
import sys
from pathlib import Path

import asyncpg
import pytest

from console.store.pool import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.terminal import Terminal, terminal
from tests.rows import add_command
from tests.waiting import until

pytestmark = pytest.mark.mosquitto

# each holds something that no program of ours would ever write by itself
CONTROLS = [
    "\x1b]52;c;Q0FOQVJZ\x07", "\x1b]8;;http://canary\x07", "\x1b[7777n", "\x1b[38;5;199;7777m", "\x1b]0;canary\x07",
    "\x1bPcanary\x1b\\", "\x1b[?7777h", "\x1bccanary", "\u009b7777m", "\u009d0;canary", "\rcanary", "\x08canary",
    "\x07canary", "\x7fcanary", "\u202ecanary", "\u2066canary", "\x0ecanary", "\x1b(0canary", "\x1b[5;7777r",
]  # fmt: skip
MARKUP = ["[@click=app.quit]canary[/]", "[/]", "[bold", "[link=http://canary]x[/link]", "[red]canary[/red]"]
WIDE = [
    "e" + "\u0301" * 5_000,
    "\u754c" * 3_000,
    "x" * 200_000,
    "\n" * 5_000,
    "\u200b" * 400,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 50,
]
HOSTILE = CONTROLS + MARKUP + WIDE
TABLES = ["tenants", "device_registry", "device_state", "device_tags", "device_groups", "device_commands",
          "device_console.outbox", "device_console.journal", "device_console.problems"]  # fmt: skip


async def fill(owner: asyncpg.Connection) -> int:
    """Put every hostile text into every text column that takes it, in a row of its own; return how many."""
    filled = 0
    columns = await owner.fetch(
        "SELECT table_schema AS s, table_name AS t, column_name AS c, data_type AS d FROM information_schema.columns"
        " WHERE table_schema || '.' || table_name = ANY ($1) AND data_type IN ('text', 'jsonb')",
        [table if "." in table else f"public.{table}" for table in TABLES],
    )
    for number, (text, column) in enumerate(itertools.product(HOSTILE, columns)):
        name = f"{column['s']}.{column['t']}"
        if column["c"] == "tenant_id" or (column["t"] == "tenants" and column["c"] == "status"):
            continue
        value = (
            "to_jsonb(jsonb_build_object('status', 'ok', 'details', $1::text, $1::text, 1))"
            if column["d"] == "jsonb"
            else "$1::text"
        )
        row = MAKE_ROW.get(column["t"])
        if row is None:
            continue
        try:
            async with owner.transaction():
                where = await owner.fetchval(row.format(n=number))
                await owner.execute(
                    f"UPDATE {name} SET {column['c']} = {value} WHERE ctid = $2::text::tid", text, where
                )
                filled += 1
        except asyncpg.PostgresError:  # a constraint of the platform keeps it out
            continue
    return filled


MAKE_ROW = {
    "tenants": "SELECT ctid::text FROM tenants WHERE tenant_id = 'acme'",
    "device_registry": "INSERT INTO device_registry (tenant_id, device_id, site_id, model, fw_version)"
    " VALUES ('acme', 'h{n}', 's', 'm', 'f') RETURNING ctid::text",
    "device_commands": "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, published_at)"
    " VALUES ('acme', 'h{n}', 'pump-1', 'ping', now()) RETURNING ctid::text",
    "outbox": "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, due_at)"
    " VALUES ('acme', 'target', 'pump-1', 'infinity')"
    " ON CONFLICT (tenant_id, command_id) DO UPDATE SET attempt = 1 RETURNING ctid::text",
    "journal": "INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)"
    " VALUES ('acme', 'target', 'attempt', 'x') RETURNING ctid::text",
    "problems": "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
    " VALUES ('acme', 'forged ack', 'h{n}', 'x', 'x') RETURNING ctid::text",
}


def crash_reports(home: Path) -> list[Path]:
    return list(home.rglob("crash-*"))


def leaks(raw: bytes) -> list[str]:
    return [text for text in CONTROLS if text.encode() in raw]


@pytest.fixture
async def hostile_database(owner: asyncpg.Connection, fleet: Fleet) -> int:
    await add_command(owner, "acme", "target")
    filled = await fill(owner)
    assert filled > 10 * len(HOSTILE)
    return filled


async def walk(screen: Terminal) -> None:
    """Every screen, every overlay, and clicks all over each."""
    await screen.shows("unknown")
    for keys in ("\r", "\r", "\x1b", "H", "\x1b", "p", "\r", "\x1b", "?", "\x1b", "t", "\x1b", "\x10", "\x1b", "/can", "\r",
                 "\x1b", "c", "\t", "\x1b", "G", "g", "\x1b[6~", "\x1b[5~", " ", "v", "\x1b", "d", "\x1b", "r", "\x1b"):  # fmt: skip
        screen.type(keys)
        await screen.settled(0.12)
        assert screen.alive, screen.text
    for row, column in itertools.product(range(1, screen.rows + 1, 4), range(2, screen.columns, 25)):
        screen.click(column, row)
        await screen.settled(0.05)
    for _ in range(6):
        screen.type("\x1b")
        await screen.settled(0.15)


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (80, 24),
        pytest.param(200, 60, marks=pytest.mark.soak),
        pytest.param(60, 15, marks=pytest.mark.soak),
    ],
)
async def test_no_control_code_of_a_hostile_database_reaches_the_terminal(
    hostile_database: int, access: Access, mosquitto: BrokerProcess, tmp_path: Path, columns: int, rows: int
) -> None:
    """Without the one function that makes text safe, the first screen writes what the rows say."""
    env = environment(tmp_path, access.url, mosquitto.address, CONSOLE_OPERATOR="al\x1b]0;canary\x07ice")
    async with terminal(env, columns=columns, rows=rows) as screen:
        await walk(screen)
        screen.resize(max(60, columns - 20), max(15, rows - 5))
        await screen.settled(0.3)
        assert screen.alive
        assert leaks(bytes(screen.raw)) == []
        assert b"canary" in screen.raw  # the hostile rows were on the screen
        screen.type("q")
        assert await screen.ended() == 0
    assert crash_reports(tmp_path) == []


TWINS = [
    "devices", "history", "history pump-1 --limit 500", "show target", "problems --limit 500", "devices --json",
    "history --json", "show target --json", "problems --json", "tail --count 1", "doctor",
]  # fmt: skip


@pytest.mark.soak
async def test_no_control_code_reaches_a_pipe_from_the_twins(
    hostile_database: int, access: Access, mosquitto: BrokerProcess, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without the one function that makes text safe, a list in the shell takes the terminal over."""
    env = environment(tmp_path, access.url, mosquitto.address)
    for twin in TWINS:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "console", *twin.split(), env=env, cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        saying = asyncio.create_task(process.communicate())
        if "tail" in twin:
            await until(lambda: changed(owner, saying))  # noqa: B023 - awaited in this turn of the loop
        said, _ = await saying
        assert process.returncode == 0, (twin, said[-2_000:])
        assert leaks(said) == [], twin
        assert [c for c in said.decode() if not c.isprintable() and c not in "\n "] == [], twin


async def changed(owner: asyncpg.Connection, saying: "asyncio.Task[object]") -> bool:
    """Something new with a hostile type."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
        " VALUES ('acme', gen_random_uuid()::text, 'pump-1', $1)", CONTROLS[0],
    )  # fmt: skip
    await owner.execute("SELECT pg_notify('device_console', 'acme')")
    return saying.done()


async def test_hostile_words_in_the_environment_are_harmless(
    fleet: Fleet, access: Access, mosquitto: BrokerProcess, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without cleaning the name, every operator's terminal shows what one of them put into $USER."""
    hostile = "al\x1b]52;c;Q0FOQVJZ\x07ice\u202e"
    env = environment(
        tmp_path, access.url, mosquitto.address, USER=hostile, LOGNAME=hostile, CONSOLE_OPERATOR=hostile
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", "send", "pump-1", "ping", env=env, cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    assert leaks(said) == []
    name = await owner.fetchval("SELECT created_by FROM device_commands")
    assert name.isprintable()
    for variable in ("CONSOLE_TENANT", "CONSOLE_THEME", "CONSOLE_LATE_ACK", "DATABASE_URL", "MQTT_URL"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "console", "devices", env=env | {variable: hostile}, cwd=REPOSITORY,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode in {1, 2}, (variable, said)
        assert said.count(b"\n") == 1, said
        assert leaks(said) == []
