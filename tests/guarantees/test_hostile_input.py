"""Hostile ids, params, configuration and rows: one clear sentence, nothing lost. Numbers as in docs/hostile-inputs.md."""

import json
from asyncio.subprocess import PIPE, STDOUT
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from console.errors import ConsoleError, DatabaseUnreachableError, InvalidInputError, NotFoundError
from console.runtime.program import Program
from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.terminal import terminal
from tests.forks.client import start_program
from tests.rows import add_command, add_devices
from tests.waiting import until

REFUSED_IDS = {
    50: ["x/y", "/"],
    51: ["+", "#", "a+b", "a#"],
    52: ["a\x00b", "a\nb", "a\x1b[2J", "a\x7f", "a\x85b"],
    53: ["a\ud800"],
    54: ["", " ", " a", "a ", "\u00a0a"],
    55: ["d" * 129, "d" * 3_000, "\u754c" * 3_000],
}


@pytest.mark.parametrize(("number", "bad"), [(n, bad) for n, many in REFUSED_IDS.items() for bad in many])
async def test_an_id_that_cannot_be_routed_is_refused_before_anything_is_written(
    program: Program, owner: asyncpg.Connection, fleet: Fleet, number: int, bad: str
) -> None:
    """Without the check, such an id goes to another topic, or makes the broker drop the link."""
    for draft in (program.sender.draft(bad, "ping"), program.sender.draft("pump-1", "ping", command_id=bad)):
        with pytest.raises(InvalidInputError) as refused:
            await program.sender.send("acme", [draft])
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 400
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


async def test_58_sql_in_an_id_is_text(program: Program, owner: asyncpg.Connection, fleet: Fleet) -> None:
    """Without parameters, the table is gone."""
    for bad in ("'; DROP TABLE device_commands; --", "$1", "%s", "pump-1' OR '1'='1"):
        with pytest.raises(NotFoundError):
            await program.sender.send("acme", [program.sender.draft(bad, "ping")])
        assert (await program.history.commands("acme", device_ids=[bad])).commands == ()
    assert await owner.fetchval("SELECT to_regclass('device_commands') IS NOT NULL")


async def test_60_61_ids_that_look_alike_or_like_something_else_are_themselves(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without comparing ids as they are, a command goes to another device of nearly the same name."""
    names = ["Pump-A", "pump-a", "null", "None", "nan", "-1", "true", "\u0440ump-1", "e\u0301", "\u00e9"]
    await add_devices(owner, "acme", names)
    for name in names:
        await program.sender.send("acme", [program.sender.draft(name, "ping")])
    for name in names:
        assert [
            c.device_id for c in (await program.history.commands("acme", device_ids=[name])).commands
        ] == [name]


REFUSED_PARAMS = {
    62: ["{", "{'a': 1}", "", "{} x"],
    63: ["[]", "5", '"x"', "null"],
    64: ['{"a": "%s"}' % ("x" * 1_048_576), '{"a": "%s"}' % ("x" * 65_536)],
    65: [
        '{"a": "\\u0000"}',
        '{"a": NaN}',
        '{"a": 1e400}',
        '{"a": 1e400000}',
        '{"a": %s}' % ("[" * 5_000 + "]" * 5_000),
        '{"a": "\\ud800"}',
    ],
}


@pytest.mark.parametrize(("number", "bad"), [(n, bad) for n, many in REFUSED_PARAMS.items() for bad in many])
async def test_params_that_cannot_be_sent_are_refused_with_the_reason(
    program: Program, owner: asyncpg.Connection, fleet: Fleet, number: int, bad: str
) -> None:
    """Without the check before the INSERT, the database refuses it in words of its own, or a device gets what it cannot read."""
    with pytest.raises(ConsoleError) as refused:
        await program.sender.send("acme", [program.sender.draft("pump-1", "ping", bad)])
    assert len(str(refused.value)) < 400
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


@pytest.mark.parametrize("seconds", [0, -1, 0.5, 1e9])
async def test_67_a_ttl_outside_its_range_is_refused(program: Program, fleet: Fleet, seconds: float) -> None:
    """Without the range, a command is over before it can be published, or never."""
    with pytest.raises(InvalidInputError, match="TTL|ttl"):
        await program.sender.send(
            "acme", [program.sender.draft("pump-1", "ping", ttl=timedelta(seconds=seconds))]
        )


@pytest.mark.parametrize("bad", ["", "x" * 1_000, "a\x1b[2J", "a\nb"])
async def test_68_a_type_that_cannot_be_sent_is_refused(program: Program, fleet: Fleet, bad: str) -> None:
    """Without the check, a type that nobody can read or type again stands in every list."""
    with pytest.raises(InvalidInputError):
        await program.sender.send("acme", [program.sender.draft("pump-1", bad)])


async def message(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    process = await start_program("console", *arguments, env=env, cwd=REPOSITORY, stdout=PIPE, stderr=STDOUT)
    text, _ = await process.communicate()
    return process.returncode or 0, text.decode()


CONFIGURATIONS: list[tuple[int, list[str], dict[str, str], str]] = [
    (56, ["devices"], {"CONSOLE_TENANT": "+"}, "tenant"),
    (56, ["devices"], {"CONSOLE_TENANT": "#"}, "tenant"),
    (67, ["send", "pump-1", "ping", "--ttl", "1h30"], {}, "ttl|TTL"),
    (67, ["send", "pump-1", "ping", "--ttl", ""], {}, "ttl|TTL"),
    (67, ["send", "pump-1", "ping", "--ttl", "1e9d"], {}, "ttl|TTL"),
    (74, ["devices"], {"DATABASE_URL": "not a url"}, "DATABASE_URL"),
    (74, ["devices"], {"DATABASE_URL": "postgresql://u@h:notaport/d"}, "DATABASE_URL"),
    (74, ["devices"], {"DATABASE_URL": "mysql://u@h/d"}, "DATABASE_URL"),
    (74, ["devices"], {"DATABASE_URL": "postgresql://u@[::1/d"}, "DATABASE_URL"),
    (74, ["devices"], {"DATABASE_URL": "postgresql://u@127.0.0.1/d?sslmode=perhaps"}, "DATABASE_URL"),
    (75, ["devices"], {"CONSOLE_LATE_ACK": "maybe"}, "CONSOLE_LATE_ACK"),
    (75, ["devices"], {"CONSOLE_READ_ONLY": "perhaps"}, "CONSOLE_READ_ONLY"),
    (76, ["devices"], {"CONSOLE_ADOPT_AFTER_S": "0"}, "CONSOLE_ADOPT_AFTER_S"),
    (76, ["devices"], {"CONSOLE_ADOPT_AFTER_S": "-1"}, "CONSOLE_ADOPT_AFTER_S"),
    (76, ["devices"], {"CONSOLE_ADOPT_AFTER_S": "nan"}, "CONSOLE_ADOPT_AFTER_S"),
    (76, ["devices"], {"CONSOLE_ADOPT_AFTER_S": "inf"}, "CONSOLE_ADOPT_AFTER_S"),
    (76, ["devices"], {"CONSOLE_MAX_PAYLOAD_BYTES": "999999999999"}, "CONSOLE_MAX_PAYLOAD_BYTES"),
    (76, ["devices"], {"CONSOLE_SIMULATED_DEVICES": "-5"}, "CONSOLE_SIMULATED_DEVICES"),
    (77, ["doctor"], {"MQTT_URL": "amqp://h"}, "MQTT_URL"),
    (77, ["doctor"], {"MQTT_URL": "mqtt://"}, "MQTT_URL"),
    (77, ["doctor"], {"MQTT_URL": "mqtt://h:99999"}, "MQTT_URL"),
    (78, ["doctor"], {"MQTT_URL": "mqtts://h", "CONSOLE_MQTT_CA": "/no/such.pem"}, "/no/such.pem"),
    (78, ["devices"], {"CONSOLE_DATABASE_CA": "/no/such.pem"}, "/no/such.pem"),
    (79, [], {"TERM": "dumb"}, "terminal"),
]  # fmt: skip


@pytest.mark.soak
async def test_56_to_79_a_wrong_setting_is_one_sentence_that_names_it(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, a wrong setting is a traceback, or means something else than what was meant."""
    import re

    env = environment(tmp_path, access.url, mosquitto.address)
    wrong = []
    for number, arguments, changes, names in CONFIGURATIONS:
        code, text = await message(env | changes, *arguments)
        sentences = [line for line in text.splitlines() if line]
        if (
            code != 2
            or not re.search(names, text)
            or (len(sentences) != 1 and arguments != ["doctor"])
            or "Traceback" in text
        ):
            wrong.append((number, changes, code, text[-300:]))
    assert wrong == []


@pytest.mark.slow
async def test_75_a_file_that_is_no_toml_is_named_with_its_line(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without the file and the line, an operator looks for the fault in the environment."""
    file = tmp_path / "c.toml"
    env = environment(tmp_path, access.url, mosquitto.address, CONSOLE_CONFIG=str(file))
    for text, names in (
        ("late_ack = \n", "line 1"),
        ("# a remark\nno_such_name = 1\n", f"no_such_name in {file}, line 2"),
        ('late_ack = "accept"\n\n"mouse" = "perhaps"\n', f"mouse (from {file}, line 3)"),
    ):
        file.write_text(text)
        code, answer = await message(env, "devices")
        assert (code, answer.count("\n")) == (2, 1), answer
        assert names in answer
        assert str(file) in answer


STRANGE_ROWS = [
    (85, "UPDATE device_commands SET expires_at = 'infinity' WHERE command_id = 'c85'"),
    (86, "UPDATE device_commands SET expires_at = '-infinity' WHERE command_id = 'c86'"),
    (
        87,
        "UPDATE device_commands SET created_at = '290000-01-01', expires_at = '294000-01-01' WHERE command_id = 'c87'",
    ),
    (87, "UPDATE device_commands SET created_at = '0044-03-15 BC' WHERE command_id = 'c88'"),
    (
        88,
        "UPDATE device_commands SET created_at = now() + interval '9 days', published_at = now() WHERE command_id = 'c89'",
    ),
    (89, "UPDATE device_commands SET status = 'delivered', acked_at = NULL WHERE command_id = 'c90'"),
    (89, "UPDATE device_commands SET status = 'missed', published_at = NULL WHERE command_id = 'c91'"),
    (90, "UPDATE device_commands SET status = 'whatever' WHERE command_id = 'c92'"),
    (91, "UPDATE device_commands SET command_params = '[1]' WHERE command_id = 'c93'"),
    (91, "UPDATE device_commands SET command_params = 'null' WHERE command_id = 'c94'"),
    (
        91,
        "UPDATE device_commands SET command_params = to_jsonb(repeat('x', 16000000)) WHERE command_id = 'c95'",
    ),
    (
        92,
        "UPDATE device_commands SET status = 'delivered', ack_details = (repeat('[', 5000) || repeat(']', 5000))::jsonb WHERE command_id = 'c96'",
    ),
]


@pytest.mark.soak
@pytest.mark.mosquitto
async def test_85_to_92_no_strange_row_blinds_a_list_a_screen_or_the_sweep(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without the instants as the database shows them, one row of the year 290000 ends the whole page."""
    for number in range(85, 97):
        await add_command(owner, "acme", f"c{number}", published=number % 2 == 0)
    for name in await owner.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'device_commands'::regclass AND contype = 'c'"
    ):
        await owner.execute(f'ALTER TABLE device_commands DROP CONSTRAINT "{name["conname"]}"')
    done = 0
    for _, statement in STRANGE_ROWS:
        await owner.execute(statement)
        done += 1
    assert done == len(STRANGE_ROWS)
    env = environment(tmp_path, access.url, mosquitto.address)
    for arguments in (
        ["history", "--json"],
        ["history", "pump-1"],
        ["devices"],
        *(["show", f"c{n}"] for n in (85, 87, 90, 92, 95, 96)),
    ):
        code, text = await message(env, *arguments)
        assert code == 0, (arguments, text[-500:])
        assert len(text) < 1_000_000
    rows = [json.loads(line) for line in (await message(env, "history", "--json"))[1].splitlines()]
    assert len(rows) == 12
    flagged = {row["command_id"]: row["inconsistent"] for row in rows if row["inconsistent"]}
    assert "published before it was created" in flagged["c89"]
    assert "delivered without the instant of the answer" in flagged["c90"]
    assert "missed without a publication" in flagged["c91"]
    async with terminal(env, columns=120, rows=40) as screen:
        await screen.shows("pump-1")
        screen.type("H")
        await screen.shows("12")
        for _ in range(12):
            screen.type("\r")
            await screen.settled(0.15)
            screen.type("\x1b")
            await screen.settled(0.15)
            screen.type("\x1b[B")
        assert screen.alive
        await owner.execute(
            "DELETE FROM device_commands WHERE command_id IN ('c85', 'c90')"
        )  # 95: gone while shown
        await owner.execute("SELECT device_console.announce('{acme}')")
        await screen.settled(0.5)
        screen.type("?")
        await screen.shows("Keys")
        assert screen.alive

    async def swept() -> bool:
        return await owner.fetchval("SELECT status FROM device_commands WHERE command_id = 'c86'") in {
            "expired",
            "missed",
        }

    await until(swept)


@pytest.mark.soak
@pytest.mark.mosquitto
async def test_64_66_69_a_paste_never_sends_and_a_huge_one_does_not_freeze(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without the guard on the key that confirms, pasted line ends are Enter."""
    env = environment(tmp_path, access.url, mosquitto.address)
    async with terminal(env, columns=100, rows=40) as screen:
        await screen.shows("pump-1")
        screen.type("c")
        await screen.settled()
        await screen.paste("reboot\n\n\r\n\ry\ny\n")
        await screen.settled()
        await screen.paste("\r\r")
        await screen.settled()
        assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0
        await screen.paste("x" * 300_000)
        await screen.settled(0.5)
        assert "pump-1" in screen.text
        screen.type("\x1b")
        await screen.settled()
        assert screen.alive
        assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


@pytest.mark.slow
async def test_97_a_locked_table_is_reported_and_waited_out(
    program: Program, owner: asyncpg.Connection, fleet: Fleet, database_url: str
) -> None:
    """Without the lock time-out, an ALTER TABLE of somebody else hangs every screen."""
    holder = await asyncpg.connect(database_url)
    draft = program.sender.draft("pump-1", "ping")
    async with holder.transaction():
        await holder.execute("LOCK TABLE device_commands IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnreachableError, match="lock"):
            await program.history.commands("acme")
    await holder.close()
    assert (await program.sender.send("acme", [draft])).command_ids == (draft.command_id,)


async def test_100_a_migration_beside_a_running_program_costs_at_most_one_try(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without a new plan after it, a statement prepared before a migration fails until the restart."""
    for _ in range(3):
        await program.history.devices("acme", ["pump-1"])
    await owner.execute("ALTER TABLE device_registry ALTER COLUMN model TYPE varchar(200)")
    await owner.execute("ALTER TABLE device_registry ADD COLUMN colour text")
    failures = 0
    for _ in range(4):
        try:
            await program.history.devices("acme", ["pump-1"])
        except DatabaseUnreachableError:
            failures += 1
    assert failures <= 1
