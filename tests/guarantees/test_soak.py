"""Everything is killed at random for a while; then nothing that was promised is missing.

CONSOLE_TEST_SOAK_S sets the length (default 40 s), CONSOLE_TEST_SEED repeats a run's order of kills.
"""

import asyncio
import contextlib
import os
import random
import statistics
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from console.errors import ConsoleError
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.pool import Database
from tests.brokers import BrokerProcess, start_broker
from tests.faults.fleet import ReturningFleet, returning_fleet
from tests.faults.postgres import PrivatePostgres
from tests.faults.processes import Running, environment, program
from tests.faults.terminal import Terminal, terminal
from tests.seeds import chance
from tests.waiting import until

LENGTH_S = float(os.environ.get("CONSOLE_TEST_SOAK_S", "40"))
CLOCKS_GRAIN_S = (
    0.02  # between a file's time, which the kernel takes from its last tick, and an instant of ours
)
LONGEST_UNSAVED_S = 6.0  # 2.6 s were measured on a busy machine
SENDERS_PACE_S = 0.05
LEASE_S = 2.0  # of the programs under test: so long may a mark be late
MIB = 1_048_576
MOST_RSS = 200 * MIB
MAY_GROW = 16 * MIB  # of a worker that lives through a long run, from its third quarter to its last
A_LONG_RUN_S = 120.0
MARK = "CONSOLE_TEST_MARK"
pytestmark = [pytest.mark.soak, pytest.mark.mosquitto, pytest.mark.timeout(LENGTH_S + 240)]


async def send_for_ever(login_url: str, choice: random.Random, returned: list[str]) -> None:
    """An operator who sends, whatever happens; only what came back counts as sent."""
    database = Database(Access(login_url))
    try:
        await until(partial(opened, database))
        sender = wire_program(database, tenants=("acme",), operator="alice").sender
        while True:
            drafts = [
                sender.draft(
                    f"pump-{choice.randint(1, 5)}", "ping", ttl=timedelta(seconds=choice.choice((5, 10, 25)))
                )
                for _ in range(choice.randint(1, 12))
            ]
            with contextlib.suppress(ConsoleError):
                returned += (await sender.send("acme", drafts)).command_ids
            await asyncio.sleep(SENDERS_PACE_S)  # a load, not a wait: nothing is expected after it
    finally:
        await database.close()


async def opened(database: Database) -> bool:
    with contextlib.suppress(ConsoleError):
        await database.open()
        return True
    return False


class Victims:
    """What is killed, and brought back."""

    def __init__(
        self, stack: AsyncExitStack, env: dict[str, str], postgres: PrivatePostgres, broker: BrokerProcess
    ) -> None:
        self._stack, self._env, self._postgres, self._broker = stack, env, postgres, broker
        self.workers: list[Running] = []
        self.screen: Terminal | None = None
        self.survivor: Running | None = None
        self.kills: list[str] = []
        self.brokers_losses: list[tuple[float, float, float]] = []
        self.highest_rss = 0
        self.rss_of_the_survivor: list[int] = []

    async def start(self) -> None:
        for _ in range(2):
            self.workers.append(await self._stack.enter_async_context(program(self._env, "--sweeper")))
        if LENGTH_S >= A_LONG_RUN_S:
            self.survivor = await self._stack.enter_async_context(program(self._env, "--sweeper"))
        await self.open_screen()

    async def _database_answers(self) -> bool:
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            await (await asyncpg.connect(self._postgres.login_url)).close()
            return True
        return False

    async def kill(self, name: str) -> None:
        self.kills.append(name)
        await getattr(self, f"_{name}")()

    async def _database(self) -> None:
        self._postgres.kill()

    async def _worker(self) -> None:
        victim = self.workers.pop(0)
        victim.kill()
        self.workers.append(await self._stack.enter_async_context(program(self._env, "--sweeper")))

    async def _console(self) -> None:
        assert self.screen is not None
        self.screen.kill()
        await self.open_screen()

    async def open_screen(self) -> None:
        """As an operator does: one whose database is just starting leaves with a sentence, so start it again."""
        await until(self._database_answers, 60)
        self.screen = await self._stack.enter_async_context(terminal(self._env))

    async def _broker_crash(self) -> None:
        """What the broker took since it last saved is the broker's to lose; when that was, its file tells.

        Its last PUBACKs may be read after its death, but before the next one answers.
        """
        clock = asyncio.get_running_loop().time
        await asyncio.to_thread(self._broker.kill)
        died, saved = clock(), self._broker.saved_at() - offset() - CLOCKS_GRAIN_S
        await asyncio.to_thread(self._broker.start)
        self.brokers_losses.append((saved, died, clock()))

    async def _broker_restart(self) -> None:
        await asyncio.to_thread(self._broker.stop)
        await asyncio.to_thread(self._broker.start)

    async def screen_shows(self, text: str) -> None:
        if self.screen is None or not self.screen.alive:  # PostgreSQL was killed while it started
            await self.open_screen()
        assert self.screen is not None
        await self.screen.shows(text)

    def look(self) -> None:
        for worker in self.workers:
            if worker.alive:
                with contextlib.suppress(OSError):
                    self.highest_rss = max(self.highest_rss, worker.rss_bytes)
        if self.survivor is not None:
            self.rss_of_the_survivor.append(self.survivor.rss_bytes)

    @property
    def growth(self) -> float:
        """Of the worker that was spared, from the third quarter to the last; by medians."""
        quarter = len(self.rss_of_the_survivor) // 4
        if not quarter:
            return 0.0
        third, last = (
            self.rss_of_the_survivor[2 * quarter : 3 * quarter],
            self.rss_of_the_survivor[3 * quarter :],
        )
        return statistics.median(last) - statistics.median(third)


def offset() -> float:
    """Between the time of day, in which files and rows are dated, and this process's clock."""
    return datetime.now(UTC).timestamp() - asyncio.get_running_loop().time()


async def wait(seconds: float, meanwhile: Callable[[], None]) -> None:
    ends = asyncio.get_running_loop().time() + seconds

    async def over() -> bool:
        meanwhile()
        return asyncio.get_running_loop().time() > ends

    await until(over, seconds + 10)


async def test_after_random_kills_of_everything_nothing_that_was_promised_is_missing(
    postgres: PrivatePostgres, tmp_path: Path
) -> None:
    """Without any one of the mechanisms in the table of removals, some run of this ends with a loss."""
    kills, answers, sends = chance("kills"), chance("answers"), chance("sends")
    returned: list[str] = []
    before = await connections(postgres)
    mark = uuid.uuid4().hex
    with start_broker("mosquitto") as broker:
        env = environment(tmp_path, postgres.login_url, broker.address, **{MARK: mark})
        async with (
            returning_fleet(
                broker.address, lambda _id: answers.random() < 0.75, keeps_session=True
            ) as devices,
            AsyncExitStack() as stack,
        ):
            victims = Victims(stack, env, postgres, broker)
            await victims.start()
            for worker in victims.workers:
                await worker.ready()
            await until(partial(sessions_are_saved, broker, datetime.now(UTC).timestamp()))
            sending = asyncio.create_task(send_for_ever(postgres.login_url, sends, returned))
            started = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - started < LENGTH_S:
                await wait(kills.uniform(0.5, 3.0), victims.look)
                await victims.kill(
                    kills.choice(
                        ["database", "worker", "worker", "console", "broker_crash", "broker_restart"]
                    )
                )
            await wait(1.0, victims.look)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            for worker in victims.workers:
                await worker.ready()
            await everything_is_settled(postgres)
            await until(partial(outbox_is_empty, postgres), 30)  # a dead worker's lease runs out first
            await until(partial(everything_was_reported, devices))
            with contextlib.suppress(AssertionError):  # what is missing then is told below
                await until(partial(all_answers_are_in, postgres, devices, victims), 30)
            await victims.screen_shows("pump-1")
            assert len(children(mark)) >= 3  # else the look for those that are left proves nothing
            assert victims.survivor is None or victims.survivor.alive
            victims.look()
    await until(partial(nobody_is_left, mark))
    owner = await postgres.connect()
    rows = {row["command_id"]: row for row in await owner.fetch("SELECT * FROM device_commands")}
    await owner.close()
    judge(rows, returned, victims, devices)

    async def connections_are_back() -> bool:
        return await connections(postgres) <= before

    await until(connections_are_back)


def judge(
    rows: dict[str, asyncpg.Record], returned: list[str], victims: Victims, devices: ReturningFleet
) -> None:
    """Hold what is in the table against what was told to the operator and what the broker took."""
    excuses = Excuses(victims, devices)
    ours = {command_id for command_id, at in devices.acknowledged.items() if not excuses.answer(at)}
    lost = {c for c in devices.acknowledged if rows[c]["status"] != "delivered"}
    unheard = [c for c, row in rows.items() if row["published_at"] is not None and c not in devices.copies]
    unsaved = max((died - saved for saved, died, _ in victims.brokers_losses), default=0.0)
    print(
        f"{len(returned)} sent, {len(devices.acknowledged)} answered, {len(victims.kills)} kills "
        f"({', '.join(f'{victims.kills.count(k)} {k}' for k in sorted(set(victims.kills)))}), "
        f"{len(lost & ours)} of ours lost, {len(lost - ours)} lost by the broker, who had not saved them for at most "
        f"{unsaved:.1f} s, "
        f"{len(unheard)} published and never heard of, at most {max(devices.copies.values())} copies, "
        f"worker at most {victims.highest_rss / MIB:.0f} MiB, {victims.growth / MIB:+.1f} MiB in its last quarter"
    )
    assert len(returned) > 10 * LENGTH_S
    assert len(devices.acknowledged) > 2 * LENGTH_S
    assert set(returned) <= set(rows)
    assert set(devices.copies) <= set(rows)
    assert unsaved < LONGEST_UNSAVED_S  # else nearly all would be the broker's to lose, and nothing proven
    assert len(ours) > len(devices.acknowledged) / 3
    assert [excuses.words(rows[c], devices.acknowledged[c]) for c in lost & ours] == []
    for command_id, row in rows.items():
        assert row["status"] in {"delivered", "missed", "expired"}
        assert (row["status"] == "delivered") == (row["acked_at"] is not None)
        assert row["status"] != "delivered" or command_id in devices.answered
        assert row["status"] != "missed" or row["published_at"] is not None
        assert row["status"] != "expired" or row["published_at"] is None
    assert [excuses.words(rows[c]) for c in unheard if not excuses.copy(rows[c])] == []
    assert victims.highest_rss < MOST_RSS
    assert victims.growth < MAY_GROW


class Excuses:
    """What the broker may have lost when it was killed, and what ended before the devices were back."""

    def __init__(self, victims: Victims, devices: ReturningFleet) -> None:
        self._lost, self._away = victims.brokers_losses, devices.away
        self._offset = offset()

    def answer(self, at: float) -> bool:
        """An answer that the broker took and had not saved when it was killed."""
        return any(saved < at <= back for saved, _, back in self._lost)

    def words(self, row: asyncpg.Record, answered: float = 0.0) -> str:
        """Instants as seconds of this process's clock."""
        published, ends = (row[name].timestamp() - self._offset for name in ("published_at", "expires_at"))
        away = ", ".join(f"{gone:.1f}-{back:.1f}" for gone, back in self._away)
        died = ", ".join(f"{saved:.1f}-{died:.1f}" for saved, died, _ in self._lost)
        return f"{row['command_id']} {row['status']}: published {published:.1f}, answered {answered:.2f}, until {ends:.1f}; nobody there {away}; not saved {died}"

    def copy(self, row: asyncpg.Record) -> bool:
        """A command that the broker took and had not saved when it was killed, or whose time ended while nobody listened."""
        published = row["published_at"].timestamp() - self._offset
        ends = row["expires_at"].timestamp() - self._offset
        return any(saved - LEASE_S < published < died + 2 * LEASE_S for saved, died, _ in self._lost) or any(
            published - LEASE_S <= back and ends <= back + 2.0 and ends >= gone for gone, back in self._away
        )


def children(mark: str) -> list[str]:
    """The processes that bear this run's mark, wherever they belong by now."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(folder.name)
    return found


async def nobody_is_left(mark: str) -> bool:
    return not await asyncio.to_thread(children, mark)


async def sessions_are_saved(broker: BrokerProcess, since: float) -> bool:
    """A broker that dies before it wrote down who listens drops what is said until we are back."""
    return broker.saved_at() > since


async def everything_was_reported(devices: ReturningFleet) -> bool:
    return devices.has_answered_all


async def all_answers_are_in(postgres: PrivatePostgres, devices: ReturningFleet, victims: Victims) -> bool:
    excuses = Excuses(victims, devices)
    owner = await postgres.connect()
    delivered = await owner.fetch("SELECT command_id FROM device_commands WHERE status = 'delivered'")
    await owner.close()
    wanted = {command_id for command_id, at in devices.acknowledged.items() if not excuses.answer(at)}
    return wanted <= {row["command_id"] for row in delivered}


async def everything_is_settled(postgres: PrivatePostgres) -> None:
    owner = await postgres.connect()

    async def none_is_queued() -> bool:
        return bool(await owner.fetchval("SELECT count(*) FROM device_commands WHERE status = 'queued'") == 0)

    await until(none_is_queued, 60)
    await owner.close()


async def outbox_is_empty(postgres: PrivatePostgres) -> bool:
    owner = await postgres.connect()
    try:
        return bool(await owner.fetchval("SELECT count(*) FROM device_console.outbox") == 0)
    finally:
        await owner.close()


async def connections(postgres: PrivatePostgres) -> int:
    owner = await postgres.connect()
    try:
        return int(
            await owner.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    finally:
        await owner.close()
