"""The console beside a real database of the platform: it finds its way, and changes nothing that is not its own."""

import itertools
import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from console.mqtt.session import BrokerAddress
from console.runtime.servers import Servers
from console.runtime.wiring import wire_program
from console.settings import Settings
from console.shell.doctor import examine as doctor
from console.store.access import Access
from console.store.pool import Database
from console.store.schema.migrate import migrate
from console.tui.application.app import ConsoleApp
from tests.brokers import BrokerProcess, free_port
from tests.devices import device
from tests.e2e.test_command_line import Console, mqtt_url, sweeping
from tests.platform import PlatformUrls, drop_platform, let_work, make_platform
from tests.platform.behaviour import USER_ID, insert_as_the_api, write_back
from tests.platform.dump import changed, ours_in, public_of
from tests.platform.walk import walk
from tests.rows import row_of
from tests.tui.conftest import Seen
from tests.waiting import until

_numbers = itertools.count()


@pytest.fixture(params=["superuser", "plain"])
async def urls(request: pytest.FixtureRequest, server_url: str) -> AsyncIterator[PlatformUrls]:
    """The platform's database, for each kind of owner; the worker role is granted where an operator would."""
    name = f"beside_{os.getpid()}_{next(_numbers)}"
    made = await make_platform(server_url, name, owner_superuser=request.param == "superuser")
    await let_work(made)
    yield made
    await drop_platform(server_url, name)


@pytest.fixture
async def owner(urls: PlatformUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.superuser)
    yield connection
    await connection.close()


def console_of(url: str, home: Path, broker: BrokerAddress) -> Console:
    return Console(
        home, DATABASE_URL=url, MQTT_URL=mqtt_url(broker), CONSOLE_TENANT="acme", CONSOLE_OPERATOR="alice"
    )


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_migrate_and_doctor_find_everything_and_public_stays_as_it_was(
    urls: PlatformUrls, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without demanding only what is used, every real platform is refused for a column that it never had."""
    before = public_of(urls.superuser)
    console = console_of(urls.owner, tmp_path, mosquitto.address)
    migrated = await console.run("migrate")
    assert migrated.code == 0, migrated.err
    assert "adopted  079_device_commands" in migrated.out
    assert changed(before, public_of(urls.superuser)) == []
    doctor = await console.run("doctor", "--json")
    message = [json.loads(line) for line in doctor.out.splitlines()]
    assert doctor.code == 0, message
    assert not [finding for finding in message if finding["level"] == "fault"]
    again = await console.run("migrate")
    assert {line.split()[0] for line in again.out.splitlines()} == {"present"}


@pytest.mark.slow
@pytest.mark.mosquitto
@pytest.mark.parametrize(
    "login",
    [pytest.param("owner", marks=pytest.mark.soak), "person", pytest.param("keeper", marks=pytest.mark.soak)],
)
async def test_every_command_of_the_shell_works_for_every_login(
    urls: PlatformUrls, owner: asyncpg.Connection, mosquitto: BrokerProcess, tmp_path: Path, login: str
) -> None:
    """Without rights that fit the platform's roles, one of these logins is refused something on the way."""
    await migrate(Access(urls.owner))
    console = console_of(getattr(urls, login), tmp_path, mosquitto.address)
    keeper = console if login == "owner" else console_of(urls.keeper, tmp_path, mosquitto.address)
    devices = [json.loads(line) for line in (await console.run("devices", "--json")).out.splitlines()]
    assert {"gw-1", "pump-1"} <= {found["device_id"] for found in devices}
    async with sweeping(keeper), device(mosquitto.address):
        sent = await console.run("send", "pump-1", "reboot", "--wait", "--json")
        assert sent.code == 0, sent.err
        command_id = json.loads(sent.out)["command_id"]
        theirs = await insert_as_the_api(owner, "acme", "gw-1", "reboot")
        await write_back(owner, "acme", theirs)
        assert (await row_of(owner, command_id))["created_by"] == "alice"
        again = await console.run("retry", command_id, "--wait", "--json")
        assert again.code == 0, again.err
    history = [json.loads(line) for line in (await console.run("history", "--json")).out.splitlines()]
    assert {command_id, theirs} <= {found["command_id"] for found in history}
    shown = json.loads((await console.run("show", command_id, "--json")).out)
    assert shown["phase"] == "ok"
    console.environment["MQTT_URL"] = f"mqtt://127.0.0.1:{free_port()}"
    waiting = json.loads((await console.run("send", "pump-2", "ping", "--json")).out)["command_id"]
    cancelled = await console.run("cancel", waiting)
    assert cancelled.code == 0, cancelled.err
    exported = await console.run("export", "--where", "device:pump-*", "--format", "jsonl")
    assert waiting in exported.out
    for words in (("problems", "--json"), ("batches", "--json"), ("types", "gw-1", "--json")):
        ended = await console.run(*words)
        assert ended.code == 0, (words, ended.err)


@pytest.mark.slow
async def test_a_whole_life_of_commands_changes_only_what_the_page_says(urls: PlatformUrls) -> None:
    """Without a schema of its own for all that the console makes, the platform's next migration meets it."""
    before = public_of(urls.superuser, without=("device_commands", "audit_log"))
    await migrate(Access(urls.owner))
    assert (await walk(Access(urls.owner))).may_work
    assert not (await walk(Access(urls.person), device_id="pump-2")).may_work
    assert (await walk(Access(urls.keeper), device_id="gw-1")).may_work
    assert changed(before, public_of(urls.superuser, without=("device_commands", "audit_log"))) == []


async def test_what_the_page_says_takes_it_out_again(urls: PlatformUrls, owner: asyncpg.Connection) -> None:
    """Without it, whoever wants to be rid of the console has to search for what it made."""
    page = (Path(__file__).parents[2] / "docs" / "beside-the-platform.md").read_text()
    (statements,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    role = f"leaving_{os.getpid()}"
    await owner.execute(f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO iot_plain")
    before, roles = public_of(urls.superuser), "SELECT count(*) FROM pg_roles"
    had = await owner.fetchval(roles)
    await migrate(Access(urls.owner, worker_role=role))
    assert await ours_in(owner, role) != []
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'device_console'")
    assert [row["tablename"] for row in tables if f"`{row['tablename']}`" not in page] == []
    await owner.execute(statements.replace("device_console_worker", role))
    assert await ours_in(owner, role) == []
    assert await owner.fetchval(roles) == had - 1
    assert changed(before, public_of(urls.superuser)) == []
    await owner.execute(f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO iot_plain")
    try:
        await migrate(Access(urls.owner, worker_role=role))
        await walk(Access(urls.owner, worker_role=role))
    finally:
        await owner.execute(statements.replace("device_console_worker", role))


@pytest.mark.slow
async def test_the_screen_shows_and_sends_as_a_plain_login(
    urls: PlatformUrls, owner: asyncpg.Connection
) -> None:
    """Without rights that fit the platform's roles, the screen opens and its first list is refused."""
    await migrate(Access(urls.owner))
    await insert_as_the_api(owner, "acme", "pump-1", "read_meter")
    database = Database(Access(urls.person))
    await database.open()

    async def is_sent() -> bool:
        sent = "SELECT created_by FROM device_commands WHERE command_type = 'ping' AND device_id = 'pump-1'"
        return bool(await owner.fetchval(sent) == "alice")

    program = wire_program(database, tenants=("acme",), operator="alice")
    program.health.database_up(latency_s=0.002)
    program.health.broker_up(detail="v5")
    app = ConsoleApp(program)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            seen = Seen(app, pilot)
            await seen.shows("pump-1", "gw-1", "read_meter")
            await seen.type("/pump-1")
            await seen.press("enter")
            await seen.hides("gw-1")
            await seen.press("enter")
            await seen.shows("read_meter", f"{USER_ID[:8]}…")
            await seen.press("c")
            await seen.shows("New command")
            await seen.type("ping")
            await seen.shows("reviews it")
            await seen.press("ctrl+s")
            await seen.shows("Send ping to pump-1 of acme?")
            await seen.press("y", "y")
            await until(is_sent)
    finally:
        await database.close()


async def test_doctor_names_what_stands_in_the_way_of_a_migration(plain_platform: PlatformUrls) -> None:
    """Without it, doctor sends to migrate and migrate to doctor, and both name a right that is not the point."""
    role = f"elsewhere_too_{os.getpid()}"
    superuser = await asyncpg.connect(plain_platform.superuser)
    await superuser.execute(f"CREATE ROLE {role} NOLOGIN")
    try:
        place = Servers(Access(plain_platform.owner, worker_role=role), None)
        message = [(f.subject, f.text) for f in await doctor._database(place, "acme", Settings())]
    finally:
        await superuser.execute(f"DROP ROLE {role}")
        await superuser.close()
    assert [subject for subject, _ in message] == ["database", "migration"]
    assert "run `device-console migrate`" in message[0][1]
    assert f"run GRANT {role} TO iot_plain;" in message[1][1]
