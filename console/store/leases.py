"""The leases of the long jobs: taken, renewed and given back as the worker role; any operator may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from console.store.pool import Connection, Database
from console.store.processes import has_ended
from console.store.sql import query

DISPATCH = "dispatch"
SWEEP = "sweep"
RETENTION = "retention"
SIMULATOR = "simulator"
WAITING_FOR_INGEST = "waiting for ingest"
BEAT_EVERY_S = 3.0
STALE_AFTER_S = 10.0


def ingest_role(slot: int) -> str:
    """Return the role of one ingest slot; every deployment has slot 0."""
    return f"ingest {slot}"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process with one role. `beat_age_s` is the age of its last sign of life, by the database's clock.

    `is_stale`: it gave no sign of life for ten seconds, has lost its role, and the next process can take it.
    `has_ended`: it ran on this machine, and its process no longer exists.
    `link` is the protocol of its connection to the broker, "" while it has none.
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
        """Whether it holds its role, as far as is known."""
        return not self.is_stale and not self.has_ended


@dataclass(frozen=True, slots=True)
class Identity:
    """One run of a program, as holder of leases. `machine` is where its process number is valid."""

    holder: UUID
    program: str
    host: str
    pid: int
    machine: str


@dataclass(frozen=True, slots=True)
class Owner:
    """The holder of a lease as seen by processes of the same machine."""

    token: int
    pid: int
    machine: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A role that we have taken. `was_silent`: its last holder gave no sign of life, but may be running."""

    token: int
    was_silent: bool


class LeaseStore:
    """Takes, renews and gives back leases. Tokens only increase: an older one is never valid again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, role: str, identity: Identity, dead: Sequence[int], *, shared: bool) -> Taken | None:
        """Take a role; return None while another process holds it. `dead` are leases of ended processes.

        Raises:
            CopyError: this database is a copy of the one in which the workers run.
        """
        asks = (identity.holder, shared, identity.program, identity.host, identity.pid, identity.machine)
        async with self._database.fleet_session() as connection:
            row = await connection.fetchrow(query("lease_take"), role, *asks, list(dead))
        return None if row["token"] is None else Taken(row["token"], row["was_silent"])

    async def owners(self, role: str) -> tuple[Owner, ...]:
        """Return the holders of a role, alive or not."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(query("lease_owners"), role)
        return tuple(Owner(row["token"], row["pid"], row["machine"]) for row in rows)

    async def beat(self, links: Mapping[int, str]) -> frozenset[int]:
        """Renew these tokens, each with the protocol of its link to the broker; return those still valid."""
        async with self._database.fleet_session() as connection:
            rows = await connection.fetch(query("lease_beat"), list(links), list(links.values()))
        return frozenset(row["token"] for row in rows)

    async def give(self, tokens: Sequence[int]) -> None:
        """Give leases back, so that no process has to wait for them to become stale."""
        async with self._database.fleet_session() as connection:
            await connection.execute(query("lease_give"), list(tokens))

    async def resumed(self, token: int, slot: int) -> None:
        """Record that the answers of a slot are read again.

        Raises:
            LeaseLostError: another process now holds the slot.
        """
        async with self._database.fleet_session() as connection:
            await connection.execute(query("lease_ingest_resumed"), token, slot)


async def is_original(database: Database, *, accept: bool = False) -> bool:
    """Return whether workers may run here, because this is the original database and not a copy."""
    async with database.fleet_session() as connection:
        return bool(await connection.fetchval(query("is_original"), accept))


async def fence(connection: Connection, token: int | None) -> None:
    """Make the current transaction one that only the holder of this lease can commit.

    Raises:
        LeaseLostError: another process now holds it.
    """
    if token is not None:
        await connection.execute(query("lease_fence"), token)


async def lease_holders(database: Database) -> tuple[Holder, ...]:
    """Read the holder of every role; any operator may."""
    async with database.tenant_session("") as connection:
        rows = await connection.fetch(query("lease_holders"))
    return tuple(_holder(row) for row in rows)


def _holder(row: Any) -> Holder:
    return Holder(
        row["role"], row["program"], row["host"], row["pid"], row["link"],
        row["held_s"], row["beat_age_s"], row["is_stale"], has_ended(row["pid"], row["machine"]),
    )  # fmt: skip


def is_alive(holders: Sequence[Holder], role: str) -> bool:
    """Return whether a process that gives signs of life holds this role."""
    return any(holder.role == role and holder.is_alive for holder in holders)
