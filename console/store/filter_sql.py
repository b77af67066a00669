"""A filter as SQL: a condition with parameters that says the same as its Python twin `filters.matches`."""

from dataclasses import dataclass, field
from datetime import datetime

from console.domain.acks import CODE_KEYS
from console.domain.filters import (
    AS_WRITTEN,
    MANY_VALUED,
    NEWEST_COMMAND,
    Filter,
    Match,
    Scope,
    Span,
    Word,
)
from console.domain.globs import PIECE
from console.store.sql import with_command_rows

_LINK = (
    "CASE WHEN lower({s}.status) IN ('online', 'stale', 'offline') THEN lower({s}.status) ELSE 'unknown' END"
)
_NEWEST = with_command_rows(
    "\nLEFT JOIN LATERAL (SELECT w.* FROM /*command_rows*/ w WHERE w.tenant_id = r.tenant_id"
    " AND w.device_id = r.device_id ORDER BY w.created_at DESC, w.command_id DESC LIMIT 1) n ON true"
)
_SAME = "tenant_id = v.tenant_id AND {0}.device_id = v.device_id)"
_OF_DEVICE = "(SELECT {what} FROM public.device_registry r WHERE r." + _SAME.format("r")  # noqa: S608
_STATE = "(SELECT s.status FROM public.device_state s WHERE s." + _SAME.format("s")  # noqa: S608

_CODE = "COALESCE({})".format(
    ", ".join(
        f"CASE WHEN jsonb_typeof(v.ack_details #> '{{details,{key}}}') IN ('string', 'number')"
        f" THEN v.ack_details #>> '{{details,{key}}}' END"
        for key in CODE_KEYS
    )
)
_COLUMNS: dict[Scope, dict[str, str]] = {
    Scope.COMMANDS: {
        "device": "v.device_id", "status": "v.status", "phase": "v.phase", "type": "v.command_type",
        "by": "v.created_by", "answer": "v.ack_status", "code": _CODE, "id": "v.command_id",
        "site": _OF_DEVICE.format(what="r.site_id"), "model": _OF_DEVICE.format(what="r.model"),
        "fw": _OF_DEVICE.format(what="r.fw_version"),
        "link": f"CASE WHEN lower({_STATE}) IN ('online', 'stale', 'offline') THEN lower({_STATE})"
                " ELSE 'unknown' END",
    },
    Scope.DEVICES: {
        "device": "r.device_id", "status": _LINK.format(s="s"), "link": _LINK.format(s="s"),
        "site": "r.site_id", "model": "r.model", "fw": "r.fw_version",
        "phase": "n.phase", "type": "n.command_type", "by": "n.created_by",
    },
    Scope.PROBLEMS: {"device": "p.device_id", "kind": "p.kind", "id": "p.command_id"},
    Scope.BATCHES: {"type": "b.command_type", "by": "b.created_by", "id": "b.batch_id"},
}  # fmt: skip
_TAG = (
    "EXISTS (SELECT FROM public.device_tags g WHERE g.tenant_id = {of}.tenant_id"
    " AND g.device_id = {of}.device_id AND {fits})"
)
_GROUP = (
    "EXISTS (SELECT FROM public.device_group_members m JOIN public.device_groups g"
    " ON g.tenant_id = m.tenant_id AND g.group_id = m.group_id"
    " WHERE m.tenant_id = {of}.tenant_id AND m.device_id = {of}.device_id AND {fits})"
)
_BATCH = (
    "EXISTS (SELECT FROM device_console.batch_members b WHERE b.tenant_id = v.tenant_id"
    " AND b.command_id = v.command_id AND {fits})"
)
_MANY: dict[str, tuple[str, tuple[str, ...]]] = {
    "tag": (_TAG, ("g.tag",)),
    "group": (_GROUP, ("g.group_id", "g.name")),
    "batch": (_BATCH, ("b.batch_id",)),
}
_INSTANTS: dict[Scope, dict[str, str]] = {
    Scope.COMMANDS: {
        "age": "v.created_at",
        "ttl": "CASE WHEN v.status = 'queued' AND v.acked_at IS NULL THEN v.expires_at END",
    },
    Scope.DEVICES: {
        "age": "n.created_at",
        "ttl": "CASE WHEN n.status = 'queued' AND n.acked_at IS NULL THEN n.expires_at END",
        "seen": "s.last_seen_at",
    },
    Scope.PROBLEMS: {"age": "p.last_at"},
    Scope.BATCHES: {"age": "b.created_at"},
}
EVERYTHING: dict[Scope, str] = {
    Scope.COMMANDS: "v.device_id, v.command_type, v.phase, v.created_by, v.ack_status, v.command_id",
    Scope.DEVICES: f"r.device_id, {_LINK.format(s='s')}, r.site_id, r.model, r.fw_version, r.status",
    Scope.PROBLEMS: "p.kind, p.device_id, p.command_id, p.detail",
    Scope.BATCHES: "b.command_type, b.target, b.created_by, b.stopped_by, b.retry_of, b.batch_id",
}
_OWNERS = {Scope.COMMANDS: "v", Scope.DEVICES: "r", Scope.PROBLEMS: "p", Scope.BATCHES: "b"}


@dataclass(slots=True)
class Conditions:
    """Conditions and their parameters; `used` is how many parameters the statement has already."""

    used: int
    texts: list[str] = field(default_factory=list)
    parameters: list[object] = field(default_factory=list)

    def add(self, value: object) -> str:
        self.parameters.append(value)
        return f"${self.used + len(self.parameters)}"

    @property
    def sql(self) -> str:
        """To be put behind a WHERE with at least one condition."""
        return "".join(f"\n  AND {text}" for text in self.texts)


def newest_command(wanted: Filter) -> str:
    """The join that gives a device's newest command, n, where the filter asks for it; else nothing."""
    return _NEWEST if wanted.scope is Scope.DEVICES and wanted.keys & NEWEST_COMMAND else ""


def conditions(wanted: Filter, used: int, now: datetime | None = None) -> Conditions:
    """The filter's terms over the aliases of its scope.

    v is a command as we read it; r and s a device, n its newest command; p a problem; b a bulk send.
    `now` replaces the database's clock, for comparison with the Python twin.
    """
    built = Conditions(used)
    clock = "now()"
    if now is not None and any(isinstance(term, Span) for term in wanted.terms):
        clock = f"{built.add(now)}::timestamptz"
    for term in wanted.terms:
        text = _term(term, wanted.scope, built, clock)
        built.texts.append(f"NOT COALESCE({text}, false)" if term.negated else text)
    return built


def _term(term: Match | Span | Word, scope: Scope, built: Conditions, clock: str) -> str:
    if isinstance(term, Word):
        place = built.add(term.text)
        found = f"position({place}::text IN lower(concat_ws(' ', {EVERYTHING[scope]}) COLLATE \"C\")) > 0"
        if scope is not Scope.DEVICES:
            return found
        tagged = _TAG.format(of="r", fits=f'position({place}::text IN lower(g.tag COLLATE "C")) > 0')
        return f"({found} OR {tagged})"
    if isinstance(term, Span):
        instant, place = _INSTANTS[scope][term.key], built.add(term.span)
        if term.key == "ttl":
            return f"{instant} {term.operator} {clock} + {place}::interval"
        flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[term.operator]
        return f"{instant} {flipped} {clock} - {place}::interval"
    places = built.add(list(term.values) if term.exact else [like(pattern) for pattern in term.patterns])
    fits_any = f"{'=' if term.exact else 'LIKE'} ANY ({places}::text[])"
    if term.key in MANY_VALUED:
        template, columns = _MANY[term.key]
        fits = " OR ".join(f"{_folded(term.key, column)} {fits_any}" for column in columns)
        return template.format(of=_OWNERS[scope], fits=f"({fits})")
    column = _COLUMNS[scope][term.key]
    if term.key not in AS_WRITTEN | {"status"} and (term.key != "phase" or scope is Scope.DEVICES):
        column = f"COALESCE({column}, '')"
    return f"{_folded(term.key, column)} {fits_any}"


def _folded(key: str, expression: str) -> str:
    """What is stored in one spelling, and identifiers, stay plain, so that an index can serve them."""
    if key in AS_WRITTEN | {"status", "phase", "link"}:
        return expression
    return f'lower(({expression}) COLLATE "C")'


def like(pattern: str) -> str:
    """A glob as a LIKE pattern: only ``*`` and ``?`` are wild, and not behind a backslash."""
    return "".join(
        {"*": "%", "?": "_", "%": r"\%", "_": r"\_", "\\": "\\\\", r"\*": "*", r"\?": "?"}.get(piece, piece)
        for piece in PIECE.findall(pattern)
    )
