"""Rows as the platform or another writer would put them there."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg


async def add_tenant(owner: asyncpg.Connection, tenant_id: str, status: str = "ACTIVE") -> None:
    await owner.execute(
        "INSERT INTO tenants (tenant_id, name, status) VALUES ($1, $1, $2)", tenant_id, status
    )


async def add_devices(owner: asyncpg.Connection, tenant_id: str, device_ids: Sequence[str]) -> None:
    await owner.execute(
        "INSERT INTO device_registry (tenant_id, device_id, site_id, model, fw_version)"
        " SELECT $1, d, 'lyon', 'PX-200', '1.4.2' FROM unnest($2::text[]) d",
        tenant_id,
        list(device_ids),
    )


async def add_command(
    owner: asyncpg.Connection,
    tenant_id: str,
    command_id: str,
    device_id: str = "pump-1",
    *,
    status: str = "queued",
    ttl: timedelta = timedelta(hours=1),
    age: timedelta = timedelta(0),
    published: bool = False,
    params: str = "{}",
) -> None:
    """A row as another program writes it, without any outbox row; created `age` ago, expiring in `ttl`."""
    await owner.execute(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, command_params, status,"
        " published_at, expires_at, created_at, created_by) VALUES"
        " ($1, $2, $3, 'ping', $4::text::jsonb, $5, CASE WHEN $6 THEN now() - $8::interval END, now() + $7,"
        " now() - $8, 'platform')",
        tenant_id, command_id, device_id, params, status, published, ttl, age,
    )  # fmt: skip


async def status_of(owner: asyncpg.Connection, command_id: str) -> str:
    return str(await owner.fetchval("SELECT status FROM device_commands WHERE command_id = $1", command_id))


async def row_of(owner: asyncpg.Connection, command_id: str) -> asyncpg.Record:
    row = await owner.fetchrow("SELECT * FROM device_commands WHERE command_id = $1", command_id)
    assert row is not None, f"no row {command_id}"
    return row


async def log_answers(owner: asyncpg.Connection) -> None:
    """From now on the table ``answers`` keeps each time that an answer was written to a command."""
    await owner.execute(
        "CREATE TABLE public.answers (command_id text, status text);"
        "CREATE FUNCTION public.log_answer() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.answers VALUES (NEW.command_id, NEW.status); RETURN NULL; END $$;"
        "CREATE TRIGGER log_answer AFTER UPDATE ON device_commands FOR EACH ROW"
        " WHEN (OLD.acked_at IS DISTINCT FROM NEW.acked_at OR OLD.ack_details IS DISTINCT FROM NEW.ack_details)"
        " EXECUTE FUNCTION public.log_answer()"
    )


async def answered_times(owner: asyncpg.Connection) -> dict[int, int]:
    """How many commands were answered how many times."""
    rows = await owner.fetch(
        "SELECT times, count(*) AS commands FROM"
        " (SELECT count(*) AS times FROM public.answers GROUP BY command_id) a GROUP BY times"
    )
    return {row["times"]: row["commands"] for row in rows}


async def log_settling(owner: asyncpg.Connection) -> None:
    """From now on the table ``settled`` keeps how long after its deadline each command got which status."""
    await owner.execute(
        "CREATE TABLE public.settled (command_id text, status text, late_s double precision);"
        "CREATE FUNCTION public.log_settling() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.settled VALUES"
        " (NEW.command_id, NEW.status, extract(epoch FROM clock_timestamp() - NEW.expires_at)); RETURN NULL; END $$;"
        "CREATE TRIGGER log_settling AFTER UPDATE ON device_commands FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION public.log_settling()"
    )
