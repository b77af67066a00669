"""The platform's command catalogue, where a database has one."""

from collections.abc import Sequence

import asyncpg

from console.domain.catalogue import Catalogue, CatalogueEntry
from console.store.failures import translated
from console.store.pool import Database
from console.store.sql import query

LONGEST_SCHEMA = 32_768
_ABSENT = (
    asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError,
    asyncpg.InsufficientPrivilegeError,
)  # fmt: skip


class CatalogueStore:
    """Reads ``template_commands`` as the operator role; a database without it has an empty catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._absent = False

    async def of_devices(self, tenant_id: str, device_ids: Sequence[str]) -> Catalogue:
        """What the models of these devices list; schemas beyond 32 KiB are left out."""
        if self._absent:
            return Catalogue()
        try:
            with translated():
                async with self._database.tenant_session(tenant_id) as connection:
                    rows = await connection.fetch(
                        query("catalogue"), tenant_id, list(device_ids), LONGEST_SCHEMA
                    )
        except Exception as error:
            if isinstance(error.__cause__, _ABSENT):
                self._absent = True
                return Catalogue()
            raise
        return Catalogue(
            tuple(
                CatalogueEntry(
                    row["template_id"], row["command_key"], row["display_name"] or "",
                    row["params_schema"], row["answer_schema"],
                )
                for row in rows
            ),
            tuple({row["template_id"]: row["devices"] for row in rows}.items()),
        )  # fmt: skip
