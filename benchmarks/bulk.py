"""A bulk send from the operator's key to the last row, beside one INSERT … SELECT of the commands alone."""

import time
from collections import defaultdict
from datetime import timedelta
from typing import Any

from benchmarks.figures import Figure, Sample
from benchmarks.place import TENANT, Copy, Place, Scale
from console.runtime.program import Program
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database

_BULK = "P6 bulk send to 10,000 devices"
_PREVIEW = "P6 whom it would reach, counted first"
FIGURES = (
    Figure(_BULK, "rows/s", "INSERT … SELECT of the commands", 0.65, 0.12),
    Figure(_PREVIEW, "ms", "", None, 1_000, at_most=True, absolute=True),
)
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    ids = [f"dev-{n:05}" for n in range(min(10_000, scale.part(0.5) if scale.short else 10_000))]
    for _ in range(scale.pairs):
        async with place.database() as copy:
            floor = await _bare(copy, ids)
        async with place.database() as copy:
            ours, preview_ms = await send(copy, ids)
            found[_BULK].append(Sample(ours, floor, len(ids)))
            found[_PREVIEW].append(Sample(preview_ms, None, len(ids)))
    return found


async def _bare(copy: Copy, ids: list[str]) -> float:
    await copy.sql.execute("CHECKPOINT")
    began = time.perf_counter()
    async with copy.sql.transaction():
        await copy.sql.execute(
            "SELECT set_config('role', 'pulse_app', true), set_config('app.tenant_id', $1, true)", TENANT
        )
        done = await copy.sql.execute(
            "INSERT INTO device_commands (tenant_id, device_id, command_type, created_by)"
            " SELECT $1, d, 'ping', 'bench' FROM unnest($2::text[]) d", TENANT, ids,
        )  # fmt: skip
    took = time.perf_counter() - began
    assert done == f"INSERT 0 {len(ids)}", done
    return len(ids) / took


async def send(copy: Copy, ids: list[str]) -> tuple[float, float]:
    """Rows a second of the program's own bulk send, with its members and places in the outbox; and ms of its preview."""
    database = Database(Access(copy.login))
    await database.open()
    try:
        program: Program = wire_program(database, tenants=(TENANT,), operator="bench")
        began = time.perf_counter()
        await program.bulk.preview(TENANT, ids, "ping")
        preview_ms = (time.perf_counter() - began) * 1e3
        await copy.sql.execute("CHECKPOINT")
        began = time.perf_counter()
        await _run(program.bulk, ids)
        took = time.perf_counter() - began
    finally:
        await database.close()
    assert await copy.sql.fetchval("SELECT count(*) FROM device_console.outbox") == len(ids)
    return len(ids) / took, preview_ms


async def _run(bulk: Any, ids: list[str]) -> None:
    job = bulk.job("ping", "{}", timedelta(hours=1), "bench", device_ids=ids, target="bench")
    await bulk.begin(TENANT, job)
    await bulk.run(TENANT, job)
    assert job.committed == len(ids)
