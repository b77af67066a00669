"""When a device was last seen, as one SQL expression: by its state, an answer or a connection event."""

from console.domain.devices import SEEN_IN_FULL, DeviceOrder, Sort
from console.domain.filters.language import Filter
from console.store.pool import Connection
from console.store.shape import Shape

STATE_ONLY = "s.last_seen_at"
_ANSWER = (
    "(SELECT max(a.acked_at) FROM (SELECT c.acked_at FROM public.device_commands c"
    " WHERE c.tenant_id = {tenant} AND c.device_id = {device} ORDER BY c.created_at DESC LIMIT 20) a)"
)
_EVENT = (
    '(SELECT e."timestamp" FROM public.device_connection_events e WHERE e.tenant_id = {tenant}'
    ' AND e.device_id = {device} ORDER BY e."timestamp" DESC LIMIT 1)'
)
_COUNT = "SELECT count(*) FROM (SELECT FROM public.device_registry r WHERE r.tenant_id = $1 LIMIT $2) n"


def seen(
    shape: Shape, *, tenant: str = "r.tenant_id", device: str = "r.device_id", state: str = STATE_ONLY
) -> str:
    """Return SQL for the latest of all signs of life of the device; NULL if there never was one.

    `state` is the expression of the state's own instant. Answers are searched in the 20 newest commands.
    """
    signs = [state, _ANSWER.format(tenant=tenant, device=device)]
    if shape.has_events:
        signs.append(_EVENT.format(tenant=tenant, device=device))
    return f"GREATEST({', '.join(f'device_console.shown({sign})' for sign in signs)})"


async def seen_of_all(
    connection: Connection, tenant_id: str, wanted: Filter, order: Sort, shape: Shape
) -> str:
    """Return SQL to sort or filter a whole list by: all signs of life; in a large fleet only the state's."""
    if order.by is not DeviceOrder.SEEN and "seen" not in wanted.keys:
        return STATE_ONLY
    fleet = int(await connection.fetchval(_COUNT, tenant_id, SEEN_IN_FULL + 1))
    return STATE_ONLY if fleet > SEEN_IN_FULL else seen(shape)
