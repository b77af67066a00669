"""The command catalogue: read where the database has one, done without everywhere else."""

import json

import asyncpg

from console.runtime.program import Program
from console.store.access import Access
from console.store.catalogue import LONGEST_SCHEMA
from console.store.schema.migrate import migrate
from tests.conftest import Fleet
from tests.platform import PlatformUrls
from tests.rows import add_command

REBOOT = {"type": "object", "properties": {"delay_s": {"type": "integer"}}}


async def add_entry(
    owner: asyncpg.Connection, template_id: int, key: str, *, params: str | None = None
) -> None:
    await owner.execute(
        "INSERT INTO template_commands (template_id, command_key, display_name, parameters_schema, response_schema)"
        " VALUES ($1, $2, $2, $3, '{\"required\": [\"n\"]}')", template_id, key, params,
    )  # fmt: skip


async def give(
    owner: asyncpg.Connection, template_id: int, *device_ids: str, tenant_id: str = "acme"
) -> None:
    await owner.execute(
        "UPDATE device_registry SET template_id = $1 WHERE tenant_id = $3 AND device_id = ANY ($2)",
        template_id, list(device_ids), tenant_id,
    )  # fmt: skip


async def test_what_the_models_of_some_devices_list_is_read_with_their_numbers(
    program: Program, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the tenant in its WHERE, a device of another tenant with the same id is counted, too."""
    await add_entry(owner, 1, "reboot", params=json.dumps(REBOOT))
    await add_entry(owner, 1, "ping", params=json.dumps({"description": "x" * LONGEST_SCHEMA}))
    await add_entry(owner, 2, "reboot", params=json.dumps(REBOOT))
    await give(owner, 1, "pump-1", "pump-2")
    await give(owner, 2, "pump-3")
    await give(owner, 1, "pump-1", tenant_id="rival")
    found = await program.catalogues.of_devices("acme", ("pump-1", "pump-2", "pump-3", "pump-4", "nobody"))
    assert found.types == ("ping", "reboot")
    assert dict(found.devices) == {"1": 2, "2": 1}
    reboot = found.listing("reboot")
    assert reboot.agreed is not None
    assert json.loads(reboot.agreed.params_schema or "") == REBOOT
    assert (found.listing("ping").lacking, found.entries[0].params_schema) == (1, None)
    assert not await program.catalogues.of_devices("acme", ("pump-4",))


async def test_the_answer_of_a_command_is_judged_where_it_is_read(
    program: Program, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    await add_entry(owner, 1, "ping")
    await give(owner, 1, "pump-1")
    for command_id, details in (("fits", {"n": 1}), ("odd", {"m": 1})):
        await add_command(owner, "acme", command_id, status="delivered", published=True)
        await owner.execute(
            "UPDATE device_commands SET acked_at = now(), ack_details = $2 WHERE command_id = $1",
            command_id, json.dumps({"status": "ok", "details": details}),
        )  # fmt: skip
    await add_command(owner, "acme", "waiting")
    verdicts = [await program.history.command("acme", name) for name in ("fits", "odd", "waiting")]
    assert [v.answer_verdict if v else "?" for v in verdicts] == ["", "'n' is a required property", None]


async def test_a_database_whose_catalogue_is_missing_or_closed_is_done_without(
    program: Program, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without that, a platform that has no such table yet could not send at all."""
    await owner.execute("DROP TABLE template_commands")
    assert not await program.catalogues.of_devices("acme", ("pump-1",))
    await owner.execute("ALTER TABLE device_registry DROP COLUMN template_id")
    assert not await program.catalogues.of_devices("acme", ("pump-1",))


async def test_a_registry_that_is_not_ours_gets_no_column(empty_url: str) -> None:
    """Without the condition in its migration, the platform's own table would be altered."""
    owner = await asyncpg.connect(empty_url)
    await owner.execute(
        "CREATE TABLE device_registry (tenant_id text NOT NULL, device_id text NOT NULL, site_id text NOT NULL,"
        " status text NOT NULL DEFAULT 'ACTIVE', created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz"
        " NOT NULL DEFAULT now(), metadata jsonb NOT NULL DEFAULT '{}', latitude double precision, longitude double"
        " precision, address text, mac_address text, imei text, iccid text, serial_number text, model text,"
        " manufacturer text, hw_revision text, fw_version text, notes text, device_type text, decommissioned_at"
        " timestamptz, PRIMARY KEY (tenant_id, device_id))"
    )
    await migrate(Access(empty_url), platform_tables=True)
    columns = await owner.fetchval(
        "SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = 'device_registry'::regclass AND attnum > 0"
    )
    assert "template_id" not in columns
    assert await owner.fetchval("SELECT to_regclass('template_commands')") is None
    await owner.close()


async def test_a_catalogue_is_offered_in_its_order_with_what_it_says_of_each_command(
    platform_program: Program,
) -> None:
    """Without sort_order, factory_reset stands first; without the description its warning is never read."""
    found = await platform_program.catalogues.of_devices("acme", ("gw-1", "gw-2"))
    assert found.types == ("reboot", "set_interval", "factory_reset")
    assert "This cannot be undone." in found.listing("factory_reset").description
    assert [entry.danger for entry in found.entries] == [None, None, None]


async def test_only_true_and_false_are_a_flag_of_the_catalogue(
    platform_program: Program, platform: PlatformUrls
) -> None:
    owner = await asyncpg.connect(platform.owner)
    await owner.execute(
        "UPDATE template_commands SET parameters_schema = (ARRAY['{\"x-dangerous\": false}', '{\"x-dangerous\": 1}',"
        " '{\"x-dangerous\": true}'])[sort_order]::jsonb WHERE template_id = (SELECT id FROM device_templates WHERE"
        " slug = 'industrial-gateway')"
    )
    found = await platform_program.catalogues.of_devices("acme", ("gw-1",))
    assert [entry.danger for entry in found.entries] == [False, None, True]
    await owner.close()


async def test_a_catalogue_that_appears_or_changes_while_the_program_runs_is_read(
    program: Program, fleet: Fleet, owner: asyncpg.Connection
) -> None:
    """Without the second look, a column that went away ends every sheet until the program is started anew."""
    await add_entry(owner, 1, "ping")
    await give(owner, 1, "pump-1")
    assert (await program.catalogues.of_devices("acme", ("pump-1",))).types == ("ping",)
    await owner.execute("ALTER TABLE template_commands DROP COLUMN sort_order, DROP COLUMN description")
    assert (await program.catalogues.of_devices("acme", ("pump-1",))).types == ("ping",)
    await owner.execute("REVOKE SELECT ON template_commands FROM pulse_app")
    assert not await program.catalogues.of_devices("acme", ("pump-1",))
