"""Several hosts in a URL are how failover is configured: the first that answers, and is what is asked for, is used."""

import asyncio
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from console.errors import BrokerUnreachableError, DatabaseUnreachableError
from console.mqtt.session import SessionKind, connect
from console.runtime.addresses import configured_broker, configured_database
from console.secret import Secret
from console.settings import Settings, load
from console.store import links
from console.store.access import Access
from console.store.dsn import read_dsn
from console.store.pool import Database, direct_connection
from tests.brokers import free_port, start_broker
from tests.faults.debian import debian_postgres
from tests.faults.proxy import proxy


async def port_reached(url: str) -> int:
    database = Database(Access(url), max_size=1)
    await database.open()
    try:
        async with database.login_session() as connection:
            return int(await connection.fetchval("SHOW port"))
    finally:
        await database.close()


@pytest.mark.debian_postgres
async def test_the_first_host_that_is_what_is_asked_for_is_used() -> None:
    """Without trying each in turn, a switch-over ends with the host that was named first."""
    with debian_postgres(default_transaction_read_only="on") as standby, debian_postgres() as primary:
        hosts = [
            f"127.0.0.1:{free_port()}",
            *(f"{quote(str(s.folder), safe='')}:{s.port}" for s in (standby, primary)),
        ]
        url = f"postgresql://owner@{','.join(hosts)}/postgres?connect_timeout=2"
        assert await port_reached(url) == standby.port
        for target, port in (
            ("any", standby.port),
            ("read-write", primary.port),
            ("read-only", standby.port),
            ("primary", standby.port),
            ("prefer-standby", standby.port),
        ):
            assert await port_reached(f"{url}&target_session_attrs={target}") == port
        with pytest.raises(DatabaseUnreachableError, match="target_session_attrs"):
            await port_reached(f"{url}&target_session_attrs=standby")
        async with direct_connection(Access(f"{url}&target_session_attrs=read-write")) as connection:
            assert connection.is_direct


async def test_a_host_that_says_nothing_costs_seconds_only(access: Access) -> None:
    """Without a time-out for each host, the one that is cut off takes the time of all others."""
    folder, port = read_dsn(access.url).hosts[0]
    async with proxy(f"{folder}/.s.PGSQL.{port}") as cut_off:
        await cut_off.become("black hole")
        server = f"{quote(folder, safe='')}:{port}"
        name = urlsplit(access.url).path
        url = f"postgresql://console_login@127.0.0.1:{cut_off.port},{server}{name}"
        async with asyncio.timeout(40):
            assert await port_reached(url) == port


async def test_a_host_that_falls_silent_after_the_login_costs_seconds_and_leaves_no_link(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the time-out, a host that is cut off right after the login takes the time of all others."""
    asked: list[links.ServerConnection] = []
    is_server = links._is_server

    async def silent_at_first(link: links.ServerConnection) -> bool:
        asked.append(link)
        return await (asyncio.Event().wait() if len(asked) == 1 else is_server(link))

    monkeypatch.setattr(links, "_is_server", silent_at_first)
    folder, port = read_dsn(access.url).hosts[0]
    server = f"{quote(folder, safe='')}:{port}"
    url = f"postgresql://console_login@{server},{server}{urlsplit(access.url).path}?connect_timeout=2"
    async with asyncio.timeout(40):
        assert await port_reached(url) == port
    assert len(asked) == 2
    assert asked[0].is_closed()


@pytest.mark.mosquitto
async def test_the_broker_that_answers_is_used() -> None:
    """Without trying each in turn, one node of a cluster that is down stops all commands."""
    with start_broker("mosquitto") as broker:
        url = f"mqtt://u:p@127.0.0.1:{free_port()},127.0.0.1:{broker.port}"
        address = configured_broker(Settings(database_url=Secret("postgresql://h"), mqtt_url=Secret(url)))
        assert address is not None
        async with connect(address, SessionKind("x")) as session:
            assert session.paho.host == "127.0.0.1"
            assert session.paho.port == broker.port
    with pytest.raises(BrokerUnreachableError, match=f":{address.port} "):
        async with connect(address, SessionKind("x")):
            pass


def test_hosts_and_secrets_are_read_again_together(tmp_path: Path) -> None:
    """Without reading them at each connection, a rotated password or a new host waits for a restart."""
    database, broker = tmp_path / "database", tmp_path / "broker"
    database.write_text("\ufeffpostgresql://u:old@127.0.0.1:1,127.0.0.1:2/d\r\n")
    broker.write_text("\ufeffmqtt://u:old@127.0.0.1:1,127.0.0.1:2\r\n")
    settings = load(
        {},
        {
            "DATABASE_URL_FILE": str(database),
            "MQTT_URL_FILE": str(broker),
            "CONSOLE_CONFIG": str(tmp_path / "none"),
        },
    ).settings
    access, address = configured_database(settings), configured_broker(settings)
    assert access is not None
    assert address is not None
    database.write_text("postgresql://u:new/@127.0.0.1:3,127.0.0.1:4/d")
    broker.write_text("mqtt://u:new/@127.0.0.1:3,127.0.0.1:4")
    assert access.newest.url == "postgresql://u:new/@127.0.0.1:3,127.0.0.1:4/d"
    assert (address.newest.password, address.newest.port, address.newest.others) == (
        "new/",
        3,
        (("127.0.0.1", 4),),
    )
    for half in ("", "\ufeff", "mqtt://"):
        broker.write_text(half)
        assert address.newest.password == "new/"
