"""Who may do what: every role with every verb on every table for every tenant, spelled out in one table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from console.store.pool import Database

ACME, RIVAL, NOBODY = "acme", "rival", ""
HOSTILE = [
    "'; DROP TABLE device_commands; --",
    "$1",
    "%s",
    "acme' OR '1'='1",
    "ACME",
    "acme ",
    "null",
    "%",
    "acme\nrival",
]
TENANTS: list[str | None] = [ACME, RIVAL, NOBODY, None, *HOSTILE]  # None: it was never set
REFUSED = "refused"

S, I, U, D, T = "select", "insert", "update", "delete", "truncate"  # noqa: E741 - as in every table of rights
STATUS, STOPPED = "update of status", "update of stopped_at"
VERBS = (S, I, U, STATUS, STOPPED, D, T)


@dataclass(frozen=True)
class Table:
    """`operator` and `worker` are what they may do, the operator with rows of its own tenant only.

    `row` makes one for the tenant $1. Ours are also tried with rows of the tenant '', which nobody may be.
    """

    name: str
    operator: tuple[str, ...]
    row: str
    worker: tuple[str, ...] = ()
    has_tenant: bool = True
    ours: bool = False


RIGHTS = (
    Table("public.tenants", (S,), "(tenant_id, name) VALUES ($1, $2)"),
    Table("public.device_commands", (S, I, STATUS),
          "(tenant_id, command_id, device_id, command_type) VALUES ($1, $2, 'pump-1', 'ping')"),
    Table("public.device_registry", (S,), "(tenant_id, device_id, site_id) VALUES ($1, $2, 'lyon')"),
    Table("public.device_state", (S,), "(tenant_id, device_id, site_id) VALUES ($1, $2, 'lyon')"),
    Table("public.device_tags", (S,), "(tenant_id, device_id, tag) VALUES ($1, $2, 'critical')"),
    Table("public.device_groups", (S,), "(tenant_id, group_id, name) VALUES ($1, $2, 'hall')"),
    Table("public.device_group_members", (S,), "(tenant_id, group_id, device_id) VALUES ($1, $2, 'pump-1')"),
    Table("public.template_commands", (S,),
          "(template_id, command_key, display_name) VALUES (1, $1 || $2, 'x')", has_tenant=False),
    Table("device_console.outbox", (S, I),
          "(tenant_id, command_id, device_id) VALUES ($1, $2, 'pump-1')", ours=True),
    Table("device_console.journal", (S, I), "(tenant_id, command_id, kind) VALUES ($1, $2, 'cancelled')", ours=True),
    Table("device_console.problems", (S,),
          "(tenant_id, kind, device_id, command_id, detail) VALUES ($1, 'forged ack', 'pump-1', $2, 'x')", ours=True),
    Table("device_console.batches", (S, I, STOPPED),
          "(tenant_id, batch_id, command_type, params, ttl_s, target, wanted) VALUES ($1, $2, 'ping', '{}', 60, 'all', 1)",
          ours=True),
    Table("device_console.batch_members", (S, I), "(tenant_id, batch_id, command_id) VALUES ($1, 'b', $2)", ours=True),
    Table("device_console.batch_targets", (S, I),
          "(tenant_id, batch_id, device_ids) VALUES ($1, $2, '{pump-1}')", ours=True),
    Table("device_console.deployment", (), "(only_row) VALUES ($1 || $2 <> '')", worker=(S,), has_tenant=False),
    Table("device_console.leases", (), "(role, holder, is_shared, program, host, pid, machine)"
          " VALUES ($1, gen_random_uuid(), true, $2, 'x', 1, 'x')", has_tenant=False),
    Table("device_console.lease_ends", (), "(role, ended_at) VALUES ($1 || $2, now())", has_tenant=False),
    Table("device_console.ingest_gaps", (), "(slot, began_at) VALUES (length($1 || $2), now())", has_tenant=False),
    Table("device_console.kept_answers", (),
          "(tenant_id, device_id, command_id, ack) VALUES ($1, 'pump-1', $2, '{}')", ours=True),
    Table("device_console.ended_events", (),
          "(tenant_id, outcome, ended_at, command_ids) VALUES ($1, 'acked', now(), ARRAY[$2])", ours=True),
    Table("device_console.sent_events", (), "(tenant_id, sent_at, sent) VALUES ($1, now(), length($2))", ours=True),
    Table("device_console.minute_totals", (S,),
          "(tenant_id, minute, sent, ended, answered) VALUES ($1, now(), length($2), '{0,0,0,0,0}', '{}')", ours=True),
    Table("device_console.hour_groups", (S,),
          "(tenant_id, hour, kind, name, ended) VALUES ($1, now(), 'site', $2, '{0,0,0,0,0}')", ours=True),
    Table("device_console.type_latency", (S,),
          "(tenant_id, command_type, model, answers, counts) VALUES ($1, $2, '', 0, '{}')", ours=True),
    Table("device_console.recent_ends", (S,),
          "(tenant_id, command_id, at, outcome, device_id, site, model, fw, command_type, sender, reason)"
          " VALUES ($1, $2, now(), 'missed', '', '', '', '', '', '', '')", ours=True),
    Table("device_console.folds", (S,), "(tenant_id, folded_at) VALUES ($1, now() - interval '1 s' * length($2))", ours=True),
    Table("device_console.login_tenants", (), "(tenant_id, login) VALUES ($1, $2)", ours=True),
    Table("device_console.migrations", (S,),
          "(version, name, checksum, origin) VALUES (length($1), $2, 'x', 'applied')", has_tenant=False),
    Table("device_console.repeatables", (S,),
          "(name, checksum, program) VALUES ($1 || $2, 'x', 'x')", has_tenant=False),
)  # fmt: skip
_COLUMNS = {  # one of each table that has no tenants
    "public.template_commands": "display_name", "device_console.deployment": "deployment_id",
    "device_console.leases": "role", "device_console.lease_ends": "role", "device_console.ingest_gaps": "slot",
    "device_console.migrations": "name", "device_console.repeatables": "name",
}  # fmt: skip
MAY_INSERT = {  # of the tables whose other columns are ours to fill
    "outbox": {"tenant_id", "command_id", "device_id"},
    "journal": {"tenant_id", "command_id", "kind", "by_name", "detail", "attempt", "outcome"},
    "batches": {
        "tenant_id", "batch_id", "command_type", "params", "ttl_s", "target", "wanted", "retry_of", "created_by",
    },
}  # fmt: skip
MAY_UPDATE = {
    ("device_commands", "status"), ("batches", "stopped_at"), ("batches", "stopped_by"),
}  # fmt: skip
OPERATORS_FUNCTIONS = {
    "ack_word", "announce_own", "audit_batch", "audit_commands", "audit_fault", "bound_tenants", "held_up_now", "id_is_routable", "ingest_gap_s", "insert_commands", "is_stale", "json_bytes",
    "json_shown", "lease_holders", "own_digest", "own_tenant", "retention", "send", "shown", "take_back", "unfolded_s",
}  # fmt: skip
WORKERS_FUNCTIONS = {
    "acknowledge", "acknowledge_fenced", "adopt", "beat", "claim", "database_identity", "fence", "forget_kept", "give_leases",
    "id_is_routable", "ingest_gap_s", "ingest_resumed", "is_original", "is_stale", "keep_locked", "kept",
    "lease_holders", "lease_owners", "mark", "next_due", "progressed",
    "fence_answers", "fold", "has_kept", "lock_commands", "prune_settled", "record_problems", "release", "retention", "set_ingest_slots", "sweep", "take_lease", "tidy_up", "trim_ended", "trim_figures", "trim_problems", "waiting",
}  # fmt: skip


async def one_row_each(owner: asyncpg.Connection) -> None:
    """A row of each tenant in every table, and of nobody in ours; in the problems also one of the links."""
    for tenant_id in (ACME, RIVAL):
        for table in RIGHTS:
            if table.has_tenant or table.name == "public.template_commands":
                await owner.execute(f"INSERT INTO {table.name} {table.row}", tenant_id, "there")
    for table in RIGHTS:
        if table.ours:
            await owner.execute(f"INSERT INTO {table.name} {table.row}", NOBODY, "there")
    await owner.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)"
        " VALUES ('', 'link', 'broker', '', 'x')"
    )


def statement(table: Table, verb: str) -> str | None:
    """The verb with the rows of the tenant $1; None where the table has no such column."""
    where = "tenant_id = $1" if table.has_tenant else "$1::text IS NOT NULL"
    column = "tenant_id" if table.has_tenant else _COLUMNS[table.name]
    if verb in {STATUS, STOPPED}:
        wanted = {STATUS: "public.device_commands", STOPPED: "device_console.batches"}[verb]
        if table.name != wanted:
            return None
        column = "status" if verb == STATUS else "stopped_at"
    return {
        S: f"SELECT FROM {table.name} WHERE {where}",
        I: f"INSERT INTO {table.name} {table.row}",
        D: f"DELETE FROM {table.name} WHERE {where}",
        T: f"TRUNCATE {table.name}",
    }.get(verb, f"UPDATE {table.name} SET {column} = {column} WHERE {where}")


def expected(role: str, tenant: str | None, table: Table, verb: str, whose: str) -> int | str:
    """How many rows a role with this tenant reaches of `whose`; or that it is refused."""
    if verb not in (table.operator if role == "operator" else table.worker):
        return REFUSED
    if not table.has_tenant:
        return -1  # everybody's
    if table.name == "device_console.problems" and whose == NOBODY:
        return 1 if tenant else 0  # of the links, for whoever has a tenant
    if tenant == whose and whose != NOBODY:
        return 1
    return REFUSED if verb == I else 0


async def reached(connection: Any, table: Table, verb: str, whose: str) -> int | str:
    """What one statement reaches; nothing of it stays."""
    sql = statement(table, verb)
    assert sql is not None
    undo = connection.transaction()
    await undo.start()
    try:
        arguments = {I: (whose, "new"), T: ()}.get(verb, (whose,))
        done = await connection.execute(sql, *arguments) if arguments else await connection.execute(sql)
    except asyncpg.InsufficientPrivilegeError:
        return REFUSED
    finally:
        await undo.rollback()
    return int(done.split()[-1]) if table.has_tenant else -1


@asynccontextmanager
async def session_of(database: Database, role: str, tenant: str | None) -> AsyncIterator[Any]:
    """As the program enters it; by hand where it would set a tenant."""
    if role == "worker":
        async with database.fleet_session() as connection:
            yield connection
    elif tenant is not None:
        async with database.tenant_session(tenant) as connection:
            yield connection
    else:
        stranger = await asyncpg.connect(database.access.direct)
        try:
            async with stranger.transaction():
                await stranger.execute(f"SET LOCAL ROLE {database.access.operator_role}")
                assert await stranger.fetchval("SELECT current_setting('app.tenant_id', true)") is None
                yield stranger
        finally:
            await stranger.close()


async def surprises(database: Database, role: str, tenant: str | None) -> list[str]:
    """Everything that a role with this tenant can do and should not, or the other way round."""
    found: list[str] = []
    async with session_of(database, role, tenant) as connection:
        for table in RIGHTS:
            for verb in VERBS:
                if statement(table, verb) is None:
                    continue
                for whose in (ACME, RIVAL, NOBODY) if table.ours else (ACME, RIVAL):
                    wanted = expected(role, tenant, table, verb, whose)
                    actual = await reached(connection, table, verb, whose)
                    if actual != wanted:
                        found.append(
                            f"{verb} {table.name} of {whose!r} as {tenant!r}: {actual}, not {wanted}"
                        )
    return found
