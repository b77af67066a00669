"""What one command leaves: bytes of write-ahead log over its whole life, and bytes in tables and indexes."""

import asyncio
from collections import defaultdict

from benchmarks.bulk import send
from benchmarks.commands import bare_updates, targets, write_answers
from benchmarks.figures import Figure, Sample
from benchmarks.place import TENANT, Copy, Place, Scale, execute
from benchmarks.processes import helper, workers

_WAL, _STORED = "P16 write-ahead log a command", "P16 stored bytes a command"
_PLAIN = "the same rows by plain SQL"
FIGURES = (
    Figure(_WAL, "B", _PLAIN, 2_950, 4.5, at_most=True, absolute=True),
    Figure(_STORED, "B", _PLAIN, 1_400, 4.5, at_most=True, absolute=True),
)
_PIECE = 500
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    """Full-page images are off: they depend on when the last checkpoint was, and would hide the records."""
    found: Measured = defaultdict(list)
    await execute(place.url, "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")
    ids = [f"dev-{n:05}" for n in range(2_000 if scale.short else 10_000)]
    for _ in range(1 if scale.short else scale.pairs):
        async with place.database() as copy:
            floor = await _spent(copy, _plain(copy, ids), len(ids))
        async with place.database() as copy:
            ours = await _spent(copy, _whole_life(place, copy, ids), len(ids))
        found[_WAL].append(Sample(ours[0], floor[0], len(ids)))
        found[_STORED].append(Sample(ours[1], floor[1], len(ids)))
    await execute(place.url, "ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()")
    return found


async def _spent(copy: Copy, life: asyncio.Future[None] | object, count: int) -> tuple[float, float]:
    """Bytes of log and of tables that this life of `count` commands cost, for each of them."""
    log, stored = await _log(copy), await _stored(copy)
    await life  # type: ignore[misc]
    return (await _log(copy) - log) / count, (await _stored(copy) - stored) / count


async def _log(copy: Copy) -> float:
    return float(await copy.sql.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))


async def _stored(copy: Copy) -> float:
    return float(
        await copy.sql.fetchval(
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace IN ('public'::regnamespace, 'device_console'::regnamespace)"
        )
    )


async def _plain(copy: Copy, ids: list[str]) -> None:
    """Insert, stamp and answer in pieces, with nothing of the program's own."""
    for first in range(0, len(ids), _PIECE):
        await copy.sql.execute(
            "INSERT INTO device_commands (tenant_id, device_id, command_type, created_by)"
            " SELECT $1, d, 'ping', 'bench' FROM unnest($2::text[]) d", TENANT, ids[first : first + _PIECE],
        )  # fmt: skip
    made = await targets(copy.sql, "true")
    for first in range(0, len(made), _PIECE):
        await copy.sql.execute(
            "UPDATE device_commands SET published_at = now() WHERE tenant_id = $1 AND command_id = ANY ($2)",
            TENANT, [command for _, command in made[first : first + _PIECE]],
        )  # fmt: skip
    await bare_updates(copy.sql, made, _PIECE)


async def _whole_life(place: Place, copy: Copy, ids: list[str]) -> None:
    """A bulk send; a worker publishes; the devices answer."""
    await send(copy, ids)
    path = place.folder / "answers"
    with place.broker() as broker, helper("catcher", broker.port, len(ids), place.folder / "caught", 60):
        async with workers(copy, broker):
            await copy.until_none("published_at IS NULL", 120)
            write_answers(path, await targets(copy.sql, "status = 'queued'"))
            with helper("pump", broker.port, path) as pump:
                pump.go()
                await pump.done()
                await copy.until_none("status = 'queued'", 60)
    assert await copy.sql.fetchval("SELECT count(*) FROM device_commands WHERE status = 'delivered'") == len(
        ids
    )
