"""Settling commands: acknowledgement batches and the sweep, as the worker role."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.domain.acks import Acknowledgement, LateAck, Outcome
from console.domain.events import Problem
from console.store.leases import fence
from console.store.pool import Connection, Database
from console.store.problems import record_problems
from console.store.sql import query

BEGINNING = "-infinity"
_PATIENCE = (
    "500ms"  # writers hold a command for milliseconds; whoever holds one longer holds up its own answers only
)


@dataclass(frozen=True, slots=True)
class Swept:
    """One committed batch of the sweep. `cursor` continues the pass; None ends it.

    `healed` were answered before; another program had written their status back.
    """

    missed: int
    expired: int
    cursor: str | None
    lateness_s: float
    healed: int = 0


async def _outcomes(
    connection: Connection, function: str, acks: Sequence[Acknowledgement], *more: object
) -> Iterator[Outcome]:
    """Call one of the two functions that take answers; an outcome for each, in order."""
    if not acks:
        return iter(())
    rows = await connection.fetch(
        query(function),
        [a.tenant_id for a in acks],
        [a.device_id for a in acks],
        [a.command_id for a in acks],
        [a.ack_json for a in acks],
        *more,
    )
    return iter([Outcome(row["outcome"]) for row in sorted(rows, key=lambda row: row["n"])])


class SettlementStore:
    """The only writer of final statuses, cancel aside.

    With a lease, `acknowledge` writes only while that lease holds: a process that was stopped for a while and
    goes on commits nothing that its successor has taken over.
    """

    def __init__(self, database: Database, lease: int | None = None) -> None:
        self._database = database
        self._lease = lease

    async def acknowledge(
        self, acks: Sequence[Acknowledgement], problems: Sequence[Problem], late_ack: LateAck
    ) -> tuple[Outcome, ...]:
        """Commit one batch and its problems in one transaction; return an outcome for each ACK, in order.

        Raises:
            RowsLockedError: somebody has locked one of the commands: see `keep_locked`.
        """
        async with self._database.fleet_session(lock_wait=_PATIENCE) as connection:
            await fence(connection, self._lease)
            progress = await _outcomes(connection, "progressed", [a for a in acks if a.is_progress])
            ends = [a for a in acks if not a.is_progress]
            ended = await _outcomes(connection, "acknowledge", ends, late_ack is LateAck.ACCEPT)
            if problems:
                await record_problems(connection, problems)
        return tuple(next(progress if ack.is_progress else ended) for ack in acks)

    async def keep_locked(self, acks: Sequence[Acknowledgement]) -> frozenset[int]:
        """Keep the answers to commands that somebody has locked; return their places in the list."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(
                query("keep_locked"),
                [a.tenant_id for a in acks],
                [a.device_id for a in acks],
                [a.command_id for a in acks],
                [a.ack_json for a in acks],
            )
        return frozenset(row["n"] - 1 for row in rows)

    async def kept(self, limit: int) -> tuple[tuple[int, Acknowledgement], ...]:
        """The oldest kept answers whose commands nobody has locked now, with their numbers."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(query("kept"), limit)
        return tuple(
            (r["answer_id"], Acknowledgement(r["tenant_id"], r["device_id"], r["command_id"], r["ack"]))
            for r in rows
        )

    async def forget_kept(self, answers: Sequence[int]) -> None:
        """Drop kept answers that were taken."""
        async with self._database.fleet_session() as connection:
            await connection.execute(query("forget_kept"), list(answers))

    async def record(self, problems: Sequence[Problem]) -> None:
        """Count problems in a transaction of their own."""
        if problems:
            async with self._database.fleet_session() as connection:
                await record_problems(connection, problems)

    async def sweep(self, cursor: str, limit: int) -> Swept:
        """Settle at most `limit` overdue commands from `cursor` on, in one committed batch."""
        async with self._database.fleet_session() as connection:
            row = await connection.fetchrow(query("sweep"), cursor, limit)
        return Swept(
            row["missed"], row["expired"], row["next_cursor"], float(row["lateness_s"]), row["healed"]
        )

    async def next_deadline(self) -> float | None:
        """Seconds until the next queued command is overdue, negative when one is; None without any."""
        async with self._database.fleet_session() as connection:
            value = await connection.fetchval(query("next_deadline"))
        return None if value is None else float(value)

    async def trim_problems(self, keep: int) -> int:
        """Keep the newest `keep` problems of each tenant."""
        async with self._database.fleet_session() as connection:
            return int(await connection.fetchval(query("trim_problems"), keep))
