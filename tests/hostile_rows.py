"""What an operator with a SQL client, or another program, may put into the tables of one tenant."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from console.store.access import Access

LONG = "'" + "\U0001f600" * 200 + "'"
TEXTS = (
    "''", "' '", "E'a\\nb'", "'x/y'", "'+'", "E'\\x1b[2J'", LONG, "repeat('a', 1000000)", "'NaN'", "'-1'", "NULL",
)  # fmt: skip
INSTANTS = (
    "'-infinity'", "'infinity'", "'4714-11-24 00:00:00+00 BC'", "'294276-12-31 23:59:59+00'", "'epoch'", "NULL",
    "now() - interval '1 year'", "now() + interval '1 year'", "now() - interval '1 s'",
)  # fmt: skip
NUMBERS = ("-9223372036854775808", "9223372036854775807", "0", "-1", "2147483647", "-2147483648", "NULL")
REALS = ("'NaN'::float8", "'infinity'::float8", "'-infinity'::float8", "-1", "1e300")
DOCUMENTS = (
    "'null'", "'[]'", "'1e131000'", "'\"x\"'", "'{}'", "NULL",
    "jsonb_build_object('x', repeat('a', 3000000))",
    "(SELECT jsonb_object_agg('k' || n, 1e131000::numeric) FROM generate_series(1, 3000) n)",
    "(SELECT jsonb_build_object('x', jsonb_agg(1e131000::numeric)) FROM generate_series(1, 3000) n)",
    "(SELECT jsonb_build_object('x', jsonb_agg(('1.' || repeat('0', 16000))::numeric)) FROM generate_series(1, 3000) n)",
    "(repeat('{\"a\":', 3000) || '1' || repeat('}', 3000))::jsonb",
    "(SELECT jsonb_build_object('status', jsonb_agg(1e131000::numeric)) FROM generate_series(1, 3000) n)",
)  # fmt: skip
STATUSES = ("'queued'", "'delivered'", "'missed'", "'expired'", "'x'")
_VALUES = {
    "text": TEXTS, "timestamp with time zone": INSTANTS, "integer": NUMBERS, "bigint": NUMBERS, "jsonb": DOCUMENTS,
    "double precision": REALS, "boolean": ("true", "false", "NULL"), "uuid": ("gen_random_uuid()", "NULL"),
    "ARRAY": ("'{}'", "array_fill('x'::text, ARRAY[100000])", "NULL"),
}  # fmt: skip
# What a plain row of each table says; {n} makes it another one. All belong to the tenant acme.
PLAIN: dict[str, dict[str, str]] = {
    "public.device_commands": {
        "tenant_id": "'acme'", "command_id": "'h{n}'", "device_id": "'pump-1'", "command_type": "'ping'",
        "created_at": "now() - interval '1 minute'",
    },
    "device_console.outbox": {"tenant_id": "'acme'", "command_id": "'h{n}'", "device_id": "'pump-1'"},
    "device_console.journal": {"tenant_id": "'acme'", "command_id": "'h{n}'", "kind": "'attempt'"},
    "device_console.batches": {
        "tenant_id": "'acme'", "batch_id": "'h{n}'", "command_type": "'ping'", "params": "'{{}}'", "ttl_s": "60",
        "target": "'all'", "wanted": "1",
    },
    "device_console.batch_members": {"tenant_id": "'acme'", "batch_id": "'h{n}'", "command_id": "'h{n}'"},
    "device_console.batch_targets": {"tenant_id": "'acme'", "batch_id": "'h{n}'", "device_ids": "'{{pump-1}}'"},
    "device_console.problems": {
        "tenant_id": "'acme'", "kind": "'link'", "device_id": "'pump-1'", "command_id": "'h{n}'", "detail": "'x'",
    },
}  # fmt: skip
OURS = tuple(table for table in PLAIN if table.startswith("device_console."))


async def columns_of(owner: asyncpg.Connection, table: str) -> dict[str, tuple[str, ...]]:
    """Each column of a table with what is tried in it."""
    rows = await owner.fetch(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema || '.' || table_name = $1 AND column_name <> 'tenant_id'",
        table,
    )
    found = {row["column_name"]: _VALUES[row["data_type"]] for row in rows}
    return {**found, "status": STATUSES} if "status" in found else found


def statements(table: str, columns: dict[str, tuple[str, ...]], seed: int) -> Iterator[str]:
    """One INSERT for each value of each column, then some that spoil several columns at once."""
    chance = random.Random(seed)
    spoilt: list[dict[str, str]] = [{c: v} for c, values in columns.items() for v in values]
    for _ in range(24):
        some = chance.sample(sorted(columns), min(len(columns), chance.randint(2, 4)))
        spoilt.append({column: chance.choice(columns[column]) for column in some})
    for number, changes in enumerate(spoilt, 1):
        row = {c: v.format(n=f"{table[-6:]}{number}") for c, v in PLAIN[table].items()} | changes
        names, values = ", ".join(row), ", ".join(row.values())
        override = " OVERRIDING SYSTEM VALUE" if {"seq", "entry_id"} & set(changes) else ""
        yield f"INSERT INTO {table} ({names}){override} VALUES ({values})"


async def write_all(connection: asyncpg.Connection, lines: Iterator[str]) -> int:
    """Run each statement by itself; what the database refuses did no harm. How many stayed."""
    stayed = 0
    for line in lines:
        with suppress(asyncpg.PostgresError):
            await connection.execute(line)
            stayed += 1
    return stayed


@asynccontextmanager
async def sql_client(access: Access, tenant_id: str) -> AsyncIterator[asyncpg.Connection]:
    """An operator of one tenant with psql: the console's role and tenant on a session of its own."""
    connection = await asyncpg.connect(access.direct)
    try:
        await connection.execute(f"SET ROLE {access.operator_role}")
        await connection.execute("SELECT set_config('app.tenant_id', $1, false)", tenant_id)
        yield connection
    finally:
        await connection.close()
