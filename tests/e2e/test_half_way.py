"""Shell operations that end half-way say what stands and how to go on; ids are taken by their beginning."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.e2e.test_command_line import Console, Ended, mqtt_url
from tests.faults.postgres import target_of, through
from tests.faults.program import FAILPOINT
from tests.faults.proxy import Proxy, proxy
from tests.faults.terminal import state
from tests.rows import add_command, add_devices
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.mosquitto
FLEET = 4_500  # pieces of 1,000: after two cuts with two of them under way some devices are left
NOBODY_WRITES = (
    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle')"
)


@pytest.fixture
async def database_proxy(access: Access) -> AsyncIterator[Proxy]:
    async with proxy(target_of(access.url)) as running:
        yield running


@pytest.fixture
def console(
    access: Access, database_proxy: Proxy, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> Console:
    made = Console(
        tmp_path, DATABASE_URL=through(access.url, database_proxy.port), MQTT_URL=mqtt_url(mosquitto.address),
        CONSOLE_TENANT=fleet.acme, CONSOLE_OPERATOR="alice",
    )  # fmt: skip
    made.module = "tests.faults.program"
    return made


async def cut_off(console: Console, database_proxy: Proxy, point: str, *arguments: str) -> Ended:
    """Run until the failpoint stops it, take the database away, and let it go on."""
    console.environment[FAILPOINT] = point
    process = await console.start(*arguments)

    async def stopped() -> bool:
        return state(process.pid) == "T"

    await until(stopped, 30)
    await database_proxy.become("refuse")
    database_proxy.cut()
    os.kill(process.pid, signal.SIGCONT)
    out, err = await asyncio.wait_for(process.communicate(), 3 * PATIENCE_S)
    await database_proxy.become("pass")
    del console.environment[FAILPOINT]
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def certain(ended: Ended, wanted: int, batch_id: str) -> int:
    """How many it calls committed; another piece may have been under way."""
    found = re.search(rf"([\d,]+) of {wanted:,} are certainly committed as bulk send {batch_id}", ended.err)
    assert found, ended.err
    return int(found[1].replace(",", ""))


@pytest.mark.slow
async def test_a_bulk_send_that_loses_the_database_says_what_is_committed_and_how_to_go_on(
    console: Console, database_proxy: Proxy, owner: asyncpg.Connection
) -> None:
    """Without all three, an operator has half a fleet updated and does not know which half."""
    await add_devices(owner, "acme", [f"tank-{n:04}" for n in range(FLEET)])

    async def count() -> int:
        """Count once nobody writes any more: the server goes on with a piece whose client has been cut off."""
        await until(lambda: owner.fetchval(NOBODY_WRITES))
        return int(await owner.fetchval("SELECT count(*) FROM device_commands"))

    insert = "console.store.batches:BatchStore.insert:pause:1"
    ended = await cut_off(
        console, database_proxy, insert, "send", "--where", "device:tank-*", "ping", "--yes"
    )
    batch_id = str(await owner.fetchval("SELECT batch_id FROM device_console.batches"))
    assert ended.code == 3
    assert certain(ended, FLEET, batch_id) <= (there := await count())
    assert f"`device-console resume {batch_id}` sends what is left; nothing is sent twice." in ended.err
    again = await cut_off(console, database_proxy, insert, "resume", batch_id[:8])
    assert again.code == 3
    assert certain(again, FLEET - there, batch_id) <= await count() - there
    assert f"`device-console resume {batch_id}`" in again.err
    rest = await console.run("resume", batch_id[:8])
    assert rest.code == 0, rest.err
    assert await owner.fetchval("SELECT count(DISTINCT device_id) FROM device_commands") == FLEET
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == FLEET


@pytest.mark.slow
async def test_a_retry_of_a_batch_that_loses_the_database_names_the_new_batch(
    console: Console, database_proxy: Proxy, owner: asyncpg.Connection
) -> None:
    sent = await console.run("send", "--where", "pump", "ping", "--yes", "--json")
    old = json.loads(sent.out)["batch_id"]
    await owner.execute("UPDATE device_commands SET status = 'missed', published_at = now()")
    begin = "console.store.batches:BatchStore.devices:pause:1"
    ended = await cut_off(console, database_proxy, begin, "retry", old)
    assert ended.code == 3
    assert "No command was sent." in ended.err
    insert = "console.store.batches:BatchStore.insert:pause:1"
    ended = await cut_off(console, database_proxy, insert, "retry", old)
    new = str(await owner.fetchval("SELECT batch_id FROM device_console.batches WHERE retry_of = $1", old))
    assert ended.code == 3
    assert f"All commands are committed as bulk send {new} (5 of 5)" in ended.err


async def test_a_send_that_loses_the_database_says_whether_it_is_committed(
    console: Console, database_proxy: Proxy, owner: asyncpg.Connection
) -> None:
    before = "console.store.commands:CommandStore.insert:hold:1"
    ended = await cut_off(console, database_proxy, before, "send", "pump-1", "ping", "--id", "mine")
    assert ended.code == 3
    assert "Whether the command was committed is unknown: `device-console show mine`" in ended.err
    assert "sending it again with `--id mine` is harmless." in ended.err
    behind = "console.store.commands:CommandStore.insert:pause:1"
    ended = await cut_off(console, database_proxy, behind, "send", "pump-1", "ping", "--id", "mine", "--wait")
    assert ended.code == 3
    assert "The command is committed as mine and will be published: `device-console show mine`" in ended.err
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 1


async def test_an_export_that_loses_the_database_is_no_whole_file(
    console: Console, database_proxy: Proxy, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', now() + interval '1 h' FROM generate_series(1, 1500) n"
    )
    file = tmp_path / "all.csv"
    page = "console.store.commands:CommandStore.page:pause:1"
    ended = await cut_off(console, database_proxy, page, "export", "--output", str(file))
    assert ended.code == 3
    assert f"The file {file} holds the newest 1,000 commands and is not a complete export" in ended.err


@pytest.mark.slow
async def test_a_beginning_of_an_id_is_enough_where_only_one_has_it(
    console: Console, owner: asyncpg.Connection
) -> None:
    """Without it, the ids that the console writes short cannot be typed back."""
    for command_id in ("0d1f6c7e-aaaa", "0d1f6c7e-bbbb", "0d1f"):
        await add_command(owner, "acme", command_id)
    sent = await console.run("send", "--where", "pump", "ping", "--yes", "--json")
    batch_id = json.loads(sent.out)["batch_id"]
    shown = await console.run("show", "0d1f6c7e-a", "--json")
    assert json.loads(shown.out)["command_id"] == "0d1f6c7e-aaaa"
    assert (
        json.loads((await console.run("show", "0d1f", "--json")).out)["command_id"] == "0d1f"
    )  # whole goes first
    several = await console.run("show", "0d1f6c7e")
    assert several.code == 2
    for command_id in ("0d1f6c7e-aaaa", "0d1f6c7e-bbbb"):
        assert command_id in several.one_sentence()
    assert "Type more characters" in several.err
    assert "at least 4 characters" in (await console.run("show", "0d1")).one_sentence()
    assert json.loads((await console.run("batch", batch_id[:6], "--json")).out)["batch_id"] == batch_id
    other_kind = await console.run("show", batch_id[:6])
    assert other_kind.code == 2
    assert f"`device-console batch {batch_id}`" in other_kind.one_sentence()
    stopped = await console.run("cancel", batch_id[:6])
    assert stopped.code == 0, stopped.err
    assert re.search(r"\bstopped; \d+ cancelled", stopped.err)
    for hostile in ('0d1f"', "0d1f*", "%%%%", "____", "0d1f6c7e-*"):
        assert (await console.run("show", hostile)).code == 2
