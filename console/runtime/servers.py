"""Where the program runs: on configured servers, or on its own embedded ones."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from console.errors import UsageError
from console.mqtt.address import BrokerAddress
from console.runtime.addresses import (
    broker_address,
    configured_broker,
    configured_database,
    database_access,
)
from console.settings import Settings
from console.store.access import Access
from console.store.pool import Database

if TYPE_CHECKING:
    from console.embedded.servers import EmbeddedServers


class Starting(Enum):
    """What the start of a demo does, one after another."""

    SERVERS = "PostgreSQL and an MQTT broker"
    TABLES = "the tables"
    DATA = "the demo’s devices and their history"
    FLEET = "the simulated devices"


Tell = Callable[[Starting], None]
DEMO_TENANTS = ("demo", "demo-two")


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses to use. `own` is set for embedded servers, whose data is the demo's."""

    access: Access
    broker: BrokerAddress | None
    own: "EmbeddedServers | None" = None
    broker_kind: str = ""

    @property
    def embedded(self) -> bool:
        return self.own is not None


def say_nothing(_: Starting) -> None:
    """Take note of a step where nobody waits for it."""


def is_embedded(settings: Settings) -> bool:
    """Return whether --embedded is set, or neither a database nor a broker is configured."""
    return settings.embedded or not (settings.database_url or settings.mqtt_url)


@asynccontextmanager
async def open_servers(
    settings: Settings, *, needs_broker: bool = True, tell: Tell = say_nothing
) -> AsyncIterator[Servers]:
    """Find or start the servers; embedded ones keep running at the end, until their last user has ended.

    Half a configuration is refused for reading, too, so that it is not noticed only with the first send;
    only `doctor`, `ingest-slots` and `retention`, which need the database alone, go on without a broker.
    `tell` is given each step of the start of embedded servers.

    Raises:
        UsageError: one of the two servers is configured and the other is not.
        UnreachableError: the embedded servers did not start.
    """
    if not is_embedded(settings):
        yield _configured(settings, needs_broker=needs_broker)
        return
    from console.embedded.servers import EmbeddedServers

    tell(Starting.SERVERS)
    servers = await asyncio.to_thread(
        EmbeddedServers.attach, settings.home_folder, broker=settings.embedded_broker
    )
    try:
        keeper = asyncio.create_task(_keep(servers))
        try:
            yield await _prepared(settings, servers, tell)
        finally:
            keeper.cancel()
    finally:
        servers.release()


def _configured(settings: Settings, *, needs_broker: bool) -> Servers:
    if settings.database_url is None:
        raise UsageError(
            "MQTT_URL is set but DATABASE_URL is not: set both, or neither for the embedded demo servers."
        )
    if settings.mqtt_url is None and needs_broker:
        raise UsageError(
            "DATABASE_URL is set but MQTT_URL is not: set both, or neither for the embedded demo servers."
        )
    access = configured_database(settings)
    if access is None:
        raise UsageError(
            "DATABASE_URL is empty: set it, or leave MQTT_URL out for the embedded demo servers."
        )
    return Servers(access, configured_broker(settings))


async def _prepared(settings: Settings, servers: "EmbeddedServers", tell: Tell) -> Servers:
    """Migrate and seed as the owner; from then on use a plain login, like every other program."""
    from console.demo.data import seed_demo
    from console.demo.login import ensure_login
    from console.store.schema.migrate import migrate

    addresses = servers.addresses
    owner = database_access(settings, addresses.database_url)
    tell(Starting.TABLES)
    await migrate(owner, platform_tables=True)
    tell(Starting.DATA)
    database = Database(owner, max_size=1)
    await database.open()
    try:
        url = await ensure_login(database)
        await seed_demo(database, tenant_id=DEMO_TENANTS[0], devices=settings.simulated_devices)
    finally:
        await database.close()
    broker = broker_address(settings, addresses.mqtt_url)
    if addresses.broker == "nats-server":
        broker = replace(broker, force_v3=True)
    return Servers(replace(owner, url=url), broker, servers, addresses.broker)


async def _keep(servers: "EmbeddedServers") -> None:
    """Start the supervisor of the servers again if it was killed."""
    while True:
        await asyncio.sleep(1)
        await asyncio.to_thread(servers.ensure)
