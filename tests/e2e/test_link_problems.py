"""What happened to the links stays to be read after it is over."""

import asyncpg
import pytest

from console.domain.events import ProblemKind
from console.store.pool import Database
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

            async def told(tenant: str) -> set[str]:
                found = await channel.program.history.problems(tenant)
                return {p.device_id for p in found if p.kind is ProblemKind.LINK}

            async def both_are_told() -> bool:
                return await told("acme") == await told("rival") == {"broker", "session"}

            await until(both_are_told)
            await channel.reaches(await channel.send(), "published")


async def test_no_tenant_sees_no_link_problem_and_nobody_sees_other_rows_of_no_tenant(
    database: Database, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the kind in the policy, what unknown tenants sent would be everybody's."""
    await owner.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
        " VALUES ('', 'link', 'broker', '', 'x'), ('', 'unknown ack', 'd', 'c', 'of an unknown tenant')"
    )
    seen = {}
    for tenant in ("", "acme"):
        async with database.tenant_session(tenant) as connection:
            rows = await connection.fetch("SELECT kind FROM device_console.problems")
            seen[tenant] = [row["kind"] for row in rows]
    assert seen == {"": [], "acme": ["link"]}
