"""What stands in the schema ``public``, for comparing before and after; and what there is of the console's."""

import subprocess
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import asyncpg

from tests.needs import find_dump


def public_of(url: str, without: tuple[str, ...] = ()) -> str:
    """The whole of `public` as pg_dump tells it, with all rows but those of some tables."""
    parts = urlsplit(url)
    where = parse_qs(parts.query)
    host, port = where.get("host", [parts.hostname or ""])[0], where.get("port", [str(parts.port or 5432)])[0]
    ran = subprocess.run(
        [find_dump(), "--schema=public", *(f"--exclude-table-data={name}" for name in without), "-h", host, "-p", port, "-U", parts.username or "", parts.path[1:]],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return "\n".join(
        line for line in ran.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


def changed(before: str, after: str) -> list[str]:
    """The objects in which two dumps differ; their order follows dependencies, also those of other schemas."""
    old, new = Counter(before.split("\n--\n-- Name: ")), Counter(after.split("\n--\n-- Name: "))
    return sorted((old - new) | (new - old))


async def ours_in(connection: asyncpg.Connection, worker_role: str = "device_console_worker") -> list[str]:
    """Everything in this database that would not be there without the console, wherever it stands."""
    rows = await connection.fetch(
        "SELECT 'schema ' || nspname AS what FROM pg_namespace WHERE nspname LIKE 'device_console%'"
        " UNION ALL SELECT 'relation ' || oid::regclass FROM pg_class WHERE relname LIKE '%device_console%'"
        " UNION ALL SELECT 'right of ' || $1 || ' in ' || classid::regclass || ' ' || objid FROM pg_shdepend"
        " WHERE refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1) AND refclassid = 'pg_authid'::regclass"
        " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        worker_role,
    )
    return [row["what"] for row in rows]
