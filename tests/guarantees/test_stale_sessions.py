"""What became useless without breaking is left: sessions of the database, secrets, a protocol, a silent broker."""

import asyncio
import contextlib
import signal
from pathlib import Path

import asyncpg
import pytest

from console.errors import ConflictError
from console.mqtt import session as session_module
from console.mqtt.publisher import publisher
from console.store.access import Access
from console.store.changes import set_ingest_slots
from console.store.pool import Database
from console.worker.systemd import watchdog_s
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.e2e.conftest import OpenChannel
from tests.faults.postgres import through
from tests.faults.processes import environment, program
from tests.faults.proxy import Proxy, proxy
from tests.faults.terminal import terminal
from tests.rows import add_command, row_of
from tests.waiting import until

READ_ONLY = "ALTER ROLE console_login IN DATABASE {} SET default_transaction_read_only = {}"


async def test_sessions_that_stayed_read_only_are_left_at_the_first_refusal(
    access: Access, owner: asyncpg.Connection
) -> None:
    """Without closing them with their siblings, a pool hands them out for minutes after a switch-over."""
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(READ_ONLY.format(name, "on"))
    database = Database(access)
    await database.open()
    try:
        await asyncio.gather(*(database_sleeps(database) for _ in range(4)))
        await owner.execute(READ_ONLY.format(name, "off"))
        with pytest.raises(ConflictError, match="read-only"):
            await set_ingest_slots(database, 1)
        for _ in range(4):
            await set_ingest_slots(database, 1)
    finally:
        await database.close()
        await owner.execute(
            f"ALTER ROLE console_login IN DATABASE {name} RESET default_transaction_read_only"
        )


async def database_sleeps(database: Database) -> None:
    """Keep a session busy, so that the pool opens another one."""
    async with database.login_session() as connection:
        await connection.execute("SELECT pg_sleep(0.2)")


async def test_a_session_that_became_read_only_reads_nothing_either(
    access: Access, owner: asyncpg.Connection
) -> None:
    """Without the look at each use, a screen goes on showing the rows of a server that was demoted."""
    database = Database(access, max_size=1)
    await database.open()
    try:
        async with database.login_session() as connection:
            before = await connection.fetchval("SELECT pg_backend_pid()")
            await connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        async with database.login_session() as connection:
            assert await connection.fetchval("SELECT pg_backend_pid()") != before
            assert await connection.fetchval("SHOW transaction_read_only") == "off"
    finally:
        await database.close()


@pytest.mark.mosquitto
async def test_rotated_secrets_are_read_at_the_next_connection(
    database_proxy: Proxy, access: Access, owner: asyncpg.Connection, mosquitto: BrokerProcess, fleet: Fleet,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Without reading the file again, a worker keeps what it read at its start until somebody restarts it."""
    database_file, broker_file = tmp_path / "database", tmp_path / "broker"
    database_file.write_text(through(access.url, database_proxy.port))
    async with proxy(("127.0.0.1", mosquitto.port)) as broker_proxy:
        broker_file.write_text(f"mqtt://127.0.0.1:{broker_proxy.port}")
        env = environment(tmp_path, "", mosquitto.address) | {
            "DATABASE_URL": "", "MQTT_URL": "", "DATABASE_URL_FILE": str(database_file), "MQTT_URL_FILE": str(broker_file),
        }  # fmt: skip
        async with program(env, "--sweeper") as worker:
            await worker.ready()
            database_file.write_text("\n")  # as it is for a moment while it is replaced
            broker_file.write_text("")
            database_proxy.cut()
            broker_proxy.cut()
            database_file.write_text(access.url)
            broker_file.write_text(f"mqtt://127.0.0.1:{mosquitto.port}")
            await database_proxy.become("refuse")
            await broker_proxy.become("refuse")
            await add_command(owner, fleet.acme, "c1")
            await owner.execute(
                "INSERT INTO device_console.outbox (tenant_id, command_id, device_id) VALUES ('acme', 'c1', 'pump-1')"
            )

            async def is_published() -> bool:
                return (await row_of(owner, "c1"))["published_at"] is not None

            await until(is_published)


@pytest.mark.mosquitto
@pytest.mark.mqtt5
async def test_a_broker_that_is_silent_while_we_connect_speaks_the_protocol_that_it_spoke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without that, a pause of the broker costs the session its expiry and its refusals until it ends."""
    monkeypatch.setattr(session_module, "CONNECT_TIMEOUT_S", 2.0)
    with start_broker("mosquitto") as broker:
        async with proxy(("127.0.0.1", broker.port)) as way:
            broker.freeze()
            connecting = asyncio.create_task(detail_of(way.port))

            async def asks_again() -> bool:
                return way.connections >= 2

            await until(asks_again)  # the first attempt, with MQTT 5, was given up
            broker.thaw()
            assert await connecting == "v5"


async def detail_of(port: int) -> str:
    async with publisher(session_module.BrokerAddress("127.0.0.1", port)) as link:
        return link.detail


class HangsUpOnce:
    """A way to a broker whose first connection ends at its first byte."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._first = True
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        first, self._first = self._first, False
        if first:
            await reader.read(1)
        else:
            back, upstream = await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.gather(self._pump(reader, upstream), self._pump(back, writer))
            await self._ended(upstream)
        await self._ended(writer)

    @staticmethod
    async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(4_096):
                target.write(data)
        target.close()

    @staticmethod
    async def _ended(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def ended(self) -> None:
        await asyncio.gather(*self._serving)


@pytest.mark.mosquitto
@pytest.mark.mqtt5
async def test_a_broker_that_hangs_up_once_is_not_one_of_the_older_protocol(mosquitto: BrokerProcess) -> None:
    """Without trying it again, a broker that ends and starts leaves sessions of MQTT 3.1.1 behind."""
    way = HangsUpOnce(mosquitto.port)
    async with await asyncio.start_server(way.serve, "127.0.0.1", 0) as server:
        address = session_module.BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        async with publisher(address) as link:
            assert link.detail == "v5"
        await way.ended()


@pytest.mark.mosquitto
async def test_a_broker_that_hangs_is_shown_before_its_link_counts_as_lost(
    open_channel: OpenChannel, fleet: Fleet
) -> None:
    """Without asking it often, a header says "mqtt ok" for as long as the keep-alive lasts."""
    with start_broker("mosquitto") as broker:
        async with open_channel(broker.address) as channel:
            broker.freeze()

            async def is_shown() -> bool:
                view = channel.health.view()
                assert view.broker.up, "it counts as lost already"
                return view.broker.silent_s is not None

            try:
                await until(is_shown)
            finally:
                broker.thaw()

            async def answers() -> bool:
                return channel.health.view().broker.silent_s is None

            await until(answers)


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_the_header_says_that_the_broker_is_silent(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without the words, an operator waits for answers that nobody can give."""
    with start_broker("mosquitto") as broker:
        async with terminal(environment(tmp_path, access.url, broker.address), columns=120) as screen:
            await screen.shows("mqtt ok")
            await screen.shows("sweep on")
            broker.freeze()
            try:
                await screen.shows("mqtt silent")
            finally:
                broker.thaw()
            await screen.shows("mqtt ok")


@pytest.mark.mosquitto
async def test_a_hang_up_makes_a_worker_connect_anew_and_go_on(
    database_proxy: Proxy, access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, the end of the terminal that started a worker ends the worker, and a rotated secret needs a restart."""
    url_file = tmp_path / "database"
    url_file.write_text(through(access.url, database_proxy.port))
    env = environment(tmp_path, "", mosquitto.address) | {
        "DATABASE_URL": "",
        "DATABASE_URL_FILE": str(url_file),
    }
    async with program(env, "--sweeper") as worker:
        await worker.ready()
        url_file.write_text(access.url)
        worker.signal(signal.SIGHUP)

        async def left() -> bool:
            return not database_proxy.is_used

        await until(left)
        assert worker.alive
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0


@pytest.mark.parametrize(
    ("patience", "every_s"), [("4000000", 2.0), ("", 10.0), ("60000000", 10.0), ("soon", 10.0), ("-1", 10.0)]
)
def test_a_watchdog_hears_of_us_in_half_of_its_patience(patience: str, every_s: float) -> None:
    """Without it, a unit with WatchdogSec=5 is killed every ten seconds."""
    assert watchdog_s({"WATCHDOG_USEC": patience}) == every_s
