"""The platform's command catalogue, where a database has one."""

from collections.abc import Sequence
from typing import Any

from console.domain.catalogue import Catalogue, CatalogueEntry
from console.store.pool import Connection, Database
from console.store.shape import Shape, read_shaped
from console.store.sql import query

LONGEST_SCHEMA = 32_768
_NEEDED = ("template_id", "command_key", "display_name", "parameters_schema", "response_schema")


class CatalogueStore:
    """Reads ``template_commands`` as the operator role; without that table the catalogue is empty."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_devices(self, tenant_id: str, device_ids: Sequence[str]) -> Catalogue:
        """Return what the models of these devices list; schemas larger than 32 KiB are left out."""

        async def read(connection: Connection, shape: Shape) -> list[Any]:
            sql = _statement(shape)
            found = await connection.fetch(sql, tenant_id, list(device_ids), LONGEST_SCHEMA) if sql else []
            return list(found)

        rows = await read_shaped(self._database, tenant_id, read)
        return Catalogue(
            tuple(
                CatalogueEntry(
                    row["template_id"], row["command_key"], row["display_name"] or "",
                    row["params_schema"], row["answer_schema"], row["description"] or "", row["danger"],
                )
                for row in rows
            ),
            tuple({row["template_id"]: row["devices"] for row in rows}.items()),
        )  # fmt: skip


def _statement(shape: Shape) -> str:
    """Return the statement for this database; empty if it has no catalogue."""
    if not (shape.has("device_registry", "template_id") and shape.has("template_commands", *_NEEDED)):
        return ""
    description = "left(c.description, 2000)" if shape.has("template_commands", "description") else "NULL"
    order = "c.sort_order, " if shape.has("template_commands", "sort_order") else ""
    return query("catalogue").replace("/*description*/", description).replace("/*order*/", order)
