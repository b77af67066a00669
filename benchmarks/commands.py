"""Rows of commands, made in the database, and answers to them."""

import random
from pathlib import Path
from typing import Any

from benchmarks.place import TENANT

ANSWER = '{"status": "ok", "details": {"uptime_s": 0}}'
DEVICE = "'dev-' || lpad((n % 10000)::text, 5, '0')"
BARE_SWEEP = (
    "UPDATE device_commands SET status = CASE WHEN published_at IS NULL THEN 'expired' ELSE 'missed' END"
    " WHERE status = 'queued' AND expires_at < now()"
)
BARE_ACK = (
    "UPDATE device_commands c SET status = 'delivered', acked_at = now(), ack_details = i.ack::jsonb"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS i(tenant, device, command, ack)"
    " WHERE c.tenant_id = i.tenant AND c.command_id = i.command AND c.device_id = i.device"
    " AND c.status IN ('queued', 'missed', 'expired')"
)
Target = tuple[str, str]  # device and command


async def add(
    connection: Any,
    count: int,
    *,
    kind: str = "perf",
    published: str = "now()",
    expires: str = "now() + interval '1 hour'",
    device: str = DEVICE,
    created: str = "now() - interval '1 s' + n * interval '1 us'",
    ids: str = "gen_random_uuid()::text",
) -> None:
    """Insert so many commands; the texts are SQL in which n runs from 1.

    Raises:
        AssertionError: another number was inserted.
    """
    done = await connection.execute(
        "INSERT INTO device_commands (command_id, tenant_id, device_id, command_type, command_params, published_at,"
        f" expires_at, created_by, created_at) SELECT {ids}, '{TENANT}', {device}, '{kind}', jsonb_build_object('k', n),"
        f" {published}, {expires}, 'bench', {created} FROM generate_series(1, {count}) n", timeout=600,
    )  # fmt: skip
    assert done == f"INSERT 0 {count}", done


async def add_outbox(connection: Any, kind: str = "perf") -> None:
    """Let the commands of this kind wait for publication."""
    await connection.execute(
        "INSERT INTO device_console.outbox (tenant_id, command_id, device_id, created_at) SELECT tenant_id, command_id,"
        f" device_id, created_at FROM device_commands WHERE command_type = '{kind}' ORDER BY created_at", timeout=600,
    )  # fmt: skip


async def targets(connection: Any, where: str, seed: int = 1) -> list[Target]:
    """The commands like this, in a random order that is the same each time."""
    rows = await connection.fetch(
        f"SELECT device_id, command_id FROM device_commands WHERE {where} ORDER BY created_at"
    )
    found = [(row["device_id"], row["command_id"]) for row in rows]
    random.Random(seed).shuffle(found)
    return found


def write_answers(path: Path, answered: list[Target], *, timed: bool = False) -> None:
    """Lines for the pump; `timed` answers say when they were sent."""
    details = '{"t": @T@}' if timed else '{"uptime_s": 0}'
    path.write_text(
        "".join(
            f"tenant/{TENANT}/device/{device}/commands/ack\t"
            f'{{"command_id": "{command}", "status": "ok", "details": {details}}}\n'
            for device, command in answered
        )
    )


async def waits_ms(connection: Any, where: str = "true") -> list[float]:
    """From the sending of each timed answer to the commit of its row, in milliseconds."""
    rows = await connection.fetch(
        "SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) - (ack_details->'details'->>'t')::numeric)::float * 1000"
        f" AS ms FROM device_commands WHERE status = 'delivered' AND ack_details->'details' ? 't' AND {where}"
    )
    return [row["ms"] for row in rows]


async def bare_updates(connection: Any, answered: list[Target], batch: int = 500) -> None:
    """Answer commands with one UPDATE a batch, each its own commit.

    Raises:
        AssertionError: not every row was changed.
    """
    for first in range(0, len(answered), batch):
        part = answered[first : first + batch]
        done = await connection.execute(
            BARE_ACK, [TENANT] * len(part), [d for d, _ in part], [c for _, c in part], [ANSWER] * len(part)
        )
        assert done == f"UPDATE {len(part)}", done
