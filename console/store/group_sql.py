"""Membership of groups as SQL: listed members, and those that match the filter of a dynamic group.

``{of}`` is the device or the command, ``{fits}`` a condition on the group g, $1 the tenant. The members of
a group are found once for a statement, not for each of its rows.
"""

from console.store.shape import Shape

_MEMBERS = (
    "{of}.device_id IN (SELECT m.device_id FROM public.device_group_members m JOIN public.device_groups g"
    " ON g.tenant_id = m.tenant_id AND g.group_id = m.group_id WHERE m.tenant_id = $1 AND {fits})"
)
# A filter of any other form cannot be evaluated, and then matches nothing: never everything.
RULE_IS_KNOWN = (
    "CASE WHEN jsonb_typeof(g.query_filter) = 'object'"
    " THEN g.query_filter - ARRAY['status', 'tags', 'site_id'] = '{{}}'"
    " AND COALESCE(jsonb_typeof(g.query_filter -> 'site_id'), 'string') = 'string'"
    " AND COALESCE(jsonb_typeof(g.query_filter -> 'status'), 'string') = 'string'"
    " AND COALESCE(upper(g.query_filter ->> 'status') IN"
    " ('ONLINE', 'STALE', 'OFFLINE', 'ACTIVE', 'INACTIVE', 'SUSPENDED'), true)"
    " AND COALESCE(jsonb_typeof(g.query_filter -> 'tags'), 'array') IN ('array', 'string')"
    " AND NOT COALESCE(g.query_filter @? 'strict $.tags[*] ? (@.type() != \"string\")', false)"
    " ELSE false END"
)
_TAGGED = (
    " AND NOT EXISTS (SELECT FROM jsonb_path_query(g.query_filter, '$.tags[*]') w(tag) WHERE NOT EXISTS"
    " (SELECT FROM public.device_tags y WHERE y.tenant_id = x.tenant_id AND y.device_id = x.device_id"
    " AND y.tag = w.tag #>> '{{}}'))"
)
_RULE = (
    f"CASE WHEN {RULE_IS_KNOWN} THEN"
    " COALESCE(g.query_filter ->> 'site_id' = x.site_id, true)"
    " AND CASE WHEN g.query_filter -> 'status' IS NULL THEN true"
    " WHEN upper(g.query_filter ->> 'status') IN ('ACTIVE', 'INACTIVE', 'SUSPENDED')"
    " THEN upper(x.status) = upper(g.query_filter ->> 'status')"
    " ELSE EXISTS (SELECT FROM public.device_state y WHERE y.tenant_id = x.tenant_id"
    " AND y.device_id = x.device_id AND upper(y.status) = upper(g.query_filter ->> 'status')) END"
    "{tagged} ELSE false END"
)
_FOUND = (
    "{of}.device_id IN (SELECT x.device_id FROM public.dynamic_device_groups g JOIN public.device_registry x"
    " ON x.tenant_id = g.tenant_id WHERE g.tenant_id = $1 AND {fits} AND {rule})"
)
_TAGLESS = " AND g.query_filter -> 'tags' IS NULL"


def has_listed_groups(shape: Shape) -> bool:
    return shape.has("device_groups", "group_id", "name") and shape.has("device_group_members", "group_id")


def has_dynamic_groups(shape: Shape) -> bool:
    return shape.has("dynamic_device_groups", "tenant_id", "group_id", "name", "query_filter")


def in_group(of: str, fits: str, shape: Shape) -> str:
    """Return the SQL for whether `of` is in a group that fits."""
    found = []
    if has_listed_groups(shape):
        found.append(_MEMBERS.format(of=of, fits=fits))
    if has_dynamic_groups(shape):
        rule = _RULE.format(tagged=_TAGGED.format() if shape.has("device_tags", "tag") else _TAGLESS)
        found.append(_FOUND.format(of=of, fits=fits, rule=rule))
    return f"({' OR '.join(found)})"


def groups_statement(shape: Shape) -> str:
    """Return SQL for at most $2 groups of tenant $1 and whether their members are known; "" without any."""
    parts = []
    if has_listed_groups(shape):
        parts.append(
            "SELECT g.group_id, g.name, true AS is_known FROM public.device_groups g WHERE g.tenant_id = $1"
        )
    if has_dynamic_groups(shape):
        known = RULE_IS_KNOWN.format() + ("" if shape.has("device_tags", "tag") else _TAGLESS)
        parts.append(
            f"SELECT g.group_id, g.name, {known} AS is_known"  # noqa: S608
            " FROM public.dynamic_device_groups g WHERE g.tenant_id = $1"
        )
    return f"{' UNION ALL '.join(parts)} ORDER BY 1 LIMIT $2" if parts else ""
