"""What happened to the links stays to be read after it is over."""

import asyncpg
import pytest

from console.domain.events import Problem, ProblemKind
from console.domain.filters.language import Scope, parse_filter
from console.store.pool import Database
from console.store.problems import ProblemStore
from console.store.settlement import SettlementStore
from tests.brokers import start_broker
from tests.conftest import Fleet
from tests.e2e.conftest import OpenChannel
from tests.waiting import until


@pytest.mark.mosquitto
async def test_a_lost_broker_and_a_forgotten_session_are_problems_of_every_tenant(
    open_channel: OpenChannel, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    with start_broker("mosquitto", "persistence false") as broker:
        async with open_channel(broker.address) as channel:
            broker.stop()
            broker.start()

            async def reported(tenant: str) -> set[str]:
                found = await channel.program.history.problems(tenant)
                return {p.device_id for p in found if p.kind is ProblemKind.LINK}

            async def both_are_reported() -> bool:
                return await reported("acme") == await reported("rival") == {"broker", "session"}

            await until(both_are_reported)
            await channel.reaches(await channel.send(), "published")


async def test_what_belongs_to_no_tenant_is_one_row_that_names_nobody_and_everybody_sees(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without that one row, answers of invented tenants fill the table, push the links' trouble out and are seen by none."""
    settlement = SettlementStore(database)
    found = [Problem("", ProblemKind.LINK, "broker", "", "it was gone")]
    found += [Problem(f"t{n}", ProblemKind.UNKNOWN_ACK, f"d{n}", f"c{n}", "a secret") for n in range(500)]
    found += [Problem("", ProblemKind.MALFORMED_ACK, "d", "c", "a secret")]
    await settlement.record(found)
    await settlement.trim_problems(2)
    seen = {}
    for tenant in ("", "acme"):
        async with database.tenant_session(tenant) as connection:
            rows = await connection.fetch(
                "SELECT kind, device_id, command_id, count FROM device_console.problems ORDER BY kind"
            )
            seen[tenant] = [tuple(row) for row in rows]
    assert seen == {"": [], "acme": [("link", "broker", "", 1), ("unknown tenant", "", "", 501)]}
    shown = await ProblemStore(database).page("rival", parse_filter("", Scope.PROBLEMS), 10)
    assert {p.kind for p in shown} == {ProblemKind.LINK, ProblemKind.UNKNOWN_TENANT}
    assert not any("secret" in p.detail for p in shown)


async def test_no_other_row_of_no_tenant_is_anybodys(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the kinds in the policy, what unknown tenants sent would be everybody's."""
    await owner.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
        " VALUES ('', 'link', 'broker', '', 'x'), ('', 'unknown ack', 'd', 'c', 'of an unknown tenant')"
    )
    async with database.tenant_session("acme") as connection:
        rows = await connection.fetch("SELECT kind FROM device_console.problems")
    assert [row["kind"] for row in rows] == ["link"]


@pytest.mark.mosquitto
async def test_a_broker_that_hung_and_came_back_is_up_again_in_the_header(
    open_channel: OpenChannel, fleet: Fleet
) -> None:
    """Without a state for each connection, commands flow again while the header says DOWN for ever."""
    with start_broker("mosquitto") as broker:
        async with open_channel(broker.address) as channel:
            broker.stop()

            async def both_noticed() -> bool:
                return {"dispatch", "ingest"} == {p for p, s in channel.health._broker.items() if not s.up}

            await until(both_noticed)
            broker.start()

            async def up() -> bool:
                return channel.health.view().broker.up

            await until(up)
            await channel.reaches(await channel.send(), "published")
            assert channel.health.view().broker.up
