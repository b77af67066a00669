"""What a start with servers loads: only what it runs."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.waiting import PATIENCE_S

_LISTED = """
import json, sys
from console.__main__ import main
code = main()
print(json.dumps([code, *sys.modules]))
"""
NEVER = (
    "pydantic",
    "textual",
    "argcomplete",
    "jsonschema",
    "console.tui",
    "console.demo",
    "console.simulator",
    "console.embedded",
)
NOT_FOR_ONE_COMMAND = (
    "aiomqtt", "paho", "console.mqtt.session", "console.services.acknowledger", "console.services.sweeper",
    "console.services.batch_send", "console.store.settlement", "console.store.outbox", "zipfile",
)  # fmt: skip


async def modules(access: Access, broker: BrokerProcess, home: Path, *arguments: str) -> list[str]:
    """The modules that are loaded when the program ends; one that goes on is ended once it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LISTED, *arguments, cwd=REPOSITORY, env=environment(home, access.url, broker.address),
        stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        while line := await process.stderr.readline():
            if b'"ready' in line:
                process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
    code, *names = json.loads(out.decode().splitlines()[-1])
    assert code == 0
    return [str(name) for name in names]


async def test_a_send_loads_no_worker_where_others_work(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, each command in a script waits for the MQTT client, the demo's data and the screen's settings."""
    others = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", "--sweeper", cwd=REPOSITORY,
        env=environment(tmp_path, access.url, mosquitto.address), stderr=PIPE,
    )  # fmt: skip
    assert others.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b'"ready' not in await others.stderr.readline():
                pass
        loaded = await modules(access, mosquitto, tmp_path, "send", "pump-1", "ping")
    finally:
        others.terminate()
        await others.communicate()
    assert "console.services.sender" in loaded
    assert [name for name in (*NEVER, *NOT_FOR_ONE_COMMAND) if name in loaded] == []


async def test_the_workers_load_no_screen_and_no_demo(
    access: Access, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without it, a worker is ready later, and a fault in the demo's data ends it."""
    loaded = await modules(access, mosquitto, tmp_path, "--sweeper")
    assert "console.services.acknowledger" in loaded
    assert [name for name in (*NEVER, "console.services.batch_send") if name in loaded] == []
    assert "prometheus_client" not in loaded
