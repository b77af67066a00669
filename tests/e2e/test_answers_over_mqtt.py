"""Answers as devices really give them: by Correlation Data, padded, in several steps, beside another writer."""

import json
from datetime import timedelta
from typing import Any

import aiomqtt
import asyncpg
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from console.mqtt.session import BrokerAddress
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.devices import device, silent
from tests.e2e.conftest import OpenChannel
from tests.rows import row_of
from tests.waiting import until

pytestmark = [pytest.mark.mosquitto, pytest.mark.mqtt5]
ACK = "tenant/acme/device/pump-1/commands/ack"


async def say(address: BrokerAddress, payload: bytes, correlation: bytes | None = None) -> None:
    """Answer as the device, with MQTT 5."""
    properties = Properties(PacketTypes.PUBLISH)
    if correlation is not None:
        properties.CorrelationData = correlation
    async with aiomqtt.Client(address.host, address.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.publish(ACK, payload, qos=1, properties=properties)


async def test_an_answer_that_returns_our_correlation_data_needs_no_command_id(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the property, an answer as MQTT 5 means it is malformed and the command ends missed."""
    seen: list[tuple[str, bytes]] = []
    async with open_channel(mosquitto.address) as channel:
        async with aiomqtt.Client(
            mosquitto.address.host, mosquitto.address.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as pump:
            await pump.subscribe("tenant/acme/device/pump-1/commands", qos=1)
            first, second = await channel.send(), await channel.send()
            async for message in pump.messages:
                properties: Any = message.properties  # paho makes its attributes as it reads
                assert properties is not None
                seen.append((properties.ResponseTopic, properties.CorrelationData))
                if len(seen) == 2:
                    break
        assert seen == [(ACK, first.encode()), (ACK, second.encode())]
        await say(mosquitto.address, b'{"status": "ok"}', seen[0][1])
        await channel.reaches(first, "ok")
        other = json.dumps({"command_id": second, "status": "error"}).encode()
        await say(mosquitto.address, other, first.encode())
        await channel.reaches(second, "failed")
        for hostile in (b"\xff", b"", b"x" * 60_000, b"a/b", b"\x00"):
            await say(mosquitto.address, b"{}", hostile)

        async def all_reported() -> bool:
            kinds = {r["kind"]: r["count"] for r in await owner.fetch("SELECT kind, sum(count) AS count FROM"
                     " device_console.problems GROUP BY kind")}  # fmt: skip
            return kinds.get("malformed ack") == 5 and kinds.get("odd ack") == 1

        await until(all_reported)
    assert json.loads((await row_of(owner, first))["ack_details"]) == {"status": "ok", "details": None}


async def test_a_command_in_progress_ends_by_its_final_answer(
    open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without progress words, "accepted" is the end: failed."""
    async with device(mosquitto.address, answer=silent), open_channel(mosquitto.address) as channel:
        command_id = await channel.send(ttl=timedelta(minutes=1))
        await channel.reaches(command_id, "published")
        for word in ("accepted", "In Progress"):
            sentence = json.dumps({"command_id": command_id, "status": word, "details": {"percent": 40}})
            await say(mosquitto.address, sentence.encode())
            await channel.reaches(command_id, "in progress")
        await say(mosquitto.address, json.dumps({"command_id": command_id}).encode() + b"\x00\r\n")
        await channel.reaches(command_id, "ok")
    kinds = await owner.fetch("SELECT kind FROM device_console.journal ORDER BY entry_id")
    assert [row["kind"] for row in kinds] == ["progress", "progress"]
    problems = await owner.fetch("SELECT kind, command_id FROM device_console.problems")
    assert [tuple(row) for row in problems] == [("repaired ack", "")]  # the NUL behind it, told once a device
