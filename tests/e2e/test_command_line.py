"""The command line as a process: real servers that it did not start, exit codes, sentences, JSON."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import asyncpg
import pytest

from console.mqtt.session import BrokerAddress
from console.store.access import Access
from tests.brokers import BrokerProcess, free_port
from tests.conftest import Fleet
from tests.devices import device, silent
from tests.forks.client import Process, start_program
from tests.needs import need
from tests.rows import add_command, row_of
from tests.waiting import PATIENCE_S, until

REPOSITORY = Path(__file__).parents[2]
CANARY = "canary-7f3a"


@dataclass
class Ended:
    code: int
    out: str
    err: str

    def one_sentence(self) -> str:
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err


class Console:
    """Runs ``python -m console`` with its own environment."""

    module = "console"

    def __init__(self, home: Path, **environment: str) -> None:
        keep = {
            k: v for k, v in os.environ.items() if not k.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))
        }
        self.environment = {
            **keep, "PYTHONPATH": str(REPOSITORY), "CONSOLE_HOME": str(home), "CONSOLE_CONFIG": str(home / "none.toml"),
            **environment,
        }  # fmt: skip

    async def start(self, *arguments: str) -> Process:
        return await start_program(self.module, *arguments, env=self.environment, stdout=PIPE, stderr=PIPE)

    async def run(self, *arguments: str, timeout_s: float = PATIENCE_S) -> Ended:
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def broker(any_broker: BrokerProcess) -> BrokerProcess:
    return any_broker


def mqtt_url(address: BrokerAddress) -> str:
    return f"mqtt://{address.host}:{address.port}"


@pytest.fixture
def console(access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path) -> Console:
    return Console(
        tmp_path, DATABASE_URL=access.url, MQTT_URL=mqtt_url(mosquitto.address), CONSOLE_TENANT="acme,rival",
        CONSOLE_OPERATOR="alice\x1b[31m",
    )  # fmt: skip


@pytest.fixture
def nowhere(tmp_path: Path) -> Console:
    return Console(tmp_path)


@asynccontextmanager
async def sweeping(console: Console) -> AsyncIterator[Process]:
    """A headless worker that is ready."""
    process = await console.start("--sweeper")
    assert process.stderr is not None
    try:
        while b"ready" not in (line := await asyncio.wait_for(process.stderr.readline(), 20)):
            assert line, "the worker ended before it was ready"
        drain = asyncio.create_task(process.stderr.read())
        yield process
        drain.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_send_publishes_by_itself_when_no_worker_lives_and_waits_for_the_answer(
    console: Console, mosquitto: BrokerProcess, owner: asyncpg.Connection
) -> None:
    async with device(mosquitto.address) as pump:
        ended = await console.run(
            "send", "pump-1", "reboot", "--params", '{"delay_s": 5}', "--wait", "--json"
        )
    document = json.loads(ended.out)
    assert (ended.code, document["phase"], document["late"]) == (0, "ok", False)
    assert document["params"] == {"delay_s": 5}
    assert document["ack_details"] == {"status": "ok", "details": {"n": 1}}
    assert [c["command_id"] for c in pump.commands] == [document["command_id"]]
    assert (await row_of(owner, document["command_id"]))["created_by"] == "alice[31m"


@pytest.mark.soak
@pytest.mark.mosquitto
async def test_twenty_commands_in_a_row_are_twenty_answers(
    console: Console, mosquitto: BrokerProcess, owner: asyncpg.Connection
) -> None:
    """Without leases that are given back, and a claim that passes what is done with, the next one waits for a lease."""
    async with device(mosquitto.address) as pump:
        for number in range(20):
            ended = await console.run(
                "send", "pump-1", "ping", "--id", f"c{number}", "--wait", "--ttl", "40s"
            )
            assert ended.code == 0, ended.err
            leased = "SELECT count(*) FROM device_console.outbox WHERE holder IS NOT NULL"
            assert await owner.fetchval(leased) == 0
    assert [c["command_id"] for c in pump.commands] == [f"c{number}" for number in range(20)]


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_the_exit_code_tells_the_answer(console: Console, mosquitto: BrokerProcess) -> None:
    failing = b'{"command_id": "c1", "status": "error"}'
    async with device(mosquitto.address, answer=lambda _: failing):
        assert (await console.run("send", "pump-1", "ping", "--id", "c1", "--wait")).code == 1
    async with device(mosquitto.address, "pump-2", answer=silent):
        ended = await console.run("send", "pump-2", "ping", "--ttl", "5s", "--wait")
        assert ended.code == 4
        assert "missed" in ended.err


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_a_headless_worker_does_the_work_and_leaves_on_term(
    console: Console, mosquitto: BrokerProcess, owner: asyncpg.Connection
) -> None:
    async with device(mosquitto.address), sweeping(console) as worker:
        await add_command(owner, "acme", "overdue", published=True)
        await owner.execute("UPDATE device_commands SET expires_at = now()")
        ended = await console.run("send", "pump-1", "ping", "--wait")
        assert ended.code == 0

        async def settled() -> bool:
            return bool((await row_of(owner, "overdue"))["status"] == "missed")

        await until(settled)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 10) == 0


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_the_shell_commands_agree_on_a_command(console: Console, mosquitto: BrokerProcess) -> None:
    async with device(mosquitto.address, answer=silent):
        sent = await console.run("send", "pump-1", "ping", "--id", "mine")
        assert (sent.code, sent.out) == (0, "mine\n")
        again = await console.run("send", "pump-1", "ping", "--id", "mine")
        assert again.code == 0
        assert "exists already" in again.err
        other = await console.run("send", "pump-2", "ping", "--id", "mine")
        assert (other.code, "already belongs to another command" in other.one_sentence()) == (1, True)
    shown = json.loads((await console.run("show", "mine", "--json")).out)
    listed = json.loads((await console.run("history", "pump-1", "--json")).out)
    assert shown["phase"] == listed["phase"] == "published"
    assert "◔ published" in (await console.run("history")).out
    assert "deadline" not in (await console.run("show", "mine")).err
    devices = [json.loads(line) for line in (await console.run("devices", "--json")).out.splitlines()]
    assert [d["device_id"] for d in devices] == [f"pump-{n}" for n in range(1, 6)]
    assert devices[0]["in_flight"] == 1
    assert "pump-1" in (await console.run("devices", "pump-1")).out
    cancelled = await console.run("cancel", "mine")
    assert (cancelled.code, "cannot be recalled" in cancelled.one_sentence()) == (1, True)
    retried = await console.run("retry", "mine")
    assert (retried.code, "only an ended" in retried.one_sentence()) == (1, True)


@pytest.mark.slow
async def test_cancel_and_retry_work_while_no_broker_answers(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    console = Console(
        tmp_path, DATABASE_URL=access.url, MQTT_URL=f"mqtt://127.0.0.1:{free_port()}", CONSOLE_TENANT="acme"
    )
    sent = await console.run("send", "pump-1", "ping", "--id", "mine")
    assert sent.code == 0
    assert "still waits to be published" in sent.err
    assert (await console.run("cancel", "mine", "--reason", "typo")).code == 0
    retried = await console.run("retry", "mine", "--json")
    assert json.loads(retried.out)["journal"][0]["detail"] == "mine"


@pytest.mark.slow
async def test_stats_count_by_name_and_say_that_nobody_counts(
    console: Console, owner: asyncpg.Connection
) -> None:
    """Without the sentence, figures that stand still look like a fleet that does."""
    await owner.execute(
        "INSERT INTO device_console.hour_groups VALUES ('acme', date_trunc('hour', now()), 'type', 'ping', '{90,5,1,4,0}'),"
        " ('acme', date_trunc('hour', now()), 'type', E're\\x1b[2Jboot', '{0,0,0,0,9}'),"
        " ('acme', date_trunc('hour', now()) - interval '2 days', 'type', 'old', '{1,0,0,0,0}'),"
        " ('acme', date_trunc('hour', now()), 'site', '', '{0,1,0,0,0}'), ('rival', now(), 'type', 'hidden', '{1,0,0,0,0}')"
    )
    await owner.execute(
        "INSERT INTO device_console.type_latency VALUES ('acme', 'ping', '', 3, '{0,0,0,0,3}')"
    )
    text = await console.run("stats")
    assert [line.split() for line in text.out.splitlines()] == [
        ["NAME", "ENDED", "OK", "LATE", "FAILED", "MISSED", "EXPIRED", "NOT", "OK", "P50", "P95"],
        ["ping", "100", "90", "1", "5", "4", "0", "9.0", "%", "0.00s", "0.00s"],
        ["re␛[2Jboot", "9", "0", "0", "0", "0", "9", "100.0", "%", "-", "-"],
    ]
    assert "No worker of this console runs on this database" in text.err
    found = [
        json.loads(line) for line in (await console.run("stats", "--since", "3d", "--json")).out.splitlines()
    ]
    assert [one["type"] for one in found] == ["ping", "re\x1b[2Jboot", "old"]
    assert (found[0]["ended"], found[0]["failed"], round(found[0]["p95_ms"], 2)) == (100, 5, 1.83)
    by_site = await console.run("stats", "--by", "site")
    assert by_site.out.splitlines()[1].split()[:3] == ["-", "1", "0"]
    assert "is not a span" in (await console.run("stats", "--since", "5w")).err
    assert "nothing ended" in (await console.run("stats", "--by", "reason")).err


@pytest.mark.slow
async def test_problems_and_tail(console: Console, owner: asyncpg.Connection) -> None:
    await owner.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
        " VALUES ('acme', 'forged ack', 'pump-1', 'c1', E'told \\x1b[2J')"
    )
    text = await console.run("problems", "forged")
    assert "forged ack" in text.out
    assert "\x1b" not in text.out
    assert json.loads((await console.run("problems", "--json")).out)["kind"] == "forged ack"
    tail = await console.start("tail", "--count", "1", "--json")
    assert tail.stderr is not None
    assert tail.stdout is not None
    await asyncio.wait_for(tail.stderr.readline(), 20)
    await add_command(owner, "acme", "new")
    line = await asyncio.wait_for(tail.stdout.readline(), 10)
    assert json.loads(line)["command_id"] == "new"
    assert await asyncio.wait_for(tail.wait(), 10) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["send", "pump-99", "ping"], 2, "'pump-99' is not registered"),
        (["send", "a/b", "ping"], 2, "it contains '/'"),
        (["send", "pump-1\n", "ping"], 2, "control character U+000A"),
        (["send", "pump-1", "ping", "--params", "{"], 2, "not JSON"),
        (["send", "pump-1", "ping", "--params", "[]"], 2, "JSON object"),
        (["send", "pump-1", "ping", "--ttl", "1s"], 2, "out of range"),
        (["send", "pump-1", "ping", "--ttl", "soon"], 2, "is not a TTL"),
        (["show", "nothing"], 2, "There is no command 'nothing'"),
        (["cancel", "nothing"], 2, "There is no command or bulk send 'nothing'"),
        (["devices", "--tenant", "ghost"], 2, "The tenant 'ghost' does not exist"),
        (["devices", "--tenant", "#"], 2, "The tenant '#' cannot be used"),
        (
            ["send", "pump-1", "ping", "--read-only"],
            2,
            "send sends commands, and --read-only forbids changes",
        ),
        (["--sweeper", "--read-only"], 2, "exclude each other"),
        (["simulate"], 2, "would answer real commands"),
        ([], 2, "needs a terminal"),
    ],
)
async def test_bad_input_is_one_sentence_with_the_right_exit_code(
    console: Console, arguments: list[str], code: int, says: str
) -> None:
    ended = await console.run(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.one_sentence()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "arguments", "code", "says"),
    [
        ({"DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}, ["send", "a", "b", "--tenant", "t"], 2, "MQTT_URL is not"),
        ({"MQTT_URL": "mqtt://h"}, ["devices", "--tenant", "t"], 2, "DATABASE_URL is not"),
        ({"DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "MQTT_URL": "mqtt://h"}, ["devices", "--tenant", "t"], 3, "does not answer"),
        ({"DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:1/x", "MQTT_URL": "mqtt://h"}, ["devices", "--tenant", "t"], 3, "does not answer"),
        ({"DATABASE_URL": "mysql://x", "MQTT_URL": "mqtt://h"}, ["devices", "--tenant", "t"], 2, "must begin with postgresql://"),
        ({"DATABASE_URL": "postgresql://[::1/x", "MQTT_URL": "mqtt://h"}, ["devices", "--tenant", "t"], 2, "cannot be read"),
        ({"DATABASE_URL": "postgresql://h/x", "MQTT_URL": "amqp://h"}, ["send", "a", "b", "--tenant", "t"], 2, "must be mqtt://"),
        ({"DATABASE_URL": "postgresql://h/x"}, ["devices"], 2, "No tenant is set"),
        *(
            (half, verb, 2, "set both, or neither")
            for half in ({"DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}, {"MQTT_URL": "mqtt://h"})
            for verb in (["devices", "--tenant", "t"], ["history", "--tenant", "t"], ["show", "x", "--tenant", "t"],
                         ["export", "--tenant", "t"], ["problems", "--tenant", "t", "--read-only"], ["tail", "--tenant", "t"],
                         ["send", "a", "b", "--tenant", "t"], ["retry", "x", "--tenant", "t"], ["--sweeper"])
        ),
        ({}, ["--sweeper"], 2, "--sweeper needs a configured database"),
        ({}, ["migrate"], 2, "migrate needs a database"),
        ({"CONSOLE_LATE_ACK": "maybe"}, ["config", "show"], 2, "late_ack (from CONSOLE_LATE_ACK) is wrong"),
        ({"CONSOLE_PUBLISH_RATE": "0"}, ["config", "show"], 2, "publish_rate (from CONSOLE_PUBLISH_RATE) is wrong"),
        ({"CONSOLE_ADOPT_AFTER_S": "-1"}, ["config", "show"], 2, "adopt_after_s (from CONSOLE_ADOPT_AFTER_S) is wrong"),
        ({"DATABASE_URL_FILE": "/nonexistent"}, ["config", "show"], 2, "/nonexistent for DATABASE_URL cannot be read"),
    ],
)  # fmt: skip
async def test_a_wrong_set_up_is_refused_in_one_sentence_without_a_secret(
    nowhere: Console, environment: dict[str, str], arguments: list[str], code: int, says: str
) -> None:
    nowhere.environment.update(environment)
    ended = await nowhere.run(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.one_sentence()
    assert CANARY not in ended.err


async def test_a_wrong_password_is_one_sentence(nowhere: Console, server_url: str, database_url: str) -> None:
    need("access rules of our own", "host=" in database_url)
    nowhere.environment["DATABASE_URL"] = database_url.replace("console_owner@", "ghost@")
    nowhere.environment["MQTT_URL"] = "mqtt://h"
    ended = await nowhere.run("devices", "--tenant", "acme")
    assert (ended.code, "refused the login" in ended.one_sentence()) == (2, True)


@pytest.mark.slow
async def test_migrate_prints_what_it_did_and_does_it_once(nowhere: Console, empty_url: str) -> None:
    nowhere.environment["DATABASE_URL"], nowhere.environment["MQTT_URL"] = empty_url, "mqtt://h"
    unmigrated = await nowhere.run("devices", "--tenant", "acme")
    assert (unmigrated.code, "run `device-console migrate`" in unmigrated.one_sentence()) == (2, True)
    unasked = await nowhere.run("migrate")
    assert (unasked.code, "--create-platform-tables" in unasked.one_sentence()) == (2, True)
    first = await nowhere.run("migrate", "--create-platform-tables")
    assert first.code == 0
    assert "applied  079_device_commands" in first.out
    second = [json.loads(line) for line in (await nowhere.run("migrate", "--json")).out.splitlines()]
    assert {step["action"] for step in second} == {"present"}


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_doctor_says_what_is_in_force(console: Console) -> None:
    ended = await console.run("doctor", "--json")
    levels = {json.loads(line)["text"]: json.loads(line)["level"] for line in ended.out.splitlines()}
    assert ended.code == 0
    assert any("MQTT 5" in text for text in levels)
    assert levels["no live process runs dispatch: start one with --sweeper"] == "warning"
    console.environment["MQTT_URL"] = f"mqtt://127.0.0.1:{free_port()}"
    broken = await console.run("doctor")
    assert (broken.code, "fault" in broken.out) == (3, True)


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_doctor_publishes_nothing_where_tenants_listen(
    console: Console, mosquitto: BrokerProcess
) -> None:
    """Without a topic of its own, the platform stores each look as telemetry of a device that nobody knows."""
    async with aiomqtt.Client(mosquitto.address.host, mosquitto.address.port) as platform:
        await platform.subscribe("tenant/#", qos=1)
        heard: dict[str, int] = {}
        for look in ("", "--probe"):
            ended = await console.run("doctor", *filter(None, [look]))
            assert ended.code == 0, ended.out
            await platform.publish("tenant/last", b"", qos=1)
            heard[look] = 0
            async with asyncio.timeout(PATIENCE_S):
                async for message in platform.messages:
                    if str(message.topic) == "tenant/last":
                        break
                    heard[look] += 1
    assert heard == {"": 0, "--probe": 2}


async def test_config_show_masks_secrets_and_names_origins(nowhere: Console, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"postgresql://u:{CANARY}@h/x\n")
    (tmp_path / "c.toml").write_text('late_ack = "record-only"\n')
    nowhere.environment |= {
        "DATABASE_URL_FILE": str(tmp_path / "secret"), "CONSOLE_CONFIG": str(tmp_path / "c.toml"), "CONSOLE_TENANT": "a,b",
    }  # fmt: skip
    ended = await nowhere.run("config", "show", "--json", "--operator", "bob")
    shown = {d["name"]: (d["value"], d["origin"]) for d in map(json.loads, ended.out.splitlines())}
    assert shown["database_url"] == ("********", "DATABASE_URL_FILE")
    assert shown["late_ack"] == ("record-only", f"{tmp_path / 'c.toml'}, line 1")
    assert shown["tenant"] == ("a,b", "CONSOLE_TENANT")
    assert shown["operator"] == ("bob", "flag")
    assert CANARY not in ended.out + ended.err
    (tmp_path / "c.toml").write_text("no_such = 1\n")
    assert "no_such in" in (await nowhere.run("config", "show")).one_sentence()
    (tmp_path / "c.toml").write_text("= broken")
    assert "cannot be read" in (await nowhere.run("config", "show")).one_sentence()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "devices",
        "history",
        "show",
        "send",
        "cancel",
        "retry",
        "problems",
        "tail",
        "doctor",
        "config",
        "migrate",
        "simulate",
        "demo",
    ],
)
async def test_every_shell_command_has_help_with_an_example(nowhere: Console, command: str) -> None:
    ended = await nowhere.run(command, "--help")
    assert ended.code == 0
    assert "example: " in ended.out
    assert command in ended.out


@pytest.mark.slow
async def test_a_closed_pipe_is_no_crash(console: Console) -> None:
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m console devices | head -1", env=console.environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert out.startswith(b"DEVICE")
    assert b"Traceback" not in err


async def test_version_and_help_answer_without_loading_anything(nowhere: Console) -> None:
    code = (
        "import sys; sys.argv = ['x', '--version']; from console.__main__ import main; main();"
        "print(*{'textual', 'pydantic', 'asyncpg', 'aiomqtt', 'argparse'} & set(sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env=nowhere.environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    version, heavy = out.decode().split("\n")[:2]
    assert version.startswith("device-console ")
    assert heavy == ""


@pytest.mark.slow
async def test_what_the_catalogue_lists_is_printed_and_a_misfit_is_noted(
    console: Console, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO template_commands VALUES (1, 'blink', E'Blink\\u001b[31m', $1, NULL)",
        '{"properties": {"times": {"type": "integer"}, "hard": {"type": "boolean"}}, "required": ["times"]}',
    )
    await owner.execute("UPDATE device_registry SET template_id = 1 WHERE device_id = 'pump-1'")
    listed = await console.run("types", "pump-1")
    assert "times: integer, hard?: choice" in listed.out
    assert "\x1b" not in listed.out
    document = json.loads((await console.run("types", "pump-1", "--json")).out)
    assert (document["type"], document["params_schema"]["required"]) == ("blink", ["times"])
    assert "No catalogue" in (await console.run("types", "pump-2")).err
    assert (await console.run("types", "nobody")).code == 2
    sent = await console.run("send", "pump-1", "blink", "--params", '{"times": "3"}')
    assert "note: Catalogue mismatch: times: '3' is not of type 'integer'." in sent.err
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 1


@pytest.mark.parametrize("words", [("demo", "reset"), ("migrate",), ("simulate", "--seed-history", "10")])
async def test_read_only_forbids_what_changes_data(nowhere: Console, words: tuple[str, ...]) -> None:
    """Without the look before them, --read-only demo reset deletes the data."""
    ended = await nowhere.run(*words, "--read-only")
    assert ended.code == 2
    assert "--read-only forbids changes" in ended.err


@pytest.mark.slow
async def test_a_terminal_without_utf8_gets_ascii_and_no_traceback(
    console: Console, owner: asyncpg.Connection
) -> None:
    """Without the error handler, the first symbol ends `show` with a traceback."""
    await add_command(owner, "acme", "c1", published=True)
    for change in ({"LC_ALL": "C", "LANG": "C"}, {"PYTHONIOENCODING": "latin-1"}):
        console.environment |= change
        for words in (("show", "c1"), ("history",), ("devices",)):
            ended = await console.run(*words)
            assert (ended.code, ended.out.isascii()) == (0, True), ended.err
        assert "@ published" in (await console.run("show", "c1")).out


@pytest.mark.slow
async def test_small_mistakes_are_reported_in_our_words(console: Console) -> None:
    ended = await console.run("history", "--limit", "x")
    assert (ended.code, "'x' is not a whole number" in ended.err) == (2, True)
    ended = await console.run("history", "nosuchdevice")
    assert (ended.code, "There is no device 'nosuchdevice'" in ended.err) == (2, True)
    console.environment["CONSOLE_THEME"] = "Solarized Dark"
    ended = await console.run("devices")
    assert ended.code == 2
    assert "must be a name of lower-case letters" in ended.err


@pytest.mark.slow
async def test_favourites_are_kept_listed_and_dropped(console: Console, tmp_path: Path) -> None:
    console.environment["XDG_DATA_HOME"] = str(tmp_path)
    keep = ("favourites", "--keep", "reboot", "--params", '{"delay_s": 5}', "--ttl", "10m", "--json")
    for _ in range(2):  # a second time changes nothing
        ended = await console.run(*keep)
        assert [json.loads(line) for line in ended.out.splitlines()] == [
            {"type": "reboot", "params": '{"delay_s": 5}', "ttl": "10m"}
        ]
    assert "no such favourite" in (await console.run("favourites", "--drop", "reboot")).err
    assert "not JSON" in (await console.run("favourites", "--keep", "reboot", "--params", "{")).err
    ended = await console.run(
        "favourites", "--drop", "reboot", "--params", '{"delay_s": 5}', "--ttl", "10m", "--json"
    )
    assert (ended.code, ended.out) == (0, "")


async def test_the_configuration_is_typed_in_json(nowhere: Console) -> None:
    nowhere.environment["CONSOLE_KEYS"] = "history.retry=f3"
    ended = await nowhere.run("config", "show", "--json", "--read-only")
    shown = {d["name"]: d["value"] for d in map(json.loads, ended.out.splitlines())}
    assert (shown["read_only"], shown["max_payload_bytes"], shown["keys"]) == (
        True,
        65_536,
        {"history.retry": "f3"},
    )
    assert shown["database_url"] is None


@pytest.mark.slow
async def test_the_slots_need_the_database_alone(console: Console) -> None:
    """Without this, whoever cares for the database needs the broker's address to set a number in a table."""
    del console.environment["MQTT_URL"]
    for arguments in (("ingest-slots", "3"), ("ingest-slots",)):
        ended = await console.run(*arguments)
        assert (ended.code, ended.out) == (0, "3\n"), ended.err
