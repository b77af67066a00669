"""The access rules that SECURITY.md recommends keep what they promise, on a real mosquitto."""

import asyncio
import contextlib
import json
import os
from pathlib import Path

import aiomqtt
import pytest

from tests.brokers import free_port, start_broker

REPOSITORY = Path(__file__).parents[2]
V5 = aiomqtt.ProtocolVersion.V5
TENANTS = ("acme", "rival")


def recommended() -> str:
    """The rules as they stand in the document, without their indentation."""
    text = (REPOSITORY / "SECURITY.md").read_text("utf-8")
    return "\n".join(line.strip() for line in text.split("```")[1].splitlines())


@pytest.mark.mosquitto
@pytest.mark.mqtt5
async def test_a_device_with_the_recommended_rules_hears_and_answers_for_itself_only(tmp_path: Path) -> None:
    """Without the tenant in the rule, a device reads the commands of its namesake and answers for it."""
    rules = tmp_path / "acl"
    rules.write_text(recommended())
    os.chmod(tmp_path, 0o755)
    with start_broker("mosquitto", f"acl_file {rules}") as broker:
        address = (broker.address.host, broker.address.port)
        async with (
            aiomqtt.Client(*address, username="console", protocol=V5) as console,
            aiomqtt.Client(*address, username="acme.pump-1", protocol=V5) as device,
        ):
            await console.subscribe("tenant/+/device/+/commands/ack", qos=1)
            for tenant in TENANTS:
                await device.subscribe(f"tenant/{tenant}/device/pump-1/commands", qos=1)
            for tenant in TENANTS:
                topic = f"tenant/{tenant}/device/pump-1/commands"
                with contextlib.suppress(aiomqtt.MqttError):  # this broker hangs up behind a refusal
                    async with aiomqtt.Client(*address, username="acme.pump-1", protocol=V5) as liar:
                        await liar.publish(f"{topic}/ack", b"{}", qos=1)
                await console.publish(topic, json.dumps({"of": tenant}), qos=1)
            await device.publish("tenant/acme/device/pump-1/commands/ack", b"last", qos=1)
            await console.publish("tenant/acme/device/pump-1/commands", b"last", qos=1)
            heard = {"console": await _until_last(console), "device": await _until_last(device)}
    assert heard == {
        "console": ["tenant/acme/device/pump-1/commands/ack"],
        "device": ["tenant/acme/device/pump-1/commands"],
    }


async def _until_last(client: aiomqtt.Client) -> list[str]:
    topics: list[str] = []
    async with asyncio.timeout(20):
        async for message in client.messages:
            if message.payload == b"last":
                return topics
            topics.append(str(message.topic))
    return topics


@pytest.mark.mosquitto
@pytest.mark.mqtt5
async def test_a_device_with_the_consoles_client_id_does_not_take_its_session(tmp_path: Path) -> None:
    """Without a listener that names a device's session after its user, any device may end the console's, answers and all."""
    os.chmod(tmp_path, 0o755)
    port = free_port()
    rule = next(
        line.strip()
        for line in (REPOSITORY / "SECURITY.md").read_text("utf-8").splitlines()
        if "as_clientid" in line
    )
    assert rule == "use_username_as_clientid true"
    ours = "device-console-0123456789ab-ingest"
    with start_broker("mosquitto", f"listener {port} 127.0.0.1\n{rule}") as broker:
        async with aiomqtt.Client(
            broker.address.host, broker.address.port, identifier=ours, username="console", protocol=V5
        ) as console:
            await console.subscribe("tenant/+/device/+/commands/ack", qos=1)
            async with aiomqtt.Client(
                "127.0.0.1", port, identifier=ours, username="acme.pump-1", protocol=V5, clean_start=True
            ) as device:
                await device.publish("tenant/acme/device/pump-1/commands/ack", b"last", qos=1)
            assert await _until_last(console) == []
