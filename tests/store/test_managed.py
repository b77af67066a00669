"""A managed PostgreSQL: nobody is superuser, nobody has BYPASSRLS, and everything works."""

import os
from collections.abc import AsyncIterator

import asyncpg
import pytest

from console.domain.acks import Acknowledgement, LateAck
from console.domain.dispatch import Confirmed
from console.runtime.wiring import wire_program
from console.store.access import Access
from console.store.outbox import OutboxStore
from console.store.pool import Database
from console.store.schema.checks import check_start
from console.store.schema.migrate import migrate
from console.store.settlement import BEGINNING, SettlementStore
from tests.conftest import with_database
from tests.faults.debian import debian_postgres
from tests.rows import add_command, add_devices, add_tenant

NAME = f"managed_{os.getpid()}"
OPERATOR, WORKER, PERSON = f"{NAME}_operator", f"{NAME}_worker", f"{NAME}_person"


def as_user(url: str, user: str) -> str:
    scheme, rest = url.split("://", 1)
    return f"{scheme}://{user}@{rest.partition('@')[2] or rest}"


@pytest.fixture
async def managed(server_url: str, template: str) -> AsyncIterator[str]:
    """A database of an owner who may make roles and nothing more."""
    superuser = await asyncpg.connect(server_url)
    await superuser.execute(f"CREATE ROLE {NAME} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS")
    await superuser.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")
    # the platform's policies are for pulse_app and its members
    await superuser.execute(f"GRANT pulse_app TO {NAME} WITH ADMIN OPTION")
    yield as_user(with_database(server_url, NAME), NAME)
    await superuser.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    for role in (PERSON, OPERATOR, WORKER, NAME):
        await superuser.execute(f"DROP ROLE IF EXISTS {role}")
    await superuser.close()


async def test_a_whole_life_of_a_command_without_any_superuser(managed: str) -> None:
    """Without the definer functions the worker needs BYPASSRLS, which a managed PostgreSQL does not give."""
    owner = await asyncpg.connect(managed)
    await owner.execute("GRANT USAGE, CREATE ON SCHEMA public TO CURRENT_USER")
    await owner.execute(f"CREATE ROLE {OPERATOR} NOLOGIN; CREATE ROLE {PERSON} LOGIN")
    await owner.execute(f"GRANT pulse_app TO {OPERATOR}")
    await migrate(Access(managed, operator_role=OPERATOR, worker_role=WORKER), platform_tables=True)
    await owner.execute(f"GRANT {OPERATOR}, {WORKER} TO {PERSON}")
    await add_tenant(owner, "acme")
    await add_devices(owner, "acme", ["pump-1"])
    bypassing = await owner.fetch(
        "SELECT rolname FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND rolname LIKE $1", f"{NAME}%"
    )
    assert bypassing == []
    await whole_life(owner, Access(as_user(managed, PERSON), operator_role=OPERATOR, worker_role=WORKER))
    await owner.close()


@pytest.mark.debian_postgres
async def test_a_cluster_that_has_none_of_our_roles_is_made_ready_by_a_login_that_may_make_roles() -> None:
    """Without the second try, the platform's role with BYPASSRLS, which only a superuser may make, ends the migration."""
    with debian_postgres() as server:
        superuser = await asyncpg.connect(server.url)
        await superuser.execute("CREATE ROLE manager LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS")
        await superuser.execute("CREATE DATABASE iot OWNER manager")
        await superuser.close()
        managed = as_user(with_database(server.url, "iot"), "manager")
        owner = await asyncpg.connect(managed)
        await migrate(Access(managed), platform_tables=True)
        await owner.execute("CREATE ROLE person LOGIN IN ROLE pulse_app, device_console_worker")
        await add_tenant(owner, "acme")
        await add_devices(owner, "acme", ["pump-1"])
        assert await owner.fetchval("SELECT count(*) FROM pg_roles WHERE rolbypassrls") == 1  # the superuser
        await whole_life(owner, Access(as_user(managed, "person")))
        await owner.close()


async def whole_life(owner: asyncpg.Connection, access: Access) -> None:
    """Start, send, claim, mark, answer and sweep as a plain login."""
    database = Database(access)
    await database.open()
    report = await check_start(database)
    assert (report.may_work, report.may_send, report.warnings) == (True, True, ())
    sender = wire_program(database, tenants=("acme",), operator="alice").sender
    outbox, settlement = OutboxStore(database), SettlementStore(database)
    (command_id,) = (await sender.send("acme", [sender.draft("pump-1", "ping")])).command_ids
    holder = await owner.fetchval("SELECT gen_random_uuid()")
    (claimed,) = await outbox.claim(holder, 10, 10, 65_536)
    assert claimed.command_id == command_id
    assert (await outbox.mark(holder, [Confirmed("acme", command_id, nobody_listens=False)])).published == 1
    await add_command(owner, "acme", "silent", published=True)
    await owner.execute(
        "UPDATE device_commands SET expires_at = now() - interval '1 s' WHERE command_id = 'silent'"
    )
    acks = [Acknowledgement("acme", "pump-1", command_id, '{"status":"ok","details":null}')]
    (outcome,) = await settlement.acknowledge(acks, [], LateAck.ACCEPT)
    assert outcome.value == "acked"
    assert (await settlement.sweep(BEGINNING, 10)).missed == 1
    await database.close()
