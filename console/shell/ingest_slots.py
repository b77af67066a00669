"""``ingest-slots``: how many processes may share the acknowledgements."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.exit_codes import ExitCode
from console.limits import MAX_INGEST_SLOTS
from console.shell import output
from console.shell.arguments import number
from console.shell.verb import Setup

if TYPE_CHECKING:
    from console.settings import Configuration


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "slots",
        type=lambda text: number(text, MAX_INGEST_SLOTS),
        nargs="?",
        help="the new number; without it, the current one is shown",
    )


async def _ingest_slots(options: argparse.Namespace, configuration: Configuration) -> int:
    """Show or set how many processes may share the acknowledgements; running ones follow within seconds."""
    from console.runtime.servers import open_servers
    from console.store.changes import deployment, set_ingest_slots
    from console.store.pool import Database

    async with open_servers(configuration.settings, needs_broker=False) as servers:
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
    return ExitCode.OK


VERB = Setup(
    name="ingest-slots",
    example="device-console ingest-slots 4",
    for_host=True,
    arguments=_arguments,
    run=_ingest_slots,
    changes="changes the deployment",
    changes_when=lambda options: options.slots is not None,
)
