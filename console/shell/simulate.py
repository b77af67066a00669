"""``simulate``: a simulated fleet over MQTT, or a large invented history."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.domain.text.counts import counted
from console.errors import UsageError
from console.exit_codes import ExitCode
from console.shell import output
from console.shell.arguments import count, number
from console.shell.verb import Setup

if TYPE_CHECKING:
    from console.settings import Configuration, Settings

_MOST_COMMANDS = 1_000_000_000


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--devices", type=count, default=250, help="number of simulated devices (default 250)"
    )
    parser.add_argument(
        "--seed-history", type=lambda text: number(text, _MOST_COMMANDS), metavar="COMMANDS",
        help="instead of simulating, add this many ended commands to the demo database",
    )  # fmt: skip
    parser.add_argument(
        "--answer-real-commands",
        action="store_true",
        help="allow this on a configured database, whose commands the simulated devices then answer",
    )


async def _simulate(options: argparse.Namespace, configuration: Configuration) -> int:
    """Answer as devices until Ctrl-C."""
    import asyncio
    import signal

    from console.runtime.logs import log_to_stderr
    from console.runtime.servers import DEMO_TENANTS, is_embedded, open_servers
    from console.runtime.simulation import simulate_tenant

    settings = configuration.settings
    if options.seed_history is not None:
        return await _seed_history(options, settings)
    if not is_embedded(settings) and not options.answer_real_commands:
        raise UsageError(
            "Simulated devices would answer real commands of this database: give --embedded for the demo "
            "servers, or --answer-real-commands if that is what you want."
        )
    log_to_stderr()
    stop = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    async with open_servers(settings) as servers:
        tenant_id = settings.tenants[0] if settings.tenants else DEMO_TENANTS[0]
        async with simulate_tenant(servers, tenant_id, options.devices):
            output.say(f"simulating up to {counted(options.devices, 'device')} of {tenant_id}; Ctrl-C ends")
            await stop.wait()
    return ExitCode.OK


async def _seed_history(options: argparse.Namespace, settings: Settings) -> int:
    """Fill a tenant of the embedded database with a large settled history."""
    from dataclasses import replace

    from console.demo.scale import seed_history
    from console.runtime.servers import is_embedded, open_servers
    from console.store.pool import Database

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
        f"{tenant_id} has {counted(options.devices, 'device')}; {counted(added, 'command')} added. "
        f"Look at it with: device-console --embedded --tenant {tenant_id}"
    )
    return ExitCode.OK


VERB = Setup(
    name="simulate",
    example="device-console simulate --embedded --devices 50",
    for_host=True,
    arguments=_arguments,
    run=_simulate,
    changes="answers commands and writes rows",
)
