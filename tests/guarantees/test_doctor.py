"""``doctor`` names what the servers really keep, and what to change."""

import re

import asyncpg
import pytest

from console.headless import doctor
from console.mqtt.session import BrokerAddress
from console.mqtt.survey import survey
from console.runtime.place import Place
from console.store.checks import Durability, lists_whole_tenants
from console.store.pool import Access, Database
from tests.brokers import SPEAKS_V3, BrokerProcess, start_broker


def texts(findings: list[doctor.Finding]) -> str:
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
def test_the_database_keeps_what_it_was_told_to_keep(facts: Durability, says: str) -> None:
    """Without this look, nobody learns that a queued command would not survive a power cut."""
    assert re.search(says, texts(doctor._database_promise(facts)))


async def test_the_servers_of_this_run_are_what_they_are(access: Access, any_broker: BrokerProcess) -> None:
    """Without asking the servers, doctor would say what their defaults are; this run's PostgreSQL has no fsync."""
    place = Place(access, any_broker.address)
    database = texts(await doctor._database(place))
    broker = texts(await doctor._broker(place))
    assert "fsync is off" in database or "survives" in database
    old = any_broker.address.force_v3
    assert ("MQTT 5 (mosquitto version 2" in broker) == (not old)
    assert ("with MQTT 3.1.1 the broker drops no stale command" in broker) == old
    assert "persistence true, autosave_interval 1 and max_queued_messages 0" in broker


@pytest.mark.mosquitto
async def test_a_look_leaves_no_session_behind(mosquitto: BrokerProcess) -> None:
    """Without a session that ends with the look, each look would leave one more in the broker."""
    facts = await survey(mosquitto.address)
    assert (facts.is_v5, facts.may_share) == (not SPEAKS_V3, True)
    assert facts.session_s >= 7 * 24 * 3600
    assert "mosquitto" in facts.version


async def test_nobody_there_is_a_fault_with_the_address(access: Access) -> None:
    """Without the address in the sentence, an operator does not see that it is the wrong one."""
    with start_broker("amqtt") as broker:
        port = broker.port
    (finding,) = await doctor._broker(Place(access, BrokerAddress("127.0.0.1", port)))
    assert (finding.level, finding.exit_code) == ("fault", 3)
    assert f"127.0.0.1:{port}" in finding.text


async def test_a_table_without_an_order_for_whole_tenants_is_noted(
    database: Database, owner: asyncpg.Connection
) -> None:
    """Without this note, nobody knows why the history of a large tenant is slow."""
    assert await lists_whole_tenants(database)
    await owner.execute("DROP INDEX device_console_newest")
    assert not await lists_whole_tenants(database)
