"""Devices of one tenant from the platform's tables, with their newest command."""

from collections.abc import Sequence
from typing import Any

from console.domain.commands import Phase
from console.domain.device_groups import DeviceGroups, GroupBy
from console.domain.devices import RECENT, Device, DeviceCounts, Link, Sort
from console.domain.filters.language import Filter
from console.domain.filters.values import MOST, MOST_GROUPS, Group, KnownValues, known_values
from console.domain.tenants import Tenant
from console.store.commands import command_of
from console.store.device_groups import read_groups
from console.store.filter_columns import joins
from console.store.filter_sql import conditions
from console.store.group_sql import groups_statement
from console.store.order_sql import OF_TEMPLATE, looked_up, order_of
from console.store.pool import Connection, Database
from console.store.registry_sql import IN_SERVICE, fact, parent, template, template_join
from console.store.seen_sql import seen, seen_of_all
from console.store.shape import Shape, read_shaped
from console.store.sql import query, with_command_rows


class DeviceStore:
    """Reads registry, state and tags as the operator role; never writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def index(
        self, tenant_id: str, wanted: Filter, order: Sort, *, sendable: bool = False
    ) -> list[str]:
        """Return the ids of every device that the filter matches, in this order.

        Decommissioned ones are included if the filter includes them, but never with `sendable`.
        """
        return (await self._changed(tenant_id, wanted, order, None, sendable=sendable))[0] or []

    async def changed_index(
        self, tenant_id: str, wanted: Filter, order: Sort, known: int | None
    ) -> tuple[list[str] | None, int]:
        """Return the ids with their digest; None in place of the ids if `known` is their digest."""
        return await self._changed(tenant_id, wanted, order, known)

    async def _changed(
        self, tenant_id: str, wanted: Filter, order: Sort, known: int | None, *, sendable: bool = False
    ) -> tuple[list[str] | None, int]:
        async def read(connection: Connection, shape: Shape) -> Any:
            hidden = sendable or not wanted.shows_decommissioned
            of_all = await seen_of_all(connection, tenant_id, wanted, order, shape)
            sql, parameters = _listed("devices_index", wanted, order, shape, of_all, hidden=hidden)
            return await connection.fetchrow(sql, tenant_id, known, *parameters)

        row = await read_shaped(self._database, tenant_id, read)
        return row["ids"], row["digest"]

    async def head(self, tenant_id: str, wanted: Filter, order: Sort, limit: int) -> list[str]:
        """Return the first of these ids, at most `limit`."""

        async def read(connection: Connection, shape: Shape) -> Any:
            hidden = not wanted.shows_decommissioned
            of_all = await seen_of_all(connection, tenant_id, wanted, order, shape)
            sql, parameters = _listed("devices_head", wanted, order, shape, of_all, hidden=hidden)
            return await connection.fetch(sql, tenant_id, limit, *parameters)

        return [row["device_id"] for row in await read_shaped(self._database, tenant_id, read)]

    async def count(self, tenant_id: str, wanted: Filter) -> int:
        """Return how many devices the filter matches, as many as `index` has ids."""

        async def read(connection: Connection, shape: Shape) -> Any:
            order, hidden = Sort(), not wanted.shows_decommissioned
            of_all = await seen_of_all(connection, tenant_id, wanted, order, shape)
            sql, parameters = _listed("devices_count", wanted, order, shape, of_all, hidden=hidden, given=1)
            return await connection.fetchval(sql, tenant_id, *parameters)

        return int(await read_shaped(self._database, tenant_id, read))

    async def fitting(self, tenant_id: str, wanted: Filter, device_ids: Sequence[str]) -> list[str]:
        """Return those of these devices that match the filter, decommissioned or not, in the order given."""

        async def read(connection: Connection, shape: Shape) -> Any:
            order = Sort()
            of_all = await seen_of_all(connection, tenant_id, wanted, order, shape)
            sql, parameters = _listed("devices_fitting", wanted, order, shape, of_all, hidden=False)
            return await connection.fetch(sql, tenant_id, list(device_ids), *parameters)

        return [row["device_id"] for row in await read_shaped(self._database, tenant_id, read)]

    async def ordered(self, tenant_id: str, device_ids: Sequence[str], order: Sort) -> list[str]:
        """Return these devices in an order whose values are looked up for each of them."""
        ids = list(device_ids)

        async def read(connection: Connection, shape: Shape) -> Any:
            sql = query("devices_ordered").replace("/*order*/", looked_up(order, shape))
            return await connection.fetch(with_command_rows(sql), tenant_id, ids)

        return [row["device_id"] for row in await read_shaped(self._database, tenant_id, read)]

    async def page(self, tenant_id: str, device_ids: Sequence[str]) -> tuple[Device, ...]:
        """Return these devices in full, in no particular order."""
        ids = list(device_ids)

        async def read(connection: Connection, shape: Shape) -> tuple[Any, Any]:
            sql = query("devices_page").replace("/*facts*/", _facts(shape)).replace("/*seen*/", seen(shape))
            sql = sql.replace("/*template*/", template_join(shape)).replace("/*recent*/", str(RECENT))
            rows = await connection.fetch(sql, tenant_id, ids)
            has_tags = shape.has("device_tags", "tag")  # not every platform has that table
            return rows, await connection.fetch(query("device_tags"), tenant_id, ids) if has_tags else ()

        rows, tagged = await read_shaped(self._database, tenant_id, read)
        tags = {row["device_id"]: tuple(row["tags"]) for row in tagged}
        return tuple(_device(row, tags.get(row["device_id"], ())) for row in rows)

    async def known_values(self, tenant_id: str) -> KnownValues:
        """Return the values that occur in this tenant by filter key, and groups that cannot be evaluated."""

        async def read(connection: Connection, shape: Shape) -> tuple[Any, Any]:
            words = await connection.fetchrow(_words(shape), tenant_id, MOST)
            groups = groups_statement(shape)
            return words, await connection.fetch(groups, tenant_id, MOST_GROUPS) if groups else ()

        words, groups = await read_shaped(self._database, tenant_id, read)
        return known_values(
            {key: tuple(found) for key, found in words.items()},
            [Group(row["group_id"], row["name"] or "", can_be_evaluated=row["is_known"]) for row in groups],
        )

    async def counts(self, tenant_id: str) -> DeviceCounts:
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("device_counts"), tenant_id)
        known = row["online"] + row["stale"] + row["offline"]
        return DeviceCounts(
            row["total"], row["online"], row["stale"], row["offline"], row["total"] - known,
            row["decommissioned"],
        )  # fmt: skip

    async def groups(
        self, tenant_id: str, by: GroupBy, device_ids: Sequence[str] | None, most_looked: int
    ) -> DeviceGroups:
        """Return these devices, or all in service, by group; look at the ends of at most `most_looked`."""

        async def read(connection: Connection, shape: Shape) -> DeviceGroups:
            return await read_groups(connection, shape, tenant_id, by, device_ids, most_looked)

        return await read_shaped(self._database, tenant_id, read)

    async def tenant(self, tenant_id: str) -> Tenant | None:
        """Return the tenant's own row, or None if it does not exist."""
        async with self._database.tenant_session(tenant_id) as connection:
            row = await connection.fetchrow(query("tenants_named"), tenant_id)
        return Tenant(row["tenant_id"], row["name"], row["status"]) if row else None


def _listed(
    name: str, wanted: Filter, order: Sort, shape: Shape, of_all: str, *, hidden: bool, given: int = 2
) -> tuple[str, list[object]]:
    """Return the statement with its further parameters; `of_all` is the SQL for when a device was last seen.

    `hidden` leaves out decommissioned devices. `given` is how many parameters it has without the filter's.
    """
    terms = conditions(wanted, given, shape=shape, seen=of_all)
    where = terms.sql + (f"\n  AND {IN_SERVICE}" if hidden else "")
    sql = query(name).replace("/*joins*/", joins(wanted, shape, of_template=order.by in OF_TEMPLATE))
    sql = sql.replace("/*where*/", where).replace("/*order*/", order_of(order, shape))
    return sql.replace("/*seen*/", of_all), terms.parameters


def _facts(shape: Shape) -> str:
    named = {
        **{
            name: fact(name, shape) for name in ("model", "fw_version", "name", "manufacturer", "device_type")
        },
        "parent_id": parent(shape),
        "template": template("name", shape),
        "template_slug": template("slug", shape),
    }
    return ", ".join(f"{text} AS {name}" for name, text in named.items())


def _words(shape: Shape) -> str:
    tags = "SELECT NULL::text LIMIT 0"
    if shape.has("device_tags", "tag"):
        tags = "SELECT tag FROM public.device_tags WHERE tenant_id = $1 GROUP BY 1 ORDER BY count(*) DESC, 1"
        tags += " LIMIT $2"
    sql = query("filter_words")
    for place, text in (
        ("model", fact("model", shape)), ("fw", fact("fw_version", shape)), ("name", fact("name", shape)),
        ("template", template("name", shape)), ("slug", template("slug", shape)),
        ("parent", parent(shape)), ("join", template_join(shape)), ("tags", tags),
    ):  # fmt: skip
        sql = sql.replace(f"/*{place}*/", text)
    return sql


def link_of(word: str | None) -> Link:
    """Return the link for the platform's word; an unexpected word is `Link.UNKNOWN`."""
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
        own_model=row["own_model"] or "",
        name=row["name"],
        manufacturer=row["manufacturer"],
        device_type=row["device_type"],
        template=row["template"],
        template_slug=row["template_slug"],
        parent_id=row["parent_id"],
        fw_version=row["fw_version"],
        registry_status=row["registry_status"] or "",
        decommissioned_at=row["decommissioned_at"],
        decommissioned=row["decommissioned"],
        last_seen_at=row["last_seen_at"],
        tags=tags,
        in_flight=row["in_flight"],
        recent=tuple(map(Phase, row["recent"])),
        last_command=command_of(row) if row["command_id"] is not None else None,
    )
