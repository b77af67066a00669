"""Answers and sweep: poison, locked rows, opposite orders, kills, deadlines."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck, RawAck
from console.domain.dispatch import Confirmed
from console.services import ack_reader
from console.services.acknowledger import BATCH, Acknowledger
from console.services.sweeper import Sweep, Sweeper
from console.store.outbox import OutboxStore
from console.store.pool import Access, Database
from console.store.settlement import BEGINNING, SettlementStore
from console.wire.ack_payloads import AckPayload, decode_ack
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import environment, program
from tests.guarantees.test_ingest import PUBLISHED, delivered
from tests.waiting import until

OVERDUE = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at, published_at)"
    " SELECT 'acme', 'c' || n, 'pump-1', 'ping', now() - interval '1 s' * (1 + n % 50), CASE WHEN n % 2 = 0 THEN now() END"
    " FROM generate_series(1, $1::integer) n"
)


@pytest.fixture
def settlement(database: Database) -> SettlementStore:
    return SettlementStore(database)


class OneBatch:
    """A stream with one batch in it."""

    def __init__(self, messages: Sequence[RawAck]) -> None:
        self._messages = tuple(messages)
        self.acknowledged: list[RawAck] = []

    async def batch(self, _limit: int) -> tuple[RawAck, ...]:
        return self._messages

    async def acknowledge(self, messages: Sequence[RawAck]) -> None:
        self.acknowledged += messages


async def test_one_answer_that_only_the_database_refuses_does_not_stop_the_other_499(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without halving the batch, 499 good answers are thrown away with the bad one."""
    await owner.execute(PUBLISHED, BATCH)

    def blind(payload: bytes, limit: int, _correlation: bytes | None) -> AckPayload:
        """As if the reader had missed a number that is too large for the database."""
        read = decode_ack(payload, limit)
        if read.command_id != "c250":
            return read
        return AckPayload(read.command_id, '{"status":"ok","details":1e200000}', ())

    monkeypatch.setattr(ack_reader, "decode_ack", blind)
    stream = OneBatch(
        [
            RawAck(
                f"tenant/acme/device/pump-{1 + n % 5}/commands/ack".encode(),
                b'{"command_id": "c%d"}' % n,
                n,
                1,
            )
            for n in range(1, BATCH + 1)
        ]
    )
    reader = Acknowledger(stream, settlement, lambda _tenant: None, SystemClock())
    await reader.run_once()
    assert await delivered(owner) == BATCH - 1
    assert len(stream.acknowledged) == BATCH
    problem = await owner.fetchrow("SELECT kind, command_id FROM device_console.problems")
    assert tuple(problem) == ("malformed ack", "c250")


async def test_the_sweep_goes_past_rows_that_someone_holds_and_past_an_old_snapshot(
    settlement: SettlementStore, owner: asyncpg.Connection, database_url: str, fleet: Fleet
) -> None:
    """Without SKIP LOCKED, one forgotten transaction stops the sweep of everybody."""
    await owner.execute(OVERDUE, 300)
    holder = await asyncpg.connect(database_url)
    async with holder.transaction(isolation="repeatable_read"):
        await holder.fetch("SELECT FROM device_commands WHERE command_id IN ('c1', 'c2', 'c3') FOR UPDATE")
        done = await Sweeper(settlement, lambda _sweep: None, SystemClock(), batch=50).run_once()
        assert done.settled == 297
    done = await Sweeper(settlement, lambda _sweep: None, SystemClock(), batch=50).run_once()
    assert done.settled == 3
    await holder.close()


async def test_a_batch_of_the_sweep_is_bounded_and_committed_by_itself(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the limit, an ACK waits until the sweep of everything is over."""
    await owner.execute(OVERDUE, 300)
    batch = await settlement.sweep(BEGINNING, 100)
    assert batch.missed + batch.expired == 100
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'") == 200


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_a_killed_sweep_keeps_its_committed_batches_and_the_next_one_goes_on(
    owner: asyncpg.Connection, access: Access, fleet: Fleet, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without committed batches, a kill throws the whole pass away."""
    await owner.execute(OVERDUE, 7_000)
    point = "console.store.settlement:SettlementStore.sweep:after:1"
    env = environment(tmp_path, access.url, mosquitto.address)
    async with program({**env, "CONSOLE_TEST_FAILPOINT": point}, "--sweeper") as dying:
        assert await dying.ended() == -9
    left = await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'")
    assert 0 < left < 7_000
    async with program(env, "--sweeper"):

        async def all_settled() -> bool:
            return not await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'")

        await until(all_settled)
    kinds = await owner.fetch("SELECT status, count(*) FROM device_commands GROUP BY status")
    assert {row["status"]: row["count"] for row in kinds} == {"missed": 3_500, "expired": 3_500}


async def test_writers_in_opposite_orders_never_deadlock(
    database: Database, settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without locking in primary-key order, every second pair of opposite batches ends in a deadlock."""
    await owner.execute(PUBLISHED, 400)
    outbox = OutboxStore(database)
    numbers = list(range(1, 401))

    async def answer(order: Sequence[int]) -> None:
        for _ in range(6):
            acks = [
                Acknowledgement("acme", f"pump-{1 + n % 5}", f"c{n}", '{"status":"ok","details":null}')
                for n in order
            ]
            await settlement.acknowledge(acks, [], LateAck.ACCEPT)

    async def confirm(order: Sequence[int]) -> None:
        for _ in range(6):
            await outbox.mark(
                database_holder, [Confirmed("acme", f"c{n}", nobody_listens=False) for n in order]
            )

    database_holder = await owner.fetchval("SELECT gen_random_uuid()")
    await asyncio.gather(
        *(answer(order) for order in (numbers, numbers[::-1]) for _ in range(2)),
        *(confirm(order) for order in (numbers, numbers[::-1])),
    )
    assert await delivered(owner) == 400


async def test_the_sweep_wakes_at_the_next_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the next deadline, lateness is whatever the tick is."""
    naps: list[float] = []

    class Soon:
        async def next_deadline(self) -> float | None:
            return (0.25, 30.0, -1.0, None)[len(naps)]

        async def trim_problems(self, keep: int) -> int:
            return keep

        async def sweep(self, _cursor: str, _limit: int) -> object:
            return type(
                "Nothing", (), {"missed": 0, "expired": 0, "healed": 0, "cursor": None, "lateness_s": 0.0}
            )()

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 4:
            raise asyncio.CancelledError

    monkeypatch.setattr("console.services.sweeper.asyncio.sleep", nap)
    swept: list[Sweep] = []
    with contextlib.suppress(asyncio.CancelledError):
        await Sweeper(Soon(), swept.append, SystemClock()).run()  # type: ignore[arg-type]
    assert naps[:2] == [0.25, 1.0]
    assert 0 < naps[2] <= 1.0
    assert naps[3] == 1.0


async def test_lateness_is_reported(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the figure, nobody sees that the sweep is behind."""
    await owner.execute(OVERDUE, 10)
    done = await Sweeper(settlement, lambda _sweep: None, SystemClock()).run_once()
    assert 11 <= done.lateness_s < 60  # the oldest of ten was overdue for eleven seconds
