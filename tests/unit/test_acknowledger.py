"""The two steps of the ingest: the next batch is read while one commits, and each in its order."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from console.clock import Clock, SystemClock
from console.domain.acks import Acknowledgement, LateAck, Outcome, RawAck
from console.domain.events import Problem
from console.errors import BrokerUnreachableError, DatabaseUnreachableError, LeaseLostError
from console.services.acknowledger import BATCH, FULL_BYTES, Acknowledger
from tests.waiting import until

TOPIC = b"tenant/acme/device/pump-1/commands/ack"


def _message(n: int, size: int = 0) -> RawAck:
    return RawAck(TOPIC, b'{"command_id":"c%d","status":"ok"}' % n + b" " * size, n, 1)


class FakeStream:
    """Messages that a test puts in; `lost` ends it once they are taken."""

    def __init__(self) -> None:
        self.waiting: list[RawAck] = []
        self.lost = False
        self.acknowledged: list[int] = []
        self._changed = asyncio.Event()

    def put(self, *messages: RawAck) -> None:
        self.waiting += messages
        self._changed.set()

    def lose(self) -> None:
        self.lost = True
        self._changed.set()

    async def batch(self, limit: int) -> tuple[RawAck, ...]:
        while not self.waiting:
            if self.lost:
                raise BrokerUnreachableError("lost")
            self._changed.clear()
            await self._changed.wait()
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return tuple(taken)

    async def acknowledge(self, messages: Sequence[RawAck]) -> None:
        self.acknowledged += [message.mid for message in messages]


class FakeSettlement:
    """Commits when a test lets it; fails as often as there are failures."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.committed: list[str] = []
        self.failures: list[Exception] = []
        self.in_flight = self.most_in_flight = 0
        self._may_end = asyncio.Semaphore(0)

    def let_one_end(self) -> None:
        self._may_end.release()

    async def acknowledge(
        self, acks: Sequence[Acknowledgement], _problems: Sequence[Problem], _late_ack: LateAck
    ) -> tuple[Outcome, ...]:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.begun.append([ack.command_id for ack in acks])
        try:
            await self._may_end.acquire()
            if self.failures:
                raise self.failures.pop(0)
        finally:
            self.in_flight -= 1
        self.committed += [ack.command_id for ack in acks]
        return tuple(Outcome.ACKED for _ in acks)

    async def keep_locked(self, _acks: Sequence[Acknowledgement]) -> frozenset[int]:
        return frozenset()

    async def record(self, _problems: Sequence[Problem]) -> None: ...


class SlowClock:
    """Each look at it is a second later, so that reading makes way after each message."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        self.seconds += 1.0
        return self.seconds


class Running:
    """One acknowledger at work."""

    def __init__(self, clock: Clock) -> None:
        self.stream, self.settlement = FakeStream(), FakeSettlement()
        self.changed: list[str] = []
        worker = Acknowledger(self.stream, self.settlement, self.changed.append, clock)
        self.task = asyncio.create_task(worker.run())

    async def until(self, condition: Callable[[], object]) -> None:
        async def holds() -> bool:
            return bool(condition())

        await until(holds)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        assert "reading of answers" not in {task.get_name() for task in asyncio.all_tasks()}


@pytest.fixture
async def running():
    found = Running(SystemClock())
    yield found
    await found.end()


async def test_the_next_batch_is_read_while_one_commits(running: Running) -> None:
    """Without it, database and processor wait for each other."""
    running.stream.put(_message(1))
    await running.until(lambda: running.settlement.begun)
    for n in range(2, 5):
        running.stream.put(_message(n))
        await running.until(lambda: not running.stream.waiting)
    assert running.stream.acknowledged == []
    running.settlement.let_one_end()
    await running.until(lambda: len(running.settlement.begun) == 2)
    assert running.settlement.begun == [["c1"], ["c2", "c3", "c4"]]
    assert running.stream.acknowledged == [1]
    running.settlement.let_one_end()
    await running.until(lambda: running.stream.acknowledged == [1, 2, 3, 4])
    assert running.settlement.most_in_flight == 1
    assert running.changed == ["acme", "acme"]


async def test_what_is_being_read_when_a_commit_begins_is_in_the_batch_after_it() -> None:
    """Without a look at the batch after reading, it is added to one that is gone: never settled, never confirmed."""
    running = Running(SlowClock())
    running.settlement.let_one_end()
    for n in range(10):
        running.stream.put(*(_message(n * 10 + k) for k in range(10)))
        await asyncio.sleep(0)
        running.settlement.let_one_end()
    await running.until(lambda: len(running.stream.acknowledged) == 100)
    assert running.stream.acknowledged == list(range(100))
    await running.end()


async def test_no_more_is_read_ahead_than_a_batch(running: Running) -> None:
    """Without a bound, all that a broker sends waits here while the database is away, beside the stream's cap."""
    running.stream.put(_message(0))
    await running.until(lambda: running.settlement.begun)
    running.stream.put(*(_message(n) for n in range(1, 2 * BATCH)))
    await running.until(lambda: len(running.stream.waiting) <= BATCH - 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(running.stream.waiting) == BATCH - 1
    for _ in range(3):
        running.settlement.let_one_end()
    await running.until(lambda: len(running.stream.acknowledged) == 2 * BATCH)
    assert running.stream.acknowledged == list(range(2 * BATCH))
    assert [len(batch) for batch in running.settlement.begun] == [1, BATCH, BATCH - 1]


async def test_what_is_read_ahead_is_bounded_in_bytes_too(running: Running) -> None:
    """Without it, 500 of the largest answers wait here, which are 32 MB."""
    running.stream.put(_message(0))
    await running.until(lambda: running.settlement.begun)
    for n in range(1, 40):
        running.stream.put(_message(n, 60_000))
        for _ in range(20):
            await asyncio.sleep(0)
    assert 60_000 * (40 - len(running.stream.waiting)) <= FULL_BYTES + 2 * 60_000
    assert running.stream.waiting


async def test_a_database_that_is_away_confirms_nothing_and_the_same_batch_is_tried_again(
    running: Running,
) -> None:
    running.settlement.failures = [DatabaseUnreachableError("away"), DatabaseUnreachableError("away")]
    running.stream.put(_message(1))
    await running.until(lambda: running.settlement.begun)
    running.stream.put(_message(2))
    for _ in range(3):
        assert running.stream.acknowledged == []
        running.settlement.let_one_end()
    await running.until(lambda: running.stream.acknowledged == [1])
    assert running.settlement.begun[:3] == [["c1"]] * 3
    running.settlement.let_one_end()
    await running.until(lambda: running.stream.acknowledged == [1, 2])


async def test_what_came_before_a_lost_link_is_committed_in_order(running: Running) -> None:
    """Without waiting for the commit in flight, its answers would be unknown here and duplicates later."""
    running.stream.put(_message(1))
    await running.until(lambda: running.settlement.begun)
    running.stream.put(_message(2))
    await running.until(lambda: not running.stream.waiting)
    running.stream.lose()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not running.task.done()
    running.settlement.let_one_end()
    running.settlement.let_one_end()
    with pytest.raises(BrokerUnreachableError):
        await asyncio.wait_for(running.task, 10)
    assert running.settlement.committed == ["c1", "c2"]


async def test_a_cancelled_commit_confirms_nothing(running: Running) -> None:
    """Without it, answers of a commit that was cut off are lost with their PUBACKs."""
    running.stream.put(_message(1))
    await running.until(lambda: running.settlement.begun)
    running.stream.put(_message(2))
    await running.until(lambda: not running.stream.waiting)
    await running.end()
    assert running.task.cancelled()
    assert (running.stream.acknowledged, running.settlement.committed) == ([], [])


async def test_a_commit_that_is_under_way_at_the_end_is_confirmed(running: Running) -> None:
    """Without the moment for it, its answers come again, and each is counted as a copy."""
    running.stream.put(_message(1))
    await running.until(lambda: running.settlement.begun)
    running.task.cancel()
    await asyncio.sleep(0)
    running.settlement.let_one_end()
    await asyncio.wait({running.task})
    assert running.task.cancelled()
    assert (running.stream.acknowledged, running.settlement.committed) == ([1], ["c1"])


async def test_a_commit_that_fails_for_good_ends_the_reading_too(running: Running) -> None:
    running.settlement.failures = [LeaseLostError("taken over")]
    running.stream.put(_message(1))
    await running.until(lambda: running.settlement.begun)
    running.stream.put(_message(2))
    running.settlement.let_one_end()
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(running.task, 10)
    assert running.stream.acknowledged == []
