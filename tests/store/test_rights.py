"""The rights of both roles, tried out one by one. What they should be stands in tests/rights.py."""

import re

import asyncpg
import pytest

from console.store.pool import Database
from tests.conftest import Fleet
from tests.rights import (
    MAY_INSERT,
    MAY_UPDATE,
    OPERATORS_FUNCTIONS,
    RIGHTS,
    TENANTS,
    WORKERS_FUNCTIONS,
    one_row_each,
    session_of,
    surprises,
)

BOTH = ["operator", "worker"]


@pytest.mark.slow
@pytest.mark.parametrize("tenant", TENANTS, ids=repr)
async def test_an_operator_does_what_it_needs_with_its_own_tenant_and_nothing_else(
    database: Database, owner: asyncpg.Connection, tenant: str | None
) -> None:
    """Without the policies and the grants as they are, some verb reaches one row more."""
    await one_row_each(owner)
    assert await surprises(database, "operator", tenant) == []


async def test_every_table_is_one_whose_rights_are_tried(owner: asyncpg.Connection) -> None:
    """Without this, a table that a migration adds is open to everybody until somebody looks."""
    tables = await owner.fetch(
        "SELECT relnamespace::regnamespace || '.' || relname AS name FROM pg_class"
        " WHERE relnamespace = ANY ('{public,device_console}'::regnamespace[]) AND relkind IN ('r', 'p')"
    )
    assert {row["name"] for row in tables} == {table.name for table in RIGHTS}


async def test_a_worker_may_touch_no_table(database: Database, owner: asyncpg.Connection) -> None:
    """Without its lack of table rights, a worker could read and change every tenant."""
    await one_row_each(owner)
    assert await surprises(database, "worker", "") == []


@pytest.mark.parametrize("role", BOTH)
async def test_each_column_alone_can_be_changed_only_where_it_must(
    database: Database, owner: asyncpg.Connection, role: str
) -> None:
    """Without grants by the column, an operator changes params, deadlines and names of what was sent."""
    columns = await owner.fetch(
        "SELECT table_schema || '.' || table_name AS place, table_name AS t, column_name AS c"
        " FROM information_schema.columns WHERE table_schema || '.' || table_name = ANY ($1)",
        [table.name for table in RIGHTS],
    )
    assert len(columns) > 80
    changed: set[tuple[str, str]] = set()
    async with session_of(database, role, "acme") as connection:
        for column in columns:
            try:
                async with connection.transaction():
                    await connection.execute(
                        f"UPDATE {column['place']} SET {column['c']} = DEFAULT WHERE false"
                    )
            except asyncpg.InsufficientPrivilegeError:
                continue
            changed.add((column["t"], column["c"]))
    assert changed == (MAY_UPDATE if role == "operator" else set())


async def test_an_operator_fills_only_the_columns_that_sending_needs(
    database: Database, owner: asyncpg.Connection
) -> None:
    """Without grants by the column, an operator sets attempts, turns and numbers that every claim and sweep reads."""
    for table, allowed in MAY_INSERT.items():
        columns = await owner.fetch(
            "SELECT column_name AS c FROM information_schema.columns"
            " WHERE table_schema = 'device_console' AND table_name = $1",
            table,
        )
        filled: set[str] = set()
        async with session_of(database, "operator", "acme") as connection:
            for (column,) in columns:
                try:
                    async with connection.transaction():
                        await connection.execute(
                            f"INSERT INTO device_console.{table} ({column}) OVERRIDING SYSTEM VALUE"
                            f" SELECT {column} FROM device_console.{table} WHERE false"
                        )
                except asyncpg.InsufficientPrivilegeError:
                    continue
                filled.add(column)
        assert filled == allowed


@pytest.mark.parametrize(
    "column", ["contact_name", "contact_email", "contact_phone", "name", "metadata", "*"]
)
async def test_a_worker_reads_nothing_of_a_tenant(database: Database, fleet: Fleet, column: str) -> None:
    """Without its lack of table rights, a worker's login tells who the customers are."""
    async with database.fleet_session() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.fetch(f"SELECT {column} FROM tenants")


@pytest.mark.parametrize(
    ("role", "functions"), [("operator", OPERATORS_FUNCTIONS), ("worker", WORKERS_FUNCTIONS)]
)
async def test_each_role_may_call_its_own_functions_only(
    database: Database, role: str, functions: set[str]
) -> None:  # fmt: skip
    """Without the REVOKE, every operator could settle every tenant's commands."""
    async with session_of(database, role, "acme") as connection:
        rows = await connection.fetch(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'device_console'::regnamespace"
            " AND has_function_privilege(oid, 'EXECUTE')"
        )
    assert {row["proname"] for row in rows} == functions


async def test_every_definer_function_has_a_fixed_search_path(owner: asyncpg.Connection) -> None:
    """Without it, whoever may make a table of some name has the owner's rights."""
    rows = await owner.fetch(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'device_console'::regnamespace AND prosecdef"
    )
    assert len(rows) >= 10
    assert [
        row["proname"] for row in rows if "search_path=pg_catalog, pg_temp" not in (row["proconfig"] or ())
    ] == []


async def test_no_function_with_a_subtransaction_is_planned_in_parallel(owner: asyncpg.Connection) -> None:
    """Without the mark, a parallel plan over a large table fails before PostgreSQL 17: it cannot start subtransactions."""
    rows = await owner.fetch(
        "SELECT proname AS name, lower(pg_get_functiondef(oid)) AS body, proparallel = 'u'::\"char\" AS is_unsafe FROM pg_proc"
        " WHERE pronamespace = 'device_console'::regnamespace AND prokind = 'f'"
    )
    bodies = {row["name"]: row["body"] for row in rows}
    found = {name for name, body in bodies.items() if re.search(r"\bexception\s+when\b", body)}
    assert "json_bytes" in found
    while callers := {
        name
        for name, body in bodies.items()
        if name not in found and any(re.search(rf"device_console\.{called}\(", body) for called in found)
    }:
        found |= callers
    assert {"json_shown", "ack_word", "plain_answer", "claim"} <= found
    assert found - {row["name"] for row in rows if row["is_unsafe"]} == set()
