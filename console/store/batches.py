"""Batches of one tenant: recording, committing in parts, stopping, and reading their progress."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg

from console.domain.acks import answer_word
from console.domain.answer_groups import gather
from console.domain.batches import (
    RETRIED,
    Batch,
    BatchDraft,
    BatchView,
    InFlight,
    Preview,
    Unsent,
    member_id,
    member_ids,
)
from console.domain.commands import Phase
from console.domain.filters.language import Filter
from console.errors import DataRefusedError
from console.store.audit import AuditLog
from console.store.filter_sql import conditions
from console.store.pool import Database
from console.store.sql import query

_CANCELLED_AT_ONCE = 1_000
_NOTHING = "INSERT 0 0"
_PASSING_BY = "/*passing by*/"
_ON_CONFLICT = "ON CONFLICT (tenant_id, command_id) DO NOTHING"


class BatchStore:
    """Reads and writes batches as the operator role."""

    def __init__(self, database: Database, *, audit: bool = True) -> None:
        self._database = database
        self._audit = AuditLog(on=audit)

    async def begin(
        self, tenant_id: str, draft: BatchDraft, device_ids: Sequence[str], retried: Sequence[str | None]
    ) -> None:
        """Record the batch and its devices; doing it again changes nothing."""
        repeats = list(retried) if any(retried) else None
        async with self._database.tenant_session(tenant_id) as connection:
            done = await connection.execute(
                query("batch_begin"), tenant_id, draft.batch_id, draft.command_type, draft.params_json,
                draft.ttl.total_seconds(), draft.target, draft.wanted, draft.retry_of, draft.created_by,
                list(device_ids), repeats,
            )  # fmt: skip
            if done != _NOTHING:
                await self._audit.batch(connection, draft.batch_id)

    async def rest(self, tenant_id: str, batch_id: str) -> tuple[tuple[str, str | None], ...]:
        """Return the devices that can still get the batch's command, each with the command to repeat."""
        rest, _ = await self._without(tenant_id, batch_id, sendable=True)
        return rest

    async def unsent(self, tenant_id: str, batch_id: str) -> Unsent:
        """Return the devices of the batch that have no command of it."""
        waiting, _ = await self._without(tenant_id, batch_id, sendable=True)
        refused, deleted = await self._without(tenant_id, batch_id, sendable=False)
        return Unsent(tuple(device for device, _ in waiting), tuple(device for device, _ in refused), deleted)

    async def outcomes(self, tenant_id: str, batch_ids: Sequence[str]) -> dict[str, dict[Phase, int]]:
        """Count the commands of some batches by phase; each command of them is looked up."""
        found: dict[str, dict[Phase, int]] = {batch_id: {} for batch_id in batch_ids}
        async with self._database.tenant_session(tenant_id) as connection:
            for row in await connection.fetch(query("batch_outcomes"), tenant_id, list(batch_ids)):
                found[row["batch_id"]][Phase(row["phase"])] = row["commands"]
        return found

    async def _without(
        self, tenant_id: str, batch_id: str, *, sendable: bool
    ) -> tuple[tuple[tuple[str, str | None], ...], int]:
        """Return the devices without a command of the batch, and how many had one that was deleted since."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("batch_rest"), tenant_id, batch_id, sendable)
            gone = {
                row["command_id"] for row in await connection.fetch(query("batch_gone"), tenant_id, batch_id)
            }
        rest = tuple(
            (row["device_id"], row["retried"])
            for row in rows
            if not gone or _member(batch_id, row["device_id"]) not in gone
        )
        return rest, len(gone)

    async def insert(
        self, tenant_id: str, draft: BatchDraft, device_ids: Sequence[str], retried: Sequence[str | None]
    ) -> int:
        """Commit the batch's commands to these devices; return how many of them are rows now."""
        piece = (
            tenant_id, draft.batch_id, member_ids(draft.batch_id, device_ids), list(device_ids),
            list(retried), draft.command_type, draft.params_json, draft.ttl.total_seconds(), draft.created_by,
        )  # fmt: skip
        sql = query("batch_insert")
        try:
            return await self._insert(tenant_id, sql, piece)
        except DataRefusedError as error:
            if not isinstance(error.__cause__, asyncpg.UniqueViolationError):
                raise
        return await self._insert(tenant_id, sql.replace(_PASSING_BY, _ON_CONFLICT), piece)

    async def _insert(self, tenant_id: str, sql: str, piece: Sequence[object]) -> int:
        async with self._database.tenant_session(tenant_id) as connection:
            return int(await connection.fetchval(sql, *piece))

    async def stop(self, tenant_id: str, batch_id: str, by: str) -> int:
        """Stop committing, and cancel what is not published; return the number of cancelled commands."""
        async with self._database.tenant_session(tenant_id) as connection:
            if await connection.fetchval(query("batch_stop"), tenant_id, batch_id, by) is not None:
                await self._audit.batch(connection, batch_id)
        total = 0
        while True:
            async with self._database.tenant_session(tenant_id) as connection:
                found = int(
                    await connection.fetchval(
                        query("batch_cancel"), tenant_id, batch_id, by, _CANCELLED_AT_ONCE
                    )
                )
            total += found
            if not found:
                return total

    async def page(
        self, tenant_id: str, wanted: Filter, limit: int, before: Batch | None = None
    ) -> tuple[Batch, ...]:
        """Return the newest batches that match, or those after the last one of a page."""
        terms = conditions(wanted, 5)
        key = (before.created_at, before.batch_id) if before else (None, None)
        sql = query("batches_page").replace("/*where*/", terms.sql)
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(sql, tenant_id, None, limit, *key, *terms.parameters)
        return tuple(_batch(row) for row in rows)

    async def view(self, tenant_id: str, batch_id: str) -> BatchView | None:
        """Return one batch and its progress, or None."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("batches_page"), tenant_id, batch_id, 1, None, None)
            if row is None:
                return None
            found = await connection.fetch(query("batch_groups"), tenant_id, batch_id)
        exact = [(Phase(g["phase"]), g["answer_json"], int(g["devices"]), tuple(g["sample"])) for g in found]
        phases: dict[Phase, int] = {}
        for phase, _, count, _ in exact:
            phases[phase] = phases.get(phase, 0) + count
        batch = _batch(row)
        return BatchView(batch, phases, gather(exact), row["read_at"])

    async def devices(
        self, tenant_id: str, batch_id: str, phases: Sequence[Phase], answers: Sequence[str]
    ) -> tuple[tuple[str, str, str | None], ...]:
        """Return device, command and later word of those in the phases, with one of the answers if given."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(
                query("batch_devices"), tenant_id, batch_id, [p.value for p in phases], list(answers)
            )
        return tuple((row["device_id"], row["command_id"], answer_word(row["later"])) for row in rows)

    async def preview(self, tenant_id: str, device_ids: Sequence[str], command_type: str) -> Preview:
        """Return which devices a send would reach."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("send_preview"), tenant_id, list(device_ids), command_type)
        newest = row["newest_device"]
        bad = {phase: row[phase.value] for phase in RETRIED if row[phase.value]}
        return Preview(
            total=row["total"],
            forbidden=row["forbidden"],
            links={link: row[link] for link in ("online", "stale", "offline", "unknown") if row[link]},
            in_flight=row["in_flight"],
            same_in_flight=row["same_in_flight"],
            newest=(
                InFlight(newest, row["newest_type"], row["newest_by"], row["newest_at"])
                if newest is not None
                else None
            ),
            last_latency=row["last_took"],
            last_acked_at=row["last_acked_at"],
            read_at=row["read_at"],
            bad=dict(sorted(bad.items(), key=lambda item: -item[1])),
            bad_since=row["bad_since"],
            models=frozenset(row["models"]),
        )


def _batch(row: Any) -> Batch:
    draft = BatchDraft(
        batch_id=row["batch_id"],
        command_type=row["command_type"],
        params_json=row["params_json"],
        ttl=timedelta(seconds=row["ttl_s"]),
        target=row["target"],
        wanted=row["wanted"],
        created_by=row["created_by"],
        retry_of=row["retry_of"],
    )
    return Batch(draft, row["created_at"], row["stopped_at"], row["stopped_by"])


def _member(batch_id: str, device_id: str) -> str | None:
    """Return the id of a device's command of a batch; None for a batch that no console created."""
    try:
        return member_id(batch_id, device_id)
    except ValueError:
        return None
