"""Settling commands: acknowledgement batches and the sweep, as the worker role."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from console.domain.acks import Acknowledgement, LateAck, Outcome
from console.domain.events import Problem, ProblemKind
from console.errors import RowsLockedError
from console.store.pool import Connection, Database
from console.store.problems import record_problems
from console.store.sql import query

_PATIENCE = (
    "500ms"  # writers lock a command for milliseconds; a longer lock delays only the answers to that command
)
_LOCK_FIRST = "DCW01"  # raised by device_console.acknowledge_rest


@dataclass(frozen=True, slots=True)
class Place:
    """How far a pass of the sweep has come: upwards, downwards, and at which instant it last looked."""

    up: str = "-infinity"
    down: str = "infinity"
    since: str | None = None


BEGINNING = Place()


@dataclass(frozen=True, slots=True)
class Swept:
    """One committed batch of the sweep. `cursor` continues the pass; None ends it.

    `healed` is the number of answered commands whose status another program had reset. At the end of a pass,
    `due_s` is the time in seconds until the next deadline (negative if it has just passed, None without one),
    and `is_blocked` tells whether overdue commands were passed by: locked, leased, or with a kept answer.
    """

    missed: int
    expired: int
    cursor: Place | None
    lateness_s: float
    healed: int = 0
    due_s: float | None = None
    is_blocked: bool = False


def _lists(acks: Sequence[Acknowledgement]) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [a.tenant_id for a in acks],
        [a.device_id for a in acks],
        [a.command_id for a in acks],
        [a.ack_json for a in acks],
    )


def _outcomes(acks: Sequence[Acknowledgement], rows: Sequence[Any]) -> tuple[Outcome, ...]:
    """Return an outcome for each answer, in order; those without a row simply won."""
    if not rows:
        return (Outcome.ACKED,) * len(acks)
    others = {row["n"]: Outcome(row["outcome"]) for row in rows}
    return tuple(others.get(n, Outcome.ACKED) for n in range(1, len(acks) + 1))


async def _taken(
    connection: Connection, acks: Sequence[Acknowledgement], late_ack: LateAck
) -> tuple[Outcome, ...]:
    """Write progress words first, then final answers; return an outcome for each, in the order given.

    All rows are locked before: each statement locks in the order of the key, but two in a row do not.
    """
    progressing, ends = [a for a in acks if a.is_progress], [a for a in acks if not a.is_progress]
    progress: tuple[Outcome, ...] = ()
    ended: tuple[Outcome, ...] = ()
    if ends:
        await connection.execute(query("lock_commands"), *_names(acks))
    if progressing:
        progress = _outcomes(progressing, await connection.fetch(query("progressed"), *_lists(progressing)))
    if ends:
        accepts = late_ack is LateAck.ACCEPT
        ended = _outcomes(ends, await connection.fetch(query("acknowledge"), *_lists(ends), accepts))
    in_order = {True: iter(progress), False: iter(ended)}
    return tuple(next(in_order[ack.is_progress]) for ack in acks)


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
        if acks and not problems and not any(ack.is_progress for ack in acks):
            outcomes = await self._acknowledge_at_once(acks, late_ack)
            if outcomes is not None:
                return outcomes
        async with self._database.fleet_session(lock_wait=_PATIENCE) as connection:
            if await connection.fetchval(query("fence_answers"), self._lease) and acks:
                await _leave_to_the_kept(connection, acks)
            outcomes = await _taken(connection, acks, late_ack)
            if problems:
                await record_problems(connection, problems)
        return outcomes

    async def _acknowledge_at_once(
        self, acks: Sequence[Acknowledgement], late_ack: LateAck
    ) -> tuple[Outcome, ...] | None:
        """Commit an ordinary batch in one round trip; return None if its rows have to be locked first.

        Raises:
            RowsLockedError: as `acknowledge`.
        """
        accepts = late_ack is LateAck.ACCEPT
        async with self._database.fleet_statement() as connection:
            try:
                rows = await connection.fetch(
                    query("acknowledge_fenced"), self._lease, _PATIENCE, *_lists(acks), accepts
                )
            except asyncpg.PostgresError as error:
                if error.sqlstate != _LOCK_FIRST:
                    raise
                return None
        return _outcomes(acks, rows)

    async def keep_locked(self, acks: Sequence[Acknowledgement]) -> frozenset[int]:
        """Keep the answers to commands that are locked by others; return their positions in the list."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(query("keep_locked"), *_lists(acks))
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

    async def sweep(self, cursor: Place, limit: int) -> Swept:
        """Settle at most some `limit` overdue commands from `cursor` on, in one committed batch."""
        async with self._database.fleet_statement() as connection:
            row = await connection.fetchrow(query("sweep"), cursor.up, cursor.down, cursor.since, limit)
        return Swept(
            row["missed"],
            row["expired"],
            None if row["is_over"] else Place(row["up"], row["down"], row["until"]),
            float(row["lateness_s"]),
            row["healed"],
            row["due_s"],
            bool(row["is_blocked"]),
        )

    async def trim_ended(self, keep: int, age_s: float) -> int:
        """Keep the newest `keep` records of which commands ended, none older than `age_s` seconds."""
        async with self._database.fleet_statement() as connection:
            return int(await connection.fetchval(query("trim_ended"), keep, age_s))

    async def trim_problems(self, keep: int) -> int:
        """Keep the newest `keep` problems of each tenant."""
        async with self._database.fleet_session() as connection:
            return int(await connection.fetchval(query("trim_problems"), keep))
