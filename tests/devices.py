"""A device on real MQTT that records every command it got: the oracle of the channel's tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from console.mqtt.session import BrokerAddress
from console.wire.topics import ack_topic, command_topic

Answer = Callable[[dict[str, Any]], bytes | None]


def ok(command: dict[str, Any]) -> bytes:
    return json.dumps({"command_id": command["command_id"], "status": "ok", "details": {"n": 1}}).encode()


def silent(_command: dict[str, Any]) -> None:
    return None


@dataclass
class Device:
    """What one device saw; `acknowledged` are the ids whose answer the broker took."""

    client: aiomqtt.Client
    answer: Answer
    got: list[aiomqtt.Message] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def commands(self) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.got]

    async def run(self, tenant_id: str) -> None:
        async for message in self.client.messages:
            self.got.append(message)
            self.arrived.set()
            command = json.loads(message.payload)
            payload = self.answer(command)
            if payload is not None:
                device_id = str(message.topic).split("/")[3]
                await self.client.publish(ack_topic(tenant_id, device_id), payload, qos=1)
                self.acknowledged.append(command["command_id"])


@asynccontextmanager
async def device(
    address: BrokerAddress, device_id: str = "pump-1", answer: Answer = ok, tenant_id: str = "acme"
) -> AsyncIterator[Device]:
    """Connect a device (``+`` for all of them) and answer until the block ends."""
    version = aiomqtt.ProtocolVersion.V311 if address.force_v3 else aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client(
        address.host, address.port, protocol=version, username=address.username, password=address.password
    ) as client:
        topic = (
            f"tenant/{tenant_id}/device/+/commands"
            if device_id == "+"
            else command_topic(tenant_id, device_id)
        )
        await client.subscribe(topic, qos=1)
        this = Device(client, answer)
        task = asyncio.create_task(this.run(tenant_id))
        try:
            yield this
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await task


async def say(address: BrokerAddress, topic: str, *payloads: bytes, qos: int = 1) -> None:
    """Publish as anybody on the broker could."""
    version = aiomqtt.ProtocolVersion.V311 if address.force_v3 else aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client(
        address.host, address.port, protocol=version, username=address.username, password=address.password
    ) as client:
        for payload in payloads:
            await client.publish(topic, payload, qos=qos)
