"""The platform's database of the tests is what its catalog tells, and its programs do what they are known to do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from tests.platform import PlatformUrls
from tests.platform.behaviour import USER_ID, api_send, http_ack, http_poll, platform_ack, platform_sweep
from tests.rows import add_command, row_of, status_of


@pytest.fixture
async def sql(platform: PlatformUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(platform.owner)
    yield connection
    await connection.close()


async def test_its_tables_are_guarded_as_the_catalog_says(sql: asyncpg.Connection) -> None:
    rows = await sql.fetch(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner) AS owner,"
        " (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns,"
        " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies"
        " FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    )
    found = {row["relname"]: row for row in rows}
    assert {row["owner"] for row in rows} == {"iot"}
    assert {name for name, row in found.items() if row["relforcerowsecurity"]} == {
        "device_state",
        "device_tags",
    }
    assert {name for name, row in found.items() if not row["relrowsecurity"]} == {
        "schema_migrations",
        "account_tiers",
        "device_plans",
    }
    wanted = {
        "tenants": (25, 5), "device_registry": (39, 3), "device_state": (14, 1), "device_tags": (3, 1),
        "device_groups": (6, 1), "device_group_members": (4, 1), "dynamic_device_groups": (7, 1),
        "device_templates": (16, 4), "template_commands": (9, 3), "audit_log": (18, 1),
        "device_connection_events": (6, 1), "schema_migrations": (3, 0), "device_commands": (12, 1),
    }  # fmt: skip
    assert {name: (found[name]["columns"], found[name]["policies"]) for name in wanted} == wanted


async def test_a_person_sees_its_own_tenant_only(platform: PlatformUrls) -> None:
    person = await asyncpg.connect(platform.person)
    async with person.transaction():
        await person.execute("SET LOCAL ROLE pulse_app; SET LOCAL app.tenant_id = 'acme'")
        assert await person.fetchval("SELECT string_agg(tenant_id, ' ') FROM tenants") == "acme"
        assert (
            await person.fetchval("SELECT count(*) FROM device_registry WHERE device_id LIKE 'pump-%'") == 5
        )
        assert await person.fetchval("SELECT count(*) FROM device_state WHERE tenant_id <> 'acme'") == 0
        keys = await person.fetch(
            "SELECT command_key FROM template_commands ORDER BY template_id, sort_order"
        )
        assert [row["command_key"] for row in keys] == [
            "reboot",
            "set_interval",
            "factory_reset",
            "stop_pump",
        ]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await person.execute(
                "INSERT INTO audit_log (event_type, category, action, message, source_service)"
                " VALUES ('x', 'device', 'x', 'x', 'x')"
            )
    await person.close()


async def test_the_plain_owner_owns_and_may_nothing_more(plain_platform: PlatformUrls) -> None:
    owner = await asyncpg.connect(plain_platform.owner)
    may = "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert await owner.fetchval(may) is False
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0
    assert await owner.fetchval("SELECT count(*) FROM device_registry") == 9
    assert await owner.fetchval("SELECT count(*) FROM device_state") == 0, (
        "it is forced, and for pulse_app only"
    )
    await owner.close()


async def test_the_apis_write_back_undoes_an_answer(sql: asyncpg.Connection) -> None:
    async def answered_at_once(_topic: str, payload: bytes) -> None:
        command_id = await sql.fetchval("SELECT $1::json ->> 'command_id'", payload.decode())
        assert await platform_ack(sql, "acme", "pump-1", command_id, bridged_at=1.5)
        assert await status_of(sql, command_id) == "delivered"

    command_id = await api_send(sql, answered_at_once, "acme", "pump-1", "ping")
    row = await row_of(sql, command_id)
    assert (row["status"], row["created_by"]) == ("queued", USER_ID)
    assert row["published_at"] > row["acked_at"]


async def test_its_sweep_and_its_http_side(sql: asyncpg.Connection) -> None:
    past = timedelta(seconds=-1)
    await add_command(sql, "acme", "heard", ttl=past, published=True)
    await add_command(sql, "acme", "unheard", ttl=past)
    await add_command(sql, "acme", "open", age=timedelta(minutes=1))
    await add_command(sql, "acme", "newer")
    await platform_sweep(sql)
    assert [await status_of(sql, c) for c in ("heard", "unheard", "open")] == ["missed", "expired", "queued"]
    assert await http_poll(sql, "acme", "pump-1") == ["open", "newer"]
    assert await http_ack(sql, "acme", "pump-1", "open", status="error")
    assert not await http_ack(sql, "acme", "pump-1", "heard")
    row = await row_of(sql, "open")
    assert (row["status"], row["published_at"]) == ("delivered", None)


async def test_a_changed_state_is_announced_with_the_tenant(sql: asyncpg.Connection) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await sql.add_listener("device_state_changed", lambda *message: heard.put_nowait(message[-1]))
    await sql.execute("UPDATE device_state SET status = 'OFFLINE' WHERE device_id = 'gw-1'")
    assert await asyncio.wait_for(heard.get(), 20) == "acme"


async def test_a_parent_must_exist(sql: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.RaiseError, match="does not exist"):
        await sql.execute("UPDATE device_registry SET parent_device_id = 'gw-9' WHERE device_id = 'pump-1'")
