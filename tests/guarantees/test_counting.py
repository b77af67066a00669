"""What ended is counted once: whoever folds beside whom, and whoever is killed meanwhile."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from console.domain.acks import Acknowledgement, LateAck, answer_code, counts_as_ok
from console.domain.dispatch import Confirmed
from console.domain.histograms import bucket_of
from console.errors import DatabaseUnreachableError
from console.store.access import Access
from console.store.figures import FoldStore
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.faults.postgres import PrivatePostgres
from tests.rows import add_command
from tests.seeds import chance
from tests.waiting import until

TENANTS = ("acme", "rival")
ENDED = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, created_by, published_at,"
    " acked_at, ack_details) SELECT t, 'c' || n, 'pump-' || n % 9, 'ping', 'delivered', 'bob', now() - interval '1 s', now(),"
    ' \'{"status": "hot"}\' FROM generate_series(1, $2) n, unnest($1::text[]) t'
)
EVENTS = (  # one tenant after the other
    "INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)"
    " SELECT t, 'acked', now(), array_agg('c' || n) FROM generate_series(1, $2) n, unnest($1::text[]) t"
    " GROUP BY (n - 1) / $3, t ORDER BY (n - 1) / $3, t"
)
COUNTED = "SELECT tenant_id, sum(n)::int AS n FROM device_console.minute_totals, unnest(ended) n GROUP BY 1"
GROUPED = "SELECT tenant_id || ' ' || kind, sum(n)::int AS n FROM device_console.hour_groups, unnest(ended) n GROUP BY 1"
LEARNED = "SELECT tenant_id, sum(answers)::int AS n FROM device_console.type_latency GROUP BY 1"
FOLDER = (
    "import asyncio, sys\n"
    "from console.store.access import Access\nfrom console.store.figures import FoldStore\nfrom console.store.pool import Database\n"
    "async def main():\n"
    "    database = Database(Access(sys.argv[1]))\n    await database.open()\n    folds = FoldStore(database)\n"
    "    while True:\n        await folds.fold(10)\n        print('.', flush=True)\n"
    "asyncio.run(main())\n"
)


@pytest.fixture
async def third(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@contextmanager
def folding(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that folds ten commands at a time; killed at the end."""
    command = [sys.executable, "-c", FOLDER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def counts(connection: asyncpg.Connection, statement: str = COUNTED) -> dict[str, int]:
    return {row[0]: row["n"] for row in await connection.fetch(statement)}


async def fold_all(folds: FoldStore) -> None:
    commands, is_over = 0, False
    while not is_over:
        done = await folds.fold(500)
        commands, is_over = commands + done.commands, done.is_over
        assert commands < 10_000, "events are counted again and again"


def spread(wanted: dict[str, int]) -> dict[str, int]:
    """The same numbers for each kind of group."""
    kinds = ("site", "model", "type", "fw", "sender", "reason")
    return {f"{tenant} {kind}": n for tenant, n in wanted.items() for kind in kinds}


async def test_what_ended_is_counted_once_whoever_is_killed(postgres: PrivatePostgres) -> None:
    """Without the events' end in the transaction that counts them, a kill loses some, or counts them twice."""
    owner = await postgres.connect()
    await owner.execute(ENDED, TENANTS, 2_000)
    await owner.execute(EVENTS, TENANTS, 2_000, 10)
    await owner.close()
    with folding(postgres.login_url) as one, folding(postgres.login_url) as other:
        for process in (one, other):
            assert process.stdout is not None
            for _ in range(5):
                assert await asyncio.to_thread(process.stdout.readline)
        os.kill(one.pid, signal.SIGKILL)
        assert await asyncio.to_thread(other.stdout.readline) if other.stdout else False
        postgres.kill()
    owner = await postgres.connect()
    left = await owner.fetchval("SELECT count(*) FROM device_console.ended_events")
    assert left, "the folders were through before anybody was killed"
    database = Database(Access(postgres.login_url))
    await database.open()
    folds = FoldStore(database)

    async def folded() -> bool:
        try:
            await fold_all(folds)
        except DatabaseUnreachableError:  # a killed process's statement may still run
            return False
        return not await owner.fetchval("SELECT count(*) FROM device_console.ended_events")

    await until(folded)
    wanted = dict.fromkeys(TENANTS, 2_000)
    assert await counts(owner) == wanted
    assert await counts(owner, GROUPED) == spread(wanted)
    assert await counts(owner, LEARNED) == wanted
    await database.close()
    await owner.close()


async def test_two_folders_that_meet_count_each_event_once(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the events taken out as they are counted, the next fold counts them again."""
    await owner.execute(ENDED, TENANTS, 600)
    await owner.execute(EVENTS, TENANTS, 600, 7)
    folds = FoldStore(database)
    for _ in range(2):
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(fold_all(folds))
    wanted = dict.fromkeys(TENANTS, 600)
    assert await counts(owner) == wanted
    assert await counts(owner, GROUPED) == spread(wanted)


async def test_folds_take_the_tenants_in_one_order(
    database: Database, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without one order of the tenants, two folds wait for each other until PostgreSQL ends one."""
    await owner.execute(ENDED, TENANTS, 20)
    await owner.execute(
        "INSERT INTO device_console.folds (tenant_id, folded_at) SELECT unnest($1::text[]), now()", TENANTS
    )
    for tenant, first in (("acme", 1), ("rival", 1), ("rival", 11), ("acme", 11)):
        await owner.execute(
            "INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)"
            " SELECT $1, 'acked', now(), array_agg('c' || n) FROM generate_series($2::int, $2 + 9) n",
            tenant, first,
        )  # fmt: skip
    folds = FoldStore(database)

    async def waiting(count: int) -> bool:
        found = await owner.fetchval(
            "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return bool(found == count)

    async with third.transaction():
        await third.execute("SELECT FROM device_console.folds WHERE tenant_id = 'acme' FOR UPDATE")
        one = asyncio.create_task(folds.fold(20))
        await until(lambda: waiting(1))
        other = asyncio.create_task(folds.fold(20))
        await until(lambda: waiting(2))
    done = await asyncio.gather(one, other)
    assert [fold.commands for fold in done] == [20, 20]
    assert await counts(owner) == dict.fromkeys(TENANTS, 20)


async def test_a_fold_never_waits_for_a_command_and_nobody_waits_for_a_fold(
    database: Database, owner: asyncpg.Connection, third: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without plain reads of the commands, an open transaction of another program stops the figures of all."""
    await owner.execute(ENDED, TENANTS, 20)
    await owner.execute(EVENTS, TENANTS, 20, 10)
    async with third.transaction():
        await third.execute("SELECT FROM device_commands FOR UPDATE")
        await third.execute("SELECT FROM device_registry FOR UPDATE")
        async with asyncio.timeout(3):
            assert (await FoldStore(database).fold(2_000)).commands == 40


async def answer(settlement: SettlementStore, numbers: range) -> None:
    """An answer alone to each that is not overdue."""
    for number in numbers:
        if number % 3:
            ack = Acknowledgement(
                TENANTS[number % 2], f"pump-{number % 5}", f"c{number}", '{"status":"ok","details":null}'
            )
            await settlement.acknowledge([ack], [], LateAck.ACCEPT)


async def test_folds_beside_answers_sweeps_claims_and_trimming(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without locks of its own, the fold meets the other writers in a ring, or counts what they take back."""
    for number in range(240):
        overdue = number % 3 == 0
        await add_command(
            owner, TENANTS[number % 2], f"c{number}", f"pump-{number % 5}", published=not overdue,
            ttl=timedelta(seconds=-1 if overdue else 3_600), age=timedelta(seconds=5),
        )  # fmt: skip
    folds, settlement, outbox = FoldStore(database), SettlementStore(database), OutboxStore(database)
    await outbox.adopt(0.0, 1_000)
    ending = asyncio.Event()

    async def others() -> None:
        holder = uuid4()
        while not ending.is_set():
            await settlement.sweep(BEGINNING, 7)
            claimed = await outbox.claim(holder, 10, 10, 65_536)
            await outbox.mark(
                holder, [Confirmed(one.tenant_id, one.command_id, nobody_listens=False) for one in claimed]
            )
            await folds.trim(timedelta(days=8), timedelta(days=400), 100_000, 100)

    async def fold() -> None:
        while not ending.is_set():
            await folds.fold(20)

    async with asyncio.TaskGroup() as group:
        for work in (others(), fold(), fold()):
            group.create_task(work)
        await asyncio.gather(answer(settlement, range(120)), answer(settlement, range(120, 240)))
        ending.set()
    while (await settlement.sweep(BEGINNING, 100)).cursor is not None:
        pass
    await fold_all(folds)
    assert await counts(owner) == dict.fromkeys(TENANTS, 120)
    assert (
        await owner.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
    )


def said(status: str, details: str) -> str:
    return f'{{"status":"{status}","details":{details}}}'


async def test_the_counts_are_those_of_the_rows(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without one of the rules, some kind of end is counted as another."""
    by = chance("counting")
    settlement = SettlementStore(database)
    answers = ("ok", "done", "error", "OK", "hot")
    details = ("null", '{"code": 7}', '{"message": "too hot"}', '{"code": null}')
    for number in range(120):
        await add_command(
            owner, by.choice(TENANTS), f"c{number}", by.choice(["pump-1", "pump-2", "gone"]),
            published=by.random() < 0.7, age=timedelta(seconds=by.choice([1, 60, 900])),
            ttl=timedelta(seconds=by.choice([-1, 3_600])),
        )  # fmt: skip
    keys = [
        tuple(row)
        for row in await owner.fetch("SELECT tenant_id, device_id, command_id FROM device_commands")
    ]
    for _ in range(6):
        acks = [
            Acknowledgement(tenant, device, command_id, said(by.choice(answers), by.choice(details)))
            for tenant, device, command_id in by.sample(keys, 30)
        ]
        await settlement.acknowledge(acks, [], LateAck.ACCEPT)
        await settlement.sweep(BEGINNING, 15)
    rows = await owner.fetch(
        "SELECT e.tenant_id, e.outcome, c.device_id, c.ack_details, r.site_id,"
        " extract(epoch FROM c.acked_at - c.published_at)::float * 1000 AS ms"
        " FROM device_console.ended_events e, unnest(command_ids) i(id)"
        " JOIN device_commands c ON c.command_id = i.id LEFT JOIN device_registry r USING (tenant_id, device_id)"
        " WHERE c.tenant_id = e.tenant_id"
    )
    wanted: Counter[tuple[str, str, int]] = Counter()
    places: Counter[tuple[str, int]] = Counter()
    for row in rows:
        answer = json.loads(row["ack_details"] or "{}")
        if row["outcome"] in {"missed", "expired"}:
            place = 4 if row["outcome"] == "missed" else 5
        else:
            is_ok = counts_as_ok(answer.get("status"))
            place = (3 if row["outcome"] == "late" else 1) if is_ok else 2
            if row["ms"] > 0:
                places[row["tenant_id"], bucket_of(row["ms"]) + 1] += 1
        wanted[row["tenant_id"], f"site {row['site_id'] or ''}", place] += 1
        if place in {2, 4}:
            why = "" if place == 4 else answer_code(row["ack_details"]) or answer["status"]
            wanted[row["tenant_id"], f"reason {why}", place] += 1
    await fold_all(FoldStore(database))
    grouped = await owner.fetch(
        "SELECT tenant_id, kind || ' ' || name AS name, n.place, sum(n.n)::int AS n FROM device_console.hour_groups,"
        " unnest(ended) WITH ORDINALITY n(n, place) WHERE kind = 'site' OR kind = 'reason' AND n.place <> 5"
        " GROUP BY 1, 2, 3 HAVING sum(n.n) > 0"
    )
    assert {tuple(row)[:3]: row["n"] for row in grouped} == wanted
    timed = await owner.fetch(
        "SELECT tenant_id, n.place, sum(n.n)::int AS n FROM device_console.minute_totals,"
        " unnest(answered) WITH ORDINALITY n(n, place) GROUP BY 1, 2 HAVING sum(n.n) > 0"
    )
    assert {tuple(row)[:2]: row["n"] for row in timed} == places
    assert sum((await counts(owner)).values()) == len(rows)
