"""Answers and sweep: poison, locked rows, opposite orders, kills, deadlines."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck, RawAck
from console.domain.dispatch import Confirmed
from console.services import ack_reader
from console.services.acknowledger import BATCH, Acknowledger
from console.services.sweeper import Sweeper
from console.store.access import Access
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore, Swept
from console.wire.ack_payloads import AckPayload, decode_ack
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import environment, program
from tests.guarantees.test_ingest import PUBLISHED, delivered
from tests.rows import add_command, row_of
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


async def test_locked_rows_of_one_deadline_hide_no_other_row_of_it(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet, database_url: str
) -> None:
    """Without the look behind them, a batch of rows that somebody has locked keeps all others of their deadline queued."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
        " SELECT $1, 'c' || lpad(n::text, 2, '0'), 'pump-1', 'ping', now() - interval '1 s' FROM generate_series(1, 40) n",
        fleet.acme,
    )
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT FROM device_commands WHERE command_id <= 'c20' FOR UPDATE")
            sweeper = Sweeper(settlement, BEGINNING, lambda _sweep: None, SystemClock(), batch=10)
            swept = sum([(await sweeper.run_once()).settled for _ in range(3)])
    finally:
        await other.close()
    assert swept == 20


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
        done = await Sweeper(settlement, BEGINNING, lambda _sweep: None, SystemClock(), batch=50).run_once()
        assert done.settled == 297
    done = await Sweeper(settlement, BEGINNING, lambda _sweep: None, SystemClock(), batch=50).run_once()
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


class Found:
    """What the sweep finds at the end of each pass, and the rests that follow from it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: tuple[float | None, bool, int]) -> None:
        self.naps: list[float] = []
        self._found = found
        monkeypatch.setattr("console.services.sweeper.asyncio.sleep", self._nap)

    async def _nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        if len(self.naps) == len(self._found):
            raise asyncio.CancelledError

    async def sweep(self, _cursor: object, _limit: int) -> Swept:
        due_s, is_blocked, settled = self._found[len(self.naps)]
        return Swept(settled, 0, None, 0.0, due_s=due_s, is_blocked=is_blocked)

    async def trim_problems(self, keep: int) -> int:
        return keep

    async def trim_ended(self, keep: int, age_s: float) -> int:
        return int(keep * age_s)

    async def rests(self) -> list[float]:
        with contextlib.suppress(asyncio.CancelledError):
            await Sweeper(self, BEGINNING, lambda _sweep: None, SystemClock()).run()
        return self.naps


async def test_the_sweep_wakes_at_the_next_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the next deadline, lateness is whatever the tick is."""
    found = Found(monkeypatch, (0.25, False, 0), (30.0, False, 0), (-1.0, False, 5), (None, False, 0))
    assert await found.rests() == [0.25, 1.0, 0.0, 1.0]


async def test_what_is_locked_is_looked_at_again_soon_and_then_ever_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, a command whose answer is just being written is late by a tick, or a lock of hours costs a core."""
    found = Found(monkeypatch, *[(5.0, True, 0)] * 9, (0.005, True, 0), (5.0, True, 1))
    assert await found.rests() == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 1.0, 0.005, 0.01]


async def test_a_deadline_that_passes_during_the_sweep_is_not_taken_for_a_locked_one(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the two told apart, the sweep rests while a command is overdue."""
    await add_command(owner, fleet.acme, "later", ttl=timedelta(seconds=40))
    swept = await settlement.sweep(BEGINNING, 100)
    assert not swept.is_blocked
    assert swept.due_s is not None
    assert 0 < swept.due_s <= 40
    await owner.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;"
        "CREATE TRIGGER slow BEFORE UPDATE ON device_commands FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    await add_command(owner, fleet.acme, "now", ttl=timedelta(0))
    await add_command(owner, fleet.acme, "meanwhile", ttl=timedelta(seconds=0.2))
    swept = await settlement.sweep(BEGINNING, 100)
    assert (swept.expired, swept.is_blocked) == (1, False)
    assert swept.due_s is not None
    assert swept.due_s < 0


async def test_a_backlog_does_not_hide_what_is_overdue_only_now(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the look at what is overdue since the last batch, a tenant's command waits for another's backlog."""
    await owner.execute(OVERDUE, 400)
    first = await settlement.sweep(BEGINNING, 50)
    await add_command(owner, fleet.rival, "fresh", ttl=timedelta(0))
    assert first.cursor is not None
    second = await settlement.sweep(first.cursor, 50)
    assert second.missed + second.expired == 51
    assert (await row_of(owner, "fresh"))["status"] == "expired"


async def test_a_second_sweeper_begins_at_the_other_end(
    database: Database,
    settlement: SettlementStore,
    owner: asyncpg.Connection,
    database_url: str,
    fleet: Fleet,
) -> None:
    """Without it, two sweepers meet at every row of the way."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', now() - interval '1 s' * n FROM generate_series(1, 200) n"
    )
    first = await asyncpg.connect(database_url)
    async with first.transaction():
        await first.execute("SELECT device_console.sweep('-infinity', 'infinity', NULL, 50)")
        beside = await settlement.sweep(BEGINNING, 50)
        assert beside.expired == 50
        left = await owner.fetch("SELECT command_id FROM device_commands WHERE status = 'queued'")
        assert {row["command_id"] for row in left} == {f"c{n}" for n in range(51, 201)}
        assert beside.cursor is not None
        assert (await settlement.sweep(beside.cursor, 50)).expired == 50
    done = await Sweeper(settlement, BEGINNING, lambda _sweep: None, SystemClock(), batch=50).run_once()
    assert done.expired == 50
    await first.close()


@pytest.mark.parametrize("back", [False, True])
async def test_many_rows_of_one_deadline_that_somebody_holds_do_not_stop_a_pass(
    settlement: SettlementStore, owner: asyncpg.Connection, database_url: str, fleet: Fleet, *, back: bool
) -> None:
    """Without the step past them, a pass reads the same batch for ever."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', timestamptz '2026-01-01' + CASE WHEN n > 250 THEN"
        " CASE WHEN $1 THEN -n ELSE n END * interval '1 s' ELSE interval '0' END FROM generate_series(1, 350) n",
        back,
    )
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("SELECT FROM device_commands WHERE substr(command_id, 2)::int <= 250 FOR UPDATE")
        if back:
            await holder.execute(
                "SELECT device_console.sweep('infinity', 'infinity', NULL, 1)"
            )  # it is the first one
        sweeper = Sweeper(
            settlement, BEGINNING, lambda _sweep: None, SystemClock(), batch=2
        )  # looks behind 100 batches
        async with asyncio.timeout(10):
            assert (await sweeper.run_once()).settled == 100
    await holder.close()


async def test_the_records_of_ended_commands_are_trimmed(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the trimming, they fill the disk."""
    count = "SELECT count(*) FROM device_console.ended_events"
    await owner.execute(OVERDUE, 40)
    await Sweeper(settlement, BEGINNING, lambda _sweep: None, SystemClock(), batch=10).run_once()
    assert await owner.fetchval("SELECT sum(cardinality(command_ids)) FROM device_console.ended_events") == 40
    kept = await owner.fetchval(count)
    assert await settlement.trim_ended(kept - 2, 60.0) == 2
    await owner.execute(
        "UPDATE device_console.ended_events SET ended_at = now() - interval '2 minutes' WHERE outcome = 'missed'"
    )
    await settlement.trim_ended(kept, 60.0)
    assert await owner.fetch("SELECT DISTINCT outcome FROM device_console.ended_events") == [("expired",)]


async def test_lateness_is_reported(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the figure, nobody sees that the sweep is behind."""
    await owner.execute(OVERDUE, 10)
    done = await Sweeper(settlement, BEGINNING, lambda _sweep: None, SystemClock()).run_once()
    assert 11 <= done.lateness_s < 60  # the oldest of ten was overdue for eleven seconds
