"""``doctor`` names what the servers really keep, and what to change."""

import asyncio
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import aiomqtt
import asyncpg
import pytest

from console.mqtt.session import BrokerAddress
from console.mqtt.survey import Trial, survey
from console.runtime.servers import Servers
from console.settings import Settings
from console.shell.doctor import broker as brokers
from console.shell.doctor import examine as doctor
from console.shell.doctor.broker import broker_findings, level
from console.shell.doctor.findings import Finding, Loss
from console.shell.doctor.pooler import pooler_findings
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.checks import Durability, lists_whole_tenants
from tests.brokers import SPEAKS_V3, BrokerProcess, free_port, start_broker
from tests.conftest import Fleet
from tests.devices import device, say
from tests.e2e.conftest import OpenChannel
from tests.faults.scripted_broker import Script, scripted_broker
from tests.waiting import until


def texts(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.level}: {finding.text}" for finding in findings)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (Durability(True, True, "on", False), "ok: a queued command survives.*no synchronous standby"),
        (Durability(True, True, "on", True), "ok: a queued command survives.*by a synchronous standby"),
        (Durability(False, True, "on", False), "warning: fsync is off.*set fsync = on"),
        (Durability(True, False, "on", False), "warning: full_page_writes is off"),
        (Durability(True, True, "off", False), "warning: synchronous_commit is off"),
    ],
)
def test_the_database_keeps_what_it_was_set_to_keep(facts: Durability, says: str) -> None:
    """Without this look, nobody learns that a queued command would not survive a power cut."""
    assert re.search(says, texts(doctor._database_promise(facts)))


async def test_the_servers_of_this_run_are_what_they_are(access: Access, any_broker: BrokerProcess) -> None:
    """Without asking the servers, doctor would say what their defaults are; this run's PostgreSQL has no fsync."""
    place = Servers(access, any_broker.address)
    database = texts(await doctor._database(place, None, Settings()))
    broker = texts(await broker_findings(place))
    assert "fsync is off" in database or "survives" in database
    old = any_broker.address.force_v3
    assert ("MQTT 5 (mosquitto version 2" in broker) == (not old)
    assert ("with MQTT 3.1.1 the broker does not drop stale commands" in broker) == old
    is_mosquitto = any_broker.kind == "mosquitto"
    assert ("persistence true, autosave_interval 1 and max_queued_messages 0" in broker) == is_mosquitto
    assert ("the broker does not say what it is" in broker) != is_mosquitto
    assert ("it has no shared subscriptions" in broker) != is_mosquitto
    assert "topics that have a dot" not in broker


@pytest.mark.mosquitto
async def test_a_look_leaves_no_session_behind(mosquitto: BrokerProcess) -> None:
    """Without a session that ends with the look, each look would leave one more in the broker."""
    facts = await survey(mosquitto.address)
    assert (facts.is_v5, facts.may_share) == (not SPEAKS_V3, True)
    assert facts.session_s >= 7 * 24 * 3600
    assert "mosquitto" in facts.version


async def test_nobody_there_is_a_fault_with_the_address(access: Access) -> None:
    """Without the address in the sentence, an operator does not see that it is the wrong one."""
    with start_broker("nats-server") as broker:
        port = broker.port
    (finding,) = await broker_findings(Servers(access, BrokerAddress("127.0.0.1", port)))
    assert (finding.level, finding.exit_code) == ("fault", 3)
    assert f"127.0.0.1:{port}" in finding.text


async def test_a_table_without_an_order_for_whole_tenants_is_noted(
    database: Database, owner: asyncpg.Connection
) -> None:
    """Without this note, nobody knows why the history of a large tenant is slow."""
    assert await lists_whole_tenants(database)
    await owner.execute("DROP INDEX device_console_newest")
    assert not await lists_whole_tenants(database)


@pytest.mark.mosquitto
@pytest.mark.mqtt5
@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("topic readwrite tenant/#\n", "ok: answers of acme are received"),
        ("topic read tenant/#\n", "fault: commands of acme cannot be published .not authorized"),
        (
            "topic readwrite tenant/+/device/+/commands\ntopic write tenant/+/device/+/commands/ack\n",
            "fault: an answer of acme was published and not received, though the broker granted",
        ),
        (
            "topic readwrite tenant/+/device/+/commands\ntopic read tenant/+/device/+/commands/ack\n",
            "note: whether answers of acme are received was not tried",
        ),
    ],
)
async def test_what_the_brokers_access_rules_really_allow_is_tried(
    access: Access, tmp_path: Path, rules: str, says: str
) -> None:
    """Without the message to ourselves, a granted subscription that hears nothing looks well."""
    (tmp_path / "acl").write_text(f"{rules}topic read $SYS/#\n")
    os.chmod(tmp_path, 0o755)
    with start_broker("mosquitto", f"acl_file {tmp_path / 'acl'}") as broker:
        findings = await broker_findings(Servers(access, broker.address), "acme", probe=True)
    assert re.search(says, texts(findings)), texts(findings)


@pytest.mark.mosquitto
async def test_a_look_at_the_broker_is_no_problem_of_anybody(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without its own device id, each look would be an answer that matches nothing."""
    async with open_channel(mosquitto.address) as channel:
        facts = await survey(mosquitto.address, "acme", probe=True)
        assert facts.answers == Trial(heard=True)
        await say(mosquitto.address, "tenant/acme/device/pump-1/commands/ack", b"{}")

        async def reported() -> bool:
            return bool(await channel.program.history.problems("acme"))

        await until(reported)
        kinds = {problem.device_id for problem in await channel.program.history.problems("acme")}
    assert kinds == {"pump-1"}


@pytest.mark.parametrize(
    ("sentence", "embedded", "sum_of_all"),
    [
        ((), True, "ok: high: no command is lost, and no answer except"),
        ((), False, "ok: high if the broker keeps"),
        ((("warning", Loss.ANSWERS),), True, "warning: medium"),
        ((("warning", Loss.COMMANDS), ("warning", Loss.ANSWERS)), True, "warning: low"),
        ((("warning", Loss.ANSWERS_WHILE_IDLE),), False, "warning: medium.*autosave_on_changes"),
        ((("warning", None),), True, "ok: high: no command is lost, and no answer except"),
        ((("fault", None),), False, "warning: none"),
    ],
)
def test_the_weakest_part_decides_the_level(
    access: Access, sentence: tuple[tuple[str, Loss | None], ...], embedded: bool, sum_of_all: str
) -> None:
    """Without the sum, an operator has to weigh ten findings alone."""
    place = Servers(access, None, own=object() if embedded else None)  # type: ignore[arg-type]
    found = level(place, [Finding(kind, "x", "fsync is off", risk=risk) for kind, risk in sentence])
    assert re.match(sum_of_all, texts([found]))


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("mosquitto version 2.0.11", "note: .*Set persistence true, autosave_interval 1"),
        ("mosquitto version 2.1.2", "warning: .*Set persistence true, autosave_on_changes true"),
        ("mosquitto version 3.0.0", "warning: .*autosave_on_changes true"),
        ("mosquitto version 1.6.9", "note: .*by default it loses all"),
        ("EMQX version 5.8.0", "note: EMQX keeps sessions and their messages in memory"),
        ("", "note: the broker does not say what it is.* must keep sessions for 7 days"),
    ],
)
def test_what_a_broker_keeps_is_reported_by_its_kind_and_version(
    access: Access, version: str, says: str
) -> None:
    """Without the version, a broker that writes nothing while nobody is connected is called safe."""
    assert re.match(says, texts([brokers._promise(Servers(access, None), version)]))


@pytest.mark.mosquitto
async def test_a_look_publishes_nothing_where_tenants_listen(
    access: Access, mosquitto: BrokerProcess
) -> None:
    """Without a topic of our own, the platform stores each look as telemetry of a device that nobody knows."""
    async with aiomqtt.Client(mosquitto.address.host, mosquitto.address.port) as platform:
        await platform.subscribe([("tenant/#", 1), ("console/#", 1)])
        findings = await broker_findings(Servers(access, mosquitto.address), "acme")
        await platform.publish("tenant/last", b"")
        heard = []
        async with asyncio.timeout(30):
            async for message in platform.messages:
                if str(message.topic) == "tenant/last":
                    break
                heard.append(str(message.topic))
    assert {topic.rpartition("/")[0] for topic in heard} == {"console/doctor"}
    assert "ok: a message on our own topic (console/doctor/…) came back" in texts(findings)
    assert "note: whether commands of acme can be published" in texts(findings)


@pytest.mark.mosquitto
@pytest.mark.mqtt5
@pytest.mark.parametrize("rules", ["topic readwrite tenant/#\n", "topic read console/#\n"])
async def test_rules_without_our_own_topic_are_no_fault(access: Access, tmp_path: Path, rules: str) -> None:
    """Without the difference, a broker whose rules are as strict as they should be is called broken."""
    (tmp_path / "acl").write_text(rules)
    os.chmod(tmp_path, 0o755)
    with start_broker("mosquitto", f"acl_file {tmp_path / 'acl'}") as broker:
        findings = await broker_findings(Servers(access, broker.address), "acme")
    assert "note: a message on our own topic (console/doctor/…) did not come back" in texts(findings)
    assert not [finding for finding in findings if finding.level == "fault"]


def _make_users(file: Path, *names: str) -> None:
    file.touch()
    for name in names:
        subprocess.run(["mosquitto_passwd", "-b", str(file), name, "word"], check=True)


@pytest.mark.mosquitto
async def test_the_access_rules_of_the_page_are_enough(
    access: Access, open_channel: OpenChannel, fleet: Fleet, tmp_path: Path
) -> None:
    """Without trying them, whoever copies the rules finds out what is missing when no answer comes."""
    page = (Path(__file__).parents[2] / "docs/brokers.md").read_text("utf-8")
    rules = next(block for block in page.split("```")[1::2] if "user console" in block)
    (tmp_path / "acl").write_text(rules)
    _make_users(tmp_path / "users", "console", "pump-1")
    lines = f"acl_file {tmp_path}/acl\npassword_file {tmp_path}/users\n"
    with start_broker("mosquitto", lines) as broker:
        console = replace(broker.address, username="console", password="word")
        pump = replace(console, username="pump-1")
        async with device(pump), open_channel(console) as channel:
            await channel.reaches(await channel.send(), "ok")
        findings = texts(await broker_findings(Servers(access, console), "acme"))
    assert "ok: a message on our own topic" in findings
    assert "mosquitto version" in findings
    assert "fault: " not in findings


async def test_a_refused_subscription_is_a_fault(access: Access) -> None:
    """Without asking, doctor calls a broker well that will let us hear no answer."""
    async with scripted_broker(Script(suback=0x87)) as broker:
        findings = await broker_findings(Servers(access, broker.address), "acme")
    assert "fault: it refuses the subscription to the answers of acme (reason code 0x87)" in texts(findings)


async def test_why_no_session_could_be_had_is_reported() -> None:
    """Without the reason, a password that was changed or a server that is down is taken for a pooler."""
    database = Database(Access(f"postgresql://x@127.0.0.1:{free_port()}/x"))
    pooler, session = await pooler_findings(database)
    assert "may not lead to the server itself" in pooler.text
    assert "failed: The database does not answer" in session.text
    assert "CONSOLE_DIRECT_DATABASE_URL" not in session.text
