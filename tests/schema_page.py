"""The console's own schema as one page: ``python -m tests.schema_page`` writes docs/schema.sql anew.

Tables whole; of functions the signature, whose rights they have and who may call them: their text stands once, in
migrations/repeatable. From the catalog, so that the page is the same on every version of PostgreSQL.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import asyncpg

from console.embedded.servers import EmbeddedServers
from console.store.access import Access
from console.store.schema.migrate import migrate
from tests.addresses import with_database
from tests.conftest import make_home

PAGE = Path(__file__).parents[1] / "docs" / "schema.sql"
_HEAD = """\
-- The console's own schema as its migrations build it. Made by `python -m tests.schema_page`; a test compares it with them.
-- The tables are explained in migrations/9*.sql; the functions stand in migrations/repeatable.
"""
_COLUMNS = """
SELECT c.oid, c.relname AS name, c.relrowsecurity AS secured, array_to_string(c.reloptions, ', ') AS options,
       array_agg(format('%s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                        CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
                        CASE WHEN a.attidentity = 'a' THEN ' GENERATED ALWAYS AS IDENTITY'
                             WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END)
                 ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'device_console'::regnamespace AND c.relkind = 'r'
GROUP BY c.oid ORDER BY c.relname
"""
_CONSTRAINTS = """
SELECT format('CONSTRAINT %s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE conrelid = $1 AND contype IN ('p', 'u', 'c', 'f') ORDER BY contype DESC, conname
"""
_INDEXES = """
SELECT (pg_get_indexdef(i.indexrelid) || ';') COLLATE "C" FROM pg_index i
WHERE i.indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY 1
"""
_TRIGGERS = "SELECT pg_get_triggerdef(oid) || ';' FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY tgname"
_POLICIES = """
SELECT format('CREATE POLICY %s ON device_console.%s FOR %s%s%s;', polname, polrelid::regclass,
              CASE polcmd WHEN 'r' THEN 'SELECT' WHEN '*' THEN 'ALL' ELSE polcmd::text END,
              ' USING ' || pg_get_expr(polqual, polrelid), ' WITH CHECK ' || pg_get_expr(polwithcheck, polrelid))
FROM pg_policy WHERE polrelid = $1 ORDER BY polname
"""
_GRANTS = """
SELECT format('GRANT %s ON device_console.%s TO %s;', string_agg(g.what, ', ' ORDER BY g.what COLLATE "C"), $1::regclass, g.who)
FROM (SELECT x.privilege_type AS what, x.grantee::regrole::text AS who
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x WHERE c.oid = $1 AND x.grantee <> c.relowner
      UNION ALL
      SELECT format('%s (%s)', x.privilege_type, string_agg(a.attname, ', ' ORDER BY a.attnum)), x.grantee::regrole::text
      FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
      WHERE a.attrelid = $1 GROUP BY x.privilege_type, x.grantee) g
GROUP BY g.who ORDER BY g.who COLLATE "C"
"""
_FUNCTIONS = """
SELECT format(E'FUNCTION %s(%s)\n    RETURNS %s %s%s%s%s', p.proname, pg_get_function_arguments(p.oid),
              pg_get_function_result(p.oid),
              CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
              CASE WHEN p.prosecdef THEN ' SECURITY DEFINER' ELSE '' END,
              ' SET ' || array_to_string(p.proconfig, ', '),
              (SELECT ' TO ' || string_agg(CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, ', '
                                           ORDER BY x.grantee::regrole::text COLLATE "C")
               FROM aclexplode(p.proacl) x WHERE x.grantee <> p.proowner))
FROM pg_proc p WHERE p.pronamespace = 'device_console'::regnamespace ORDER BY p.proname
"""


async def schema_page(connection: asyncpg.Connection) -> str:
    """Describe the schema of a migrated database."""
    await connection.execute("SET search_path = device_console; SET timezone = 'UTC'")
    parts = [_HEAD]
    parts += [await _table(connection, table) for table in await connection.fetch(_COLUMNS)]
    parts.append(
        "".join(f"-- {line}\n" for row in await connection.fetch(_FUNCTIONS) for line in row[0].split("\n"))
    )
    return "\n".join(parts)


async def _table(connection: asyncpg.Connection, table: Any) -> str:
    lines = [*table["columns"], *await _lines(connection, _CONSTRAINTS, table["oid"])]
    options = f" WITH ({table['options']})" if table["options"] else ""
    message = [
        f"CREATE TABLE device_console.{table['name']} (",
        ",\n".join(f"    {line}" for line in lines),
        f"){options};",
    ]
    for query in (_INDEXES, _TRIGGERS):
        message += await _lines(connection, query, table["oid"])
    if table["secured"]:
        message.append(f"ALTER TABLE device_console.{table['name']} ENABLE ROW LEVEL SECURITY;")
    for query in (_POLICIES, _GRANTS):
        message += await _lines(connection, query, table["oid"])
    return "\n".join(message) + "\n"


async def _lines(connection: asyncpg.Connection, query: str, table: int) -> list[str]:
    return [row[0] for row in await connection.fetch(query, table)]


async def _write(server_url: str) -> None:
    owner = await asyncpg.connect(server_url)
    await owner.execute("CREATE DATABASE page")
    await owner.close()
    url = with_database(server_url, "page")
    await migrate(Access(url), platform_tables=True)
    connection = await asyncpg.connect(url)
    PAGE.write_text(await schema_page(connection), "utf-8")
    await connection.close()


def main() -> None:
    home = make_home()
    with EmbeddedServers.attach(home, fsync=False) as servers:
        asyncio.run(_write(servers.addresses.database_url))
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
