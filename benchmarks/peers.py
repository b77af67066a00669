"""Other ways to do the same, in the same run: what the platform does by itself, plain consumers, a job queue."""

import json
import time
from collections import defaultdict
from typing import Any

import aiomqtt

from benchmarks import job_queue
from benchmarks.answers import answers
from benchmarks.commands import add, targets, write_answers
from benchmarks.figures import Figure, Sample
from benchmarks.hands import NO_DELAY
from benchmarks.place import Copy, Place, Scale
from benchmarks.processes import helper, workers
from benchmarks.sweeps import sweep
from tests.brokers import BrokerProcess
from tests.platform.behaviour import platform_ack, platform_sweep

_SWEEP = "sweep, beside the platform's"
_ANSWERS = "answers, beside one UPDATE for each"
_READ = "answers, beside a consumer that writes nothing"
FIGURES = (
    Figure(_SWEEP, "rows/s", "the platform's two statements, run each 60 s"),
    Figure(_ANSWERS, "rows/s", "aiomqtt's messages, one UPDATE each"),
    Figure(_READ, "rows/s", "aiomqtt's messages, parsed"),
    *job_queue.FIGURES,
)
_EXPIRES = "now() - interval '1 day' + n * interval '20 ms'"
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    few = scale.part(0.02)
    with place.broker() as broker:
        async with place.database() as theirs, place.database() as ours, workers(ours, broker):
            for _ in range(scale.pairs):
                floor = await _platform(theirs, scale.rows)
                found[_SWEEP].append(Sample(await sweep(ours, scale.rows, _EXPIRES), floor, scale.rows))
    for _ in range(scale.pairs):
        plain, read = await _consumed(place, few, writes=True), await _consumed(place, few, writes=False)
        taken, _, _ = await answers(place, scale.part(0.2))
        found[_ANSWERS].append(Sample(taken, plain, few))
        found[_READ].append(Sample(taken, read, few))
    await job_queue.measure(place, scale, found)
    return found


async def _platform(copy: Copy, rows: int) -> float:
    async with copy.sql.transaction():
        await add(
            copy.sql,
            rows,
            published="CASE WHEN n % 2 = 0 THEN now() - interval '25 hours' END",
            expires=_EXPIRES,
        )
        await copy.sql.execute("ANALYZE device_commands")
    began = time.perf_counter()
    await platform_sweep(copy.sql)
    took = time.perf_counter() - began
    assert not await copy.sql.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'")
    return rows / took


async def _consumed(place: Place, rows: int, *, writes: bool) -> float:
    """Answers a second of a program that takes one message after another."""
    path = place.folder / "answers"
    with place.broker() as broker:
        async with place.database() as copy:
            await add(copy.sql, rows)
            await copy.sql.execute("ANALYZE device_commands")
            write_answers(path, await targets(copy.sql, "status = 'queued'"))
            return await _consume(copy, broker, path, rows, writes=writes)


async def _consume(copy: Copy, broker: BrokerProcess, path: Any, rows: int, *, writes: bool) -> float:
    taken = 0
    async with aiomqtt.Client("127.0.0.1", broker.port, socket_options=NO_DELAY) as client:
        await client.subscribe("tenant/+/device/+/commands/ack", qos=1)
        with helper("pump", broker.port, path) as pump:
            pump.go()
            began = time.perf_counter()
            async for message in client.messages:
                answer, parts = json.loads(message.payload), str(message.topic).split("/")
                if writes:
                    assert await platform_ack(copy.sql, parts[1], parts[3], answer["command_id"])
                taken += 1
                if taken == rows:
                    break
            return rows / (time.perf_counter() - began)
