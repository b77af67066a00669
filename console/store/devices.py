"""Devices of one tenant as the platform knows them, with their newest command."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from console.domain.devices import Device, DeviceCounts, DeviceOrder, Link
from console.domain.filters import Filter
from console.domain.tenants import Tenant
from console.store.commands import command_of
from console.store.filter_sql import conditions, newest_command
from console.store.pool import Database
from console.store.sql import query

_ORDERS = {
    DeviceOrder.DEVICE: "",
    DeviceOrder.LINK: "array_position(ARRAY['offline', 'stale', 'online'], lower(s.status)) NULLS FIRST, ",
    DeviceOrder.SEEN: "s.last_seen_at DESC NULLS LAST, ",
    DeviceOrder.SITE: "r.site_id, ",
}


class DeviceStore:
    """Reads registry, state and tags as the operator role; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_tags = True

    async def index(self, tenant_id: str, wanted: Filter, order: DeviceOrder) -> list[str]:
        """The ids of every device that the filter matches, in this order."""
        return (await self.changed_index(tenant_id, wanted, order, None))[0] or []

    async def changed_index(
        self, tenant_id: str, wanted: Filter, order: DeviceOrder, known: int | None
    ) -> tuple[list[str] | None, int]:
        """The ids with their digest; None for the ids when `known` is their digest."""
        sql, parameters = _listed("devices_index", wanted, order, 2)
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(sql, tenant_id, known, *parameters)
        return row["ids"], row["digest"]

    async def head(self, tenant_id: str, wanted: Filter, order: DeviceOrder, limit: int) -> list[str]:
        """The first of these ids."""
        sql, parameters = _listed("devices_head", wanted, order, 2)
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(sql, tenant_id, limit, *parameters)
        return [row["device_id"] for row in rows]

    async def fitting(self, tenant_id: str, wanted: Filter, device_ids: Sequence[str]) -> list[str]:
        """Those of these devices that the filter matches, in the order given."""
        sql, parameters = _listed("devices_fitting", wanted, DeviceOrder.DEVICE, 2)
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(sql, tenant_id, list(device_ids), *parameters)
        return [row["device_id"] for row in rows]

    async def page(self, tenant_id: str, device_ids: Sequence[str]) -> tuple[Device, ...]:
        """The devices on screen in full, in no particular order."""
        ids, tags = list(device_ids), dict[str, tuple[str, ...]]()
        async with self._database.tenant_session(tenant_id) as connection:
            rows = await connection.fetch(query("devices_page"), tenant_id, ids)
            if self._has_tags:
                try:
                    tagged = await connection.fetch(query("device_tags"), tenant_id, ids)
                except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
                    self._has_tags = False  # not every platform has that table; the transaction only read
                else:
                    tags = {row["device_id"]: tuple(row["tags"]) for row in tagged}
        return tuple(_device(row, tags.get(row["device_id"], ())) for row in rows)

    async def words(self, tenant_id: str) -> dict[str, tuple[str, ...]]:
        """What occurs in this tenant by filter key, the most frequent first: site, model, fw, tag, group."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("filter_words"), tenant_id)
        return {key: tuple(values) for key, values in row.items()}

    async def counts(self, tenant_id: str) -> DeviceCounts:
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("device_counts"), tenant_id)
        known = row["online"] + row["stale"] + row["offline"]
        return DeviceCounts(row["total"], row["online"], row["stale"], row["offline"], row["total"] - known)

    async def tenant(self, tenant_id: str) -> Tenant | None:
        """The tenant's own row, or None when it does not exist."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("tenants_named"), tenant_id)
        return Tenant(row["tenant_id"], row["name"], row["status"]) if row else None


def _listed(name: str, wanted: Filter, order: DeviceOrder, used: int) -> tuple[str, list[object]]:
    terms = conditions(wanted, used)
    sql = query(name).replace("/*newest*/", newest_command(wanted))
    sql = sql.replace("/*where*/", terms.sql).replace("/*order*/", _ORDERS[order])
    return sql, terms.parameters


def link_of(word: str | None) -> Link:
    """The platform's word for a device's link; one that is not known counts as unknown."""
    try:
        return Link(word or "unknown")
    except ValueError:
        return Link.UNKNOWN


def _device(row: Any, tags: tuple[str, ...]) -> Device:
    return Device(
        tenant_id=row["tenant_id"],
        device_id=row["device_id"],
        link=link_of(row["link"]),
        site_id=row["site_id"] or "",
        model=row["model"],
        fw_version=row["fw_version"],
        registry_status=row["registry_status"] or "",
        decommissioned_at=row["decommissioned_at"],
        last_seen_at=row["last_seen_at"],
        tags=tags,
        in_flight=row["in_flight"],
        last_command=command_of(row) if row["command_id"] is not None else None,
    )
