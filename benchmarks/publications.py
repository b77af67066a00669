"""An outbox to the broker: from the first to the last `published_at`, beside mosquitto_pub."""

import asyncio
import shutil
import subprocess
import time
from collections import defaultdict

from benchmarks.commands import DEVICE, add, add_outbox
from benchmarks.figures import Figure, Sample
from benchmarks.place import Copy, Place, Scale
from benchmarks.processes import helper, postgres_cpu_s, workers
from tests.brokers import BrokerProcess

_SPEED = "P5 publications, a device each"
_DEEP = "P5 publications, all to one device"
_OTHERS = "P5 publications of another program's rows"
_OWN_CPU = "P5 processor time of the worker, a publication"
_DATABASE_CPU = "P5 processor time of PostgreSQL, a publication"
_PUB = "mosquitto_pub -l"
FIGURES = (
    Figure(_SPEED, "rows/s", _PUB, 0.5, 0.015),
    Figure(_DEEP, "rows/s", _PUB, 2_000, 0.0004, absolute=True),
    Figure(_OTHERS, "rows/s", _PUB, 0.5, 0.002),
    Figure(_OWN_CPU, "µs", at_most=True, bound=2_000, absolute=True),
    Figure(_DATABASE_CPU, "µs", at_most=True, bound=2_000, absolute=True),
)
_LINE = (
    '{"command_id": "0d1f6c7e-0000-4000-8000-000000000000", "type": "perf", "params": {"k": 12345},'
    ' "expires_at": "2026-01-02T03:04:05+00:00"}\n'
)
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    rows = scale.part(0.2 if scale.short else 0.1)
    if shutil.which("mosquitto_pub") is None:
        place.notes.append("publications: skipped, because mosquitto_pub, their floor, is not installed")
        return found
    within_s = 4.0 if scale.short else 30.0
    for _ in range(scale.pairs):
        floor = await bare(place, rows)
        ours, own_us, database_us = await publish(place, rows, within_s=60)
        found[_SPEED].append(Sample(ours, floor, rows))
        found[_OWN_CPU].append(Sample(own_us, None, rows))
        found[_DATABASE_CPU].append(Sample(database_us, None, rows))
    for _ in range(1 if scale.short else scale.pairs):
        floor = await bare(place, rows)
        few = rows // 10 if scale.short else rows
        deep, _, _ = await publish(place, few // 2, device="'dev-00001'", within_s=within_s)
        found[_DEEP].append(Sample(deep, floor, few // 2))
        others, _, _ = await publish(place, few, within_s=within_s, outbox=False)
        found[_OTHERS].append(Sample(others, floor, few))
    return found


async def bare(place: Place, rows: int) -> float:
    """Messages a second of mosquitto_pub, with one subscriber, as ours has one."""
    with (
        place.broker() as broker,
        helper("catcher", broker.port, rows, place.folder / "caught", 20, "bench/floor") as catcher,
    ):
        began = time.perf_counter()
        await asyncio.to_thread(
            subprocess.run,
            ["mosquitto_pub", "-p", str(broker.port), "-l", "-q", "1", "-t", "bench/floor"],
            input=(_LINE * rows).encode(), check=True,
        )  # fmt: skip
        took = time.perf_counter() - began
        caught = await catcher.done()
    assert caught[0] == rows, "the subscriber has each message"
    return rows / took


async def publish(
    place: Place,
    rows: int,
    *,
    device: str = DEVICE,
    within_s: float,
    outbox: bool = True,
    history: int = 0,
    count: int = 1,
) -> tuple[float, float, float]:
    """Rows a second of so many workers that find rows waiting, and µs of theirs and PostgreSQL's processor time a row.

    Those that are not published within the time are left. Without `outbox` they are rows of another program.
    """
    age = "1 s" if outbox else "1 hour"  # only rows that wait for long are taken for another program's
    created = f"now() - interval '{age}' + n * interval '1 us'"
    with place.broker() as broker:
        async with place.database() as copy:
            if history:
                await add(copy.sql, history, kind="old", expires="now() + interval '1 day'")
            await add(copy.sql, rows, published="NULL", device=device, created=created)
            if outbox:
                await add_outbox(copy.sql)
            await copy.sql.execute("ANALYZE device_commands")
            await copy.sql.execute("ANALYZE device_console.outbox")
            await copy.sql.execute("CHECKPOINT")
            with helper("catcher", broker.port, rows, place.folder / "caught", within_s + 2):
                return await _published(place, copy, broker, rows, within_s, count)


async def _published(
    place: Place, copy: Copy, broker: BrokerProcess, rows: int, within_s: float, count: int
) -> tuple[float, float, float]:
    before = postgres_cpu_s(place)
    async with workers(copy, broker, count) as members:
        began = time.monotonic()
        own = sum(worker.cpu_s for worker in members)
        while time.monotonic() - began < within_s and await copy.sql.fetchval(
            "SELECT EXISTS (SELECT FROM device_commands WHERE command_type = 'perf' AND published_at IS NULL)"
        ):
            await asyncio.sleep(0.05)
        own, database = sum(worker.cpu_s for worker in members) - own, postgres_cpu_s(place) - before
    row = await copy.sql.fetchrow(
        "SELECT count(*) AS n, extract(epoch FROM max(published_at) - min(published_at))::float AS s"
        " FROM device_commands WHERE command_type = 'perf' AND published_at IS NOT NULL"
    )
    if row["n"] < rows:
        place.notes.append(f"publications: {row['n']:,} of {rows:,} within {within_s:.0f} s")
    done = max(1, row["n"])
    return done / max(row["s"] or within_s, 1e-3), own / done * 1e6, database / done * 1e6
