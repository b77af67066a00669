"""``retention`` as a process, and what workers make of it."""

import json
import re
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.e2e.test_command_line import Console
from tests.faults.processes import REPOSITORY, environment, program
from tests.listened import listening
from tests.platform import PlatformUrls
from tests.waiting import until

OLD = (  # five rows a block
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, command_params, status, expires_at)"
    " SELECT 'acme', 'c' || n, 'pump-1', 'ping',"
    " (SELECT jsonb_agg(md5(n::text || i::text)) FROM generate_series(1, 40) i), 'missed', now() - interval '50 days'"
    " FROM generate_series(1, 6000) n"
)
COUNT = "SELECT count(*) FROM device_commands"


@pytest.fixture
def owners(database_url: str, fleet: Fleet, tmp_path: Path) -> Console:
    return Console(tmp_path, DATABASE_URL=database_url, CONSOLE_TENANT="acme")


@pytest.mark.slow
async def test_it_is_shown_set_and_taken_back(owners: Console, access: Access) -> None:
    """Without the login in the way, whoever operates one tenant decides what all tenants lose."""
    shown = await owners.run("retention")
    assert (shown.code, shown.out, shown.err) == (0, "off\n", "ended commands are never deleted\n")
    short = await owners.run("retention", "7d")
    assert short.code == 2
    assert "add --yes if you want that" in short.one_sentence()
    assert (await owners.run("retention", "7d", "--yes")).out == "7d\n"
    long = await owners.run("retention", "400d")
    assert (long.code, long.err) == (0, "ended commands are deleted 400 days after their deadline\n")
    as_json = json.loads((await owners.run("retention", "--json")).out)
    assert as_json == {"keep_days": 400, "deletes": True, "own_table": True}
    owners.environment["DATABASE_URL"] = access.url
    refused = await owners.run("retention", "off")
    assert refused.code == 2
    assert "console_login may not set the retention: only " in refused.one_sentence()
    assert (await owners.run("retention")).out == "400d\n"
    assert (
        "ended commands are deleted 400 days after their deadline; no live"
        in (await owners.run("doctor")).out
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("400",), "'400' is not a retention: write a number of days, such as 400d, or off."),
        (("1y",), "'1y' is not a retention"),
        (("0d", "--yes"), "A retention of 0d is out of range: 1d to 36525d are allowed, or off."),
        (("99999d",), "A retention of 99999d is out of range"),
        (("--yes",), "--yes and --platform-table need a retention to apply to"),
    ],
)
async def test_what_is_not_a_retention_is_named(
    owners: Console, words: tuple[str, ...], sentence: str
) -> None:
    """Without it, a number without a unit deletes after so many seconds."""
    ended = await owners.run("retention", *words)
    assert ended.code == 2
    assert sentence in ended.one_sentence()


@pytest.mark.slow
async def test_on_a_platforms_table_it_wants_to_be_told_so(platform: PlatformUrls, tmp_path: Path) -> None:
    """Without it, the platform's own history goes with ours."""
    console = Console(tmp_path, DATABASE_URL=platform.owner, CONSOLE_TENANT="acme")
    assert (await console.run("migrate")).code == 0
    refused = await console.run("retention", "400d")
    assert refused.code == 1
    assert "add --platform-table" in refused.one_sentence()
    assert (await console.run("retention", "400d", "--platform-table")).out == "400d\n"
    assert (await console.run("retention", "off")).out == "off\n"


async def test_the_archive_of_the_page_takes_what_ended(owner: asyncpg.Connection, fleet: Fleet) -> None:
    """Without it, the page's statements fail on the day on which they are needed."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, expires_at)"
        " VALUES ('acme', 'c1', 'pump-1', 'ping', 'missed', '2026-01-31 23:00Z'),"
        " ('acme', 'c2', 'pump-1', 'ping', 'queued', '2026-01-31 23:00Z')"
    )
    page = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    (statements,) = re.findall(r"```sql\n(CREATE SCHEMA archive.*?)```", page, re.DOTALL)
    await owner.execute("SET timezone = 'UTC'")
    await owner.execute(statements)
    assert [row["command_id"] for row in await owner.fetch("SELECT * FROM archive.commands")] == ["c1"]


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_a_killed_workers_pass_is_done_by_the_next_one(
    access: Access, owner: asyncpg.Connection, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without a lease that ends with its process, nothing more is ever deleted."""
    await owner.execute(OLD)
    await owner.execute("UPDATE device_console.deployment SET keep_s = 40 * 86400")
    env = environment(tmp_path, access.url, mosquitto.address)
    async with program(env, "--sweeper") as first:

        async def begun() -> bool:
            return int(await owner.fetchval(COUNT)) < 6_000

        await until(begun)
        first.kill()
        await first.ended()
    left = int(await owner.fetchval(COUNT))
    assert 0 < left < 6_000
    async with listening(env) as second:
        await second.reaches({"pruned_commands_total": left})
        assert await owner.fetchval(COUNT) == 0

        async def told() -> bool:
            return any('"event": "retention"' in line for line in second.running.message)

        await until(told)
    (line,) = [json.loads(line) for line in second.running.message if '"event": "retention"' in line]
    assert (line["deleted"], line["refusals"], line["keep_days"]) == (left, 0, 40)
