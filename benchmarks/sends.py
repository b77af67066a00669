"""One command at a time, at a fixed rate whether or not anybody keeps up: send to device, answer to commit."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from benchmarks.commands import add, targets, waits_ms, write_answers
from benchmarks.figures import Figure, Sample, percentile
from benchmarks.place import TENANT, Copy, Place, Scale
from benchmarks.processes import helper, workers
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database

_MEDIAN, _TAIL = "P7 send to device, p50", "P7 send to device, p99"
_FIRST = "P7 first send of an open program"
_COMMIT, _COMMIT_TAIL = "P8 answer to commit, p50", "P8 answer to commit, p99"
_FLOOR = "one-row commit at the same rate"
FIGURES = (
    Figure(_MEDIAN, "ms", f"{_FLOOR}, p50", 5, 60, at_most=True),
    Figure(_TAIL, "ms", f"{_FLOOR}, p99", 5, 150, at_most=True),
    Figure(_FIRST, "ms", "", 20, 500, at_most=True, absolute=True),
    Figure(_COMMIT, "ms", f"{_FLOOR}, p50", 5, 20, at_most=True),
    Figure(_COMMIT_TAIL, "ms", f"{_FLOOR}, p99", 5, 40, at_most=True),
)
_RATE = 100
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    count = 60 if scale.short else 1_000
    for _ in range(scale.pairs):
        floor = await _bare_commits(place, count)
        sent, first, waits = await _sent_and_answered(place, count)
        for name, values, share in (
            (_MEDIAN, sent, 0.5),
            (_TAIL, sent, 0.99),
            (_COMMIT, waits, 0.5),
            (_COMMIT_TAIL, waits, 0.99),
        ):
            found[name].append(Sample(percentile(values, share), percentile(floor, share), len(values)))
        found[_FIRST].append(Sample(first))
        place.notes.append(
            f"sends, a turn of {count}: longest commit {max(floor):.0f} ms, send to device {max(sent):.0f} ms,"
            f" answer to commit {max(waits):.0f} ms"
        )
    return found


async def at_a_rate(count: int, work: Callable[[int], Awaitable[None]], rate: float = _RATE) -> None:
    """Begin work so many times a second, without waiting for the one before."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            await asyncio.sleep(max(0.0, began + n / rate - time.perf_counter()))
            group.create_task(_coroutine(work(n)))


async def _coroutine(work: Awaitable[None]) -> None:
    await work


async def _bare_commits(place: Place, count: int) -> list[float]:
    taken: list[float] = []
    async with (
        place.database() as copy,
        asyncpg.create_pool(copy.url, min_size=8, max_size=8) as pool,
    ):

        async def one(n: int) -> None:
            began = time.perf_counter()
            await pool.execute(
                "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type) VALUES ($1, $2, $3, 'ping')",
                TENANT, f"bare-{n}", f"dev-{n % 10_000:05}",
            )  # fmt: skip
            taken.append((time.perf_counter() - began) * 1e3)

        await at_a_rate(8, lambda n: one(-n - 1))
        taken.clear()
        await at_a_rate(count, one)
    return taken


async def _sent_and_answered(place: Place, count: int) -> tuple[list[float], float, list[float]]:
    """From the operator's send until the device has it; until the commit of the first send; from an answer to its commit."""
    path = place.folder / "caught"
    with place.broker() as broker:
        async with place.database() as copy, workers(copy, broker):
            with helper("catcher", broker.port, count + 1, path, 8) as catcher:
                at, first = await _send(copy, count)
                await catcher.done()
            await _answer_all(copy, broker.port, place.folder / "answers", count)
            return _until_caught(path, at), first, await waits_ms(copy.sql)


async def _send(copy: Copy, count: int) -> tuple[dict[str, float], float]:
    """Send at the rate; return when each command was sent, by id, and how long the very first took until its commit."""
    at: dict[str, float] = {}
    database = Database(Access(copy.login))
    await database.open()
    program = wire_program(database, tenants=(TENANT,), operator="bench")

    async def one(n: int) -> None:
        began = time.time()
        receipt = await program.sender.send(TENANT, [program.sender.draft(f"dev-{n % 10_000:05}", "ping")])
        at[receipt.command_ids[0]] = began

    try:
        began = time.perf_counter()
        await one(9_999)
        first = (time.perf_counter() - began) * 1e3
        at.clear()
        await asyncio.sleep(0.2)
        await at_a_rate(count, one)
    finally:
        await database.close()
    return at, first


def _until_caught(path: Path, at: dict[str, float]) -> list[float]:
    taken = []
    for line in path.read_bytes().splitlines():
        caught, _, payload = line.split(b"\t", 2)
        command = json.loads(payload)["command_id"]
        if command in at:
            taken.append((float(caught) - at.pop(command)) * 1e3)
    assert not at, f"{len(at)} commands never came"
    return taken


async def _answer_all(copy: Copy, port: int, path: Path, count: int) -> None:
    await add(copy.sql, count)
    await copy.sql.execute("ANALYZE device_commands")
    write_answers(path, await targets(copy.sql, "command_type = 'perf'"), timed=True)
    with helper("pump", port, path, _RATE) as pump:
        pump.go()
        await pump.done()
        await copy.until_none("command_type = 'perf' AND status = 'queued'", 20)
