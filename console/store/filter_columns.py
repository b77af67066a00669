"""The columns that each key of a filter reads, by list and by what a database has.

v is a command; r and s a device, t its template, n its newest command; p a problem; b a bulk send. $1 is
the tenant.
"""

from collections.abc import Callable
from functools import lru_cache

from console.domain.acks import CODE_KEYS
from console.domain.filters.keys import NEWEST_COMMAND, Scope
from console.domain.filters.language import Filter, Match, Word
from console.store.group_sql import has_dynamic_groups, has_listed_groups, in_group
from console.store.registry_sql import STATE, fact, parent, template, template_join
from console.store.seen_sql import STATE_ONLY
from console.store.shape import BARE, Shape
from console.store.sql import with_command_rows

_LINK = (
    "CASE WHEN lower({s}.status) IN ('online', 'stale', 'offline') THEN lower({s}.status) ELSE 'unknown' END"
)
NEWEST = with_command_rows(
    "\nLEFT JOIN LATERAL (SELECT w.* FROM /*command_rows*/ w WHERE w.tenant_id = r.tenant_id"
    " AND w.device_id = r.device_id ORDER BY w.created_at DESC, w.command_id DESC LIMIT 1) n ON true"
)
_STATE = (
    "(SELECT s.status FROM public.device_state s"
    " WHERE s.tenant_id = v.tenant_id AND s.device_id = v.device_id)"
)

_CODE = "COALESCE({})".format(
    ", ".join(
        f"CASE WHEN jsonb_typeof(v.ack_details #> '{{details,{key}}}') IN ('string', 'number')"
        f" THEN v.ack_details #>> '{{details,{key}}}' END"
        for key in CODE_KEYS
    )
)
_TAG = "{of}.device_id IN (SELECT g.device_id FROM public.device_tags g WHERE g.tenant_id = $1 AND {fits})"
_TEMPLATE = (
    "{of}.device_id IN (SELECT x.device_id FROM public.device_registry x JOIN public.device_templates g"
    " ON g.id = x.template_id WHERE x.tenant_id = $1 AND {fits})"
)
_BATCH = (
    "EXISTS (SELECT FROM device_console.batch_members b WHERE b.tenant_id = v.tenant_id"
    " AND b.command_id = v.command_id AND {fits})"
)
INSTANTS: dict[Scope, dict[str, str]] = {
    Scope.COMMANDS: {
        "age": "v.created_at",
        "ttl": "CASE WHEN v.status = 'queued' AND v.acked_at IS NULL THEN v.expires_at END",
    },
    Scope.DEVICES: {
        "age": "n.created_at",
        "ttl": "CASE WHEN n.status = 'queued' AND n.acked_at IS NULL THEN n.expires_at END",
        "seen": STATE_ONLY,
    },
    Scope.PROBLEMS: {"age": "p.last_at"},
    Scope.BATCHES: {"age": "b.created_at"},
}
OWNERS = {Scope.COMMANDS: "v", Scope.DEVICES: "r", Scope.PROBLEMS: "p", Scope.BATCHES: "b"}


@lru_cache(maxsize=256)
def column(key: str, scope: Scope, shape: Shape) -> str:
    """Return the SQL for the value of a key that has a single one."""
    return _columns(scope, shape)[key]


def _columns(scope: Scope, shape: Shape) -> dict[str, str]:
    if scope is Scope.PROBLEMS:
        return {"device": "p.device_id", "kind": "p.kind", "id": "p.command_id"}
    if scope is Scope.BATCHES:
        return {"type": "b.command_type", "by": "b.created_by", "id": "b.batch_id"}
    registered = {
        "state": STATE, "site": "r.site_id", "model": fact("model", shape), "fw": fact("fw_version", shape),
        "name": fact("name", shape), "parent": parent(shape),
    }  # fmt: skip
    if scope is Scope.DEVICES:
        link = _LINK.format(s="s")
        newest = {"phase": "n.phase", "type": "n.command_type", "by": "n.created_by"}
        return registered | newest | {"device": "r.device_id", "status": link, "link": link}
    of_device = (
        f"(SELECT {{}} FROM public.device_registry r{template_join(shape)}"  # noqa: S608
        " WHERE r.tenant_id = v.tenant_id AND r.device_id = v.device_id)"
    )
    return {key: of_device.format(text) for key, text in registered.items()} | {
        "device": "v.device_id", "status": "v.status", "phase": "v.phase", "type": "v.command_type",
        "by": "v.created_by", "answer": "v.ack_status", "code": _CODE, "id": "v.command_id",
        "link": f"CASE WHEN lower({_STATE}) IN ('online', 'stale', 'offline') THEN lower({_STATE})"
                " ELSE 'unknown' END",
    }  # fmt: skip


def of_devices(fits: str, key: str, shape: Shape) -> str:
    """Return SQL for whether a command's device fits; devices are looked up once, not per command."""
    join = template_join(shape) if key == "model" else ""
    state = "public.device_state s WHERE s.tenant_id = $1"
    devices = state if key == "link" else f"public.device_registry r{join} WHERE r.tenant_id = $1"
    return f"v.device_id IN (SELECT {'s' if key == 'link' else 'r'}.device_id FROM {devices} AND {fits})"  # noqa: S608


def _templates(shape: Shape) -> tuple[str, ...]:
    wanted = ("name", "slug") if shape.has_templates else ()
    return tuple(f"g.{name}" for name in wanted if shape.has("device_templates", name))


def _groups(shape: Shape) -> tuple[str, ...]:
    return ("g.group_id", "g.name") if has_listed_groups(shape) or has_dynamic_groups(shape) else ()


def _tags(shape: Shape) -> tuple[str, ...]:
    return ("g.tag",) if shape.has("device_tags", "tag") else ()


# The keys with several values: the columns that a condition reads, and the SQL for whether one fits.
_MANY: dict[str, tuple[Callable[[Shape], tuple[str, ...]], Callable[[str, str, Shape], str]]] = {
    "tag": (_tags, lambda of, fits, _: _TAG.format(of=of, fits=fits)),
    "template": (_templates, lambda of, fits, _: _TEMPLATE.format(of=of, fits=fits)),
    "group": (_groups, in_group),
    "batch": (lambda _: ("b.batch_id",), lambda of, fits, _: _BATCH.format(of=of, fits=fits)),
}


def many_columns(key: str, shape: Shape) -> tuple[str, ...]:
    """Return the columns that a condition on a key with several values reads; empty if there are none."""
    return _MANY[key][0](shape)


def many(key: str, fits: str, scope: Scope, shape: Shape) -> str:
    """Return the SQL for whether one of the values of a key fits."""
    return _MANY[key][1](OWNERS[scope], fits, shape)


def every_key(scope: Scope) -> frozenset[str]:
    """Return all keys of a list that have SQL: a test compares them with those of the domain."""
    several = _MANY if scope in {Scope.DEVICES, Scope.COMMANDS} else ()
    here = {key for key in several if scope is Scope.COMMANDS or key != "batch"}
    return frozenset({*_columns(scope, BARE), *INSTANTS[scope], *here})


def everything(scope: Scope, shape: Shape) -> str:
    """Return the columns in which plain words are searched."""
    if scope is Scope.COMMANDS:
        return "v.device_id, v.command_type, v.phase, v.created_by, v.ack_status, v.command_id"
    if scope is Scope.PROBLEMS:
        return "p.kind, p.device_id, p.command_id, p.detail"
    if scope is Scope.BATCHES:
        return "b.command_type, b.target, b.created_by, b.stopped_by, b.retry_of, b.batch_id"
    facts = ", ".join(fact(name, shape) for name in ("name", "manufacturer"))
    known = (
        f"{fact('model', shape)}, {fact('fw_version', shape)}, {STATE}, {facts}, {template('name', shape)}"
    )
    return f"r.device_id, {_LINK.format(s='s')}, r.site_id, {known}"


def joins(wanted: Filter, shape: Shape, *, of_template: bool = False) -> str:
    """Return the joins that a statement over devices needs for this filter: template, newest command.

    `of_template`: it reads the template for something else, too.
    """
    if wanted.scope is not Scope.DEVICES:
        return ""
    asks = of_template or any(
        isinstance(term, Word) or (isinstance(term, Match) and term.key == "model") for term in wanted.terms
    )
    return (template_join(shape) if asks else "") + (NEWEST if wanted.keys & NEWEST_COMMAND else "")
