"""What the console uses of other programs' tables: the columns, their kinds, and the purpose.

Nothing else is required: a platform may add columns, widen types and allow more values.

Decided in docs/decisions/0043-only-what-is-used.md
"""

from dataclasses import dataclass
from typing import Any

_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace('public') AND c.relname = ANY ($1::text[])
  AND c.relkind IN ('r', 'p', 'v', 'f')
"""
KINDS = {
    "text": ("text", "character varying", "character"),
    "timestamp with time zone": ("timestamp with time zone",),
    "jsonb": ("jsonb",),
}
_TIME = "timestamp with time zone"


@dataclass(frozen=True, slots=True)
class Use:
    """The columns of one table, with their kinds, and what does not work without them."""

    table: str
    columns: dict[str, str]
    purpose: str


def _texts(*columns: str) -> dict[str, str]:
    return dict.fromkeys(columns, "text")


USES = (
    Use("tenants", _texts("tenant_id", "name", "status"), "to name the tenant and refuse suspended ones"),
    Use("device_registry", _texts("tenant_id", "device_id"), "to find devices and refuse unknown ones"),
    Use("device_registry", _texts("status"), "to show how a device is registered"),
    Use("device_registry", {"decommissioned_at": _TIME}, "to send nothing to decommissioned devices"),
    Use("device_registry", _texts("site_id", "model", "fw_version"), "to list and filter devices"),
    Use("device_state", _texts("tenant_id", "device_id", "status"), "to show whether devices are online"),
    Use("device_state", {"last_seen_at": _TIME}, "to show when devices were last heard"),
    Use("device_tags", _texts("tenant_id", "device_id", "tag"), "to show tags and filter by them"),
    Use("device_groups", _texts("tenant_id", "group_id", "name"), "to filter by groups"),
    Use("device_group_members", _texts("tenant_id", "group_id", "device_id"), "to filter by groups"),
    Use("device_commands", _texts("tenant_id", "command_id", "device_id"), "to send and end commands"),
    Use("device_commands", _texts("command_type", "status"), "to send and end commands"),
    Use("device_commands", {"command_params": "jsonb"}, "to send and end commands"),
    Use("device_commands", {"created_at": _TIME, "expires_at": _TIME}, "to end commands in time"),
    Use("device_commands", {"published_at": _TIME}, "to record that the broker took a command"),
    Use("device_commands", {"acked_at": _TIME, "ack_details": "jsonb"}, "to record answers"),
    Use("device_commands", _texts("created_by"), "to record who sent a command"),
)  # fmt: skip
TABLES = tuple(dict.fromkeys(use.table for use in USES))


@dataclass(frozen=True, slots=True)
class Found:
    """The required tables that a database lacks, and what is wrong with those that it has."""

    missing: tuple[str, ...]
    wrong: tuple[str, ...]


async def find_uses(connection: Any, tables: tuple[str, ...] = TABLES) -> Found:
    """Look up the tables and columns in use, only in the catalog: no right to read the tables is needed."""
    rows = await connection.fetch(_COLUMNS, list(tables))
    kinds = {(row["table"], row["column"]): row["type"] for row in rows}
    present = {table for table, _ in kinds}
    return Found(
        tuple(table for table in tables if table not in present),
        tuple(
            text
            for use in USES
            if use.table in present and use.table in tables
            for column, kind in use.columns.items()
            if (text := _difference(use, column, kind, kinds.get((use.table, column))))
        ),
    )


def _difference(use: Use, column: str, kind: str, actual: str | None) -> str:
    if actual is None:
        return f"{use.table} lacks the column {column} ({kind}), which is needed {use.purpose}"
    if not fits(kind, actual):
        return f"{use.table}.{column} is {actual}, not {kind}, and it is needed {use.purpose}"
    return ""


def fits(kind: str, actual: str) -> bool:
    """Return whether a column of this type is of this kind: a text of any length counts as text."""
    return actual.partition("(")[0] in KINDS.get(kind, (kind,))
