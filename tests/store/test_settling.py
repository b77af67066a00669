"""ACK batches and the sweep on a real PostgreSQL: who wins, what is counted, what is only told."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from console.clock import SystemClock
from console.domain.acks import Acknowledgement, LateAck, Outcome
from console.domain.commands import Phase
from console.domain.explain import explain
from console.errors import DataRefusedError
from console.runtime.program import Program
from console.services.sweeper import Sweeper
from console.store.pool import Database
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import Fleet
from tests.rows import add_command, row_of, status_of

OVERDUE = timedelta(seconds=-1)


@pytest.fixture
def settlement(database: Database) -> SettlementStore:
    return SettlementStore(database)


def ack(
    command_id: str, device: str = "pump-1", status: str = "ok", details: str = "null", tenant: str = "acme"
) -> Acknowledgement:
    return Acknowledgement(tenant, device, command_id, f'{{"status":"{status}","details":{details}}}')


async def _ack(
    settlement: SettlementStore, *acks: Acknowledgement, late: LateAck = LateAck.ACCEPT
) -> list[str]:
    return [outcome.value for outcome in await settlement.acknowledge(acks, [], late)]


async def test_the_first_ack_wins_and_proves_the_publication(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the publication that an answer proves, a row would be delivered and never published."""
    await add_command(owner, fleet.acme, "c1")
    assert await _ack(settlement, ack("c1", details='{"rtt": 3}')) == ["acked"]
    row = await row_of(owner, "c1")
    assert row["status"] == "delivered"
    assert row["published_at"] == row["acked_at"]
    assert row["ack_details"] == '{"status": "ok", "details": {"rtt": 3}}'
    assert await _ack(settlement, ack("c1", details='{"rtt":3}')) == ["duplicate"]
    assert await _ack(settlement, ack("c1", status="error")) == ["conflict"]
    assert dict(await row_of(owner, "c1")) == dict(row)


async def test_a_forged_ack_in_the_same_batch_never_suppresses_the_real_one(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the device in the key of the in-batch dedupe, the forged ACK would win or hide the real one."""
    await add_command(owner, fleet.acme, "c1")
    outcomes = await _ack(
        settlement,
        ack("c1", "pump-2"), ack("c1"), ack("c1"), ack("c1", status="error"), ack("c1", tenant="rival"), ack("?"),
    )  # fmt: skip
    assert outcomes == ["forged", "acked", "duplicate", "conflict", "unknown", "unknown"]
    assert (await row_of(owner, "c1"))["status"] == "delivered"


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("published", [False, True])
async def test_a_late_ack_is_accepted_before_and_after_the_sweep(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, *, swept: bool, published: bool
) -> None:
    """Without missed and expired in the WHERE, an answer after the sweep would be dropped."""
    await add_command(owner, "acme", "c1", ttl=OVERDUE, age=timedelta(hours=1), published=published)
    if swept:
        await settlement.sweep(BEGINNING, 100)
        assert await status_of(owner, "c1") == ("missed" if published else "expired")
    assert await _ack(settlement, ack("c1")) == ["late"]
    detail = await program.history.command("acme", "c1")
    assert detail is not None
    assert detail.command.late
    assert detail.command.phase is Phase.OK


@pytest.mark.parametrize("swept", [False, True])
async def test_record_only_keeps_the_status_and_the_ack_goes_to_the_journal(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program, *, swept: bool
) -> None:
    """Without the entry, an answer that is only to be recorded is nowhere."""
    await add_command(owner, "acme", "c1", ttl=OVERDUE, age=timedelta(hours=1), published=True)
    if swept:
        await settlement.sweep(BEGINNING, 100)
    before = await status_of(owner, "c1")
    assert await _ack(settlement, ack("c1"), ack("c1"), late=LateAck.RECORD_ONLY) == ["late recorded"] * 2
    assert await status_of(owner, "c1") == before
    detail = await program.history.command("acme", "c1")
    assert detail is not None
    assert [entry.kind for entry in detail.journal] == ["late_ack"]


async def test_a_cancelled_command_that_is_answered_is_late(
    settlement: SettlementStore, program: Program
) -> None:
    receipt = await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])
    await program.sender.cancel("acme", receipt.command_ids[0], "bob")
    assert await _ack(settlement, ack(receipt.command_ids[0])) == ["late"]
    detail = await program.history.command("acme", receipt.command_ids[0])
    assert detail is not None
    assert (detail.command.phase, detail.command.late) == (Phase.OK, True)


async def test_one_poisonous_row_is_refused_without_a_trace(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await add_command(owner, fleet.acme, "c1")
    poison = Acknowledgement("acme", "pump-1", "c1", '{"status":"\\u0000"}')
    with pytest.raises(DataRefusedError):
        await settlement.acknowledge([ack("c1"), poison], [], LateAck.ACCEPT)
    assert await status_of(owner, "c1") == "queued"


async def test_the_sweep_splits_missed_from_expired_exactly(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the CASE on published_at an unpublished command would be called missed."""
    for number in range(10):
        await add_command(
            owner, fleet.acme, f"c{number}", ttl=OVERDUE, age=timedelta(hours=1), published=number < 4
        )
    await add_command(owner, fleet.rival, "alive")
    swept = await settlement.sweep(BEGINNING, 100)
    assert (swept.missed, swept.expired) == (4, 6)
    rows = await owner.fetch("SELECT status, published_at FROM device_commands WHERE tenant_id = 'acme'")
    assert all((row["status"] == "missed") == (row["published_at"] is not None) for row in rows)
    assert await status_of(owner, "alive") == "queued"
    again = await settlement.sweep(BEGINNING, 100)
    assert (again.missed, again.expired, again.cursor) == (0, 0, None)


async def test_infinite_and_ancient_deadlines_do_no_harm(
    settlement: SettlementStore, owner: asyncpg.Connection, program: Program
) -> None:
    await add_command(owner, "acme", "never")
    await add_command(owner, "acme", "ancient")
    await add_command(owner, "acme", "bc")
    await owner.execute("UPDATE device_commands SET expires_at = 'infinity' WHERE command_id = 'never'")
    await owner.execute("UPDATE device_commands SET expires_at = '-infinity' WHERE command_id = 'ancient'")
    await owner.execute("UPDATE device_commands SET expires_at = '4000-01-01 BC' WHERE command_id = 'bc'")
    swept = await settlement.sweep(BEGINNING, 100)
    assert (swept.missed, swept.expired) == (0, 2)
    assert (swept.due_s, swept.is_blocked) == (None, False)
    phases = {
        c.command_id: (c.phase, c.never_expires) for c in (await program.history.commands("acme")).commands
    }
    assert phases == {
        "never": (Phase.WAITING, True),
        "ancient": (Phase.EXPIRED, False),
        "bc": (Phase.EXPIRED, False),
    }


async def test_a_row_under_a_live_lease_is_not_swept_before_the_lease_ends(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the respect for the lease, what the broker is just taking would be called expired."""
    await add_command(owner, fleet.acme, "c1", ttl=OVERDUE)
    await owner.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, holder, leased_until)"
        " VALUES ('acme', 'c1', 'pump-1', gen_random_uuid(), now() + interval '10 seconds')"
    )
    assert (await settlement.sweep(BEGINNING, 100)).expired == 0
    await owner.execute(
        "UPDATE device_console.outbox SET leased_until = now(), outcome = 'refused', last_error = 'quota', attempt = 2"
    )
    assert (await settlement.sweep(BEGINNING, 100)).expired == 1
    entry = await owner.fetchrow(
        "SELECT kind, attempt, outcome, detail FROM device_console.journal WHERE command_id = 'c1'"
    )
    assert tuple(entry) == ("unsent", 2, "refused", "quota")


@pytest.mark.parametrize(
    "total", [2_000, pytest.param(40_000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])]
)
async def test_four_sweepers_and_four_ackers_count_every_row_once(
    total: int, settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the old state in every WHERE a row would move twice; a trigger in the test logs each move."""
    await owner.execute(
        "CREATE TABLE moves (command_id text, a text, b text);"
        "CREATE FUNCTION log_move() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN"
        " IF OLD.status <> NEW.status THEN INSERT INTO public.moves VALUES (NEW.command_id, OLD.status, NEW.status);"
        " END IF; RETURN NULL; END $$;"
        "CREATE TRIGGER log_move AFTER UPDATE ON device_commands FOR EACH ROW EXECUTE FUNCTION log_move();"
    )
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at, published_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', now() - interval '1 s', CASE WHEN n % 2 = 0 THEN now() END"
        f" FROM generate_series(1, {total}) n"
    )
    settled = 0

    async def sweep() -> None:
        nonlocal settled
        while batch := await settlement.sweep(BEGINNING, 50):
            if batch.missed + batch.expired == 0:
                return
            settled += batch.missed + batch.expired
            assert settled <= total

    async def answer(start: int) -> None:
        for first in range(start, total, 400):
            numbers = list(range(first + 1, min(first + 101, total + 1)))
            for batch in (numbers, numbers[::-1]):
                await settlement.acknowledge([ack(f"c{n}") for n in batch], [], LateAck.ACCEPT)

    await asyncio.gather(*(sweep() for _ in range(4)), *(answer(n * 100) for n in range(4)))
    moves = await owner.fetch(
        "SELECT a, b, count(*) AS n, count(DISTINCT command_id) AS d FROM moves GROUP BY a, b"
    )
    counted = {(m["a"], m["b"]): m["n"] for m in moves}
    assert all(m["n"] == m["d"] for m in moves)
    assert set(counted) <= {
        ("queued", "missed"), ("queued", "expired"), ("queued", "delivered"),
        ("missed", "delivered"), ("expired", "delivered"),
    }  # fmt: skip
    assert counted.get(("queued", "missed"), 0) + counted.get(("queued", "expired"), 0) == settled
    assert await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'delivered'") == total


async def test_a_pass_of_the_sweeper_counts_all_batches(
    settlement: SettlementStore, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, expires_at)"
        " SELECT 'acme', 'c' || n, 'pump-1', 'ping', now() - interval '1 s' * (n % 7 + 1) FROM generate_series(1, 100) n"
    )
    sweeps: list[int] = []
    sweeper = Sweeper(
        settlement, BEGINNING, lambda sweep: sweeps.append(sweep.settled), SystemClock(), batch=30
    )
    assert (await sweeper.run_once()).expired == 100
    assert sweeps == [100]


def test_every_outcome_of_the_database_is_known() -> None:
    assert {o.value for o in Outcome} == {
        "acked", "late", "late recorded", "duplicate", "conflict", "forged", "unknown", "refused by the database",
        "progress", "late progress", "progress after the end",
        "kept until its command is free",
    }  # fmt: skip


async def causes(owner: asyncpg.Connection, program: Program) -> list[str]:
    """What the records of the expired commands and their explanations name, the oldest command first."""
    found = []
    for row in await owner.fetch("SELECT command_id FROM device_commands ORDER BY created_at, command_id"):
        detail = await program.history.command("acme", row["command_id"])
        assert detail is not None
        found.append(explain(detail))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stands", "cause"),
    [
        ("UPDATE tenants SET status = 'SUSPENDED' WHERE tenant_id = 'acme'", "the tenant is suspended"),
        ("UPDATE device_registry SET decommissioned_at = now()", "the device is decommissioned"),
        ("UPDATE device_console.leases SET link = ''", "no connection to the broker"),
        ("UPDATE device_console.leases SET beat_at = now() - interval '1 minute'", "no connection to the broker"),
        ("DELETE FROM device_console.leases", "no connection to the broker"),
        ("UPDATE device_console.leases SET taken_at = now() + interval '1 hour'", "no connection to the broker"),
        ("SELECT", "its turn never came|an earlier command to the device goes first"),
        ("UPDATE device_console.outbox SET outcome = 'refused', last_error = 'quota' WHERE seq = (SELECT min(seq) FROM device_console.outbox)",
         "the broker refused it: quota|an earlier command to the device goes first (quota)"),
    ],
)  # fmt: skip
async def test_every_command_that_expires_says_what_held_it_up(
    program: Program, settlement: SettlementStore, owner: asyncpg.Connection, stands: str, cause: str
) -> None:
    """Without the look at it each says that its turn never came, but for the first of a device."""
    await owner.execute(
        "INSERT INTO device_console.leases (role, holder, is_shared, program, host, pid, machine, link, taken_at)"
        " VALUES ('dispatch', gen_random_uuid(), true, 'test', 'here', 1, 'there', 'MQTT 5', now() - interval '1 hour')"
    )
    first, *others = cause.split("|")
    wanted = [first] + (others or [first]) * 2
    for _ in wanted:
        await program.sender.send("acme", [program.sender.draft("pump-1", "ping")])
    await owner.execute(stands)
    if "never came" not in cause:
        waiting = await causes(owner, program)
        assert [c in message for c, message in zip(wanted, waiting, strict=True)] == [True] * 3, waiting
        assert not any("its turn" in message for message in waiting)
    await owner.execute("UPDATE device_commands SET expires_at = now()")
    assert (await settlement.sweep(BEGINNING, 100)).expired == 3
    expired = await causes(owner, program)
    assert [
        message.endswith(f"after 0 attempts: {c}.") for c, message in zip(wanted, expired, strict=True)
    ] == [True] * 3, expired
