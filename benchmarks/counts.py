"""What counting costs: the fold of events beside reading the same commands by their keys, and reading an hour of minutes."""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.commands import add
from benchmarks.figures import Figure, Sample, percentile
from benchmarks.place import TENANT, Copy, Place, Scale
from console.services.folder import COMMANDS
from console.store.access import Access
from console.store.figures import FigureStore, FoldStore
from console.store.pool import Database

_FOLD = "P19 fold, a command"
_MINUTES, _HEADLINE = "P19 the last 60 minutes, read", "P19 the headline, with 5,000 recent ends"
FIGURES = (
    Figure(_FOLD, "µs", "reading the same commands by their keys", 6, 20, at_most=True),
    Figure(_MINUTES, "ms", "primary-key lookup, p50", 5, 30, at_most=True),
    Figure(_HEADLINE, "ms", "", 100, 1_000, at_most=True, absolute=True),
)
_BATCH = 500
_END = (
    "UPDATE device_commands SET status = 'delivered', acked_at = published_at + random() * interval '2 s',"
    ' ack_details = \'{"status": "ok", "details": null}\''
)
_EVENTS = (
    "INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)"
    f" SELECT tenant_id, 'acked', now() - (n % 60) * interval '1 minute', array_agg(command_id)"
    f" FROM (SELECT tenant_id, command_id, (row_number() OVER (ORDER BY command_id) - 1) / {_BATCH} AS n"
    " FROM device_commands) c GROUP BY tenant_id, n"
)
_BY_KEY = (
    "SELECT count(c.ack_details) FROM unnest($1::text[]) AS i(id) CROSS JOIN LATERAL (SELECT * FROM device_commands d"
    f" WHERE d.tenant_id = '{TENANT}' AND d.command_id = i.id OFFSET 0) c"
)
_RECENT = (
    "INSERT INTO device_console.recent_ends SELECT tenant_id, 'recent-' || n, now() - n * interval '10 s', 'missed',"
    " 'dev-' || n, 'site-' || n % 20, 'PX-200', '1.4.' || n % 3, 'perf', 'bench', NULL, ''"
    f" FROM generate_series(1, 5000) n, (VALUES ('{TENANT}')) t(tenant_id)"
)
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    for pair in range(scale.pairs):
        async with place.database() as copy:
            await add(copy.sql, scale.rows)
            await copy.sql.execute(_END, timeout=600)
            await copy.sql.execute("ANALYZE")
            database = Database(Access(copy.login))
            await database.open()
            try:
                found[_FOLD].append(await _folded(copy, database, scale.rows))
                if pair == 0:
                    await _read(copy, database, found)
            finally:
                await database.close()
    return found


async def _folded(copy: Copy, database: Database, rows: int) -> Sample:
    """The second count of each is measured: plans are made, and the pages are in memory."""
    folds = FoldStore(database)
    ours = floor = 0.0
    for _ in range(2):
        await copy.sql.execute(_EVENTS)
        ids = [row["id"] for row in await copy.sql.fetch("SELECT command_id AS id FROM device_commands")]
        began = time.perf_counter()
        for first in range(0, rows, COMMANDS):
            await copy.sql.fetch(_BY_KEY, ids[first : first + COMMANDS])
        floor = time.perf_counter() - began
        began = time.perf_counter()
        commands, is_over = 0, False
        while not is_over:
            done = await folds.fold(COMMANDS)
            commands, is_over = commands + done.commands, done.is_over
        ours = time.perf_counter() - began
        assert commands == rows, "each command is counted once"
    return Sample(ours / rows * 1e6, floor / rows * 1e6, rows)


async def _read(copy: Copy, database: Database, found: Measured) -> None:
    await copy.sql.execute(_RECENT)
    await copy.sql.execute("ANALYZE")
    figures = FigureStore(database)
    key = await copy.sql.fetchval("SELECT command_id FROM device_commands LIMIT 1")

    async def minutes() -> None:
        until = datetime.now(UTC) + timedelta(minutes=1)
        read = await figures.minutes(TENANT, until - timedelta(minutes=61), until)
        assert len(read.value) >= min(60, len(read.value)) > 0

    async def lookup() -> None:
        async with database.tenant_session(TENANT) as connection:
            await connection.fetchrow(
                "SELECT * FROM device_commands WHERE tenant_id = $1 AND command_id = $2", TENANT, key
            )

    for _ in range(3):
        floor = percentile(await _taken(lookup), 0.5)
        taken = await _taken(minutes)
        found[_MINUTES].append(Sample(percentile(taken, 0.5), floor, len(taken)))
        headlines = await _taken(lambda: figures.headline(TENANT), 10)
        found[_HEADLINE].append(Sample(percentile(headlines, 0.5), None, len(headlines)))


async def _taken(work: Callable[[], Awaitable[Any]], times: int = 40) -> list[float]:
    """How long each took, in milliseconds, after some that are not counted."""
    taken = []
    for turn in range(times + 5):
        began = time.perf_counter()
        await work()
        if turn >= 5:
            taken.append((time.perf_counter() - began) * 1e3)
    return taken
