"""``--sweeper --listen``: the pages of a real worker, while its links come and go."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from console.runtime.program import Program
from console.store.access import Access
from console.wire.topics import ack_topic
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.devices import device, ok, say
from tests.faults.postgres import target_of, through
from tests.faults.processes import REPOSITORY, environment
from tests.faults.proxy import Proxy, proxy
from tests.forks.client import start_program
from tests.listened import Listener, listening, page
from tests.needs import find_program
from tests.rows import add_command, status_of
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.mosquitto
SOON = timedelta(seconds=0.3)
_WITHOUT = (
    "import sys; sys.modules['prometheus_client'] = None; from console.__main__ import main; sys.exit(main())"
)


@pytest.fixture
async def listener(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> AsyncIterator[Listener]:
    async with listening(environment(tmp_path, access.url, mosquitto.address)) as running:
        yield running


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker that lets nobody publish commands to pump-4."""
    rules = tmp_path / "acl"
    rules.write_text("topic deny tenant/acme/device/pump-4/commands\ntopic readwrite #\n")
    os.chmod(tmp_path, 0o755)
    with start_broker("mosquitto", f"acl_file {rules}") as broker:
        yield broker


async def send(program: Program, device_id: str, tenant: str = "acme") -> str:
    draft = program.sender.draft(device_id, "ping", "{}", timedelta(minutes=5), created_by="alice")
    return (await program.sender.send(tenant, [draft])).command_ids[0]


async def health(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    process = await start_program("console", "health", *arguments, env=env, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


async def has_times(listener: Listener) -> bool:
    """Whether an answer time is counted; the other answer has none if it overtook the note of its publication."""
    numbers = await listener.numbers()
    answers = numbers["acknowledgement_latency_seconds_count"]
    assert answers == numbers["acknowledgement_latency_seconds_bucket 4194.304"] <= 2
    assert (answers > 0) == (0 < numbers["acknowledgement_latency_seconds_sum"] < 2 * PATIENCE_S)
    return answers > 0


@pytest.mark.mqtt5
async def test_the_numbers_are_what_happened(
    access: Access,
    refusing: BrokerProcess,
    fleet: Fleet,
    program: Program,
    owner: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    """Without each count, an alert on forged answers or refused publications never comes."""
    broker = refusing.address
    async with listening(environment(tmp_path, access.url, broker)) as listener:
        async with device(broker, answer=ok) as pump:
            await send(program, "pump-1")
            await listener.reaches({"publications_total accepted": 1, "acknowledgements_total delivered": 1})
            command = pump.commands[0]
        await send(program, "pump-3")  # nobody listens
        await send(program, "pump-4")  # refused
        mine, other = ack_topic("acme", "pump-1"), ack_topic("acme", "pump-2")
        failed = ok(command).replace(b'"ok"', b'"error"')
        await say(broker, mine, ok(command), failed, ok({"command_id": "nobody-s"}), b"{", b"\xff")
        await say(broker, other, ok(command))
        await add_command(owner, "acme", "m1", published=True, ttl=SOON)
        await add_command(owner, "rival", "e1", ttl=SOON)
        await listener.reaches({"commands_settled_total missed": 1, "commands_settled_total expired": 1})
        assert [await status_of(owner, name) for name in ("m1", "e1")] == ["missed", "expired"]
        await say(broker, mine, ok({"command_id": "m1"}))
        progress = {"command_id": command["command_id"], "status": "running"}
        await say(broker, mine, json.dumps(progress).encode())
        await listener.reaches(
            {
                "publications_total accepted": 1, "publications_total no_subscriber": 1, "publications_total lost": 0,
                **{f"acknowledgements_total {outcome}": 1 for outcome in
                   ("delivered", "late", "duplicate", "conflict", "unknown", "forged", "progress")},
                "acknowledgements_total malformed": 2, "acknowledgements_total kept": 0,
                "sweep_lateness_seconds_count": 2, "link_up database": 1, "link_up broker": 1,
                "role_state dispatch on": 1, "role_state ingest on": 1, "role_state sweep on": 1, "role_state ingest standby": 0,
            }
        )  # fmt: skip
        assert (await listener.numbers())["publications_total refused"] >= 1
        await until(lambda: has_times(listener))
        listener.running.signal(signal.SIGTERM)
        assert await listener.running.ended() == 0
    lines = [json.loads(line) for line in listener.running.message]
    events = [line.get("event") for line in lines]
    assert {"listening", "link_up", "ready"} <= set(events)
    assert events[-2:] == ["summary", "stopping"], [line["message"] for line in lines[-3:]]
    told = lines[-2]
    assert {name: told[name] for name in ("published", "answered", "missed", "expired", "unconfirmed")} == {
        "published": 2, "answered": 9, "missed": 1, "expired": 1, "unconfirmed": 0,
    }  # fmt: skip
    assert "2 published" in told["message"]
    assert {line["pid"] for line in lines} == {listener.running.pid}


async def test_while_the_broker_is_away_it_is_not_ready_and_the_outbox_of_all_tenants_is_counted(
    access: Access, fleet: Fleet, program: Program, tmp_path: Path
) -> None:
    """Without the count over all tenants, nobody outside sees that commands wait."""
    with start_broker("mosquitto") as broker:
        env = environment(tmp_path, access.url, broker.address)
        async with listening(env) as listener:
            await listener.answers(200, "ok")
            broker.stop()
            await listener.answers(503, "the broker is down: ")
            assert (await health(env, "--at", str(listener.port)))[0] == 1
            for tenant, device_id in (("acme", "pump-1"), ("acme", "pump-2"), ("rival", "pump-1")):
                await send(program, device_id, tenant)
            await listener.reaches({"outbox_commands": 3, "link_up broker": 0, "role_state dispatch on": 0})
            assert 0 < (await listener.numbers())["outbox_oldest_age_seconds"] < 90
            assert (await page(listener.port, "/healthz"))[0] == 200
            broker.start()
            await listener.answers(200, "ok")
            await listener.reaches(
                {"outbox_commands": 0, "outbox_oldest_age_seconds": 0, "link_up broker": 1}
            )


async def test_while_the_database_is_away_it_is_not_ready_and_lives(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without the difference, an orchestrator restarts every worker whenever the database is restarted."""
    async with proxy(target_of(access.url)) as database:
        await database.become("refuse")
        env = environment(tmp_path, through(access.url, database.port), mosquitto.address)
        async with listening(env, wait=False) as listener:
            await listener.answers(503, "the database does not answer yet")
            assert (await page(listener.port, "/healthz"))[0] == 200
            assert (await page(listener.port, "/metrics"))[0] == 503
            await database.become("pass")
            await listener.answers(200, "ok")
            at = ("--at", str(listener.port))
            assert await health(env, *at) == (0, "ok\n")
            await _lose(database)
            await listener.answers(503, "the database is down: ")
            code, text = await health(env, *at)
            assert (code, text.splitlines()[0].startswith("the database is down: ")) == (1, True)
            await listener.reaches({"link_up database": 0, "outbox_commands": -1})  # not an old one
            assert (await page(listener.port, "/healthz"))[0] == 200
            await database.become("pass")
            await listener.answers(200, "ok")
        assert (await health(env, *at))[0] == 3
        events = [json.loads(line).get("event") for line in listener.running.message]
    for name in ("listening", "retry", "ready", "link_down", "link_up"):
        assert name in events
    assert events.index("link_down") < len(events) - events[::-1].index("link_up")


async def _lose(database: Proxy) -> None:
    await database.become("refuse")
    database.cut()


async def test_who_stands_by_is_ready_too(
    listener: Listener, access: Access, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without it, every worker but one is taken out of service, and nobody is there to take over."""
    async with listening(environment(tmp_path / "second", access.url, mosquitto.address)) as second:
        for worker in (listener, second):
            await worker.answers(200, "ok")
        states = [(await worker.numbers())["role_state ingest standby"] for worker in (listener, second)]
        assert sorted(states) == [0, 1]


async def test_what_cannot_be_served_is_a_usage_error(listener: Listener, tmp_path: Path) -> None:
    """Without it, a worker runs whose health nobody can ask for."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("CONSOLE_")}
    env = {**keep, "PYTHONPATH": str(REPOSITORY), "CONSOLE_CONFIG": str(tmp_path / "none.toml"),
           "DATABASE_URL": "postgresql://127.0.0.1:1/x", "MQTT_URL": "mqtt://127.0.0.1:1"}  # fmt: skip
    for program, port, words in (
        (("-m", "console"), listener.port, "cannot use 127.0.0.1"),
        (("-m", "console"), "elsewhere", "needs a port, or HOST:PORT"),
        (("-c", _WITHOUT), 0, "needs the package prometheus_client"),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, *program, "--sweeper", "--listen", str(port), cwd=REPOSITORY, env=env, stderr=PIPE
        )
        _, err = await process.communicate()
        assert (process.returncode, words in err.decode()) == (2, True), err


async def test_a_client_that_says_nothing_does_not_hold_up_the_end(listener: Listener) -> None:
    """Without cutting it off, systemd kills the worker after its patience instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET ")
    await listener.answers(200, "ok")
    listener.running.signal(signal.SIGTERM)
    assert await listener.running.ended(10) == 0
    assert await reader.read() == b""
    writer.close()


@pytest.mark.promtool
async def test_promtool_has_nothing_to_say_of_the_numbers(listener: Listener) -> None:
    _, text = await page(listener.port, "/metrics")
    assert await asyncio.to_thread(_checked, text) == (0, "")


def _checked(text: str) -> tuple[int, str]:
    found = subprocess.run(
        [str(find_program("promtool")), "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr


async def test_there_is_every_number_that_rules_and_dashboard_name(listener: Listener) -> None:
    """Without it, a renamed number silences an alert for ever, and nobody notices."""

    async def looked() -> bool:
        return "outbox_commands" in await listener.numbers()

    await until(looked)
    there = {f"device_console_{name.split(' ')[0]}" for name in await listener.numbers()}
    for file in ("prometheus/rules.yml", "prometheus/rules_test.yml", "grafana/dashboard.json"):
        named = set(re.findall(r"device_console_\w+", (REPOSITORY / "deploy" / file).read_text("utf-8")))
        assert named - there == set(), file
        assert len(named) > 1
