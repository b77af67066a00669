"""Nothing that stands in the database or comes from the environment reaches the terminal as a control code."""

import asyncio
import itertools
import json
import re
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.terminal import Terminal, terminal
from tests.forks.client import start_program
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
ALL_OF_IT = CONTROLS[0] + MARKUP[0] + CONTROLS[4]
HOSTILE = CONTROLS + MARKUP + WIDE
TABLES = ["tenants", "device_registry", "device_state", "device_tags", "device_groups", "device_group_members",
          "device_commands", "template_commands", "device_console.outbox", "device_console.journal",
          "device_console.problems", "device_console.batches", "device_console.batch_members",
          "device_console.batch_targets"]  # fmt: skip


async def fill(owner: asyncpg.Connection) -> int:
    """Put every hostile text into every text column that takes it, in a row of its own; return how many."""
    filled = 0
    places: set[tuple[str, str]] = set()
    columns = await owner.fetch(
        "SELECT table_schema AS s, table_name AS t, column_name AS c, data_type AS d FROM information_schema.columns"
        " WHERE table_schema || '.' || table_name = ANY ($1) AND data_type IN ('text', 'jsonb', 'ARRAY')",
        [table if "." in table else f"public.{table}" for table in TABLES],
    )
    for number, (text, column) in enumerate(
        itertools.product(reversed(HOSTILE), columns)
    ):  # lists begin with the newest
        name = f"{column['s']}.{column['t']}"
        if column["c"] == "tenant_id" or (column["t"] == "tenants" and column["c"] == "status"):
            continue
        value = VALUES[column["d"]]
        row = MAKE_ROW[column["t"]]
        try:
            async with owner.transaction():
                where = await owner.fetchval(row.format(n=number))
                await owner.execute(
                    f"UPDATE {name} SET {column['c']} = {value} WHERE ctid = $2::text::tid", text, where
                )
                filled += 1
                places.add((column["t"], column["c"]))
        except asyncpg.PostgresError:  # a constraint of the platform keeps it out
            continue
    assert {table for table, _ in places} == {table.rpartition(".")[2] for table in TABLES}
    await join(owner)
    return filled


async def join(owner: asyncpg.Connection) -> None:
    """Let the hostile rows be seen together: answers, a batch of them all, and a catalogue with a form."""
    await owner.execute(
        "UPDATE device_commands SET status = 'delivered', acked_at = now() WHERE ack_details IS NOT NULL"
    )
    await owner.execute(
        "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, retry_of,"
        " created_by, stopped_at, stopped_by) VALUES ('acme', $1, $1, to_jsonb($1::text), 60, $1, 9, $1, $1, now(), $1)",
        ALL_OF_IT,
    )
    await owner.execute(
        "INSERT INTO device_console.batch_members (tenant_id, batch_id, command_id)"
        " SELECT 'acme', $1, command_id FROM device_commands WHERE tenant_id = 'acme' ON CONFLICT (tenant_id, command_id)"
        " DO UPDATE SET batch_id = excluded.batch_id", ALL_OF_IT,
    )  # fmt: skip
    await owner.execute("UPDATE device_registry SET template_id = 1")
    for number, text in enumerate(CONTROLS + MARKUP):
        reported = {
            "type": "string",
            "title": text,
            "description": text,
            "default": text,
            "enum": [text, f"{text}2"],
        }
        schema = {
            "type": "object",
            "title": text,
            "properties": {text: reported, "n": {"type": "integer"}},
            "required": [text],
        }
        await owner.execute(
            "INSERT INTO template_commands (template_id, command_key, display_name, parameters_schema) VALUES (1, $1, $2, $3)",
            f"form{number}", text, json.dumps(schema),
        )  # fmt: skip


VALUES = {
    "text": "$1::text",
    "jsonb": "to_jsonb(jsonb_build_object('status', 'ok', 'details', $1::text, $1::text, 1))",
    "ARRAY": "ARRAY[$1::text]",
}
MAKE_ROW = {
    "tenants": "SELECT ctid::text FROM tenants WHERE tenant_id = 'acme'",
    "device_registry": "INSERT INTO device_registry (tenant_id, device_id, site_id, model, fw_version)"
    " VALUES ('acme', 'h{n}', 's', 'm', 'f') RETURNING ctid::text",
    "device_commands": "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, published_at)"
    " VALUES ('acme', 'h{n}', 'pump-1', 'ping', now()) RETURNING ctid::text",
    "device_state": "INSERT INTO device_state (tenant_id, device_id, site_id) VALUES ('acme', 's{n}', 's')"
    " RETURNING ctid::text",
    "device_tags": "INSERT INTO device_tags (tenant_id, device_id, tag) VALUES ('acme', 'pump-1', 't{n}') RETURNING ctid::text",
    "device_groups": "INSERT INTO device_groups (tenant_id, group_id, name) VALUES ('acme', 'g{n}', 'g')"
    " RETURNING ctid::text",
    "device_group_members": "INSERT INTO device_group_members (tenant_id, group_id, device_id)"
    " VALUES ('acme', 'g{n}', 'pump-1') RETURNING ctid::text",
    "template_commands": "INSERT INTO template_commands (template_id, command_key, display_name)"
    " VALUES (1, 'k{n}', 'd') RETURNING ctid::text",
    "batches": "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted)"
    " VALUES ('acme', 'b{n}', 'ping', '{{}}', 60, 'all', 1) RETURNING ctid::text",
    "batch_members": "INSERT INTO device_console.batch_members (tenant_id, batch_id, command_id)"
    " VALUES ('acme', 'b{n}', 'm{n}') RETURNING ctid::text",
    "batch_targets": "INSERT INTO device_console.batch_targets (tenant_id, batch_id, device_ids)"
    " VALUES ('acme', 'b{n}', '{{x}}') RETURNING ctid::text",
    "outbox": "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, due_at)"
    " VALUES ('acme', 'target', 'pump-1', 'infinity')"
    " ON CONFLICT (tenant_id, command_id) DO UPDATE SET attempt = 1 RETURNING ctid::text",
    "journal": "INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)"
    " VALUES ('acme', 'target', 'conflict', 'x') RETURNING ctid::text",
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


SCREENS = {
    "devices": "", "history of a device": "\r", "detail": "H\r", "history": "H", "problems": "p", "batches": "b", "batch": "b\r",
    "commands of a batch": "b\r\r", "compose": "c", "form": "cform0", "help": "?", "tenants": "t", "palette": "\x10",
}  # fmt: skip


async def walk(screen: Terminal) -> None:
    """Every screen, every overlay, and clicks all over each."""
    await screen.shows("offline")
    for keys in ("\r", "\r", "\x1b", "H", "\x1b", "p", "\r", "\x1b", "?", "\x1b", "t", "\x1b", "\x10", "\x1b", "/can", "\r",
                 "\x1b", "c", "\t", "\x1b", "G", "g", "\x1b[6~", "\x1b[5~", " ", "v", "\x1b", "d", "\x1b", "r", "\x1b"):  # fmt: skip
        screen.type(keys)
        await screen.settled(0.12)
        assert screen.alive, screen.text
    for keys in SCREENS.values():
        await home(screen)
        for key in re.findall("form0|.", keys, re.DOTALL):
            screen.type(key)
            await screen.settled(0.12)
        for row, column in itertools.product(
            range(1, screen.rows, screen.rows // 3), range(2, screen.columns, screen.columns // 2)
        ):
            screen.click(column, row)
            await screen.settled(0.03)
            assert screen.alive, screen.text
    await home(screen)


async def home(screen: Terminal) -> None:
    for _ in range(5):
        screen.type("\x1b")
        await screen.settled(0.05)
    assert screen.alive, screen.text


@pytest.mark.slow
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


@pytest.mark.slow
async def test_what_looks_like_markup_is_shown_as_it_is_and_does_nothing(
    access: Access, mosquitto: BrokerProcess, owner: asyncpg.Connection, fleet: Fleet, tmp_path: Path
) -> None:
    """Without content that is taken literally, a device's answer paints the screen, quits it, or ends it."""
    loud, quits = "[red]canary[/red]", "[@click=app.quit]canary[/]"
    await add_command(owner, "acme", "c1", published=True)
    await owner.execute(
        "UPDATE device_commands SET command_type = $1, created_by = $2, status = 'delivered', acked_at = now(), ack_details = $3",
        loud, quits, json.dumps({"status": "[/]", "details": {loud: quits}}),
    )  # fmt: skip
    schema = {"type": "object", "properties": {loud: {"type": "string", "description": quits}}}
    await owner.execute("UPDATE device_registry SET template_id = 1")
    await owner.execute("INSERT INTO template_commands VALUES (1, 'form', $1, $2)", loud, json.dumps(schema))
    env = environment(tmp_path, access.url, mosquitto.address)
    async with terminal(env, columns=140, rows=50) as screen:
        await screen.shows("pump-1")
        screen.type("H")
        await screen.shows(loud)
        screen.type("\r")

        async def whole() -> bool:
            return screen.text.count(loud) >= 2 and "@click=app.quit" in screen.text

        await until(whole)
        for row, line in enumerate(screen.text.splitlines(), start=1):
            if "@click" in line and "canary" in line:
                screen.click(line.index("canary") + 2, row)
                await screen.settled()
        assert screen.alive
        await home(screen)
        await screen.settled(0.5)  # until then, an escape and a letter would be one key
        screen.type("c")
        await screen.shows("New command")
        await screen.settled()
        screen.type("form")
        await screen.shows(f"params   {loud}")
        assert screen.alive


SHELL_COMMANDS = [
    "devices", "history", "history pump-1 --limit 500", "show target", "problems --limit 500", "devices --json",
    "history --json", "show target --json", "problems --json", "tail --count 1", "doctor", "batches", "batches --json", "types pump-1",
]  # fmt: skip


@pytest.mark.soak
async def test_no_control_code_reaches_a_pipe_from_shell_commands(
    hostile_database: int, access: Access, mosquitto: BrokerProcess, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without the one function that makes text safe, a list in the shell takes the terminal over."""
    env = environment(tmp_path, access.url, mosquitto.address)
    for words in SHELL_COMMANDS:
        process = await start_program(
            "console", *words.split(), env=env, cwd=REPOSITORY, stdout=PIPE, stderr=STDOUT
        )
        saying = asyncio.create_task(process.communicate())
        if "tail" in words:
            await until(lambda: changed(owner, saying))  # noqa: B023 - awaited in this turn of the loop
        message, _ = await saying
        assert process.returncode == 0, (words, message[-2_000:])
        assert leaks(message) == [], words
        assert [c for c in message.decode() if not c.isprintable() and c not in "\n "] == [], words


async def changed(owner: asyncpg.Connection, saying: "asyncio.Task[object]") -> bool:
    """Something new with a hostile type."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type)"
        " VALUES ('acme', gen_random_uuid()::text, 'pump-1', $1)", CONTROLS[0],
    )  # fmt: skip
    await owner.execute("SELECT device_console.announce('{acme}')")
    return saying.done()


async def test_hostile_words_in_the_environment_are_harmless(
    fleet: Fleet, access: Access, mosquitto: BrokerProcess, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without cleaning the name, every operator's terminal shows what one of them put into $USER."""
    hostile = "al\x1b]52;c;Q0FOQVJZ\x07ice\u202e"
    env = environment(
        tmp_path, access.url, mosquitto.address, USER=hostile, LOGNAME=hostile, CONSOLE_OPERATOR=hostile
    )
    process = await start_program(
        "console", "send", "pump-1", "ping", env=env, cwd=REPOSITORY, stdout=PIPE, stderr=STDOUT
    )
    message, _ = await process.communicate()
    assert process.returncode == 0, message
    assert leaks(message) == []
    name = await owner.fetchval("SELECT created_by FROM device_commands")
    assert name.isprintable()
    for variable in ("CONSOLE_TENANT", "CONSOLE_THEME", "CONSOLE_LATE_ACK", "DATABASE_URL", "MQTT_URL"):
        process = await start_program(
            "console", "devices", env=env | {variable: hostile}, cwd=REPOSITORY, stdout=PIPE, stderr=STDOUT
        )
        message, _ = await process.communicate()
        assert process.returncode in {1, 2}, (variable, message)
        assert message.count(b"\n") == 1, message
        assert leaks(message) == []
