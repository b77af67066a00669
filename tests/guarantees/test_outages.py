"""Whatever happens to a backend, the screen stays, tells it, and comes back by itself; a full disk tells the truth."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from console.demo.login import ensure_login
from console.errors import ConsoleError
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.migrate import migrate
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet, with_database
from tests.devices import device
from tests.e2e.conftest import OpenChannel
from tests.faults.debian import debian_postgres
from tests.faults.fleet import AckingFleet
from tests.faults.postgres import through
from tests.faults.processes import Running, environment, program
from tests.faults.proxy import Mode, Proxy, proxy
from tests.faults.terminal import terminal
from tests.guarantees.test_ingest import PUBLISHED, acks, delivered
from tests.needs import need
from tests.rows import add_devices, add_tenant
from tests.waiting import until

pytestmark = pytest.mark.mosquitto
MODES: list[Mode] = ["refuse", "reset", "black hole", "stall", "drip"]


@pytest.fixture
async def broker_proxy(mosquitto: BrokerProcess) -> AsyncIterator[Proxy]:
    async with proxy(("127.0.0.1", mosquitto.port)) as running:
        yield running


@pytest.mark.parametrize(
    "mode", [MODES[0], *(pytest.param(mode, marks=pytest.mark.soak) for mode in MODES[1:])]
)
async def test_the_screen_outlives_every_kind_of_outage_of_the_database(
    database_proxy: Proxy, access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path, mode: Mode
) -> None:
    """Without supervised links, the first lost connection ends the program."""
    env = environment(tmp_path, through(access.url, database_proxy.port), mosquitto.address)
    async with terminal(env, columns=120, rows=30) as screen:
        await screen.shows("pg ok")
        await screen.shows("pump-1")
        await database_proxy.become(mode)
        if mode in {"refuse", "reset"}:
            database_proxy.cut()
        await screen.shows("pg DOWN", 60)
        screen.type("?")
        await screen.shows("Keys")  # it still answers
        screen.type("\x1b")
        await database_proxy.become("pass")
        database_proxy.cut()
        await screen.shows("pg ok", 60)
        assert screen.alive


@pytest.mark.parametrize(
    "mode", [MODES[0], *(pytest.param(mode, marks=pytest.mark.soak) for mode in MODES[1:])]
)
async def test_commands_wait_out_every_kind_of_outage_of_the_broker(
    broker_proxy: Proxy, open_channel: OpenChannel, mosquitto: BrokerProcess, fleet: Fleet, mode: Mode
) -> None:
    """Without a new connection after a time-out, a half-open link is waited on for ever."""
    from dataclasses import replace

    address = replace(mosquitto.address, port=broker_proxy.port)
    async with device(mosquitto.address), open_channel(address) as channel:
        await channel.reaches(await channel.send(), "ok")
        await broker_proxy.become(mode)
        if mode in {"refuse", "reset"}:
            broker_proxy.cut()
        command_id = await channel.send()
        with pytest.raises(AssertionError):
            await channel.reaches(command_id, "ok", 2.0)
        await broker_proxy.become("pass")
        if mode != "drip":
            broker_proxy.cut()
        await channel.reaches(command_id, "ok", 60)


async def test_links_that_are_open_on_our_side_only_are_found_out(
    database_proxy: Proxy,
    broker_proxy: Proxy,
    access: Access,
    mosquitto: BrokerProcess,
    fleet: Fleet,
    tmp_path: Path,
) -> None:
    """Without asking a silent link whether it lives, one that the servers hung up unheard is waited on for ever."""
    from dataclasses import replace

    env = environment(
        tmp_path, through(access.url, database_proxy.port), replace(mosquitto.address, port=broker_proxy.port)
    )
    async with terminal(env, columns=120, rows=30) as screen:
        await screen.shows("mqtt ok")
        database_proxy.hang_up_on_servers()
        broker_proxy.hang_up_on_servers()
        seen = database_proxy.connections

        async def connected_again() -> bool:
            return database_proxy.connections > seen and "pg ok" in screen.text

        await until(connected_again, 90)
        assert screen.alive


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of some megabytes; needs the right to mount one."""
    place = Path(tempfile.mkdtemp(prefix="dc-small-"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        place.rmdir()
        need("the right to mount a file system", here=False)
    place.chmod(0o711)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
        place.rmdir()


def fill(disk: Path, *, but_for: int) -> Path:
    """A file that leaves so many megabytes free."""
    free = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - but_for * 1_048_576)))
    return filler


async def prepared(url: str) -> str:
    """Migrate, with a tenant of five devices; return the plain login's URL."""
    await migrate(Access(url), platform_tables=True)
    database = Database(Access(url), max_size=2)
    await database.open()
    login = await ensure_login(database)
    await database.close()
    owner = await asyncpg.connect(url)
    await add_tenant(owner, "acme")
    await add_devices(owner, "acme", [f"pump-{n}" for n in range(1, 6)])
    await owner.close()
    return login


@pytest.mark.soak
@pytest.mark.debian_postgres
async def test_a_full_disk_confirms_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the commit before the word "queued", a full disk swallows what was confirmed."""
    with small_disk(160) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with debian_postgres(max_wal_size="64MB", min_wal_size="32MB") as server:
            await filled_while_sending(server.url, disk)


async def filled_while_sending(url: str, disk: Path) -> None:
    login = await prepared(url)
    owner = await asyncpg.connect(url)
    database = Database(Access(login), max_size=2)
    await database.open()
    sender = wire_program(database, tenants=("acme",), operator="alice").sender
    await sender.send("acme", [sender.draft("pump-1", "ping")])
    returned: list[str] = []
    message = ""
    filler = fill(disk, but_for=3)
    for _ in range(400):
        drafts = [sender.draft("pump-1", "ping", '{"x": "%s"}' % ("y" * 20_000)) for _ in range(10)]
        try:
            returned += (await sender.send("acme", drafts)).command_ids
        except ConsoleError as error:
            message = str(error)
            break
    assert message
    assert "space" in message.lower() or "does not answer" in message
    filler.unlink()

    async def works_again() -> bool:
        try:
            returned.extend((await sender.send("acme", [sender.draft("pump-1", "ping")])).command_ids)
        except ConsoleError:
            return False
        return True

    await until(works_again)
    await database.close()
    await owner.close()
    owner = await asyncpg.connect(url)
    kept = {row["command_id"] for row in await owner.fetch("SELECT command_id FROM device_commands")}
    await owner.close()
    assert set(returned) - kept == set()


@pytest.fixture
async def crowded(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, Path]]:
    """A database whose tables lie on a small disk of their own, and that disk."""
    with small_disk(200) as disk, debian_postgres() as server:
        space = disk / "space"
        space.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(space, "postgres")
        owner = await asyncpg.connect(server.url)
        await owner.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
        await owner.execute("CREATE DATABASE crowded TABLESPACE small")
        await owner.close()
        yield with_database(server.url, "crowded"), disk


@pytest.mark.soak
@pytest.mark.debian_postgres
async def test_a_full_disk_acknowledges_nothing_and_takes_everything_once_there_is_room(
    crowded: tuple[str, Path], tmp_path: Path
) -> None:
    """Without a full disk among the troubles that pass, the worker ends and what it held is gone."""
    (url, disk), rows = crowded, 600
    login = await prepared(url)
    owner = await asyncpg.connect(url)
    await owner.execute(PUBLISHED, rows)
    noise = random.Random(1)
    answers = [
        (device_id, c, b'{"command_id": "%s", "details": "%s"}' % (c.encode(), noise.randbytes(5_000).hex().encode()))
        for device_id, c, _ in acks(rows)
    ]  # fmt: skip
    refused = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    with start_broker("mosquitto") as broker:
        env = environment(tmp_path, login, broker.address)
        async with program(env, "--sweeper") as worker:
            await worker.ready()
            filler = fill(disk, but_for=2)
            before = await owner.fetchval(refused)
            devices = AckingFleet(broker.address, answers)
            await asyncio.wait_for(devices.run(), 60)

            async def refused_again() -> bool:
                return bool(await owner.fetchval(refused) >= before + 3)

            for _ in range(4):  # one that ends because of it still fails a few times while it does
                await until(refused_again, 20)
                before = await owner.fetchval(refused)
            assert worker.alive, worker.message
            assert await delivered(owner) < rows
            worker.kill()
        filler.unlink()
        async with program(env, "--sweeper"):

            async def all_are_in() -> bool:
                return await delivered(owner) == rows

            await until(all_are_in)
    await owner.close()
    assert len(devices.acknowledged) == rows


@pytest.mark.slow
async def test_a_worker_that_starts_before_its_database_waits_for_it(
    database_proxy: Proxy, access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without the wait, a server that boots leaves a dead worker behind: systemd gives up after five quick starts."""
    await database_proxy.become("refuse")
    env = environment(tmp_path, through(access.url, database_proxy.port), mosquitto.address)
    async with program(env, "--sweeper") as stopped, program(env, "--sweeper") as worker:
        for running in (stopped, worker):
            await until(partial(says, running, "Trying again in"))
        stopped.signal(signal.SIGTERM)
        assert await stopped.ended(10) == 0
        await database_proxy.become("pass")
        await worker.ready()
        worker.signal(signal.SIGTERM)
        assert await worker.ended(10) == 0


async def says(running: Running, text: str) -> bool:
    assert running.alive, running.message
    return any(text in line for line in running.message)
