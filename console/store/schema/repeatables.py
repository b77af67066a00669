"""Which repeatable files must run: the objects of a file are replaced as a whole if the file changed.

The ledger records which text is in effect and which version of the program wrote it, so that an older
program beside a newer one does not revert it.

Decided in docs/decisions/0051-functions-once-and-a-new-beginning.md
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console import __version__
from console.errors import RefusedError
from console.store.schema.migration_files import FOLDER, Repeatable

_READ = "SELECT name, checksum, program FROM device_console.repeatables"
_WRITE = """
INSERT INTO device_console.repeatables (name, checksum, program) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, program = excluded.program, applied_at = now()
"""
# Only from the catalog: to_regclass fails if the login may not use the schema.
_EXISTS = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'device_console' AND c.relname = 'repeatables')
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """The ledger's entry for one file."""

    checksum: str
    program: str

    @property
    def is_newer(self) -> bool:
        """Whether a later version of the program than this one wrote it."""
        return _release(self.program) > _release(__version__)


async def applied(connection: Any) -> dict[str, Applied]:
    """Read the ledger; empty before our first migration."""
    if not await connection.fetchval(_EXISTS):
        return {}
    return {row["name"]: Applied(row["checksum"], row["program"]) for row in await connection.fetch(_READ)}


def changed(wanted: Sequence[Repeatable], known: Mapping[str, Applied]) -> tuple[Repeatable, ...]:
    """Return those whose text is not in effect yet, except where a newer program wrote it."""
    return tuple(
        file
        for file in wanted
        if file.name not in known
        or (known[file.name].checksum != file.checksum and not known[file.name].is_newer)
    )


def check_program(wanted: Sequence[Repeatable], known: Mapping[str, Applied]) -> None:
    """Refuse to migrate if a newer program has written the functions.

    Raises:
        RefusedError: it names both versions.
    """
    texts = {file.name: file.checksum for file in wanted}
    for name, row in known.items():
        if row.is_newer and texts.get(name) != row.checksum:
            raise RefusedError(
                f"The functions of this database ({FOLDER}/{name}) come from device-console {row.program}, "
                f"which is newer than this program ({__version__}): update the program."
            )


async def replace(connection: Any, file: Repeatable, timeout_s: float) -> None:
    """Run one file and record it, in the caller's transaction."""
    await connection.execute(file.sql, timeout=timeout_s)
    await connection.execute(_WRITE, file.name, file.checksum, __version__)


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
