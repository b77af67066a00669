"""Settling commands: acknowledgement batches and the sweep, as the worker role."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from console.domain.acks import Acknowledgement, LateAck, Outcome
from console.domain.events import Problem, ProblemKind
from console.errors import RowsLockedError
from console.store.pool import Connection, Database
from console.store.problems import record_problems
from console.store.sql import query

BEGINNING = "-infinity"
_PATIENCE = (
    "500ms"  # writers lock a command for milliseconds; a longer lock delays only the answers to that command
)


@dataclass(frozen=True, slots=True)
class Swept:
    """One committed batch of the sweep. `cursor` continues the pass; None ends it.

    `healed` is the number of answered commands whose status another program had reset.
    """

    missed: int
    expired: int
    cursor: str | None
    lateness_s: float
    healed: int = 0


async def _outcomes(
    connection: Connection, function: str, acks: Sequence[Acknowledgement], *more: object
) -> Iterator[Outcome]:
    """Call one of the two functions that take answers; return an outcome for each, in order."""
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


async def _taken(
    connection: Connection, acks: Sequence[Acknowledgement], late_ack: LateAck
) -> tuple[Outcome, ...]:
    """Write progress words first, then final answers; return an outcome for each, in the order given."""
    progressing, ends = [a for a in acks if a.is_progress], [a for a in acks if not a.is_progress]
    if progressing and ends:  # each statement locks in the order of the key, but two in a row do not
        await connection.execute(query("lock_commands"), *_names(acks))
    progress = await _outcomes(connection, "progressed", progressing)
    ended = await _outcomes(connection, "acknowledge", ends, late_ack is LateAck.ACCEPT)
    return tuple(next(progress if ack.is_progress else ended) for ack in acks)


async def _leave_to_the_kept(connection: Connection, acks: Sequence[Acknowledgement]) -> None:
    """Make sure that no answer overtakes an earlier, kept one to the same command.

    Raises:
        RowsLockedError: one of these answers would.
    """
    if await connection.fetchval(query("has_kept"), *_names(acks)):
        raise RowsLockedError("An earlier answer to one of these commands is kept.")


def _names(acks: Sequence[Acknowledgement]) -> tuple[list[str], list[str]]:
    return [a.tenant_id for a in acks], [a.command_id for a in acks]


def _kept(row: Any, *, is_progress: bool) -> Acknowledgement:
    return Acknowledgement(
        row["tenant_id"], row["device_id"], row["command_id"], row["ack"], is_progress=is_progress
    )


class SettlementStore:
    """The only writer of final statuses, except by a cancel.

    With a lease, `acknowledge` writes only while that lease is valid: a process that was suspended and
    resumed commits nothing that its successor has taken over.
    """

    def __init__(self, database: Database, lease: int | None = None) -> None:
        self._database = database
        self._lease = lease

    async def acknowledge(
        self, acks: Sequence[Acknowledgement], problems: Sequence[Problem], late_ack: LateAck
    ) -> tuple[Outcome, ...]:
        """Commit one batch and its problems in one transaction; return an outcome for each ACK, in order.

        Raises:
            RowsLockedError: one of the commands is locked, or an earlier answer to one is kept: see
                `keep_locked`.
        """
        async with self._database.fleet_session(lock_wait=_PATIENCE) as connection:
            if await connection.fetchval(query("fence_answers"), self._lease) and acks:
                await _leave_to_the_kept(connection, acks)
            outcomes = await _taken(connection, acks, late_ack)
            if problems:
                await record_problems(connection, problems)
        return outcomes

    async def keep_locked(self, acks: Sequence[Acknowledgement]) -> frozenset[int]:
        """Keep the answers to commands that are locked by others; return their positions in the list."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(
                query("keep_locked"),
                [a.tenant_id for a in acks],
                [a.device_id for a in acks],
                [a.command_id for a in acks],
                [a.ack_json for a in acks],
            )
        return frozenset(row["n"] - 1 for row in rows)

    async def take_kept(
        self,
        limit: int,
        is_progress: Callable[[str], bool],
        late_ack: LateAck,
        noted: Callable[[Acknowledgement, Outcome], Sequence[Problem]],
    ) -> tuple[Acknowledgement, ...]:
        """Take the oldest kept answers whose commands are not locked, at most `limit`, in one transaction.

        The commands are locked from the check to the commit, so that no other process takes the same answers.

        Raises:
            DataRefusedError: PostgreSQL refuses one of them; nothing was taken.
        """
        async with self._database.fleet_session(lock_wait=_PATIENCE) as connection:
            rows = await connection.fetch(query("kept"), limit)
            acks = [_kept(row, is_progress=is_progress(row["ack"])) for row in rows]
            if acks:
                outcomes = await _taken(connection, acks, late_ack)
                found = [p for pair in zip(acks, outcomes, strict=True) for p in noted(*pair)]
                if found:
                    await record_problems(connection, found)
                await connection.execute(query("forget_kept"), [row["answer_id"] for row in rows])
        return tuple(acks)

    async def refuse_kept(self, why: str) -> None:
        """Delete the oldest kept answer that could be taken, and record why it was refused."""
        async with self._database.fleet_session() as connection:
            for row in await connection.fetch(query("kept"), 1):
                ack = _kept(row, is_progress=False)
                detail = f"{why} {ack.ack_json}"[:1_000]
                refused = Problem(
                    ack.tenant_id, ProblemKind.MALFORMED_ACK, ack.device_id, ack.command_id, detail
                )
                await record_problems(connection, [refused])
                await connection.execute(query("forget_kept"), [row["answer_id"]])

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
        """Return seconds until the next queued command is overdue, negative if one is; None without one."""
        async with self._database.fleet_session() as connection:
            value = await connection.fetchval(query("next_deadline"))
        return None if value is None else float(value)

    async def trim_problems(self, keep: int) -> int:
        """Keep the newest `keep` problems of each tenant."""
        async with self._database.fleet_session() as connection:
            return int(await connection.fetchval(query("trim_problems"), keep))
