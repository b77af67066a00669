"""With --read-only everything that reads works, and PostgreSQL is asked to write nothing."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from console.limits import DEFAULT_TTL
from console.runtime.program import Program
from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.e2e.test_command_line import Console
from tests.faults.processes import environment
from tests.faults.terminal import terminal
from tests.guarantees.test_terminal import crash_reports
from tests.rows import add_command

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def env(access: Access, mosquitto: BrokerProcess, tmp_path: Path) -> dict[str, str]:
    return environment(
        tmp_path, access.url, mosquitto.address, CONSOLE_OPERATOR="alice", XDG_DATA_HOME=str(tmp_path)
    )


async def _all_rows(owner: asyncpg.Connection) -> dict[str, str]:
    """Every table with the places and the transactions of its rows: a lock changes them, too."""
    tables = await owner.fetch(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname IN ('public', 'device_console')"
    )
    return {
        table: await owner.fetchval(
            f"SELECT string_agg(concat(ctid, xmin, xmax), ' ' ORDER BY ctid) FROM {table}"
        )
        for (table,) in tables
    }


@pytest.fixture
async def batch(owner: asyncpg.Connection, program: Program, fleet: Fleet) -> str:
    """The id of a bulk send, beside a command."""
    await add_command(owner, fleet.acme, "c-1", published=True)
    job = program.bulk.job("ping", "{}", DEFAULT_TTL, "bob", device_ids=["pump-1", "pump-2"], target="two")
    await program.bulk.begin(fleet.acme, job)
    return job.draft.batch_id


@pytest.fixture
async def unwritten(owner: asyncpg.Connection, batch: str) -> AsyncIterator[str]:
    """That id; afterwards no row of any table has been written or locked."""
    before = await _all_rows(owner)
    yield batch
    assert await _all_rows(owner) == before


@pytest.mark.parametrize(
    "line",
    [
        "devices", "history", "history pump-1 --json", "types pump-1", "export", "export pump-1 --format csv", "batches", "show c-1",
        "batch BATCH", "problems", "stats", "stats --by site --since 7d --json", "favourites --recent", "favourites --keep reboot", "doctor", "ingest-slots", "retention", "config show",
    ],
)  # fmt: skip
async def test_every_command_that_reads_works(env: dict[str, str], unwritten: str, line: str) -> None:
    """Without it, a definer function that writes by the way ends a command that only looks."""
    console = Console(Path(env["CONSOLE_HOME"]), **env)
    ended = await console.run(*line.replace("BATCH", unwritten).split(), "--read-only")
    assert ended.code == 0, (ended.out, ended.err)
    assert "refused" not in ended.err


async def test_tail_follows_what_others_do(
    env: dict[str, str], batch: str, owner: asyncpg.Connection
) -> None:
    """Without LISTEN in a session of its own, a reader would not hear of changes."""
    assert batch
    console = Console(Path(env["CONSOLE_HOME"]), **env)
    process = await console.start("tail", "--json", "--read-only")
    assert process.stdout is not None
    line = asyncio.create_task(process.stdout.readline())
    try:
        async with asyncio.timeout(60):
            for number in itertools.count():  # until it listens: what was there before is not shown
                await add_command(owner, "acme", f"new-{number}", published=True)
                if (await asyncio.wait([line], timeout=1))[0]:
                    break
        assert b"new-" in await line
    finally:
        process.terminate()
        await process.wait()


async def test_every_screen_shows_its_rows(env: dict[str, str], unwritten: str, tmp_path: Path) -> None:
    """Without it, a screen of a reader shows a refusal of PostgreSQL in place of its rows."""
    assert unwritten
    async with terminal(env, "--read-only", columns=120, rows=36) as screen:
        await screen.shows("pump-5")
        await screen.shows("READ-ONLY")
        for keys, shown in (
            ("H", "c-1"), ("\r", "c-1"), ("e", "c-1"), ("\x1b", "History"), ("b", "Bulk sends   1"), ("\r", "two"),
            ("\x1b", "Bulk sends   1"), ("\x1b", "History"), ("p", "Problems"), ("\x1b", "History"), (":pump-2\r", "pump-2 ›"),
            ("w", "--allow-export would let it"), ("\x1b", "? help"), ("@", "sent, cancelled and exported nothing"), ("\x1b", "? help"),
            ("0", "ended per minute"), ("F", "fleet 5"), ("c", "fleet 5"), ("\x1b", "F fleet"), ("1", "Devices   5"), ("s", "DEVICE ↓"),
            (">", "s sorts by"), ("s", "LINK ↓"), ("W", "Columns"), ("\x1b[B\x1b[B ", "Columns"), ("\x1b", "Devices   5"),
            ("\x1b[20~", "THEME"), ("\x1b[B", "until you leave"), ("\r", "Devices   5"), (":demo storm", "There is no device"),
            ("\x1b", "? help"), ("?", "Keys"),
        ):  # fmt: skip
            await screen.settled(0.1)
            screen.type(keys)
            await screen.shows(shown)
            assert "refused the change" not in screen.text
        screen.type("\x1b\x11")
        assert await screen.ended() == 0
    assert crash_reports(tmp_path) == []
    assert _names_of_files(tmp_path) <= {"device-console.log"}


def _names_of_files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}
