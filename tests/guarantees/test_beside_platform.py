"""The console beside a real database of the platform: it finds its way, and changes nothing that is not its own."""

import itertools
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from console.mqtt.session import BrokerAddress
from console.store.migrate import migrate
from console.store.pool import Access
from tests.brokers import BrokerProcess, free_port
from tests.devices import device
from tests.e2e.test_command_line import Console, mqtt_url, sweeping
from tests.platform import PlatformUrls, drop_platform, let_work, make_platform
from tests.platform.behaviour import insert_as_the_api, write_back
from tests.platform.dump import changed, public_of
from tests.rows import row_of

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
    said = [json.loads(line) for line in doctor.out.splitlines()]
    assert doctor.code == 0, said
    assert not [finding for finding in said if finding["level"] == "fault"]
    again = await console.run("migrate")
    assert {line.split()[0] for line in again.out.splitlines()} == {"present"}


@pytest.mark.mosquitto
@pytest.mark.parametrize("login", ["owner", "person", "keeper"])
async def test_every_command_of_the_shell_works_for_every_login(
    urls: PlatformUrls, owner: asyncpg.Connection, mosquitto: BrokerProcess, tmp_path: Path, login: str
) -> None:
    """Without rights that fit the platform's roles, one of these logins is refused something on the way."""
    await migrate(Access(urls.owner))
    console = console_of(getattr(urls, login), tmp_path, mosquitto.address)
    keeper = console_of(urls.keeper, tmp_path, mosquitto.address)
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
