"""Problem records, which operators should see: counted, and limited in number."""

from collections.abc import Sequence
from typing import Any

from console.domain.events import Problem, ProblemKind
from console.domain.filters.language import Filter
from console.store.filter_sql import conditions
from console.store.pool import Connection, Database
from console.store.sql import query


class ProblemStore:
    """Reads problems as the operator, records them as the worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, tenant_id: str, wanted: Filter, limit: int, before: Problem | None = None
    ) -> tuple[Problem, ...]:
        """Return the newest problems of a tenant, or those after the last one of a page."""
        terms = conditions(wanted, 6)
        key = (before.last_at, before.kind, before.device_id, before.key) if before else (None,) * 4
        sql = query("problems_page").replace("/*where*/", terms.sql)
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(sql, tenant_id, limit, *key, *terms.parameters)
        return tuple(
            Problem(
                tenant_id=r["tenant_id"],
                kind=ProblemKind(r["kind"]) if r["kind"] in set(ProblemKind) else ProblemKind.LINK,
                device_id=r["device_id"],
                command_id="" if _is_reason(r) else r["command_id"],
                reason=r["command_id"][1:] if _is_reason(r) else "",
                detail=r["detail"],
                count=r["count"],
                first_at=r["first_at"],
                last_at=r["last_at"],
            )
            for r in rows
        )

    async def record(self, problems: Sequence[Problem]) -> None:
        """Count these problems in one transaction."""
        if problems:
            async with self._database.fleet_session() as connection:
                await record_problems(connection, problems)

    async def trim(self, keep: int) -> int:
        """Keep the newest `keep` problems of each tenant; return how many were deleted."""
        async with self._database.fleet_session() as connection:
            return int(await connection.fetchval(query("trim_problems"), keep))


async def record_problems(connection: Connection, problems: Sequence[Problem]) -> None:
    """Count problems as part of a larger transaction. NULs, which PostgreSQL cannot store, are replaced."""
    await connection.execute(
        query("record_problems"),
        [_storable(p.tenant_id) for p in problems],
        [p.kind.value for p in problems],
        [_storable(p.device_id) for p in problems],
        [_storable(p.key) for p in problems],
        [_storable(p.detail) for p in problems],
    )


def _is_reason(row: Any) -> bool:
    """Return whether the row has a reason in place of a command id: see `Problem.key`."""
    return row["kind"] == ProblemKind.MALFORMED_ACK and str(row["command_id"]).startswith("/")


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
