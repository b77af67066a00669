"""A tenant's devices by group, with the sums of each, read by one statement.

Decided in docs/decisions/0091-group-rows.md
"""

from collections.abc import Sequence

from console.domain.commands import Phase
from console.domain.device_groups import DeviceGroup, DeviceGroups, GroupBy
from console.domain.devices import RECENT, DeviceCounts
from console.store.pool import Connection
from console.store.registry_sql import IN_SERVICE, fact, template, template_join
from console.store.shape import Shape
from console.store.sql import query


async def read_groups(
    connection: Connection,
    shape: Shape,
    tenant_id: str,
    by: GroupBy,
    device_ids: Sequence[str] | None,
    most_looked: int,
) -> DeviceGroups:
    """Part these devices, or all in service; look at the last ends of at most `most_looked`."""
    ids = None if device_ids is None else list(device_ids)
    rows = await connection.fetch(_statement(by, shape), tenant_id, ids, most_looked)
    groups: dict[str, DeviceGroup] = {}
    of: dict[str, str] = {}
    for row in rows:
        value, known = row["value"], row["online"] + row["stale"] + row["offline"]
        counts = DeviceCounts(
            row["total"], row["online"], row["stale"], row["offline"], row["total"] - known
        )  # fmt: skip
        ended = {phase: row[phase.value] for phase in (Phase.OK, Phase.FAILED, Phase.MISSED, Phase.EXPIRED)}
        groups[value] = DeviceGroup(value, counts, row["flight"], ended)
        of.update(dict.fromkeys(row["ids"], value))
    return DeviceGroups(by, groups, of, sum(row["looked"] for row in rows))


def _statement(by: GroupBy, shape: Shape) -> str:
    value = {
        GroupBy.SITE: "r.site_id",
        GroupBy.MODEL: fact("model", shape),
        GroupBy.FW: fact("fw_version", shape),
        GroupBy.TEMPLATE: template("name", shape),
    }[by]
    joins = template_join(shape) if by in {GroupBy.MODEL, GroupBy.TEMPLATE} else ""
    sql = query("devices_grouped").replace("/*value*/", value).replace("/*joins*/", joins)
    return sql.replace("/*in_service*/", IN_SERVICE).replace("/*recent*/", str(RECENT))
