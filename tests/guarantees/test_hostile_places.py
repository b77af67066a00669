"""Where and how the program is started: folders that nobody can write, a closed standard input, an old snapshot."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from console.runtime.servers import Servers
from console.settings import Settings
from console.shell.doctor import examine as doctor
from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.waiting import PATIENCE_S


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/proc/device-console", "/etc/hostname/x"])
async def test_82_a_folder_that_cannot_be_written_is_named(home: str) -> None:
    """Without the sentence, a read-only disk ends in a traceback of the first file."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", "devices", "--embedded", "--home", home, cwd=REPOSITORY, env=keep,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)
    assert f"can't use {home}".encode() in err


@pytest.mark.mosquitto
async def test_80_a_worker_needs_no_standard_input(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without care, the first socket takes the place of the closed input, and what reads it breaks the link."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", 'exec "$0" -m console --sweeper <&-', sys.executable, cwd=REPOSITORY,
        env=environment(tmp_path, access.url, mosquitto.address), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        while b"ready" not in (line := await process.stderr.readline()):
            assert line, "it ended before it was ready"
        process.send_signal(signal.SIGTERM)
        rest = await process.stderr.read()
        assert (await process.wait(), b"Traceback" in rest) == (0, False)


async def test_99_an_old_transaction_is_warned_about(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look, nobody knows why dead rows stay: the sweep keeps its speed, the table grows."""
    idle = await asyncpg.connect(access.url)
    try:
        await idle.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        monkeypatch.setattr("console.store.schema.checks.OLD_S", 0.0)
        found = await doctor._database(Servers(access, None), None, Settings())
    finally:
        await idle.close()
    assert any(f.level == "warning" and "a transaction has been open for" in f.text for f in found), found
