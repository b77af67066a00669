"""The order of a list of devices as SQL, over r and s of the statements that list them.

Decided in docs/decisions/0090-columns-by-worth.md
"""

from console.domain.devices import NOT_OK, RECENT, DeviceOrder, Sort
from console.store.registry_sql import fact, parent, template
from console.store.shape import Shape

OF_TEMPLATE = frozenset({DeviceOrder.MODEL, DeviceOrder.MANUFACTURER, DeviceOrder.TYPE, DeviceOrder.TEMPLATE})
_LINK = "array_position(ARRAY['offline', 'stale', 'online'], lower(s.status))"
_OF_IT = "w.tenant_id = $1 AND w.device_id = i.device_id"
_RECENT = (
    f"(SELECT count(*) FROM (SELECT w.phase FROM /*command_rows*/ w WHERE {_OF_IT}"  # noqa: S608
    f" ORDER BY w.created_at DESC, w.command_id DESC LIMIT {RECENT}) p"
    f" WHERE p.phase IN ({', '.join(repr(phase.value) for phase in sorted(NOT_OK))}))"
)
_FLIGHT = (
    f"(SELECT count(*) FROM public.device_commands w WHERE {_OF_IT} AND w.status = 'queued'"  # noqa: S608
    " AND w.acked_at IS NULL)"
)
_LAST = (
    f"(SELECT w.created_at FROM public.device_commands w WHERE {_OF_IT}"  # noqa: S608
    " ORDER BY w.created_at DESC LIMIT 1)"
)
_TAG = "(SELECT min(w.tag) FROM public.device_tags w WHERE w.tenant_id = $1 AND w.device_id = i.device_id)"


def order_of(order: Sort, shape: Shape) -> str:
    """Return the terms that stand before the id; none where the order is `looked_up` for each device."""
    if order.looks_up or order == Sort():
        return ""
    values = {
        DeviceOrder.DEVICE: "r.device_id",
        DeviceOrder.LINK: _LINK,
        DeviceOrder.SEEN: "/*seen*/",
        DeviceOrder.SITE: "NULLIF(r.site_id, '')",
        DeviceOrder.NAME: fact("name", shape),
        DeviceOrder.MODEL: fact("model", shape),
        DeviceOrder.FW: fact("fw_version", shape),
        DeviceOrder.MANUFACTURER: fact("manufacturer", shape),
        DeviceOrder.TYPE: fact("device_type", shape),
        DeviceOrder.TEMPLATE: template("name", shape),
        DeviceOrder.PARENT: parent(shape),
    }
    first = "DESC" if (order.by is DeviceOrder.SEEN) != order.reverse else "ASC"
    unknown_first = (order.by is DeviceOrder.LINK) != (order.reverse and order.by in _TURNED)
    return f"{values[order.by]} {first} NULLS {'FIRST' if unknown_first else 'LAST'}, "


_TURNED = frozenset({DeviceOrder.LINK, DeviceOrder.SEEN})  # no value means something: unknown, and never


def looked_up(order: Sort, shape: Shape) -> str:
    """Return the terms over i, the devices to sort, in place of which their own order comes last."""
    values = {
        DeviceOrder.FLIGHT: _FLIGHT,
        DeviceOrder.RECENT: _RECENT,
        DeviceOrder.LAST: _LAST,
        DeviceOrder.TAGS: _TAG if shape.has("device_tags", "tag") else "NULL::text",
    }
    first = "ASC" if (order.by is DeviceOrder.TAGS) != order.reverse else "DESC"
    return f"{values[order.by]} {first} NULLS LAST, "
