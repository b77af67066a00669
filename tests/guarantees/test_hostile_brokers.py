"""What a broker may answer instead of what one hopes for. The numbers are those of docs/hostile-inputs.md."""

import asyncio
import contextlib
from functools import partial

import asyncpg
import pytest

from console.errors import BrokerUnreachableError, RefusedError, TakenOverError
from console.mqtt.ack_stream import ack_stream
from console.mqtt.session import BrokerAddress, SessionKind, connect
from console.mqtt.survey import survey
from tests.brokers import start_broker
from tests.conftest import Fleet
from tests.e2e.conftest import OpenChannel
from tests.faults import scripted_broker as raw
from tests.faults.scripted_broker import Script, scripted_broker
from tests.rows import add_devices, row_of
from tests.waiting import until


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        (0x87, RefusedError, "refused the login"),
        (0x86, RefusedError, "refused the login"),
        (0x97, BrokerUnreachableError, "refused the connection"),
        (0x9C, BrokerUnreachableError, "refused the connection"),
        (0x9D, BrokerUnreachableError, "refused the connection"),
        (0x88, BrokerUnreachableError, "refused the connection"),
    ],
)
async def test_101_a_refused_connection_is_one_sentence(code: int, error: type[Exception], says: str) -> None:
    """Without the CONNACK's reason, a wrong password looks like a broker that is away."""
    async with scripted_broker(Script(connack=code)) as broker:
        with pytest.raises(error, match=says):
            async with connect(broker.address, SessionKind("x")):
                pass


async def test_101_a_broker_that_confirms_nothing_is_refused() -> None:
    """Without the look at the CONNACK, every command would count as unknown for ever."""
    async with scripted_broker(Script(properties=bytes([raw.MAXIMUM_QOS, 0]))) as broker:
        with pytest.raises(RefusedError, match="QoS 0 only"):
            async with connect(broker.address, SessionKind("x")):
                pass


async def test_101_other_limits_of_a_broker_are_taken_as_they_are() -> None:
    """Without reading what the CONNACK says, shared slots would be tried where there are none."""
    properties = bytes([raw.RECEIVE_MAXIMUM, 0, 5, raw.SHARED_AVAILABLE, 0, raw.SESSION_EXPIRY, 0, 0, 0, 60])
    properties += bytes([raw.ASSIGNED_ID, 0, 3]) + b"abc"
    async with scripted_broker(Script(properties=properties)) as broker:
        facts = await survey(broker.address)
        assert (facts.session_s, facts.may_share) == (60, False)
        async with ack_stream(broker.address, "deployment") as stream:
            assert not stream.may_share
            await stream.subscribe()


async def test_101_no_more_is_in_flight_than_the_broker_takes(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the look at Receive Maximum, a strict broker hangs up on the window, again and again."""
    await add_devices(owner, "acme", [f"unit-{n}" for n in range(40)])
    script = Script(puback=None, properties=bytes([raw.RECEIVE_MAXIMUM, 0, 5]))
    async with scripted_broker(script) as broker, open_channel(broker.address) as channel:
        drafts = [channel.program.sender.draft(f"unit-{n}", "ping") for n in range(40)]
        await channel.program.sender.send("acme", drafts)

        async def released() -> bool:
            return bool(
                await owner.fetchval(
                    "SELECT count(*) FROM device_console.outbox WHERE last_error IS NOT NULL"
                )
            )

        await until(released)
        first_link = len(script.published)
    assert first_link == 5


@pytest.mark.mqtt5
@pytest.mark.mosquitto
async def test_101_a_command_beyond_the_brokers_largest_packet_is_told_and_holds_up_nobody(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the look at Maximum Packet Size, the broker drops the link for one command of one tenant until its TTL."""
    with start_broker("mosquitto", "max_packet_size 20000") as broker:
        async with open_channel(broker.address) as channel:
            large = channel.program.sender.draft("pump-1", "ping", '{"x": "%s"}' % ("y" * 40_000))
            await channel.program.sender.send("acme", [large])
            others = [await channel.send(f"pump-{n}", tenant) for n in (2, 3) for tenant in ("acme", "rival")]
            for command_id, tenant in zip(others, ("acme", "rival") * 2, strict=True):
                await until(partial(_published, owner, command_id, tenant))

            async def reported() -> bool:
                return any(
                    "packet too large" in p.detail for p in await channel.program.history.problems("acme")
                )

            await until(reported)
            assert channel.health.take_troubles() == ()


async def _published(owner: asyncpg.Connection, command_id: str, tenant: str) -> bool:
    return bool(
        await owner.fetchval(
            "SELECT published_at FROM device_commands WHERE tenant_id = $1 AND command_id = $2",
            tenant,
            command_id,
        )
    )


@pytest.mark.parametrize(("code", "reason"), [(0x97, "quota exceeded"), (0x90, "0x90"), (0x80, "0x80")])
async def test_102_a_refused_publication_stays_unpublished_with_the_reason(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection, code: int, reason: str
) -> None:
    """Without the PUBACK's reason, a broker over its quota seems to take everything."""
    async with scripted_broker(Script(puback=code)) as broker, open_channel(broker.address) as channel:
        command_id = await channel.send()

        async def reported() -> bool:
            row = await owner.fetchrow("SELECT attempt, last_error FROM device_console.outbox")
            return row["attempt"] >= 1 and reason in (row["last_error"] or "")

        await until(reported)
        assert (await row_of(owner, command_id))["published_at"] is None


async def test_102_a_puback_that_never_comes_leaves_the_command_unpublished(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the time-out, one PUBACK that never comes holds the command for ever."""
    script = Script(puback=None)
    async with scripted_broker(script) as broker, open_channel(broker.address) as channel:
        command_id = await channel.send()

        async def tried_twice() -> bool:
            return len(script.published) >= 2

        await until(tried_twice)
        assert (await row_of(owner, command_id))["published_at"] is None
        script.puback = 0
        await channel.reaches(command_id, "published")


async def test_103_a_session_that_is_gone_is_subscribed_again_and_told(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the look at Session Present, answers are missing and nobody was told."""
    async with (
        scripted_broker(Script(session_present=False)) as broker,
        open_channel(broker.address) as channel,
    ):
        broker.close()

        async def reported() -> bool:
            return bool(
                await owner.fetchval(
                    "SELECT count(*) FROM device_console.problems WHERE device_id = 'session'"
                )
            )

        await until(reported)
        await channel.ready()


async def test_104_a_session_that_is_taken_over_again_and_again_ends_the_workers(
    open_channel: OpenChannel, fleet: Fleet
) -> None:
    """Without an end, two programs with one id fight for the session as fast as they can, for ever."""
    script = Script(hang_up_with=0x8E)
    async with scripted_broker(script) as broker, open_channel(broker.address, wait=False) as channel:

        async def ended() -> str:
            return channel.health.view().stopped

        await until(ended)
        assert "a copy of the database is in use beside it" in channel.health.view().stopped
        assert channel.health.view().dispatch == channel.health.view().ingest == "off"
    assert len(script.connects) < 10


@pytest.mark.parametrize(
    ("script", "is_certain", "says"),
    [
        (Script(hang_up_with=0x8E), True, "another client took over our client id"),
        (Script(hang_up_with=0x80), False, "hung up without a reason"),
        (Script(hang_up_silently=True), False, "hung up without a reason"),
    ],
)
async def test_104_the_end_of_a_session_is_certain_only_where_the_broker_says_so(
    script: Script, is_certain: bool, says: str
) -> None:
    """Without both, a take-over is known only to newer brokers, or each hang-up is one."""
    async with scripted_broker(script) as broker, ack_stream(broker.address, "deployment") as stream:
        with contextlib.suppress(BrokerUnreachableError):
            await stream.subscribe()
        with pytest.raises(TakenOverError, match=says) as ended:
            await stream.batch(1)
    assert ended.value.is_certain == is_certain


async def test_104_a_broker_that_hangs_in_the_middle_of_a_packet_is_left() -> None:
    """Without the connect time-out, a CONNACK that never ends is waited for until somebody restarts the program."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x7f")
        await asyncio.wait((asyncio.ensure_future(over.wait()),))
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        ended.release()

    over, ended = asyncio.Event(), asyncio.Semaphore(0)
    server = await asyncio.start_server(half, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("console.mqtt.session.CONNECT_TIMEOUT_S", 0.5)
        with pytest.raises(BrokerUnreachableError, match="does not answer"):
            async with connect(BrokerAddress("127.0.0.1", port), SessionKind("x")):
                pass
    server.close()
    over.set()
    for _ in range(2):  # it was tried with MQTT 5 and with 3.1.1
        await asyncio.wait_for(ended.acquire(), 10)
