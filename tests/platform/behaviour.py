"""What the platform's own programs do to commands, statement by statement."""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

Publish = Callable[[str, bytes], Awaitable[object]]
USER_ID = "7f3c9e52-5d0e-4a58-9a51-3f1f0f6c2b11"  # created_by of the API's rows: a user's UUID


async def insert_as_the_api(
    owner: asyncpg.Connection,
    tenant_id: str,
    device_id: str,
    command_type: str,
    params: dict[str, Any] | None = None,
    *,
    ttl_s: float = 3600,
) -> str:
    """The first step of a send by the HTTP API: one row, committed and not published."""
    command_id = str(uuid.uuid4())
    await owner.execute(
        "INSERT INTO device_commands (command_id, tenant_id, device_id, command_type, command_params, expires_at,"
        " created_by) VALUES ($1, $2, $3, $4, $5::text::jsonb, now() + make_interval(secs => $6), $7)",
        command_id, tenant_id, device_id, command_type, json.dumps(params or {}), ttl_s, USER_ID,
    )  # fmt: skip
    return command_id


async def write_back(owner: asyncpg.Connection, tenant_id: str, command_id: str) -> None:
    """The last step: without looking at what has become of the row meanwhile."""
    await owner.execute(
        "UPDATE device_commands SET published_at = now(), status = 'queued'"
        " WHERE tenant_id = $1 AND command_id = $2",
        tenant_id, command_id,
    )  # fmt: skip


async def api_send(
    owner: asyncpg.Connection,
    publish: Publish,
    tenant_id: str,
    device_id: str,
    command_type: str,
    params: dict[str, Any] | None = None,
    *,
    ttl_s: float = 3600,
) -> str:
    """A whole send by the HTTP API: commit, publish, write back. `publish` may let the device answer first."""
    command_id = await insert_as_the_api(owner, tenant_id, device_id, command_type, params, ttl_s=ttl_s)
    payload = {"command_id": command_id, "type": command_type, "params": params or {}}
    await publish(f"tenant/{tenant_id}/device/{device_id}/commands", json.dumps(payload).encode())
    await write_back(owner, tenant_id, command_id)
    return command_id


async def platform_sweep(owner: asyncpg.Connection) -> None:
    """What its worker runs each 60 s: two statements, each by itself."""
    await owner.execute(
        "UPDATE device_commands SET status = 'missed'"
        " WHERE status = 'queued' AND expires_at < now() AND published_at IS NOT NULL"
    )
    await owner.execute(
        "UPDATE device_commands SET status = 'expired'"
        " WHERE status = 'queued' AND expires_at < now() AND published_at IS NULL"
    )


async def platform_ack(
    owner: asyncpg.Connection,
    tenant_id: str,
    device_id: str,
    command_id: str,
    *,
    status: str = "ok",
    details: dict[str, Any] | None = None,
    bridged_at: float | None = None,
) -> bool:
    """Its handler of answers: only what is queued becomes delivered. A bridge may have added the key ``ts``."""
    ack: dict[str, Any] = {"status": status, "details": details}
    if bridged_at is not None:
        ack["ts"] = bridged_at
    done = await owner.execute(
        "UPDATE device_commands SET status = 'delivered', acked_at = now(), ack_details = $4::text::jsonb"
        " WHERE tenant_id = $1 AND device_id = $2 AND command_id = $3 AND status = 'queued'",
        tenant_id, device_id, command_id, json.dumps(ack),
    )  # fmt: skip
    return bool(done == "UPDATE 1")


async def http_poll(owner: asyncpg.Connection, tenant_id: str, device_id: str) -> list[str]:
    """A device that asks over HTTP: its queued commands, the oldest first, and nothing is stamped."""
    rows = await owner.fetch(
        "SELECT command_id FROM device_commands WHERE tenant_id = $1 AND device_id = $2 AND status = 'queued'"
        " AND expires_at > now() ORDER BY created_at LIMIT 20",
        tenant_id, device_id,
    )  # fmt: skip
    return [row["command_id"] for row in rows]


async def http_ack(
    owner: asyncpg.Connection, tenant_id: str, device_id: str, command_id: str, *, status: str = "ok"
) -> bool:
    """Its answer over HTTP, to a command that may never have been published."""
    return await platform_ack(owner, tenant_id, device_id, command_id, status=status)
