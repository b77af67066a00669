"""The twins that care for the set-up: config show, migrate, doctor, ingest-slots, simulate, demo reset."""

import argparse
import asyncio
import signal
from dataclasses import replace

from console.demo.scale import seed_history
from console.embedded.servers import reset
from console.errors import UsageError
from console.runtime.addresses import database_access
from console.runtime.logs import log_to_stderr
from console.runtime.servers import is_embedded, open_servers
from console.runtime.simulation import simulate_tenant
from console.settings import Configuration, Settings
from console.shell import output
from console.shell.doctor.examine import examine
from console.store.changes import deployment, set_ingest_slots
from console.store.pool import Database
from console.store.schema.migrate import migrate


async def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run one of the commands that open the database themselves."""
    if options.command == "migrate":
        return await _migrate(settings, as_json=options.json, platform_tables=options.create_platform_tables)
    if options.command == "doctor":
        return await examine(settings, as_json=options.json, probe=options.probe)
    if options.command == "ingest-slots":
        return await _ingest_slots(options, settings)
    return await _simulate(options, settings)


def show_configuration(configuration: Configuration, *, as_json: bool) -> int:
    """Print every value with its origin; secrets are masked."""
    if as_json:
        for origin in configuration.origins:
            output.print_json({"name": origin.name, "value": origin.value, "origin": origin.origin})
    else:
        output.print_table(
            ["NAME", "VALUE", "ORIGIN"], [[o.name, o.shown or "-", o.origin] for o in configuration.origins]
        )
    return 0


def reset_demo(settings: Settings) -> int:
    """Delete the embedded servers' data.

    Raises:
        BusyError: another process uses them.
    """
    gone = reset(settings.home_folder)
    output.say("the demo data is deleted; the next start makes new" if gone else "there was no demo data")
    return 0


async def _migrate(settings: Settings, *, as_json: bool, platform_tables: bool) -> int:
    if is_embedded(settings):
        if not settings.embedded:
            raise UsageError("migrate needs a database: set DATABASE_URL (embedded ones migrate themselves).")
        async with open_servers(settings):
            output.say("the embedded database is up to date")
        return 0
    if settings.database_url is None:
        raise UsageError("migrate needs a database: set DATABASE_URL.")
    access = database_access(settings, settings.database_url.get_secret_value())
    steps = await migrate(access, platform_tables=platform_tables)
    for step in steps:
        name = step.migration.label
        if as_json:
            output.print_json({"migration": name, "action": step.action, "notes": list(step.notes)})
        else:
            print(f"{step.action:8} {name}")
            for note in step.notes:
                output.say(f"         {note}")
    return 0


async def _ingest_slots(options: argparse.Namespace, settings: Settings) -> int:
    """Show or set how many processes may share the acknowledgements; running ones follow within seconds."""
    if options.slots is not None and settings.read_only:
        raise UsageError("ingest-slots changes the deployment and --read-only forbids changes.")
    async with open_servers(settings, needs_broker=False) as servers:
        database = Database(servers.access, max_size=1)
        try:
            await database.open()
            if options.slots is not None:
                await set_ingest_slots(database, options.slots)
            found = await deployment(database)
        finally:
            await database.close()
    print(found.slots)
    output.say(
        f"up to {found.slots} {'process shares' if found.slots == 1 else 'processes share'} "
        "the acknowledgements"
    )
    return 0


async def _seed_history(options: argparse.Namespace, settings: Settings) -> int:
    """Fill a tenant of the embedded database with a big settled history."""
    if not is_embedded(settings):
        raise UsageError("--seed-history invents rows: it only fills the embedded database, see --embedded.")
    tenant_id = settings.tenants[0] if settings.tenants else "scale"
    async with open_servers(settings) as servers:
        if servers.own is None:
            raise UsageError("The embedded database did not start.")
        owner = replace(servers.access, url=servers.own.addresses.database_url)
        database = Database(owner, max_size=1)
        try:
            await database.open()
            added = await seed_history(
                database, tenant_id, devices=options.devices, commands=options.seed_history,
                progress=lambda done, wanted: output.say(f"{done:,} of {wanted:,}"),
            )  # fmt: skip
        finally:
            await database.close()
    output.say(
        f"{tenant_id} has {options.devices:,} devices; {added:,} commands added. "
        f"Look at it with: device-console --embedded --tenant {tenant_id}"
    )
    return 0


async def _simulate(options: argparse.Namespace, settings: Settings) -> int:
    if options.seed_history is not None:
        return await _seed_history(options, settings)
    if not is_embedded(settings) and not options.answer_real_commands:
        raise UsageError(
            "Simulated devices would answer real commands of this database: give --embedded for the demo "
            "servers, or --answer-real-commands if that is what you want."
        )
    log_to_stderr()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_servers(settings) as servers:
        tenant_id = settings.tenants[0] if settings.tenants else "demo"
        async with simulate_tenant(servers, tenant_id, options.devices):
            output.say(f"simulating up to {options.devices} devices of {tenant_id}; Ctrl-C ends")
            await stop.wait()
    return 0
