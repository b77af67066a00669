"""Comparison of an existing table with the one that a migration would have created.

Decided in docs/decisions/0003-adopting-by-comparison.md
"""

import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from console.limits import MAX_ID_LENGTH, MAX_NAME_LENGTH, MAX_TYPE_LENGTH
from console.store.schema.uses import fits

_SCHEMA = re.compile(r"\b(device_console_scratch|public)\.")
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
       CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END AS preset
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = """
SELECT contype::text AS kind, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'c', 'f', 'u')
"""
_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
WHERE i.indrelid = $1::text::regclass AND NOT i.indisprimary AND i.indisvalid
"""
_POLICIES = """
SELECT polname, polcmd::text AS command, polpermissive,
       CASE WHEN polroles = '{0}' THEN 'public' ELSE (SELECT string_agg(rolname, ',' ORDER BY rolname)
            FROM pg_roles WHERE oid = ANY (polroles)) END AS roles,
       pg_get_expr(polqual, polrelid) AS using_rule, pg_get_expr(polwithcheck, polrelid) AS check_rule
FROM pg_policy WHERE polrelid = $1::text::regclass
"""
_TRIGGERS = "SELECT tgname FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal"
_SECURITY = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass"
_CASTS_OF_TEXT = re.compile(r"::(?:text|character varying)(?:\(\d+\))?(?:\[\])?|[()]")
_VALUE = re.compile(r"('(?:[^']|'')*')(?:, )?")
_LONGEST = {
    "tenant_id": MAX_ID_LENGTH, "device_id": MAX_ID_LENGTH, "command_id": MAX_ID_LENGTH,
    "command_type": MAX_TYPE_LENGTH, "status": len("delivered"), "created_by": MAX_NAME_LENGTH,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table as described in the catalog, without the schema's name."""

    columns: dict[str, tuple[str, bool, str | None]]
    constraints: frozenset[tuple[str, str]]
    indexes: frozenset[str]
    policies: dict[str, tuple[str, bool, str, str | None, str | None]]
    triggers: frozenset[str]
    secured: bool
    forced: bool


async def describe(connection: Any, schema: str, table: str) -> TableShape:
    """Read one table's shape from the catalog."""
    name = f'{schema}."{table}"'
    columns = await connection.fetch(_COLUMNS, name)
    security = await connection.fetchrow(_SECURITY, name)
    return TableShape(
        columns={c["attname"]: (c["type"], c["attnotnull"], _plain(c["preset"])) for c in columns},
        constraints=frozenset(
            (c["kind"], _plain(c["definition"]) or "") for c in await connection.fetch(_CONSTRAINTS, name)
        ),
        indexes=frozenset(_plain(i["definition"]) or "" for i in await connection.fetch(_INDEXES, name)),
        policies={
            p["polname"]: (p["command"], p["polpermissive"], p["roles"], p["using_rule"], p["check_rule"])
            for p in await connection.fetch(_POLICIES, name)
        },
        triggers=frozenset(t["tgname"] for t in await connection.fetch(_TRIGGERS, name)),
        secured=security["relrowsecurity"],
        forced=security["relforcerowsecurity"],
    )


def differences(table: str, expected: TableShape, actual: TableShape) -> tuple[list[str], list[str]]:
    """Return what forbids adopting `actual`, and remarks on what it has in addition to `expected`.

    It must be a superset in every respect; a wider type and more allowed values do not count as a difference.
    """
    wrong = _column_differences(table, expected, actual)
    constraints = {(kind, _canonical(text)): text for kind, text in actual.constraints}
    needed = {(kind, _canonical(text)): text for kind, text in expected.constraints}
    wrong += [
        f"{table} lacks {text}"
        for (kind, plain), text in sorted(needed.items())
        if (kind, plain) not in constraints
        and not any(kind == "c" == other and _allows_more(plain, wider) for other, wider in constraints)
    ]
    indexes = {_canonical(text) for text in actual.indexes}
    wrong += [
        f"{table} lacks the index {text}"
        for text in sorted(expected.indexes)
        if _canonical(text) not in indexes
    ]
    if not actual.secured:
        wrong.append(f"row level security is off on {table}")
    wrong += _policy_differences(table, expected, actual)
    notes = [
        f"{table} has the extra rule {text}" for key, text in sorted(constraints.items()) if key not in needed
    ]
    return wrong, notes + remarks(table, actual, expected.policies)


def remarks(table: str, actual: TableShape, expected: Collection[str] = ()) -> list[str]:
    """Return remarks on additional policies and on triggers: they affect the console's statements, too."""
    notes: list[str] = []
    for name in sorted(set(actual.policies) - set(expected)):
        kind = "permissive" if actual.policies[name][1] else "restrictive"
        notes.append(f"{table} has the extra {kind} policy {name} for {actual.policies[name][2]}")
    return notes + [f"{table} has the trigger {name}" for name in sorted(actual.triggers)]


def _column_differences(table: str, expected: TableShape, actual: TableShape) -> list[str]:
    wrong: list[str] = []
    for name, (kind, required, preset) in expected.columns.items():
        if name not in actual.columns:
            wrong.append(f"{table} lacks the column {name} ({kind})")
            continue
        has_kind, has_required, has_preset = actual.columns[name]
        if not fits(kind, has_kind) or _length(has_kind) < _LONGEST.get(name, 0):
            wrong.append(f"{table}.{name} is {has_kind}, not {kind}")
        if required != has_required:
            wrong.append(f"{table}.{name} is {'nullable' if required else 'NOT NULL'}, which it must not be")
        if _canonical(preset or "") != _canonical(has_preset or ""):
            wrong.append(f"{table}.{name} defaults to {has_preset}, not {preset}")
    wrong += [
        f"{table} has the extra column {name}, which must be filled"
        for name, (_, required, preset) in actual.columns.items()
        if name not in expected.columns and required and preset is None
    ]
    return wrong


def _policy_differences(table: str, expected: TableShape, actual: TableShape) -> list[str]:
    wrong: list[str] = []
    for name, rule in expected.policies.items():
        if name not in actual.policies:
            wrong.append(f"{table} lacks the policy {name}")
        elif _canonical(repr(actual.policies[name])) != _canonical(repr(rule)):
            wrong.append(f"the policy {name} on {table} has another rule")
    return wrong


def _length(kind: str) -> int:
    """Return the maximum number of characters of a type."""
    found = re.fullmatch(r"character(?: varying)?\((\d+)\)", kind)
    return int(found[1]) if found else sys.maxsize


def _canonical(text: str) -> str:
    """Return an expression without the parts that depend on whether a column is text or varchar."""
    return _CASTS_OF_TEXT.sub("", text)


def _allows_more(needed: str, actual: str) -> bool:
    """Return whether a CHECK of a list of values allows another's and more; both from `_canonical`."""
    return _VALUE.sub("", needed) == _VALUE.sub("", actual) and (
        set(_VALUE.findall(needed)) <= set(_VALUE.findall(actual))
    )


def _plain(text: str | None) -> str | None:
    return None if text is None else _SCHEMA.sub("", text)
