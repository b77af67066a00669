"""Command types whose answers are progress words only."""

from dataclasses import dataclass

from console.domain.acks import answer_word
from console.store.pool import Database
from console.store.sql import query


@dataclass(frozen=True, slots=True)
class ProgressOnly:
    """A type, how many of its commands reported progress, and the last word of the newest one."""

    command_type: str
    commands: int
    word: str


async def progress_only(database: Database, tenant_id: str) -> tuple[ProgressOnly, ...]:
    """Return the types of a tenant whose only answers are progress words."""
    async with database.tenant_session(tenant_id) as connection:
        rows = await connection.fetch(query("progress_only"), tenant_id)
    return tuple(
        ProgressOnly(row["command_type"], row["commands"], answer_word(row["progress"]) or "?")
        for row in rows
    )
