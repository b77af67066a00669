"""Commands of one tenant: sending, reading, cancelling, under row-level security."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from console.domain.acks import answer_word
from console.domain.commands import Command, Draft
from console.domain.dispatch import OutboxView
from console.domain.documents import is_whole
from console.domain.filters.language import Filter
from console.domain.history import CommandDetail, Cursor, HistoryPage, JournalEntry, TypicalLatency
from console.domain.reasons import NO_REASON, BlockedBy, Outcome, Reason, known
from console.domain.targets import Inserted, Recipient, Target
from console.limits import MAX_TTL
from console.store.audit import AuditLog
from console.store.failures import translated
from console.store.history_part import HistoryPart
from console.store.pool import Connection, Database
from console.store.seen_sql import STATE_ONLY, seen
from console.store.shape import Shape, read_shaped
from console.store.sql import query

SEARCHED = 10_000
_SEEN_IN_FULL = 1_000  # targets: of more at once, only the state's own instant is read
SHOWN, DETAILED, WHOLE = 400, 70_000, 10_000_000  # characters of a document; one more is read


_ROW = itemgetter(
    "tenant_id", "command_id", "device_id", "command_type", "status", "created_at", "expires_at",
    "created_by", "published_at", "acked_at", "ack_status",
)  # fmt: skip
_OURS = itemgetter(
    "params_json", "ack_json", "cancelled_at", "cancelled_by", "attempts", "outcome", "blocked_by",
    "last_error", "progress", "later", "in_outbox",
)  # fmt: skip
_NOT_READ = {
    "params_json": "{}", "ack_json": None, "cancelled_by": None, "attempts": 0, "outcome": None,
    "blocked_by": None, "last_error": None, "progress": None, "later": None, "in_outbox": True,
}  # fmt: skip


class CommandStore:
    """Reads and writes ``device_commands`` as the operator role."""

    def __init__(self, database: Database, *, audit: bool = True) -> None:
        self._database = database
        self._audit = AuditLog(on=audit)
        self._has_order: bool | None = None

    async def insert(self, tenant_id: str, drafts: Sequence[Draft]) -> Inserted:
        """Commit drafts as queued with their outbox rows, all or none, in one round trip where that can be.

        A row whose id exists already is not changed: the caller checks with `same` what that means.

        Decided in docs/decisions/0063-a-send-is-one-call.md
        """
        rows = await self._database.tenant_call(
            tenant_id, query("commands_insert"),
            [d.command_id for d in drafts],
            [d.device_id for d in drafts],
            [d.command_type for d in drafts],
            [d.params_json for d in drafts],
            [d.ttl.total_seconds() for d in drafts],
            [d.created_by for d in drafts],
            [d.retry_of for d in drafts],
            self._audit.on,
        )  # fmt: skip
        self._audit.on = self._audit.on and all(row["audited"] for row in rows)
        pairs = tuple(zip(drafts, rows, strict=True))
        return Inserted(
            tuple(Recipient(device_id=draft.device_id, **_recipient(row)) for draft, row in pairs),
            frozenset(draft.command_id for draft, row in pairs if row["written"]),
        )

    async def same(self, tenant_id: str, draft: Draft) -> bool | None:
        """Return whether the row with the draft's id has the same content; None if there is no such row."""
        async with self._database.tenant_session(tenant_id) as connection:
            same = await connection.fetchval(
                query("command_same"), tenant_id, draft.command_id, draft.device_id, draft.command_type,
                draft.params_json, draft.ttl.total_seconds(),
            )  # fmt: skip
        return None if same is None else bool(same)

    async def targets(self, tenant_id: str, device_ids: Sequence[str]) -> tuple[Target, ...]:
        """Return these devices as targets, with what forbids sending, in the order given."""
        ids = list(device_ids)

        async def read(connection: Connection, shape: Shape) -> Any:
            sql = seen(shape, tenant="$1", device="i.device_id") if len(ids) <= _SEEN_IN_FULL else STATE_ONLY
            return await connection.fetch(query("targets").replace("/*seen*/", sql), tenant_id, ids)

        rows = await read_shaped(self._database, tenant_id, read)
        return tuple(
            Target(
                device_id=row["device_id"],
                **_recipient(row),
                last_seen_at=row["last_seen_at"],
                in_flight=row["in_flight"],
            )
            for row in rows
        )

    async def page(
        self,
        tenant_id: str,
        *,
        device_ids: Sequence[str] | None,
        wanted: Filter,
        before: Cursor | None,
        limit: int,
        whole: bool = False,
    ) -> HistoryPage:
        """Return one page, newest first, after the cursor `before`; documents cut unless `whole`.

        A filter is applied to at most `SEARCHED` rows: then the page contains how far it came. Without an
        index by age, each such part would read the whole table, so one statement searches all, as for ids.
        """
        place = HistoryPart(device_ids, before)
        documents = WHOLE if whole else SHOWN

        async def read(connection: Connection, shape: Shape) -> HistoryPage:
            reached: Cursor | None = None
            searches = wanted and not wanted.names_ids
            if searches and (device_ids is not None or await self._is_in_order(connection)):
                sql, parameters = place.statement("history_reach", 2)
                edge = await connection.fetchrow(sql, tenant_id, SEARCHED - 1, *parameters)
                reached = Cursor(edge["created_at"], edge["command_id"]) if edge else None
            sql, parameters = place.statement("history_page", 2, wanted, reached, shape)
            parameters += [limit + 1] if wanted else []
            sql = sql.replace("/*limit*/", f"${len(parameters) + 2}" if wanted else str(limit + 1))
            rows = await connection.fetch(sql, tenant_id, documents + 1, *parameters)
            read_at = rows[0]["read_at"] if rows else await connection.fetchval("SELECT clock_timestamp()")
            full = len(rows) > limit
            commands = commands_of(rows[:limit], documents)
            return HistoryPage(commands, read_at, full or reached is not None, None if full else reached)

        return await read_shaped(self._database, tenant_id, read)

    async def _is_in_order(self, connection: Any) -> bool:
        """Return whether an index orders the tenant's commands by age; looked up once."""
        if self._has_order is None:
            self._has_order = bool(await connection.fetchval(query("newest_index")))
        return self._has_order

    async def by_ids(
        self, tenant_id: str, command_ids: Sequence[str], *, detailed: bool = False
    ) -> HistoryPage:
        """Return the commands with these ids, as they are now; deleted ones are missing."""
        most = DETAILED if detailed else SHOWN
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("history_by_ids"), tenant_id, list(command_ids), most + 1)
        return _page(rows, most)

    async def detail(self, tenant_id: str, command_id: str) -> CommandDetail | None:
        """Return one command with its journal and the database's time; None if it does not exist."""

        async def read(connection: Connection, shape: Shape) -> tuple[Any, Any]:
            sql = query("command_detail").replace("/*seen*/", _seen_of_command(shape))
            found = await connection.fetchrow(sql, tenant_id, command_id, DETAILED + 1)
            journal = query("command_journal")
            return found, await connection.fetch(journal, tenant_id, command_id) if found else ()

        row, entries = await read_shaped(self._database, tenant_id, read)
        if row is None:
            return None
        unread = None if row["unread_s"] is None else timedelta(seconds=row["unread_s"])
        return CommandDetail(
            command_of(row, DETAILED),
            tuple(_entry_of(entry) for entry in entries),
            row["read_at"],
            device_seen_at=row["seen_at"],
            unread=unread,
            held_up=_reason(None, row["held_up_by"], row["held_up_words"]),
        )

    async def cancel(self, tenant_id: str, command_id: str, by: str, reason: str) -> bool:
        """Cancel an unpublished command; return False if it can no longer be cancelled."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("command_cancel"), tenant_id, command_id, by, reason)
            if row is not None:
                await self._audit.cancelled(connection, command_id)
        return row is not None

    async def recent_types(self, tenant_id: str, device_id: str | None) -> tuple[str, ...]:
        """Return the command types in recent use, most used first."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("recent_types"), tenant_id, device_id)
        return tuple(row["command_type"] for row in rows)

    async def recent_commands(self, tenant_id: str) -> tuple[tuple[str, str, float], ...]:
        """Return type, params and TTL in seconds of recently sent commands, each kind once."""
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("recent_commands"), tenant_id, MAX_TTL)
        return tuple((row["command_type"], row["params_json"], row["ttl_s"]) for row in rows)

    async def usual(self, tenant_id: str, device_id: str, command_type: str) -> TypicalLatency | None:
        """Return how long the device recently took to answer this type; None if it never did."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("usual_latency"), tenant_id, device_id, command_type)
        return TypicalLatency(row["answers"], row["p95"]) if row["answers"] else None

    async def newer(self, tenant_id: str, command: Command) -> str | None:
        """Return the id of the next command that the device got; None if this is its newest."""
        key = command.created_at, command.command_id
        async with self._database.tenant_session(tenant_id) as connection:
            found = await connection.fetchval(query("command_newer"), tenant_id, command.device_id, *key)
        return None if found is None else str(found)

    async def outbox(self, tenant_id: str) -> OutboxView:
        """Return how many commands wait for publication, since when, and the first deadline among them."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("outbox_depth"), tenant_id)
        return OutboxView(row["depth"], row["oldest_at"], row["next_deadline"], row["read_at"])


def _recipient(row: Any) -> dict[str, Any]:
    return {
        "registered": row["registered"],
        "registry_status": row["registry_status"] or "",
        "decommissioned": bool(row["decommissioned"]),
        "link": row["link"] or "unknown",
        "tenant_status": row["tenant_status"] or "",
    }


def _seen_of_command(shape: Shape) -> str:
    """Return SQL for when the device of v was last seen."""
    of_it = "s.tenant_id = v.tenant_id AND s.device_id = v.device_id"
    state = f"(SELECT s.last_seen_at FROM public.device_state s WHERE {of_it})"  # noqa: S608 - no text of others
    return seen(shape, tenant="v.tenant_id", device="v.device_id", state=state)


def command_of(row: Any, most: int = SHOWN) -> Command:
    """Build a command from a row as our statements read it, documents cut to so many characters."""
    return commands_of((row,), most)[0]


def commands_of(rows: Sequence[Any], most: int = SHOWN) -> tuple[Command, ...]:
    """Build commands from the rows of one statement, which may leave out what `_NOT_READ` stands in for."""
    if rows and not _NOT_READ.keys() <= set(rows[0].keys()):
        rows = [_NOT_READ | dict(row) for row in rows]
    with translated():
        return tuple(_command(row, most) for row in rows)


def _command(row: Any, most: int) -> Command:
    """Build one command: by places, and with no value between, since a page makes fifty of them."""
    tenant, command_id, device, kind, status, created, expires, by, published, acked, word = _ROW(row)
    (
        params,
        answer,
        cancelled_at,
        cancelled_by,
        attempts,
        outcome,
        blocked_by,
        error,
        progress,
        later,
        ours,
    ) = _OURS(row)
    params = params or ""
    return Command(
        tenant, command_id, device, kind or "", status or "", created, expires, by, published, acked, word,
        params[:most], None if answer is None else answer[:most], cancelled_at, cancelled_by, attempts,
        _reason(outcome, blocked_by, error), None, _word(progress), _word(later), bool(ours),
        is_whole(params, most), answer is None or is_whole(answer, most),
    )  # fmt: skip


def _entry_of(row: Any) -> JournalEntry:
    reason = _reason(row["outcome"], row["blocked_by"], row["detail"])
    return JournalEntry(row["at"], row["kind"], row["by_name"], row["detail"], row["attempt"], reason)


def _reason(outcome: str | None, blocked_by: str | None, words: str | None) -> Reason:
    if outcome is None and blocked_by is None and not words:
        return NO_REASON
    return Reason(known(Outcome, outcome), known(BlockedBy, blocked_by), words or "")


def _word(answer_json: str | None) -> str | None:
    """Return the word of an answer in the journal; text that cannot be parsed is returned unchanged."""
    return None if answer_json is None else answer_word(answer_json) or answer_json[:40]


def _page(rows: Sequence[Any], most: int) -> HistoryPage:
    read_at = rows[0]["read_at"] if rows else datetime.now(UTC)
    return HistoryPage(commands_of(rows, most), read_at, more=False)
