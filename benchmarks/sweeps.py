"""What is overdue: how fast whole workers settle it, what an answer to such a row waits, how late each command is settled."""

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.commands import BARE_SWEEP, add, targets, waits_ms, write_answers
from benchmarks.figures import Figure, Sample, percentile
from benchmarks.place import Copy, Place, Scale, rate
from benchmarks.processes import helper, workers

_ONE = "P1 sweep, one worker"
_TWO = "P1 sweep, two workers"
_RANDOM = "P1 sweep, deadlines in random order"
_WAIT = "P2 answer to a row being swept, longest wait"
_LATE = "P3 lateness, idle, p99"
_LATE_LOADED = "P3 lateness at 2,000 answers/s, p99"
FIGURES = (
    Figure(_ONE, "rows/s", "one bare UPDATE", 0.85, 0.25),
    Figure(_TWO, "rows/s", "one bare UPDATE", 1.3, 0.3),
    Figure(_RANDOM, "rows/s", "one bare UPDATE", 0.7, 0.2),
    Figure(_WAIT, "ms", "the same answers without a sweep", 25, 100, at_most=True, absolute=True),
    Figure(_LATE, "ms", "", 20, 1_000, at_most=True, absolute=True),
    Figure(_LATE_LOADED, "ms", "", 60, 3_000, at_most=True, absolute=True),
)
_IN_ORDER = "now() - interval '1 day' + n * interval '20 ms'"
_AT_RANDOM = "now() - interval '1 day' + random() * interval '20 hours'"
_HALF = "CASE WHEN n % 2 = 0 THEN now() - interval '25 hours' END"
_LOOKS_EVERY_S = 1.0  # the longest sleep of a sweeper: a deadline further away is known to all when it comes
_ANSWERS_PER_S, _LOAD_PER_S = 300, 2_000
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    rows = (
        2 * scale.rows if scale.short else scale.rows
    )  # a batch may have thousands, and a rate needs several
    for expires in (_IN_ORDER,) if scale.short else (_IN_ORDER, _AT_RANDOM):
        await _settled(place, found, scale.pairs, rows, expires)
    for _ in range(1 if scale.short else 3):
        found[_LATE].append(await _lateness(place, scale, loaded=False))
    if not scale.short:
        for _ in range(3):
            found[_WAIT].append(await _wait(place, scale))
            found[_LATE_LOADED].append(await _lateness(place, scale, loaded=True))
    return found


async def _settled(place: Place, found: Measured, pairs: int, rows: int, expires: str) -> None:
    """Three databases see the same rows: the bare UPDATE settles them in one, one worker or two do in the others."""
    with place.broker() as broker, place.broker() as broker_of_two:
        async with (
            place.database() as bare, place.database() as one, place.database() as two,
            workers(one, broker), workers(two, broker_of_two, 2),
        ):  # fmt: skip
            for _ in range(pairs):
                floor = await bare_sweep(bare, rows, expires)
                name = _ONE if expires == _IN_ORDER else _RANDOM
                found[name].append(Sample(await sweep(one, rows, expires), floor, rows))
                if expires == _IN_ORDER:
                    found[_TWO].append(Sample(await sweep(two, rows, expires, 2), floor, rows))


async def bare_sweep(copy: Copy, rows: int, expires: str) -> float:
    """Rows a second of one UPDATE over all that is overdue."""
    async with copy.sql.transaction():
        await add(copy.sql, rows, published=_HALF, expires=expires)
        await copy.sql.execute("ANALYZE device_commands")
    began = time.perf_counter()
    done = await copy.sql.execute(BARE_SWEEP, timeout=600)
    took = time.perf_counter() - began
    assert done == f"UPDATE {rows}", done
    return rows / took


async def sweep(copy: Copy, rows: int, expires: str, count: int = 1) -> float:
    """Rows a second of the running workers. Several begin at the same moment: at the deadline of one more command."""
    kind = f"perf-{time.time_ns()}"
    if count > 1:
        begin_at = await _overdue_at_once(copy, rows, kind, expires)
        await asyncio.sleep(max(0.0, begin_at - time.time()))
    else:
        async with copy.sql.transaction():
            await add(copy.sql, rows, kind=kind, published=_HALF, expires=expires)
            await copy.sql.execute("ANALYZE device_commands")
    await copy.until_none("status = 'queued'", 120)
    commits = await copy.commits(f"command_type = '{kind}' AND status IN ('missed', 'expired')")
    assert sum(count for _, count in commits) == rows, "each row is settled once"
    return rate(commits, count)


async def _overdue_at_once(copy: Copy, rows: int, kind: str, expires: str) -> float:
    """Commit overdue rows shortly before the deadline of one more row; return when that is."""
    transaction = copy.sql.transaction()
    await transaction.start()
    await add(copy.sql, rows, kind=kind, published=_HALF, expires=expires)
    await copy.sql.execute("ANALYZE device_commands")
    other = await _second(copy)
    ahead_s = _LOOKS_EVERY_S + 0.25
    await add(other, 1, kind="bait", expires=f"clock_timestamp() + interval '{ahead_s} s'")
    begin_at = time.time() + ahead_s
    await other.close()
    await asyncio.sleep(ahead_s - 0.1)
    await transaction.commit()
    return begin_at


async def _second(copy: Copy) -> Any:
    return await asyncpg.connect(copy.url)


async def _wait(place: Place, scale: Scale) -> Sample:
    """The longest wait of answers, at a fixed rate, to the very rows that are being swept; and without any sweep."""
    with place.broker() as broker:
        async with place.database() as copy, workers(copy, broker):
            calm = await _answered_while(copy, broker.port, scale.rows // 10, None)
        async with place.database() as copy, workers(copy, broker):
            swept = await _answered_while(copy, broker.port, scale.rows, _IN_ORDER)
    return Sample(max(swept), max(calm), len(swept))


async def _answered_while(copy: Copy, port: int, rows: int, expires: str | None) -> list[float]:
    kind = "perf"
    if expires is None:
        await add(copy.sql, rows, kind=kind)
        begin_at = time.time() + 0.5
    else:
        begin_at = await _overdue_at_once(copy, rows, kind, expires)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_send_answers(copy, port, rows, begin_at))
        await copy.until_none(f"status = 'queued' AND command_type = '{kind}'" if expires else "false", 120)
        await sending
    await asyncio.sleep(1)
    during = "true"
    if expires is not None:
        commits = await copy.commits(f"command_type = '{kind}' AND status IN ('missed', 'expired')")
        first, last = commits[0][0] - 0.1, commits[-1][0]
        during = f"(ack_details->'details'->>'t')::float BETWEEN {first} AND {last}"
    waits = await waits_ms(copy.sql, during)
    assert waits, "the sweep was over before an answer was sent: take more rows"
    return waits


async def _send_answers(copy: Copy, port: int, rows: int, begin_at: float) -> None:
    other = await _second(copy)
    answered = (await targets(other, "command_type = 'perf' AND published_at IS NOT NULL"))[
        : max(300, rows // 50)
    ]
    await other.close()
    path = copy.place.folder / "answers"
    write_answers(path, answered, timed=True)
    with helper("pump", port, path, _ANSWERS_PER_S) as pump:
        await asyncio.sleep(max(0.0, begin_at - 0.05 - time.time()))
        pump.go()
        await pump.done()


async def _lateness(place: Place, scale: Scale, *, loaded: bool) -> Sample:
    """From the deadline of each of some hundred commands to its commit, alone or beside many answers."""
    count, seconds = (100, 1) if scale.short else (300, 6)
    with place.broker() as broker:
        async with place.database() as copy, workers(copy, broker):
            load = _LOAD_PER_S * (seconds + 2) if loaded else 0
            if loaded:
                await add(copy.sql, load, kind="load")
                await copy.sql.execute("ANALYZE device_commands")
            path = Path(place.folder / "load")
            write_answers(path, await targets(copy.sql, "command_type = 'load'") if loaded else [])
            with helper("pump", broker.port, path, _LOAD_PER_S) as pump:
                pump.go()
                await add(
                    copy.sql, count,
                    expires=f"clock_timestamp() + interval '1.2 s' + random() * interval '{seconds} s'",
                )  # fmt: skip
                await asyncio.sleep(seconds + 1.5)
                await copy.until_none("status = 'queued' AND command_type = 'perf'", 30)
            rows = await copy.sql.fetch(
                "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - expires_at)::float * 1000 AS ms"
                " FROM device_commands WHERE command_type = 'perf' AND status = 'missed'"
            )
    late = [row["ms"] for row in rows]
    assert len(late) == count, "each is settled once"
    place.notes.append(f"{_LATE_LOADED if loaded else _LATE}: longest {max(late):.0f} ms of {count}")
    return Sample(percentile(late, 0.99), None, count)
