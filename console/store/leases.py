"""The leases of the long jobs: taken, renewed by beats and given back as the worker role; anyone may look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from console.store.pool import Connection, Database
from console.store.processes import has_ended
from console.store.sql import query

DISPATCH = "dispatch"
SWEEP = "sweep"
SIMULATOR = "simulator"
WAITING_FOR_INGEST = "waiting for ingest"
BEAT_EVERY_S = 3.0
STALE_AFTER_S = 10.0


def ingest_role(slot: int) -> str:
    """The role of one ingest slot; slot 0 is the one that every deployment has."""
    return f"ingest {slot}"


@dataclass(frozen=True, slots=True)
class Holder:
    """One process with one role. `beat_age_s` is the age of its last sign of life, by the database's clock.

    One without a sign of life for ten seconds `is_stale`: it holds nothing, and the next to ask takes over.
    One of this machine whose process is gone `has_ended`.
    `link` is the protocol that its connection to the broker speaks, "" while it has none.
    """

    role: str
    program: str
    host: str
    pid: int
    link: str
    held_s: float
    beat_age_s: float
    is_stale: bool
    has_ended: bool

    @property
    def is_alive(self) -> bool:
        """Whether it holds its role, as far as anybody can tell."""
        return not self.is_stale and not self.has_ended


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks for a lease: one run of one program. `machine` is where its process number means something."""

    holder: UUID
    program: str
    host: str
    pid: int
    machine: str


@dataclass(frozen=True, slots=True)
class Owner:
    """A holder as processes of the same machine see it."""

    token: int
    pid: int
    machine: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A role that is ours now. `was_silent`: its last holder gave no sign of life, but may live."""

    token: int
    was_silent: bool


class LeaseStore:
    """What a process asks of the table of leases. Tokens rise: an older one never counts again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, role: str, identity: Identity, dead: Sequence[int], *, shared: bool) -> Taken | None:
        """Take a role; None while somebody else holds it. `dead` are leases of processes that have ended.

        Raises:
            CopyError: this database is a copy of the one in which the workers run.
        """
        asks = (identity.holder, shared, identity.program, identity.host, identity.pid, identity.machine)
        async with self._database.fleet_session() as connection:
            row = await connection.fetchrow(query("lease_take"), role, *asks, list(dead))
        return None if row["token"] is None else Taken(row["token"], row["was_silent"])

    async def owners(self, role: str) -> tuple[Owner, ...]:
        """Who holds a role, alive or not."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(query("lease_owners"), role)
        return tuple(Owner(row["token"], row["pid"], row["machine"]) for row in rows)

    async def beat(self, links: Mapping[int, str]) -> frozenset[int]:
        """Renew these tokens, each with what its link to the broker speaks; return those that hold."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(query("lease_beat"), list(links), list(links.values()))
        return frozenset(row["token"] for row in rows)

    async def give(self, tokens: Sequence[int]) -> None:
        """Give leases back, so that nobody has to wait for them to become stale."""
        async with self._database.fleet_session() as connection:
            await connection.execute(query("lease_give"), list(tokens))

    async def resumed(self, token: int, slot: int) -> None:
        """Note that the answers of a slot are read again.

        Raises:
            LeaseLostError: somebody else holds the slot by now.
        """
        async with self._database.fleet_session() as connection:
            await connection.execute(query("lease_ingest_resumed"), token, slot)


async def is_original(database: Database, *, accept: bool = False) -> bool:
    """Whether workers may run here, and not in the database that this one is a copy of."""
    async with database.fleet_session() as connection:
        return bool(await connection.fetchval(query("is_original"), accept))


async def fence(connection: Connection, token: int | None) -> None:
    """Make the transaction at hand one that only the holder of this lease can commit.

    Raises:
        LeaseLostError: somebody else holds it by now.
    """
    if token is not None:
        await connection.execute(query("lease_fence"), token)


async def lease_holders(database: Database) -> tuple[Holder, ...]:
    """Read who holds which role, as any operator may."""
    async with database.tenant_session("") as connection:
        rows = await connection.fetch(query("lease_holders"))
    return tuple(_holder(row) for row in rows)


def _holder(row: Any) -> Holder:
    return Holder(
        row["role"], row["program"], row["host"], row["pid"], row["link"],
        row["held_s"], row["beat_age_s"], row["is_stale"], has_ended(row["pid"], row["machine"]),
    )  # fmt: skip


def is_alive(holders: Sequence[Holder], role: str) -> bool:
    """Whether a process that gives signs of life holds this role."""
    return any(holder.role == role and holder.is_alive for holder in holders)
