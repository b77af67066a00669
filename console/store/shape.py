"""The optional tables and columns that a database has: looked up, not detected by errors.

Decided in docs/decisions/0049-what-the-registry-holds.md
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

import asyncpg

from console.errors import ConsoleError
from console.store.pool import Connection, Database
from console.store.sql import query

_KNOWN_FOR_S = 60.0
_CHANGED = (  # a table, column, kind or right has changed since it was looked up
    asyncpg.SyntaxOrAccessError, asyncpg.InvalidTextRepresentationError, asyncpg.InvalidCachedStatementError,
)  # fmt: skip
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns that may be read, as ``table.column``."""

    columns: frozenset[str] = frozenset()

    def has(self, table: str, *columns: str) -> bool:
        """Return whether the table has all of these columns."""
        return all(f"{table}.{column}" in self.columns for column in columns)

    @property
    def has_events(self) -> bool:
        """Whether an index finds the newest connection event of a device."""
        return self.has("device_connection_events", "tenant_id", "device_id", "timestamp", "by device")

    @property
    def has_templates(self) -> bool:
        return self.has("device_registry", "template_id") and self.has("device_templates", "id", "name")


@dataclass(frozen=True, slots=True)
class _Known:
    shape: Shape
    until: float


BARE = Shape()
_KNOWN: WeakKeyDictionary[Database, _Known] = WeakKeyDictionary()


async def read_shaped(
    database: Database, tenant_id: str, read: Callable[[Connection, Shape], Awaitable[T]]
) -> T:
    """Read in one transaction of the tenant, with statements built for the database's shape.

    The shape is looked up once a minute; a statement that meets another one is built again and run once more.

    Raises:
        ConsoleError: as for any session of the tenant.
    """
    try:
        return await _read(database, tenant_id, read)
    except ConsoleError as error:
        if not isinstance(error.__cause__, _CHANGED):
            raise
    _KNOWN.pop(database, None)
    return await _read(database, tenant_id, read)


async def _read(database: Database, tenant_id: str, read: Callable[[Connection, Shape], Awaitable[T]]) -> T:
    async with database.tenant_session(tenant_id) as connection:
        return await read(connection, await _shape(database, connection))


async def _shape(database: Database, connection: Connection) -> Shape:
    known = _KNOWN.get(database)
    if known is None or known.until < time.monotonic():
        columns = await connection.fetchval(query("platform_shape"))
        known = _Known(Shape(frozenset(columns)), time.monotonic() + _KNOWN_FOR_S)
        _KNOWN[database] = known
    return known.shape
